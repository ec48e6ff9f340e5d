"""Helpers for the ONNX converters."""

from copy import copy

import numpy as np
from onnx import TensorProto, helper
from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType, guess_tensor_type
from skl2onnx.common.utils_classifier import get_label_classes
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

from skfocal._private import BaseSearchCV, BaseThresholdClassifier
from skfocal._private_onnx import get_model_alias
from skfocal.estimators._base import FocalClassifier


class Graph:
    """Add operators to an ONNX graph.

    Inputs are constants or names of values, and results are names of values.
    """

    def __init__(self, scope, container):
        self.scope, self.container = scope, container

    def __call__(self, op_type, *inputs, output=None, n_outputs=1, **attributes):
        names = [self.scope.get_unique_variable_name(op_type) for _ in range(n_outputs)]
        outputs = names if output is None else [output]
        inputs = [x if isinstance(x, str) else self._constant(x) for x in inputs]
        self.container.add_node(op_type, inputs, outputs, **attributes)
        return outputs[0] if n_outputs == 1 else outputs

    def column(self, values, index):
        """Select one column of a matrix, as a matrix."""
        return self("Gather", values, np.array([index]), axis=1)

    def estimator(self, estimator, inputs, raw_scores=False):
        """Add a fitted estimator; return its labels and its scores in double precision.

        The scores are probabilities, or ``decision_function`` if ``raw_scores`` is true.
        """
        estimator = copy_with_raw_scores(estimator, raw_scores, self.scope, self.container)
        operator = self.scope.declare_local_operator(get_model_alias(type(estimator)), estimator)
        operator.inputs = inputs
        is_focal = isinstance(estimator, FocalClassifier)
        kind = DoubleTensorType() if is_focal else guess_tensor_type(inputs[0].type)
        label = self.scope.declare_local_variable("label", Int64TensorType())
        scores = self.scope.declare_local_variable("scores", kind)
        for variable in (label, scores):
            operator.outputs.append(variable)
        return label.full_name, self("Cast", scores.full_name, to=TensorProto.DOUBLE)

    def outputs(self, operator, best, scores):
        """Set the operator's outputs: labels of the classes with indices ``best``, and scores."""
        label, result = operator.outputs
        is_double = isinstance(result.type, DoubleTensorType)
        # The type of a meta-estimator's scores is that of the input, which may be an integer.
        to = TensorProto.DOUBLE if is_double else TensorProto.FLOAT
        self("Cast", scores, to=to, output=result.full_name)
        classes = label_values(get_label_classes(self.scope, operator.raw_operator))
        self("Gather", classes, best, axis=0, output=label.full_name)

    def _constant(self, values):
        values = np.asarray(values)
        if values.dtype.kind == "f":
            values = values.astype(np.float64)
        name = self.scope.get_unique_variable_name("constant")
        dtype = helper.np_dtype_to_tensor_dtype(values.dtype)
        self.container.add_initializer(name, dtype, values.shape, values.ravel().tolist())
        return name


def wants_raw_scores(model, scope, container):
    """Whether the option ``raw_scores`` is set for a model, in the scope or in the container."""
    places = (scope, container)
    return any(place.get_options(model).get("raw_scores", False) for place in places)


def copy_with_raw_scores(estimator, raw_scores, scope, container):
    """Copy an estimator and set the option ``raw_scores`` for the copy.

    Options belong to an object, so a model that is used twice needs a copy for each use.
    """
    estimator = _unwrap(estimator, raw_scores)
    if raw_scores:
        check_decision(estimator, container)
    options = container.get_options(estimator)
    if container.has_options(estimator, "raw_scores"):
        options["raw_scores"] = raw_scores
    duplicate = copy(estimator)
    for place in (scope, container):
        place.add_options(id(duplicate), options)
    return duplicate


def _unwrap(estimator, raw_scores):
    """Return the inner estimator of a wrapper that returns the same scores."""
    while True:
        if isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        elif isinstance(estimator, BaseSearchCV):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, BaseThresholdClassifier) and raw_scores:
            estimator = estimator.estimator_
        else:
            return estimator


def check_decision(estimator, container):
    """Raise an error if skl2onnx would return probabilities as ``decision_function``."""
    if not container.has_options(estimator, "raw_scores"):
        raise NotImplementedError(
            f"skl2onnx does not convert the decision_function of {type(estimator).__name__}, "
            "which the meta-estimator requires."
        )
    for inner in getattr(estimator, "estimators_", []):
        if contains_focal(inner):
            check_decision(inner, container)


def contains_focal(model):
    """Whether a model is one of the package's estimators or contains one."""
    if isinstance(model, FocalClassifier):
        return True
    parts = model.get_params().values() if isinstance(model, BaseEstimator) else ()
    return any(contains_focal(part) for part in parts if isinstance(part, BaseEstimator))


def label_values(classes):
    """Return the classes as an array of strings or int64, the label types of ONNX."""
    if all(isinstance(label, str) for label in classes):
        return np.array(classes, dtype=object)
    labels = np.asarray(classes).astype(np.int64)
    if not np.array_equal(labels, classes):
        raise NotImplementedError(
            f"ONNX labels must be strings or integers, got {classes.tolist()}."
        )
    return labels
