"""Reference implementation of the focal loss in 50-digit arithmetic, from its definition.

Margins and scores are treated as exact numbers. ``test_margin.py`` and ``test_multiclass.py``
compare the closed-form derivatives with numerical derivatives of :func:`loss` and
:func:`multiclass_loss`.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from mpmath import exp, log, log1p, mp, mpf

mp.dps = 50

GAMMAS = [0, 1e-3, 0.1, 0.5, 0.75, 1, 4 / 3, 1.7, 2, 2.5, 5]

# About 25 units in the last place of each dtype.
TOLERANCE = {np.float64: 5e-15, np.float32: 3e-6}


class Derivatives(NamedTuple):
    """Loss, its first two derivatives and the absolute sum of the second derivative's terms."""

    loss: mpf
    slope: mpf
    curvature: mpf
    curvature_abs_sum: mpf


def relative_error(actual, exact, size=None):
    """Return the largest ``|actual - exact| / size``; ``size`` is ``|exact|`` by default.

    If ``exact`` is subnormal in the dtype of ``actual``, an error of up to four times the smallest
    normal number is ignored.
    """
    tiny = float(np.finfo(actual.dtype).tiny)
    exact = list(exact)
    size = exact if size is None else size
    errors = [0.0]
    for got, wanted, scale in zip(actual.ravel().tolist(), exact, size, strict=True):
        excess = abs(got - wanted) - (4 * tiny if abs(wanted) < tiny else 0)
        errors.append(0.0 if excess <= 0 else float(excess / abs(scale)))
    return np.max(errors)  # propagates NaN, unlike max


def loss(margin, gamma):
    """``q**gamma * -log(p)`` with ``p = 1 / (1 + exp(-margin))`` and ``q = 1 - p``."""
    return (1 / (1 + exp(mpf(margin)))) ** mpf(gamma) * log1p(exp(-mpf(margin)))


@cache
def derivatives(margin, gamma):
    """Return :func:`loss` and its first two derivatives; ``slope`` is negative here."""
    m, g = mpf(margin), mpf(gamma)
    p, q, cross_entropy = 1 / (1 + exp(-m)), 1 / (1 + exp(m)), log1p(exp(-m))
    modulation = q**g
    terms = [
        modulation * p * (1 + 2 * g) * q,
        modulation * p * g * cross_entropy * g * p,
        -modulation * p * g * cross_entropy * q,
    ]
    return Derivatives(
        loss=modulation * cross_entropy,
        slope=-modulation * (q + g * p * cross_entropy),
        curvature=sum(terms),
        curvature_abs_sum=sum(abs(term) for term in terms),
    )


def all_derivatives(margins, gamma):
    """Return :func:`derivatives` of an array of margins, with a tuple for each field."""
    return Derivatives(*zip(*(derivatives(m, gamma) for m in margins.tolist()), strict=True))


def log_posterior(margin, gamma):
    """Return ``log(p * q / |f'|)``; the posterior is proportional to ``p * q / |f'|``."""
    p, q = 1 / (1 + exp(-mpf(margin))), 1 / (1 + exp(mpf(margin)))
    return log(p * q / -derivatives(margin, gamma).slope)


def margin(raw_prediction, k):
    """``z_k - logsumexp(z_j for j != k)`` of one row of scores."""
    others = [mpf(z) for j, z in enumerate(raw_prediction) if j != k]
    return mpf(raw_prediction[k]) - max(others) - log(sum(exp(z - max(others)) for z in others))


def multiclass_loss(y, raw_prediction, gamma):
    """Loss of one row of scores."""
    return loss(margin(raw_prediction, y), gamma)


def multiclass(y, raw_prediction, gamma):
    """Return the loss, gradient and Hessian of one row of scores.

    The last result is the absolute sum of the terms of each diagonal element of the Hessian.
    """
    classes = range(len(raw_prediction))
    f = derivatives(margin(raw_prediction, y), gamma)
    top = max(z for k, z in enumerate(raw_prediction) if k != y)
    weights = [exp(mpf(z) - top) if k != y else mpf(0) for k, z in enumerate(raw_prediction)]
    s = [weight / sum(weights) for weight in weights]
    u = [-s[k] if k != y else mpf(1) for k in classes]
    spread = [[-s[j] * s[k] for j in classes] for k in classes]
    for k in classes:
        spread[k][k] = s[k] * sum(s[j] for j in classes if j != k)
    hessian = [
        [f.curvature * u[j] * u[k] - f.slope * spread[k][j] for j in classes] for k in classes
    ]
    abs_sums = [f.curvature_abs_sum * u[k] ** 2 - f.slope * spread[k][k] for k in classes]
    return f.loss, [f.slope * u[k] for k in classes], hessian, abs_sums
