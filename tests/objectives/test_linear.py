"""The penalised objective of the linear model for dense and sparse X."""

from typing import NamedTuple

import mpmath
import numpy as np
import pytest
import reference
from mpmath import mpf
from scipy import sparse

from skfocal.objectives import BinaryFocalLoss, MulticlassFocalLoss, _linear
from skfocal.objectives._linear import LinearObjective
from skfocal.objectives._loss import make_loss

LOSSES = [
    BinaryFocalLoss(gamma=0),
    BinaryFocalLoss(gamma=2),
    BinaryFocalLoss(gamma=(0.5, 3), alpha=0.25),
    MulticlassFocalLoss(3, gamma=2),
    MulticlassFocalLoss(4, gamma=(0, 0.5, 2, 5), alpha=(1, 2, 0.5, 10)),
]
CONTAINERS = [
    np.ascontiguousarray,
    np.asfortranarray,
    sparse.csr_array,
    sparse.csc_array,
    sparse.csr_matrix,
]
SCALE, L2 = 0.7, 0.3

# Rounding of sums of about ten terms of order one to ten.
ROUNDING = {"rtol": 1e-13, "atol": 1e-13}


class Problem(NamedTuple):
    """A small random problem with many zeros in X."""

    loss: object
    fit_intercept: bool
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    coef: np.ndarray
    direction: np.ndarray

    def objective(self, container=np.ascontiguousarray, dtype=np.float64, **others):
        X = container(self.X.astype(dtype))
        settings = {"scale": SCALE, "l2": L2, "fit_intercept": self.fit_intercept, **others}
        return LinearObjective(self.loss, X, self.y, self.weight, **settings)

    def exact_value(self, *coef):
        """Evaluate the objective in 50 digits; a binary score z becomes the pair (0, z)."""
        n_classes, width = self.loss.n_classes, len(coef) // (3 + self.fit_intercept)
        gamma = np.broadcast_to(self.loss.gamma, n_classes).tolist()
        alpha = self.loss.alpha or (1.0,) * n_classes
        value = L2 * sum(c**2 for c in coef[: 3 * width]) / 2
        for x, y, weight in zip(self.X.tolist(), self.y, self.weight.tolist(), strict=True):
            x = [*x, 1.0] if self.fit_intercept else x
            raw = [sum(v * coef[j * width + k] for j, v in enumerate(x)) for k in range(width)]
            raw = [mpf(0), *raw] if n_classes == 2 else raw
            factor = mpf(SCALE) * weight * alpha[y]
            value += factor * reference.multiclass_loss(y, raw, gamma[y])
        return value

    def hessian(self, curvature, l2=L2):
        """Return the Hessian, column by column, from the rows' Hessians and the penalty."""
        design = np.column_stack([self.X, np.ones(len(self.y))])[:, : 3 + self.fit_intercept]
        shape = self.objective().shape
        multiply_rows = self.loss.hessian_operator(
            self.y, design @ self.coef.reshape(shape), SCALE * self.weight, curvature=curvature
        )
        columns = []
        for unit in np.eye(len(self.coef)).reshape(-1, *shape):
            column = design.T @ multiply_rows(design @ unit)
            column[:3] += l2 * unit[:3]
            columns.append(column.ravel())
        return np.column_stack(columns)


def make_problem(loss, *, fit_intercept=True, n_samples=10):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 3)) * (rng.random((n_samples, 3)) < 0.7)
    y = rng.integers(loss.n_classes, size=n_samples)
    weight = rng.uniform(0.1, 3, size=n_samples)
    size = (3 + fit_intercept) * (1 if loss.n_classes == 2 else loss.n_classes)
    coef, direction = rng.normal(size=(2, size))
    return Problem(loss, fit_intercept, X, y, weight, coef, direction)


def all_results(objective, problem):
    """Return all results of an objective at the coefficients of a problem."""
    return (
        *objective.value_gradient(problem.coef),
        objective.raw_prediction(problem.coef),
        objective.hessian_diagonal(problem.coef),
        objective.hessian(problem.coef),
        objective.hessian(problem.coef, curvature="newton"),
    )


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_value_and_gradient_match_reference(loss, fit_intercept):
    problem = make_problem(loss, fit_intercept=fit_intercept)
    coef = [mpf(c) for c in problem.coef.tolist()]
    exact = [
        float(mpmath.diff(problem.exact_value, coef, tuple(row)))
        for row in np.eye(len(coef), dtype=int).tolist()
    ]
    value, gradient = problem.objective().value_gradient(problem.coef)
    assert isinstance(float(value), float)
    assert value == pytest.approx(float(problem.exact_value(*coef)), rel=1e-14)
    np.testing.assert_allclose(gradient, exact, **ROUNDING)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_hessian_is_derivative_of_gradient(loss, fit_intercept):
    problem = make_problem(loss, fit_intercept=fit_intercept)
    objective, step = problem.objective(), 1e-4
    forward, back, forward_2, back_2 = (
        objective.value_gradient(problem.coef + k * step * problem.direction)[1]
        for k in (1, -1, 2, -2)
    )
    numerical = (8 * (forward - back) - (forward_2 - back_2)) / (12 * step)
    product = problem.hessian("exact") @ problem.direction
    # The error of fourth-order differences is mostly the gradient's rounding over the step.
    np.testing.assert_allclose(product, numerical, rtol=1e-10, atol=1e-13 / step)


