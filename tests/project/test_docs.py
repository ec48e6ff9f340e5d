"""The API page lists every public name, and public docstrings follow numpydoc."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

import skfocal
import skfocal.objectives

API_PAGE = Path(__file__).parents[2] / "docs" / "api.rst"
NAMES = re.findall(r"^   (skfocal\.[\w.]+)$", API_PAGE.read_text("utf-8"), re.MULTILINE)

# numpydoc checks: the docstring exists, its sections are valid and ordered, the summary is one line
# with a full stop, and parameters exist, are ordered and have valid types.
CHECKS = {
    *("GL03", "GL05", "GL06", "GL07", "GL08", "GL10"),
    *("SS01", "SS02", "SS03", "SS04", "SS06"),
    *("PR02", "PR03", "PR05", "PR06", "PR10"),
    *("RT04", "RT05", "YD01", "SA02", "SA03"),
}
EXTRAS = {"skfocal.dask": ("dask", "distributed"), "skfocal.onnx": ("skl2onnx",)}


def public_object(name):
    """Return the object of an API page entry; skip the test if its extra is not installed."""
    module, _, attribute = name.rpartition(".")
    for dependency in EXTRAS.get(module, ()):
        pytest.importorskip(dependency)
    return getattr(importlib.import_module(module), attribute)


def own_methods(cls):
    """Yield the names of the public methods that skfocal defines."""
    for name, member in inspect.getmembers(cls, callable):
        if not name.startswith("_") and member.__module__.startswith("skfocal"):
            yield name


@pytest.mark.parametrize(
    "module", [skfocal, skfocal.objectives], ids=lambda module: module.__name__
)
def test_every_public_name_is_on_the_api_page(module):
    assert {f"{module.__name__}.{name}" for name in module.__all__} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_api_page_entries_exist_and_have_examples(name):
    assert ">>> " in inspect.getdoc(public_object(name))


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_follow_numpydoc(name):
    validate = pytest.importorskip("numpydoc.validate").validate
    documented = public_object(name)
    methods = own_methods(documented) if inspect.isclass(documented) else ()
    errors = []
    for path in [name, *(f"{name}.{method}" for method in methods)]:
        report = validate(path)
        # A docstring may omit the section Parameters, but the section must be complete.
        lists_parameters = "\nParameters\n---" in inspect.cleandoc(report["docstring"])
        checks = CHECKS | ({"PR01"} if lists_parameters else set())
        errors += [(path, *error) for error in report["errors"] if error[0] in checks]
    assert errors == []


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name.endswith(("Classifier", "Regression"))]
)
def test_html_representation_links_to_the_api_page(name):
    estimator = public_object(name)()
    assert f'/generated/{name}.html"' in estimator._repr_html_()
