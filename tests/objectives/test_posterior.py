"""Probabilities and log-odds of raw scores, and the constant prediction with the lowest loss."""

import mpmath
import numpy as np
import pytest
import reference
from reference import relative_error
from scipy.special import log_softmax, logit, softmax

from skfocal.objectives import BinaryFocalLoss, MulticlassFocalLoss

BINARY = [
    BinaryFocalLoss(gamma=0),
    BinaryFocalLoss(gamma=0.5, alpha=(3, 0.1)),
    BinaryFocalLoss(gamma=2),
    BinaryFocalLoss(gamma=5, alpha=0.25),
    BinaryFocalLoss(gamma=(0, 4), alpha=0.9),
    BinaryFocalLoss(gamma=(1.7, 0.3)),
]
MULTICLASS = [
    MulticlassFocalLoss(3, gamma=0),
    MulticlassFocalLoss(3, gamma=0.5, alpha=(3, 0.1, 1)),
    MulticlassFocalLoss(3, gamma=2),
    MulticlassFocalLoss(3, gamma=5),
    MulticlassFocalLoss(3, gamma=(0, 1.7, 4), alpha=(1, 2, 50)),
]
SCORES = np.concatenate([-np.logspace(-8, 4, 49), [0], np.logspace(-8, 4, 49)])


def log_alpha(loss):
    return np.log(np.ones(loss.n_classes) if loss.alpha is None else loss.alpha)


def expected_gradient(loss, raw, probabilities):
    """Return the gradient of a row's expected loss in 50 digits, and its terms' absolute sums."""
    gamma = np.broadcast_to(loss.gamma, loss.n_classes).tolist()
    rows = [reference.multiclass(k, raw, gamma[k])[1] for k in range(loss.n_classes)]
    weights = (np.asarray(probabilities) * np.exp(log_alpha(loss))).tolist()
    terms = [[weight * slope for weight, slope in zip(weights, column, strict=True)]
             for column in zip(*rows, strict=True)]  # fmt: skip
    return [sum(t) for t in terms], [sum(abs(value) for value in t) for t in terms]


@pytest.mark.parametrize("loss", BINARY, ids=repr)
def test_posterior_log_odds_match_reference(loss):
    gamma = np.broadcast_to(loss.gamma, 2).tolist()
    exact = [
        reference.log_posterior(z, gamma[1]) - reference.log_posterior(-z, gamma[0])
        for z in SCORES.tolist()
    ]
    size = [1 + abs(value) for value in exact]
    assert relative_error(loss.log_odds(SCORES), exact, size) <= 1e-14


@pytest.mark.parametrize("probability", ["posterior", "unweighted", "score"])
@pytest.mark.parametrize("loss", BINARY, ids=repr)
def test_probabilities_are_sigmoid_of_log_odds(loss, probability):
    odds = loss.log_odds(SCORES, probability)
    proba = loss.predict_proba(SCORES, probability)
    exact = [1 / (1 + mpmath.exp(sign * z)) for z in odds.tolist() for sign in (1, -1)]
    # An exponential, a sum and a quotient are each exact to an ulp, in both tails.
    assert relative_error(proba.ravel(), exact) <= 3 * np.finfo(float).eps
    log_proba = loss.predict_log_proba(SCORES, probability)
    expected = -np.logaddexp(0, np.column_stack([odds, -odds]))
    # Two formulas of the same function, each exact to a few ulps.
    np.testing.assert_allclose(log_proba, expected, rtol=1e-14)
    assert np.all(np.isfinite(log_proba))


@pytest.mark.parametrize("loss", BINARY, ids=repr)
def test_score_is_raw_and_unweighted_subtracts_log_alpha(loss):
    np.testing.assert_array_equal(loss.log_odds(SCORES, "score"), SCORES)
    np.testing.assert_array_equal(loss.log_odds(SCORES), loss.log_odds(SCORES, "posterior"))
    log_alpha_0, log_alpha_1 = log_alpha(loss)
    np.testing.assert_array_equal(
        loss.log_odds(SCORES, "unweighted"), loss.log_odds(SCORES) + (log_alpha_0 - log_alpha_1)
    )


