"""Compare the multiclass loss with 50-digit arithmetic and with the binary loss."""

import warnings
from itertools import chain

import mpmath
import numpy as np
import pytest
import reference
from reference import TOLERANCE, relative_error
from scipy.special import softmax

from skfocal.objectives import BinaryFocalLoss, MulticlassFocalLoss

GAMMAS = [0, 0.1, 0.5, 1.7, 2, 5]

# Rows whose margins are exact in floating point: two scores tie, or one differs from the others by
# so much that they do not affect its margin. The comparison contains no rounding of the margin.
EXTREME = [
    [1e4, 0, 0],
    [-1e4, 0, 0],
    [0, 1e4, -1e4],
    [1e4, 1e4, -1e4],
    [0, 0, 0],
    [720, 0, -720],
    [-745, 0, 745],
    [90, 0, -90],
    [-1e4, -1e4, -1e4],
]


def rounding(raw, exact_margin, gamma, dtype):
    """Return the relative error caused by rounding the score differences.

    The margin m and the score differences in the softmax are exact to half a unit in the last
    place. exp(-(1 + gamma) * m) magnifies this error by (1 + gamma) * |m|.
    """
    spread = raw.max() - raw.min()
    return TOLERANCE[dtype] + np.finfo(dtype).eps * ((1 + gamma) * abs(exact_margin) + spread)


def rows(n_classes, scale, seed=0):
    return np.random.default_rng(seed).normal(scale=scale, size=(6, n_classes))


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("y", [0, 1, 2])
def test_reference_derivatives_are_numerical_derivatives_of_the_definition(y, gamma):
    raw = [0.3, -1.1, 2.4]
    _, gradient, hessian, abs_sums = reference.multiclass(y, raw, gamma)
    for k in range(3):
        order = tuple(int(j == k) for j in range(3))
        numerical = mpmath.diff(lambda *z: reference.multiclass_loss(y, z, gamma), raw, order)
        assert abs(numerical - gradient[k]) <= 1e-15 * abs(gradient[k])
        for j in range(3):
            order = tuple(int(i == k) + int(i == j) for i in range(3))
            numerical = mpmath.diff(lambda *z: reference.multiclass_loss(y, z, gamma), raw, order)
            assert abs(numerical - hessian[k][j]) <= 1e-10 * (abs_sums[k] + abs_sums[j])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("n_classes", "scale"), [(2, 3), (3, 1), (4, 30), (7, 0.01), (12, 5)])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_multiclass_derivatives_match_reference(gamma, n_classes, scale, dtype):
    raw = rows(n_classes, scale).astype(dtype)
    focal = MulticlassFocalLoss(n_classes, gamma=gamma)
    for y in range(n_classes):
        labels = np.full(len(raw), y)
        value, gradient = focal.loss_gradient(labels, raw)
        _, hessian = focal.gradient_hessian(labels, raw)
        assert value.dtype == gradient.dtype == hessian.dtype == dtype
        for i, row in enumerate(raw):
            loss, slope, exact_hessian, abs_sums = reference.multiclass(y, row.tolist(), gamma)
            bound = rounding(row, float(reference.margin(row.tolist(), y)), gamma, dtype)
            assert relative_error(value[i : i + 1], [loss]) <= bound
            assert relative_error(gradient[i], slope) <= bound
            diagonal = [exact_hessian[k][k] for k in range(n_classes)]
            assert relative_error(hessian[i], diagonal, abs_sums) <= bound


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_derivatives_at_extreme_scores_match_reference(gamma, dtype):
    raw = np.array(EXTREME, dtype)
    focal = MulticlassFocalLoss(3, gamma=gamma)
    for y in range(3):
        labels = np.full(len(raw), y)
        value, gradient = focal.loss_gradient(labels, raw)
        _, hessian = focal.gradient_hessian(labels, raw)
        exact = [reference.multiclass(y, row, gamma) for row in raw.tolist()]
        losses, slopes, hessians, abs_sums = zip(*exact, strict=True)
        assert relative_error(value, losses) <= TOLERANCE[dtype]
        assert relative_error(gradient, chain(*slopes)) <= TOLERANCE[dtype]
        diagonal = [matrix[k][k] for matrix in hessians for k in range(3)]
        assert relative_error(hessian, diagonal, chain(*abs_sums)) <= TOLERANCE[dtype]


@pytest.mark.parametrize("curvature", ["exact", "newton"])
@pytest.mark.parametrize("gamma", [0, 0.5, 2, (0, 2, 1, 5)])
def test_hessian_operator_multiplies_by_full_hessian(gamma, curvature):
    focal, raw, y = MulticlassFocalLoss(4, gamma=gamma), rows(4, 2), np.array([0, 1, 2, 3, 0, 1])
    weight, direction = np.linspace(0.5, 3, 6), rows(4, 1, seed=1)
    product = focal.hessian_operator(y, raw, weight, curvature=curvature)(direction)
    for i, row in enumerate(raw.tolist()):
        row_gamma = float(np.broadcast_to(gamma, 4)[y[i]])
        hessian = np.array(reference.multiclass(y[i], row, row_gamma)[2], dtype=float)
        if curvature == "newton":
            hessian += gauss_newton_lift(y[i], row, row_gamma)
        # The terms of the product are of order one and cancel.
        np.testing.assert_allclose(product[i], weight[i] * hessian @ direction[i], atol=1e-14)


