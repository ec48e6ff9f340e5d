"""The penalised focal loss of a linear model, as a function of its coefficients.

``scale * sum_i w_i f(y_i, x_i @ coef + intercept) + l2 / 2 * ||coef||**2`` with its gradient,
Hessian and Hessian-vector product. The coefficients are an array of shape
(n_features + fit_intercept,) or, multiclass, (n_features + fit_intercept, n_classes), the
intercept last; solvers see it flattened.

Coefficients and results are NumPy's in float64. What has a row for each sample stays in X's
namespace, on its device and in its dtype.
"""

import numpy as np
from scipy import sparse

from skfocal.objectives._arrays import as_like, move_like, namespace, to_numpy, total
from skfocal.objectives._blocks import n_threads, row_shares, sum_over_blocks

# Of X: a block is read from memory once and used twice. Smaller ones stay in a closer cache, but
# threads lose more at the GIL than that wins.
BLOCK_ELEMENTS = 786_432
MIN_BLOCK_ROWS = 1_024  # shorter columns of scores cost more in calls than they win in the cache


class PenalisedObjective:
    """Value and derivatives of the penalised loss, from sums over rows that a subclass gives.

    Subclasses have ``_loss_sums``, ``_diagonal_sums`` and ``_hessian_sums``, without the penalty.

    Parameters
    ----------
    loss : BinaryFocalLoss or MulticlassFocalLoss
    template : array of shape (any, n_features)
        Its library, device and dtype are those of the design matrix.
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
        """Value and flat gradient, in one pass over X; at the latest point, from memory."""
        if self._latest is None or not np.array_equal(coef, self._latest[0]):
            sums, penalty = self._loss_sums(coef), self.l2 * self.is_penalised * coef
            result = sums[0] + 0.5 * np.vdot(coef, penalty), sums[1:] + penalty
            self._latest = coef.copy(), result
        return self._latest[1]

    def hessian_diagonal(self, coef):
        """Flat diagonal of the Hessian at ``coef``, its scalar curvature held positive."""
        return self._diagonal_sums(coef) + self.l2 * self.is_penalised

    def hessian(self, coef, *, curvature="exact", features=None):
        """Hessian at ``coef`` as a matrix, over all coefficients or those of some features.

        The intercept is always part of it. Multiclass scores mean the same when shifted together:
        along such shifts, where the gradient is zero, the matrix is made definite, so that the
        unpenalised intercept (or, without any penalty, every feature) has a unique Newton step.
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
        float32 or float64; never copied as a whole, never made dense.
    y : array of shape (n_samples,)
        Class indices.
    sample_weight : array of shape (n_samples,) or None
    scale : float
        Factor of the loss, the C of logistic regression.
    l2 : float
        Factor of half the squared norm of the coefficients, intercept excepted.
    fit_intercept : bool
    n_jobs : int or None, default=1
        Threads for passes over dense X; ``None`` means as many as OpenMP would use.
    """

    def __init__(self, loss, X, y, sample_weight, *, scale, l2, fit_intercept, n_jobs=1):
        penalty = {"scale": scale, "l2": l2, "fit_intercept": fit_intercept}
        super().__init__(loss, X, X.shape[0], **penalty)
        self.X = X
        xp = self.xp
        # Less memory to read.
        self.y = xp.asarray(move_like(y, X, xp), dtype=xp.int8 if loss.n_classes < 128 else None)
        self.weight = None if sample_weight is None else move_like(sample_weight, X, xp)
        self.threads = n_threads(n_jobs)

    def sample(self, n_rows):
        """The same objective over about ``n_rows`` evenly spaced rows (all, where there are fewer).

        Their loss counts for that of all rows.
        """
        n_samples = self.X.shape[0]
        every = slice(None, None, max(1, n_samples // n_rows))
        weight = None if self.weight is None else self.weight[every]
        y = self.y[every]
        scale = self.scale * n_samples / y.shape[0]
        settings = {"scale": scale, "l2": self.l2, "fit_intercept": self.fit_intercept}
        settings["n_jobs"] = self.threads
        return LinearObjective(self.loss, self.X[every, :], y, weight, **settings)

    def raw_prediction(self, coef):
        """Scores of all rows, of shape (n_samples,) or (n_samples, n_classes)."""
        return self._score(self.X, coef.reshape(self.shape))

    def _loss_sums(self, coef):
        """Value, then flat gradient."""
        columns = coef.reshape(self.shape)

        def value_slope(rows):
            X = self.X if sparse.issparse(self.X) else self.X[rows, :]
            weight = None if self.weight is None else self.weight[rows]
            loss, slope = self.loss.loss_gradient(self.y[rows], self._score(X, columns), weight)
            return np.append(total(loss, self.xp), self._collect(X, slope))

        return self.scale * sum_over_blocks(value_slope, self._shares())

    def _diagonal_sums(self, coef):
        raw = self.raw_prediction(coef)
        _, curvature = self.loss.gradient_curvature(
            self.y, raw, self.weight, curvature="newton", scale=self.scale
        )
        if curvature.ndim > 1:  # without the factor that is for trees
            curvature = (1 - 1 / self.loss.n_classes) * curvature
        diagonal = np.empty(self.shape)
        diagonal[: self.X.shape[1]] = self._squared_features(curvature)
        diagonal[self.X.shape[1] :] = total(curvature, self.xp, axis=0)
        return diagonal.ravel()

    def _hessian_sums(self, coef, curvature, features):
        """Hessian of shape (n_rows, n_classes or 1, n_rows, n_classes or 1)."""
        X = self.X if features is None else self.X[:, features]
        n_rows, n_classes = X.shape[1] + self.fit_intercept, int(np.prod(self.shape[1:]))
        hessian = np.empty((n_rows, n_classes, n_rows, n_classes))
        for k, column in enumerate(self._row_hessian(coef, curvature)):
            for j in range(k, n_classes):
                hessian[:, j, :, k] = hessian[:, k, :, j] = self._gram(X, column[j, ...])
        return hessian

    def _row_hessian(self, coef, curvature):
        """Columns of the Hessians in the scores, each of shape (n_classes or 1, n_samples)."""
        raw = self.raw_prediction(coef)
        multiply = self.loss.hessian_operator(self.y, raw, self.weight, curvature=curvature)
        for unit in np.eye(*self.shape[1:]) if self.shape[1:] else np.ones(1):
            direction = self.xp.broadcast_to(as_like(unit, raw, self.xp), raw.shape)
            column = self.scale * multiply(direction)
            yield column.T if column.ndim > 1 else column[None, :]

    def _shares(self):
        """Blocks of rows that fit in the cache, by thread."""
        max_rows = BLOCK_ELEMENTS // max(self.X.shape[1], self.loss.n_classes)
        return self._row_shares(max(MIN_BLOCK_ROWS, max_rows))

    def _row_shares(self, max_rows):
        """Blocks of so many rows of a dense NumPy array, by thread; any other X is one block."""
        if sparse.issparse(self.X) or self.xp is not np:
            return [[slice(None)]]
        return row_shares(len(self.X), max_rows, self.threads)

    def _score(self, X, columns):
        columns = as_like(columns, X, self.xp)
        raw = X @ columns[: X.shape[1], ...]
        if self.fit_intercept:
            raw += columns[-1, ...]
        return raw

    def _collect(self, X, slope):
        """Flat derivative in the coefficients from one in the scores."""
        gradient = np.empty(self.shape)
        gradient[: X.shape[1]] = to_numpy(X.T @ slope)
        if self.fit_intercept:
            gradient[-1] = total(slope, self.xp, axis=0)
        return gradient.ravel()

    def _squared_features(self, weight):
        """``(X**2).T @ weight``."""
        if sparse.issparse(self.X):
            return self.X.multiply(self.X).T @ weight

        @np.errstate(over="ignore", invalid="ignore")  # the solvers look at the result
        def products(rows):
            return to_numpy(self.xp.square(self.X[rows, :]).T @ weight[rows, ...])

        return sum_over_blocks(products, self._shares())

    def _gram(self, X, weight):
        """``A.T @ diag(weight) @ A`` for A = X with, if fitted, a column of ones."""
        n_features, xp = X.shape[1], self.xp
        gram = np.zeros((n_features + self.fit_intercept,) * 2)
        inner = gram[:n_features, :n_features]
        if sparse.issparse(X):
            inner += (X.T @ sparse.diags_array(weight) @ X).toarray()
        else:
            root, sign = xp.sqrt(xp.abs(weight)), xp.sign(weight)
            definite = float(xp.min(sign)) >= 0

            @np.errstate(over="ignore", invalid="ignore")  # the solvers look at the result
            def products(rows):
                scaled = X[rows, :].T * root[rows]
                # BLAS needs half the time where it sees a matrix times its own transpose.
                return to_numpy(scaled @ (scaled.T if definite else (scaled * sign[rows]).T))

            shares = self._row_shares(BLOCK_ELEMENTS // max(1, n_features))
            inner += sum_over_blocks(products, shares)
        if self.fit_intercept:
            gram[-1, :n_features] = gram[:n_features, -1] = to_numpy(X.T @ weight)
            gram[-1, -1] = total(weight, xp)
        return gram
