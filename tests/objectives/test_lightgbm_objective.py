"""FocalObjective and FocalMetric as callables: conventions, dtypes, layouts, arguments."""

import copy
import pickle

import numpy as np
import pytest

from skfocal import FocalLGBMClassifier
from skfocal.objectives import (
    BinaryFocalLoss,
    FocalMetric,
    FocalObjective,
    MulticlassFocalLoss,
)
from skfocal.objectives._lightgbm import curvature_scale

CASES = [
    {"gamma": 0},
    {"gamma": 2},
    {"gamma": (0.5, 3), "alpha": 0.25, "offset": -2.0},
    {"gamma": 0, "n_classes": 3},
    {"gamma": 2, "n_classes": 3, "offset": 0.5},
    {"gamma": (0, 0.5, 2, 5), "alpha": (1, 2, 0.5, 10), "n_classes": 4, "offset": [0, 1, -1, 2.5]},
]
CURVATURES = ["majorant", "geometric", "newton"]

# Single precision: of the formulas, and of scores up to 15, magnified by gamma up to 5.
FLOAT32 = 3e-6 + (1 + 5) * 15 * np.finfo(np.float32).eps


class Dataset:
    """What the callables use of a LightGBM Dataset."""

    def __init__(self, label, weight):
        self.label, self.weight = label, weight

    def get_label(self):
        return self.label

    def get_weight(self):
        return self.weight


def loss_of(case):
    """The loss object that a case's arguments describe."""
    gamma, alpha = case["gamma"], case.get("alpha")
    if case.get("n_classes", 2) == 2:
        return BinaryFocalLoss(gamma=gamma, alpha=alpha)
    return MulticlassFocalLoss(case["n_classes"], gamma=gamma, alpha=alpha)


def lightgbm_arguments(case, n_rows=100):
    """Labels, scores and weights in LightGBM's dtypes and layout."""
    rng = np.random.default_rng(0)
    n_classes = case.get("n_classes", 2)
    shape = (n_rows,) if n_classes == 2 else (n_rows, n_classes)
    y = rng.integers(n_classes, size=n_rows).astype(np.float32)
    scores = np.asfortranarray(rng.normal(scale=3, size=shape))
    return y, scores, rng.uniform(0.1, 4, size=n_rows).astype(np.float32)


@pytest.mark.parametrize("curvature", CURVATURES)
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_objective_gives_the_losss_float64_derivatives_to_float32_accuracy(case, curvature):
    y, scores, weight = lightgbm_arguments(case)
    objective = FocalObjective(**case, curvature=curvature, scale=0.25)
    shifted = scores + case.get("offset", 0.0)
    for sample_weight in (weight, None):
        expected = loss_of(case).gradient_curvature(y, shifted, sample_weight, curvature=curvature)
        got = objective(y, scores, sample_weight)
        for values, exact in zip(got, expected, strict=True):
            np.testing.assert_allclose(values, 0.25 * exact, rtol=FLOAT32)


@pytest.mark.parametrize("curvature", CURVATURES)
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_objective_returns_float32_in_the_order_of_the_scores(case, curvature):
    y, scores, weight = lightgbm_arguments(case)
    for values in FocalObjective(**case, curvature=curvature)(y, scores, weight):
        assert values.dtype == np.float32
        assert values.shape == scores.shape
        assert values.flags.f_contiguous


@pytest.mark.parametrize("curvature", CURVATURES)
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_read_only_arguments_serve_and_stay_as_they_are(case, curvature):
    arguments = lightgbm_arguments(case)
    copies = [array.copy() for array in arguments]
    for array in arguments:
        array.flags.writeable = False
    FocalObjective(**case, curvature=curvature)(*arguments)
    FocalMetric(**case)(*arguments)
    for array, original in zip(arguments, copies, strict=True):
        np.testing.assert_array_equal(array, original)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_scores_and_dataset_serve_as_labels_scores_and_weights(case):
    y, scores, weight = lightgbm_arguments(case)
    for function in (FocalObjective(**case), FocalMetric(**case)):
        for sample_weight in (weight, None):
            from_dataset = function(scores, Dataset(y, sample_weight))
            for got, expected in zip(from_dataset, function(y, scores, sample_weight), strict=True):
                np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("curvature", CURVATURES)
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_every_round_over_a_dataset_gives_what_its_rows_give(case, curvature):
    y, scores, weight = lightgbm_arguments(case)
    settings = {**case, "curvature": curvature, "scale": 0.25}
    objective, dataset = FocalObjective(**settings), Dataset(y, weight)

    def assert_rounds_are_right():
        for step in range(3):
            got = objective(scores + step, dataset)
            rows = dataset.label, scores + step, dataset.weight
            for values, expected in zip(got, FocalObjective(**settings)(*rows), strict=True):
                np.testing.assert_array_equal(values, expected)

    assert_rounds_are_right()
    dataset.label = y[::-1].copy()
    assert_rounds_are_right()
    dataset.weight = None
    assert_rounds_are_right()


