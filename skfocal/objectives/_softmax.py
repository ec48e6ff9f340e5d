"""Margins of classes against the softmax of the others, for raw scores of shape (K, n_rows)."""

import numpy as np


def true_margin(y, raw, empty_like=np.empty_like):
    """Margin of the true class and what the chain rule needs of the softmax ``s`` over the others.

    Results and temporaries are taken from ``empty_like``.

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
    others = np.positive(raw, out=empty_like(raw))
    others[y, columns] = -np.inf
    top = others.max(axis=0)
    is_top = np.equal(others, top, out=empty_like(raw, bool))
    others -= top
    np.exp(others, out=others)
    low = np.subtract(others, is_top, out=empty_like(raw))
    low_sum, n_top = low.sum(axis=0), is_top.sum(axis=0, dtype=raw.dtype)
    total = low_sum + n_top
    margin = (true_raw - top) - np.log(total)
    spread = np.subtract(low_sum, low, out=low)
    spread += np.subtract(n_top, is_top, out=empty_like(raw))
    spread /= total
    others /= total
    spread *= others
    others[y, columns] = -1
    return margin, others, spread


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
