"""Calling conventions, dtypes, memory layouts and arguments of FocalObjective and FocalMetric."""

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

# Single precision of the formulas, and of scores up to 15 magnified by gamma up to 5.
FLOAT32 = 3e-6 + (1 + 5) * 15 * np.finfo(np.float32).eps


class Dataset:
    """The part of a LightGBM Dataset that the callables use."""

    def __init__(self, label, weight):
        self.label, self.weight = label, weight

    def get_label(self):
        return self.label

    def get_weight(self):
        return self.weight


def loss_of(case):
    """Return the loss with the arguments of a case."""
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
def test_objective_matches_float64_derivatives_to_float32_accuracy(case, curvature):
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
def test_objective_returns_float32_in_memory_order_of_scores(case, curvature):
    y, scores, weight = lightgbm_arguments(case)
    for values in FocalObjective(**case, curvature=curvature)(y, scores, weight):
        assert values.dtype == np.float32
        assert values.shape == scores.shape
        assert values.flags.f_contiguous


@pytest.mark.parametrize("curvature", CURVATURES)
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_read_only_arguments_are_accepted_and_not_modified(case, curvature):
    arguments = lightgbm_arguments(case)
    copies = [array.copy() for array in arguments]
    for array in arguments:
        array.flags.writeable = False
    FocalObjective(**case, curvature=curvature)(*arguments)
    FocalMetric(**case)(*arguments)
    for array, original in zip(arguments, copies, strict=True):
        np.testing.assert_array_equal(array, original)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_dataset_matches_labels_and_weights(case):
    y, scores, weight = lightgbm_arguments(case)
    for function in (FocalObjective(**case), FocalMetric(**case)):
        for sample_weight in (weight, None):
            from_dataset = function(scores, Dataset(y, sample_weight))
            for got, expected in zip(from_dataset, function(y, scores, sample_weight), strict=True):
                np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("curvature", CURVATURES)
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_objective_reads_labels_and_weights_of_dataset_in_every_round(case, curvature):
    y, scores, weight = lightgbm_arguments(case)
    settings = {**case, "curvature": curvature, "scale": 0.25}
    objective, dataset = FocalObjective(**settings), Dataset(y, weight)

    def assert_rounds_match():
        for step in range(3):
            got = objective(scores + step, dataset)
            rows = dataset.label, scores + step, dataset.weight
            for values, expected in zip(got, FocalObjective(**settings)(*rows), strict=True):
                np.testing.assert_array_equal(values, expected)

    assert_rounds_match()
    dataset.label = y[::-1].copy()
    assert_rounds_match()
    dataset.weight = None
    assert_rounds_match()


def test_wrong_number_of_scores_raises():
    y, scores, _ = lightgbm_arguments({})
    objective, dataset = FocalObjective(), Dataset(y, None)
    for _ in range(3):
        with pytest.raises(ValueError, match=r"y_true must have shape \(99,\)"):
            objective(scores[:-1], dataset)
        objective(scores, dataset)


@pytest.mark.parametrize("case", [case for case in CASES if case["gamma"] == 0], ids=repr)
def test_objective_at_gamma_zero_computes_in_float64(case):
    """Only the results are rounded to float32, to grow the same trees as LightGBM."""
    y, scores, weight = lightgbm_arguments(case)
    got = FocalObjective(**case, curvature="newton")(y, scores, weight)
    exact = loss_of(case).gradient_curvature(y, scores, weight, curvature="newton")
    for values, expected in zip(got, exact, strict=True):
        np.testing.assert_array_equal(values, expected.astype(np.float32))


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_metric_is_mean_loss_at_scores_plus_offset(case):
    y, scores, weight = lightgbm_arguments(case)
    shifted = scores + case.get("offset", 0.0)
    for sample_weight in (weight, None):
        name, value, higher_is_better = FocalMetric(**case)(y, scores, sample_weight)
        assert (name, higher_is_better) == ("focal_loss", False)
        assert value == pytest.approx(loss_of(case)(y, shifted, sample_weight), rel=1e-15)


@pytest.mark.parametrize("probability", ["posterior", "unweighted", "score"])
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_predict_proba_adds_offset_to_scores(case, probability):
    _, scores, _ = lightgbm_arguments(case)
    expected = loss_of(case).predict_proba(scores + case.get("offset", 0.0), probability)
    for function in (FocalObjective(**case), FocalMetric(**case)):
        np.testing.assert_array_equal(function.predict_proba(scores, probability), expected)
    default = FocalObjective(**case).predict_proba(scores)
    np.testing.assert_array_equal(
        default, loss_of(case).predict_proba(scores + case.get("offset", 0.0))
    )


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_pickled_and_copied_callables_match_the_original(case):
    arguments = lightgbm_arguments(case)
    for function in (FocalObjective(**case, curvature="newton", scale=2.0), FocalMetric(**case)):
        expected = function(*arguments)
        for copied in (pickle.loads(pickle.dumps(function)), copy.deepcopy(function)):
            assert repr(copied) == repr(function)
            for got, value in zip(copied(*arguments), expected, strict=True):
                np.testing.assert_array_equal(got, value)


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda objective: pickle.loads(pickle.dumps(objective))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_do_not_contain_training_rows(duplicate):
    y, scores, weight = lightgbm_arguments({}, n_rows=10_000)
    objective, dataset = FocalObjective(), Dataset(y, weight)
    size = len(pickle.dumps(objective))
    for _ in range(3):
        objective(scores, dataset)
    copied = duplicate(objective)
    del y, weight, dataset, objective
    assert len(pickle.dumps(copied)) == size
    tuples = [value for value in vars(copied).values() if isinstance(value, tuple)]
    assert not any(isinstance(value, np.ndarray) for values in tuples for value in values)


