"""Tests of ``class_prior``, which adapts predictions to a population with other class shares."""

import itertools
import pickle
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, log_softmax, softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

ESTIMATORS = [FocalLogisticRegression(), FocalLGBMClassifier(n_estimators=5, n_jobs=1)]
PRIORS = {2: [0.99, 0.01], 3: [0.2, 0.79, 0.01]}
LABELS = np.array(["a", "b", "c"])
ROUNDING = {"rtol": 1e-11, "atol": 1e-12}  # from exponentials and logarithms


@pytest.fixture(scope="module", params=[2, 3], ids=["binary", "multiclass"])
def data(request):
    X, y = make_classification(
        400, 8, n_informative=5, n_classes=request.param, flip_y=0.2, random_state=0
    )
    return X, LABELS[y]


def predictions(model, X):
    methods = ("predict_proba", "predict_log_proba", "decision_function")
    return [getattr(model, method)(X) for method in methods]


# Effect on the unweighted posterior.


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_prior_equal_to_training_shares_has_no_effect(estimator, weighted, gamma, data):
    X, y = data
    weight = np.linspace(0, 3, len(y)) if weighted else None
    model = clone(estimator).set_params(gamma=gamma, probability="unweighted")
    model.set_params(alpha=np.arange(len(set(y))) + 1.0, class_weight="balanced")
    expected = predictions(model.fit(X, y, weight), X)
    mass = np.ones(len(y)) if weight is None else weight
    shares = [mass[y == label].sum() / mass.sum() for label in model.classes_]
    for actual, desired in zip(
        predictions(model.set_params(class_prior=shares), X), expected, strict=True
    ):
        # Trees use float32 weights.
        np.testing.assert_allclose(actual, desired, rtol=1e-6, atol=1e-6)
    model.set_params(class_prior=model.class_share_)
    for actual, desired in zip(predictions(model, X), expected, strict=True):
        np.testing.assert_allclose(actual, desired, **ROUNDING)


@pytest.mark.parametrize("probability", ["posterior", "unweighted"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_posterior_is_unweighted_posterior_times_prior_over_share(estimator, probability, data):
    X, y = data
    n_classes = len(set(y))
    model = clone(estimator).set_params(alpha=[0.3, 2.0, 1.0][:n_classes], class_weight="balanced")
    log_proba = model.fit(X, y).set_params(probability="unweighted").predict_log_proba(X)
    shares = np.array([np.mean(y == label) for label in model.classes_])
    expected = log_softmax(log_proba + np.log(PRIORS[n_classes] / shares), axis=1)
    model.set_params(class_prior=PRIORS[n_classes], probability=probability)
    proba, got, decision = predictions(model, X)
    np.testing.assert_allclose(got, expected, **ROUNDING)
    np.testing.assert_allclose(proba, np.exp(expected), **ROUNDING)
    log_odds = expected if n_classes > 2 else expected[:, 1] - expected[:, 0]
    np.testing.assert_allclose(decision, log_odds, **ROUNDING)
    np.testing.assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])


def test_extreme_scores_and_priors_are_not_clipped():
    margins = np.array([-1000.0, 0.0, 1000.0])
    model = FocalLogisticRegression(gamma=0.0).fit(np.eye(2), [0, 1])
    model.coef_, model.intercept_ = np.array([[0.0, 1.0]]), np.zeros(1)
    model.set_params(class_prior=[1 - 1e-200, 1e-200])
    X = np.column_stack([margins, margins])
    log_odds = margins + np.log(1e-200)  # class_share_ is uniform
    np.testing.assert_allclose(model.decision_function(X), log_odds, rtol=1e-14)
    expected = -np.logaddexp(0, np.column_stack([log_odds, -log_odds]))
    np.testing.assert_allclose(model.predict_log_proba(X), expected, rtol=1e-14)


