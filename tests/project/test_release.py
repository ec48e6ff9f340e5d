"""Checks before a release: versions, URLs, links and the list of examples."""

import re
import tomllib
from pathlib import Path

import pytest

import skfocal
from skfocal.estimators._base import FocalClassifier

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.skipif(not (ROOT / ".ci").exists(), reason="needs a source checkout")


def read(name):
    return (ROOT / name).read_text("utf-8")


@pytest.fixture(scope="module")
def urls():
    return tomllib.loads(read("pyproject.toml"))["project"]["urls"]


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("CITATION.cff", r"^version: (.+)$"),
        ("docs/cite.md", r"^  version = \{(.+)\},$"),
        ("CHANGELOG.md", r"^## (\S+)"),
    ],
)
def test_version_matches_the_package(name, pattern):
    assert re.search(pattern, read(name), re.MULTILINE)[1] == skfocal.__version__


def test_repository_url_is_consistent(urls):
    pages = [*ROOT.glob("*.md"), *ROOT.glob("*.cff"), *DOCS.glob("*.md")]
    found = {
        address
        for page in pages
        for address in re.findall(r"https://github\.com/[\w.-]+/skfocal\b", page.read_text("utf-8"))
    }
    assert found == {urls["Repository"]}
    assert urls["Issues"].startswith(urls["Repository"])


def test_documentation_url_is_consistent(urls):
    home = urls["Documentation"]
    assert FocalClassifier._doc_link_template.startswith(home)
    assert f"url: {home}\n" in read("CITATION.cff")
    assert home in read("CHANGELOG.md")
    assert urls["Changelog"].startswith(home)


def links_of_the_readme():
    """Return the targets of links and images in Markdown and HTML."""
    return re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", read("README.md"))


def test_readme_links_are_absolute_and_valid(urls):
    targets = ["".join(pair) for pair in links_of_the_readme()]
    assert len(targets) > 10
    for target in targets:
        assert target.startswith("https://"), (
            target
        )  # package indexes do not resolve relative links
        page = target.removeprefix(urls["Documentation"])
        if page != target and page and "/" not in page:
            stem = page.removesuffix(".html")
            assert any((DOCS / f"{stem}{suffix}").exists() for suffix in (".md", ".rst")), target
        if page.startswith("_static/"):
            assert (DOCS / page).exists(), target


def test_links_to_repository_files_are_valid(urls):
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for path in re.findall(
            rf"{urls['Repository']}/blob/main/([^)#\s]+)", page.read_text("utf-8")
        ):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_gallery_lists_every_example_once():
    listed = re.findall(r"^   \.\./examples/(\w+\.py)$", read("examples/index.rst"), re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in EXAMPLES.glob("plot_*.py"))


def references():
    """Return the names of other projects that docstrings and pages link to."""
    role = re.compile(
        r"(?:\{\w+\}|:\w+:)`[^`<]*?<?~?"
        r"((?:sklearn|numpy|scipy|pandas|lightgbm|xgboost|imblearn|optuna)\.[\w.]+)>?`"
    )
    files = [*(ROOT / "skfocal").rglob("*.py"), *EXAMPLES.glob("*.py"), *DOCS.glob("*.md")]
    return {name for path in files for name in role.findall(path.read_text("utf-8"))}


def test_references_to_other_projects_are_in_an_inventory():
    known = set()
    for inventory in (DOCS / "inventories").glob("*.txt"):
        known.update(line.split()[0] for line in inventory.read_text("utf-8").splitlines()[3:])
    assert "sklearn.linear_model.LogisticRegression" in references()
    assert references() - known == set(), "run python docs/inventories.py"


def test_every_results_table_follows_its_command():
    sections = re.split(r"^## ", read("benchmarks/RESULTS.md"), flags=re.MULTILINE)[1:]
    assert sections
    for section in sections:
        before_table = section.partition("\n|")[0]
        script = re.search(r"^```bash\npython (benchmarks/\w+\.py)", before_table, re.MULTILINE)
        assert script, section.splitlines()[0]
        assert (ROOT / script[1]).exists()
