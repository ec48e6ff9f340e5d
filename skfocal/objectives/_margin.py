"""The focal loss as one scalar function of the margin of the true class.

With ``m`` the margin, ``p = expit(m)`` the probability of the true class and ``q = expit(-m)``
its complement, the loss of a row is ``f(m) = q**gamma * softplus(-m)``. This file is the only
home of that formula: of its derivatives, of the second-order terms handed to boosted trees and
of the map from scores to probabilities. Binary and multiclass losses reach it through the chain
rule in ``_loss.py``, which also applies class factors and sample weights.

Every function takes an array of margins and computes in its dtype. ``gamma`` is a float or an
array like ``margin``. Nothing is clipped, no epsilon is added and ``1 - p`` is never formed, so
the results are accurate to a few units in the last place in both tails.
"""

import numpy as np


def focal_loss(margin, gamma):
    """Loss ``f = q**gamma * L`` with ``L = -log(p)``."""
    _, miss, cross_entropy = _probabilities(margin)
    return _modulate(cross_entropy, miss, gamma)


def focal_slope(margin, gamma):
    """Size of the first derivative, ``|f'| = q**gamma * (q + gamma*p*L)``; ``f'`` is negative."""
    hit, miss, cross_entropy = _probabilities(margin)
    return _modulate(_slope_factor(hit, miss, cross_entropy, gamma), miss, gamma)


def focal_loss_slope(margin, gamma):
    """Loss and size of its first derivative, from one evaluation of the exponentials."""
    hit, miss, cross_entropy = _probabilities(margin)
    slope = _modulate(_slope_factor(hit, miss, cross_entropy, gamma), miss, gamma)
    return _modulate(cross_entropy, miss, gamma), slope


def focal_slope_hessian(margin, gamma):
    """Size of the first derivative and the exact second derivative, which may be negative."""
    hit, miss, cross_entropy = _probabilities(margin)
    slope = _modulate(_slope_factor(hit, miss, cross_entropy, gamma), miss, gamma)
    bend = _modulate(_bend_factor(hit, miss, cross_entropy, gamma), miss, gamma)
    # p enters as two square roots: far below zero p is subnormal while p * L is not yet.
    root = np.exp(0.5 * np.minimum(margin, 0))
    bend *= root
    root *= np.maximum(hit, miss)
    bend *= root
    return slope, bend


def focal_slope_newton(margin, gamma):
    """Size of the first derivative and the second-order term ``max(f'', p * |f'|)``.

    The exact second derivative where it is large enough, the Gauss-Newton term elsewhere:
    positive everywhere, and cross-entropy's ``p * q`` at ``gamma=0``.
    """
    hit, miss, cross_entropy = _probabilities(margin)
    slope = _slope_factor(hit, miss, cross_entropy, gamma)
    bend = _bend_factor(hit, miss, cross_entropy, gamma)
    np.maximum(slope, bend, out=bend)
    bend *= hit
    return _modulate(slope, miss, gamma), _modulate(bend, miss, gamma)


def geometric_curvature(newton, majorant):
    """Geometric mean of the two second-order terms, held above a tenth of the majorant.

    The majorant bounds the loss along any step, so a term of at least ``r`` times it takes no
    step that raises the loss at a learning rate of up to ``r``; the floor is for the usual 0.1.
    """
    mean = np.sqrt(newton)
    mean *= np.sqrt(majorant)  # two roots, since the product may underflow
    return np.maximum(mean, 0.1 * majorant)


def log_posterior(margin, gamma):
    """Log of ``p * q / |f'|``: a class's posterior probability, up to a factor common to all.

    A score vector that minimises the expected loss has class probabilities proportional to this
    (Charoenphakdee et al., CVPR 2021, extended to one gamma per class).
    """
    log_sum, miss_ratio = _log_sum_miss_ratio(margin)
    hinges = gamma * np.maximum(margin, 0) + np.minimum(margin, 0)
    return hinges + (gamma - 1) * log_sum - np.log1p(gamma * miss_ratio)


def log_posterior_odds(raw_prediction, gamma_0, gamma_1):
    """Difference of :func:`log_posterior` for class 1 and class 0, exactly the score at gamma 0."""
    log_sum, ratio_1 = _log_sum_miss_ratio(raw_prediction)
    _, ratio_0 = _log_sum_miss_ratio(-raw_prediction)
    hinge_1 = (1 + gamma_1) * np.maximum(raw_prediction, 0)
    hinge_0 = (1 + gamma_0) * np.minimum(raw_prediction, 0)
    correction = np.log1p(gamma_0 * ratio_0) - np.log1p(gamma_1 * ratio_1)
    return hinge_1 + hinge_0 + ((gamma_1 - gamma_0) * log_sum + correction)


def _probabilities(margin):
    """Return ``p``, ``q = 1 - p`` and ``L = -log(p)``, each accurate in both tails."""
    below = np.minimum(margin, 0)
    hit, miss = np.exp(below), below - margin
    np.exp(miss, out=miss)
    cross_entropy = hit * miss
    np.log1p(cross_entropy, out=cross_entropy)
    cross_entropy -= below
    total = np.add(hit, miss, out=below)
    hit /= total
    miss /= total
    return hit, miss, cross_entropy


def _modulate(values, miss, gamma):
    """Multiply ``values`` by ``miss**gamma``, in place.

    Halves of integers take products and a square root, which cost less than a power.
    """
    if np.ndim(gamma) or gamma > 8 or 2 * gamma % 1:
        values *= miss**gamma
        return values
    for _ in range(int(gamma)):
        values *= miss
    if gamma % 1:
        values *= np.sqrt(miss)
    return values


def _slope_factor(hit, miss, cross_entropy, gamma):
    """``|f'| / q**gamma = q + gamma*p*L``: two terms of one sign, so no digits cancel."""
    if np.ndim(gamma) == 0 and gamma == 0:
        return miss.copy()
    factor = hit * cross_entropy
    factor *= gamma
    factor += miss
    return factor


def _bend_factor(hit, miss, cross_entropy, gamma):
    """``f'' / (p * q**gamma) = (1 + 2*gamma)*q + gamma*L*(gamma*p - q)``."""
    factor = hit * gamma
    factor -= miss
    factor *= cross_entropy
    factor *= gamma
    factor += (1 + 2 * gamma) * miss
    return factor


def _log_sum_miss_ratio(margin):
    """``log1p(exp(-|m|))`` and ``T = p*L/q = exp(m) * log1p(exp(-m))``, which rises from 0 to 1."""
    small = np.exp(-np.abs(margin))
    log_sum = np.log1p(small)
    ratio = np.divide(log_sum, small, out=np.ones_like(small), where=small > 0)
    return log_sum, np.where(margin < 0, small * (log_sum - margin), ratio)


SLOPE_CURVATURE = {"exact": focal_slope_hessian, "newton": focal_slope_newton}
