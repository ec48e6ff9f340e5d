"""Binary and multiclass focal loss as functions of raw predictions.

The losses apply the chain rule to the scalar function of ``_margin.py``, add class factors and
sample weights, and know the two things a model needs besides: the map from raw predictions to
probabilities and the constant of least loss. They are stateless, as scikit-learn's own losses are.

Methods that end in ``_block`` see rows that fit in the cache, with classes along the first axis:
``raw`` is of shape (n_rows,) or (n_classes, n_rows).
"""

from functools import partial
from numbers import Integral

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_expit, log_softmax, logsumexp, softmax

from skfocal.objectives import _margin
from skfocal.objectives._blocks import for_each_block, row_blocks
from skfocal.objectives._checks import (
    check_alpha,
    check_gamma,
    check_option,
    check_raw_prediction,
    check_sample_weight,
    check_y_true,
    class_indices,
)

PROBABILITIES = ("posterior", "unweighted", "score")


class _FocalLoss:
    """What the binary and the multiclass loss share: arguments, blocks of rows, weights."""

    def __init__(self, n_classes, gamma, alpha):
        self.n_classes = n_classes
        self.gamma = check_gamma(gamma, n_classes)
        self.alpha = check_alpha(alpha, n_classes)

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash(repr(self))

    def loss(self, y_true, raw_prediction, sample_weight=None):
        """Loss of each row, times its weight.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class indices 0 to ``n_classes - 1``.
        raw_prediction : array-like of shape (n_samples,) or (n_samples, n_classes)
            Raw scores: one per class, or, binary, one score for class 1.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors of the rows' losses.

        Returns
        -------
        loss : ndarray of shape (n_samples,)
            In the dtype of ``raw_prediction``, float32 or float64.

        Raises
        ------
        ValueError
            If shapes disagree or ``y_true`` holds anything but class indices.
        """
        return self._map(self._loss_block, ["row"], y_true, raw_prediction, sample_weight)[0]

    def gradient(self, y_true, raw_prediction, sample_weight=None):
        """First derivative of each row's loss in its raw prediction.

        Parameters and errors are those of :meth:`loss`.

        Returns
        -------
        gradient : ndarray like ``raw_prediction``
        """
        return self.loss_gradient(y_true, raw_prediction, sample_weight)[1]

    def loss_gradient(self, y_true, raw_prediction, sample_weight=None):
        """Loss and gradient from one evaluation.

        Parameters and errors are those of :meth:`loss`.

        Returns
        -------
        loss : ndarray of shape (n_samples,)
        gradient : ndarray like ``raw_prediction``
        """
        block = self._loss_gradient_block
        return self._map(block, ["row", "raw"], y_true, raw_prediction, sample_weight)

    def gradient_hessian(self, y_true, raw_prediction, sample_weight=None):
        """Gradient and exact second derivative; multiclass, the diagonal of each row's Hessian.

        The second derivative is negative on badly missed rows: boosted trees need
        :meth:`gradient_curvature` instead. Parameters and errors are those of :meth:`loss`.

        Returns
        -------
        gradient : ndarray like ``raw_prediction``
        hessian : ndarray like ``raw_prediction``
        """
        return self.gradient_curvature(y_true, raw_prediction, sample_weight, curvature="exact")

    def gradient_curvature(
        self,
        y_true,
        raw_prediction,
        sample_weight=None,
        *,
        curvature,
        offset=0.0,
        scale=1.0,
        dtype=None,
        n_jobs=1,
    ):
        """Gradient and the second-order term of boosted trees, at ``raw_prediction + offset``.

        Parameters
        ----------
        y_true, raw_prediction, sample_weight
            As in :meth:`loss`.
        curvature : {"majorant", "newton", "exact"}
            ``"majorant"``: ``1 + max(gamma)`` times the gradient's size (multiclass: twice that),
            with which no step raises the loss. ``"newton"``: the Hessian with the scalar ``f''``
            held above its Gauss-Newton part, positive everywhere. ``"exact"``: the Hessian.
        offset : float or ndarray of shape (n_classes,), default=0.0
            Added to every row's raw prediction.
        scale : float, default=1.0
            Factor of both results.
        dtype : dtype, default=None
            Of computation and result; by default that of ``raw_prediction``.
        n_jobs : int or None, default=1
            Threads; ``None`` means as many as OpenMP would use.

        Returns
        -------
        gradient : ndarray like ``raw_prediction``
        curvature : ndarray like ``raw_prediction``
        """
        check_option("curvature", curvature, ("majorant", "newton", "exact"))

        def block(y, raw, factor):
            return self._curvature_block(y, raw, factor, curvature)

        rows = (y_true, raw_prediction, sample_weight)
        return self._map(block, ["raw", "raw"], *rows, offset, scale, dtype, n_jobs)

    def __call__(self, y_true, raw_prediction, sample_weight=None):
        """Weighted mean of the loss, as a float. Parameters and errors are those of :meth:`loss`."""
        loss = self.loss(y_true, raw_prediction)
        return float(np.average(loss, weights=sample_weight))

    def predict_proba(self, raw_prediction, probability="posterior"):
        """Probabilities of the classes.

        Parameters
        ----------
        raw_prediction : array-like of shape (n_samples,) or (n_samples, n_classes)
        probability : {"posterior", "unweighted", "score"}, default="posterior"
            ``"posterior"`` undoes gamma: the probability in the population as weighted by alpha.
            ``"unweighted"`` undoes alpha too. ``"score"`` is the plain sigmoid or softmax,
            under-confident for ``gamma > 0``.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)

        References
        ----------
        Charoenphakdee et al., On focal loss for class-posterior probability estimation, CVPR 2021.
        """
        return self._map_raw(self._proba_block, raw_prediction, probability)

    def predict_log_proba(self, raw_prediction, probability="posterior"):
        """Logarithm of :meth:`predict_proba`, finite where that underflows."""
        return self._map_raw(self._log_proba_block, raw_prediction, probability)

    def _map(
        self, function, outputs, y_true, raw_prediction, sample_weight,
        offset=0.0, scale=1.0, dtype=None, n_jobs=1,
    ):  # fmt: skip
        """Evaluate a block function over all rows; ``outputs`` says the shape of each result."""
        raw = check_raw_prediction(raw_prediction, self._width)
        y = check_y_true(y_true, len(raw))
        weight = check_sample_weight(sample_weight, len(raw))
        dtype = raw.dtype if dtype is None else np.dtype(dtype)
        shift = np.reshape(offset, (-1, 1)) if np.ndim(offset) else offset
        shapes = {"row": raw if raw.ndim == 1 else raw[:, 0], "raw": raw}
        results = tuple(np.empty_like(shapes[output], dtype=dtype) for output in outputs)

        def evaluate(rows):
            block = np.ascontiguousarray(raw[rows].T + shift, dtype=dtype)
            factor = None if weight is None else weight[rows].astype(dtype)
            if scale != 1:
                factor = scale if factor is None else scale * factor
            for result, values in zip(results, function(y[rows], block, factor), strict=True):
                result[rows] = values.T

        for_each_block(evaluate, row_blocks(len(raw), self._width), n_jobs)
        return results

    def _map_raw(self, function, raw_prediction, probability):
        """Evaluate a block function of raw predictions alone, giving one column per class."""
        check_option("probability", probability, PROBABILITIES)
        raw = check_raw_prediction(raw_prediction, self._width)
        result = np.empty((len(raw), self.n_classes), dtype=raw.dtype)

        def evaluate(rows):
            result[rows] = function(np.ascontiguousarray(raw[rows].T), probability).T

        for_each_block(evaluate, row_blocks(len(raw), self._width))
        return result

    def _row_terms(self, y, factor, dtype):
        """Gamma (a float where classes share it) and factor (or None) of each row of a block."""
        gamma = self.gamma
        if np.ndim(gamma):
            gamma = np.take(np.asarray(gamma, dtype), y.astype(np.intp))
        if self.alpha is not None:
            alpha = np.take(np.asarray(self.alpha, dtype), y.astype(np.intp))
            factor = alpha if factor is None else alpha * factor
        return gamma, factor

    def _class_masses(self, y_true, sample_weight):
        """Share of each class in the loss; one without weight counts 1e-15, so that logs exist."""
        y = class_indices(np.asarray(y_true), self.n_classes)
        weight = check_sample_weight(sample_weight, len(y))
        masses = np.bincount(y, weights=weight, minlength=self.n_classes).astype(np.float64)
        if self.alpha is not None:
            masses *= self.alpha
        if not masses.sum() > 0:
            raise ValueError("sample_weight must hold a positive weight, got none.")
        return np.maximum(masses / masses.sum(), 1e-15)


