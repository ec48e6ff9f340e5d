"""scikit-learn's estimator checks, and behaviour that both estimators share."""

import copy
import pickle
from decimal import Decimal

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import StackingClassifier
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimator,
    check_param_validation,
)

from skfocal import FocalLGBMClassifier, FocalLogisticRegression, focal_loss

OTHERS = [
    *(FocalLogisticRegression(gamma=gamma) for gamma in (0, 2)),
    FocalLogisticRegression(l1_ratio=0.5),
    FocalLGBMClassifier(),
    *(
        FocalLGBMClassifier(gamma=gamma, curvature=curvature, n_estimators=50, n_jobs=1)
        for gamma in (0, 0.5, 2)
        for curvature in ("majorant", "geometric", "newton")
    ),
]
CHECKED = [
    FocalLogisticRegression(),
    FocalLGBMClassifier(n_estimators=50, n_jobs=1),
    *(pytest.param(estimator, marks=pytest.mark.slow) for estimator in OTHERS),
]
ESTIMATORS = [FocalLogisticRegression(), FocalLGBMClassifier(n_estimators=15, n_jobs=1)]


@pytest.fixture(scope="module")
def binary():
    return make_classification(n_samples=400, weights=[0.85], random_state=0)


@pytest.fixture(scope="module")
def multiclass():
    return make_classification(n_samples=400, n_informative=6, n_classes=3, random_state=0)


@pytest.mark.filterwarnings("default")  # the checks provoke warnings on purpose
@pytest.mark.parametrize("estimator", CHECKED, ids=repr)
def test_passes_every_estimator_check(estimator, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    results = check_estimator(estimator, on_skip=None)
    passed = [result for result in results if result["status"] == "passed"]
    for result in results:  # checks may only be skipped if an array library is not installed
        not_installed = "is not installed: not checking array_api input"
        assert result in passed or not_installed in str(result["exception"]), result
    assert len(passed) > 50
    check_dataframe_column_names_consistency(type(estimator).__name__, estimator)
    check_param_validation(type(estimator).__name__, estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("probability", ["posterior", "unweighted", "score"])
@pytest.mark.parametrize("data", ["binary", "multiclass"])
def test_prediction_methods_are_consistent(estimator, probability, data, request):
    X, y = request.getfixturevalue(data)
    model = clone(estimator).set_params(probability=probability, class_weight="balanced")
    model.fit(X, y)
    proba, decision = model.predict_proba(X), model.decision_function(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-14)  # rounding of the sum
    np.testing.assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), proba, rtol=1e-13)
    if data == "binary":
        np.testing.assert_allclose(decision, np.log(proba[:, 1] / proba[:, 0]), rtol=1e-11)
    else:
        np.testing.assert_allclose(np.exp(decision), proba, rtol=1e-13)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("labels", [[False, True], ["no", "yes"], [7, 3], [-1.0, 1.0]], ids=str)
def test_label_type_does_not_change_predictions(estimator, labels, binary):
    X, y = binary
    expected = clone(estimator).fit(X, y).predict_proba(X)
    renamed = np.array(labels)[y]
    model = clone(estimator).fit(X, renamed)
    order = np.argsort(labels)
    np.testing.assert_allclose(model.predict_proba(X), expected[:, order], rtol=1e-6)
    assert set(model.predict(X)) <= set(labels)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("data", ["binary", "multiclass"])