def test_extreme_scores_and_priors_are_not_clipped_multiclass():
    model = FocalLogisticRegression(gamma=0.0).fit(np.eye(3), [0, 1, 2])
    model.coef_, model.intercept_ = np.eye(3), np.zeros(3)
    model.set_params(class_prior=[1e-200, 1 - 1e-9, 1e-9])
    X = 1000 * np.eye(3)
    expected = log_softmax(X + np.log(model.class_prior), axis=1)
    np.testing.assert_allclose(model.predict_log_proba(X), expected, rtol=1e-12)
    np.testing.assert_array_equal(model.decision_function(X), model.predict_log_proba(X))


# Saturated models: the posterior in each cell equals the share of the class in that cell.

COUNTS = {
    2: np.array([[900, 10], [600, 40], [300, 60], [100, 90]]),
    3: np.array([[900, 10, 20], [600, 40, 100], [300, 60, 10], [100, 90, 50]]),
}
SETTINGS = [
    {},
    {"alpha": [1.0, 7.0, 0.5]},
    {"class_weight": "balanced"},
    {"class_weight": {0: 1, 1: 5, 2: 3}, "alpha": [2.0, 1.0, 4.0]},
]


def saturated(**settings):
    return FocalLogisticRegression(C=np.inf, fit_intercept=False, tol=1e-9, **settings)


def cell_trees(**settings):
    trees = {"n_estimators": 150, "learning_rate": 0.2, "min_child_samples": 1, "num_leaves": 4}
    trees |= {"subsample": 1.0, "colsample_bytree": 1.0, "reg_lambda": 0.0}
    return FocalLGBMClassifier(n_jobs=1, min_child_weight=0, **trees, **settings)


def rows_of(counts):
    """Return X (one-hot cells) and y with ``counts[cell, class]`` rows each."""
    n_cells, n_classes = counts.shape
    cells = np.repeat(np.arange(n_cells).repeat(n_classes), counts.ravel())
    return np.eye(n_cells)[cells], np.repeat(np.tile(np.arange(n_classes), n_cells), counts.ravel())


def of_classes(settings, n_classes):
    settings = dict(settings)
    if "alpha" in settings:
        settings["alpha"] = settings["alpha"][:n_classes]
    if isinstance(settings.get("class_weight"), dict):
        settings["class_weight"] = {k: settings["class_weight"][k] for k in range(n_classes)}
    return settings


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("weights", [None, (1, 1, 1), (3, 0.5, 2)], ids=str)
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_true_prior_undoes_undersampling_exactly(n_classes, gamma, weights, settings):
    counts = COUNTS[n_classes]
    kept = counts // np.array([10, 1, 1][:n_classes])  # keep a tenth of class 0 in every cell
    X, y = rows_of(kept)
    weight = None if weights is None else np.array(weights)[y]
    model = saturated(gamma=gamma, **of_classes(settings, n_classes))
    model.set_params(class_prior=counts.sum(axis=0) / counts.sum()).fit(X, y, weight)
    proba = model.predict_proba(np.eye(len(counts)))
    expected = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(proba, expected, atol=1e-6)  # the solver's tolerance
    without = model.set_params(class_prior=None).predict_proba(np.eye(len(counts)))
    assert np.abs(without - expected).max() > 0.1


