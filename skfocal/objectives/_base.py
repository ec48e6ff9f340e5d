"""Base class of the binary and the multiclass loss: validation, blocks of rows, weights.

Methods whose names end in ``_block`` consist of array expressions in the namespace ``xp``. In them,
classes are along the first axis: ``raw`` has shape (n_rows,) or (n_classes, n_rows). NumPy arrays
are processed in blocks of rows that fit in the cache. Arrays of other libraries are processed as a
whole.
"""

from functools import partial, reduce
from operator import mul

import numpy as np

from skfocal.objectives._arrays import as_like, namespace, to_numpy, total
from skfocal.objectives._blocks import row_blocks
from skfocal.objectives._checks import (
    check_alpha,
    check_any_positive,
    check_gamma,
    check_option,
    check_raw_prediction,
    check_sample_weight,
    check_scores,
    check_y_true,
    class_indices,
)

PROBABILITIES = ("posterior", "unweighted", "score")


class FocalLoss:
    """Base class of the binary and the multiclass loss."""

    def __init__(self, n_classes, gamma, alpha):
        self.n_classes = n_classes
        self.gamma = check_gamma(gamma, n_classes)
        self.alpha = check_alpha(alpha, n_classes)

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash(repr(self))

    def loss(self, y_true, raw_prediction, sample_weight=None):
        """Return the weighted loss of each row.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class indices 0 to ``n_classes - 1``.
        raw_prediction : array-like of shape (n_samples,) or (n_samples, n_classes)
            Raw scores: for two classes, the score of class 1; otherwise, one score per class.
        sample_weight : array-like of shape (n_samples,), default=None
            Factor that multiplies the loss of each row. None means 1 for every row.

        Returns
        -------
        loss : ndarray of shape (n_samples,)
            The losses, in the dtype of ``raw_prediction``, float32 or float64.

        Raises
        ------
        ValueError
            If the shapes do not match, ``y_true`` contains values other than class indices, a
            weight is negative or not finite, or ``raw_prediction`` contains NaN or values so large
            that the loss may overflow.
        TypeError
            If ``raw_prediction`` or ``sample_weight`` is not numeric.
        """
        return self._map(self._loss_block, y_true, raw_prediction, sample_weight)[0]

    def gradient(self, y_true, raw_prediction, sample_weight=None):
        """Return the gradient of each row's loss with respect to its raw prediction.

        Raises the same errors as :meth:`loss`.

        Parameters
        ----------
        y_true, raw_prediction, sample_weight
            As in :meth:`loss`.

        Returns
        -------
        gradient : ndarray of the same shape as ``raw_prediction``
            The gradients.
        """
        return self.loss_gradient(y_true, raw_prediction, sample_weight)[1]

    def loss_gradient(self, y_true, raw_prediction, sample_weight=None):
        """Return the loss and the gradient, computed together.

        Raises the same errors as :meth:`loss`.

        Parameters
        ----------
        y_true, raw_prediction, sample_weight
            As in :meth:`loss`.

        Returns
        -------
        loss : ndarray of shape (n_samples,)
            The losses.
        gradient : ndarray of the same shape as ``raw_prediction``
            The gradients.
        """
        return self._map(self._loss_gradient_block, y_true, raw_prediction, sample_weight)

    def gradient_hessian(self, y_true, raw_prediction, sample_weight=None):
        """Return the gradient and the diagonal of each row's exact Hessian.

        If ``gamma > 0``, the second derivative is negative for badly misclassified rows. Boosted
        trees need positive values: see :meth:`gradient_curvature`. Raises the same errors
        as :meth:`loss`.

        Parameters
        ----------
        y_true, raw_prediction, sample_weight
            As in :meth:`loss`.

        Returns
        -------
        gradient : ndarray of the same shape as ``raw_prediction``
            The gradients.
        hessian : ndarray of the same shape as ``raw_prediction``
            The diagonals of the Hessians.
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
        """Return the gradient and a second-order term for boosted trees.

        Both are computed at ``raw_prediction + offset``. Raises the same errors as :meth:`loss`.

        Parameters
        ----------
        y_true, raw_prediction, sample_weight
            As in :meth:`loss`.
        curvature : {"majorant", "geometric", "newton", "exact"}
            Second-order term.

            - ``"majorant"``: ``1 + max(gamma)`` times the absolute gradient (twice that for
              multiclass). Newton steps with this term never increase the loss.
            - ``"newton"``: the diagonal of the Hessian, in which the second derivative of the loss
              with respect to the margin is replaced by its Gauss-Newton part if that is larger.
              This term is always positive. For multiclass, it is multiplied by
              ``n_classes / (n_classes - 1)``.
            - ``"geometric"``: the geometric mean of the two terms above, but at least a fifth of
              ``"majorant"``.
            - ``"exact"``: the diagonal of the Hessian.
        offset : float or ndarray of shape (n_classes,), default=0.0
            Constant to add to the raw prediction of every row.
        scale : float, default=1.0
            Factor that multiplies both results.
        dtype : dtype, default=None
            Dtype of the computation. None means the dtype of ``raw_prediction``.
        result_dtype : dtype, default=None
            Dtype of the results. None means the dtype of the computation.
        xp : module, default=None
            Array API namespace of ``raw_prediction``. None means the one that scikit-learn's array
            API dispatch finds.

        Returns
        -------
        gradient : array of the same shape as ``raw_prediction``
            The gradients.
        curvature : array of the same shape as ``raw_prediction``
            The second-order terms.
        """
        check_option("curvature", curvature, ("majorant", "geometric", "newton", "exact"))
        block = partial(self._curvature_block, curvature=curvature)
        dtypes = {"dtype": dtype, "result_dtype": result_dtype}
        rows = (y_true, raw_prediction, sample_weight)
        return self._map(block, *rows, offset=offset, scale=scale, xp=xp, **dtypes)

    def hessian_operator(self, y_true, raw_prediction, sample_weight=None, *, curvature="exact"):
        """Return a function that multiplies each row's Hessian by a vector.

        Parameters
        ----------
        y_true, raw_prediction, sample_weight
            As in :meth:`loss`.
        curvature : {"exact", "newton"}, default="exact"
            ``"newton"`` replaces the second derivative of the loss with respect to the margin by
            its Gauss-Newton part if that is larger. Each row's Hessian is then positive
            semi-definite.

        Returns
        -------
        product : callable
            Function that takes and returns an array of the same shape as ``raw_prediction``. It
            multiplies each row of its argument by the Hessian of the corresponding sample.
        """
        check_option("curvature", curvature, ("exact", "newton"))
        return self._hessian_operator(y_true, raw_prediction, sample_weight, curvature)

    def __call__(self, y_true, raw_prediction, sample_weight=None):
        """Return the weighted mean of the loss as a float.

        Raises the same errors as :meth:`loss`, and ``ValueError`` if all weights are zero.

        Parameters
        ----------
        y_true, raw_prediction, sample_weight
            As in :meth:`loss`.

        Returns
        -------
        loss : float
            The weighted mean.
        """
        loss, xp = self.loss(y_true, raw_prediction), namespace(raw_prediction)
        if sample_weight is None:
            return float(total(loss, xp)) / loss.shape[0]
        weight = as_like(check_sample_weight(sample_weight, loss, xp), loss, xp)
        total_weight = total(weight, xp)
        check_any_positive(total_weight)
        return float(total(weight * loss, xp) / total_weight)

    def predict_proba(self, raw_prediction, probability="posterior"):
        """Convert raw predictions to class probabilities.

        Parameters
        ----------
        raw_prediction : array-like of shape (n_samples,) or (n_samples, n_classes)
            Raw scores, as in :meth:`loss`.
        probability : {"posterior", "unweighted", "score"}, default="posterior"
            Which probabilities to return. ``"posterior"`` corrects for gamma, and returns the class
            probabilities in the population weighted by alpha. ``"unweighted"`` corrects for alpha
            as well. ``"score"`` is the plain sigmoid or softmax, which is under-confident if
            ``gamma > 0``.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            The class probabilities.

        Raises
        ------
        ValueError
            If ``probability`` is not one of these options, or if ``raw_prediction`` has the wrong
            shape, or contains NaN or values so large that the loss may overflow.

        References
        ----------
        Charoenphakdee et al., On focal loss for class-posterior probability estimation, CVPR 2021.
        """
        return self._map_raw(self._proba_block, raw_prediction, probability)

    def predict_log_proba(self, raw_prediction, probability="posterior"):
        """Return the logarithm of :meth:`predict_proba`.

        The logarithm stays finite where the probability underflows. Raises the same errors as
        :meth:`predict_proba`.

        Parameters
        ----------
        raw_prediction, probability
            As in :meth:`predict_proba`.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            The log-probabilities.
        """
        return self._map_raw(self._log_proba_block, raw_prediction, probability)

    def _map(
        self, function, y_true, raw_prediction, sample_weight,
        *, offset=0.0, scale=1.0, dtype=None, result_dtype=None, xp=None,
    ):  # fmt: skip
        """Evaluate ``function(raw, target, gamma, factor, xp)`` over all rows."""
        xp = namespace(raw_prediction) if xp is None else xp
        raw = check_raw_prediction(raw_prediction, self._n_outputs, xp)
        y = check_y_true(y_true, raw, self.n_classes, xp)
        weight = check_sample_weight(sample_weight, raw, xp)
        dtype = raw.dtype if dtype is None else getattr(xp, np.dtype(dtype).name)
        result_dtype = dtype if result_dtype is None else getattr(xp, np.dtype(result_dtype).name)

        def evaluate(rows):
            scores = _block_scores(raw[rows, ...], offset, dtype, xp)
            target = self._target(y[rows], scores, xp)
            block_weight = None if weight is None else weight[rows]
            gamma, factor = self._gamma_and_factor(y[rows], block_weight, scores, xp, scale)
            return function(scores, target, gamma, factor, xp)

        return _map_blocks(evaluate, raw, result_dtype, xp)

    def _map_raw(self, function, raw_prediction, probability):
        """Evaluate ``function(raw, probability, xp)`` over all rows."""
        check_option("probability", probability, PROBABILITIES)
        xp = namespace(raw_prediction)
        raw = check_raw_prediction(raw_prediction, self._n_outputs, xp)

        def evaluate(rows):
            scores = _block_scores(raw[rows, ...], 0.0, raw.dtype, xp)
            return (function(scores, probability, xp),)

        return _map_blocks(evaluate, raw, raw.dtype, xp)[0]

    def _gamma_and_factor(self, y, weight, like, xp=np, scale=1.0):
        """Return each row's gamma and the factor that multiplies its loss.

        Both are floats or arrays with the dtype and device of the array ``like``. A factor of None
        means 1.
        """
        factors = [] if weight is None else [as_like(weight, like, xp)]
        if scale != 1:
            factors.append(scale)
        if self.alpha is not None:
            factors.append(_value_per_row(self.alpha, y, like, xp))
        gamma = self.gamma
        if isinstance(gamma, tuple):
            gamma = _value_per_row(gamma, y, like, xp)
        return gamma, reduce(mul, factors) if factors else None

    def _class_weights(self, y_true, sample_weight):
        """Return the total weight of each class, without alpha."""
        y = class_indices(np.asarray(to_numpy(y_true)), self.n_classes)
        if not len(y):
            raise ValueError("y_true must contain at least one row, got none.")
        weight = check_sample_weight(to_numpy(sample_weight), y)
        return np.bincount(y, weights=weight, minlength=self.n_classes).astype(np.float64)

    def _class_shares(self, y_true, sample_weight):
        """Share of each class in the total weight, at least 1e-15 to keep its logarithm finite."""
        shares = self._class_weights(y_true, sample_weight)
        if self.alpha is not None:
            shares *= self.alpha
        check_any_positive(shares)
        with np.errstate(over="ignore"):  # NumPy 1.26 warns if the sum is subnormal
            shares /= shares.sum()
        return np.maximum(shares, 1e-15)


def _map_blocks(function, raw, dtype, xp):
    """Evaluate ``function(rows)`` over all rows of ``raw``, block by block for NumPy arrays.

    The function returns arrays of shape (n_rows,) or (n_columns, n_rows). The results have rows
    along the first axis, and the memory layout of ``raw`` if they have its shape.
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
    """Multiply ``values`` by ``factor``; None means 1."""
    return values if factor is None else factor * values


def _block_scores(raw, offset, dtype, xp):
    """Add the offset to raw predictions, move classes to the first axis and check the range."""
    raw = raw if raw.ndim == 1 else raw.T
    if np.ndim(offset):
        raw = raw + as_like(offset, raw, xp)[:, None]
    elif offset:
        raw = raw + offset
    with np.errstate(over="ignore"):  # check_scores raises if the cast overflows
        layout = {"order": "C"} if xp is np else {}
        raw = xp.asarray(raw, dtype=dtype, **layout)
    check_scores(raw, xp)
    return raw


def _value_per_row(values, y, like, xp):
    """Take, for each row, the value of its class."""
    return xp.take(as_like(values, like, xp), xp.asarray(y, dtype=xp.int64))
