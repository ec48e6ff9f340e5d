"""What the binary and the multiclass loss share: arguments, blocks of rows, class factors, weights.

Methods that end in ``_block`` are array expressions over the namespace ``xp``, with classes along
the first axis: ``raw`` is of shape (n_rows,) or (n_classes, n_rows). NumPy's rows come in blocks
that fit in the cache, those of other namespaces as a whole.
"""

from functools import partial, reduce
from operator import mul

import numpy as np

from skfocal.objectives._arrays import as_like, namespace, to_numpy, total
from skfocal.objectives._blocks import row_blocks
from skfocal.objectives._checks import (
    check_alpha,
    check_gamma,
    check_mass,
    check_option,
    check_raw_prediction,
    check_sample_weight,
    check_scores,
    check_y_true,
    class_indices,
)

PROBABILITIES = ("posterior", "unweighted", "score")


class FocalLoss:
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
            If shapes disagree, ``y_true`` holds anything but class indices, or ``raw_prediction``
            NaN or numbers whose loss may overflow.
        """
        return self._map(self._loss_block, y_true, raw_prediction, sample_weight)[0]

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
        return self._map(self._loss_gradient_block, y_true, raw_prediction, sample_weight)

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
        result_dtype=None,
        xp=None,
    ):
        """Gradient and the second-order term of boosted trees, at ``raw_prediction + offset``.

        Parameters
        ----------
        y_true, raw_prediction, sample_weight
            As in :meth:`loss`.
        curvature : {"majorant", "geometric", "newton", "exact"}
            ``"majorant"``: ``1 + max(gamma)`` times the gradient's size (multiclass: twice that),
            with which no step raises the loss. ``"newton"``: the Hessian with the scalar ``f''``
            held above its Gauss-Newton part, positive everywhere. ``"geometric"``: the geometric
            mean of these two, at least a fifth of the majorant. ``"exact"``: the Hessian.
        offset : float or ndarray of shape (n_classes,), default=0.0
            Added to every row's raw prediction.
        scale : float, default=1.0
            Factor of both results.
        dtype : dtype, default=None
            Of the computation; by default that of ``raw_prediction``.
        result_dtype : dtype, default=None
            Of the results; by default that of the computation.
        xp : module, default=None
            Namespace of ``raw_prediction``; by default the one under scikit-learn's dispatch.

        Returns
        -------
        gradient : array like ``raw_prediction``
        curvature : array like ``raw_prediction``
        """
        check_option("curvature", curvature, ("majorant", "geometric", "newton", "exact"))
        block = partial(self._curvature_block, curvature=curvature)
        dtypes = {"dtype": dtype, "result_dtype": result_dtype}
        rows = (y_true, raw_prediction, sample_weight)
        return self._map(block, *rows, offset=offset, scale=scale, xp=xp, **dtypes)

    def __call__(self, y_true, raw_prediction, sample_weight=None):
        """Weighted mean of the loss, as a float; parameters are those of :meth:`loss`."""
        loss, xp = self.loss(y_true, raw_prediction), namespace(raw_prediction)
        if sample_weight is None:
            return float(total(loss, xp)) / max(1, loss.shape[0])
        weight = as_like(check_sample_weight(sample_weight, loss, xp), loss, xp)
        mass = total(weight, xp)
        check_mass(mass)
        return float(total(weight * loss, xp) / mass)

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

        Raises
        ------
        ValueError
            If ``probability`` is none of these, or ``raw_prediction`` of another shape or holds NaN
            or numbers that may overflow.

        References
        ----------
        Charoenphakdee et al., On focal loss for class-posterior probability estimation, CVPR 2021.
        """
        return self._map_raw(self._proba_block, raw_prediction, probability)

    def predict_log_proba(self, raw_prediction, probability="posterior"):
        """Logarithm of :meth:`predict_proba`, finite where that underflows."""
        return self._map_raw(self._log_proba_block, raw_prediction, probability)

    def _map(
        self, function, y_true, raw_prediction, sample_weight,
        *, offset=0.0, scale=1.0, dtype=None, result_dtype=None, xp=None,
    ):  # fmt: skip
        """Evaluate ``function(raw, target, gamma, factor, xp)`` over all rows."""
        xp = namespace(raw_prediction) if xp is None else xp
        raw = check_raw_prediction(raw_prediction, self._width, xp)
        y = check_y_true(y_true, raw, self.n_classes, xp)
        weight = check_sample_weight(sample_weight, raw, xp)
        dtype = raw.dtype if dtype is None else getattr(xp, np.dtype(dtype).name)
        result_dtype = dtype if result_dtype is None else getattr(xp, np.dtype(result_dtype).name)

        def evaluate(rows):
            scores = _scores(raw[rows, ...], offset, dtype, xp)
            factor = None if weight is None else weight[rows]
            target = self._target(y[rows], scores, xp)
            gamma, factor = self.gamma_factor(y[rows], factor, scores, xp, scale)
            return function(scores, target, gamma, factor, xp)

        return over_rows(evaluate, raw, result_dtype, xp)

    def _map_raw(self, function, raw_prediction, probability):
        """Evaluate ``function(raw, probability, xp)`` over all rows."""
        check_option("probability", probability, PROBABILITIES)
        xp = namespace(raw_prediction)
        raw = check_raw_prediction(raw_prediction, self._width, xp)

        def evaluate(rows):
            return (function(_scores(raw[rows, ...], 0.0, raw.dtype, xp), probability, xp),)

        return over_rows(evaluate, raw, raw.dtype, xp)[0]

    def gamma_factor(self, y, weight, like, xp=np, scale=1.0):
        """Gamma of the rows and the factor of their losses, which is None for 1.

        Both are floats or arrays of the dtype and device of the array ``like``.
        """
        factors = [] if weight is None else [as_like(weight, like, xp)]
        if scale != 1:
            factors.append(scale)
        if self.alpha is not None:
            factors.append(_of_class(self.alpha, y, like, xp))
        gamma = self.gamma
        if isinstance(gamma, tuple):
            gamma = _of_class(gamma, y, like, xp)
        return gamma, reduce(mul, factors) if factors else None

    def _class_masses(self, y_true, sample_weight):
        """Share of each class in the loss; one without weight counts 1e-15, so that logs exist."""
        y = class_indices(np.asarray(to_numpy(y_true)), self.n_classes)
        if not len(y):
            raise ValueError("y_true must hold at least one row, got none.")
        weight = check_sample_weight(to_numpy(sample_weight), y)
        masses = np.bincount(y, weights=weight, minlength=self.n_classes).astype(np.float64)
        if self.alpha is not None:
            masses *= self.alpha
        check_mass(masses)
        with np.errstate(over="ignore"):  # of which NumPy 1.26 warns where the sum is subnormal
            masses /= masses.sum()
        return np.maximum(masses, 1e-15)


