"""The focal loss of several classes."""

from functools import partial
from numbers import Integral

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_expit, log_softmax, logsumexp, softmax

from skfocal.objectives import _margin
from skfocal.objectives._base import FocalLoss, times
from skfocal.objectives._checks import check_option, class_indices
from skfocal.objectives._softmax import all_margins, softmax_spread, true_margin


class MulticlassFocalLoss(FocalLoss):
    """Focal loss of K classes as a function of one raw prediction per class.

    With the margin ``m = z_y - logsumexp(z_j for j != y)`` of the true class y, ``p = expit(m)``
    is its softmax probability and ``q = expit(-m)``; a row's loss is
    ``alpha * q**gamma * -log(p)``.

    Parameters
    ----------
    n_classes : int
        Number of classes, >= 2.
    gamma : float or array-like of shape (n_classes,), default=2.0
        Focusing exponent from 0 to 100 of all classes or of each. 0 is cross-entropy.
    alpha : None or array-like of shape (n_classes,), default=None
        Positive factors of the classes' losses.

    Raises
    ------
    ValueError
        If ``n_classes < 2``, gamma is negative or above 100, or alpha is out of range.

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

    def __init__(self, n_classes, *, gamma=2.0, alpha=None):
        if not isinstance(n_classes, Integral) or n_classes < 2:
            raise ValueError(f"n_classes must be an integer >= 2, got {n_classes!r}.")
        super().__init__(int(n_classes), gamma, alpha)

    def __repr__(self):
        return f"MulticlassFocalLoss({self.n_classes}, gamma={self.gamma}, alpha={self.alpha})"

    @property
    def _width(self):
        return self.n_classes

    def fit_intercept_only(self, y_true, sample_weight=None):
        """Constant raw predictions of least loss, shifted so that ``sum(exp(raw)) == 1``.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class indices.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        raw_prediction : ndarray of shape (n_classes,)

        Raises
        ------
        ValueError
            If all weights are zero or ``y_true`` holds anything but class indices.
        """
        log_mass = np.log(self._class_masses(y_true, sample_weight))
        gamma = np.broadcast_to(self.gamma, self.n_classes)

        def log_proba(level):
            """Log-probabilities at which each log-posterior is its class's log-mass + level."""
            margin = _bisect(lambda m: _margin.log_posterior(m, gamma) - (log_mass + level))
            return log_expit(margin)

        # Each class at probability 1/K names a level; the sum is 1 between the extreme ones.
        even = np.full(self.n_classes, -np.log(self.n_classes - 1))
        levels = _margin.log_posterior(even, gamma) - log_mass
        bracket = levels.min() - 1, levels.max() + 1
        level = brentq(lambda level: logsumexp(log_proba(level)), *bracket, xtol=1e-15)
        return log_softmax(log_proba(level))

    def hessian_operator(self, y_true, raw_prediction, sample_weight=None, *, curvature="exact"):
        """Function that multiplies each row's Hessian with a direction, as the binary loss's."""
        check_option("curvature", curvature, ("exact", "newton"))
        rows = (y_true, raw_prediction, sample_weight)
        slope, bend, ascent = self._map(
            partial(self._hessian_block, curvature=curvature), ["row", "row", "raw"], *rows
        )
        others = np.where(ascent < 0, -ascent, 0)

        def product(direction):
            along = np.sum(ascent * direction, axis=1)
            mean = np.sum(others * direction, axis=1)
            return (bend * along)[:, np.newaxis] * ascent + slope[:, np.newaxis] * (
                others * (direction - mean[:, np.newaxis])
            )

        return product

    def _log_score_block(self, raw, probability):
        """Logarithm of the probabilities, up to a shift of each column."""
        if probability == "score":
            return raw
        gamma = np.broadcast_to(self.gamma, self.n_classes).astype(raw.dtype)[:, np.newaxis]
        log_score = _margin.log_posterior(all_margins(raw), gamma)
        if probability == "unweighted" and self.alpha is not None:
            log_score -= np.log(self.alpha)[:, np.newaxis].astype(raw.dtype)
        return log_score

    def _proba_block(self, raw, probability, empty_like):
        return softmax(self._log_score_block(raw, probability), axis=0)

    def _log_proba_block(self, raw, probability, empty_like):
        return log_softmax(self._log_score_block(raw, probability), axis=0)

    def _target(self, y, dtype, empty_like):
        return class_indices(y, self.n_classes)

    def _loss_block(self, terms, raw, empty_like):
        y, gamma, factor = terms
        margin, _ = true_margin(y, raw, empty_like)
        return (times(_margin.focal_loss(margin, gamma, empty_like), factor),)

    def _loss_gradient_block(self, terms, raw, empty_like):
        y, gamma, factor = terms
        margin, direction = true_margin(y, raw, empty_like)
        loss, slope = _margin.focal_loss_slope(margin, gamma, empty_like)
        direction *= times(slope, factor)
        return times(loss, factor), direction

    def _curvature_block(self, terms, raw, empty_like, curvature):
        y, gamma, factor = terms
        margin, direction = true_margin(y, raw, empty_like)
        if curvature == "majorant":
            direction *= times(_margin.focal_slope(margin, gamma, empty_like), factor)
            majorant = np.abs(direction, out=raw)
            majorant *= self._majorant_factor
            return direction, majorant
        scalar = "exact" if curvature == "exact" else "newton"
        slope, bend = _margin.SLOPE_CURVATURE[scalar](margin, gamma, empty_like)
        hessian = softmax_spread(direction, empty_like)
        hessian *= slope
        square = np.square(direction, out=raw)
        square *= bend
        hessian += square
        gradient = np.multiply(direction, slope, out=direction)
        if curvature != "exact":
            # A tree per class ignores what the other trees do; LightGBM makes up for it so.
            hessian *= self.n_classes / (self.n_classes - 1)
        if curvature == "geometric":
            majorant = np.abs(gradient, out=raw)
            majorant *= self._majorant_factor
            hessian = _margin.geometric_curvature(hessian, majorant, empty_like)
        return times(gradient, factor), times(hessian, factor)

    @property
    def _majorant_factor(self):
        return 2 * (1 + float(np.max(self.gamma)))

    def _hessian_block(self, terms, raw, empty_like, curvature):
        """Slope, curvature and gradient of the margin: the parts of each row's Hessian."""
        y, gamma, factor = terms
        margin, direction = true_margin(y, raw, empty_like)
        slope, bend = _margin.SLOPE_CURVATURE[curvature](margin, gamma, empty_like)
        return times(slope, factor), times(bend, factor), np.negative(direction, out=direction)


def _bisect(function, bound=1e3, steps=64):
    """Root of an increasing vectorised function whose every root is within ``bound`` of 0."""
    low = -bound
    for step in bound / 2.0 ** np.arange(steps):
        low = np.where(function(low + step) < 0, low + step, low)
    return low
