"""What the binary and the multiclass loss share: arguments, blocks of rows, class factors, weights.

Methods that end in ``_block`` see rows that fit in the cache, with classes along the first axis:
``raw`` is of shape (n_rows,) or (n_classes, n_rows). They may write into ``raw``, not into
``terms``, and take results and temporaries from ``empty_like``.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skfocal.objectives._blocks import BLOCK_BYTES, for_each_block, n_threads, row_shares
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


class RowTerms(NamedTuple):
    """What a loss needs of rows besides their scores: the same in all rounds of boosting."""

    target: np.ndarray  # index of the class or, binary, its sign
    gamma: Any  # one for each row, or a float
    factor: Any  # of each row's loss, or a float, or None for 1

    def block(self, rows):
        """The terms of some rows."""
        return RowTerms(*(term[rows] if isinstance(term, np.ndarray) else term for term in self))


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
        result_like=None,
        n_jobs=1,
    ):
        """Gradient and the second-order term of boosted trees, at ``raw_prediction + offset``.

        Parameters
        ----------
        y_true, raw_prediction, sample_weight
            As in :meth:`loss`. What :meth:`prepare` returned takes the place of y_true,
            sample_weight and scale.
        curvature : {"majorant", "geometric", "newton", "exact"}
            ``"majorant"``: ``1 + max(gamma)`` times the gradient's size (multiclass: twice that),
            with which no step raises the loss. ``"newton"``: the Hessian with the scalar ``f''``
            held above its Gauss-Newton part, positive everywhere. ``"geometric"``: the geometric
            mean of these two, at least a tenth of the majorant. ``"exact"``: the Hessian.
        offset : float or ndarray of shape (n_classes,), default=0.0
            Added to every row's raw prediction.
        scale : float, default=1.0
            Factor of both results.
        dtype : dtype, default=None
            Of the computation; by default that of ``raw_prediction``.
        result_like : callable, default=None
            Makes the array of a result from one like it; by default NumPy's, in ``dtype``.
        n_jobs : int or None, default=1
            Threads; ``None`` means as many as OpenMP would use.

        Returns
        -------
        gradient : ndarray like ``raw_prediction``
        curvature : ndarray like ``raw_prediction``
        """
        check_option("curvature", curvature, ("majorant", "geometric", "newton", "exact"))
        block = partial(self._curvature_block, curvature=curvature)
        rows = (y_true, raw_prediction, sample_weight)
        return self._map(block, ["raw", "raw"], *rows, offset, scale, dtype, result_like, n_jobs)

    def prepare(self, y_true, sample_weight=None, *, scale=1.0, dtype=np.float64):
        """Check and convert once what :meth:`gradient_curvature` needs in each round of boosting.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class indices.
        sample_weight : array-like of shape (n_samples,), default=None
        scale : float, default=1.0
            Factor of both results.
        dtype : dtype, default=float64
            Of the computation.

        Returns
        -------
        terms : RowTerms

        Raises
        ------
        ValueError
            If shapes disagree or ``y_true`` holds anything but class indices.
        """
        y = check_y_true(y_true, np.size(y_true), self.n_classes)
        weight = check_sample_weight(sample_weight, len(y))
        return self._row_terms(y, weight, scale, np.dtype(dtype))

    def __call__(self, y_true, raw_prediction, sample_weight=None):
        """Weighted mean of the loss, as a float; parameters are those of :meth:`loss`."""
        loss = self.loss(y_true, raw_prediction)
        weight = check_sample_weight(sample_weight, len(loss))
        if weight is not None:
            check_mass(weight)
        return float(np.average(loss, weights=weight))

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
        return self._map_raw(self._proba_block, raw_prediction, probability, self.n_classes)

    def predict_log_proba(self, raw_prediction, probability="posterior"):
        """Logarithm of :meth:`predict_proba`, finite where that underflows."""
        return self._map_raw(self._log_proba_block, raw_prediction, probability, self.n_classes)

    def _map(
        self, function, outputs, y_true, raw_prediction, sample_weight,
        offset=0.0, scale=1.0, dtype=None, result_like=None, n_jobs=1,
    ):  # fmt: skip
        """Evaluate a block function over all rows; ``outputs`` says the shape of each result."""
        raw = check_raw_prediction(raw_prediction, self._width)
        dtype = raw.dtype if dtype is None else np.dtype(dtype)
        terms_of = self._terms_of(y_true, sample_weight, scale, dtype, len(raw))
        shift = np.reshape(offset, (-1, 1)) if np.ndim(offset) else offset
        shapes = {"row": raw if raw.ndim == 1 else raw[:, 0], "raw": raw}
        result_like = result_like or partial(np.empty_like, dtype=dtype)
        results = tuple(result_like(shapes[kind]) for kind in outputs)

        def evaluate(rows, empty_like):
            scores = raw[rows].T
            with np.errstate(over="ignore"):  # where dtype is the smaller one
                block = np.add(scores, shift, out=empty_like(scores, dtype))
            check_scores(block)
            values = function(terms_of(rows, empty_like), block, empty_like)
            for result, value in zip(results, values, strict=True):
                result[rows] = value.T

        for_each_block(evaluate, self._shares(len(raw), dtype, n_jobs))
        return results

    def _map_raw(self, function, raw_prediction, probability, n_columns):
        """Evaluate a block function of raw predictions alone, which gives so many columns."""
        check_option("probability", probability, PROBABILITIES)
        raw = check_raw_prediction(raw_prediction, self._width)
        result = np.empty((len(raw), n_columns), dtype=raw.dtype)

        def evaluate(rows, empty_like):
            scores = np.positive(raw[rows].T, out=empty_like(raw[rows].T))
            check_scores(scores)
            for k, column in enumerate(function(scores, probability, empty_like)):
                result[rows, k] = column

        for_each_block(evaluate, self._shares(len(raw), raw.dtype))
        return result

    def _shares(self, n_rows, dtype, n_jobs=1):
        row_bytes = self._width * dtype.itemsize
        return row_shares(n_rows, BLOCK_BYTES // row_bytes, n_threads(n_jobs))

    def _terms_of(self, y_true, sample_weight, scale, dtype, n_rows):
        """Function of a block's rows and ``empty_like`` that returns their terms."""
        if isinstance(y_true, RowTerms):
            check_y_true(y_true.target, n_rows, self.n_classes)
            return lambda rows, _: y_true.block(rows)
        y = check_y_true(y_true, n_rows, self.n_classes)
        weight = check_sample_weight(sample_weight, n_rows)

        def terms_of(rows, empty_like):
            factor = None if weight is None else weight[rows]
            return self._row_terms(y[rows], factor, scale, dtype, empty_like)

        return terms_of

    def _row_terms(self, y, weight, scale, dtype, empty_like=np.empty_like):
        target, gamma = self._target(y, dtype, empty_like), self.gamma
        factor = None if weight is None else weight.astype(dtype)
        if scale != 1:
            factor = scale if factor is None else scale * factor
        if isinstance(gamma, tuple):
            gamma = np.take(np.asarray(gamma, dtype), y.astype(np.intp))
        if self.alpha is not None:
            alpha = np.take(np.asarray(self.alpha, dtype), y.astype(np.intp))
            factor = alpha if factor is None else alpha * factor
        return RowTerms(target, gamma, factor)

    def _class_masses(self, y_true, sample_weight):
        """Share of each class in the loss; one without weight counts 1e-15, so that logs exist."""
        y = class_indices(np.asarray(y_true), self.n_classes)
        if not len(y):
            raise ValueError("y_true must hold at least one row, got none.")
        weight = check_sample_weight(sample_weight, len(y))
        masses = np.bincount(y, weights=weight, minlength=self.n_classes).astype(np.float64)
        if self.alpha is not None:
            masses *= self.alpha
        check_mass(masses)
        with np.errstate(over="ignore"):  # of which NumPy 1.26 warns where the sum is subnormal
            masses /= masses.sum()
        return np.maximum(masses, 1e-15)


def times(values, factor):
    """Multiply ``values`` by ``factor`` in place, where None is 1."""
    if factor is not None:
        values *= factor
    return values
