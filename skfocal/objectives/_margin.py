"""The focal loss as one scalar function of the margin of the true class.

With ``m`` the margin, ``p = expit(m)`` the probability of the true class and ``q = expit(-m)``
its complement, the loss of a row is ``f(m) = q**gamma * softplus(-m)``. This file is the only
home of that formula: of its derivatives, of the second-order terms handed to boosted trees and
of the map from scores to probabilities. Binary and multiclass losses reach it through the chain
rule in ``_binary.py`` and ``_multiclass.py``, which also apply class factors and weights.

Every function takes an array of margins and its namespace ``xp``, uses the array API standard
alone and computes in the array's dtype. ``gamma`` is a float or an array like ``margin``. Nothing
is clipped, no epsilon is added and ``1 - p`` is never formed, so the results are accurate to a few
units in the last place in both tails.
"""

from functools import reduce
from operator import mul

import numpy as np


def focal_loss(margin, gamma, xp=np):
    """Loss ``f = q**gamma * L`` with ``L = -log(p)``."""
    _, miss, cross_entropy = _probabilities(margin, xp)
    return _power(miss, gamma, xp) * cross_entropy


def focal_slope(margin, gamma, xp=np):
    """Size of the first derivative, ``|f'| = q**gamma * (q + gamma*p*L)``; ``f'`` is negative."""
    _, slope = focal_loss_slope(margin, gamma, xp)
    return slope


def focal_loss_slope(margin, gamma, xp=np):
    """Loss and size of its first derivative, from one evaluation of the exponential."""
    hit, miss, cross_entropy = _probabilities(margin, xp)
    power = _power(miss, gamma, xp)
    return power * cross_entropy, power * _slope_factor(hit, miss, gamma * cross_entropy)


def focal_slope_hessian(margin, gamma, xp=np):
    """Size of the first derivative and the exact second derivative, which may be negative."""
    hit, miss, cross_entropy = _probabilities(margin, xp)
    slope, bend = _slope_bend_factors(hit, miss, cross_entropy, gamma)
    power = _power(miss, gamma, xp)
    # p enters as two square roots: far below zero p is subnormal while p * L is not yet.
    root = xp.exp(0.5 * _negative_part(margin, xp))
    return power * slope, power * bend * root * (root * xp.maximum(hit, miss))


def focal_slope_newton(margin, gamma, xp=np):
    """Size of the first derivative and the second-order term ``max(f'', p * |f'|)``.

    The exact second derivative where it is large enough, the Gauss-Newton term elsewhere:
    positive everywhere, and cross-entropy's ``p * q`` at ``gamma=0``.
    """
    hit, miss, cross_entropy = _probabilities(margin, xp)
    slope, bend = _slope_bend_factors(hit, miss, cross_entropy, gamma)
    power = _power(miss, gamma, xp)
    return power * slope, power * (xp.maximum(slope, bend) * hit)


def geometric_curvature(newton, majorant, xp=np):
    """Geometric mean of the two second-order terms, at least a fifth of the majorant.

    The majorant bounds the loss along any step, so a term of at least ``r`` times it takes no
    step that raises the loss at a learning rate of up to ``r``. The floor allows 0.2, the largest
    that ``learning_rate="auto"`` takes.
    """
    # A root of the quotient, as the product may underflow; where the majorant does, both are 0.
    zero = xp.asarray(majorant == 0, dtype=majorant.dtype)
    return xp.clip(xp.sqrt(newton / (majorant + zero)), 0.2, np.inf) * majorant


def log_posterior(margin, gamma, xp=np):
    """Log of ``p * q / |f'|``: a class's posterior probability, up to a factor common to all.

    A score vector that minimises the expected loss has class probabilities proportional to this
    (Charoenphakdee et al., CVPR 2021, extended to one gamma per class).
    """
    size = xp.abs(margin)
    log_sum, ratio, opposite_ratio = _miss_ratios(size, xp)
    ratio = xp.where(margin < 0, opposite_ratio, ratio)
    hinges = 0.5 * (gamma * (size + margin) - (size - margin))
    return hinges + (gamma - 1) * log_sum - xp.log1p(gamma * ratio)