def test_class_weight_is_equivalent_to_sample_weight(estimator, data, request):
    X, y = request.getfixturevalue(data)
    weights = {0: 0.5, 1: 2.0, 2: 3.0}
    weights = {label: weights[label] for label in np.unique(y)}
    by_class = clone(estimator).set_params(class_weight=weights).fit(X, y)
    by_row = clone(estimator).fit(X, y, sample_weight=np.vectorize(weights.get)(y))
    # Trees use float32 gradients, and the linear model has tol=1e-4.
    np.testing.assert_allclose(by_class.predict_proba(X), by_row.predict_proba(X), rtol=1e-4)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_balanced_class_weight_uses_sample_weight(estimator, binary):
    X, y = binary
    weight = np.where(np.arange(len(y)) % 3, 1.0, 2.5)
    model = clone(estimator).set_params(class_weight="balanced").fit(X, y, sample_weight=weight)
    masses = np.bincount(y, weights=weight)
    np.testing.assert_allclose(model.loss_.alpha, masses.sum() / (2 * masses), rtol=1e-15)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_alpha_multiplies_class_weight(estimator, binary):
    X, y = binary
    model = clone(estimator).set_params(alpha=0.25, class_weight={0: 1, 1: 4}).fit(X, y)
    assert model.loss_.alpha == (0.75, 1.0)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["deepcopy", "pickle"],
)
def test_copies_have_the_same_predictions(estimator, copied, binary):
    X, y = binary
    model = clone(estimator).fit(X, y)
    np.testing.assert_array_equal(copied(model).predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_joblib_round_trip_keeps_predictions(estimator, binary, tmp_path):
    X, y = binary
    model = clone(estimator).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_grid_search_over_gamma_in_a_pipeline(estimator, binary):
    X, y = binary
    name = type(estimator).__name__.lower()
    scorer = make_scorer(focal_loss, response_method="predict_proba", greater_is_better=False)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), clone(estimator)),
        {f"{name}__gamma": [0, 0.5, 2.0, (1.0, 2.0)]},
        scoring={"average_precision": "average_precision", "focal": scorer},
        refit="average_precision",
        n_jobs=2,
        cv=3,
    ).fit(X, y)
    assert np.all(np.isfinite(search.cv_results_["mean_test_focal"]))
    assert search.best_score_ > 0.6
    assert search.predict(X).shape == y.shape


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: CalibratedClassifierCV(model, cv=3),
        lambda model: TunedThresholdClassifierCV(model, cv=3, scoring="f1"),
        lambda model: StackingClassifier([("focal", model)], cv=3),
    ],
    ids=["calibrated", "threshold", "stacking"],
)
def test_works_inside_meta_estimators(estimator, wrap, binary):
    X, y = binary
    model = wrap(clone(estimator)).fit(X, y)
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.8


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_sample_weight_is_routed_through_pipelines_and_cross_validation(estimator, binary):
    X, y = binary
    weight = np.where(y == 1, 5.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(estimator).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, routed)
        weighted = pipeline.fit(X, y, sample_weight=weight).predict_proba(X)[:, 1]
        unweighted = pipeline.fit(X, y).predict_proba(X)[:, 1]
        routed.set_score_request(sample_weight=True)
        scores = cross_validate(routed, X, y, params={"sample_weight": weight}, cv=3)
    assert weighted.mean() > 1.5 * unweighted.mean()
    assert np.all(np.isfinite(scores["test_score"]))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize(
    ("parameters", "argument"),
    [
        ({"gamma": -1}, "gamma"),
        ({"gamma": np.nan}, "gamma"),
        ({"gamma": np.inf}, "gamma"),
        ({"gamma": (1, 2, 3)}, "gamma"),
        ({"gamma": "two"}, "gamma"),
        ({"alpha": 0}, "alpha"),
        ({"alpha": 1}, "alpha"),
        ({"alpha": (1, 0)}, "alpha"),
        ({"alpha": (1, np.nan)}, "alpha"),
        ({"alpha": (1, 1, 1)}, "alpha"),
        ({"probability": "calibrated"}, "probability"),
        ({"class_weight": {0: 1, 1: -1}}, "class_weight must contain finite weights >= 0"),
        ({"class_weight": "even"}, "class_weight"),
    ],
    ids=str,
)
def test_invalid_parameters_raise(estimator, parameters, argument, binary):
    model = clone(estimator).set_params(**parameters)
    before = model.get_params()
    with pytest.raises((ValueError, TypeError), match=argument):
        model.fit(*binary)
    assert str(model.get_params()) == str(before)
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        (lambda X, y, w: (X, y[:-1], w), "inconsistent numbers of samples"),
        (lambda X, y, w: (X, np.zeros(len(y)), w), "one class"),
        (lambda X, y, w: (X, y + 0.5 * np.arange(len(y)), w), "continuous"),
        (lambda X, y, w: (X, np.where(y, 1, np.nan), w), "NaN"),
        (lambda X, y, w: (np.where(X > 2, np.inf, X), y, w), "infinity"),
        (lambda X, y, w: (X[:, 0], y, w), "2D array"),
        (lambda X, y, w: (X, y, -w), "sample_weight must contain only weights >= 0"),
        (lambda X, y, w: (X, y, 0 * w), "sample_weight"),
        (lambda X, y, w: (X, y, w[:-1]), "sample_weight"),
        (lambda X, y, w: (X, y, 1e308 * w), "sample_weight must have a finite sum, got inf"),
    ],
    ids=["short y", "one class", "continuous", "nan y", "infinite X", "1d X", "negative weight",
         "zero weights", "short weights", "huge weights"],
)  # fmt: skip
def test_invalid_data_raises(estimator, corrupt, message, binary):
    X, y, weight = corrupt(*binary, np.ones(len(binary[1])))
    with pytest.raises(ValueError, match=message):
        clone(estimator).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("weight", [1j, np.full(300, 1j), 10**400], ids=["j", "array", "10^400"])
