"""ONNX converters for scikit-learn's meta-estimators around the package's estimators.

skl2onnx converts some meta-estimators to graphs whose results differ from scikit-learn, and does
not convert others. The converters here replace those of skl2onnx, or run checks before them, if the
model contains one of the package's estimators. Other models still use skl2onnx's converters.
"""

from copy import copy

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import guess_proto_type, guess_tensor_type
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline

from skfocal._onnx_graph import (
    Graph,
    check_decision,
    contains_focal,
    copy_with_raw_scores,
    wants_raw_scores,
)
from skfocal._private import tuned_pos_label
from skfocal._private_onnx import (
    get_converter,
    register_converter,
    sklearn_parsers_map,
    update_registered_parser,
)


def register_compositions():
    """Register the converters of this file in place of those of skl2onnx."""
    for alias, convert in REPLACED.items():
        _register(alias, convert)
    for alias, prepare in PREPARED.items():
        _register(alias, _prepared(prepare, SKL2ONNX[alias]))
    update_registered_parser(Pipeline, _parse_pipeline)
    update_registered_converter(
        FixedThresholdClassifier,
        "SkfocalFixedThresholdClassifier",
        calculate_linear_classifier_output_shapes,
        _convert_threshold,
        options=SKL2ONNX["SklearnTunedThresholdClassifierCV"].get_allowed_options(),
    )


def _register(alias, focal_converter):
    """Register a converter for models that contain one of the package's estimators."""
    other_converter = SKL2ONNX[alias]

    def convert(scope, operator, container):
        is_focal = contains_focal(operator.raw_operator)
        (focal_converter if is_focal else other_converter)(scope, operator, container)

    options = other_converter.get_allowed_options()
    register_converter(alias, convert, overwrite=True, options=options)


def _prepared(prepare, convert):
    """Return a converter that calls ``prepare`` first, to check or change the operator."""

    def prepare_and_convert(scope, operator, container):
        prepare(scope, operator, container)
        convert(scope, operator, container)

    return prepare_and_convert


def _convert_calibrated(scope, operator, container):
    """Average the calibrated classifiers.

    The converter of skl2onnx does not interpolate between the thresholds of isotonic calibration.
    """
    calibrated_classifiers = operator.raw_operator.calibrated_classifiers_
    add = Graph(scope, container)
    proba = [_calibrated_proba(one, operator.inputs, add) for one in calibrated_classifiers]
    mean = add("Div", add("Sum", *proba), float(len(proba)))
    add.outputs(operator, add("ArgMax", mean, axis=1, keepdims=0), mean)


def _calibrated_proba(calibrated, inputs, add):
    """Return the probabilities of one classifier and its calibrators."""
    estimator, n_classes = calibrated.estimator, len(calibrated.classes)
    if len(estimator.classes_) != n_classes:
        raise NotImplementedError(
            "Each classifier inside CalibratedClassifierCV must be fitted to all "
            f"{n_classes} classes, got one fitted to {len(estimator.classes_)}. Use folds that "
            "contain every class."
        )
    has_decision = hasattr(estimator, "decision_function")
    _, scores = add.estimator(estimator, inputs, raw_scores=has_decision)
    if calibrated.method == "temperature":
        if not has_decision:
            raise NotImplementedError(
                "Temperature scaling can only be converted for classifiers with a "
                f"decision_function, got {type(estimator).__name__}."
            )
        return add("Softmax", add("Mul", scores, float(calibrated.calibrators[0].beta_)), axis=1)
    calibrate = {"sigmoid": _sigmoid, "isotonic": _isotonic}[calibrated.method]
    if n_classes == 2:
        positive = calibrate(calibrated.calibrators[0], add.column(scores, 1), add)
        return add("Concat", add("Sub", 1.0, positive), positive, axis=1)
    columns = [
        calibrate(calibrator, add.column(scores, k), add)
        for k, calibrator in enumerate(calibrated.calibrators)
    ]
    proba = add("Concat", *columns, axis=1)
    total = add("ReduceSum", proba, np.array([1]), keepdims=1)
    return add("Where", add("Equal", total, 0.0), 1 / n_classes, add("Div", proba, total))


def _sigmoid(calibrator, score, add):
    exponent = add("Add", add("Mul", score, float(calibrator.a_)), float(calibrator.b_))
    return add("Div", 1.0, add("Add", add("Exp", exponent), 1.0))


def _isotonic(calibrator, score, add):
    """Interpolate linearly, as a sum of linear functions that are clipped to [0, 1]."""
    x = calibrator.X_thresholds_.astype(np.float64)
    y = calibrator.y_thresholds_.astype(np.float64)
    # Append a ramp of height 0: a constant calibrator has no other.
    width, height = np.diff(x, append=x[-1] + 1), np.diff(y, append=y[-1])
    ramps = add("Div", add("Sub", score, x), width)
    ramps = add("Min", add("Max", ramps, 0.0), 1.0)
    return add("Add", add("MatMul", ramps, height[:, np.newaxis]), y[0])


