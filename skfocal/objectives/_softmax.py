"""Margins of classes against the softmax of the others, for raw scores of shape (K, n_rows).

Classes are told apart by masks, 0 and 1 in the scores' dtype. Products with them are exact, and
NumPy takes a fifth of the time that its ``where`` and indices take.
"""

import numpy as np

from skfocal.objectives._arrays import as_like


def class_mask(y, raw, xp=np):
    """1 at the class of each row and 0 elsewhere; all 0 where y is no index of a class."""
    classes = np.arange(raw.shape[0])
    if xp is not np or y.dtype.kind == "f":
        classes = as_like(classes, y, xp)
    return xp.asarray(classes[:, None] == y, dtype=raw.dtype)


def true_margin(true, raw, xp=np):
    """Margin of the true class and minus its gradient.

    Parameters
    ----------
    true : array of shape (n_classes, n_rows)
        The classes' mask.
    raw : array of shape (n_classes, n_rows)

    Returns
    -------
    margin : array of shape (n_rows,)
    direction : array of shape (n_classes, n_rows)
        The softmax ``s`` over the other classes, and -1 at the true one.
    """
    other = 1 - true
    beyond = float(xp.finfo(raw.dtype).max) / 2  # what no score reaches
    top = xp.max(raw - beyond * true, axis=0)
    weights = xp.exp((raw - top) * other) * other
    norm = xp.sum(weights, axis=0)
    margin = xp.sum(raw * true, axis=0) - top - xp.log(norm)
    return margin, weights / norm - true


def softmax_spread(direction, xp=np):
    """``s * (1 - s)`` of a direction as above, minus the diagonal of the margin's Hessian.

    ``1 - s`` is a sum of the other terms, never a difference from 1.
    """
    shares = xp.clip(direction, 0, np.inf)
    top = xp.max(shares, axis=0)
    is_top = xp.asarray(shares == top, dtype=shares.dtype)
    low = shares * (1 - is_top)
    others = (xp.sum(is_top, axis=0) - is_top) * top + (xp.sum(low, axis=0) - low)
    return shares * others


def all_margins(raw, xp=np):
    """Margin of every class, ``z_k - logsumexp(z_j for j != k)``."""
    first = class_mask(xp.argmax(raw, axis=0), raw, xp)
    first_margin, _ = true_margin(first, raw, xp)
    gap = raw - xp.max(raw, axis=0)
    low = xp.exp(gap) * (1 - first)
    margins = gap - xp.log1p(xp.sum(low, axis=0) - low)
    return first * first_margin + (1 - first) * margins


def log_softmax(raw, xp=np):
    """Logarithm of the softmax over the classes."""
    gap = raw - xp.max(raw, axis=0)
    return gap - xp.log(xp.sum(xp.exp(gap), axis=0))


def softmax(raw, xp=np):
    """Softmax over the classes."""
    weights = xp.exp(raw - xp.max(raw, axis=0))
    return weights / xp.sum(weights, axis=0)