def gauss_newton_lift(y, raw_row, gamma):
    """Return the matrix that increases ``f''`` to ``max(f'', p * |f'|)`` along the margin."""
    margin = reference.margin(raw_row, y)
    exact = reference.derivatives(margin, gamma)
    floor = -exact.slope / (1 + mpmath.exp(-margin))
    others = softmax([-np.inf if k == y else z for k, z in enumerate(raw_row)])
    margin_gradient = np.where(np.arange(len(raw_row)) == y, 1, -others)
    return float(max(floor - exact.curvature, 0)) * np.outer(margin_gradient, margin_gradient)


@pytest.mark.parametrize("gamma", [0, 0.5, 2, 5, (0, 2, 1, 5)])
def test_newton_hessian_is_positive_semidefinite_with_the_newton_curvature_as_diagonal(gamma):
    focal, raw, y = MulticlassFocalLoss(4, gamma=gamma), rows(4, 4), np.array([0, 1, 2, 3, 0, 1])
    multiply = focal.hessian_operator(y, raw, curvature="newton")
    hessians = np.stack([multiply(np.broadcast_to(unit, raw.shape)) for unit in np.eye(4)], axis=2)
    assert np.linalg.eigvalsh(hessians).min() >= -1e-15  # entries are of order one
    _, curvature = focal.gradient_curvature(y, raw, curvature="newton")
    diagonal = np.einsum("nkk->nk", hessians)
    np.testing.assert_allclose(curvature, 4 / 3 * diagonal, rtol=1e-13)
    assert np.all(curvature > 0)


@pytest.mark.parametrize("gamma", [0, 0.5, 2, (0, 2), (3, 1.7)])
def test_two_classes_match_binary_loss_of_score_difference(gamma):
    raw, y = np.concatenate([rows(2, 1), rows(2, 300)]), np.arange(12) % 2
    weight = np.linspace(0, 2, 12)
    pair = MulticlassFocalLoss(2, gamma=gamma, alpha=(2, 3))
    binary = BinaryFocalLoss(gamma=gamma, alpha=(2, 3))
    difference = raw[:, 1] - raw[:, 0]
    np.testing.assert_array_equal(pair.loss(y, raw, weight), binary.loss(y, difference, weight))
    # With one tree per class, the majorant doubles and "newton" has LightGBM's factor K / (K - 1).
    for curvature, factor in [("exact", 1), ("newton", 2), ("geometric", 2), ("majorant", 2)]:
        got = pair.gradient_curvature(y, raw, weight, curvature=curvature)
        expected = binary.gradient_curvature(y, difference, weight, curvature=curvature)
        for sign, k in [(-1, 0), (1, 1)]:
            np.testing.assert_allclose(got[0][:, k], sign * expected[0], rtol=1e-15)
            np.testing.assert_allclose(got[1][:, k], factor * expected[1], rtol=1e-15)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_newton_at_gamma_zero_matches_lightgbm_multiclass(n_classes):
    """Gradient ``p - onehot`` and Hessian ``p * (1 - p) * K / (K - 1)``."""
    raw, y = rows(n_classes, 1), np.arange(6) % n_classes
    focal = MulticlassFocalLoss(n_classes, gamma=0)
    gradient, curvature = focal.gradient_curvature(y, raw, curvature="newton")
    for i, row in enumerate(raw.tolist()):
        weights = [mpmath.exp(mpmath.mpf(z)) for z in row]
        p = [weight / sum(weights) for weight in weights]
        native = [p[k] - int(k == y[i]) for k in range(n_classes)]
        hessian = [p[k] * (1 - p[k]) * n_classes / (n_classes - 1) for k in range(n_classes)]
        assert relative_error(gradient[i], native) <= 2e-15
        assert relative_error(curvature[i], hessian) <= 2e-15


def test_newton_at_gamma_zero_matches_lightgbm_binary():
    """Gradient ``p - y`` and Hessian ``p * (1 - p)``."""
    raw = np.linspace(-8, 8, 33)
    for label in (0, 1):
        y = np.full(33, label)
        gradient, curvature = BinaryFocalLoss(gamma=0).gradient_curvature(
            y, raw, curvature="newton"
        )
        p = [1 / (1 + mpmath.exp(-mpmath.mpf(z))) for z in raw.tolist()]
        assert relative_error(gradient, [value - label for value in p]) <= 2e-15
        assert relative_error(curvature, [value * (1 - value) for value in p]) <= 2e-15


def test_constant_prediction_with_smallest_positive_weights():
    y = np.arange(18) % 9
    loss = MulticlassFocalLoss(9, gamma=2.0)
    expected = loss.fit_intercept_only(y)
    smallest = np.full(18, 5e-324)  # their sums are exact
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(loss.fit_intercept_only(y, smallest), expected)
