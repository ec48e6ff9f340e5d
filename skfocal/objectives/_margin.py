"""The focal loss as a scalar function of the margin of the true class.

With the margin ``m``, the probability ``p = expit(m)`` of the true class and its complement
``q = expit(-m)``, the loss of a row is ``f(m) = q**gamma * L`` with ``L = -log(p)``. This is the
only file with this formula, its derivatives, the second-order terms for boosted trees and the map
from scores to probabilities. ``_binary.py`` and ``_multiclass.py`` apply the chain rule, class
factors and weights.

Every function takes an array of margins and its namespace ``xp``, uses only the array API standard
and computes in the array's dtype. ``gamma`` is a float or an array like ``margin``. Nothing is
clipped, no epsilon is added and ``1 - p`` is never computed, so the results are accurate to a few
units in the last place in both tails.
"""

from functools import reduce
from operator import mul

import numpy as np


def focal_loss(margin, gamma, xp=np):
    """Return the loss ``f = q**gamma * L``."""
    _, q, cross_entropy = _probabilities(margin, xp)
    return _power(q, gamma, xp) * cross_entropy


def focal_slope(margin, gamma, xp=np):
    """Return ``|f'| = q**gamma * (q + gamma*p*L)``; the first derivative is negative."""
    _, slope = focal_loss_slope(margin, gamma, xp)
    return slope


def focal_loss_slope(margin, gamma, xp=np):
    """Return ``f`` and ``|f'|`` from one evaluation of the exponential."""
    p, q, cross_entropy = _probabilities(margin, xp)
    power = _power(q, gamma, xp)
    return power * cross_entropy, power * _slope_factor(p, q, gamma * cross_entropy)


def focal_slope_hessian(margin, gamma, xp=np):
    """Return ``|f'|`` and the exact ``f''``, which may be negative."""
    p, q, cross_entropy = _probabilities(margin, xp)
    slope, curvature = _slope_curvature_factors(p, q, cross_entropy, gamma)
    power = _power(q, gamma, xp)
    # Multiply by sqrt(p) twice: for very negative margins, p is subnormal before p * L is.
    root = xp.exp(0.5 * _negative_part(margin, xp))
    return power * slope, power * curvature * root * (root * xp.maximum(p, q))


def focal_slope_newton(margin, gamma, xp=np):
    """Return ``|f'|`` and the second-order term ``max(f'', p * |f'|)``.

    This is the larger of the exact second derivative and the Gauss-Newton term. It is always
    positive, and equals cross-entropy's ``p * q`` at ``gamma=0``.
    """
    p, q, cross_entropy = _probabilities(margin, xp)
    slope, curvature = _slope_curvature_factors(p, q, cross_entropy, gamma)
    power = _power(q, gamma, xp)
    return power * slope, power * (xp.maximum(slope, curvature) * p)


def geometric_curvature(newton, majorant, xp=np):
    """Return the geometric mean of the two terms, but at least a fifth of the majorant.

    The majorant bounds the loss along any step. With a second-order term of at least ``r`` times
    the majorant, no step increases the loss at learning rates up to ``r``. The lower bound of a
    fifth allows 0.2, the largest rate that ``learning_rate="auto"`` chooses.
    """
    # The root of the quotient, because the product may underflow. If the majorant underflows to 0,
    # so does newton.
    zero = xp.asarray(majorant == 0, dtype=majorant.dtype)
    return xp.clip(xp.sqrt(newton / (majorant + zero)), 0.2, np.inf) * majorant


def log_posterior(margin, gamma, xp=np):
    """Return ``log(p * q / |f'|)``, a class's log posterior up to a constant per row.

    If scores minimise the expected loss, the class probabilities are proportional to
    ``p * q / |f'|`` (Charoenphakdee et al., CVPR 2021, extended to one gamma per class).
    """
    abs_margin = xp.abs(margin)
    log_sum, ratio, opposite_ratio = _cross_entropy_ratios(abs_margin, xp)
    ratio = xp.where(margin < 0, opposite_ratio, ratio)
    # gamma * max(margin, 0) + min(margin, 0)
    piecewise_linear = 0.5 * (gamma * (abs_margin + margin) - (abs_margin - margin))
    return piecewise_linear + (gamma - 1) * log_sum - xp.log1p(gamma * ratio)