def _convert_stacking(scope, operator, container):
    """Apply the final estimator to the responses of the others.

    The converter of skl2onnx stacks both columns of a binary decision function, and uses
    probabilities for ``stack_method="predict"``.
    """
    model = operator.raw_operator
    add = Graph(scope, container)
    features = [
        _stacked_features(estimator, method, operator.inputs, add)
        for estimator, method in zip(model.estimators_, model.stack_method_, strict=True)
    ]
    if model.passthrough:
        features.append(add("Cast", operator.inputs[0].full_name, to=TensorProto.DOUBLE))
    n_features = model.final_estimator_.n_features_in_
    kind = type(guess_tensor_type(operator.inputs[0].type))([None, n_features])
    stacked = scope.declare_local_variable("stacked", kind)
    merged = add("Concat", *features, axis=1)
    add("Cast", merged, to=guess_proto_type(kind), output=stacked.full_name)
    raw_scores = wants_raw_scores(model, scope, container)
    best, scores = add.estimator(model.final_estimator_, [stacked], raw_scores)
    add.outputs(operator, best, scores)


def _stacked_features(estimator, method, inputs, add):
    """Return the columns that one estimator contributes to the final estimator's X."""
    label, scores = add.estimator(estimator, inputs, raw_scores=method == "decision_function")
    if method == "predict":
        return add("Reshape", add("Cast", label, to=TensorProto.DOUBLE), np.array([-1, 1]))
    return add.column(scores, -1) if len(estimator.classes_) == 2 else scores


def _convert_threshold(scope, operator, container):
    """Compare scores with the threshold, which the converter of skl2onnx ignores."""
    model = operator.raw_operator
    add = Graph(scope, container)
    _, proba = add.estimator(model.estimator_, operator.inputs)
    scores, default = proba, 0.5
    if model.response_method == "decision_function":
        _, scores = add.estimator(model.estimator_, operator.inputs, raw_scores=True)
        default = 0.0
    threshold, pos_label = _threshold(model, default)
    positive = 1 if pos_label is None else model.classes_.tolist().index(pos_label)
    is_positive = add("GreaterOrEqual", add.column(scores, positive), threshold)
    best = add("Where", is_positive, np.array(positive), np.array(1 - positive))
    add.outputs(operator, add("Reshape", best, np.array([-1])), proba)


def _threshold(model, default):
    """Return the threshold and the positive label; None means the second class."""
    if hasattr(model, "best_threshold_"):
        return float(model.best_threshold_), tuned_pos_label(model)
    return default if model.threshold == "auto" else float(model.threshold), model.pos_label


def _prepare_pipeline(scope, operator, container):
    """Copy the option ``raw_scores`` of a pipeline to its last step."""
    pipeline = operator.raw_operator
    raw_scores = wants_raw_scores(pipeline, scope, container)
    *steps, (name, last) = pipeline.steps
    operator.raw_operator = copy(pipeline)
    last = copy_with_raw_scores(last, raw_scores, scope, container)
    operator.raw_operator.steps = [*steps, (name, last)]


def _parse_pipeline(scope, model, inputs, custom_parsers=None):
    """Copy the options of a pipeline to its last step if they include ``raw_scores``."""
    last = model.steps[-1][1]
    if contains_focal(last) and scope.get_options(model).get("raw_scores"):
        last_options = (scope.options or {}).get(id(last), {})
        scope.add_options(id(last), scope.get_options(model) | last_options)
    return SKL2ONNX_PARSE_PIPELINE(scope, model, inputs, custom_parsers=custom_parsers)


def _prepare_one_vs_one(scope, operator, container):
    classes = operator.raw_operator.classes_
    if not np.array_equal(classes, np.arange(len(classes))):
        raise NotImplementedError(
            f"OneVsOneClassifier must be fitted to the labels 0 to {len(classes) - 1}, got "
            f"{classes.tolist()}. For this classifier, skl2onnx returns class indices as labels."
        )
    for estimator in operator.raw_operator.estimators_:
        check_decision(estimator, container)


def _prepare_voting(scope, operator, container):
    model = operator.raw_operator
    if model.weights is not None and len(model.estimators_) < len(model.estimators):
        raise NotImplementedError(
            "skl2onnx applies the weights of a VotingClassifier to the wrong estimators if some "
            "estimators are dropped. Remove these from estimators and weights, and fit again."
        )
    _prepare_labels(scope, operator, container)
    if model.weights is not None:  # skl2onnx does not support lists
        operator.raw_operator = copy(model)
        operator.raw_operator.weights = np.asarray(model.weights)


def _prepare_labels(scope, operator, container):
    """Raise NotImplementedError for integers that skl2onnx rounds to single precision."""
    classes = operator.raw_operator.classes_
    if classes.dtype.kind in "iu" and np.abs(classes).max() >= 2**24:
        raise NotImplementedError(
            f"{type(operator.raw_operator).__name__} must be fitted to labels below 2**24, got "
            f"{classes.tolist()}. skl2onnx rounds larger labels."
        )


REPLACED = {
    "SklearnCalibratedClassifierCV": _convert_calibrated,
    "SklearnStackingClassifier": _convert_stacking,
    "SklearnTunedThresholdClassifierCV": _convert_threshold,
}
PREPARED = {
    "SklearnPipeline": _prepare_pipeline,
    "SklearnOneVsOneClassifier": _prepare_one_vs_one,
    "SklearnVotingClassifier": _prepare_voting,
    "SklearnOneVsRestClassifier": _prepare_labels,
    "SklearnBaggingClassifier": _prepare_labels,
    "SklearnAdaBoostClassifier": _prepare_labels,
}
SKL2ONNX = {alias: get_converter(alias) for alias in REPLACED | PREPARED}
SKL2ONNX_PARSE_PIPELINE = sklearn_parsers_map[Pipeline]
