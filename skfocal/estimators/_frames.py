"""Bring tables into a form that LightGBM reads: arrays, or pandas frames with categories."""

import numpy as np
from sklearn.utils.validation import validate_data


def lightgbm_input(estimator, X, *, reset):
    """Validate X, setting or checking the estimator's feature names and number of features.

    Numeric tables become float arrays (float32 and float64 are kept) or stay sparse. Tables with
    categorical columns become pandas frames, whose categories LightGBM remembers. NaN means
    missing; infinities are refused.
    """
    if hasattr(X, "to_pandas") and (_has_categories(X) or not hasattr(X, "dtypes")):
        X = X.to_pandas()  # polars with categories, on which LightGBM aborts; pyarrow tables
    if _has_categories(X):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        if np.isinf(X.select_dtypes("number").to_numpy(np.float64, na_value=np.nan)).any():
            raise ValueError("Input X contains infinity; use NaN for missing values.")
        return X
    return validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse=["csr", "csc"],
        accept_large_sparse=False,  # LightGBM counts in 32 bits
        dtype=[np.float64, np.float32],
        ensure_all_finite="allow-nan",
    )


def _has_categories(X):
    """Whether a pandas or polars frame has a categorical column."""
    names = (str(getattr(dtype, "name", dtype)) for dtype in getattr(X, "dtypes", ()))
    return any(name.startswith(("category", "Categorical", "Enum")) for name in names)
