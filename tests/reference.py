"""The focal loss in 50-digit arithmetic, written from its definition: what tests compare with.

Margins and scores are taken as exact numbers. The closed forms of the derivatives are themselves
compared with numerical derivatives of :func:`loss` and :func:`multiclass_loss`, in
``test_margin.py`` and ``test_multiclass.py``.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from mpmath import exp, log, log1p, mp, mpf

mp.dps = 50

GAMMAS = [0, 1e-3, 0.1, 0.5, 0.75, 1, 4 / 3, 1.7, 2, 2.5, 5]

# A few units in the last place: 23 of float64's, 25 of float32's.
TOLERANCE = {np.float64: 5e-15, np.float32: 3e-6}


class Derivatives(NamedTuple):
    """Loss, first derivative, second derivative and the added-up sizes of the latter's terms."""

    loss: mpf
    slope: mpf
    bend: mpf
    bend_size: mpf


def relative_error(actual, exact, size=None):
    """Largest ``|actual - exact| / size``, where size is ``|exact|`` unless given.

    Where exact is no normal number of actual's dtype, only what is more than four smallest
    normals off counts.
    """
    tiny = float(np.finfo(actual.dtype).tiny)
    exact = list(exact)
    size = exact if size is None else size
    errors = [0.0]
    for got, wanted, scale in zip(actual.ravel().tolist(), exact, size, strict=True):
        excess = abs(got - wanted) - (4 * tiny if abs(wanted) < tiny else 0)
        errors.append(0.0 if excess <= 0 else float(excess / abs(scale)))
    return np.max(errors)  # unlike max, it passes NaN on


def loss(margin, gamma):
    """``q**gamma * -log(p)`` with ``p = 1 / (1 + exp(-margin))`` and ``q = 1 - p``."""
    return (1 / (1 + exp(mpf(margin)))) ** mpf(gamma) * log1p(exp(-mpf(margin)))


@cache
def derivatives(margin, gamma):
    """Value and both derivatives of :func:`loss`; the slope is negative."""
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
        bend=sum(terms),
        bend_size=sum(abs(term) for term in terms),
    )


def all_derivatives(margins, gamma):
    """:func:`derivatives` of an array of margins, as one tuple of tuples."""
    return Derivatives(*zip(*(derivatives(m, gamma) for m in margins.tolist()), strict=True))


def log_posterior(margin, gamma):
    """Log of ``p * q / |f'|``, to which a class's posterior probability is proportional."""
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
    """Loss, gradient, Hessian and added-up sizes of its diagonal's terms, of one row of scores."""
    classes = range(len(raw_prediction))
    f = derivatives(margin(raw_prediction, y), gamma)
    top = max(z for k, z in enumerate(raw_prediction) if k != y)
    weights = [exp(mpf(z) - top) if k != y else mpf(0) for k, z in enumerate(raw_prediction)]
    s = [weight / sum(weights) for weight in weights]
    u = [-s[k] if k != y else mpf(1) for k in classes]
    spread = [[-s[j] * s[k] for j in classes] for k in classes]
    for k in classes:
        spread[k][k] = s[k] * sum(s[j] for j in classes if j != k)
    hessian = [[f.bend * u[j] * u[k] - f.slope * spread[k][j] for j in classes] for k in classes]
    sizes = [f.bend_size * u[k] ** 2 - f.slope * spread[k][k] for k in classes]
    return f.loss, [f.slope * u[k] for k in classes], hessian, sizes