@pytest.mark.parametrize("loss", MULTICLASS, ids=repr)
def test_multiclass_log_probabilities_match_reference(loss):
    raw = np.random.default_rng(0).normal(size=(12, 3)) * np.repeat([0.1, 3, 40, 2000], 3)[:, None]
    gamma = np.broadcast_to(loss.gamma, 3).tolist()
    log_proba = loss.predict_log_proba(raw)
    for i, row in enumerate(raw.tolist()):
        scores = [reference.log_posterior(reference.margin(row, k), gamma[k]) for k in range(3)]
        total = mpmath.log(sum(mpmath.exp(score) for score in scores))
        exact = [score - total for score in scores]
        # Score differences are rounded, and the log-odds multiply them by up to 1 + gamma.
        size = [1 + (1 + max(gamma)) * (max(row) - min(row))] * 3
        assert relative_error(log_proba[i], exact, size) <= 2e-15


@pytest.mark.parametrize("probability", ["posterior", "unweighted", "score"])
@pytest.mark.parametrize("loss", MULTICLASS, ids=repr)
def test_multiclass_log_probabilities_match_probabilities(loss, probability):
    raw = np.random.default_rng(1).normal(scale=4, size=(50, 3))
    proba = loss.predict_proba(raw, probability)
    # The exponential turns the absolute error of logs, up to 200, into a relative error.
    np.testing.assert_allclose(np.exp(loss.predict_log_proba(raw, probability)), proba, rtol=2e-13)
    extreme = np.array([[1e4, 0, -1e4], [0, 0, 1e4], [-1e4, -1e4, 0]])
    assert np.all(np.isfinite(loss.predict_log_proba(extreme, probability)))
    np.testing.assert_allclose(loss.predict_proba(extreme, probability).sum(axis=1), 1, rtol=1e-15)


@pytest.mark.parametrize("loss", MULTICLASS, ids=repr)
def test_multiclass_unweighted_divides_by_alpha_and_score_is_softmax(loss):
    raw = np.random.default_rng(2).normal(scale=3, size=(50, 3))
    posterior, unweighted = loss.predict_proba(raw), loss.predict_proba(raw, "unweighted")
    divided = posterior / np.exp(log_alpha(loss))
    np.testing.assert_allclose(unweighted, divided / divided.sum(axis=1)[:, None], rtol=1e-14)
    np.testing.assert_allclose(loss.predict_proba(raw, "score"), softmax(raw, axis=1), rtol=1e-14)
    if loss.gamma == 0:
        np.testing.assert_allclose(posterior, softmax(raw, axis=1), rtol=1e-14)


@pytest.mark.parametrize("gamma", [0.5, 1, 2, 5])
def test_equal_gammas_do_not_change_order_of_classes(gamma):
    raw = np.random.default_rng(3).normal(scale=3, size=(500, 4))
    posterior = MulticlassFocalLoss(4, gamma=gamma).predict_log_proba(raw)
    np.testing.assert_array_equal(np.argsort(posterior, axis=1), np.argsort(raw, axis=1))


@pytest.mark.parametrize("loss", BINARY + MULTICLASS, ids=repr)
def test_constant_prediction_minimises_expected_loss(loss):
    classes, rng = np.arange(loss.n_classes), np.random.default_rng(4)
    for spread in (0.5, 3, 8):
        share = softmax(rng.normal(scale=spread, size=loss.n_classes))
        start = loss.fit_intercept_only(classes, share)
        # The shares are not weighted by alpha, so compare the unweighted probability.
        log_proba = loss.predict_log_proba(np.array([start]), "unweighted")[0]
        np.testing.assert_allclose(log_proba - log_softmax(np.log(share)), 0, atol=1e-13)
        raw = [0.0, start] if loss.n_classes == 2 else start.tolist()
        gradient, size = expected_gradient(loss, raw, share)
        for slope, terms in zip(gradient, size, strict=True):
            assert abs(slope) <= 1e-12 * terms  # 13 digits of start, magnified by its slope


