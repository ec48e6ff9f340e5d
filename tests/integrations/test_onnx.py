"""Converted estimators in ONNX Runtime match the originals."""

import os
import pickle
import subprocess
import sys

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from skl2onnx import to_onnx  # noqa: E402
from skl2onnx.common.data_types import FloatTensorType, StringTensorType  # noqa: E402

from skfocal.onnx import register_converters  # noqa: E402

register_converters()

OPSET = {"": 15, "ai.onnx.ml": 3}


def dataset(n_classes=2):
    """Return float32 rows with a column of category codes."""
    X, y = make_classification(
        600, 8, n_informative=6, n_classes=n_classes, flip_y=0.2, random_state=0
    )
    X[:, 3] = np.arange(600) * 7 % 11
    return X.astype(np.float32), np.array(["no", "perhaps", "yes"])[y]


def trees(**parameters):
    return FocalLGBMClassifier(n_estimators=15, n_jobs=1, **parameters)


def run(model, X, target_opset=OPSET, **arguments):
    """Return labels and probabilities of the converted model."""
    graph = to_onnx(model, X[:1], options={"zipmap": False}, target_opset=target_opset, **arguments)
    assert [output.name for output in graph.graph.output] == ["label", "probabilities"]
    return run_session(graph, X)


def run_session(graph, X):
    """Return all outputs of a graph."""
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"X": X})


def assert_agrees(model, X, **arguments):
    label, proba = run(model, X, **arguments)
    expected = model.predict_proba(X)
    assert proba.dtype == X.dtype
    np.testing.assert_array_equal(label, model.predict(X))
    atol = 1e-10 if X.dtype == np.float64 else 1e-6
    np.testing.assert_allclose(proba, expected, atol=atol)


@pytest.mark.parametrize("probability", ["posterior", "unweighted", "score"])
@pytest.mark.parametrize("gamma", [0.0, 2.0, "per_class"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", [trees, FocalLogisticRegression])
def test_onnx_model_matches_labels_and_probabilities(estimator, n_classes, gamma, probability):
    X, y = dataset(n_classes)
    gamma = [0.5, 2.0, 1.0][:n_classes] if gamma == "per_class" else gamma
    model = estimator(gamma=gamma, probability=probability, class_weight="balanced")
    assert_agrees(model.fit(X, y), X)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", [trees, FocalLogisticRegression])
def test_model_in_a_pipeline(estimator, n_classes):
    X, y = dataset(n_classes)
    assert_agrees(make_pipeline(StandardScaler(), estimator()).fit(X, y), X)


@pytest.mark.parametrize("estimator", [trees, FocalLogisticRegression])
def test_model_after_a_column_transformer(estimator):
    X, y = dataset()
    frame = pd.DataFrame(X[:, :3], columns=list("abc"))
    frame["city"] = np.array(["Bern", "Basel", "Chur"])[np.arange(len(X)) % 3]
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["city"]), remainder="passthrough"
    )
    model = make_pipeline(encode, estimator()).fit(frame, y)
    types = [(name, FloatTensorType([None, 1])) for name in "abc"]
    types.append(("city", StringTensorType([None, 1])))
    graph = to_onnx(model, initial_types=types, options={"zipmap": False}, target_opset=OPSET)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    columns = {name: frame[[name]].to_numpy() for name in frame}
    label, proba = session.run(["label", "probabilities"], columns)
    np.testing.assert_array_equal(label, model.predict(frame))
    np.testing.assert_allclose(proba, model.predict_proba(frame), atol=1e-6)


@pytest.mark.parametrize("labels", [np.array([3, 7]), np.array([False, True])])
@pytest.mark.parametrize("estimator", [trees, FocalLogisticRegression])
def test_integer_and_boolean_labels(estimator, labels):
    X, y = dataset()
    assert_agrees(estimator().fit(X, labels[(y != "no").astype(int)]), X)


