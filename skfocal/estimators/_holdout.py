"""Hold-out set for early stopping."""

import math
import warnings

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state


def hold_out(rows, fraction, random_state, classes):
    """Split rows into a training and a hold-out set, stratified by class.

    The hold-out set gets ``fraction`` of the rows with positive weight of each class, and at least
    one. At least one such row of each class stays in the training set. A class with a single such
    row is not held out, and a warning is issued. Rows without weight stay in the training set,
    where LightGBM uses them for binning.

    Parameters
    ----------
    rows : Rows
    fraction : float
        Between 0 and 1.
    random_state : int, RandomState or None
    classes : ndarray of shape (n_classes,)
        Labels for messages.

    Returns
    -------
    train, held_out : Rows

    Raises
    ------
    ValueError
        If no class has two rows with positive weight.
    """
    random_state = check_random_state(random_state)
    indices = rows_of_classes(rows, len(classes))
    sizes = held_out_sizes([len(of_class) for of_class in indices], fraction, classes)
    return split_rows(rows, indices, sizes, random_state)


def rows_of_classes(rows, n_classes):
    """Return the indices of the rows with positive weight of each class."""
    weighted = np.ones(len(rows.y), bool) if rows.weight is None else rows.weight > 0
    return [np.flatnonzero(weighted & (rows.y == k)) for k in range(n_classes)]


def held_out_sizes(counts, fraction, classes):
    """Return the number of rows to hold out of each class, from the class counts.

    Warnings and errors are those of :func:`hold_out`.
    """
    sizes = [min(math.ceil(fraction * count), count - 1) if count > 1 else 0 for count in counts]
    if not any(sizes):
        raise ValueError(
            "early_stopping cannot hold out rows because no class has two rows with positive "
            "weight. Pass eval_X and eval_y."
        )
    single = [label for label, count in zip(classes, counts, strict=True) if count == 1]
    if single:
        warnings.warn(
            f"early_stopping holds out no rows of the classes {np.array(single).tolist()}, each of "
            "which has only one row with positive weight.",
            stacklevel=5,  # the caller of fit, which scikit-learn wraps
        )
    return sizes


def split_rows(rows, indices, sizes, random_state):
    """Hold out ``sizes[k]`` random rows of class k, drawn from ``indices[k]``."""
    drawn = [
        of_class
        if size == len(of_class)
        else train_test_split(of_class, test_size=size, random_state=random_state)[1]
        for of_class, size in zip(indices, sizes, strict=True)
        if size
    ]
    held_out = np.sort(np.concatenate([np.array([], np.intp), *drawn]))
    return rows.take(np.setdiff1d(np.arange(len(rows.y)), held_out)), rows.take(held_out)