@pytest.mark.parametrize(
    ("gamma", "start"), [(0, -4.595), (0.5, -3.290), (1, -2.541), (2, -1.706), (5, -0.825)]
)
def test_constant_prediction_with_one_percent_positives(gamma, start):
    y = np.arange(1000) < 10
    three_decimals = 5.1e-4
    assert BinaryFocalLoss(gamma=gamma).fit_intercept_only(y) == pytest.approx(
        start, abs=three_decimals
    )
    pair = MulticlassFocalLoss(2, gamma=gamma).fit_intercept_only(y)
    assert pair[1] - pair[0] == pytest.approx(start, abs=three_decimals)


@pytest.mark.parametrize("loss", BINARY + MULTICLASS, ids=repr)
def test_constant_prediction_has_lower_loss_than_its_neighbours(loss):
    y = np.repeat(np.arange(loss.n_classes), [40, 7, 3][: loss.n_classes])
    weight = np.random.default_rng(5).uniform(0.5, 2, size=len(y))
    start = loss.fit_intercept_only(y, weight)
    shape = (len(y),) + np.shape(start)
    best = loss(y, np.broadcast_to(start, shape), weight)
    for k in range(int(np.size(start))):
        for step in (-0.01, 0.01):
            moved = start + step * (np.arange(np.size(start)) == k).reshape(np.shape(start))
            assert loss(y, np.broadcast_to(moved, shape), weight) > best


def test_constant_prediction_has_type_and_shape_of_one_raw_prediction():
    assert type(BinaryFocalLoss().fit_intercept_only([0, 1, 1])) is float
    start = MulticlassFocalLoss(3).fit_intercept_only([0, 1, 1, 2])
    assert start.shape == (3,)
    assert np.exp(start).sum() == pytest.approx(1, rel=1e-14)
    entropy = MulticlassFocalLoss(3, gamma=0).fit_intercept_only([0, 1, 1, 2])
    np.testing.assert_allclose(entropy, np.log([0.25, 0.5, 0.25]), rtol=1e-14)


@pytest.mark.parametrize("share", [0.5, 0.01, 1e-9, 1 - 1e-6])
def test_constant_prediction_at_gamma_zero_is_log_odds(share):
    start = BinaryFocalLoss(gamma=0).fit_intercept_only([0, 1], [1 - share, share])
    # Dividing the class weights by their sum rounds once more.
    assert start == pytest.approx(logit(share), rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("loss", BINARY + MULTICLASS, ids=repr)
def test_constant_prediction_is_finite_if_a_class_has_no_weight(loss):
    start = loss.fit_intercept_only(np.arange(loss.n_classes), np.eye(loss.n_classes)[0])
    assert np.all(np.isfinite(start))
    proba = loss.predict_proba(np.array([start]))[0]
    # A class without weight counts 1e-15; probabilities sum to 1 only up to 1e-16.
    np.testing.assert_allclose(proba[1:], 1e-15, rtol=0.1)


@pytest.mark.parametrize("loss", BINARY + MULTICLASS, ids=repr)
def test_constant_prediction_does_not_depend_on_unit_of_weights(loss):
    y = np.arange(30) % loss.n_classes
    weight = np.random.default_rng(6).uniform(0.5, 2, size=30)
    start = loss.fit_intercept_only(y, weight)
    for unit in (1e-30, 1e30):
        scaled = loss.fit_intercept_only(y, unit * weight)
        np.testing.assert_allclose(scaled, start, rtol=1e-13, atol=1e-14)