class BinaryFocalLoss(_FocalLoss):
    """Focal loss of two classes as a function of the raw prediction for class 1.

    With the margin ``m = raw_prediction`` for class 1 and its negative for class 0,
    ``p = expit(m)`` and ``q = expit(-m)``, a row's loss is ``alpha * q**gamma * -log(p)``.

    Parameters
    ----------
    gamma : float or (float, float), default=2.0
        Focusing exponent >= 0; a pair is (gamma of class 0, gamma of class 1). 0 is cross-entropy.
    alpha : None, float in (0, 1) or (float, float), default=None
        Factors of the classes' losses. A float ``a`` means ``(1 - a, a)`` as in Lin et al.: 0.25
        *down*-weights class 1, and 0.5 halves the whole loss where None does not.

    Raises
    ------
    ValueError
        If gamma is negative or not finite, or alpha is out of range.

    References
    ----------
    Lin et al., Focal loss for dense object detection, ICCV 2017.

    Examples
    --------
    >>> from skfocal.objectives import BinaryFocalLoss
    >>> BinaryFocalLoss(gamma=2.0).loss([1, 1], [0.0, 2.0]).round(4)
    array([0.1733, 0.0018])
    """

    _width = 1

    def __init__(self, *, gamma=2.0, alpha=None):
        super().__init__(2, gamma, alpha)

    def __repr__(self):
        return f"BinaryFocalLoss(gamma={self.gamma}, alpha={self.alpha})"

    def log_odds(self, raw_prediction, probability="posterior"):
        """Log-odds of class 1, strictly increasing in the raw prediction.

        Parameters are those of :meth:`predict_proba`.

        Returns
        -------
        log_odds : ndarray of shape (n_samples,)
        """
        check_option("probability", probability, PROBABILITIES)
        raw = check_raw_prediction(raw_prediction, 1)
        result = np.empty_like(raw)

        def evaluate(rows):
            result[rows] = self._log_odds_block(raw[rows], probability)

        for_each_block(evaluate, row_blocks(len(raw)))
        return result

    def fit_intercept_only(self, y_true, sample_weight=None):
        """Constant raw prediction of least loss: the score whose posterior is class 1's share.

        For ``gamma > 0`` it is not the log-odds of that share. It is finite even where a class
        has no weight.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class indices.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        raw_prediction : float

        Raises
        ------
        ValueError
            If all weights are zero or ``y_true`` holds anything but 0 and 1.
        """
        mass_0, mass_1 = self._class_masses(y_true, sample_weight)
        target = np.log(mass_1) - np.log(mass_0)
        bound = 50.0 + 2 * abs(target)  # in the tails the log-odds grow faster than the score

        def excess(raw):
            return self._log_odds_block(np.float64(raw), "posterior") - target

        return float(brentq(excess, -bound, bound, xtol=1e-15))

    def hessian_operator(self, y_true, raw_prediction, sample_weight=None, *, curvature="exact"):
        """Function that multiplies each row's Hessian with a direction.

        Parameters
        ----------
        y_true, raw_prediction, sample_weight
            As in :meth:`loss`.
        curvature : {"exact", "newton"}, default="exact"
            ``"newton"`` holds the scalar ``f''`` above its Gauss-Newton part, which makes every
            row's Hessian positive semi-definite.

        Returns
        -------
        product : callable
            Maps an array like ``raw_prediction`` to one like it.
        """
        _, hessian = self.gradient_curvature(
            y_true, raw_prediction, sample_weight, curvature=curvature
        )
        return lambda direction: hessian * direction

    def _log_odds_block(self, raw, probability):
        if probability == "score":
            return raw
        gamma_0, gamma_1 = np.broadcast_to(self.gamma, 2).tolist()
        odds = _margin.log_posterior_odds(raw, gamma_0, gamma_1)
        if probability == "unweighted" and self.alpha is not None:
            odds += float(np.log(self.alpha[0]) - np.log(self.alpha[1]))
        return odds

    def _proba_block(self, raw, probability):
        odds = self._log_odds_block(raw, probability)
        return np.stack([expit(-odds), expit(odds)])

    def _log_proba_block(self, raw, probability):
        odds = self._log_odds_block(raw, probability)
        return np.stack([log_expit(-odds), log_expit(odds)])

    def _sign(self, y, dtype):
        """-1 for class 0 and 1 for class 1."""
        if not np.all((y == 0) | (y == 1)):
            class_indices(y, 2)
        sign = y.astype(dtype)
        sign += sign
        sign -= 1
        return sign

    def _loss_block(self, y, raw, factor):
        gamma, factor = self._row_terms(y, factor, raw.dtype)
        margin = self._sign(y, raw.dtype) * raw
        return (_times(_margin.focal_loss(margin, gamma), factor),)

    def _loss_gradient_block(self, y, raw, factor):
        gamma, factor = self._row_terms(y, factor, raw.dtype)
        sign = self._sign(y, raw.dtype)
        loss, slope = _margin.focal_loss_slope(sign * raw, gamma)
        return _times(loss, factor), _times(-sign * slope, factor)

    def _curvature_block(self, y, raw, factor, curvature):
        gamma, factor = self._row_terms(y, factor, raw.dtype)
        sign = self._sign(y, raw.dtype)
        if curvature == "majorant":
            slope = _times(_margin.focal_slope(sign * raw, gamma), factor)
            return -sign * slope, (1 + float(np.max(self.gamma))) * slope
        slope, bend = _margin.SLOPE_CURVATURE[curvature](sign * raw, gamma)
        return _times(-sign * slope, factor), _times(bend, factor)


