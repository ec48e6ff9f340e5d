"""Validation of labels and sample weights for the estimators and the metric."""

import numpy as np
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from skfocal._private import _check_sample_weight


def encode_labels(y):
    """Return the sorted classes and the index of each label.

    Raises ValueError if there are fewer than two classes.
    """
    y = label_column(y, warn=True)
    classes = sorted_labels(y, "y")
    if len(classes) < 2:
        raise ValueError(
            f"y must contain at least two classes, got only one class: {classes.tolist()}."
        )
    # searchsorted is several times faster than return_inverse, and == several times faster still.
    if len(classes) == 2:
        return classes, (y == classes[1]).astype(np.intp)
    return classes, np.searchsorted(classes, y)


def label_column(y, warn=False):
    """Return labels as a 1d array; scikit-learn does not support NumPy's StringDType."""
    y = np.asarray(column_or_1d(y, warn=warn))
    return y.astype(object) if y.dtype.kind == "T" else y


def sorted_labels(y, name):
    """Return the sorted classes; raise an error for missing, continuous or mixed labels."""
    try:
        assert_all_finite(y, input_name=name)
        if y.dtype.kind not in "biu":  # booleans and integers are always valid labels
            check_classification_targets(y)
        return np.unique(y)
    except TypeError as error:
        raise TypeError(
            f"{name} must contain labels of one type that can be sorted: {error}."
        ) from error


def encode_known_labels(y, classes, name):
    """Return the index of each label in ``classes``; raise ValueError for unknown labels."""
    y = label_column(y)
    kinds = {y.dtype.kind, classes.dtype.kind}
    try:
        if kinds & set("US") and kinds - set("USO"):  # NumPy would compare numbers as text
            raise TypeError(f"got {y.dtype} for classes of {classes.dtype}")
        unknown_labels = np.setdiff1d(y, classes)
    except TypeError as error:
        raise TypeError(
            f"{name} must contain labels of the same type as the classes: {error}."
        ) from error
    if len(unknown_labels):
        raise ValueError(
            f"{name} must contain only the classes {classes.tolist()}, got the unknown labels "
            f"{unknown_labels.tolist()}."
        )
    return np.searchsorted(classes, y)


def check_weight(sample_weight, X, name="sample_weight", dtype=np.float64):
    """Return weights as a float array, or None.

    The weights must be non-negative, and their sum must be positive and finite in ``dtype``.
    """
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight)
    try:
        if weight.dtype.kind == "c":
            raise TypeError
        if weight.dtype.kind == "O":
            weight = weight.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} must be numeric, got {sample_weight!r}.") from None
    if not np.any(weight):
        raise ValueError(f"{name} must contain a positive weight, got zero for every row.")
    with np.errstate(over="ignore"):
        sample_weight = _check_sample_weight(weight[()], X)  # [()] keeps a single number
        total = sample_weight.sum(dtype=dtype)
    if np.any(sample_weight < 0):
        raise ValueError(f"{name} must contain only weights >= 0, got {sample_weight.min()}.")
    if not np.isfinite(total):
        raise ValueError(f"{name} must have a finite sum, got {total} in {np.dtype(dtype)}.")
    return sample_weight
