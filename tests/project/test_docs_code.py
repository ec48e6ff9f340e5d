"""Run the code blocks of the README and the documentation, each page in one namespace."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = {
    page.relative_to(ROOT).as_posix(): BLOCK.findall(page.read_text("utf-8"))
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}

# Additional dependencies of imported names.
NEEDED_BY = {"ProgressBar": "rich", "create_tree_digraph": "graphviz"}


@pytest.mark.parametrize("page", [page for page, blocks in PAGES.items() if blocks])
def test_code_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "\n".join(PAGES[page])
    for module in imported_modules(code):
        if not module.startswith("skfocal"):
            pytest.importorskip(module)
    for name, module in NEEDED_BY.items():
        if name in code:
            pytest.importorskip(module)
    namespace = {"__name__": "__main__"}
    for block in PAGES[page]:
        exec(compile(block, page, "exec"), namespace)


def imported_modules(code):
    """Yield the imported modules, so that pages are skipped if an extra is not installed."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_there_are_pages_with_code():
    assert PAGES["README.md"]
    assert PAGES["docs/deployment.md"]