@pytest.mark.parametrize("settings", SETTINGS[1:3], ids=str)
@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_true_prior_undoes_undersampling_for_trees(n_classes, gamma, settings):
    counts = COUNTS[n_classes]
    X, y = rows_of(counts // np.array([10, 1, 1][:n_classes]))
    model = cell_trees(gamma=gamma, **of_classes(settings, n_classes))
    model.set_params(class_prior=counts.sum(axis=0) / counts.sum()).fit(X, y)
    proba = model.predict_proba(np.eye(len(counts)))
    expected = counts / counts.sum(axis=1, keepdims=True)
    # Boosting has not fully converged, and gradients are float32.
    np.testing.assert_allclose(proba, expected, atol=2e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_uniform_prior_maximises_balanced_accuracy(n_classes):
    counts = COUNTS[n_classes]
    model = saturated(gamma=1.0, class_prior="uniform").fit(*rows_of(counts))
    recall = counts / counts.sum(axis=0)  # recall of the class if it is predicted in the cell

    def balanced_accuracy(classes):
        return recall[np.arange(len(counts)), classes].sum() / n_classes

    predicted = model.predict(np.eye(len(counts)))
    all_rules = itertools.product(range(n_classes), repeat=len(counts))
    best = max(balanced_accuracy(list(rule)) for rule in all_rules)
    assert balanced_accuracy(predicted) == pytest.approx(best, rel=1e-12)
    as_trained = model.set_params(class_prior=None).predict(np.eye(len(counts)))
    assert balanced_accuracy(as_trained) < best
    proba = model.set_params(class_prior="uniform").predict_proba(np.eye(len(counts)))
    expected = recall / recall.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(proba, expected, atol=1e-6)  # the solver's tolerance


# Undersampled data with known probabilities.


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("kind", ["linear", "trees"])
def test_true_prior_recovers_true_probabilities_binary(kind, gamma):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 2))
    truth = expit(X @ [1.0, -0.5] - 3.5)
    y = (rng.random(len(X)) < truth).astype(int)
    kept = (y == 1) | (rng.random(len(X)) < 0.1)
    prior = [1 - y.mean(), y.mean()]
    if kind == "linear":
        model = FocalLogisticRegression(gamma, C=np.inf, class_prior=prior)
    else:
        model = FocalLGBMClassifier(
            gamma, n_estimators=60, num_leaves=4, min_child_samples=300, n_jobs=1, class_prior=prior
        )
    proba = model.fit(X[kept], y[kept]).predict_proba(X)[:, 1]
    # With 2,900 positives, the standard error of their share is 0.0008. The true log-odds are
    # linear, so the linear model is exact at gamma 0 only, and trees are step functions.
    assert abs(proba.mean() - truth.mean()) < 0.003
    assert np.sqrt(np.mean((proba - truth) ** 2)) < 0.02
    uncorrected = model.set_params(class_prior=None).predict_proba(X)[:, 1]
    assert np.sqrt(np.mean((uncorrected - truth) ** 2)) > 0.1


@pytest.mark.parametrize(
    ("kind", "gamma", "bias", "error"),
    [
        # The model is well-specified, so the error is due to the 3,000 rows of each rare class.
        ("linear", 0.0, 0.003, 0.01),
        # The model is misspecified, so class weights change where it fits best.
        ("linear", 1.0, 0.01, 0.03),
        ("trees", 1.0, 0.01, 0.03),
    ],
)
def test_true_prior_recovers_true_probabilities_multiclass(kind, gamma, bias, error):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 2))
    truth = softmax(X @ [[0.0, 1.0, -1.0], [0.0, -0.5, 0.5]] - [0.0, 3.0, 3.5], axis=1)
    y = np.array((truth.cumsum(axis=1) < rng.random((len(X), 1))).sum(axis=1))
    kept = (y > 0) | (rng.random(len(X)) < 0.1)
    settings = {"class_prior": np.bincount(y) / len(y), "class_weight": "balanced"}
    if kind == "linear":
        model = FocalLogisticRegression(gamma, C=np.inf, **settings)
    else:
        trees = {"n_estimators": 60, "num_leaves": 4, "min_child_samples": 300, "n_jobs": 1}
        model = FocalLGBMClassifier(gamma, **trees, **settings)
    proba = model.fit(X[kept], y[kept]).predict_proba(X)
    np.testing.assert_allclose(proba.mean(axis=0), truth.mean(axis=0), rtol=0, atol=bias)
    assert np.sqrt(np.mean((proba - truth) ** 2)) < error
    uncorrected = model.set_params(class_prior=None).predict_proba(X)
    assert np.sqrt(np.mean((uncorrected - truth) ** 2)) > 0.1


