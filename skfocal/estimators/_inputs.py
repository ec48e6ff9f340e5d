"""Validate X and convert it to a float array or a sparse matrix."""

import re
import warnings
from collections.abc import Iterable
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skfocal.estimators._frames import (
    as_frame,
    check_column_order,
    find_categories,
    frame_values,
    is_frame,
    nominal_columns,
)
from skfocal.objectives._arrays import namespace

# Characters that LightGBM rejects in feature names or that break its JSON.
JSON_CHARACTERS = set('",:[]{}\\')
LARGE_CODE = 100_000


def numeric_input(estimator, X, *, reset, categories=None, text_allowed=True, **arguments):
    """Validate X, and set or check the estimator's feature names and number of features.

    Parameters
    ----------
    estimator : FocalClassifier
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
    reset : bool
        Whether to set the feature names and their number (in ``fit``) or to check them.
    categories : dict of int to list, default=None
        Categories in ``fit``, by column position.
    text_allowed : bool, default=True
        Whether to parse numbers that dataframes store as text.
    **arguments
        Passed to scikit-learn's ``check_array``.

    Returns
    -------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    """
    X = as_frame(X, keep_plain=not categories)
    if is_frame(X):
        if not X.columns.is_unique:
            raise ValueError(f"The columns of X must have unique names, got {list(X.columns)}.")
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        _check_labels(estimator, X, reset)
        X = frame_values(X, categories or {}, text_allowed=text_allowed)
        return check_array(X, estimator=estimator, input_name="X", **arguments)
    if categories:
        names = {} if reset else dict(enumerate(getattr(estimator, "feature_names_in_", [])))
        raise ValueError(
            f"X must be a dataframe, got {type(X).__name__}: the columns "
            f"{[names.get(i, i) for i in categories]} were categorical in fit, and it is unclear "
            "whether an array contains categories or their codes."
        )
    if getattr(getattr(X, "dtype", None), "kind", "") in ("m", "M"):
        raise ValueError(f"X must be numeric, got dates or times ({X.dtype}). Convert it first.")
    if reset:
        estimator._labels = None
    check_sparse(X)
    return validate_data(estimator, X, reset=reset, **arguments)


def lightgbm_input(
    estimator, X, *, reset, categories=None, categorical_feature="auto", ensure_min_samples=1
):
    """Validate X for LightGBM and replace the values of categorical columns by codes.

    NaN means missing; infinities raise ``ValueError``. With ``reset``, the categorical columns
    and their ``categories`` (by default those of X) are stored in the estimator.
    """
    if namespace(X) is not np:
        raise TypeError(
            "X must be a NumPy array, sparse matrix or dataframe, got an array of "
            f"{namespace(X).__name__}. Convert it to a NumPy array."
        )
    known = categories if reset else estimator._categories
    frame = as_frame(X, keep_plain=not known)
    if reset:
        estimator._categories = find_categories(frame) if categories is None else categories
    X = numeric_input(
        estimator,
        frame,
        reset=reset,
        categories=estimator._categories,
        text_allowed=False,
        accept_sparse=["csr", "csc"],
        dtype=[np.float64, np.float32],
        ensure_all_finite="allow-nan",
        ensure_min_samples=ensure_min_samples,
    )
    if reset:
        nominal = nominal_columns(frame, estimator._categories)
        estimator._nominal = _categorical_positions(estimator, nominal, categorical_feature)
    _check_codes(estimator, X, warn=reset)
    return _canonical(X) if sparse.issparse(X) else X


def dataset_features(estimator):
    """Return feature names and positions of categorical features for a LightGBM Dataset.

    LightGBM replaces spaces in names by underscores, writes names as JSON and requires them to be
    unique. If that is impossible, the names are ``Column_0``, ``Column_1``, ...
    """
    names = [re.sub(r"\s", "_", name) for name in getattr(estimator, "feature_names_in_", [])]
    usable = all(name.isprintable() and name and not JSON_CHARACTERS & set(name) for name in names)
    if not names or not usable or len(set(names)) < len(names):
        names = [f"Column_{i}" for i in range(estimator.n_features_in_)]
    return {"feature_name": names, "categorical_feature": estimator._nominal}


def _categorical_positions(estimator, nominal, categorical_feature):
    """Return the column positions in ``categorical_feature``; "auto" means ``nominal``."""
    if isinstance(categorical_feature, str) or not isinstance(categorical_feature, Iterable):
        if categorical_feature != "auto":
            raise ValueError(
                "categorical_feature must be 'auto' or a list of column names or indices, got "
                f"{categorical_feature!r}."
            )
        return nominal
    positions = {i: i for i in range(estimator.n_features_in_)}
    positions |= {name: i for i, name in enumerate(getattr(estimator, "feature_names_in_", []))}
    columns = list(categorical_feature)
    unknown = [
        c
        for c in columns
        if not isinstance(c, str | Integral) or isinstance(c, bool) or c not in positions
    ]
    if unknown:
        raise ValueError(
            "categorical_feature must contain only names or indices of columns of X, got "
            f"{unknown}."
        )
    return sorted({positions[c] for c in columns})


def _check_codes(estimator, X, warn):
    """Raise ``ValueError`` if LightGBM would round a value of a categorical column.

    With ``warn``, warn about large codes: each split takes memory for all codes up to the largest.
    """
    names = getattr(estimator, "feature_names_in_", range(X.shape[1]))
    for i in set(estimator._nominal) - set(estimator._categories):
        column = X[:, [i]].data if sparse.issparse(X) else X[:, i]
        wrong = (column != np.floor(column)) | (column > np.iinfo(np.int32).max)
        wrong &= ~np.isnan(column)
        if np.any(wrong):
            raise ValueError(
                f"Column {names[i]!r} of X is in categorical_feature, so it must contain integer "
                f"codes below 2**31, got {column[wrong][0]}. Pass other values as a pandas "
                "category."
            )
        largest = np.max(column, initial=0, where=~np.isnan(column))
        if warn and largest > LARGE_CODE:
            warnings.warn(
                f"Column {names[i]!r} of X is in categorical_feature and contains codes up to "
                f"{largest:.0f}, with which LightGBM needs much memory. Renumber the codes from 0, "
                "or pass the column as a pandas category.",
                stacklevel=5,  # the caller of fit, which scikit-learn wraps
            )


def check_sparse(X):
    """Raise ``ValueError`` if a sparse matrix has indices outside its shape.

    Compiled code, including SciPy's conversions, would read and write out of bounds.
    """
    if not sparse.issparse(X) or X.ndim != 2:
        return
    try:
        if X.format == "coo":
            sparse.coo_matrix((X.data, (X.row, X.col)), shape=X.shape)  # checks the indices
        else:
            X = X if X.format in {"csr", "csc", "bsr"} else X.tocsr()
            X.check_format()
    except ValueError as error:
        raise ValueError(f"X is not a valid sparse matrix: {error}.") from error


def _check_labels(estimator, X, reset):
    """Store or check column labels that are not strings, which scikit-learn does not check."""
    if reset:
        labels = list(X.columns)
        estimator._labels = None if all(isinstance(label, str) for label in labels) else labels
    else:
        check_column_order(X, estimator._labels)


def _canonical(X):
    """Return a sparse matrix in canonical format; LightGBM misreads other matrices."""
    # LightGBM expects sparse matrices, not sparse arrays.
    X = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix}[X.format](X)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X