def log_posterior_odds(raw_prediction, gamma_0, gamma_1, xp=np):
    """Return the difference of :func:`log_posterior` between class 1 and class 0.

    At ``gamma_0 = gamma_1 = 0`` this is exactly the score.
    """
    abs_score = xp.abs(raw_prediction)
    log_sum, ratio, opposite_ratio = _cross_entropy_ratios(abs_score, xp)
    is_negative = raw_prediction < 0
    # Gammas of the class that the sign of the score predicts, and of the other class.
    predicted = other = gamma_0
    if gamma_0 != gamma_1:
        gammas = xp.full_like(abs_score, gamma_0), xp.full_like(abs_score, gamma_1)
        predicted, other = xp.where(is_negative, *gammas), xp.where(is_negative, *gammas[::-1])
    log_ratio = xp.log((1 + other * opposite_ratio) / (1 + predicted * ratio))
    odds = (1 + predicted) * abs_score + log_ratio
    odds = xp.where(is_negative, -odds, odds)
    return odds if gamma_0 == gamma_1 else odds + (gamma_1 - gamma_0) * log_sum


def cross_entropy(margin, xp=np):
    """Return ``L = -log(p)``, the focal loss at gamma 0."""
    return _probabilities(margin, xp)[2]


def sigmoid_pair(raw, xp=np):
    """Return ``expit(-raw)`` and ``expit(raw)``, each accurate in both tails."""
    p, q, _ = _probabilities(raw, xp)
    return q, p


def _probabilities(margin, xp):
    """Return ``p``, ``q = 1 - p`` and ``L = -log(p)``, each accurate in both tails."""
    small = xp.exp(-xp.abs(margin))
    total = 1 + small
    above = xp.asarray(margin >= 0, dtype=margin.dtype)
    # The larger of p and q is 1 / total, the other one small / total. NumPy's maximum is ten times
    # faster than its where.
    p = xp.maximum(small, above) / total
    q = xp.maximum(small, 1 - above) / total
    return p, q, _log1p(small, xp) - _negative_part(margin, xp)


def _log1p(small, xp):
    """Return ``log1p`` of numbers between 0 and 1, to one or two units in the last place.

    This takes the logarithm of the rounded sum and corrects for the rounding. NumPy's log1p is
    four times slower in float32 on processors without AVX-512.
    """
    total = 1 + small
    return xp.log(total) + (small - (total - 1)) / total


def _negative_part(margin, xp):
    """Return ``min(margin, 0)``, without rounding."""
    return 0.5 * (margin - xp.abs(margin))


def _power(base, gamma, xp):
    """Return ``base**gamma``, with faster products and a root for multiples of 0.5 up to 8."""
    if not isinstance(gamma, float | int) or gamma > 8 or 2 * gamma % 1:
        return base**gamma
    whole, half = divmod(gamma, 1)
    factors = [xp.sqrt(base)] * bool(half) + [base] * int(whole)
    return reduce(mul, factors) if factors else 1.0


def _slope_factor(p, q, gamma_entropy):
    """Return ``S = |f'| / q**gamma = q + p*G`` with ``G = gamma*L``.

    Both terms are positive, so no digits cancel.
    """
    return q + p * gamma_entropy


def _slope_curvature_factors(p, q, cross_entropy, gamma):
    """Return ``S`` and ``f'' / (p * q**gamma) = gamma*S + (1 + gamma - G)*q``."""
    gamma_entropy = gamma * cross_entropy
    slope = _slope_factor(p, q, gamma_entropy)
    return slope, gamma * slope + (1 + gamma - gamma_entropy) * q


def _cross_entropy_ratios(abs_margin, xp):
    """Return ``log1p(exp(-|m|))``, and the ratio ``T = p*L/q`` at ``|m|`` and at ``-|m|``.

    ``T(m) = exp(m) * log1p(exp(-m))`` increases from 0 to 1.
    """
    small = xp.exp(-abs_margin)
    log_sum = xp.log1p(small)
    zero = xp.asarray(small == 0, dtype=abs_margin.dtype)
    return log_sum, log_sum / (small + zero) + zero, small * (log_sum + abs_margin)


SLOPE_CURVATURE = {"exact": focal_slope_hessian, "newton": focal_slope_newton}
