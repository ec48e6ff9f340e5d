"""Margins of classes against the softmax of the others, for raw scores of shape (K, n_rows)."""

import numpy as np


def true_margin(y, raw, empty_like=np.empty_like):
    """Margin of the true class and minus its gradient, for C-contiguous raw.

    Results and temporaries are taken from ``empty_like``.

    Returns
    -------
    margin : ndarray of shape (n_rows,)
    direction : ndarray of shape (n_classes, n_rows)
        The softmax ``s`` over the other classes, and -1 at the true one.
    """
    own = y * len(y)  # flat, as indices in two dimensions take longer
    own += np.arange(len(y))
    others = np.positive(raw, out=empty_like(raw))
    flat = others.reshape(-1)
    margin = flat.take(own, out=empty_like(raw[0]), mode="clip")
    flat[own] = -np.inf
    top = others.max(axis=0, out=empty_like(margin))
    others -= top
    flat[own] = 0  # the exponential of -inf takes several times as long
    np.exp(others, out=others)
    flat[own] = 0
    total = others.sum(axis=0, out=empty_like(margin))
    others /= total
    flat[own] = -1
    margin -= top
    margin -= np.log(total, out=total)
    return margin, others


def softmax_spread(direction, empty_like=np.empty_like):
    """``s * (1 - s)`` of a direction as above, minus the diagonal of the margin's Hessian.

    ``1 - s`` is a sum of the other terms, never a difference from 1.
    """
    shares = np.clip(direction, 0, np.inf, out=empty_like(direction))
    top = shares.max(axis=0, out=empty_like(direction[0]))
    is_top = np.equal(shares, top, out=empty_like(direction, bool))
    low = np.multiply(shares, is_top, out=empty_like(direction))
    np.subtract(shares, low, out=low)
    low_sum = low.sum(axis=0, out=empty_like(top))
    n_top = is_top.sum(axis=0, dtype=top.dtype, out=empty_like(top))
    spread = np.subtract(n_top, is_top, out=empty_like(direction))
    spread *= top
    spread += np.subtract(low_sum, low, out=low)
    spread *= shares
    return spread


def all_margins(raw):
    """Margin of every class, ``z_k - logsumexp(z_j for j != k)``, for raw of shape (K, n_rows)."""
    columns = np.arange(raw.shape[1])
    first = raw.argmax(axis=0)
    top = raw[first, columns]
    low = np.exp(raw - top)
    low[first, columns] = 0
    margins = (raw - top) - np.log1p(low.sum(axis=0) - low)
    margins[first, columns], _ = true_margin(first, raw)
    return margins
