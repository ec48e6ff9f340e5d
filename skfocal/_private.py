"""Private names of scikit-learn and LightGBM, which no other file imports.

Both projects may remove these names without notice. If a release does, importing skfocal raises an
``ImportError`` with the installed versions and advice.

An import cannot check the other private interfaces that the package uses. In
:class:`sklearn.base.BaseEstimator`, these are ``_parameter_constraints``, ``_doc_link_module``,
``_doc_link_template``, ``_doc_link_url_param_generator`` and, since scikit-learn 1.9,
``_init_callback_context``. The package also reads LightGBM's text format for models;
``estimators/_native.py`` checks its version.
"""

from importlib.metadata import version

__all__ = [
    "HAS_ARRAY_API",
    "BaseSearchCV",
    "BaseThresholdClassifier",
    "Interval",
    "StrOptions",
    "_check_sample_weight",
    "_fit_context",
    "_is_numpy_namespace",
    "_max_precision_float_dtype",
    "_openmp_effective_n_threads",
    "array_namespace",
    "check_same_namespace",
    "get_all_param_aliases",
    "get_config",
    "get_namespace",
    "is_array_api_obj",
    "move_to",
    "tuned_pos_label",
]

# Since scikit-learn 1.9, LogisticRegression supports the array API.
HAS_ARRAY_API = tuple(map(int, version("scikit-learn").split(".")[:2])) >= (1, 9)

try:
    from lightgbm.basic import _ConfigAliases
    from sklearn._config import get_config
    from sklearn.base import _fit_context
    from sklearn.model_selection._classification_threshold import BaseThresholdClassifier
    from sklearn.model_selection._search import BaseSearchCV
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
    from sklearn.utils._param_validation import Interval, StrOptions
    from sklearn.utils.validation import _check_sample_weight

    get_all_param_aliases = _ConfigAliases._get_all_param_aliases

    if HAS_ARRAY_API:
        from sklearn.externals.array_api_compat import array_namespace, is_array_api_obj
        from sklearn.utils._array_api import (
            _is_numpy_namespace,
            _max_precision_float_dtype,
            check_same_namespace,
            get_namespace,
            move_to,
        )
except (ImportError, AttributeError) as error:
    raise ImportError(
        f"skfocal does not work with scikit-learn {version('scikit-learn')} and LightGBM "
        f"{version('lightgbm')}: {error}. Upgrade skfocal, or install an older release of "
        "the package that no longer has this name."
    ) from error


def tuned_pos_label(model):
    """Return the positive label of a fitted ``TunedThresholdClassifierCV``."""
    return model._curve_scorer._get_pos_label()