def over_rows(function, raw, dtype, xp):
    """Results of ``function(rows)`` for all rows of raw, in blocks where they are NumPy's.

    The function returns arrays of shape (n_rows,) or (n_columns, n_rows); the results have rows
    first, and raw's memory layout where they have its shape.
    """
    if xp is not np:
        values = function(slice(None))
        return tuple(xp.asarray(v if v.ndim == 1 else v.T, dtype=dtype) for v in values)
    results = None
    for rows in row_blocks(raw):
        values = function(rows)
        if results is None:
            shapes = [(raw.shape[0], *value.shape[:-1]) for value in values]
            results = tuple(np.empty_like(raw, dtype, shape=shape) for shape in shapes)
        for result, value in zip(results, values, strict=True):
            result[rows] = value.T
    return results


def times(values, factor):
    """``values`` times ``factor``, where None is 1."""
    return values if factor is None else factor * values


def _scores(raw, offset, dtype, xp):
    """Raw predictions plus the offset, checked, with classes along the first axis."""
    raw = raw if raw.ndim == 1 else raw.T
    if np.ndim(offset):
        raw = raw + as_like(offset, raw, xp)[:, None]
    elif offset:
        raw = raw + offset
    with np.errstate(over="ignore"):  # where dtype is the smaller one
        layout = {"order": "C"} if xp is np else {}
        raw = xp.asarray(raw, dtype=dtype, **layout)
    check_scores(raw, xp)
    return raw


def _of_class(values, y, like, xp):
    """The value of each row's class."""
    return xp.take(as_like(values, like, xp), xp.asarray(y, dtype=xp.int64))
