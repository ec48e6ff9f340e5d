"""The penalised focal loss of a linear model as a function of its coefficients.

This module computes ``scale * sum_i w_i f(y_i, x_i @ coef + intercept) + l2 / 2 * ||coef||**2``,
its gradient and its Hessian. The coefficients have shape (n_features + fit_intercept,) or, for
multiclass, (n_features + fit_intercept, n_classes), with the intercept last. Solvers use them
flattened.

Coefficients and results are float64 NumPy arrays. Arrays with one row per sample have the
namespace, device and dtype of X.
"""

import numpy as np
from scipy import sparse

from skfocal.objectives._arrays import as_like, move_like, namespace, to_numpy, total
from skfocal.objectives._blocks import blocks_per_thread, n_threads, sum_over_blocks

# Elements of X in a block, which is read from memory once and used twice. Smaller blocks would fit
# in a faster cache, but threads would lose more time waiting for the GIL.
BLOCK_ELEMENTS = 786_432
MIN_BLOCK_ROWS = 1_024  # with fewer rows, function calls cost more than the cache saves


class PenalisedObjective:
    """Value and derivatives of the penalised loss.

    Subclasses compute the sums over rows, without the penalty, in ``_loss_sums``,
    ``_diagonal_sums`` and ``_hessian_sums``.

    Parameters
    ----------
    loss : BinaryFocalLoss or MulticlassFocalLoss
    template : array of shape (any, n_features)
        An array with the library, device, dtype and number of features of the design matrix.
    n_samples : int
    scale, l2, fit_intercept
        As in :class:`LinearObjective`.
    """

    def __init__(self, loss, template, n_samples, *, scale, l2, fit_intercept):
        self.loss = loss
        self.template = template
        self.xp = namespace(template)
        self.eps = float(self.xp.finfo(template.dtype).eps)
        self.n_samples, self.n_features = n_samples, template.shape[1]
        self.scale = scale
        self.l2 = l2
        self.fit_intercept = fit_intercept
        n_rows = self.n_features + fit_intercept
        self.shape = (n_rows,) if loss.n_classes == 2 else (n_rows, loss.n_classes)
        penalised = np.zeros(self.shape, dtype=bool)
        penalised[: self.n_features] = True
        self.is_penalised = penalised.ravel()
        self._latest = None

    def value_gradient(self, coef):
        """Return the value and the flat gradient; the result for the latest ``coef`` is cached."""
        if self._latest is None or not np.array_equal(coef, self._latest[0]):
            sums, penalty = self._loss_sums(coef), self.l2 * self.is_penalised * coef
            result = sums[0] + 0.5 * np.vdot(coef, penalty), sums[1:] + penalty
            self._latest = coef.copy(), result
        return self._latest[1]

    def hessian_diagonal(self, coef):
        """Return the flat diagonal of the ``"newton"`` Hessian at ``coef``."""
        return self._diagonal_sums(coef) + self.l2 * self.is_penalised

    def hessian(self, coef, *, curvature="exact", features=None):
        """Return the Hessian at ``coef`` as a matrix, for all or only for the given features.

        The intercept is always included. The multiclass loss does not change if all scores of a
        row are shifted by the same amount. Along such shifts of unpenalised coefficients, the
        gradient is zero and the Hessian is singular. A term is added along these shifts to make
        the Newton step unique.
        """
        hessian = self._hessian_sums(coef, curvature, features)
        n_rows, n_classes = hessian.shape[:2]
        n_features = n_rows - self.fit_intercept
        if n_classes > 1:
            for row in range(0 if features is None and self.l2 == 0 else n_features, n_rows):
                root = np.sqrt(np.maximum(np.diag(hessian[row, :, row, :]), 0))
                hessian[row, :, row, :] += np.outer(root, root) / n_classes
        hessian = hessian.reshape(n_rows * n_classes, -1)
        penalised = np.arange(n_features * n_classes)
        hessian[penalised, penalised] += self.l2
        return hessian


