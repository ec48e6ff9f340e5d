"""The focal loss as one scalar function of the margin of the true class.

With ``m`` the margin, ``p = expit(m)`` the probability of the true class and ``q = expit(-m)``
its complement, the loss of a row is ``f(m) = q**gamma * softplus(-m)``. This file is the only
home of that formula: of its derivatives, of the second-order terms handed to boosted trees and
of the map from scores to probabilities. Binary and multiclass losses reach it through the chain
rule in ``_binary.py`` and ``_multiclass.py``, which also apply class factors and weights.

Every function takes an array of margins and computes in its dtype. ``gamma`` is a float or an
array like ``margin``. Nothing is clipped, no epsilon is added and ``1 - p`` is never formed, so
the results are accurate to a few units in the last place in both tails.

Results and temporaries are taken from ``empty_like``, by default NumPy's: over many blocks of
rows, arrays that are used again save most of the time (``_memory.py``).
"""

import numpy as np


def focal_loss(margin, gamma, empty_like=np.empty_like):
    """Loss ``f = q**gamma * L`` with ``L = -log(p)``."""
    _, miss, loss = _probabilities(margin, empty_like)
    _modulate((loss,), miss, gamma, empty_like)
    return loss


def focal_slope(margin, gamma, empty_like=np.empty_like):
    """Size of the first derivative, ``|f'| = q**gamma * (q + gamma*p*L)``; ``f'`` is negative."""
    hit, miss, cross_entropy = _probabilities(margin, empty_like)
    cross_entropy *= gamma
    slope = _slope_factor(hit, miss, cross_entropy, empty_like)
    _modulate((slope,), miss, gamma, empty_like)
    return slope


def focal_loss_slope(margin, gamma, empty_like=np.empty_like):
    """Loss and size of its first derivative, from one evaluation of the exponentials."""
    hit, miss, loss = _probabilities(margin, empty_like)
    slope = _slope_factor(hit, miss, np.multiply(loss, gamma, out=empty_like(loss)), empty_like)
    _modulate((loss, slope), miss, gamma, empty_like)
    return loss, slope


def focal_slope_hessian(margin, gamma, empty_like=np.empty_like):
    """Size of the first derivative and the exact second derivative, which may be negative."""
    hit, miss, cross_entropy = _probabilities(margin, empty_like)
    slope, bend = _slope_bend_factors(hit, miss, cross_entropy, gamma, empty_like)
    _modulate((slope, bend), miss, gamma, empty_like)
    # p enters as two square roots: far below zero p is subnormal while p * L is not yet.
    root = np.clip(margin, -np.inf, 0, out=empty_like(margin))
    root *= 0.5
    np.exp(root, out=root)
    bend *= root
    root *= np.maximum(hit, miss, out=hit)
    bend *= root
    return slope, bend


def focal_slope_newton(margin, gamma, empty_like=np.empty_like):
    """Size of the first derivative and the second-order term ``max(f'', p * |f'|)``.

    The exact second derivative where it is large enough, the Gauss-Newton term elsewhere:
    positive everywhere, and cross-entropy's ``p * q`` at ``gamma=0``.
    """
    hit, miss, cross_entropy = _probabilities(margin, empty_like)
    slope, bend = _slope_bend_factors(hit, miss, cross_entropy, gamma, empty_like)
    np.maximum(slope, bend, out=bend)
    bend *= hit
    _modulate((slope, bend), miss, gamma, empty_like)
    return slope, bend


def geometric_curvature(newton, majorant, empty_like=np.empty_like):
    """Geometric mean of the two second-order terms, held above a tenth of the majorant.

    The majorant bounds the loss along any step, so a term of at least ``r`` times it takes no
    step that raises the loss at a learning rate of up to ``r``; the floor is for the usual 0.1.
    """
    # A root of the quotient, as the product may underflow; NaN, and so the floor, where both are 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.divide(newton, majorant, out=empty_like(newton))
        np.sqrt(mean, out=mean)
        mean *= majorant
    floor = np.multiply(majorant, 0.1, out=empty_like(newton))
    return np.fmax(mean, floor, out=mean)


def log_posterior(margin, gamma):
    """Log of ``p * q / |f'|``: a class's posterior probability, up to a factor common to all.

    A score vector that minimises the expected loss has class probabilities proportional to this
    (Charoenphakdee et al., CVPR 2021, extended to one gamma per class).
    """
    log_sum, ratio, opposite_ratio = _miss_ratios(np.abs(margin), np.empty_like)
    ratio = np.where(margin < 0, opposite_ratio, ratio)
    hinges = gamma * np.maximum(margin, 0) + np.minimum(margin, 0)
    return hinges + (gamma - 1) * log_sum - np.log1p(gamma * ratio)


