"""Hold out rows for early stopping."""

import math
import warnings

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state


def hold_out(rows, fraction, random_state, classes):
    """Split rows into those to train on and a held-out part, class by class.

    Each class gives ``fraction`` of its rows with positive weight, but at least one, and keeps at
    least one. A class with a single such row keeps it, with a warning. Rows without weight stay
    in training, where LightGBM bins them.

    Parameters
    ----------
    rows : Rows
    fraction : float
        Between 0 and 1.
    random_state : int, RandomState or None
    classes : ndarray of shape (n_classes,)
        Labels, for messages.

    Returns
    -------
    train, held_out : Rows

    Raises
    ------
    ValueError
        If no class has two rows with positive weight.
    """
    random_state = check_random_state(random_state)
    of_class = rows_of_classes(rows, len(classes))
    sizes = held_out_sizes([len(indices) for indices in of_class], fraction, classes)
    return split_rows(rows, of_class, sizes, random_state)


def rows_of_classes(rows, n_classes):
    """Indices of the rows with positive weight, by class."""
    counts = np.ones(len(rows.y), bool) if rows.weight is None else rows.weight > 0
    return [np.flatnonzero(counts & (rows.y == k)) for k in range(n_classes)]


def held_out_sizes(counts, fraction, classes, stacklevel=5):
    """Rows to hold out of each class; warnings and errors as in :func:`hold_out`."""
    sizes = [min(math.ceil(fraction * count), count - 1) if count > 1 else 0 for count in counts]
    if not any(sizes):
        raise ValueError(
            "early_stopping must hold out rows for validation, but no class has two rows with "
            "positive weight. Pass eval_X and eval_y."
        )
    single = [label for label, count in zip(classes, counts, strict=True) if count == 1]
    if single:
        warnings.warn(
            f"early_stopping holds out no row of {np.array(single).tolist()}: each of these "
            "classes has a single row with positive weight, which stays in training.",
            stacklevel=stacklevel,
        )
    return sizes


def split_rows(rows, of_class, sizes, random_state):
    """Split rows into those to train on and as many held-out ones of each class as ``sizes`` says.

    ``of_class`` holds the indices to draw from, by class.
    """
    drawn = [
        indices
        if size == len(indices)
        else train_test_split(indices, test_size=size, random_state=random_state)[1]
        for indices, size in zip(of_class, sizes, strict=True)
        if size
    ]
    held_out = np.sort(np.concatenate([np.array([], np.intp), *drawn]))
    return rows.take(np.setdiff1d(np.arange(len(rows.y)), held_out)), rows.take(held_out)