class LinearObjective(PenalisedObjective):
    """Value and derivatives of the penalised loss over a design matrix.

    Parameters
    ----------
    loss : BinaryFocalLoss or MulticlassFocalLoss
    X : array, CSR or CSC matrix of shape (n_samples, n_features)
        float32 or float64. It is neither copied as a whole nor converted to dense.
    y : array of shape (n_samples,)
        Class indices.
    sample_weight : array of shape (n_samples,) or None
    scale : float
        Factor that multiplies the loss: the parameter C of logistic regression.
    l2 : float
        Factor that multiplies half the squared norm of the coefficients without the intercept.
    fit_intercept : bool
    n_jobs : int or None, default=1
        Number of threads for passes over dense X, see :func:`n_threads`.
    """

    def __init__(self, loss, X, y, sample_weight, *, scale, l2, fit_intercept, n_jobs=1):
        penalty = {"scale": scale, "l2": l2, "fit_intercept": fit_intercept}
        super().__init__(loss, X, X.shape[0], **penalty)
        self.X = X
        xp = self.xp
        # Labels of one byte are faster to read.
        self.y = xp.asarray(move_like(y, X, xp), dtype=xp.int8 if loss.n_classes < 128 else None)
        self.weight = None if sample_weight is None else move_like(sample_weight, X, xp)
        self.threads = n_threads(n_jobs)

    def sample(self, n_rows):
        """Return the objective over about ``n_rows`` evenly spaced rows, or all if there are fewer.

        Its scale is increased to estimate the loss of all rows.
        """
        n_samples = self.X.shape[0]
        rows = slice(None, None, max(1, n_samples // n_rows))
        weight = None if self.weight is None else self.weight[rows]
        y = self.y[rows]
        scale = self.scale * n_samples / y.shape[0]
        settings = {"scale": scale, "l2": self.l2, "fit_intercept": self.fit_intercept}
        settings["n_jobs"] = self.threads
        return LinearObjective(self.loss, self.X[rows, :], y, weight, **settings)

    def raw_prediction(self, coef):
        """Return the scores of all rows, of shape (n_samples,) or (n_samples, n_classes)."""
        return self._score(self.X, coef.reshape(self.shape))

    def _loss_sums(self, coef):
        """Return an array of the value followed by the flat gradient."""
        columns = coef.reshape(self.shape)

        def value_slope(rows):
            X = self.X if sparse.issparse(self.X) else self.X[rows, :]
            weight = None if self.weight is None else self.weight[rows]
            loss, slope = self.loss.loss_gradient(self.y[rows], self._score(X, columns), weight)
            return np.append(total(loss, self.xp), self._coef_gradient(X, slope))

        return self.scale * sum_over_blocks(value_slope, self._thread_blocks())

    def _diagonal_sums(self, coef):
        raw = self.raw_prediction(coef)
        _, curvature = self.loss.gradient_curvature(
            self.y, raw, self.weight, curvature="newton", scale=self.scale
        )
        if curvature.ndim > 1:  # undo the factor for trees
            curvature = (1 - 1 / self.loss.n_classes) * curvature
        diagonal = np.empty(self.shape)
        diagonal[: self.X.shape[1]] = self._weighted_squares(curvature)
        diagonal[self.X.shape[1] :] = total(curvature, self.xp, axis=0)
        return diagonal.ravel()

    def _hessian_sums(self, coef, curvature, features):
        """Return the Hessian with shape (n_rows, n_classes or 1, n_rows, n_classes or 1)."""
        X = self.X if features is None else self.X[:, features]
        n_rows, n_classes = X.shape[1] + self.fit_intercept, int(np.prod(self.shape[1:]))
        hessian = np.empty((n_rows, n_classes, n_rows, n_classes))
        for k, column in enumerate(self._row_hessian(coef, curvature)):
            for j in range(k, n_classes):
                hessian[:, j, :, k] = hessian[:, k, :, j] = self._gram(X, column[j, ...])
        return hessian

    def _row_hessian(self, coef, curvature):
        """Yield the columns of the rows' Hessians, each of shape (n_classes or 1, n_samples)."""
        raw = self.raw_prediction(coef)
        multiply = self.loss.hessian_operator(self.y, raw, self.weight, curvature=curvature)
        for unit in np.eye(*self.shape[1:]) if self.shape[1:] else np.ones(1):
            direction = self.xp.broadcast_to(as_like(unit, raw, self.xp), raw.shape)
            column = self.scale * multiply(direction)
            yield column.T if column.ndim > 1 else column[None, :]

    def _thread_blocks(self, max_rows=None):
        """Blocks of rows for each thread; only a dense NumPy array is divided."""
        if sparse.issparse(self.X) or self.xp is not np:
            return [[slice(None)]]
        if max_rows is None:
            n_columns = max(self.X.shape[1], self.loss.n_classes)
            max_rows = max(MIN_BLOCK_ROWS, BLOCK_ELEMENTS // n_columns)
        return blocks_per_thread(len(self.X), max_rows, self.threads)

    def _score(self, X, columns):
        columns = as_like(columns, X, self.xp)
        raw = X @ columns[: X.shape[1], ...]
        if self.fit_intercept:
            raw += columns[-1, ...]
        return raw

    def _coef_gradient(self, X, slope):
        """Flat gradient in the coefficients, given the gradient in the scores."""
        gradient = np.empty(self.shape)
        gradient[: X.shape[1]] = to_numpy(X.T @ slope)
        if self.fit_intercept:
            gradient[-1] = total(slope, self.xp, axis=0)
        return gradient.ravel()

    def _weighted_squares(self, weight):
        """Return ``(X**2).T @ weight``."""
        if sparse.issparse(self.X):
            return self.X.multiply(self.X).T @ weight

        @np.errstate(over="ignore", invalid="ignore")  # the solvers check the result
        def products(rows):
            return to_numpy(self.xp.square(self.X[rows, :]).T @ weight[rows, ...])

        return sum_over_blocks(products, self._thread_blocks())

    def _gram(self, X, weight):
        """Return ``A.T @ diag(weight) @ A``; A is X, plus a column of ones for the intercept."""
        n_features, xp = X.shape[1], self.xp
        gram = np.zeros((n_features + self.fit_intercept,) * 2)
        inner = gram[:n_features, :n_features]
        if sparse.issparse(X):
            inner += (X.T @ sparse.diags_array(weight) @ X).toarray()
        else:
            root, sign = xp.sqrt(xp.abs(weight)), xp.sign(weight)
            is_nonnegative = float(xp.min(sign)) >= 0

            @np.errstate(over="ignore", invalid="ignore")  # the solvers check the result
            def products(rows):
                scaled = X[rows, :].T * root[rows]
                # BLAS multiplies a matrix by its own transpose in half the time.
                return to_numpy(scaled @ (scaled.T if is_nonnegative else (scaled * sign[rows]).T))

            blocks = self._thread_blocks(BLOCK_ELEMENTS // max(1, n_features))
            inner += sum_over_blocks(products, blocks)
        if self.fit_intercept:
            gram[-1, :n_features] = gram[:n_features, -1] = to_numpy(X.T @ weight)
            gram[-1, -1] = total(weight, xp)
        return gram
