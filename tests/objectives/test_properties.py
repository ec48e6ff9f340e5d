"""Properties that hold for any gamma, alpha, weights, scores, labels, dtype and memory layout."""

import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference import TOLERANCE, relative_error
from scipy.special import softmax
from strategies import EXPONENTS, MODERATE, any_score, losses, rows

from skfocal.objectives import BinaryFocalLoss, MulticlassFocalLoss

DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])
N_CLASSES = pytest.mark.parametrize("n_classes", [2, 3, 5])
CURVATURES = ["exact", "newton", "geometric", "majorant"]
PROBABILITIES = ["posterior", "unweighted", "score"]

# Sums and exponentials of scores up to 30, magnified by gamma up to 5.
ROUNDING = {"rtol": 2e-13, "atol": 2e-13}


def class_terms(loss, y):
    """Gamma and alpha of a row's class."""
    gamma = np.broadcast_to(loss.gamma, loss.n_classes)[y]
    return float(gamma), 1.0 if loss.alpha is None else loss.alpha[y]


@DTYPES
@given(data=st.data())
def test_binary_derivatives_are_exact_to_rounding(dtype, data):
    loss = data.draw(losses(2))
    y, raw, weight = data.draw(rows(2, any_score(dtype), dtype))
    value, gradient = loss.loss_gradient(y, raw, weight)
    _, hessian = loss.gradient_hessian(y, raw, weight)
    assert value.dtype == gradient.dtype == hessian.dtype == dtype
    for i, z in enumerate(raw.tolist()):
        (gamma, alpha), sign = class_terms(loss, y[i]), 2 * int(y[i]) - 1
        exact = reference.derivatives(sign * z, gamma)
        factor = alpha * weight[i]
        assert relative_error(value[[i]], [factor * exact.loss]) <= TOLERANCE[dtype]
        assert relative_error(gradient[[i]], [factor * sign * exact.slope]) <= TOLERANCE[dtype]
        size = [factor * exact.curvature_abs_sum]
        assert relative_error(hessian[[i]], [factor * exact.curvature], size) <= TOLERANCE[dtype]


@DTYPES
@pytest.mark.parametrize("n_classes", [3, 5])
@given(data=st.data())
def test_multiclass_derivatives_are_exact_to_rounding(n_classes, dtype, data):
    loss = data.draw(losses(n_classes))
    y, raw, weight = data.draw(rows(n_classes, any_score(dtype), dtype))
    value, gradient = loss.loss_gradient(y, raw, weight)
    _, hessian = loss.gradient_hessian(y, raw, weight)
    assert value.dtype == gradient.dtype == hessian.dtype == dtype
    for i, row in enumerate(raw.tolist()):
        gamma, alpha = class_terms(loss, y[i])
        exact, slopes, matrix, sizes = reference.multiclass(y[i], row, gamma)
        # Exponentials magnify the rounding of score differences until they underflow.
        steepness = (1 + gamma) * abs(reference.margin(row, y[i])) + max(row) - min(row)
        bound = TOLERANCE[dtype] + np.finfo(dtype).eps * float(min(steepness, 1500))
        factor = alpha * weight[i]
        assert relative_error(value[[i]], [factor * exact]) <= bound
        assert relative_error(gradient[i], [factor * slope for slope in slopes]) <= bound
        diagonal = [factor * matrix[k][k] for k in range(n_classes)]
        assert relative_error(hessian[i], diagonal, [factor * size for size in sizes]) <= bound


@N_CLASSES
@given(data=st.data())
def test_loss_is_positive_until_it_underflows(n_classes, data):
    loss = data.draw(losses(n_classes))
    y, raw, _ = data.draw(rows(n_classes, any_score(np.float64)))
    value = loss.loss(y, raw)
    assert np.all(value >= 0)
    for i, row in enumerate(raw.tolist()):
        scores = [0.0, row] if n_classes == 2 else row
        margin = reference.margin(scores, y[i])
        assert value[i] > 0 or (1 + class_terms(loss, y[i])[0]) * margin > 700


def laid_out(array, layout):
    """Return a copy of the array in another memory layout."""
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "strided":
        return np.repeat(array, 2, axis=0)[::2]
    if layout == "reversed":
        return array[::-1].copy()[::-1]
    copy = array.copy()
    copy.flags.writeable = layout != "read-only"
    return copy


