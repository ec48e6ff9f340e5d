"""Imports of private names of other projects: where they are, and errors if they fail."""

import ast
import importlib
import runpy
from pathlib import Path

import pytest

import skfocal
from skfocal._private import HAS_ARRAY_API

PACKAGE = Path(skfocal.__file__).parent
OTHERS = ("sklearn", "lightgbm", "skl2onnx", "scipy", "numpy", "joblib", "dask", "distributed")
HOMES = {"_private.py", "_private_onnx.py"}


def private_imports(path):
    """Yield the private names of other projects that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in OTHERS:
            for alias in node.names:
                parts = [*node.module.split("."), alias.name]
                if any(part.startswith("_") or part == "externals" for part in parts):
                    yield ".".join(parts)


def test_private_names_are_imported_in_two_modules_only():
    found = {path.name: list(private_imports(path)) for path in PACKAGE.rglob("*.py")}
    assert {name for name, imports in found.items() if imports} == HOMES
    assert "sklearn.base._fit_context" in found["_private.py"]


def private_names():
    """Yield file, module and name of each private import."""
    for home in sorted(HOMES):
        for path in private_imports(PACKAGE / home):
            module, _, name = path.rpartition(".")
            yield pytest.param(home, module, name, id=path)


@pytest.mark.parametrize(("home", "module", "name"), list(private_names()))
def test_import_without_a_private_name_raises_with_advice(home, module, name, monkeypatch):
    needs_1_9 = module in {"sklearn.externals.array_api_compat", "sklearn.utils._array_api"}
    if needs_1_9 and not HAS_ARRAY_API:
        pytest.skip("needs scikit-learn 1.9")
    pytest.importorskip(module.split(".")[0])
    monkeypatch.delattr(importlib.import_module(module), name)
    with pytest.raises(ImportError, match=name) as raised:
        runpy.run_path(str(PACKAGE / home))
    assert "does not work with" in str(raised.value)
    assert "install an older release" in str(raised.value)


def test_import_without_lightgbm_aliases_raises_with_advice(monkeypatch):
    monkeypatch.delattr("lightgbm.basic._ConfigAliases._get_all_param_aliases")
    with pytest.raises(ImportError, match=r"_get_all_param_aliases.*Upgrade skfocal"):
        runpy.run_path(str(PACKAGE / "_private.py"))