# The attribute class_share_.


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_class_share_includes_sample_weight_but_not_class_weight(estimator, data):
    X, y = data
    weight = np.random.default_rng(0).uniform(0, 3, len(y))
    model = clone(estimator).set_params(class_weight="balanced")
    shares = model.fit(X, y, weight).class_share_
    expected = [weight[y == label].sum() / weight.sum() for label in model.classes_]
    np.testing.assert_allclose(shares, expected, rtol=1e-6)  # trees' weights are float32
    np.testing.assert_allclose(
        model.fit(X, y).class_share_, pd.Series(y).value_counts(True)[model.classes_], rtol=1e-12
    )


def test_class_share_excludes_held_out_rows():
    X, y = make_classification(100, 5, random_state=0)
    y[:] = np.arange(100) < 13
    model = FocalLGBMClassifier(
        n_estimators=2, n_jobs=1, early_stopping=True, validation_fraction=0.4, random_state=0
    )
    # ceil(0.4 * 13) and ceil(0.4 * 87) rows are held out.
    np.testing.assert_allclose(model.fit(X, y).class_share_, [52 / 59, 7 / 59], rtol=1e-12)


def test_class_share_after_init_model_is_that_of_the_new_rows(data):
    X, y = data
    first = clone(ESTIMATORS[1]).fit(X, y)
    rows = np.concatenate([np.flatnonzero(y == "a")[:30], np.flatnonzero(y != "a")])
    model = clone(ESTIMATORS[1]).fit(X[rows], y[rows], init_model=first)
    assert model.class_share_[0] == pytest.approx(30 / len(rows), rel=1e-12)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("by", ["class_weight", "sample_weight"])
def test_prior_raises_if_a_class_has_no_weight(estimator, by):
    X, y = make_classification(400, 8, n_informative=5, n_classes=3, random_state=0)
    y, weight, model = LABELS[y], None, clone(estimator)
    if by == "class_weight":
        model.set_params(class_weight={"a": 1, "b": 0, "c": 1})
    else:
        weight = (y != "b").astype(float)
    assert model.fit(X, y, weight).class_share_[1] == 0
    model.set_params(class_prior="uniform")
    message = (
        r"class_prior requires training rows with positive .*, got none in the classes \['b'\]"
    )
    with pytest.raises(ValueError, match=message):
        model.predict_proba(X)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, weight)


# Accepted and invalid values.


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize(
    "form",
    [
        tuple,
        np.array,
        lambda prior: np.array(prior, dtype=np.float32),
        lambda prior: {LABELS[k]: share for k, share in enumerate(prior)},
        lambda prior: {str(LABELS[k]): prior[k] for k in reversed(range(len(prior)))},
        lambda prior: pd.Series(prior, index=LABELS[: len(prior)])[::-1],
    ],
    ids=["tuple", "array", "float32", "dict", "reversed dict", "reversed Series"],
)
def test_accepted_types_of_class_prior(estimator, form, data):
    X, y = data
    prior = PRIORS[len(set(y))]
    model = clone(estimator).set_params(class_prior=prior).fit(X, y)
    expected = model.predict_proba(X)
    model.set_params(class_prior=form(prior))
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-6)  # one case is float32
    np.testing.assert_allclose(model.fit(X, y).predict_proba(X), expected, rtol=1e-6)


def test_pandas_series_is_read_by_label():
    X, y = make_classification(300, 5, weights=[0.3], random_state=0)
    shares = pd.Series(y).value_counts(normalize=True)
    assert shares.index.tolist() == [1, 0]  # sorted by frequency
    model = FocalLogisticRegression(class_prior=shares, probability="unweighted").fit(X, y)
    expected = model.predict_proba(X)
    np.testing.assert_allclose(
        expected, model.set_params(class_prior=None).predict_proba(X), **ROUNDING
    )


def test_dict_keys_are_labels_of_any_type():
    X, y = make_classification(200, 5, random_state=0)
    expected = FocalLogisticRegression(class_prior=[0.9, 0.1]).fit(X, y).predict_proba(X)
    for labels in (np.array([False, True]), np.array([1.0, 2.0]), np.array([-3, 7])):
        for first, second in (labels, labels.tolist()):
            by_label = {second: 0.1, first: 0.9}
            model = FocalLogisticRegression(class_prior=by_label).fit(X, labels[y])
            np.testing.assert_array_equal(model.predict_proba(X), expected)


