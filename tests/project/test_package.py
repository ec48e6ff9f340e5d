"""What an import does, and what a user installs."""

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
# LightGBM itself imports dask, and some versions matplotlib, where they are installed.
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


def test_import_changes_no_global_state_and_loads_nothing_optional():
    command = [sys.executable, "-c", STATE]
    # From the folder above the package, as an installed package would be found.
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    unchanged, loaded = json.loads(out.stdout)
    assert unchanged
    assert "skfocal.estimators" in loaded
    assert not set(loaded) & set(OPTIONAL.split())


def test_nothing_in_the_package_runs_text_or_reads_pickles():
    for path in PACKAGE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        assert not names & {"eval", "exec", "compile", "__import__", "pickle"}, path
        imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
        imported = {alias.name for node in imports for alias in node.names}
        assert not imported & {"pickle", "cloudpickle", "marshal", "subprocess"}, path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The names of the files in the wheel, and the folder of the unpacked source distribution."""
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
def test_wheel_holds_the_package_and_nothing_else(built):
    ours = {p.relative_to(ROOT).as_posix() for p in (ROOT / "skfocal").rglob("*.py")}
    metadata = {name for name in built[0] if ".dist-info/" in name}
    assert set(built[0]) - metadata == ours | {"skfocal/py.typed"}
    assert any(name.endswith("licenses/LICENSE") for name in metadata)


def run_python(folder, *arguments):
    """What Python prints in a folder whose skfocal it imports."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = [sys.executable, *arguments]
    out = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert out.returncode == 0, out.stdout[-2000:] + out.stderr[-2000:]
    return out.stdout.strip()


def run_pytest(folder, *arguments):
    """Counts of outcomes, such as {"passed": 3}, of a run of pytest on what a folder holds."""
    out = run_python(folder, "-m", "pytest", "-n", "0", "-q", "-W", "default", *arguments)
    return {outcome: int(n) for n, outcome in re.findall(r"(\d+) (\w+)", out.splitlines()[-1])}


@from_checkout
def test_source_distribution_has_all_tests(built):
    modules = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py")}
    assert {path.relative_to(built[1]) for path in (built[1] / "tests").rglob("*.py")} == modules
    assert run_pytest(built[1], "--collect-only")["tests"] > 1000  # without an error


@from_checkout
def test_source_distribution_can_run_its_tests(built):
    # Of those that read files beside the package: documentation and saved models.
    reading = ["tests/project/test_docs.py"]
    reading += ["tests/project/test_docs_code.py::test_there_are_pages_with_code"]
    reading += ["tests/integrations/test_persistence.py", "tests/objectives/test_fixed_points.py"]
    counts = run_pytest(built[1], *reading, "-k", "not fresh_process and not reread")
    assert counts["passed"] > 40
    where = run_python(built[1], "-c", "import skfocal; print(skfocal.__file__)")
    assert where == str(built[1] / "skfocal" / "__init__.py")


@from_checkout
def test_oldest_dependencies_are_the_ones_that_are_promised():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    promised = [spec.replace(">=", "==") for spec in project["dependencies"]]
    tried = (ROOT / ".ci" / "oldest.txt").read_text().split()
    for spec in promised:
        assert any(pin.startswith(spec) for pin in tried), spec