@pytest.mark.parametrize("curvature", ["exact", "newton"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_hessian_is_sum_over_rows_except_for_the_multiclass_intercept(
    loss, fit_intercept, curvature
):
    problem = make_problem(loss, fit_intercept=fit_intercept)
    objective = problem.objective()
    hessian = objective.hessian(problem.coef, curvature=curvature)
    expected = problem.hessian(curvature)
    np.testing.assert_allclose(hessian, hessian.T, **ROUNDING)
    regularised = slice(3 * loss.n_classes, None) if loss.n_classes > 2 else slice(0, 0)
    hessian[regularised, regularised] = expected[regularised, regularised]
    np.testing.assert_allclose(hessian, expected, **ROUNDING)


@pytest.mark.parametrize("l2", [0, L2])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_newton_step_solves_the_singular_newton_equations(loss, l2):
    problem = make_problem(loss, n_samples=30)
    objective = problem.objective(l2=l2)
    _, gradient = objective.value_gradient(problem.coef)
    step = np.linalg.solve(objective.hessian(problem.coef), gradient)
    product = problem.hessian("exact", l2) @ step
    # Rounding times the condition number, which is below 1000.
    np.testing.assert_allclose(product, gradient, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("l2", [0, L2])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_newton_hessian_is_positive_definite(loss, l2):
    problem = make_problem(loss, n_samples=30)
    hessian = problem.objective(l2=l2).hessian(problem.coef, curvature="newton")
    eigenvalues = np.linalg.eigvalsh(hessian)
    assert eigenvalues[0] > 1e-6 * eigenvalues[-1]


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_hessian_of_some_features_is_block_of_full_hessian(loss, fit_intercept, container):
    problem = make_problem(loss, fit_intercept=fit_intercept)
    objective = problem.objective(container)
    whole = objective.hessian(problem.coef).reshape(objective.shape + objective.shape)
    rows = [0, 2] + [3] * fit_intercept
    part = objective.hessian(problem.coef, features=[0, 2])
    block = whole[rows].take(rows, axis=whole.ndim // 2)
    np.testing.assert_allclose(part, block.reshape(part.shape), **ROUNDING)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_hessian_diagonal_is_diagonal_of_newton_hessian(loss, fit_intercept, container):
    problem = make_problem(loss, fit_intercept=fit_intercept)
    objective = problem.objective(container)
    diagonal = objective.hessian_diagonal(problem.coef)
    np.testing.assert_allclose(diagonal, np.diag(problem.hessian("newton")), **ROUNDING)
    assert np.all(diagonal > 0)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_containers_and_dtypes_match_dense_float64(loss, dtype, container):
    problem = make_problem(loss)
    dense, other = problem.objective(), problem.objective(container, dtype)
    assert other.raw_prediction(problem.coef).dtype == dtype
    # float32: sums of ten terms of order ten.
    tolerance = ROUNDING if dtype is np.float64 else {"rtol": 1e-5, "atol": 1e-5}
    for got, expected in zip(all_results(other, problem), all_results(dense, problem), strict=True):
        np.testing.assert_allclose(got, expected, **tolerance)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_read_only_input_is_accepted_and_not_modified(loss, container):
    problem = make_problem(loss)
    objective = problem.objective(container)
    arrays = [problem.y, problem.weight, problem.coef, problem.direction]
    arrays += [objective.X.data] if sparse.issparse(objective.X) else [objective.X]
    copies = [np.array(array) for array in arrays]
    for array in arrays:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    all_results(objective, problem)
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_weight_of_two_matches_repeated_row(loss):
    problem = make_problem(loss)
    twice = np.arange(10) % 3 == 0
    rows = np.concatenate([np.arange(10), np.flatnonzero(twice)])
    doubled = problem._replace(weight=np.where(twice, 2 * problem.weight, problem.weight))
    repeated = problem._replace(X=problem.X[rows], y=problem.y[rows], weight=problem.weight[rows])
    for got, expected in zip(
        doubled.objective().value_gradient(problem.coef),
        repeated.objective().value_gradient(problem.coef),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, **ROUNDING)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_no_weights_match_unit_weights(loss):
    problem = make_problem(loss)
    none = problem._replace(weight=None).objective()
    ones = problem._replace(weight=np.ones(10)).objective()
    for without, weighted in [(none, ones), (none.sample(5), ones.sample(5))]:
        for got, expected in zip(
            all_results(without, problem), all_results(weighted, problem), strict=True
        ):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("n_jobs", [1, 2, 8])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_results_do_not_depend_on_blocks_and_threads(loss, n_jobs, monkeypatch):
    problem = make_problem(loss, n_samples=95)
    whole = all_results(problem.objective(), problem)
    monkeypatch.setattr(_linear, "BLOCK_ELEMENTS", 30)
    monkeypatch.setattr(_linear, "MIN_BLOCK_ROWS", 10)
    parts = all_results(problem.objective(n_jobs=n_jobs), problem)
    for got, expected in zip(parts, whole, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)  # sums of 100 terms


@pytest.mark.parametrize("container", CONTAINERS[:3])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_sample_is_objective_of_every_fourth_row_with_four_times_the_weight(loss, container):
    problem = make_problem(loss, n_samples=40)
    fourth = problem._replace(X=problem.X[::4], y=problem.y[::4], weight=4 * problem.weight[::4])
    sample = problem.objective(container).sample(10)
    assert len(sample.y) == 10
    for got, expected in zip(
        all_results(sample, problem), all_results(fourth.objective(), problem), strict=True
    ):
        np.testing.assert_allclose(got, expected, **ROUNDING)
    whole = problem.objective(container)
    for got, expected in zip(
        all_results(whole.sample(41), problem), all_results(whole, problem), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("n_classes", [127, 128, 129, 300])
def test_value_and_gradient_with_hundreds_of_classes(n_classes):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2 * n_classes, 2)), np.arange(2 * n_classes) % n_classes
    loss, coef = MulticlassFocalLoss(n_classes), rng.normal(size=(3, n_classes))
    objective = LinearObjective(loss, X, y, None, scale=1.0, l2=0.0, fit_intercept=True)
    value, gradient = objective.value_gradient(coef.ravel())
    losses, slopes = loss.loss_gradient(y, X @ coef[:2] + coef[2])
    assert value == pytest.approx(losses.sum(), rel=1e-13)
    expected = np.vstack([X.T @ slopes, slopes.sum(axis=0)])
    np.testing.assert_allclose(gradient, expected.ravel(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_value_at_latest_point_is_cached(loss, monkeypatch):
    problem = make_problem(loss)
    objective, points = problem.objective(), []
    evaluate = objective._loss_sums
    monkeypatch.setattr(objective, "_loss_sums", lambda coef: points.append(coef) or evaluate(coef))
    first, gradient = objective.value_gradient(problem.coef)
    again, same_gradient = objective.value_gradient(problem.coef.copy())
    assert len(points) == 1
    assert first == again
    np.testing.assert_array_equal(gradient, same_gradient)
    other, _ = objective.value_gradient(problem.coef + problem.direction)
    assert len(points) == 2
    assert other != first


@pytest.mark.parametrize("n_classes", [2, 3])
def test_float32_rows_are_summed_in_float64(n_classes):
    loss = make_loss(n_classes, gamma=1.0, alpha=None)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50_000, 1)).astype(np.float32), rng.integers(n_classes, size=50_000)
    objective = LinearObjective(loss, X, y, None, scale=1.0, l2=0.0, fit_intercept=True)
    coef = rng.normal(size=objective.shape).ravel()
    value, gradient = objective.value_gradient(coef)
    terms, slope = loss.loss_gradient(y, objective.raw_prediction(coef))
    assert terms.dtype == np.float32
    # Float64 sums differ only by the order of the terms.
    assert value == pytest.approx(terms.sum(dtype=np.float64), rel=1e-13)
    expected = slope.sum(axis=0, dtype=np.float64)
    size = np.abs(slope).sum(dtype=np.float64)
    np.testing.assert_allclose(gradient[-expected.size :], expected, rtol=0, atol=1e-13 * size)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_rows_with_zero_weight_match_removed_rows(loss):
    problem = make_problem(loss)
    weight = np.where(np.arange(10) < 4, 0.0, problem.weight)
    settings = {"scale": 1.0, "l2": 0.5, "fit_intercept": True}
    zero_weight = LinearObjective(loss, problem.X, problem.y, weight, **settings)
    removed = LinearObjective(loss, problem.X[4:], problem.y[4:], weight[4:], **settings)
    for got, expected in zip(
        (*zero_weight.value_gradient(problem.coef), zero_weight.hessian(problem.coef)),
        (*removed.value_gradient(problem.coef), removed.hessian(problem.coef)),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, **ROUNDING)