class MulticlassFocalLoss(_FocalLoss):
    """Focal loss of K classes as a function of one raw prediction per class.

    With the margin ``m = z_y - logsumexp(z_j for j != y)`` of the true class y, ``p = expit(m)``
    is its softmax probability and ``q = expit(-m)``; a row's loss is
    ``alpha * q**gamma * -log(p)``.

    Parameters
    ----------
    n_classes : int
        Number of classes, >= 2.
    gamma : float or array-like of shape (n_classes,), default=2.0
        Focusing exponent >= 0 of all classes or of each. 0 is cross-entropy.
    alpha : None or array-like of shape (n_classes,), default=None
        Positive factors of the classes' losses.

    Raises
    ------
    ValueError
        If ``n_classes < 2``, gamma is negative or not finite, or alpha is out of range.

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
        level = brentq(lambda x: logsumexp(log_proba(x)), levels.min() - 1, levels.max() + 1)
        return log_softmax(log_proba(level))

    def hessian_operator(self, y_true, raw_prediction, sample_weight=None, *, curvature="exact"):
        """Function that multiplies each row's Hessian with a direction, as the binary loss's."""
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
        log_score = _margin.log_posterior(_all_margins(raw), gamma)
        if probability == "unweighted" and self.alpha is not None:
            log_score -= np.log(self.alpha)[:, np.newaxis].astype(raw.dtype)
        return log_score

    def _proba_block(self, raw, probability):
        return softmax(self._log_score_block(raw, probability), axis=0)

    def _log_proba_block(self, raw, probability):
        return log_softmax(self._log_score_block(raw, probability), axis=0)

    def _loss_block(self, y, raw, factor):
        gamma, factor = self._row_terms(y, factor, raw.dtype)
        margin, _, _ = _true_margin(class_indices(y, self.n_classes), raw)
        return (_times(_margin.focal_loss(margin, gamma), factor),)

    def _loss_gradient_block(self, y, raw, factor):
        gamma, factor = self._row_terms(y, factor, raw.dtype)
        margin, direction, _ = _true_margin(class_indices(y, self.n_classes), raw)
        loss, slope = _margin.focal_loss_slope(margin, gamma)
        return _times(loss, factor), _times(slope, factor) * direction

    def _curvature_block(self, y, raw, factor, curvature):
        gamma, factor = self._row_terms(y, factor, raw.dtype)
        margin, direction, spread = _true_margin(class_indices(y, self.n_classes), raw)
        if curvature == "majorant":
            gradient = _times(_margin.focal_slope(margin, gamma), factor) * direction
            return gradient, 2 * (1 + float(np.max(self.gamma))) * np.abs(gradient)
        slope, bend = _margin.SLOPE_CURVATURE[curvature](margin, gamma)
        hessian = bend * direction**2 + slope * spread
        if curvature == "newton":
            # A tree per class ignores what the other trees do; LightGBM makes up for it so.
            hessian *= self.n_classes / (self.n_classes - 1)
        return _times(slope, factor) * direction, _times(hessian, factor)

    def _hessian_block(self, y, raw, factor, curvature):
        """Slope, curvature and gradient of the margin: the parts of each row's Hessian."""
        gamma, factor = self._row_terms(y, factor, raw.dtype)
        margin, direction, _ = _true_margin(class_indices(y, self.n_classes), raw)
        slope, bend = _margin.SLOPE_CURVATURE[curvature](margin, gamma)
        return _times(slope, factor), _times(bend, factor), -direction


