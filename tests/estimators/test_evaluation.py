"""Evaluation sets, evaluation metrics and early stopping of FocalLGBMClassifier."""

import warnings
from functools import partial

import lightgbm
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from skfocal import FocalLGBMClassifier
from skfocal.estimators._holdout import hold_out
from skfocal.estimators._rows import Rows
from skfocal.objectives import FocalMetric


def focal(**settings):
    return FocalLGBMClassifier(**{"n_estimators": 20, "n_jobs": 1} | settings)


def problem(n_classes=2, n_samples=900, **settings):
    return make_classification(
        n_samples, 8, n_informative=5, n_classes=n_classes, flip_y=0.2, random_state=0, **settings
    )


@pytest.fixture(scope="module", params=[2, 3], ids=["binary", "multiclass"])
def split(request):
    X, y = problem(request.param)
    return train_test_split(X, np.array(["a", "b", "c"])[y], random_state=0, stratify=y)


def evaluate(model, y, raw, weight=None):
    return model.loss_(np.searchsorted(model.classes_, y), raw, weight)


# Initial scores and weights of evaluation sets.


def test_evaluation_adds_eval_init_score(split):
    X, X_valid, y, y_valid = split
    shape = (len(y),) if len(np.unique(y)) == 2 else (len(y), 3)
    rng = np.random.default_rng(0)
    start, start_valid = rng.normal(size=shape), rng.normal(size=(len(y_valid), *shape[1:]))
    model = focal().fit(
        X, y, init_score=start, eval_X=(X_valid, X), eval_y=(y_valid, y),
        eval_init_score=[start_valid, start],
    )  # fmt: skip
    for name, rows, labels, scores in [
        ("valid_0", X_valid, y_valid, start_valid), ("valid_1", X, y, start)
    ]:  # fmt: skip
        expected = evaluate(model, labels, model.raw_predict(rows) + scores)
        assert model.evals_result_[name]["focal_loss"][-1] == pytest.approx(expected, rel=1e-9)
    alone = focal().fit(
        X, y, init_score=start, eval_X=X_valid, eval_y=y_valid, eval_init_score=start_valid
    )
    assert alone.evals_result_["valid_0"] == model.evals_result_["valid_0"]


def test_init_score_and_eval_init_score_require_each_other(split):
    X, X_valid, y, y_valid = split
    scores = np.zeros((len(y), len(np.unique(y))))[:, : 3 if len(np.unique(y)) == 3 else 1]
    given = {"eval_X": X_valid, "eval_y": y_valid}
    with pytest.raises(ValueError, match="eval_init_score must be given for every evaluation set"):
        focal().fit(X, y, init_score=scores, **given)
    with pytest.raises(ValueError, match="eval_init_score must be None if init_score is None"):
        focal().fit(X, y, eval_init_score=scores[: len(y_valid)], **given)
    wrong = scores[: len(y_valid)] * np.nan
    with pytest.raises(ValueError, match="eval_init_score contains NaN"):
        focal().fit(X, y, init_score=scores, eval_init_score=wrong, **given)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        focal().fit(X, y, init_score=scores, eval_init_score=scores, **given)