def test_scores_as_many_as_another_datasets_labels_are_an_error():
    y, scores, _ = lightgbm_arguments({})
    objective, dataset = FocalObjective(), Dataset(y, None)
    for _ in range(3):
        with pytest.raises(ValueError, match=r"y_true must have shape \(99,\)"):
            objective(scores[:-1], dataset)
        objective(scores, dataset)


@pytest.mark.parametrize("case", [case for case in CASES if case["gamma"] == 0], ids=repr)
def test_without_gamma_the_derivatives_are_rounded_once(case):
    """Trees are then LightGBM's own: float64 arithmetic, and float32 only at the end."""
    y, scores, weight = lightgbm_arguments(case)
    got = FocalObjective(**case, curvature="newton")(y, scores, weight)
    exact = loss_of(case).gradient_curvature(y, scores, weight, curvature="newton")
    for values, expected in zip(got, exact, strict=True):
        np.testing.assert_array_equal(values, expected.astype(np.float32))


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_metric_is_the_mean_loss_at_scores_plus_offset(case):
    y, scores, weight = lightgbm_arguments(case)
    shifted = scores + case.get("offset", 0.0)
    for sample_weight in (weight, None):
        name, value, higher_is_better = FocalMetric(**case)(y, scores, sample_weight)
        assert (name, higher_is_better) == ("focal_loss", False)
        assert value == pytest.approx(loss_of(case)(y, shifted, sample_weight), rel=1e-15)


@pytest.mark.parametrize("probability", ["posterior", "unweighted", "score"])
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_probabilities_are_the_losss_at_scores_plus_offset(case, probability):
    _, scores, _ = lightgbm_arguments(case)
    expected = loss_of(case).predict_proba(scores + case.get("offset", 0.0), probability)
    for function in (FocalObjective(**case), FocalMetric(**case)):
        np.testing.assert_array_equal(function.predict_proba(scores, probability), expected)
    default = FocalObjective(**case).predict_proba(scores)
    np.testing.assert_array_equal(
        default, loss_of(case).predict_proba(scores + case.get("offset", 0.0))
    )


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_copies_behave_like_the_original(case):
    arguments = lightgbm_arguments(case)
    for function in (FocalObjective(**case, curvature="newton", scale=2.0), FocalMetric(**case)):
        expected = function(*arguments)
        for twin in (pickle.loads(pickle.dumps(function)), copy.deepcopy(function)):
            assert repr(twin) == repr(function)
            for got, value in zip(twin(*arguments), expected, strict=True):
                np.testing.assert_array_equal(got, value)


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda objective: pickle.loads(pickle.dumps(objective))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_hold_no_rows(duplicate):
    y, scores, weight = lightgbm_arguments({}, n_rows=10_000)
    objective, dataset = FocalObjective(), Dataset(y, weight)
    size = len(pickle.dumps(objective))
    for _ in range(3):
        objective(scores, dataset)
    twin = duplicate(objective)
    del y, weight, dataset, objective
    assert len(pickle.dumps(twin)) == size
    holders = [value for value in vars(twin).values() if isinstance(value, tuple)]
    assert not any(isinstance(value, np.ndarray) for values in holders for value in values)


def test_repr_names_the_loss_and_the_offset():
    binary = FocalObjective(gamma=2.0, offset=-1.70612)
    assert repr(binary) == (
        "FocalObjective(BinaryFocalLoss(gamma=2.0, alpha=None), offset=-1.7061)"
    )
    several = FocalMetric(1.0, n_classes=3, offset=[0.0, 1.0, 2.0])
    assert repr(several) == (
        "FocalMetric(MulticlassFocalLoss(3, gamma=1.0, alpha=None), offset=[0.0, 1.0, 2.0])"
    )


