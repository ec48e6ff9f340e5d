"""Side effects of the import, and contents of the distributions."""

import ast
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import skfocal

ROOT = Path(__file__).parents[2]
PACKAGE = Path(skfocal.__file__).parent
OPTIONAL = (
    "catboost dask distributed matplotlib onnx onnxruntime optuna polars shap skl2onnx skops "
    "skfocal.dask skfocal.onnx"
)

from_checkout = pytest.mark.skipif(not (ROOT / ".ci").exists(), reason="needs a source checkout")

STATE = """
import json, logging, os, sys, threading, warnings
# LightGBM imports dask, and some versions import matplotlib, if they are installed.
import numpy as np, scipy.optimize, sklearn.linear_model, lightgbm, joblib

def state():
    return repr([
        np.geterr(), np.get_printoptions(), warnings.filters, threading.active_count(),
        logging.root.handlers, logging.root.level, sorted(os.environ.items()), sys.path,
        np.random.get_state()[1].tolist(),
    ])

before, loaded = state(), set(sys.modules)
import skfocal, skfocal.objectives
print(json.dumps([before == state(), sorted(set(sys.modules) - loaded)]))
"""


def test_import_has_no_side_effects_and_loads_no_optional_dependency():
    command = [sys.executable, "-c", STATE]
    # Run in the parent folder of the package, so that it is importable.
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    unchanged, loaded = json.loads(out.stdout)
    assert unchanged
    assert "skfocal.estimators" in loaded
    assert not set(loaded) & set(OPTIONAL.split())


def test_package_does_not_use_eval_exec_or_pickle():
    for path in PACKAGE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        assert not names & {"eval", "exec", "compile", "__import__", "pickle"}, path
        imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
        imported = {alias.name for node in imports for alias in node.names}
        assert not imported & {"pickle", "cloudpickle", "marshal", "subprocess"}, path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the file names in the wheel and the folder of the unpacked source distribution."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = archive.namelist()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return in_wheel, folder / sdist.name.removesuffix(".tar.gz")


@from_checkout
def test_wheel_contains_only_the_package(built):
    ours = {p.relative_to(ROOT).as_posix() for p in (ROOT / "skfocal").rglob("*.py")}
    metadata = {name for name in built[0] if ".dist-info/" in name}
    assert set(built[0]) - metadata == ours | {"skfocal/py.typed"}
    assert any(name.endswith("licenses/LICENSE") for name in metadata)


def run_python(folder, *arguments):
    """Run Python in a folder with its skfocal and return the standard output."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = [sys.executable, *arguments]
    out = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert out.returncode == 0, out.stdout[-2000:] + out.stderr[-2000:]
    return out.stdout.strip()


def run_pytest(folder, *arguments):
    """Run pytest in a folder and return the counts of outcomes, such as ``{"passed": 3}``."""
    out = run_python(folder, "-m", "pytest", "-n", "0", "-q", "-W", "default", *arguments)
    return {outcome: int(n) for n, outcome in re.findall(r"(\d+) (\w+)", out.splitlines()[-1])}


@from_checkout
def test_source_distribution_contains_all_tests(built):
    modules = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py")}
    assert {path.relative_to(built[1]) for path in (built[1] / "tests").rglob("*.py")} == modules
    assert run_pytest(built[1], "--collect-only")["tests"] > 1000  # without an error


@from_checkout
def test_source_distribution_can_run_its_tests(built):
    # Run the tests that read files outside the package: documentation and saved models.
    reading = ["tests/project/test_docs.py"]
    reading += ["tests/project/test_docs_code.py::test_there_are_pages_with_code"]
    reading += ["tests/integrations/test_persistence.py", "tests/objectives/test_fixed_points.py"]
    counts = run_pytest(built[1], *reading, "-k", "not fresh_process and not reread")
    assert counts["passed"] > 40
    where = run_python(built[1], "-c", "import skfocal; print(skfocal.__file__)")
    assert where == str(built[1] / "skfocal" / "__init__.py")


@from_checkout
def test_oldest_dependencies_match_the_lower_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lower_bounds = [spec.replace(">=", "==") for spec in project["dependencies"]]
    pinned = (ROOT / ".ci" / "oldest.txt").read_text().split()
    for spec in lower_bounds:
        assert any(pin.startswith(spec) for pin in pinned), spec