INVALID = {
    "too few": ([1.0], "one share for each of the 2 classes"),
    "too many": ([0.5, 0.3, 0.2], "one share for each of the 2 classes"),
    "two axes": ([[0.5, 0.5]], "one share for each of the 2 classes"),
    "negative": ([1.1, -0.1], "must contain positive shares"),
    "zero": ([1.0, 0.0], "must contain positive shares"),
    "subnormal": ([1.0, 1e-310], "must contain positive shares"),
    "nan": ([np.nan, 0.5], "must contain positive shares"),
    "infinite": ([np.inf, 0.5], "sum to 1"),
    "counts": ([90, 10], "sum to 1"),
    "sum below 1": ([0.5, 0.49], "sum to 1"),
    "text": (["0.5", "0.5"], "must be numeric"),
    "missing label": ({"a": 1.0}, r"missing \['b'\], unknown \[\]"),
    "unknown label": ({"a": 0.5, "b": 0.4, "c": 0.1}, r"missing \[\], unknown \['c'\]"),
    "other labels": ({0: 0.5, 1: 0.5}, r"missing \['a', 'b'\]"),
    "text by label": ({"a": "most", "b": 0.1}, "must be numeric"),
    "unlabelled Series": (pd.Series([0.9, 0.1]), r"missing \['a', 'b'\]"),
    "balanced": ("balanced", "'uniform'"),
    "number": (0.1, None),
}


@pytest.mark.parametrize("case", INVALID)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_invalid_prior_raises_in_fit_and_predict(estimator, case, monkeypatch):
    class_prior, message = INVALID[case]
    message = f"class_prior.*{message or ''}"
    X, y = make_classification(100, 5, random_state=0)
    y = LABELS[y]
    model = clone(estimator).fit(X, y).set_params(class_prior=class_prior)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises((ValueError, TypeError), match=message):
            getattr(model, method)(X)
    assert np.all(np.isfinite(model.raw_predict(X)))  # does not use class_prior
    with monkeypatch.context() as patch:
        patch.setattr(lightgbm, "train", None)  # fit must raise before training
        unfitted = clone(estimator).set_params(class_prior=class_prior)
        with pytest.raises((ValueError, TypeError), match=message):
            unfitted.fit(X, y)
    assert unfitted.class_prior is class_prior
    assert not hasattr(unfitted, "classes_")


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_prior_with_score_probability_raises(estimator, data):
    X, y = data
    model = clone(estimator).set_params(class_prior="uniform").fit(X, y)
    model.set_params(probability="score")
    for method in (model.predict, model.predict_proba, model.decision_function):
        with pytest.raises(ValueError, match="class_prior must be None if probability='score'"):
            method(X)
    with pytest.raises(ValueError, match="class_prior must be None if probability='score'"):
        model.fit(X, y)


# Copies, search and calibration.


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_prior_can_be_changed_after_fit_and_is_copied(estimator, data):
    X, y = data
    prior = PRIORS[len(set(y))]
    expected = clone(estimator).set_params(class_prior=prior).fit(X, y).predict_proba(X)
    model = clone(estimator).fit(X, y)
    as_trained = model.predict_proba(X)
    changed = model.set_params(class_prior=prior)
    np.testing.assert_array_equal(changed.predict_proba(X), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(changed)).predict_proba(X), expected)
    assert clone(changed).get_params()["class_prior"] == prior
    np.testing.assert_array_equal(model.set_params(class_prior=None).predict_proba(X), as_trained)


