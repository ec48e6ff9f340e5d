"""Labels and weights of rows: the checks that the estimators and the metric share."""

import numpy as np
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from skfocal._private import _check_sample_weight


def encode_labels(y):
    """Sorted classes and the index of each label; ValueError unless there are two or more."""
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    try:
        if y.dtype.kind not in "biu":  # which are labels whatever they hold
            check_classification_targets(y)
        classes = np.unique(y)
    except TypeError as error:
        raise TypeError(f"y must hold labels of one kind, that can be sorted: {error}.") from error
    if len(classes) < 2:
        raise ValueError(
            f"y must hold at least two classes, got only one class: {classes.tolist()}."
        )
    # Both are several times as fast as return_inverse, and the former as the latter.
    if len(classes) == 2:
        return classes, (y == classes[1]).astype(np.intp)
    return classes, np.searchsorted(classes, y)


def encode_known_labels(y, classes, name):
    """Index of each label among ``classes``; ValueError where a label is not among them."""
    y = np.asarray(column_or_1d(y))
    try:
        strangers = np.setdiff1d(y, classes)
    except TypeError as error:
        raise TypeError(f"{name} must hold labels of the kind of y: {error}.") from error
    if len(strangers):
        raise ValueError(
            f"{name} holds labels never seen in training: {strangers.tolist()}; "
            f"the classes are {classes.tolist()}."
        )
    return np.searchsorted(classes, y)


def check_weight(sample_weight, X, name="sample_weight", dtype=np.float64):
    """Non-negative float weights with a positive sum that is finite in a dtype, or None."""
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
        raise ValueError(f"{name} must hold a positive weight, got zero for every sample.")
    with np.errstate(over="ignore"):
        sample_weight = _check_sample_weight(weight[()], X)  # a number stays one
        total = sample_weight.sum(dtype=dtype)
    if np.any(sample_weight < 0):
        raise ValueError(f"{name} must not be negative, got {sample_weight.min()}.")
    if not np.isfinite(total):
        raise ValueError(f"{name} must have a finite sum, got {total} in {np.dtype(dtype)}.")
    return sample_weight
