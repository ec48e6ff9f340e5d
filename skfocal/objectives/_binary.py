"""The binary focal loss."""

import numpy as np
from scipy.optimize import brentq

from skfocal.objectives import _margin
from skfocal.objectives._base import FocalLoss, times
from skfocal.objectives._checks import class_indices


class BinaryFocalLoss(FocalLoss):
    """Binary focal loss as a function of the raw prediction for class 1.

    The margin ``m`` of a row is its raw prediction if its class is 1, and the negative raw
    prediction if its class is 0. With ``p = expit(m)`` and ``q = expit(-m)``, the loss of the row
    is ``alpha * q**gamma * -log(p)``.

    Parameters
    ----------
    gamma : float or (float, float), default=1.0
        Focusing parameter, between 0 and 100. 0 gives cross-entropy. A pair is (gamma of class 0,
        gamma of class 1).
    alpha : None, float in (0, 1) or (float, float), default=None
        Factor that multiplies the loss of each class. None means 1 for both classes. A float ``a``
        means ``(1 - a, a)``, as in Lin et al.: 0.25 *down*-weights class 1, and 0.5 halves the loss
        of both classes.

    Attributes
    ----------
    n_classes : int
        Number of classes, 2.
    gamma : float or tuple of float
        A tuple if the classes have different gammas.
    alpha : None or tuple of float
        The factor of each class.

    Raises
    ------
    ValueError
        If ``gamma`` or ``alpha`` is out of range.
    TypeError
        If ``gamma`` or ``alpha`` is not numeric.

    References
    ----------
    Lin et al., Focal loss for dense object detection, ICCV 2017.

    Examples
    --------
    >>> from skfocal.objectives import BinaryFocalLoss
    >>> BinaryFocalLoss(gamma=2.0).loss([1, 1], [0.0, 2.0]).round(4)
    array([0.1733, 0.0018])
    """

    _n_outputs = 1

    def __init__(self, *, gamma=1.0, alpha=None):
        super().__init__(2, gamma, alpha)

    def __repr__(self):
        return f"BinaryFocalLoss(gamma={self.gamma}, alpha={self.alpha})"

    def log_odds(self, raw_prediction, probability="posterior"):
        """Return the log-odds of class 1, which increase with the raw prediction.

        Raises the same errors as :meth:`predict_proba`.

        Parameters
        ----------
        raw_prediction, probability
            As in :meth:`predict_proba`.

        Returns
        -------
        log_odds : ndarray of shape (n_samples,)
        """
        return self._map_raw(self._log_odds_block, raw_prediction, probability)

    def fit_intercept_only(self, y_true, sample_weight=None):
        """Return the constant raw prediction with the lowest loss.

        The posterior probability at this prediction is the share of class 1 in the total weight,
        which includes ``alpha``. If ``gamma > 0``, the prediction differs from the log-odds of that
        share. It is finite even if a class has no weight.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class indices.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row. None means 1 for every row.

        Returns
        -------
        raw_prediction : float
            The constant prediction.

        Raises
        ------
        ValueError
            If ``y_true`` is empty or contains values other than 0 and 1, or if all weights are 0.
        """
        share_0, share_1 = self._class_shares(y_true, sample_weight)
        target = np.log(share_1) - np.log(share_0)
        bound = 50.0 + 2 * abs(target)  # in the tails, the log-odds grow faster than the score

        def excess(raw):
            return self._log_odds_block(np.float64(raw), "posterior") - target

        return float(brentq(excess, -bound, bound, xtol=1e-15))

    def _hessian_operator(self, y_true, raw_prediction, sample_weight, curvature):
        _, hessian = self.gradient_curvature(
            y_true, raw_prediction, sample_weight, curvature=curvature
        )
        return lambda direction: hessian * direction

    def _log_odds_block(self, raw, probability, xp=np):
        if probability == "score":
            return raw
        gamma_0, gamma_1 = np.broadcast_to(self.gamma, 2).tolist()
        odds = _margin.log_posterior_odds(raw, gamma_0, gamma_1, xp)
        if probability == "unweighted" and self.alpha is not None:
            odds = odds + float(np.log(self.alpha[0]) - np.log(self.alpha[1]))
        return odds

    def _proba_block(self, raw, probability, xp):
        return xp.stack(_margin.sigmoid_pair(self._log_odds_block(raw, probability, xp), xp))

    def _log_proba_block(self, raw, probability, xp):
        odds = self._log_odds_block(raw, probability, xp)
        return -xp.stack([_margin.cross_entropy(margin, xp) for margin in (-odds, odds)])

    def _target(self, y, raw, xp):
        """Return -1 for rows of class 0 and 1 for rows of class 1."""
        if not xp.all((y == 0) | (y == 1)):
            class_indices(y, 2, xp)
        return 2 * xp.asarray(y, dtype=raw.dtype) - 1

    def _loss_block(self, raw, sign, gamma, factor, xp):
        return (times(_margin.focal_loss(sign * raw, gamma, xp), factor),)

    def _loss_gradient_block(self, raw, sign, gamma, factor, xp):
        loss, slope = _margin.focal_loss_slope(sign * raw, gamma, xp)
        return times(loss, factor), -sign * times(slope, factor)

    def _curvature_block(self, raw, sign, gamma, factor, xp, curvature):
        slope, second_order = self._slope_curvature(sign * raw, gamma, xp, curvature)
        return -sign * times(slope, factor), times(second_order, factor)

    def _slope_curvature(self, margin, gamma, xp, curvature):
        """Absolute gradient and second-order term, without the rows' factors."""
        if curvature == "majorant":
            slope = _margin.focal_slope(margin, gamma, xp)
            return slope, self._majorant_factor * slope
        if curvature == "geometric":
            slope, newton = _margin.focal_slope_newton(margin, gamma, xp)
            majorant = self._majorant_factor * slope
            return slope, _margin.geometric_curvature(newton, majorant, xp)
        return _margin.SLOPE_CURVATURE[curvature](margin, gamma, xp)

    @property
    def _majorant_factor(self):
        return 1 + float(np.max(self.gamma))
