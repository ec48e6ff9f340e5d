"""The metric ``focal_loss``."""

from functools import partial

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import GridSearchCV

from skfocal import FocalLGBMClassifier, FocalLogisticRegression, focal_loss
from skfocal.objectives import BinaryFocalLoss, MulticlassFocalLoss

GAMMAS = [0, 0.5, 2, 5]


def binary_sample(n_rows=60):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=n_rows)
    return y, expit(rng.normal(scale=2, size=n_rows)), rng.uniform(0.1, 4, size=n_rows)


def multiclass_sample(n_classes=4, n_rows=60):
    rng = np.random.default_rng(1)
    proba = softmax(rng.normal(scale=2, size=(n_rows, n_classes)), axis=1)
    return rng.integers(n_classes, size=n_rows), proba, rng.uniform(0.1, 4, size=n_rows)


SAMPLES = [binary_sample(), multiclass_sample(3), multiclass_sample(6)]


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("sample", SAMPLES, ids=["2", "3", "6"])
def test_gamma_zero_matches_log_loss(sample, weighted, normalize):
    y, proba, weight = sample
    arguments = {"sample_weight": weight if weighted else None, "normalize": normalize}
    # Both are sums of 60 rounded logarithms.
    assert focal_loss(y, proba, gamma=0, **arguments) == pytest.approx(
        log_loss(y, proba, **arguments), rel=1e-14
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("y", [[0, 1], [1, 0], [0, 0]])
def test_gamma_zero_matches_log_loss_for_probabilities_of_0_and_1(y, dtype):
    proba = np.array([0, 1], dtype)
    columns = np.column_stack([1 - proba, proba])
    eps = float(np.finfo(dtype).eps)
    for form in (proba, columns):
        actual = focal_loss(y, form, gamma=0, labels=[0, 1])
        expected = log_loss(y, form, labels=[0, 1])
        # The loss of a correct certain prediction is about eps, with two roundings.
        assert actual == pytest.approx(expected, rel=4 * eps, abs=eps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_probabilities_are_clipped_to_eps(gamma, dtype):
    eps = float(np.finfo(dtype).eps)
    zero = np.zeros(2, dtype)
    assert focal_loss([1, 1], zero, gamma=gamma, labels=[0, 1]) == pytest.approx(
        -np.log(eps), rel=10 * eps
    )
    correct = focal_loss([0, 0], zero, gamma=gamma, labels=[0, 1])
    assert correct == pytest.approx(eps ** (1 + gamma), rel=10 * eps)


@pytest.mark.parametrize("alpha", [None, 0.25, (3, 0.5)])
@pytest.mark.parametrize("gamma", [*GAMMAS, (0, 3)])
def test_binary_value_is_mean_loss_at_log_odds(gamma, alpha):
    y, proba, weight = binary_sample()
    loss = BinaryFocalLoss(gamma=gamma, alpha=alpha)
    raw = np.log(proba) - np.log1p(-proba)
    metric = {"gamma": gamma, "alpha": alpha}
    assert focal_loss(y, proba, **metric) == pytest.approx(loss(y, raw), rel=1e-13)
    assert focal_loss(y, proba, sample_weight=weight, **metric) == pytest.approx(
        loss(y, raw, weight), rel=1e-13
    )
    total = focal_loss(y, proba, sample_weight=weight, normalize=False, **metric)
    assert total == pytest.approx(loss.loss(y, raw, weight).sum(), rel=1e-13)
    assert isinstance(total, float)


@pytest.mark.parametrize("alpha", [None, (3, 0.5, 1, 2)])
@pytest.mark.parametrize("gamma", [*GAMMAS, (0, 3, 1.7, 0.5)])
def test_multiclass_value_is_mean_loss_at_log_probabilities(gamma, alpha):
    y, proba, weight = multiclass_sample()
    loss = MulticlassFocalLoss(4, gamma=gamma, alpha=alpha)
    assert focal_loss(y, proba, gamma=gamma, alpha=alpha, sample_weight=weight) == pytest.approx(
        loss(y, np.log(proba), weight), rel=1e-13
    )


@pytest.mark.parametrize("gamma", GAMMAS)
def test_one_and_two_columns_give_same_value(gamma):
    y, proba, _ = binary_sample()
    columns = np.column_stack([1 - proba, proba])
    assert focal_loss(y, proba, gamma=gamma) == focal_loss(y, columns, gamma=gamma)


def test_default_gamma_matches_the_estimator():
    y, proba, _ = binary_sample()
    assert focal_loss(y, proba) == focal_loss(y, proba, gamma=FocalLGBMClassifier().gamma)


def test_weight_of_two_matches_repeated_row():
    y, proba, _ = multiclass_sample()
    twice = np.arange(60) % 3 == 0
    rows = np.concatenate([np.arange(60), np.flatnonzero(twice)])
    weighted = focal_loss(y, proba, sample_weight=np.where(twice, 2, 1))
    assert weighted == pytest.approx(focal_loss(y[rows], proba[rows]), rel=1e-14)


@pytest.mark.parametrize(
    "names", [["a", "b", "c", "d"], [3, 7, 10, 40], [-1.0, 0.0, 2.0, 5.0]], ids=str
)
def test_columns_are_in_order_of_sorted_labels(names):
    y, proba, _ = multiclass_sample()
    expected = focal_loss(y, proba)
    assert focal_loss(np.take(names, y), proba) == expected
    assert focal_loss(np.take(names, y).tolist(), proba.tolist()) == expected


def test_booleans_and_strings_are_labels():
    y, proba, _ = binary_sample()
    expected = focal_loss(y, proba)
    assert focal_loss(y == 1, proba) == expected
    assert focal_loss(np.where(y == 1, "yes", "no"), proba) == expected


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="requires NumPy 2")
def test_labels_of_numpy_strings():
    y, proba, _ = binary_sample()
    names = np.where(y == 1, "yes", "no")
    assert focal_loss(names.astype(np.dtypes.StringDType()), proba) == focal_loss(names, proba)
    X = proba[:, np.newaxis]
    model = FocalLogisticRegression().fit(X, names.astype(np.dtypes.StringDType()))
    assert set(model.predict(X)) <= {"yes", "no"}


def test_half_precision_has_its_own_tolerance():
    y, proba, _ = multiclass_sample()
    proba = (proba + 1 / 4) / 2  # not clipped to eps
    half = proba.astype(np.float16)
    assert focal_loss(y, half) == pytest.approx(focal_loss(y, proba), rel=1e-3)  # 11-bit numbers
    with pytest.raises(ValueError, match="must sum to 1"):
        focal_loss(y, half.astype(np.float64))


def test_labels_include_classes_missing_from_y_true():
    y, proba, _ = multiclass_sample()
    few = y < 2
    expected = MulticlassFocalLoss(4)(y[few], np.log(proba[few]))
    got = focal_loss(y[few], proba[few], labels=[3, 1, 0, 2])
    assert got == pytest.approx(expected, rel=1e-13)
    assert focal_loss([1], [0.5], gamma=2, labels=[0, 1]) == pytest.approx(np.log(2) / 4, rel=1e-15)


def test_grid_search_selects_the_lowest_loss():
    _, proba, _ = binary_sample()
    X = (np.log(proba) - np.log1p(-proba))[:, np.newaxis]
    labels = X[:, 0] + np.sin(np.arange(60)) > 0
    scorer = make_scorer(
        focal_loss, response_method="predict_proba", greater_is_better=False, gamma=1.0
    )
    search = GridSearchCV(LogisticRegression(), {"C": [1e-6, 1.0]}, scoring=scorer, cv=3)
    search.fit(X, labels)
    assert search.best_params_ == {"C": 1.0}
    model = search.best_estimator_
    expected = -focal_loss(labels, model.predict_proba(X)[:, 1], gamma=1.0)
    assert scorer(model, X, labels) == pytest.approx(expected, rel=1e-14)


def test_true_probabilities_do_not_minimise_the_metric():
    """The metric is for ``probability="score"``, not for posteriors."""
    y, weight = np.array([0, 1]), np.array([0.1, 0.9])
    start = BinaryFocalLoss(gamma=2).fit_intercept_only(y, weight)
    score, truth = np.full(2, expit(start)), np.full(2, 0.9)
    assert 0.5 < score[0] < 0.9
    loss = partial(focal_loss, y, gamma=2, sample_weight=weight)
    assert loss(score) < loss(truth)


ROW = [[0.2, 0.8], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("y", "proba", "arguments", "message"),
    [
        (
            [0, 1],
            [0.5, 1.5],
            {},
            r"y_proba must contain values in \[0, 1\], got values from .* to 1\.5\.",
        ),
        (
            [0, 1],
            [0.5, -0.5],
            {},
            r"y_proba must contain values in \[0, 1\], got values from -0\.5 to",
        ),
        (
            [0, 1],
            [[0.2, 0.9], [0.5, 0.5]],
            {},
            r"Each row of y_proba must sum to 1, got a row that sums to 1\.1",
        ),
        (
            [0, 1],
            [[0.2, 0.7], [0.5, 0.5]],
            {},
            r"Each row of y_proba must sum to 1, got a row that sums to 0\.8999",
        ),
        ([0.1, 0.7, 0.7], [0.2, 0.8, 0.5], {}, "Unknown label type: continuous"),
        ([0, np.nan], ROW, {}, "y_true contains NaN"),
        ([0, 1], ROW, {"labels": [0, 1, np.nan]}, "labels contains NaN"),
        ([0, 1], [0.5, np.nan], {}, r"y_proba contains NaN"),
        ([0, 1], [0.5, np.inf], {}, r"y_proba contains infinity"),
        ([0, 1], [0.5, 0.5, 0.5], {}, r"inconsistent numbers of samples: \[2, 3\]"),
        (
            [1, 1],
            [0.5, 0.5],
            {},
            r"y_true or labels must contain at least two classes, got \[1\]\.",
        ),
        ([0, 1, 2], [[0.2, 0.8]] * 3, {}, r"each of the 3 classes \[0, 1, 2\], got 2 columns"),
        ([0, 1, 2], [0.2, 0.8, 0.5], {}, r"each of the 3 classes \[0, 1, 2\], got 2 columns"),
        ([0, 1], [[0.2, 0.3, 0.5]] * 2, {}, r"\[0, 1\], got 3 columns\. .* pass them as labels"),
        (
            [0, 5],
            ROW,
            {"labels": [0, 1]},
            r"y_true must contain only .* \[0, 1\], got the unknown labels \[5\]",
        ),
        ([0, 1], ROW, {"gamma": -1}, r"gamma must be in \[0, 100\], got -1\."),
        ([0, 1], ROW, {"gamma": (1, 2, 3)}, r"gamma must be a number or one .* \(1, 2, 3\)\."),
        ([0, 1], ROW, {"alpha": 1}, r"alpha must be in \(0, 1\) .* got 1\. Use None"),
        (
            [0, 1],
            ROW,
            {"sample_weight": [1, -1]},
            r"sample_weight must contain only weights >= 0, got -1",
        ),
        # scikit-learn 1.9 and newer raise their own message.
        ([0, 1], ROW, {"sample_weight": [0, 0]}, r"(?i)sample.weights? must (hold|contain)"),
        ([0, 1], ROW, {"sample_weight": [1, 2, 3]}, r"inconsistent numbers of samples"),
        ([[0, 1], [1, 0]], ROW, {}, r"y should be a 1d array, got an array of shape \(2, 2\)"),
    ],
)
def test_invalid_arguments_raise(y, proba, arguments, message):
    with pytest.raises(ValueError, match=message):
        focal_loss(y, proba, **arguments)


def test_rounded_probabilities_are_accepted():
    """As in ``log_loss``, sums may differ from 1 by the square root of the dtype's eps."""
    rounded = np.array([[0.3333, 0.3333, 0.3334], [0.1, 0.2, 0.7]], np.float32)
    loose = rounded * np.float32(1 + 2e-4)
    assert np.isfinite(focal_loss([0, 1], loose, labels=[0, 1, 2]))
    with pytest.raises(ValueError, match=r"must sum to 1"):
        focal_loss([0, 1], loose.astype(float), labels=[0, 1, 2])