def make_loss(n_classes, *, gamma, alpha):
    """The binary loss for two classes, else the multiclass one."""
    if n_classes == 2:
        return BinaryFocalLoss(gamma=gamma, alpha=alpha)
    return MulticlassFocalLoss(n_classes, gamma=gamma, alpha=alpha)


def _times(values, factor):
    return values if factor is None else values * factor


def _true_margin(y, raw):
    """Margin of the true class and what the chain rule needs of the softmax ``s`` over the others.

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
    others = raw.copy()
    others[y, columns] = -np.inf
    top = others.max(axis=0)
    is_top = others == top
    others = np.exp(others - top)
    low = others - is_top
    low_sum, n_top = low.sum(axis=0), is_top.sum(axis=0, dtype=raw.dtype)
    total = low_sum + n_top
    margin = (true_raw - top) - np.log(total)
    softmax_others = others / total
    spread = softmax_others * (((low_sum - low) + (n_top - is_top)) / total)
    softmax_others[y, columns] = -1
    return margin, softmax_others, spread


def _all_margins(raw):
    """Margin of every class, ``z_k - logsumexp(z_j for j != k)``, for raw of shape (K, n_rows)."""
    columns = np.arange(raw.shape[1])
    first = raw.argmax(axis=0)
    top = raw[first, columns]
    low = np.exp(raw - top)
    low[first, columns] = 0
    margins = (raw - top) - np.log1p(low.sum(axis=0) - low)
    margins[first, columns], _, _ = _true_margin(first, raw)
    return margins


def _bisect(function, bound=1e3, steps=64):
    """Root of an increasing vectorised function whose every root is within ``bound`` of 0."""
    low = -bound
    for step in bound / 2.0 ** np.arange(steps):
        low = np.where(function(low + step) < 0, low + step, low)
    return low
