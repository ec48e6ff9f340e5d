"""Confidence intervals of paired score differences, and their description in words."""

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


def corrected_interval(differences, test_size, *, n_comparisons=1):
    """Compute confidence intervals of the mean score difference between two models.

    The training sets of the splits overlap. The differences are therefore correlated, and the
    usual variance of a mean is too small. Nadeau and Bengio's corrected variance is
    ``(1 / n_splits + n_test / n_train) * s**2``.

    Parameters
    ----------
    differences : ndarray of shape (..., n_splits)
    test_size : float in (0, 1)
        Share of the rows that are in the test set of a split.
    n_comparisons : int, default=1
        Number of intervals with a joint confidence of 95 % (Bonferroni).

    Returns
    -------
    intervals : ndarray of shape (..., 2)
        Lower and upper ends, from Student's t with ``n_splits - 1`` degrees of freedom.

    References
    ----------
    Nadeau and Bengio, Inference for the generalization error, Machine Learning 52, 2003.
    """
    n_splits = differences.shape[-1]
    variance = (1 / n_splits + test_size / (1 - test_size)) * differences.var(axis=-1, ddof=1)
    quantile = stats.t.ppf(1 - (1 - CONFIDENCE) / (2 * n_comparisons), n_splits - 1)
    mean, half_width = differences.mean(axis=-1), quantile * np.sqrt(variance)
    return np.stack([mean - half_width, mean + half_width], axis=-1)


def describe(names, reference, means, intervals, n_splits):
    """Describe which gammas differ from the reference: those whose interval excludes zero.

    Parameters
    ----------
    names : list of str
        Names of the gammas, for example "gamma=1".
    reference : str
        Name of the model to compare with.
    means : ndarray of shape (n_gammas,)
    intervals : ndarray of shape (n_gammas, 2)
    n_splits : int

    Returns
    -------
    sentence : str
    """
    order = np.argsort(-means, kind="stable")
    better = [i for i in order if intervals[i, 0] > 0]
    worse = [i for i in order if intervals[i, 1] < 0]
    best = better[0] if better else order[0]
    interval = f"95 % interval {intervals[best, 0]:.2g} to {intervals[best, 1]:.2g}"
    if better:
        sentence = f"{names[best]} is better than {reference} by {means[best]:.2g} ({interval})"
    else:
        sentence = (
            f"no gamma {'is better than' if worse else 'differs from'} {reference} by more than "
            f"the noise over {n_splits} splits (best mean: {names[best]}, "
            f"{means[best]:+.2g}, {interval})"
        )
    for verb, others in {"also better": better[1:], "worse": worse}.items():
        if others:
            sentence += f"; {verb}: {', '.join(names[i] for i in others)}"
    return sentence