@DTYPES
@N_CLASSES
@given(
    data=st.data(),
    layout=st.sampled_from(["C", "F", "strided", "reversed", "read-only"]),
    label_dtype=st.sampled_from([np.int8, np.uint64, np.float32, np.float64, object]),
    curvature=st.sampled_from(CURVATURES),
)
def test_results_do_not_depend_on_memory_layout_and_label_dtype(
    n_classes, dtype, data, layout, label_dtype, curvature
):
    loss = data.draw(losses(n_classes))
    arguments = data.draw(rows(n_classes, any_score(dtype), dtype))
    others = [laid_out(array, layout) for array in arguments]
    others[0] = laid_out(arguments[0].astype(label_dtype), layout)
    copies = [other.copy() for other in others]
    results = [
        (
            *loss.loss_gradient(*rows),
            *loss.gradient_curvature(*rows, curvature=curvature),
            loss.hessian_operator(*rows)(rows[1] * 0 + 1),
            loss.predict_proba(rows[1]),
        )
        for rows in (others, arguments)
    ]
    for got, expected in zip(*results, strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
    for other, copy in zip(others, copies, strict=True):
        np.testing.assert_array_equal(other, copy)


@N_CLASSES
@given(data=st.data())
def test_empty_input_raises_value_error(n_classes, data):
    loss = data.draw(losses(n_classes))
    raw = np.empty((0,) if n_classes == 2 else (0, n_classes))
    y = np.empty(0, dtype=int)
    for call in (
        lambda: loss(y, raw),
        lambda: loss.loss_gradient(y, raw),
        lambda: loss.gradient_hessian(y, raw),
        lambda: loss.predict_proba(raw),
        lambda: loss.predict_log_proba(raw),
        lambda: loss.fit_intercept_only(y),
    ):
        with pytest.raises(ValueError, match="must contain at least one row, got none"):
            call()


@given(data=st.data())
def test_two_classes_equal_the_binary_loss_of_the_score_difference(data):
    binary = data.draw(losses(2))
    y, raw, weight = data.draw(rows(2))
    shift = np.array(data.draw(st.lists(MODERATE, min_size=len(y), max_size=len(y))))
    scores = np.column_stack([shift, raw + shift])
    difference = scores[:, 1] - scores[:, 0]
    pair = MulticlassFocalLoss(2, gamma=binary.gamma, alpha=binary.alpha)
    np.testing.assert_array_equal(pair.loss(y, scores, weight), binary.loss(y, difference, weight))
    for curvature, factor in [("exact", 1), ("newton", 2), ("geometric", 2), ("majorant", 2)]:
        got = pair.gradient_curvature(y, scores, weight, curvature=curvature)
        gradient, second = binary.gradient_curvature(y, difference, weight, curvature=curvature)
        np.testing.assert_allclose(got[0], np.column_stack([-gradient, gradient]), rtol=1e-15)
        np.testing.assert_allclose(got[1], factor * np.column_stack([second, second]), rtol=1e-15)
    for probability in PROBABILITIES:
        np.testing.assert_allclose(
            pair.predict_log_proba(scores, probability),
            binary.predict_log_proba(difference, probability),
            **ROUNDING,
        )


@pytest.mark.parametrize("n_classes", [3, 5])
@given(data=st.data())
def test_permuting_classes_permutes_results(n_classes, data):
    loss = data.draw(losses(n_classes))
    y, raw, weight = data.draw(rows(n_classes))
    order = np.array(data.draw(st.permutations(range(n_classes))))
    permuted = MulticlassFocalLoss(
        n_classes,
        gamma=np.broadcast_to(loss.gamma, n_classes)[order],
        alpha=None if loss.alpha is None else np.take(loss.alpha, order),
    )
    new_y, new_raw = np.argsort(order)[y], raw[:, order]
    np.testing.assert_allclose(
        permuted.loss(new_y, new_raw, weight), loss.loss(y, raw, weight), rtol=2e-13
    )
    for curvature in CURVATURES:
        got = permuted.gradient_curvature(new_y, new_raw, weight, curvature=curvature)
        expected = loss.gradient_curvature(y, raw, weight, curvature=curvature)
        for values, originals in zip(got, expected, strict=True):
            np.testing.assert_allclose(values, originals[:, order], **ROUNDING)
    np.testing.assert_allclose(
        permuted.predict_log_proba(new_raw), loss.predict_log_proba(raw)[:, order], **ROUNDING
    )


@N_CLASSES
@given(data=st.data(), power=st.integers(-8, 8))
def test_scaling_weights_scales_results(n_classes, data, power):
    """The results are exact because the factor is a power of two."""
    loss = data.draw(losses(n_classes))
    y, raw, weight = data.draw(rows(n_classes))
    factor = 2.0**power
    np.testing.assert_array_equal(
        loss.loss(y, raw, factor * weight), factor * loss.loss(y, raw, weight)
    )
    for curvature in CURVATURES:
        plain = loss.gradient_curvature(y, raw, weight, curvature=curvature)
        by_weight = loss.gradient_curvature(y, raw, factor * weight, curvature=curvature)
        by_scale = loss.gradient_curvature(y, raw, weight, curvature=curvature, scale=factor)
        for expected, *others in zip(plain, by_weight, by_scale, strict=True):
            for values in others:
                np.testing.assert_array_equal(values, factor * expected)
    if weight.any():
        assert loss(y, raw, factor * weight) == loss(y, raw, weight)


@DTYPES
@N_CLASSES
@given(data=st.data(), probability=st.sampled_from(PROBABILITIES))
def test_probabilities_are_non_negative_and_sum_to_one(n_classes, dtype, data, probability):
    loss = data.draw(losses(n_classes))
    _, raw, _ = data.draw(rows(n_classes, any_score(dtype), dtype))
    proba = loss.predict_proba(raw, probability)
    assert proba.dtype == dtype
    assert proba.min() >= 0
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=n_classes * np.finfo(dtype).eps)
    assert not np.any(np.isnan(loss.predict_log_proba(raw, probability)))


