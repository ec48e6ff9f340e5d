"""The penalised focal loss of a linear model, as a function of its coefficients.

``scale * sum_i w_i f(y_i, x_i @ coef + intercept) + l2 / 2 * ||coef||**2`` with its gradient,
Hessian and Hessian-vector product. The coefficients are an array of shape
(n_features + fit_intercept,) or, multiclass, (n_features + fit_intercept, n_classes), the
intercept last; solvers see it flattened.
"""

import numpy as np
from scipy import sparse

from skfocal.objectives._blocks import row_blocks


class LinearObjective:
    """Value and derivatives of the penalised loss over a design matrix.

    Parameters
    ----------
    loss : BinaryFocalLoss or MulticlassFocalLoss
    X : ndarray, CSR or CSC matrix of shape (n_samples, n_features)
        float32 or float64; never copied as a whole, never made dense.
    y : ndarray of shape (n_samples,)
        Class indices.
    sample_weight : ndarray of shape (n_samples,) or None
    scale : float
        Factor of the loss, the C of logistic regression.
    l2 : float
        Factor of half the squared norm of the coefficients, intercept excepted.
    fit_intercept : bool
    """

    def __init__(self, loss, X, y, sample_weight, *, scale, l2, fit_intercept):
        self.loss = loss
        self.X = X
        self.y = y
        self.weight = np.full(len(y), scale) if sample_weight is None else scale * sample_weight
        self.l2 = l2
        self.fit_intercept = fit_intercept
        n_rows = X.shape[1] + fit_intercept
        self.shape = (n_rows,) if loss.n_classes == 2 else (n_rows, loss.n_classes)
        penalised = np.zeros(self.shape, dtype=bool)
        penalised[: X.shape[1]] = True
        self.is_penalised = penalised.ravel()

    def raw_prediction(self, coef):
        """Scores of all rows, of shape (n_samples,) or (n_samples, n_classes)."""
        coef = coef.reshape(self.shape).astype(self.X.dtype, copy=False)
        raw = self.X @ coef[: self.X.shape[1]]
        if self.fit_intercept:
            raw += coef[-1]
        return raw

    def value_gradient(self, coef):
        """Value and flat gradient."""
        loss, slope = self.loss.loss_gradient(self.y, self.raw_prediction(coef), self.weight)
        penalty = self._ridge(coef)
        value = loss.sum(dtype=np.float64) + 0.5 * np.vdot(coef, penalty)
        return value, self._collect(slope) + penalty

    def hessian_operator(self, coef):
        """Function that multiplies the Hessian at ``coef`` with a flat direction."""
        multiply_rows = self.loss.hessian_operator(self.y, self.raw_prediction(coef), self.weight)

        def multiply(direction):
            rows = multiply_rows(self.raw_prediction(direction))
            return self._collect(rows) + self._ridge(direction)

        return multiply

    def hessian_diagonal(self, coef):
        """Flat diagonal of the Hessian at ``coef``, its scalar curvature held positive."""
        diagonal = np.zeros(self.shape).reshape(self.shape[0], -1)
        for k, column in enumerate(self._row_hessian(coef, "newton")):
            diagonal[: self.X.shape[1], k] = self._squared_columns(column[k]) + self.l2
            diagonal[self.X.shape[1] :, k] = column[k].sum()
        return diagonal.ravel()

    def hessian(self, coef, *, curvature="exact", features=None):
        """Hessian at ``coef`` as a matrix, over all coefficients or those of some features.

        The intercept is always part of it. Multiclass scores mean the same when shifted together:
        along such shifts, where the gradient is zero, the matrix is made definite, so that the
        unpenalised intercept (or, without any penalty, every feature) has a unique Newton step.
        """
        X = self.X if features is None else self.X[:, features]
        n_rows, n_classes = X.shape[1] + self.fit_intercept, int(np.prod(self.shape[1:]))
        hessian = np.empty((n_rows, n_classes, n_rows, n_classes))
        for k, column in enumerate(self._row_hessian(coef, curvature)):
            for j in range(k, n_classes):
                hessian[:, j, :, k] = hessian[:, k, :, j] = self._gram(X, column[j])
        if n_classes > 1:
            for row in range(0 if features is None and self.l2 == 0 else X.shape[1], n_rows):
                root = np.sqrt(np.maximum(np.diag(hessian[row, :, row, :]), 0))
                hessian[row, :, row, :] += np.outer(root, root) / n_classes
        hessian = hessian.reshape(n_rows * n_classes, -1)
        penalised = np.arange(X.shape[1] * n_classes)
        hessian[penalised, penalised] += self.l2
        return hessian

    def _row_hessian(self, coef, curvature):
        """Columns of the Hessians in the scores, each of shape (n_classes or 1, n_samples)."""
        multiply = self.loss.hessian_operator(
            self.y, self.raw_prediction(coef), self.weight, curvature=curvature
        )
        for unit in np.eye(*self.shape[1:]) if self.shape[1:] else np.ones(1):
            column = multiply(np.broadcast_to(unit, (len(self.y),) + self.shape[1:]))
            yield np.atleast_2d(column.T)

    def _collect(self, slope):
        """Flat derivative in the coefficients from one in the scores."""
        gradient = np.empty(self.shape)
        gradient[: self.X.shape[1]] = self.X.T @ slope
        if self.fit_intercept:
            gradient[-1] = slope.sum(axis=0, dtype=np.float64)
        return gradient.ravel()

    def _ridge(self, coef):
        """Flat gradient of the penalty."""
        return self.l2 * self.is_penalised * coef

    def _squared_columns(self, weight):
        """``weight @ X**2``."""
        if sparse.issparse(self.X):
            return self.X.multiply(self.X).T @ weight
        squares = np.zeros(self.X.shape[1])
        for rows in row_blocks(len(weight), max(1, self.X.shape[1])):
            squares += weight[rows] @ np.square(self.X[rows])
        return squares

    def _gram(self, X, weight):
        """``A.T @ diag(weight) @ A`` for A = X with, if fitted, a column of ones."""
        n_features = X.shape[1]
        gram = np.zeros((n_features + self.fit_intercept,) * 2)
        inner = gram[:n_features, :n_features]
        if sparse.issparse(X):
            inner += (X.T @ sparse.diags_array(weight) @ X).toarray()
        else:
            for rows in row_blocks(len(weight), max(1, n_features)):
                inner += (X[rows].T * weight[rows]) @ X[rows]
        if self.fit_intercept:
            gram[-1, :n_features] = gram[:n_features, -1] = X.T @ weight
            gram[-1, -1] = weight.sum()
        return gram