def log_posterior_odds(raw_prediction, gamma_0, gamma_1, empty_like=np.empty_like):
    """Difference of :func:`log_posterior` for class 1 and class 0, exactly the score at gamma 0.

    For equal gammas an odd function of the score. For unequal ones the class on whose side the
    score is takes the place of class 1, and what is not odd is added.
    """
    size = np.abs(raw_prediction, out=empty_like(raw_prediction))
    log_sum, ratio, opposite_ratio = _miss_ratios(size, empty_like)
    near, far = gamma_1, gamma_0
    if gamma_0 != gamma_1:
        gammas = np.array([gamma_1, gamma_0], dtype=size.dtype)
        is_0 = np.signbit(raw_prediction).astype(np.intp)
        near, far = gammas[is_0], gammas[1 - is_0]
    odds = np.multiply(size, 1 + near, out=size)
    opposite_ratio *= far
    opposite_ratio += 1
    ratio *= near
    ratio += 1
    opposite_ratio /= ratio
    odds += np.log(opposite_ratio, out=ratio)
    odds *= np.copysign(1, raw_prediction, out=ratio)
    if gamma_0 != gamma_1:
        odds += (gamma_1 - gamma_0) * log_sum
    return odds


def miss_hit(margin, empty_like=np.empty_like):
    """``q = 1 - p`` and ``p``, each accurate in both tails."""
    below, hit, miss = _exponentials(margin, empty_like)
    total = np.add(hit, miss, out=below)
    hit /= total
    miss /= total
    return miss, hit


def _probabilities(margin, empty_like):
    """Return ``p``, ``q = 1 - p`` and ``L = -log(p)``, each accurate in both tails."""
    below, hit, miss = _exponentials(margin, empty_like)
    cross_entropy = np.multiply(hit, miss, out=empty_like(margin))
    np.log1p(cross_entropy, out=cross_entropy)
    cross_entropy -= below
    total = np.add(hit, miss, out=below)
    hit /= total
    miss /= total
    return hit, miss, cross_entropy


def _exponentials(margin, empty_like):
    """``min(m, 0)``, its exponential u and ``w = exp(-max(m, 0))``: p is ``u / (u + w)``."""
    below = np.clip(margin, -np.inf, 0, out=empty_like(margin))  # twice as fast as np.minimum
    hit = np.exp(below, out=empty_like(margin))
    miss = np.subtract(below, margin, out=empty_like(margin))
    np.exp(miss, out=miss)
    return below, hit, miss


def _modulate(arrays, miss, gamma, empty_like):
    """Multiply each array by ``miss**gamma``, in place.

    Halves of integers take products and a square root, which cost less than a power.
    """
    if isinstance(gamma, np.ndarray) or gamma > 8 or 2 * gamma % 1:
        power = np.power(miss, gamma, out=empty_like(miss))
    elif gamma == 0:
        return
    else:
        whole, half = divmod(gamma, 1)
        buffer = empty_like(miss)
        power = np.sqrt(miss, out=buffer) if half else miss
        for _ in range(int(whole) if half else int(whole) - 1):
            power = np.multiply(power, miss, out=buffer)
    for array in arrays:
        array *= power


def _slope_factor(hit, miss, focus, empty_like):
    """``|f'| / q**gamma = q + p*F`` with ``F = gamma*L``: terms of one sign, no digits cancel."""
    factor = np.multiply(hit, focus, out=empty_like(hit))
    factor += miss
    return factor


def _slope_bend_factors(hit, miss, cross_entropy, gamma, empty_like):
    """The slope's factor S and ``f'' / (p * q**gamma) = gamma*S + (1 + gamma - F)*q``."""
    focus = np.multiply(cross_entropy, gamma, out=cross_entropy)
    slope = _slope_factor(hit, miss, focus, empty_like)
    bend = np.subtract(1 + gamma, focus, out=focus)
    bend *= miss
    bend += np.multiply(slope, gamma, out=empty_like(slope))
    return slope, bend


def _miss_ratios(size, empty_like):
    """``log1p(exp(-|m|))``, and ``T = p*L/q = exp(m) * log1p(exp(-m))`` at ``|m|`` and ``-|m|``.

    T rises from 0 to 1.
    """
    small = np.negative(size, out=empty_like(size))
    np.exp(small, out=small)
    log_sum = np.log1p(small, out=empty_like(size))
    opposite_ratio = np.add(log_sum, size, out=empty_like(size))
    opposite_ratio *= small
    ratio = np.divide(log_sum, small, out=empty_like(size), where=small > 0)
    ratio[small == 0] = 1
    return log_sum, ratio, opposite_ratio


SLOPE_CURVATURE = {"exact": focal_slope_hessian, "newton": focal_slope_newton}