@given(data=st.data(), probability=st.sampled_from(PROBABILITIES))
def test_binary_posterior_increases_with_the_score(data, probability):
    loss = data.draw(losses(2))
    raw = np.sort(data.draw(st.lists(any_score(np.float64), min_size=2, max_size=20)))
    odds = loss.log_odds(raw, probability)
    accuracy = 1e-14 * (1 + np.abs(odds[:-1]) + np.abs(odds[1:]) + 7 * (loss.alpha is not None))
    increase = np.diff(odds)
    assert np.all(increase >= -accuracy)
    # The log-odds increase at least half as fast as the score.
    assert np.all(increase[np.diff(raw) > 2 * accuracy] > 0)


@N_CLASSES
@settings(max_examples=40)  # each example solves for a constant prediction
@given(data=st.data())
def test_posterior_at_the_minimiser_of_the_expected_loss_is_the_class_share(n_classes, data):
    loss = data.draw(losses(n_classes))
    scores = data.draw(st.lists(st.floats(-2, 2), min_size=n_classes, max_size=n_classes))
    share = softmax(scores)
    start = loss.fit_intercept_only(np.arange(n_classes), share)
    log_proba = loss.predict_log_proba(np.array([start]), "unweighted")[0]
    np.testing.assert_allclose(log_proba, np.log(share), **ROUNDING)


@pytest.mark.parametrize("n_classes", [3, 5])
@given(data=st.data())
def test_equal_gammas_do_not_change_the_most_probable_class(n_classes, data):
    loss = MulticlassFocalLoss(n_classes, gamma=data.draw(EXPONENTS))
    _, raw, _ = data.draw(rows(n_classes))
    top = np.sort(raw, axis=1)[:, -2:]
    is_clear = top[:, 1] - top[:, 0] > 1e-9
    best = loss.predict_log_proba(raw).argmax(axis=1)
    np.testing.assert_array_equal(best[is_clear], raw.argmax(axis=1)[is_clear])


@N_CLASSES
@given(data=st.data())
def test_majorant_bounds_the_loss_after_any_step(n_classes, data):
    """With ``c = h / |g|``: ``f(z + d) - f(z) <= sum |g| * (exp(c * sign(g) * d) - 1) / c``."""
    loss = data.draw(losses(n_classes))
    y, raw, _ = data.draw(rows(n_classes))
    moves = data.draw(st.lists(st.floats(-5, 5), min_size=raw.size, max_size=raw.size))
    step = np.reshape(moves, raw.shape)
    before, after = loss.loss(y, raw), loss.loss(y, raw + step)
    gradient, majorant = loss.gradient_curvature(y, raw, curvature="majorant")
    assume(np.all(gradient != 0))
    rate = majorant / np.abs(gradient)
    terms = np.abs(gradient) * np.expm1(rate * np.sign(gradient) * step) / rate
    sizes = np.abs(terms) + np.abs(gradient)
    axis = tuple(range(1, raw.ndim))
    bound, size = before + terms.sum(axis=axis), before + sizes.sum(axis=axis)
    assert np.all(after <= bound + 1e-13 * size)


@N_CLASSES
@given(data=st.data())
def test_curvatures_for_trees_are_positive_and_newton_is_at_least_the_hessian(n_classes, data):
    loss = data.draw(losses(n_classes))
    y, raw, _ = data.draw(rows(n_classes))
    _, exact = loss.gradient_hessian(y, raw)
    _, newton = loss.gradient_curvature(y, raw, curvature="newton")
    _, majorant = loss.gradient_curvature(y, raw, curvature="majorant")
    factor = 1 if isinstance(loss, BinaryFocalLoss) else n_classes / (n_classes - 1)
    assert np.all(newton > 0)
    assert np.all(majorant > 0)
    assert np.all(newton >= factor * exact - 1e-14 * newton)
    assert np.all(newton <= factor * majorant * (1 + 1e-13))
