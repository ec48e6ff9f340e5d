"""Compare the binary loss with 50-digit arithmetic; arguments and conventions of both losses."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
import reference
from reference import GAMMAS, TOLERANCE, relative_error

from skfocal.objectives import BinaryFocalLoss, MulticlassFocalLoss
from skfocal.objectives._blocks import BLOCK_BYTES
from skfocal.objectives._loss import make_loss

LOSSES = [
    BinaryFocalLoss(gamma=0),
    BinaryFocalLoss(),
    BinaryFocalLoss(gamma=(0.5, 3), alpha=0.25),
    BinaryFocalLoss(gamma=1.7, alpha=(1, 20)),
    MulticlassFocalLoss(2, gamma=1.5),
    MulticlassFocalLoss(3, gamma=0),
    MulticlassFocalLoss(4, gamma=(0, 0.5, 2, 5), alpha=(1, 2, 0.5, 10)),
]
UNDERFLOW = {np.float64: (700, 760), np.float32: (80, 110)}  # scores where exp(-raw) underflows
CURVATURES = ["exact", "newton", "geometric", "majorant"]


def sample(loss, n_rows=200, seed=0):
    """Labels, scores and weights for a loss."""
    rng = np.random.default_rng(seed)
    shape = (n_rows,) if isinstance(loss, BinaryFocalLoss) else (n_rows, loss.n_classes)
    y = rng.integers(loss.n_classes, size=n_rows)
    return y, rng.normal(scale=3, size=shape), rng.uniform(0.1, 4, size=n_rows)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_binary_loss_gradient_and_hessian_match_reference(gamma, label, dtype):
    sizes = np.concatenate([np.logspace(-8, 4, 37), np.linspace(*UNDERFLOW[dtype], 21)])
    raw = np.concatenate([-sizes, sizes]).astype(dtype)
    sign = 2 * label - 1
    exact = reference.all_derivatives(sign * raw, gamma)
    slope = [sign * s for s in exact.slope]
    focal, y = BinaryFocalLoss(gamma=gamma), np.full(len(raw), label)
    value, gradient = focal.loss_gradient(y, raw)
    gradient_again, hessian = focal.gradient_hessian(y, raw)
    assert value.dtype == gradient.dtype == hessian.dtype == dtype
    assert relative_error(value, exact.loss) <= TOLERANCE[dtype]
    assert relative_error(gradient, slope) <= TOLERANCE[dtype]
    assert relative_error(gradient_again, slope) <= TOLERANCE[dtype]
    assert relative_error(hessian, exact.curvature, exact.curvature_abs_sum) <= TOLERANCE[dtype]


def test_gamma_and_alpha_per_class_apply_to_rows_of_that_class():
    raw = np.linspace(-5, 5, 11)
    pair = BinaryFocalLoss(gamma=(0.5, 3), alpha=(2, 7))
    for label, (gamma, alpha) in enumerate([(0.5, 2), (3, 7)]):
        single, y = BinaryFocalLoss(gamma=gamma), np.full(11, label)
        # A scalar gamma of 0.5 uses a square root, an array of gammas a power: rounding differs.
        np.testing.assert_allclose(pair.loss(y, raw), alpha * single.loss(y, raw), rtol=1e-15)
        for got, expected in zip(
            pair.gradient_hessian(y, raw), single.gradient_hessian(y, raw), strict=True
        ):
            np.testing.assert_allclose(got, alpha * expected, rtol=4e-15)


def test_alpha_one_quarter_downweights_positives():
    plain, weighted = BinaryFocalLoss(), BinaryFocalLoss(alpha=0.25)
    raw = np.linspace(-3, 3, 7)
    for label, factor in [(0, 0.75), (1, 0.25)]:
        y = np.full(7, label)
        np.testing.assert_array_equal(weighted.loss(y, raw), factor * plain.loss(y, raw))


def test_alpha_one_half_halves_the_loss():
    y, raw, _ = sample(BinaryFocalLoss())
    half, plain = BinaryFocalLoss(alpha=0.5), BinaryFocalLoss()
    np.testing.assert_array_equal(half.loss(y, raw), 0.5 * plain.loss(y, raw))
    np.testing.assert_array_equal(half.gradient(y, raw), 0.5 * plain.gradient(y, raw))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_weight_of_two_matches_repeated_row(loss):
    y, raw, _ = sample(loss)
    twice = np.arange(len(y)) % 3 == 0
    weight = np.where(twice, 2.0, 1.0)
    repeated = np.concatenate([np.arange(len(y)), np.flatnonzero(twice)])
    # The order of the sums differs: a few units in the last place.
    assert loss.loss(y, raw, weight).sum() == pytest.approx(
        loss.loss(y[repeated], raw[repeated]).sum(), rel=1e-14
    )
    assert loss(y, raw, weight) == pytest.approx(loss(y[repeated], raw[repeated]), rel=1e-14)
    start = loss.fit_intercept_only(y, weight)
    np.testing.assert_allclose(start, loss.fit_intercept_only(y[repeated]), rtol=1e-13)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_weights_multiply_results(loss):
    y, raw, weight = sample(loss)
    rows = weight if raw.ndim == 1 else weight[:, np.newaxis]
    np.testing.assert_allclose(loss.loss(y, raw, weight), weight * loss.loss(y, raw), rtol=1e-15)
    for curvature in CURVATURES:
        plain = loss.gradient_curvature(y, raw, curvature=curvature)
        weighted = loss.gradient_curvature(y, raw, weight, curvature=curvature)
        for got, expected in zip(weighted, plain, strict=True):
            np.testing.assert_allclose(got, rows * expected, rtol=1e-15)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_call_returns_weighted_mean(loss):
    y, raw, weight = sample(loss)
    mean = loss(y, raw, weight)
    assert isinstance(mean, float)
    assert mean == pytest.approx(loss.loss(y, raw, weight).sum() / weight.sum(), rel=1e-14)
    assert loss(y, raw) == pytest.approx(loss.loss(y, raw).mean(), rel=1e-14)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_all_methods_return_same_gradient(loss):
    y, raw, weight = sample(loss)
    gradient = loss.gradient(y, raw, weight)
    value, with_loss = loss.loss_gradient(y, raw, weight)
    np.testing.assert_array_equal(with_loss, gradient)
    np.testing.assert_array_equal(value, loss.loss(y, raw, weight))
    for curvature in CURVATURES:
        other, _ = loss.gradient_curvature(y, raw, weight, curvature=curvature)
        np.testing.assert_allclose(other, gradient, rtol=1e-15)
    for got, expected in zip(
        loss.gradient_hessian(y, raw, weight),
        loss.gradient_curvature(y, raw, weight, curvature="exact"),
        strict=True,
    ):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_majorant_is_multiple_of_absolute_gradient(loss):
    y, raw, weight = sample(loss)
    factor = 1 if raw.ndim == 1 else 2
    gradient, majorant = loss.gradient_curvature(y, raw, weight, curvature="majorant")
    expected = factor * (1 + np.max(loss.gamma)) * np.abs(gradient)
    np.testing.assert_allclose(majorant, expected, rtol=1e-15)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_geometric_curvature_is_geometric_mean_of_newton_and_majorant(loss):
    y, raw, weight = sample(loss)
    newton, geometric, majorant = (
        loss.gradient_curvature(y, raw, weight, curvature=curvature)[1]
        for curvature in ("newton", "geometric", "majorant")
    )
    expected = np.maximum(np.sqrt(newton * majorant), majorant / 5)
    np.testing.assert_allclose(geometric, expected, rtol=2e-15)


@pytest.mark.parametrize("curvature", CURVATURES)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_offset_shifts_scores_and_scale_multiplies_results(loss, curvature):
    y, raw, weight = sample(loss)
    offset = 0.7 if raw.ndim == 1 else np.linspace(-1, 1, loss.n_classes)
    shifted = loss.gradient_curvature(y, raw, weight, curvature=curvature, offset=offset, scale=3.0)
    plain = loss.gradient_curvature(y, raw + offset, weight, curvature=curvature)
    for got, expected in zip(shifted, plain, strict=True):
        # The order of scaling affects rounding where the exact Hessian is close to 0.
        np.testing.assert_allclose(got, 3 * expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("curvature", CURVATURES)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_blocks_do_not_change_results(loss, curvature):
    y, raw, weight = sample(loss, n_rows=2 * BLOCK_BYTES // (8 * loss.n_classes) + 7)
    rows = y, raw, weight
    results = loss.gradient_curvature(*rows, curvature=curvature)
    tail = [values[-5:] for values in rows]
    alone = loss.gradient_curvature(*tail, curvature=curvature)
    for got, expected in zip(results, alone, strict=True):
        # Different SIMD lanes may round differently.
        np.testing.assert_allclose(got[-5:], expected, rtol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 8])
def test_memory_for_temporaries_is_limited_to_a_few_blocks(n_classes):
    loss = make_loss(n_classes, gamma=2.5, alpha=None)
    y, raw, _ = sample(loss, n_rows=40 * BLOCK_BYTES // (8 * n_classes))
    for curvature in CURVATURES:
        tracemalloc.start()
        results = loss.gradient_curvature(y, raw, curvature=curvature)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak - sum(result.nbytes for result in results) < 15 * BLOCK_BYTES


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_dtype_and_result_dtype(loss):
    y, raw, weight = sample(loss)
    gradient, curvature = loss.gradient_curvature(
        y, raw, weight, curvature="newton", dtype=np.float32
    )
    expected = loss.gradient_curvature(
        y, raw.astype(np.float32), weight.astype(np.float32), curvature="newton"
    )
    assert gradient.dtype == curvature.dtype == np.float32
    np.testing.assert_array_equal(gradient, expected[0])
    np.testing.assert_array_equal(curvature, expected[1])
    exact = loss.gradient_curvature(y, raw, weight, curvature="newton")
    rounded = loss.gradient_curvature(y, raw, weight, curvature="newton", result_dtype=np.float32)
    for got, wanted in zip(rounded, exact, strict=True):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, wanted.astype(np.float32))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_float32_scores_give_float32_results_for_float64_weights(loss):
    y, raw, weight = sample(loss)
    raw = raw.astype(np.float32)
    results = [*loss.loss_gradient(y, raw, weight), *loss.gradient_hessian(y, raw, weight)]
    results += [loss.predict_proba(raw), loss.predict_log_proba(raw)]
    assert [result.dtype for result in results] == [np.float32] * 6


def test_lists_and_integers_are_converted_to_float64():
    loss = BinaryFocalLoss()
    expected = loss.loss(np.array([1, 0]), np.array([1.0, -2.0]), np.array([1.0, 2.0]))
    got = loss.loss([True, False], [1, -2], [1, 2])
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(loss.loss(np.array([1, 0], np.float32), [1, -2], [1, 2]), got)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_pickled_and_copied_losses_equal_the_original(loss):
    y, raw, weight = sample(loss)
    for copied in (pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss), copy.copy(loss)):
        assert copied == loss
        assert hash(copied) == hash(loss)
        np.testing.assert_array_equal(
            copied.gradient(y, raw, weight), loss.gradient(y, raw, weight)
        )


def test_losses_with_equivalent_arguments_are_equal():
    assert BinaryFocalLoss(gamma=2) == BinaryFocalLoss(gamma=[2.0, 2.0])
    assert BinaryFocalLoss(alpha=0.25) == BinaryFocalLoss(alpha=(0.75, 0.25))
    assert BinaryFocalLoss(gamma=2) != BinaryFocalLoss(gamma=1)
    assert BinaryFocalLoss() != BinaryFocalLoss(alpha=0.5)
    assert BinaryFocalLoss() != MulticlassFocalLoss(2)
    assert MulticlassFocalLoss(3) != MulticlassFocalLoss(4)


def test_repr_is_constructor_call():
    assert repr(BinaryFocalLoss()) == "BinaryFocalLoss(gamma=1.0, alpha=None)"
    pair = BinaryFocalLoss(gamma=np.array([0, 1]), alpha=0.25)
    assert repr(pair) == "BinaryFocalLoss(gamma=(0.0, 1.0), alpha=(0.75, 0.25))"
    three = MulticlassFocalLoss(3, gamma=1, alpha=[1, 2, 3])
    assert repr(three) == "MulticlassFocalLoss(3, gamma=1.0, alpha=(1.0, 2.0, 3.0))"


def test_different_losses_have_different_hashes():
    assert len({hash(loss) for loss in LOSSES}) == len(LOSSES)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_constant_prediction_is_finite_if_last_class_has_no_rows(loss):
    start = loss.fit_intercept_only(np.arange(loss.n_classes - 1))
    assert np.shape(start) == (
        () if loss.n_classes == 2 and np.ndim(start) == 0 else (loss.n_classes,)
    )
    assert np.all(np.isfinite(start))
    zero_weight = np.arange(loss.n_classes) < loss.n_classes - 1
    expected = loss.fit_intercept_only(np.arange(loss.n_classes), zero_weight.astype(float))
    np.testing.assert_array_equal(start, expected)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_complex_labels_raise_value_error_even_if_real(loss):
    _, raw, _ = sample(loss, n_rows=2)
    with pytest.raises(ValueError, match=r"^y_true must contain class indices from 0 to"):
        loss.loss(np.array([0j, 1 + 0j]), raw)