def test_trees_with_missing_values_and_categories():
    X, y = dataset()
    X[::7, 0] = np.nan
    y[np.isin(X[:, 3], [2, 5, 8])] = "no"
    model = trees(gamma=1.0).fit(X, y, categorical_feature=[3])
    assert "==" in str(model.booster_.dump_model()["tree_info"])
    X[::5, 1] = np.nan  # not missing in training
    X[::3, 3] = np.nan
    X[1::3, 3] = 99  # an unknown category
    assert_agrees(model, X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unknown_and_negative_categories(dtype):
    X, y = dataset()
    y[np.isin(X[:, 3], [0, 2, 5])] = "no"
    model = trees().fit(X, y, categorical_feature=[3])
    shifted = X.astype(dtype)
    shifted[:, 3] += np.arange(len(X)) % 6 - 3
    assert np.any(model.predict_proba(shifted) != model.predict_proba(X))
    assert_agrees(model, shifted)


def test_best_iteration_of_early_stopping():
    X, y = dataset()
    model = trees(learning_rate=0.5).set_params(n_estimators=60)
    stopper = lightgbm.early_stopping(30, verbose=False)
    model.fit(X[:400], y[:400], eval_X=X[400:], eval_y=y[400:], callbacks=[stopper])
    model.booster_.best_iteration = model.best_iteration_ = 5
    assert model.booster_.num_trees() > 5
    assert np.any(model.predict_proba(X) != model.predict_proba(X, num_iteration=-1))
    assert_agrees(model, X)
    assert_agrees(pickle.loads(pickle.dumps(model)), X)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_training_with_init_model_or_init_score(n_classes):
    X, y = dataset(n_classes)
    first = trees().fit(X, y)
    assert_agrees(trees().fit(X, y, init_model=first), X)
    assert_agrees(trees().fit(X, y, init_model=first.to_lightgbm(probability="score")), X)
    init_score = np.linspace(-1, 1, len(X) * (n_classes if n_classes > 2 else 1))
    init_score = init_score.reshape(len(X), -1)
    assert_agrees(trees().fit(X, y, init_score=init_score.squeeze()), X)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_sum_of_many_trees_is_computed_in_double_precision(n_classes):
    """ONNX returns tree sums in single precision, with an error of 1e-6 for scores near 10."""
    X, y = dataset(n_classes)
    X = X.astype(np.float64)
    model = trees(gamma=1.0).set_params(n_estimators=200).fit(X, y)
    options = {"zipmap": False, "raw_scores": True}
    _, scores = run_session(to_onnx(model, X[:1], options=options, target_opset=OPSET), X)
    scores = scores if n_classes > 2 else scores[:, 1]
    np.testing.assert_allclose(scores, model.decision_function(X), atol=1e-10)


@pytest.mark.parametrize("probability", ["posterior", "unweighted", "score"])
@pytest.mark.parametrize("alpha", [None, "per_class"])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 7.3, 100.0, "per_class"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_graph_matches_log_proba_of_the_loss(n_classes, gamma, alpha, probability):
    """The graph duplicates the formula in ONNX operators, so compare both."""
    gamma = [0.5, 2.0, 0.0, 5.0][:n_classes] if gamma == "per_class" else gamma
    alpha = [0.2, 0.7, 1.0, 3.0][:n_classes] if alpha else None
    X, y = np.eye(n_classes)[[*range(n_classes)] * 2], [*range(n_classes)] * 2
    model = FocalLogisticRegression(gamma=gamma, alpha=alpha, probability=probability, tol=1e6)
    model.fit(X, y)
    if n_classes == 2:
        model.coef_, model.intercept_ = np.array([[-0.5, 0.5]]), np.zeros(1)
    else:
        model.coef_, model.intercept_ = np.eye(n_classes), np.zeros(n_classes)
    sizes = np.geomspace(1e-8, 1e4, 200)
    sizes = np.concatenate([-sizes, [0.0], sizes])
    rng = np.random.default_rng(0)
    scores = np.array([rng.permutation(sizes) for _ in range(n_classes)]).T
    scores[:50, 1] = scores[:50, 0] + sizes[150:200]  # margins near zero
    scores[: len(sizes) // 2, -1] = 0.0
    raw = model.raw_predict(scores)
    graphs = {
        raw_scores: to_onnx(
            model,
            scores[:1],
            options={"zipmap": False, "raw_scores": raw_scores},
            target_opset=OPSET,
        )
        for raw_scores in (False, True)
    }
    log_proba = model.loss_.predict_log_proba(raw, probability)
    _, proba = run_session(graphs[False], scores)
    _, decision = run_session(graphs[True], scores)
    expected = log_proba if n_classes > 2 else log_proba @ np.array([[1, -1], [-1, 1]])
    np.testing.assert_allclose(proba, np.exp(log_proba), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(decision, expected, rtol=1e-11, atol=1e-12)


PRIORS = {2: {"no": 0.999, "perhaps": 0.001}, 3: {"no": 0.9, "perhaps": 0.099, "yes": 0.001}}


@pytest.mark.parametrize("alpha", [None, "per_class"])
@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", [trees, FocalLogisticRegression])
def test_class_prior(estimator, n_classes, gamma, alpha):
    X, y = dataset(n_classes)
    alpha = [0.2, 0.7, 3.0][:n_classes] if alpha else None
    model = estimator(gamma=gamma, alpha=alpha).fit(X, y)
    as_trained = model.predict_proba(X)
    model.set_params(class_prior=PRIORS[n_classes])
    assert np.abs(model.predict_proba(X) - as_trained).max() > 0.1
    assert_agrees(model, X)
    X = X.astype(np.float64)
    options = {"zipmap": False, "raw_scores": True}
    _, scores = run_session(to_onnx(model, X[:1], options=options, target_opset=OPSET), X)
    scores = scores if n_classes > 2 else scores[:, 1]
    np.testing.assert_allclose(scores, model.decision_function(X), rtol=1e-9, atol=1e-10)


def test_class_prior_of_wrong_length_raises():
    X, y = dataset()
    model = FocalLogisticRegression().fit(X, y).set_params(class_prior=[0.5, 0.4, 0.1])
    with pytest.raises(ValueError, match="class_prior must contain one share for each of the 2"):
        run(model, X)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", [trees, FocalLogisticRegression])
def test_output_options(estimator, n_classes):
    X, y = dataset(n_classes)
    model = estimator().fit(X, y)
    proba, index = model.predict_proba(X), model.predict_proba(X).argmax(axis=1)

    def outputs(**options):
        return run_session(to_onnx(model, X[:1], options=options, target_opset=OPSET), X)

    label, *columns = outputs(zipmap="columns")
    np.testing.assert_array_equal(label, model.predict(X))
    np.testing.assert_allclose(np.column_stack(columns), proba, atol=1e-6)
    label, values = outputs(zipmap=False, nocl=True)
    np.testing.assert_array_equal(label, index)
    np.testing.assert_allclose(values, proba, atol=1e-6)
    label, rows = outputs(nocl=True)
    np.testing.assert_array_equal(label, index)
    assert list(rows[0]) == list(range(n_classes))
    label, values, classes = outputs(zipmap=False, output_class_labels=True)
    np.testing.assert_array_equal(label, model.predict(X))
    np.testing.assert_allclose(values, proba, atol=1e-6)
    np.testing.assert_array_equal(classes, model.classes_)


@pytest.mark.parametrize(
    "options",
    [
        {"decision_path": True},
        {"raw_scores": "yes"},
        {"zipmap": "rows"},
        {"zipmap": "columns", "nocl": True},
        {"zipmap": False, "output_class_labels": True, "nocl": True},
        {"output_class_labels": True},
    ],
)
def test_unsupported_options_raise(options):
    X, y = dataset()
    model = FocalLogisticRegression().fit(X, y)
    name = "zipmap" if list(options) == ["zipmap"] else list(options)[-1]
    with pytest.raises((NameError, ValueError, RuntimeError), match=name):
        to_onnx(model, X[:1], options=options, target_opset=OPSET)


@pytest.mark.parametrize("labels", [np.array([1.0, 2.0]), np.array([3, 7], np.uint8)])
def test_output_class_labels_of_unsupported_type_raise(labels):
    X, y = dataset()
    model = FocalLogisticRegression().fit(X, labels[(y != "no").astype(int)])
    assert_agrees(model, X)
    options = {"zipmap": False, "output_class_labels": True}
    with pytest.raises(NotImplementedError, match="output_class_labels"):
        to_onnx(model, X[:1], options=options, target_opset=OPSET)


@pytest.mark.parametrize(
    "parameters",
    [
        {"boosting_type": "dart"},
        {"early_stopping": True, "n_iter_no_change": 1, "learning_rate": 0.9, "random_state": 0},
        {"min_child_samples": 600},
    ],
)
def test_trees_of_every_kind(parameters):
    X, y = dataset()
    assert_agrees(trees(**parameters).fit(X, y), X)


def test_rows_on_a_threshold():
    """Thresholds between adjacent float32 numbers only exist in double precision."""
    X = np.full((400, 1), 0.1, dtype=np.float32)
    X[::2] = np.nextafter(X[0], np.float32(1))
    y = np.arange(400) % 2
    model = trees(lgbm_params={"min_data_in_bin": 1}).fit(X, y)
    assert np.ptp(model.raw_predict(X)) > 1
    assert_agrees(model, X)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("scale", [1e-3, 30.0, 1e4])
def test_probabilities_at_extreme_scores(n_classes, scale):
    X, y = dataset(n_classes)
    model = FocalLogisticRegression(gamma=[0.5, 2.0, 1.0][:n_classes]).fit(X, y)
    X = (X * scale).astype(np.float64)
    assert_agrees(model, X)


@pytest.mark.parametrize("estimator", [trees, FocalLogisticRegression])
def test_default_opset_and_double_input(estimator):
    X, y = dataset(3)
    model = estimator().fit(X, y)
    assert_agrees(model, X, target_opset=None)
    assert_agrees(model, X.astype(np.float64))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_zipmap_returns_one_dict_per_row(n_classes):
    X, y = dataset(n_classes)
    model = FocalLogisticRegression().fit(X, y)
    graph = to_onnx(model, X[:1], target_opset=OPSET)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    _, proba = session.run(None, {"X": X})
    assert list(proba[0]) == model.classes_.tolist()
    np.testing.assert_allclose(
        [list(row.values()) for row in proba], model.predict_proba(X), atol=1e-6
    )


UNSUPPORTED = {
    "linear leaves": ({"linear_tree": True}, "linear_tree"),
    "zeros as missing values": ({"zero_as_missing": True}, "zero_as_missing"),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_unsupported_trees_raise(case):
    lgbm_params, message = UNSUPPORTED[case]
    X, y = dataset()
    model = trees(lgbm_params=lgbm_params).fit(X, y)
    with pytest.raises(NotImplementedError, match=message):
        run(model, X)


def test_pandas_categories_raise():
    X, y = dataset()
    frame = pd.DataFrame(X).astype({3: "category"})
    frame.columns = [f"x{i}" for i in range(8)]
    with pytest.raises(NotImplementedError, match="pandas categories"):
        run(trees().fit(frame, y), X)


def test_unsupported_labels_raise():
    X, y = dataset()
    model = FocalLogisticRegression().fit(X, np.where(y == "no", "0.5", "1").astype(object))
    model.classes_ = np.array([0.5, 1.0])
    with pytest.raises(NotImplementedError, match="strings or integers"):
        run(model, X)


def test_error_without_registered_converters():
    code = (
        "import numpy as np, skl2onnx, skfocal\n"
        "X = np.eye(4, dtype=np.float32)\n"
        "skl2onnx.to_onnx(skfocal.FocalLogisticRegression().fit(X, [0, 1, 0, 1]), X)\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode != 0
    assert "FocalLogisticRegression" in done.stderr
    assert "Converter" in done.stderr or "shape calculator" in done.stderr
