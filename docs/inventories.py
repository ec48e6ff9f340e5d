"""Write inventories of other projects' public names to ``docs/inventories``.

``python docs/inventories.py`` lists the classes and functions of the installed versions and the
URLs of their documentation pages, in version 1 of Sphinx's inventory format, which is plain text.
With these files, the documentation can link to other projects and still builds without network
access. You can replace a file with the project's own ``objects.inv``.
"""

import importlib
import inspect
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "inventories"

# By file name: the URL pattern of a page, and the modules whose public names to list.
PROJECTS = {
    "sklearn": (
        "modules/generated/{}.html",
        "sklearn sklearn.base sklearn.calibration sklearn.compose sklearn.datasets "
        "sklearn.ensemble sklearn.feature_extraction.text sklearn.frozen sklearn.impute "
        "sklearn.inspection sklearn.linear_model sklearn.metrics sklearn.model_selection "
        "sklearn.multiclass sklearn.pipeline sklearn.preprocessing",
    ),
    "numpy": ("reference/generated/{}.html", "numpy"),
    "scipy": ("reference/generated/{}.html", "scipy.optimize scipy.sparse scipy.special"),
    "pandas": ("reference/api/{}.html", "pandas"),
    "matplotlib": ("api/_as_gen/{}.html", "matplotlib.pyplot"),
    "lightgbm": ("pythonapi/{}.html", "lightgbm"),
    "xgboost": ("python/python_api.html", "xgboost"),
    "imblearn": (
        "references/generated/{}.html",
        "imblearn.combine imblearn.ensemble imblearn.over_sampling imblearn.pipeline "
        "imblearn.under_sampling",
    ),
    "optuna": ("reference/generated/{}.html", "optuna"),
}


def public_names(module):
    """Public names of a module, with their objects."""
    held = vars(module)
    names = getattr(module, "__all__", None) or [
        name for name, value in held.items() if getattr(value, "__module__", "") == module.__name__
    ]
    return {name: held[name] for name in sorted(names) if name in held and name[0] != "_"}


def kind(value):
    """Sphinx's type of an object: class, exception, function or data; None for all others."""
    if isinstance(value, np.ufunc):
        return "data"
    if inspect.isclass(value):
        if issubclass(value, np.generic):
            return None  # NumPy scalar types have no pages
        return "exception" if issubclass(value, Exception) else "class"
    return "function" if callable(value) else None


def entries(modules, page):
    """Lines of an inventory: name, type and page."""
    for module_name in modules.split():
        for name, value in public_names(importlib.import_module(module_name)).items():
            if kind(value):
                path = f"{module_name}.{name}"
                yield f"{path} {kind(value)} {page.format(path)}"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for project, (page, modules) in PROJECTS.items():
        header = ["# Sphinx inventory version 1", f"# Project: {project}", "# Version: "]
        text = "\n".join([*header, *entries(modules, page)]) + "\n"
        (FOLDER / f"{project}.txt").write_text(text, "utf-8")
