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
    counts = np.ones(len(rows.y), bool) if rows.weight is None else rows.weight > 0
    held_out, single = [], []
    for k, label in enumerate(classes):
        of_class = np.flatnonzero(counts & (rows.y == k))
        if len(of_class) > 1:
            n_held_out = min(math.ceil(fraction * len(of_class)), len(of_class) - 1)
            split = train_test_split(of_class, test_size=n_held_out, random_state=random_state)
            held_out.append(split[1])
        elif len(of_class) == 1:
            single.append(label)
    if not held_out:
        raise ValueError(
            "early_stopping must hold out rows for validation, but no class has two rows with "
            "positive weight. Pass eval_X and eval_y."
        )
    if single:
        warnings.warn(
            f"early_stopping holds out no row of {np.array(single).tolist()}: each of these "
            "classes has a single row with positive weight, which stays in training.",
            stacklevel=4,
        )
    held_out = np.sort(np.concatenate(held_out))
    return rows.take(np.setdiff1d(np.arange(len(rows.y)), held_out)), rows.take(held_out)
