"""Margins of classes against the softmax of the others, for raw scores of shape (K, n_rows)."""

import numpy as np


def true_margin(y, raw):
    """Margin of the true class and what the chain rule needs of the softmax ``s`` over the others.

    Returns
    -------
    margin : ndarray of shape (n_rows,)
    direction : ndarray of shape (n_classes, n_rows)
        Minus the margin's gradient: ``s``, and -1 at the true class.
    spread : ndarray of shape (n_classes, n_rows)
        ``s * (1 - s)``, minus the diagonal of the margin's Hessian; ``1 - s`` is a sum of the
        other terms, never a difference from 1.
    """
    columns = np.arange(len(y))
    true_raw = raw[y, columns]
    others = raw.copy()
    others[y, columns] = -np.inf
    top = others.max(axis=0)
    is_top = others == top
    others = np.exp(others - top)
    low = others - is_top
    low_sum, n_top = low.sum(axis=0), is_top.sum(axis=0, dtype=raw.dtype)
    total = low_sum + n_top
    margin = (true_raw - top) - np.log(total)
    softmax_others = others / total
    spread = softmax_others * (((low_sum - low) + (n_top - is_top)) / total)
    softmax_others[y, columns] = -1
    return margin, softmax_others, spread


def all_margins(raw):
    """Margin of every class, ``z_k - logsumexp(z_j for j != k)``, for raw of shape (K, n_rows)."""
    columns = np.arange(raw.shape[1])
    first = raw.argmax(axis=0)
    top = raw[first, columns]
    low = np.exp(raw - top)
    low[first, columns] = 0
    margins = (raw - top) - np.log1p(low.sum(axis=0) - low)
    margins[first, columns], _, _ = true_margin(first, raw)
    return margins
