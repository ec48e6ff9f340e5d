"""Softmax and margins of classes for raw scores of shape (n_classes, n_rows).

Classes are selected with masks of 0 and 1 in the scores' dtype. Multiplying by a mask is exact. In
NumPy, it is also five times faster than ``where`` or indexing.
"""

import numpy as np

from skfocal.objectives._arrays import as_like


def class_mask(y, raw, xp=np):
    """Return 1 at each row's class and 0 elsewhere; all 0 if ``y`` is not a class index."""
    classes = np.arange(raw.shape[0])
    if xp is not np or y.dtype.kind == "f":
        classes = as_like(classes, y, xp)
    return xp.asarray(classes[:, None] == y, dtype=raw.dtype)


def true_margin(true, raw, xp=np):
    """Return the margin of the true class and its negative gradient.

    Parameters
    ----------
    true : array of shape (n_classes, n_rows)
        Mask of the true class.
    raw : array of shape (n_classes, n_rows)

    Returns
    -------
    margin : array of shape (n_rows,)
    direction : array of shape (n_classes, n_rows)
        The softmax ``s`` over the other classes, and -1 for the true class.
    """
    other = 1 - true
    out_of_range = float(xp.finfo(raw.dtype).max) / 2  # larger than any valid score
    top = xp.max(raw - out_of_range * true, axis=0)
    weights = xp.exp((raw - top) * other) * other
    norm = xp.sum(weights, axis=0)
    margin = xp.sum(raw * true, axis=0) - top - xp.log(norm)
    return margin, weights / norm - true


def softmax_spread(direction, xp=np):
    """Return ``s * (1 - s)``, the negative diagonal of the margin's Hessian.

    ``direction`` is that of :func:`true_margin`. To avoid cancellation, ``1 - s`` is computed as
    the sum of the other elements of ``s``.
    """
    shares = xp.clip(direction, 0, np.inf)
    top = xp.max(shares, axis=0)
    is_top = xp.asarray(shares == top, dtype=shares.dtype)
    low = shares * (1 - is_top)
    others = (xp.sum(is_top, axis=0) - is_top) * top + (xp.sum(low, axis=0) - low)
    return shares * others


def all_margins(raw, xp=np):
    """Return the margin of every class, ``z_k - logsumexp(z_j for j != k)``."""
    first = class_mask(xp.argmax(raw, axis=0), raw, xp)
    first_margin, _ = true_margin(first, raw, xp)
    gap = raw - xp.max(raw, axis=0)
    low = xp.exp(gap) * (1 - first)
    margins = gap - xp.log1p(xp.sum(low, axis=0) - low)
    return first * first_margin + (1 - first) * margins


def log_softmax(raw, xp=np):
    """Return the logarithm of the softmax over the classes."""
    gap = raw - xp.max(raw, axis=0)
    return gap - xp.log(xp.sum(xp.exp(gap), axis=0))


def softmax(raw, xp=np):
    """Return the softmax over the classes."""
    weights = xp.exp(raw - xp.max(raw, axis=0))
    return weights / xp.sum(weights, axis=0)