SAVED = sorted((Path(__file__).parents[1] / "integrations" / "fixtures").glob("v0.1.0/*.skops"))


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_prior_raises_for_models_saved_without_class_share(path):
    io = pytest.importorskip("skops.io")
    model = io.load(path, trusted=io.get_untrusted_types(file=path))
    X = np.zeros((1, model.n_features_in_))
    assert clone(model).get_params()["class_prior"] is None
    assert np.all(np.isfinite(model.predict_proba(X)))
    if not hasattr(model, "class_share_"):
        with pytest.raises(ValueError, match="class_prior must be None for this model"):
            model.set_params(class_prior="uniform").predict_proba(X)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_grid_search_selects_the_true_prior(estimator):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 3))
    y = (rng.random(4000) < expit(X @ [1.0, -1.0, 0.5] - 1)).astype(int)
    share = y.mean()
    model = make_pipeline(StandardScaler(), clone(estimator).set_params(gamma=0.5))
    name = model.steps[1][0] + "__class_prior"
    grid = {name: [[1 - p, p] for p in (0.05, round(share, 3), 0.7)]}
    search = GridSearchCV(model, grid, scoring="neg_log_loss", cv=3).fit(X, y)
    assert search.best_params_[name] == grid[name][1]
    proba = search.predict_proba(X)[:, 1]
    assert proba.mean() == pytest.approx(share, abs=0.02)  # standard error of the share: 0.007


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_calibrated_classifier_keeps_class_prior(estimator, data):
    X, y = data
    model = clone(estimator).set_params(class_prior=PRIORS[len(set(y))])
    calibrated = CalibratedClassifierCV(model, cv=3).fit(X, y)
    inner = [each.estimator for each in calibrated.calibrated_classifiers_]
    assert all(each.class_prior == model.class_prior for each in inner)
    # Calibration maps back to the class shares of its data.
    shares = [np.mean(y == label) for label in calibrated.classes_]
    np.testing.assert_allclose(calibrated.predict_proba(X).mean(axis=0), shares, atol=0.05)


# Metrics during training.


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_evaluation_metrics_receive_predict_proba(gamma, data):
    X, y = data
    seen = []

    def keep(y_true, proba):
        seen.append(proba)
        return "kept", 0.0, True

    prior = PRIORS[len(set(y))]
    model = clone(ESTIMATORS[1]).set_params(gamma=gamma, class_prior=prior)
    model.set_params(class_weight="balanced")
    model.fit(X[:300], y[:300], eval_X=X[300:], eval_y=y[300:], eval_metric=["logloss", keep])
    proba = model.predict_proba(X[300:])
    history = model.evals_result_["valid_0"]
    name = "binary_logloss" if len(prior) == 2 else "multi_logloss"
    assert history[name][-1] == pytest.approx(log_loss(y[300:], proba), rel=1e-9)
    np.testing.assert_allclose(seen[-1], proba[:, 1] if len(prior) == 2 else proba, rtol=1e-9)
    focal = model.loss_(np.searchsorted(model.classes_, y[300:]), model.raw_predict(X[300:]))
    assert history["focal_loss"][-1] == pytest.approx(
        focal, rel=1e-6
    )  # does not depend on the prior


def test_early_stopping_uses_probabilities_with_class_prior():
    X, y = make_classification(900, 8, n_informative=5, flip_y=0.2, random_state=0)
    model = FocalLGBMClassifier(
        n_estimators=60, learning_rate=0.3, n_jobs=1, early_stopping=True, random_state=0
    )
    best = {}
    for class_prior in (None, (0.95, 0.05)):
        model.set_params(class_prior=class_prior).fit(X, y, eval_metric="logloss")
        history = model.evals_result_["valid_0"]["binary_logloss"]
        assert model.best_iteration_ == np.argmin(history) + 1
        best[class_prior] = min(history)
    assert best[None] < best[0.95, 0.05]  # held-out rows have the training shares


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_callbacks_receive_models_with_class_prior(estimator, data):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
    from test_progress import Recorder

    X, y = data
    prior = PRIORS[len(set(y))]
    recorder = Recorder()
    model = clone(estimator).set_params(class_prior=prior).set_callbacks(recorder).fit(X, y)
    np.testing.assert_allclose(
        recorder.models[-1].predict_proba(X), model.predict_proba(X), rtol=1e-9
    )