def test_non_numeric_sample_weight_raises(estimator, weight, binary):
    with pytest.raises(TypeError, match="sample_weight must be numeric"):
        clone(estimator).fit(*binary, sample_weight=weight)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("as_kind", [lambda w: w.astype(object), lambda w: [Decimal(1)] * len(w)])
def test_sample_weight_may_be_scalar_or_object_array(estimator, as_kind, binary):
    X, y = binary
    expected = clone(estimator).fit(X, y).predict_proba(X)
    for weight in (1, 1.0, as_kind(np.ones(len(y)))):
        model = clone(estimator).fit(X, y, sample_weight=weight)
        # Multiplying by 1 is exact, but the order of summation may differ.
        np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-9)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_predict_raises_for_other_features(estimator, binary):
    pd = pytest.importorskip("pandas")
    X, y = binary
    model = clone(estimator).fit(X, y)
    with pytest.raises(ValueError, match="19 features"):
        model.predict(X[:, :-1])
    model.fit(pd.DataFrame(X).add_prefix("x"), y)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(pd.DataFrame(X).add_prefix("z"))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize(
    "degenerate",
    [
        lambda X, y: (np.ones_like(X), y),
        lambda X, y: (X[:, :1], y),
        lambda X, y: (X[[0, np.argmax(y != y[0])]], y[[0, np.argmax(y != y[0])]]),
    ],
    ids=["constant X", "one feature", "two rows"],
)
def test_degenerate_data_gives_finite_predictions(estimator, degenerate, binary):
    X, y = degenerate(*binary)
    proba = clone(estimator).fit(X, y).predict_proba(X)
    assert np.all((proba > 0) & (proba < 1))
    if len(y) > 2 and X.shape[1] > 1:  # constant X: the prediction is the class share
        np.testing.assert_allclose(proba[:, 1], y.mean(), rtol=1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_predictions_are_finite_if_a_class_has_no_weight(estimator, multiclass):
    X, y = multiclass
    proba = clone(estimator).fit(X, y, sample_weight=(y != 2).astype(float)).predict_proba(X)
    assert np.all(np.isfinite(proba))
    assert proba[:, 2].max() < 1e-6


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 5.0, (1.0, 3.0)], ids=str)
@pytest.mark.parametrize("alpha", [None, 0.25], ids=str)
def test_unweighted_probability_recovers_true_probabilities(gamma, alpha):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 2))
    raw = X @ [1.0, -0.5] - 1.5
    truth = 1 / (1 + np.exp(-raw))
    y = (rng.random(len(X)) < truth).astype(int)
    settings = {"gamma": gamma, "alpha": alpha, "probability": "unweighted"}
    linear = FocalLogisticRegression(C=np.inf, **settings)
    trees = FocalLGBMClassifier(
        n_estimators=150, num_leaves=8, min_child_samples=500, n_jobs=2, **settings
    )
    # The true log-odds are linear, so the linear model is exact at gamma 0 only.
    for model, tolerance in ((linear, 0.02), (trees, 0.03)):
        error = model.fit(X, y).predict_proba(X)[:, 1] - truth
        assert np.sqrt(np.mean(error**2)) < tolerance
        assert abs(error.mean()) < 0.005  # two standard errors of the share of positives
