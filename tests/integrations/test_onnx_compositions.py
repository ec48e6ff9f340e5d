"""Meta-estimators around the estimators give the same results in ONNX Runtime."""

import numpy as np
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from skl2onnx import convert_sklearn, to_onnx  # noqa: E402
from skl2onnx.common._registration import get_converter  # noqa: E402
from skl2onnx.common.data_types import DoubleTensorType  # noqa: E402

from skfocal._onnx_compositions import SKL2ONNX  # noqa: E402
from skfocal.onnx import register_converters  # noqa: E402

register_converters()

METHODS = ["sigmoid", "isotonic"]
if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 8):
    METHODS.append("temperature")

ESTIMATORS = [FocalLGBMClassifier, FocalLogisticRegression]


def dataset(n_classes=2, dtype=np.float64):
    X, y = make_classification(
        400, 8, n_informative=6, n_classes=n_classes, flip_y=0.2, random_state=0
    )
    return X.astype(dtype), np.array(["no", "perhaps", "yes"])[y]


def build(estimator, **parameters):
    if estimator is FocalLGBMClassifier:
        parameters |= {"n_estimators": 8, "n_jobs": 1, "random_state": 0}
    return estimator(class_weight="balanced", **parameters)


def run(model, X, options=None, **arguments):
    """Return the outputs of the converted model."""
    options = {"zipmap": False} if options is None else options
    graph = to_onnx(model, X[:1], options=options, **arguments)
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"X": X})


def assert_agrees(model, X, atol=None, **arguments):
    """Compare labels and probabilities with scikit-learn, at the precision of X."""
    label, proba = run(model, X, **arguments)
    atol = (1e-10 if X.dtype == np.float64 else 1e-6) if atol is None else atol
    expected = model.predict_proba(X)
    np.testing.assert_allclose(proba, expected, atol=atol)
    second, first = np.sort(expected, axis=1)[:, -2:].T
    is_clear = first - second > atol  # isotonic probabilities are often equal
    assert np.mean(is_clear) > 0.5
    np.testing.assert_array_equal(label[is_clear], model.predict(X)[is_clear])


@pytest.mark.parametrize("probability", ["posterior", "unweighted", "score"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_raw_scores_match_decision_function(estimator, n_classes, probability):
    X, y = dataset(n_classes)
    gamma = [0.5, 2.0, 1.0][:n_classes]
    model = build(estimator, gamma=gamma, probability=probability).fit(X, y)
    label, scores = run(model, X, options={"zipmap": False, "raw_scores": True})
    expected = model.decision_function(X)
    if n_classes == 2:
        expected = np.column_stack([-expected, expected])
    np.testing.assert_allclose(scores, expected, atol=1e-10)
    np.testing.assert_array_equal(label, model.predict(X))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("probability", ["posterior", "unweighted", "score"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_calibration(estimator, n_classes, probability, ensemble, method):
    X, y = dataset(n_classes)
    base = build(estimator, gamma=2.0, probability=probability)
    model = CalibratedClassifierCV(base, method=method, ensemble=ensemble, cv=2).fit(X, y)
    assert_agrees(model, X)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_calibration_in_single_precision(estimator, n_classes, method):
    """Steep isotonic steps magnify scikit-learn's rounding of linear scores to float32."""
    X, y = dataset(n_classes, np.float32)
    model = CalibratedClassifierCV(build(estimator), method=method, cv=2).fit(X, y)
    is_rounded = method == "isotonic" and estimator is FocalLogisticRegression
    _, proba = run(model, X)
    atol = 1e-3 if is_rounded else 1e-6
    np.testing.assert_allclose(proba, model.predict_proba(X), atol=atol)


def test_isotonic_calibration_outside_the_range_of_training_scores():
    X, y = dataset()
    base = build(FocalLogisticRegression)
    assert_agrees(CalibratedClassifierCV(base, method="isotonic", cv=2).fit(X, y), X * 50)


def test_isotonic_calibration_to_a_constant():
    X, y = dataset()
    base = build(FocalLGBMClassifier, min_child_samples=400)
    assert_agrees(CalibratedClassifierCV(base, method="isotonic", cv=2).fit(X, y), X)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrap", [
    lambda base, X, y: make_pipeline(StandardScaler(), base),
    lambda base, X, y: make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), base)),
    lambda base, X, y: GridSearchCV(base, {"gamma": [0.5, 2.0]}, cv=2),
    lambda base, X, y: make_pipeline(StandardScaler(), GridSearchCV(base, {"gamma": [1.0]}, cv=2)),
    lambda base, X, y: RandomizedSearchCV(base, {"gamma": [0.5]}, n_iter=1, cv=2),
    lambda base, X, y: FrozenEstimator(base.fit(X, y)),
    lambda base, X, y: FrozenEstimator(make_pipeline(StandardScaler(), base).fit(X, y)),
    lambda base, X, y: BaggingClassifier(base, 2, max_features=0.5, random_state=0),
    lambda base, X, y: OneVsRestClassifier(base),
], ids=[
    "pipeline", "nested pipeline", "grid", "grid in pipeline", "randomized", "frozen",
    "frozen pipeline", "bagging", "one-vs-rest",
])  # fmt: skip
@pytest.mark.parametrize("n_classes", [2, 3])
def test_calibration_of_a_composition(n_classes, wrap, method):
    X, y = dataset(n_classes)
    X = X.astype(np.float64)  # steep isotonic steps magnify the rounding of float32 scores
    base = wrap(build(FocalLogisticRegression), X, y)
    assert_agrees(CalibratedClassifierCV(base, method=method, cv=2).fit(X, y), X)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_calibration_inside_other_models(estimator):
    X, y = dataset()
    calibrated = CalibratedClassifierCV(build(estimator), cv=2)
    assert_agrees(make_pipeline(StandardScaler(), calibrated).fit(X, y), X)
    members = [("a", calibrated), ("b", build(estimator))]
    voting = VotingClassifier(members, voting="soft", flatten_transform=False)
    assert_agrees(voting.fit(X, y), X)


