"""Bring tables into a form that LightGBM reads: arrays, or pandas frames with categories."""

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

from skfocal.estimators._base import check_sparse


def lightgbm_input(estimator, X, *, reset):
    """Validate X, setting or checking the estimator's feature names and number of features.

    Numeric tables become float arrays (float32 and float64 are kept) or stay sparse. Tables with
    categorical columns become pandas frames, whose categories LightGBM remembers. NaN means
    missing; infinities are refused, and so are categories other than strings and numbers.
    """
    if hasattr(X, "to_pandas") and (_has_categories(X) or not hasattr(X, "dtypes")):
        X = X.to_pandas()  # polars with categories, on which LightGBM aborts; pyarrow tables
    if _has_categories(X):
        if not X.columns.is_unique:
            raise ValueError(f"columns of X must have different names, got {list(X.columns)}.")
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        numbers = X.select_dtypes("number", exclude=["complexfloating", "timedelta"])
        if np.isinf(numbers.to_numpy(np.float64, na_value=np.nan)).any():
            raise ValueError("Input X contains infinity; use NaN for missing values.")
        if reset:
            _check_categories(X)
        return X
    check_sparse(X)
    X = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse=["csr", "csc"],
        accept_large_sparse=False,  # LightGBM counts in 32 bits
        dtype=[np.float64, np.float32],
        ensure_all_finite="allow-nan",
    )
    return _with_single_entries(X) if sparse.issparse(X) else X


def categories(X):
    """Values of each categorical column of what :func:`lightgbm_input` returns, by its name."""
    if not _has_categories(X):
        return {}
    columns = X.select_dtypes("category").items()
    return {name: column.cat.categories.tolist() for name, column in columns}


def _has_categories(X):
    """Whether X is a pandas or polars frame with a categorical column."""
    dtypes = X.dtypes if hasattr(X, "columns") and hasattr(X, "dtypes") else ()
    names = (str(getattr(dtype, "name", dtype)) for dtype in dtypes)
    return any(name.startswith(("category", "Categorical", "Enum")) for name in names)


def _check_categories(X):
    """TypeError where a category is of a kind that a LightGBM model, which is JSON, cannot hold."""
    for name, values in categories(X).items():
        for value in values:
            if not isinstance(value, str | Real):
                raise TypeError(
                    f"categories must be strings or numbers, column {name!r} of X has {value!r}: "
                    "pass it with .cat.rename_categories(str)."
                )


def _with_single_entries(X):
    """Sparse matrix that holds each entry once and in order: LightGBM misreads others."""
    X = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix}[X.format](X)  # also of sparse arrays
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X
