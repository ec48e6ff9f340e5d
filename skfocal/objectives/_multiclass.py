"""The multiclass focal loss."""

from functools import partial
from numbers import Integral

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_expit, logsumexp

from skfocal.objectives import _margin
from skfocal.objectives._arrays import as_like, namespace
from skfocal.objectives._base import FocalLoss, times
from skfocal.objectives._checks import class_indices
from skfocal.objectives._softmax import (
    all_margins,
    class_mask,
    log_softmax,
    softmax,
    softmax_spread,
    true_margin,
)


class MulticlassFocalLoss(FocalLoss):
    """Multiclass focal loss as a function of one raw prediction per class.

    If ``z_j`` is the raw prediction of a row for class j, the margin of its true class y is
    ``m = z_y - logsumexp(z_j for j != y)``, and the softmax probability of the true class is
    ``p = expit(m)``. With ``q = expit(-m)``, the loss of the row is
    ``alpha * q**gamma * -log(p)``.

    Parameters
    ----------
    n_classes : int
        Number of classes, at least 2.
    gamma : float or array-like of shape (n_classes,), default=1.0
        Focusing parameter, between 0 and 100: one for all classes or one per class. 0 gives
        cross-entropy.
    alpha : None or array-like of shape (n_classes,), default=None
        Positive factor that multiplies the loss of each class. None means 1 for every class.

    Attributes
    ----------
    n_classes : int
        Number of classes.
    gamma : float or tuple of float
        A tuple if the classes have different gammas.
    alpha : None or tuple of float
        The factor of each class.

    Raises
    ------
    ValueError
        If ``n_classes`` is less than 2, or if ``gamma`` or ``alpha`` is out of range.
    TypeError
        If ``gamma`` or ``alpha`` is not numeric.

    References
    ----------
    Lin et al., Focal loss for dense object detection, ICCV 2017.

    Examples
    --------
    >>> from skfocal.objectives import MulticlassFocalLoss
    >>> loss = MulticlassFocalLoss(3, gamma=2.0)
    >>> loss.loss([0, 2], [[0.0, 0.0, 0.0], [0.0, 0.0, 3.0]]).round(4)
    array([0.4883, 0.0008])
    """

    def __init__(self, n_classes, *, gamma=1.0, alpha=None):
        if not isinstance(n_classes, Integral) or n_classes < 2:
            raise ValueError(f"n_classes must be an integer >= 2, got {n_classes!r}.")
        super().__init__(int(n_classes), gamma, alpha)

    def __repr__(self):
        return f"MulticlassFocalLoss({self.n_classes}, gamma={self.gamma}, alpha={self.alpha})"

    @property
    def _n_outputs(self):
        return self.n_classes

    def fit_intercept_only(self, y_true, sample_weight=None):
        """Return the constant raw predictions with the lowest loss.

        They are shifted to satisfy ``sum(exp(raw_prediction)) == 1``.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class indices.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row. None means 1 for every row.

        Returns
        -------
        raw_prediction : ndarray of shape (n_classes,)
            The constants, one per class.

        Raises
        ------
        ValueError
            If ``y_true`` is empty or contains values other than class indices, or if all weights
            are zero.
        """
        log_share = np.log(self._class_shares(y_true, sample_weight))
        gamma = np.broadcast_to(self.gamma, self.n_classes)

        def log_proba(level):
            """Log-probabilities for which each class's log-posterior is its log-share + level."""
            margin = _bisect(lambda m: _margin.log_posterior(m, gamma) - (log_share + level))
            return log_expit(margin)

        # For each class, the level at which its probability is 1/K. The level at which the
        # probabilities sum to 1 lies between the smallest and the largest of these.
        uniform = np.full(self.n_classes, -np.log(self.n_classes - 1))
        levels = _margin.log_posterior(uniform, gamma) - log_share
        bracket = levels.min() - 1, levels.max() + 1
        level = brentq(lambda level: logsumexp(log_proba(level)), *bracket, xtol=1e-15)
        return log_softmax(log_proba(level))

    def _hessian_operator(self, y_true, raw_prediction, sample_weight, curvature):
        block = partial(self._hessian_block, curvature=curvature)
        parts = self._map(block, y_true, raw_prediction, sample_weight)
        slope, scalar_curvature, margin_gradient = parts
        xp = namespace(raw_prediction)
        other_softmax = xp.clip(-margin_gradient, 0, np.inf)

        def product(direction):
            along = xp.sum(margin_gradient * direction, axis=1)
            mean = xp.sum(other_softmax * direction, axis=1)
            spread = other_softmax * (direction - mean[:, None])
            rank_one = (scalar_curvature * along)[:, None] * margin_gradient
            return rank_one + slope[:, None] * spread

        return product

    def _log_score_block(self, raw, probability, xp):
        """Logarithm of the probabilities, up to a constant per row."""
        if probability == "score":
            return raw
        gamma = as_like(np.broadcast_to(self.gamma, self.n_classes), raw, xp)[:, None]
        log_score = _margin.log_posterior(all_margins(raw, xp), gamma, xp)
        if probability == "unweighted" and self.alpha is not None:
            log_score = log_score - as_like(np.log(self.alpha), raw, xp)[:, None]
        return log_score

    def _proba_block(self, raw, probability, xp):
        return softmax(self._log_score_block(raw, probability, xp), xp)

    def _log_proba_block(self, raw, probability, xp):
        return log_softmax(self._log_score_block(raw, probability, xp), xp)

    def _target(self, y, raw, xp):
        """Mask of each row's class; raises ValueError if a label is not a class index."""
        true = class_mask(y, raw, xp)
        if not xp.all(xp.max(true, axis=0) == 1):
            class_indices(y, self.n_classes, xp)
        return true

    def _loss_block(self, raw, true, gamma, factor, xp):
        margin, _ = true_margin(true, raw, xp)
        return (times(_margin.focal_loss(margin, gamma, xp), factor),)

    def _loss_gradient_block(self, raw, true, gamma, factor, xp):
        margin, direction = true_margin(true, raw, xp)
        loss, slope = _margin.focal_loss_slope(margin, gamma, xp)
        return times(loss, factor), times(slope, factor) * direction

    def _curvature_block(self, raw, true, gamma, factor, xp, curvature):
        margin, direction = true_margin(true, raw, xp)
        if curvature == "majorant":
            gradient = times(_margin.focal_slope(margin, gamma, xp), factor) * direction
            return gradient, self._majorant_factor * xp.abs(gradient)
        scalar = "exact" if curvature == "exact" else "newton"
        slope, scalar_curvature = _margin.SLOPE_CURVATURE[scalar](margin, gamma, xp)
        hessian = slope * softmax_spread(direction, xp) + scalar_curvature * xp.square(direction)
        gradient = slope * direction
        if curvature != "exact":
            # Each class's tree ignores the other trees of the round. LightGBM's multiclass
            # objective compensates with the same factor.
            hessian = self.n_classes / (self.n_classes - 1) * hessian
        if curvature == "geometric":
            majorant = self._majorant_factor * xp.abs(gradient)
            hessian = _margin.geometric_curvature(hessian, majorant, xp)
        return times(gradient, factor), times(hessian, factor)

    @property
    def _majorant_factor(self):
        return 2 * (1 + float(np.max(self.gamma)))

    def _hessian_block(self, raw, true, gamma, factor, xp, curvature):
        """Return ``|f'|``, ``f''`` and the margin's gradient, which determine a row's Hessian."""
        margin, direction = true_margin(true, raw, xp)
        slope, scalar_curvature = _margin.SLOPE_CURVATURE[curvature](margin, gamma, xp)
        return times(slope, factor), times(scalar_curvature, factor), -direction


def _bisect(function, bound=1e3, steps=64):
    """Find the roots, between ``-bound`` and ``bound``, of an increasing vectorised function."""
    low = -bound
    for step in bound / 2.0 ** np.arange(steps):
        low = np.where(function(low + step) < 0, low + step, low)
    return low