def log_posterior_odds(raw_prediction, gamma_0, gamma_1, xp=np):
    """Difference of :func:`log_posterior` for class 1 and class 0, exactly the score at gamma 0.

    For equal gammas an odd function of the score. For unequal ones the class on whose side the
    score is takes the place of class 1, and what is not odd is added.
    """
    size = xp.abs(raw_prediction)
    log_sum, ratio, opposite_ratio = _miss_ratios(size, xp)
    is_negative = raw_prediction < 0
    near = far = gamma_0
    if gamma_0 != gamma_1:
        gammas = xp.full_like(size, gamma_0), xp.full_like(size, gamma_1)
        near, far = xp.where(is_negative, *gammas), xp.where(is_negative, *gammas[::-1])
    odds = (1 + near) * size + xp.log((1 + far * opposite_ratio) / (1 + near * ratio))
    odds = xp.where(is_negative, -odds, odds)
    return odds if gamma_0 == gamma_1 else odds + (gamma_1 - gamma_0) * log_sum


def cross_entropy(margin, xp=np):
    """``L = -log(p)``, the focal loss at gamma 0."""
    return _probabilities(margin, xp)[2]


def miss_hit(margin, xp=np):
    """``q = 1 - p`` and ``p``, each accurate in both tails."""
    hit, miss, _ = _probabilities(margin, xp)
    return miss, hit


def _probabilities(margin, xp):
    """Return ``p``, ``q = 1 - p`` and ``L = -log(p)``, each accurate in both tails."""
    small = xp.exp(-xp.abs(margin))
    total = 1 + small
    above = xp.asarray(margin >= 0, dtype=margin.dtype)
    # The larger of p and q is 1 / total, the other small / total. NumPy's maximum takes a tenth
    # of the time of its where.
    hit = xp.maximum(small, above) / total
    miss = xp.maximum(small, 1 - above) / total
    return hit, miss, _log1p(small, xp) - _negative_part(margin, xp)


def _log1p(small, xp):
    """``log1p`` of numbers from 0 to 1, to a unit or two in the last place.

    The logarithm of the rounded sum, and the rounding made good: NumPy's own log1p takes four
    times as long in float32 where the processor lacks AVX-512.
    """
    total = 1 + small
    return xp.log(total) + (small - (total - 1)) / total


def _negative_part(margin, xp):
    """``min(margin, 0)``, exactly."""
    return 0.5 * (margin - xp.abs(margin))


def _power(base, gamma, xp):
    """``base**gamma``: for halves of integers by products and a root, which cost less."""
    if not isinstance(gamma, float | int) or gamma > 8 or 2 * gamma % 1:
        return base**gamma
    whole, half = divmod(gamma, 1)
    factors = [xp.sqrt(base)] * bool(half) + [base] * int(whole)
    return reduce(mul, factors) if factors else 1.0


def _slope_factor(hit, miss, focus):
    """``|f'| / q**gamma = q + p*F`` with ``F = gamma*L``: terms of one sign, no digits cancel."""
    return miss + hit * focus


def _slope_bend_factors(hit, miss, cross_entropy, gamma):
    """The slope's factor S and ``f'' / (p * q**gamma) = gamma*S + (1 + gamma - F)*q``."""
    focus = gamma * cross_entropy
    slope = _slope_factor(hit, miss, focus)
    return slope, gamma * slope + (1 + gamma - focus) * miss


def _miss_ratios(size, xp):
    """``log1p(exp(-|m|))``, and ``T = p*L/q = exp(m) * log1p(exp(-m))`` at ``|m|`` and ``-|m|``.

    T rises from 0 to 1.
    """
    small = xp.exp(-size)
    log_sum = xp.log1p(small)
    zero = xp.asarray(small == 0, dtype=size.dtype)
    return log_sum, log_sum / (small + zero) + zero, small * (log_sum + size)


SLOPE_CURVATURE = {"exact": focal_slope_hessian, "newton": focal_slope_newton}