def test_calibration_of_probabilities():
    X, y = dataset()
    voting = VotingClassifier(
        [("a", build(FocalLogisticRegression))], voting="soft", flatten_transform=False
    )
    for method in ["sigmoid", "isotonic"]:
        assert_agrees(CalibratedClassifierCV(voting, method=method, cv=2).fit(X, y), X)
    if "temperature" in METHODS:
        model = CalibratedClassifierCV(voting, method="temperature", cv=2).fit(X, y)
        with pytest.raises(NotImplementedError, match="Temperature scaling"):
            run(model, X)


def test_calibration_of_other_classifiers_uses_skl2onnx():
    X, y = dataset()
    model = CalibratedClassifierCV(LogisticRegression(), cv=2).fit(X, y)
    types = [("X", DoubleTensorType([None, 8]))]
    converters = {CalibratedClassifierCV: SKL2ONNX["SklearnCalibratedClassifierCV"]}
    graph = convert_sklearn(model, initial_types=types)
    expected = convert_sklearn(model, initial_types=types, custom_conversion_functions=converters)
    assert [node.op_type for node in graph.graph.node] == [
        node.op_type for node in expected.graph.node
    ]


def test_replaced_converters_keep_their_options():
    for alias, converter in SKL2ONNX.items():
        assert get_converter(alias).get_allowed_options() == converter.get_allowed_options()
    register_converters()  # may be called twice
    X, y = dataset()
    assert_agrees(CalibratedClassifierCV(build(FocalLogisticRegression), cv=2).fit(X, y), X)


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("method", ["decision_function", "predict_proba", "predict", "auto"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_stacking(estimator, n_classes, method, passthrough):
    X, y = dataset(n_classes)
    members = [
        ("pipeline", make_pipeline(StandardScaler(), build(estimator))),
        ("out", "drop"),
        ("estimator", build(estimator, gamma=2.0)),
        ("other", LinearSVC() if method == "auto" else LogisticRegression()),
    ]
    final = LogisticRegression(max_iter=1000)
    model = StackingClassifier(members, final, cv=2, stack_method=method, passthrough=passthrough)
    assert_agrees(model.fit(X, y), X)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_final_estimator_of_a_stack(estimator):
    X, y = dataset()
    members = [("a", build(FocalLogisticRegression)), ("b", LogisticRegression())]
    model = StackingClassifier(members, build(estimator), cv=2, stack_method="decision_function")
    assert_agrees(model.fit(X, y), X)


def test_same_estimator_used_twice():
    """The calibrator uses its decision function, and the stack its probabilities."""
    X, y = dataset()
    base = build(FocalLogisticRegression).fit(X, (y == "no").astype(int))
    frozen = CalibratedClassifierCV(FrozenEstimator(base)).fit(X, (y == "no").astype(int))
    members = [("calibrated", frozen), ("plain", base)]
    model = StackingClassifier(members, cv="prefit", stack_method="predict_proba")
    model.fit(X, (y == "no").astype(int))
    assert_agrees(model, X)


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("wrap", [
    OneVsRestClassifier,
    lambda base: BaggingClassifier(base, 3, max_features=0.5, random_state=0),
    lambda base: VotingClassifier(
        [("a", base), ("b", LogisticRegression())],
        voting="soft", flatten_transform=False, weights=np.array([1, 3]),
    ),
    lambda base: GridSearchCV(base, {}, cv=2),
], ids=["one-vs-rest", "bagging", "voting", "grid"])  # fmt: skip
def test_other_meta_estimators(wrap, estimator, n_classes, in_pipeline):
    X, y = dataset(n_classes)
    base = build(estimator)
    base = make_pipeline(StandardScaler(), base) if in_pipeline else base
    assert_agrees(wrap(base).fit(X, y), X)


def test_weights_of_a_vote_may_be_a_list():
    X, y = dataset()
    members = [("a", build(FocalLogisticRegression)), ("b", build(FocalLGBMClassifier))]
    model = VotingClassifier(members, voting="soft", weights=[2, 1], flatten_transform=False)
    assert_agrees(model.fit(X, y), X)
    assert model.weights == [2, 1]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_adaboost(estimator, n_classes):
    """In single precision, because skl2onnx's AdaBoostClassifier mixes types in double."""
    X, y = dataset(n_classes, np.float32)
    base = build(estimator)
    if estimator is FocalLGBMClassifier:
        base.set_params(reg_lambda=0.0)  # AdaBoost's weights sum to 1
    assert_agrees(AdaBoostClassifier(base, n_estimators=3).fit(X, y), X)


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_one_vs_one(estimator, in_pipeline):
    X, y = dataset(3)
    base = build(estimator)
    base = make_pipeline(StandardScaler(), base) if in_pipeline else base
    model = OneVsOneClassifier(base).fit(X, np.unique(y, return_inverse=True)[1])
    label, scores = run(model, X)
    np.testing.assert_allclose(scores, model.decision_function(X), atol=1e-6)
    np.testing.assert_array_equal(label.ravel(), model.predict(X))


@pytest.mark.parametrize("response_method", ["auto", "predict_proba", "decision_function"])
@pytest.mark.parametrize("pos_label", ["no", "perhaps"])
@pytest.mark.parametrize("threshold", ["auto", 0.2])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_fixed_threshold(estimator, threshold, pos_label, response_method):
    X, y = dataset()
    base = make_pipeline(StandardScaler(), build(estimator))
    model = FixedThresholdClassifier(
        base, threshold=threshold, pos_label=pos_label, response_method=response_method
    ).fit(X, y)
    assert_agrees(model, X)
    if threshold == 0.2:
        assert np.any(model.predict(X) != model.estimator_.predict(X))


@pytest.mark.parametrize("response_method", ["auto", "decision_function"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_tuned_threshold(estimator, response_method):
    X, y = dataset()
    y = (y == "no").astype(int)
    base = CalibratedClassifierCV(build(estimator), cv=2) if response_method == "auto" else None
    model = TunedThresholdClassifierCV(
        base or build(estimator), scoring="recall", cv=2, response_method=response_method
    ).fit(X, y)
    assert np.any(model.predict(X) != model.estimator_.predict(X))
    assert_agrees(model, X)
    if response_method == "decision_function":
        assert_agrees(CalibratedClassifierCV(model, cv=2).fit(X, y), X)


@pytest.mark.parametrize("dtype", [np.int64, bool])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("wrap", [
    lambda base: base,
    lambda base: CalibratedClassifierCV(base, cv=2),
    lambda base: StackingClassifier([("a", base)], cv=2, stack_method="decision_function"),
    lambda base: BaggingClassifier(base, 2, random_state=0),
    OneVsRestClassifier,
], ids=["alone", "calibrated", "stacked", "bagging", "one-vs-rest"])  # fmt: skip
def test_integer_and_boolean_features(wrap, estimator, dtype):
    X, y = dataset()
    X = (3 * X).astype(np.int64).astype(dtype)
    assert_agrees(wrap(build(estimator)).fit(X, y), X, atol=1e-6)


@pytest.mark.parametrize("where", ["model", "pipeline", "last step", "class"])
def test_raw_scores_of_a_pipeline(where):
    X, y = dataset()
    last = build(FocalLogisticRegression)
    model = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), last)).fit(X, y)
    options = {"raw_scores": True, "zipmap": False}
    key = {"pipeline": id(model), "last step": id(last), "class": FocalLogisticRegression}
    _, scores = run(model, X, options={key[where]: options} if where in key else options)
    np.testing.assert_allclose(scores[:, 1], model.decision_function(X), atol=1e-10)


def test_large_integer_labels():
    X, y = dataset()
    labels = np.array([3, 2**40 + 1])[(y == "no").astype(int)]
    for wrap in (
        lambda base: base,
        lambda base: CalibratedClassifierCV(base, cv=2),
        lambda base: StackingClassifier([("a", base)], cv=2),
        FixedThresholdClassifier,
    ):
        assert_agrees(wrap(build(FocalLogisticRegression)).fit(X, labels), X)
    for wrap in (OneVsRestClassifier, BaggingClassifier):
        with pytest.raises(
            NotImplementedError, match=r"labels below 2\*\*24, got .* skl2onnx rounds"
        ):
            run(wrap(build(FocalLogisticRegression)).fit(X, labels), X)


def focal():
    return build(FocalLogisticRegression)


UNSUPPORTED = {
    "labels of one-vs-one": (lambda: OneVsOneClassifier(focal()), "class indices"),
    "weights with a dropped estimator": (
        lambda: VotingClassifier(
            [("a", "drop"), ("b", focal()), ("c", focal())],
            voting="soft",
            weights=np.array([1, 2, 3]),
            flatten_transform=False,
        ),
        "weights of a VotingClassifier",
    ),
    "decision function of bagged searches": (
        lambda: CalibratedClassifierCV(
            BaggingClassifier(GridSearchCV(focal(), {"gamma": [1.0]}, cv=2), 2), cv=2
        ),
        "decision_function of GridSearchCV",
    ),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_unsupported_meta_estimators_raise(case):
    wrap, message = UNSUPPORTED[case]
    X, y = dataset()
    with pytest.raises(NotImplementedError, match=message):
        run(wrap().fit(X, y), X)