@pytest.mark.parametrize("class_weight", [{"a": 3.0, "b": 0.5}, "balanced"], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_eval_class_weight_multiplies_eval_sample_weight(split, class_weight, weighted):
    X, X_valid, y, y_valid = split
    weight = np.linspace(0.5, 2, len(y_valid)) if weighted else None
    given = {"eval_X": X_valid, "eval_y": y_valid}
    model = focal().fit(X, y, **given, eval_sample_weight=weight, eval_class_weight=class_weight)
    if class_weight == "balanced":
        labels, counts = np.unique(y_valid, return_counts=True)
        class_weight = dict(zip(labels, len(y_valid) / len(labels) / counts, strict=True))
    by_class = np.array([class_weight.get(label, 1.0) for label in y_valid])
    product = by_class if weight is None else by_class * weight
    expected = focal().fit(X, y, **given, eval_sample_weight=product)
    assert model.evals_result_ == expected.evals_result_
    unweighted = focal().fit(X, y, **given)
    assert model.evals_result_ != unweighted.evals_result_


def test_only_some_evaluation_sets_have_weights(split):
    X, X_valid, y, y_valid = split
    weight = np.linspace(0, 2, len(y_valid))
    given = {"eval_X": (X_valid, X_valid), "eval_y": (y_valid, y_valid)}
    for weights in ([None, weight], (None, weight), [None, weight.tolist()]):
        model = focal().fit(X, y, **given, eval_sample_weight=weights)
        raw = model.raw_predict(X_valid)
        for name, w in [("valid_0", None), ("valid_1", weight)]:
            loss = model.evals_result_[name]["focal_loss"][-1]
            # LightGBM stores weights as float32.
            assert loss == pytest.approx(evaluate(model, y_valid, raw, w), rel=1e-6)
    plain = focal().fit(X, y, **given).evals_result_
    assert focal().fit(X, y, **given, eval_sample_weight=[None, None]).evals_result_ == plain


@pytest.mark.parametrize(
    "form",
    [
        lambda X, y: (X, y),
        lambda X, y: (X.tolist(), y.tolist()),
        lambda X, y: ([X], [y]),
        lambda X, y: ((X.tolist(),), (y.tolist(),)),
        lambda X, y: ([sparse.csr_matrix(X)], [pd.Series(y)]),
        lambda X, y: (sparse.csc_array(X), pd.Series(y)),
    ],
    ids=["arrays", "lists", "list of arrays", "tuple of lists", "sparse in a list", "sparse"],
)
def test_single_evaluation_set_may_be_in_a_list(split, form):
    X, X_valid, y, y_valid = split
    expected = focal().fit(X, y, eval_X=X_valid, eval_y=y_valid).evals_result_
    eval_X, eval_y = form(X_valid, y_valid)
    assert focal().fit(X, y, eval_X=eval_X, eval_y=eval_y).evals_result_ == expected


@pytest.mark.parametrize(
    "others",
    [
        {"eval_sample_weight": [[1.0], [1.0]]},
        {"eval_class_weight": ["balanced", None]},
        {"eval_y": None},
    ],
    ids=str,
)
def test_different_numbers_of_evaluation_sets_raise(split, others):
    X, X_valid, y, y_valid = split
    with pytest.raises(ValueError, match=r"the same number of sets, got|must be given together"):
        focal().fit(X, y, **{"eval_X": X_valid, "eval_y": y_valid} | others)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"eval_metric": "auc"}, "eval_metric requires an evaluation set"),
        ({"eval_sample_weight": [1.0, 2.0]}, "got .* 1 for eval_sample_weight"),
        ({"eval_class_weight": "balanced"}, "got .* 1 for eval_class_weight"),
        ({"eval_init_score": [1.0, 2.0]}, "got .* 1 for eval_init_score"),
        ({"eval_names": ["valid"]}, "eval_names must be a list"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_evaluation_arguments_without_evaluation_set_raise(split, others, message):
    with pytest.raises(ValueError, match=message):
        focal().fit(split[0], split[2], **others)


def test_evaluation_set_with_zero_weights_raises(split):
    X, X_valid, y, y_valid = split
    with pytest.raises(ValueError, match="eval_sample_weight must contain a positive weight"):
        focal().fit(X, y, eval_X=X_valid, eval_y=y_valid, eval_sample_weight=0 * X_valid[:, 0])


# Metrics.


@pytest.mark.parametrize(
    ("eval_metric", "recorded"),
    [
        (None, ["focal_loss"]),
        ("focal_loss", ["focal_loss"]),
        ("auc", ["auc", "focal_loss"]),
        (["auc", "focal_loss"], ["auc", "focal_loss"]),
        (["focal_loss", "auc"], ["focal_loss", "auc"]),
        (["focal_loss", "auc", "focal_loss"], ["focal_loss", "auc"]),
    ],
    ids=str,
)
def test_focal_loss_is_recorded_once_in_requested_order(split, eval_metric, recorded):
    X, X_valid, y, y_valid = split
    model = focal(early_stopping=True, learning_rate=0.3, n_estimators=100)
    model.fit(X, y, eval_X=X_valid, eval_y=y_valid, eval_metric=eval_metric)
    history = model.evals_result_["valid_0"]
    assert list(history) == recorded
    watched = history[recorded[0]]
    best = np.argmax(watched) if recorded[0] == "auc" else np.argmin(watched)
    assert model.best_iteration_ == 1 + best
    assert {len(values) for values in history.values()} == {model.best_iteration_ + 10}


def test_log_loss_and_error_are_recorded_under_lightgbm_names(split):
    X, X_valid, y, y_valid = split
    prefix = "binary" if len(np.unique(y)) == 2 else "multi"
    asked = ["logloss", "binary_logloss", "multi_error", "error", "multi_logloss"]
    model = focal().fit(X, y, eval_X=X_valid, eval_y=y_valid, eval_metric=asked)
    recorded = [f"{prefix}_logloss", f"{prefix}_error", "focal_loss"]
    assert list(model.evals_result_["valid_0"]) == recorded


def one(name):
    return lambda y_true, proba: (name, float(np.mean(proba)), False)


@pytest.mark.parametrize(
    "eval_metric",
    [[one("x"), one("x")], [one("auc"), "auc"], one("focal_loss"),
     lambda y, p: [("x", 1.0, True), ("x", 2.0, True)]],
    ids=["two callables", "a name and a callable", "the focal loss's name", "one callable"],
)  # fmt: skip
def test_metrics_with_the_same_name_raise(split, eval_metric):
    X, X_valid, y, y_valid = split
    with pytest.raises(ValueError, match="eval_metric must return unique names"):
        focal().fit(X, y, eval_X=X_valid, eval_y=y_valid, eval_metric=eval_metric)


def test_focal_metric_as_eval_metric_raises(split):
    X, X_valid, y, y_valid = split
    with pytest.raises(ValueError, match=r"must not be a FocalMetric.*'focal_loss'"):
        focal().fit(X, y, eval_X=X_valid, eval_y=y_valid, eval_metric=FocalMetric(2.0))


@pytest.mark.parametrize("metric", ["auc", "average_precision"])
def test_ranking_metric_raises_if_a_class_is_missing(split, metric):
    X, X_valid, y, y_valid = split
    lacking, weight = y_valid != "b", (y_valid != "b").astype(float)
    message = (
        rf"eval_metric '{metric}' requires rows .* got none in the classes \['b'\] of .* 'valid_0'"
    )
    with pytest.raises(ValueError, match=message):
        focal().fit(X, y, eval_X=X_valid[lacking], eval_y=y_valid[lacking], eval_metric=metric)
    with pytest.raises(ValueError, match=message):
        focal().fit(
            X, y, eval_X=X_valid, eval_y=y_valid, eval_sample_weight=weight, eval_metric=metric
        )


def test_early_stopping_on_nan_raises(split):
    X, X_valid, y, y_valid = split
    metric = lambda y_true, proba: ("ratio", np.nan, True)  # noqa: E731
    given = {"eval_X": X_valid, "eval_y": y_valid, "eval_metric": metric}
    focal().fit(X, y, **given)
    with pytest.raises(ValueError, match="NaN for 'ratio' on the evaluation set 'valid_0'"):
        focal(early_stopping=True).fit(X, y, **given)


# Metric and evaluation set of early stopping.


def stopping(**settings):
    return focal(**{"early_stopping": True, "learning_rate": 0.3, "n_estimators": 200} | settings)


def test_early_stopping_uses_first_metric_of_first_set(split):
    X, X_valid, y, y_valid = split
    half = len(y_valid) // 2
    sets = (X_valid[:half], X_valid[half:]), (y_valid[:half], y_valid[half:])
    best = {}
    for eval_metric in (["error", "logloss"], ["logloss", "error"]):
        for order in (slice(None), slice(None, None, -1)):
            eval_X, eval_y = (column[order] for column in sets)
            model = stopping().fit(X, y, eval_X=eval_X, eval_y=eval_y, eval_metric=eval_metric)
            watched = next(iter(model.evals_result_["valid_0"].values()))
            assert model.best_iteration_ == 1 + np.argmin(watched)
            best[tuple(eval_metric), order.step] = model.best_iteration_
    assert (
        len(set(best.values())) > 2
    )  # sets and metrics differ, so the test can detect a wrong choice


@pytest.mark.parametrize(
    "same",
    [lambda X: X, np.copy, np.asfortranarray, sparse.csr_matrix],
    ids=["itself", "copy", "other layout", "sparse"],
)
@pytest.mark.parametrize("names", [None, ["first", "second"]], ids=str)
def test_early_stopping_ignores_training_rows(split, same, names):
    X, X_valid, y, y_valid = split
    convert = same if same is sparse.csr_matrix else np.asarray
    X, X_valid = convert(X), convert(X_valid)
    alone = stopping().fit(X, y, eval_X=X_valid, eval_y=y_valid)
    both = stopping().fit(X, y, eval_X=(same(X), X_valid), eval_y=(y, y_valid), eval_names=names)
    assert both.best_iteration_ == alone.best_iteration_ < 190
    first, second = both.evals_result_.values()
    assert second == alone.evals_result_["valid_0"]
    assert np.argmin(first["focal_loss"]) > both.best_iteration_
    with pytest.raises(ValueError, match="early_stopping requires an evaluation set that is not"):
        stopping().fit(X, y, eval_X=same(X), eval_y=y)


def test_early_stopping_min_delta(split):
    X, X_valid, y, y_valid = split
    given = {"eval_X": X_valid, "eval_y": y_valid}
    losses = stopping(early_stopping=False).fit(X, y, **given).evals_result_["valid_0"]
    best = {}
    for delta in (0.0, 0.03, 1.0):
        model = stopping(early_stopping_min_delta=delta).fit(X, y, **given)
        expected, least = 1, losses["focal_loss"][0]
        for i, loss in enumerate(losses["focal_loss"][: model.best_iteration_ + 10]):
            if loss < least - delta:
                expected, least = i + 1, loss
        best[delta] = model.best_iteration_
        assert model.best_iteration_ == expected
    assert best[1.0] == 1 < best[0.03] < best[0.0]
    with pytest.raises(ValueError, match="'early_stopping_min_delta' parameter"):
        stopping(early_stopping_min_delta=-1.0).fit(X, y)


@pytest.mark.parametrize("name", ["training", "valid"])
def test_early_stopping_does_not_depend_on_eval_names(split, name):
    X, X_valid, y, y_valid = split
    named = stopping().fit(X, y, eval_X=X_valid, eval_y=y_valid, eval_names=[name])
    plain = stopping().fit(X, y, eval_X=X_valid, eval_y=y_valid)
    assert named.best_iteration_ == plain.best_iteration_ < 190


@pytest.mark.parametrize("names", [None, ["training", "valid"], ["valid", "training"]], ids=str)
def test_lightgbm_early_stopping_ignores_training_rows(split, names):
    X, X_valid, y, y_valid = split
    stop = lightgbm.early_stopping(200, verbose=False)
    model = stopping(early_stopping=False, n_estimators=60).fit(
        X, y, eval_X=(X, X_valid), eval_y=(y, y_valid), eval_names=names, callbacks=[stop]
    )
    _, history = model.evals_result_.values()
    assert model.best_iteration_ == 1 + np.argmin(history["focal_loss"]) < 60


def test_same_rows_with_disjoint_weights_are_a_validation_set(split):
    X, _, y, _ = split
    held_out = np.arange(len(y)) % 4 == 0
    model = stopping().fit(
        X, y, sample_weight=1.0 - held_out, eval_X=X, eval_y=y, eval_sample_weight=1.0 * held_out
    )
    (history,) = model.evals_result_.values()
    assert model.best_iteration_ == 1 + np.argmin(history["focal_loss"]) < 190


def test_early_stopping_with_dart_raises(split):
    X, _, y, _ = split
    with pytest.raises(ValueError, match="early_stopping must be False if boosting_type='dart'"):
        stopping(boosting_type="dart").fit(X, y)


def test_class_weight_is_applied_once_to_evaluation_sets(split):
    X, X_valid, y, y_valid = split
    weights = {"a": 1.0, "b": 9.0}
    given = {"eval_X": X_valid, "eval_y": y_valid}
    model = focal(class_weight=weights).fit(X, y, **given)
    loss = evaluate(model, y_valid, model.raw_predict(X_valid))
    assert model.evals_result_["valid_0"]["focal_loss"][-1] == pytest.approx(loss, rel=1e-9)
    assert model.loss_.alpha[1] == 9
    with pytest.raises(ValueError, match="eval_class_weight must be None if class_weight is set"):
        focal(class_weight=weights).fit(X, y, **given, eval_class_weight=weights)


def test_metric_may_modify_its_arguments(split):
    X, X_valid, y, y_valid = split

    def overwrite(y_true, proba, weight):
        for array in (y_true, proba, weight):
            array[...] = 0
        return "zero", 0.0, True

    given = {
        "eval_X": X_valid,
        "eval_y": y_valid,
        "eval_sample_weight": np.linspace(0, 2, len(y_valid)),
    }
    model = focal().fit(X, y, **given, eval_metric=[overwrite, "auc"])
    expected = focal().fit(X, y, **given, eval_metric=["auc"]).evals_result_["valid_0"]
    history = model.evals_result_["valid_0"]
    assert (history["auc"], history["focal_loss"]) == (expected["auc"], expected["focal_loss"])


# Hold-out set of early stopping.


def held_out_rows(model, X, y, **given):
    """Return the number of held-out rows, that of class 1, their labels and their weights."""
    seen = []

    def count(y_true, proba, weight):
        seen.append((len(y_true), int(np.sum(y_true == 1)), y_true, weight))
        return "count", 0.0, True

    model.fit(X, y, eval_metric=count, **given)
    return seen[0]


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_validation_fraction_is_stratified(fraction):
    X, y = problem(weights=[0.8])
    n_rows, n_positive, *_ = held_out_rows(
        focal(early_stopping=True, validation_fraction=fraction), X, y
    )
    assert n_positive == np.ceil(fraction * y.sum())
    assert n_rows == n_positive + np.ceil(fraction * np.sum(y == 0))


def test_held_out_rows_depend_on_random_state_only():
    X, y = problem(3)
    rows = Rows(np.arange(len(y))[:, np.newaxis], y)
    taken = {
        seed: hold_out(rows, 0.1, seed, np.arange(3))[1].X.ravel().tolist() for seed in (0, 1, 2)
    }
    assert taken[0] != taken[1] != taken[2]
    again = hold_out(rows, 0.1, 0, np.arange(3))[1].X.ravel().tolist()
    assert again == taken[0]
    state = hold_out(rows, 0.1, np.random.RandomState(0), np.arange(3))[1].X.ravel().tolist()
    assert state == taken[0]
    models = [focal(early_stopping=True, random_state=seed).fit(X, y) for seed in (0, 0, 1)]
    first, same, other = (model.evals_result_["valid_0"]["focal_loss"] for model in models)
    assert first == same != other


def test_training_and_held_out_rows_partition_the_data():
    X, y = problem(3)
    weight = np.where(np.arange(len(y)) % 4, 1.0, 0.0)
    rows = Rows(X, y, weight, np.arange(len(y), dtype=float))
    train, held_out = hold_out(rows, 0.2, 0, np.arange(3))
    positions = np.concatenate([train.init_score, held_out.init_score]).astype(int)
    np.testing.assert_array_equal(np.sort(positions), np.arange(len(y)))
    for part in (train, held_out):
        taken = part.init_score.astype(int)
        np.testing.assert_array_equal(part.X, X[taken])
        np.testing.assert_array_equal(part.y, y[taken])
        np.testing.assert_array_equal(part.weight, weight[taken])
    assert np.all(held_out.weight > 0)


@pytest.mark.parametrize("eval_metric", [None, "auc", "average_precision", "logloss"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_few_weighted_rows_are_in_both_sets(n_classes, eval_metric):
    X, y = problem(n_classes)
    weight = np.zeros(len(y))
    for k in range(n_classes):
        weight[np.flatnonzero(y == k)[:3]] = 1
    model = focal(early_stopping=True, validation_fraction=0.01, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y, sample_weight=weight, eval_metric=eval_metric)
    assert np.all(np.isfinite(model.predict_proba(X)))
    _, held_out = hold_out(Rows(X, y, weight), 0.01, 0, np.arange(n_classes))
    assert np.bincount(held_out.y).tolist() == [1] * n_classes


def test_at_least_one_row_of_a_rare_class_is_held_out():
    X, y = problem()
    rare = np.zeros(len(y), dtype=int)
    rare[:4] = 1
    seen = held_out_rows(
        focal(early_stopping=True, validation_fraction=0.02, random_state=0), X, rare
    )
    assert seen[:2] == (1 + np.ceil(0.02 * (len(y) - 4)), 1)


def test_class_with_a_single_row_stays_in_training_and_warns_once():
    X, y = problem()
    labels = np.where(y == 1, "yes", "no").astype(object)
    labels[0] = "maybe"
    with pytest.warns(UserWarning, match=r"holds out no rows of the classes \['maybe'\]") as caught:
        model = focal(early_stopping=True).fit(X, labels)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert model.classes_.tolist() == ["maybe", "no", "yes"]


def test_early_stopping_without_rows_to_hold_out_raises():
    X, y = problem()
    weight = np.zeros(len(y))
    weight[[np.argmax(y), np.argmin(y)]] = 1
    with pytest.raises(ValueError, match="cannot hold out rows"):
        focal(early_stopping=True).fit(X, y, sample_weight=weight)
    with pytest.raises(ValueError, match="cannot hold out rows"):
        focal(early_stopping=True).fit(X[:2], [0, 1])


def test_held_out_rows_keep_init_score_and_weights():
    X, y = problem()
    weight, start = np.linspace(0.5, 2, len(y)), np.linspace(-1, 1, len(y))
    seen = held_out_rows(
        focal(early_stopping=True, random_state=0), X, y, sample_weight=weight, init_score=start
    )
    _, held_out = hold_out(Rows(X, y, weight, start), 0.1, 0, np.arange(2))
    np.testing.assert_array_equal(seen[2], held_out.y)
    np.testing.assert_array_equal(seen[3], held_out.weight)
    model = focal(early_stopping=True, random_state=0, n_estimators=1)
    model.fit(X, y, sample_weight=weight, init_score=start)
    raw = model.raw_predict(held_out.X) + held_out.init_score
    (losses,) = model.evals_result_["valid_0"].values()
    assert losses[-1] == pytest.approx(model.loss_(held_out.y, raw, held_out.weight), rel=1e-6)


def test_early_stopping_matches_lightgbm_callback(split):
    X, X_valid, y, y_valid = split
    given = {"eval_X": X_valid, "eval_y": y_valid}
    ours = stopping(early_stopping_min_delta=0.001).fit(X, y, **given)
    stop = lightgbm.early_stopping(10, verbose=False, min_delta=0.001)
    theirs = clone(ours).set_params(early_stopping=False).fit(X, y, **given, callbacks=[stop])
    assert ours.best_iteration_ == theirs.best_iteration_


def test_labels_of_another_kind_than_the_classes_raise():
    # With many classes, NumPy would compare the numbers as text and shift the classes.
    X, y = np.random.default_rng(0).normal(size=(400, 3)), np.arange(400) % 20
    part = y >= 10
    with pytest.raises(TypeError, match="eval_y must contain labels of the same type as the"):
        focal().fit(X, y, eval_X=X[part], eval_y=y[part].astype(str))
    with pytest.raises(TypeError, match="eval_y must contain labels of the same type as the"):
        focal().fit(X, y.astype(str), eval_X=X[part], eval_y=y[part])
    floats = focal().fit(X, y, eval_X=X[part], eval_y=y[part].astype(float))
    assert floats.evals_result_ == focal().fit(X, y, eval_X=X[part], eval_y=y[part]).evals_result_


def test_only_positional_arguments_of_a_metric_count():
    def scaled(y_true, proba, factor):
        return "scaled", factor * np.mean((y_true - proba) ** 2), False

    def brier(y_true, proba, *, factor=1.0):
        return "brier", factor * np.mean((y_true - proba) ** 2), False

    X, y = problem()
    metrics = [partial(scaled, factor=2.0), brier]
    result = focal().fit(X, y, eval_X=X, eval_y=y, eval_metric=metrics).evals_result_["valid_0"]
    np.testing.assert_allclose(result["scaled"], 2 * np.array(result["brier"]), rtol=1e-12)


def test_class_of_weight_zero_has_no_weight_in_evaluation_sets():
    X, y = problem(3, n_samples=1500)
    X, X_valid, y, y_valid = train_test_split(X, y, random_state=0)
    kept = y_valid != 1
    fits = [
        focal(class_weight={1: 0}, early_stopping=True).fit(X, y, eval_X=rows, eval_y=labels)
        for rows, labels in [(X_valid, y_valid), (X_valid[kept], y_valid[kept])]
    ]
    first, second = (model.evals_result_["valid_0"]["focal_loss"] for model in fits)
    np.testing.assert_allclose(first, second, rtol=1e-12)  # sums of other lengths
    with pytest.raises(ValueError, match="class_weight and eval_sample_weight must give"):
        focal(class_weight={1: 0}).fit(X, y, eval_X=X_valid[~kept], eval_y=y_valid[~kept])


def with_explicit_zeros(X):
    matrix = sparse.csc_matrix(np.ones_like(X))
    matrix.data = X.ravel(order="F").copy()
    return matrix


FORMS = {
    "dense": np.asarray,
    "float32": np.float32,
    "csr": sparse.csr_matrix,
    "csc with zeros": with_explicit_zeros,
    "frame": pd.DataFrame,
    "sparse frame": lambda X: pd.DataFrame.sparse.from_spmatrix(sparse.csc_matrix(X)),
}


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("evaluated", FORMS)
@pytest.mark.parametrize("trained", FORMS)
def test_training_rows_are_recognised_in_every_form(trained, evaluated, missing):
    X, y = problem(n_samples=300)
    X[np.random.default_rng(0).random(X.shape) < 0.3] = 0
    X[:, 1] = np.float32(X[:, 1])
    if missing:
        X[::7, 0] = np.nan
    train, other = FORMS[trained](X), X.copy()
    other[-1, -1] += 1
    model = focal(early_stopping=True, n_estimators=2)
    with pytest.raises(ValueError, match="evaluation set that is not the training data"):
        model.fit(train, y, eval_X=[FORMS[evaluated](X)], eval_y=[y])
    model.fit(train, y, eval_X=[FORMS[evaluated](other)], eval_y=[y])


def test_rounds_without_splits_do_not_shift_the_best_iteration():
    rng = np.random.default_rng(38)
    X, X_valid = rng.normal(size=(59, 3)), rng.normal(size=(80, 3))
    y, y_valid = ((rows[:, 0] + 0.7 * rng.normal(size=len(rows)) > 0) * 1 for rows in (X, X_valid))
    model = focal(n_estimators=60, learning_rate=0.2, early_stopping=True, random_state=0)
    model.fit(X, y, eval_X=X_valid, eval_y=y_valid)
    losses = model.evals_result_["valid_0"]["focal_loss"]
    assert len(losses) > model.n_iter_  # some samples of 41 rows cannot be split
    assert model.best_iteration_ == model.n_iter_
    best = model.loss_(y_valid, model.raw_predict(X_valid))
    assert best == pytest.approx(min(losses), rel=1e-6)  # LightGBM's scores are sums of trees
    assert model.best_score_["valid_0"]["focal_loss"] == min(losses)