def test_repr_contains_loss_and_offset():
    binary = FocalObjective(gamma=2.0, offset=-1.70612)
    assert repr(binary) == (
        "FocalObjective(BinaryFocalLoss(gamma=2.0, alpha=None), offset=-1.7061)"
    )
    multiclass = FocalMetric(1.0, n_classes=3, offset=[0.0, 1.0, 2.0])
    assert repr(multiclass) == (
        "FocalMetric(MulticlassFocalLoss(3, gamma=1.0, alpha=None), offset=[0.0, 1.0, 2.0])"
    )


@pytest.mark.parametrize("function", [FocalObjective, FocalMetric])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gamma": -1}, r"gamma must be in \[0, 100\], got -1\."),
        ({"alpha": 1}, r"alpha must be in \(0, 1\) .* got 1\. Use None"),
        ({"n_classes": 1}, r"n_classes must be an integer >= 2, got 1\."),
        ({"n_classes": 2.0}, r"n_classes must be an integer >= 2, got 2\.0\."),
        ({"offset": np.nan}, r"offset must be a finite number, got nan\."),
        ({"offset": [0, 1]}, r"offset must be a finite number, got \[0, 1\]\."),
        ({"n_classes": 3, "offset": [0, 1]}, r"offset .* of shape \(3,\), got \[0, 1\]\."),
        ({"n_classes": 3, "offset": [0, 1, np.inf]}, r"offset must be a finite .* \[0, 1, inf\]"),
    ],
)
def test_invalid_arguments_raise(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(**arguments)


@pytest.mark.parametrize("offset", ["mean", None])
@pytest.mark.parametrize("function", [FocalObjective, FocalMetric])
def test_non_numeric_offset_raises(function, offset):
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
def test_invalid_arguments_of_objective_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        FocalObjective(**arguments)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_curvature_scale_is_ratio_of_initial_mean_curvatures(case):
    y, _, weight = lightgbm_arguments(case)
    y, weight, loss = y.astype(int), weight.astype(float), loss_of(case)
    entropy = loss_of({**case, "gamma": 0})

    def mean_curvature(loss, sample_weight):
        start = loss.fit_intercept_only(y, sample_weight)
        raw = np.tile(start, (len(y),) + (1,) * np.ndim(start))
        return loss.gradient_curvature(y, raw, sample_weight, curvature="newton")[1].mean()

    for sample_weight in (weight, None):
        expected = mean_curvature(entropy, sample_weight) / mean_curvature(loss, sample_weight)
        # The rounding of start changes the curvature, and the order of the sums differs.
        assert curvature_scale(loss, y, sample_weight) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("case", [{**case, "gamma": 0} for case in CASES], ids=repr)
def test_curvature_scale_is_exactly_one_at_gamma_zero(case):
    y, _, weight = lightgbm_arguments(case)
    assert curvature_scale(loss_of(case), y.astype(int), weight) == 1


def test_defaults_match_the_estimator():
    objective, metric = FocalObjective(), FocalMetric()
    trees = FocalLGBMClassifier()
    assert objective.loss == metric.loss == BinaryFocalLoss(gamma=trees.gamma) == BinaryFocalLoss()
    assert objective.curvature == trees.curvature


@pytest.mark.parametrize(("gamma", "dtype"), [(0, np.float64), (2, np.float32), (1.7, np.float32)])
def test_objective_computes_in_float32_except_at_gamma_zero(gamma, dtype):
    rng = np.random.default_rng(0)
    y, scores = rng.integers(2, size=500), rng.normal(scale=3, size=500)
    objective = FocalObjective(gamma, curvature="newton")
    expected = objective.loss.gradient_curvature(y, scores, curvature="newton", dtype=dtype)
    for got, wanted in zip(objective(y, scores), expected, strict=True):
        np.testing.assert_array_equal(got, wanted.astype(np.float32))


def test_curvature_scale_if_last_class_has_no_rows():
    loss = MulticlassFocalLoss(3, gamma=2.0)
    weight = [1.0, 1.0, 0.0]
    assert curvature_scale(loss, [0, 1]) == curvature_scale(loss, [0, 1, 2], weight)


@pytest.mark.parametrize(
    ("y_true", "sample_weight", "message"),
    [
        ([0, 2], None, "y_true must contain class indices from 0 to 1, got 2[.]"),
        (["no", "yes"], None, "y_true must contain class indices from 0 to 1, got 'no'"),
        ([], None, "y_true must contain at least one row"),
        ([0, 1], [1.0, -1.0], "sample_weight must contain finite weights"),
        ([0, 1], [0.0, 0.0], "sample_weight must contain a positive weight"),
    ],
)
def test_invalid_arguments_of_curvature_scale_raise(y_true, sample_weight, message):
    with pytest.raises(ValueError, match=message):
        curvature_scale(BinaryFocalLoss(), y_true, sample_weight)