@pytest.mark.parametrize("function", [FocalObjective, FocalMetric])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gamma": -1}, r"gamma must be between 0 and 100, got -1\."),
        ({"alpha": 1}, r"alpha must be in \(0, 1\) .* got 1\. Use None"),
        ({"n_classes": 1}, r"n_classes must be an integer >= 2, got 1\."),
        ({"n_classes": 2.0}, r"n_classes must be an integer >= 2, got 2\.0\."),
        ({"offset": np.nan}, r"offset must be a finite number, got nan\."),
        ({"offset": [0, 1]}, r"offset must be a finite number, got \[0, 1\]\."),
        ({"n_classes": 3, "offset": [0, 1]}, r"offset .* of shape \(3,\), got \[0, 1\]\."),
        ({"n_classes": 3, "offset": [0, 1, np.inf]}, r"offset must be a finite .* \[0, 1, inf\]"),
    ],
)
def test_wrong_arguments_are_errors_that_name_them(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(**arguments)


@pytest.mark.parametrize("offset", ["mean", None])
@pytest.mark.parametrize("function", [FocalObjective, FocalMetric])
def test_offset_that_is_no_number_is_an_error_that_names_it(function, offset):
    with pytest.raises(TypeError, match=rf"offset must be numeric, got {offset!r}\."):
        function(offset=offset)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"curvature": "exact"}, r"curvature must be one of .*'newton'\], got 'exact'"),
        ({"curvature": None}, r"curvature must be one of .*'newton'\], got None\."),
        ({"scale": 0}, r"scale must be a finite number > 0, got 0\."),
        ({"scale": -1.0}, r"scale must be a finite number > 0, got -1\.0\."),
        ({"scale": np.nan}, r"scale must be a finite number > 0, got nan\."),
        ({"scale": np.inf}, r"scale must be a finite number > 0, got inf\."),
        ({"scale": "2"}, r"scale must be a finite number > 0, got '2'\."),
    ],
)
def test_wrong_arguments_of_the_objective_are_errors_that_name_them(arguments, message):
    with pytest.raises(ValueError, match=message):
        FocalObjective(**arguments)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_curvature_scale_gives_cross_entropys_mean_curvature_at_the_start(case):
    y, _, weight = lightgbm_arguments(case)
    y, weight, loss = y.astype(int), weight.astype(float), loss_of(case)
    entropy = loss_of({**case, "gamma": 0})

    def mean_curvature(loss, sample_weight):
        start = loss.fit_intercept_only(y, sample_weight)
        raw = np.tile(start, (len(y),) + (1,) * np.ndim(start))
        return loss.gradient_curvature(y, raw, sample_weight, curvature="newton")[1].mean()

    for sample_weight in (weight, None):
        expected = mean_curvature(entropy, sample_weight) / mean_curvature(loss, sample_weight)
        # The start's rounding moves the curvature, and 100 terms are added in another order.
        assert curvature_scale(loss, y, sample_weight) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("case", [{**case, "gamma": 0} for case in CASES], ids=repr)
def test_curvature_scale_is_exactly_one_without_gamma(case):
    y, _, weight = lightgbm_arguments(case)
    assert curvature_scale(loss_of(case), y.astype(int), weight) == 1


def test_defaults_are_those_of_the_estimators():
    objective, metric = FocalObjective(), FocalMetric()
    trees = FocalLGBMClassifier()
    assert objective.loss == metric.loss == BinaryFocalLoss(gamma=trees.gamma) == BinaryFocalLoss()
    assert objective.curvature == trees.curvature


@pytest.mark.parametrize(("gamma", "dtype"), [(0, np.float64), (2, np.float32), (1.7, np.float32)])
def test_arithmetic_is_float32_but_without_gamma(gamma, dtype):
    rng = np.random.default_rng(0)
    y, scores = rng.integers(2, size=500), rng.normal(scale=3, size=500)
    objective = FocalObjective(gamma, curvature="newton")
    expected = objective.loss.gradient_curvature(y, scores, curvature="newton", dtype=dtype)
    for got, wanted in zip(objective(y, scores), expected, strict=True):
        np.testing.assert_array_equal(got, wanted.astype(np.float32))


def test_curvature_scale_takes_labels_that_lack_the_last_class():
    loss = MulticlassFocalLoss(3, gamma=2.0)
    weight = [1.0, 1.0, 0.0]
    assert curvature_scale(loss, [0, 1]) == curvature_scale(loss, [0, 1, 2], weight)
