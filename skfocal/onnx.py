"""Converters of the estimators to ONNX for ``skl2onnx`` (extra ``onnx``).

The graphs compute in double precision and answer in the input's.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import guess_proto_type
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from skl2onnx.common.utils_classifier import get_label_classes

from skfocal.estimators import FocalLGBMClassifier, FocalLogisticRegression

OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [True, False],
}


def register_converters():
    """Teach ``skl2onnx`` both estimators, alone and as steps of a pipeline.

    The graph's outputs are those of any classifier of ``skl2onnx``: the label and the
    probabilities in the sense of the estimator's parameter ``probability``.

    Examples
    --------
    >>> from skl2onnx import to_onnx
    >>> from sklearn.datasets import make_classification
    >>> import skfocal.onnx
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> model = skfocal.FocalLogisticRegression().fit(X, y)
    >>> skfocal.onnx.register_converters()
    >>> graph = to_onnx(model, X[:1].astype("float32"), options={"zipmap": False})
    >>> [output.name for output in graph.graph.output]
    ['label', 'probabilities']
    """
    for estimator in (FocalLGBMClassifier, FocalLogisticRegression):
        update_registered_converter(
            estimator,
            f"Skfocal{estimator.__name__}",
            calculate_linear_classifier_output_shapes,
            _convert,
            options=OPTIONS,
        )


def _convert(scope, operator, container):
    """Add the operators of a fitted estimator: raw scores, probabilities, labels."""
    model = operator.raw_operator
    label, probabilities = operator.outputs
    add = _Graph(scope, container)
    X = add("Cast", operator.inputs[0].full_name, to=TensorProto.DOUBLE)
    raw_scores = _tree_scores if isinstance(model, FocalLGBMClassifier) else _linear_scores
    score = raw_scores(model, X, add)
    if len(model.classes_) == 2:
        score = add("Mul", score, np.array([[0.0, 1.0]]))  # class 0 scores 0
    log_score = _log_score(model, score, add)

    proba = add("Softmax", log_score, axis=1)
    to = guess_proto_type(probabilities.type)
    add("Cast", proba, to=to, output=probabilities.full_name)
    best = add("ArgMax", log_score, axis=1, keepdims=0)
    classes = _label_values(get_label_classes(scope, model))
    add("Gather", classes, best, axis=0, output=label.full_name)


def _linear_scores(model, X, add):
    return add("Add", add("MatMul", X, model.coef_.T), model.intercept_)


def _tree_scores(model, X, add):
    """Sum of the trees, and the start they lack."""
    attributes = _tree_attributes(model.booster_)
    trees = add("TreeEnsembleRegressor", X, op_domain="ai.onnx.ml", op_version=3, **attributes)
    start = np.broadcast_to(model.start_, attributes["n_targets"])
    return add("Add", add("Cast", trees, to=TensorProto.DOUBLE), start)


def _log_score(model, score, add):
    """Logarithm of the probabilities up to a shift per row, as ``_margin.log_posterior`` has it."""
    loss = model.loss_
    if model.probability == "score":
        return score
    gamma = np.broadcast_to(loss.gamma, loss.n_classes)
    margin = _margins(score, loss.n_classes, add)
    above, below = add("Max", margin, 0.0), add("Min", margin, 0.0)
    small = add("Exp", add("Sub", below, above))
    log_sum = add("Log", add("Add", small, 1.0))
    # miss_ratio is log(1 + small) / small above 0; below 1e-8 that is 1 to as many digits.
    ratio_above = add("Where", add("Less", small, 1e-8), 1.0, add("Div", log_sum, small))
    ratio_below = add("Mul", small, add("Sub", log_sum, below))
    ratio = add("Where", add("Less", margin, 0.0), ratio_below, ratio_above)
    hinges = add("Add", add("Mul", above, gamma), below)
    logs = add(
        "Sub",
        add("Mul", log_sum, gamma - 1),
        add("Log", add("Add", add("Mul", ratio, gamma), 1.0)),
    )
    log_score = add("Add", hinges, logs)
    if model.probability == "unweighted" and loss.alpha is not None:
        log_score = add("Sub", log_score, np.log(loss.alpha))
    return log_score


def _margins(score, n_classes, add):
    """Score of each class over the logsumexp of the others, as accurate as the package's own."""
    values, index = add("TopK", score, np.array([2]), axis=1, n_outputs=2)
    top, second = (add("Gather", values, np.array([k]), axis=1) for k in (0, 1))
    first = add("Gather", index, np.array([0]), axis=1)
    is_top = add("Equal", first, np.arange(n_classes)[np.newaxis])
    rest = add("Where", is_top, -np.inf, score)

    def total(values):
        return add("ReduceSum", values, np.array([1]), keepdims=1)

    above_rest = add("Add", second, add("Log", total(add("Exp", add("Sub", rest, second)))))
    low = add("Exp", add("Sub", rest, top))
    above_others = add("Add", top, add("Log", add("Add", add("Sub", total(low), low), 1.0)))
    return add("Sub", score, add("Where", is_top, above_rest, above_others))


def _label_values(classes):
    """Classes as ONNX has them: strings or integers."""
    if all(isinstance(label, str) for label in classes):
        return np.array(classes, dtype=object)
    labels = np.asarray(classes).astype(np.int64)
    if not np.array_equal(labels, classes):
        raise NotImplementedError(f"ONNX labels are strings or integers, got {classes.tolist()}.")
    return labels


def _tree_attributes(booster):
    """Attributes of a TreeEnsembleRegressor that sums a booster's trees, one target per class."""
    if booster.pandas_categorical:
        raise NotImplementedError(
            "ONNX has no pandas categories: fit on integer codes and name those columns in "
            "categorical_feature."
        )
    model = booster.dump_model()
    n_targets = model["num_tree_per_iteration"]
    trees = [_tree_nodes(tree["tree_structure"]) for tree in model["tree_info"]]
    nodes = [(i, j, *node) for i, tree in enumerate(trees) for j, node in enumerate(tree)]
    tree, index, mode, feature, value, true, false, missing = map(list, zip(*nodes, strict=True))
    value = np.array(value, dtype=np.float64)
    leaves = [k for k, node_mode in enumerate(mode) if node_mode == "LEAF"]
    return {
        "nodes_treeids": tree,
        "nodes_nodeids": index,
        "nodes_modes": mode,
        "nodes_featureids": feature,
        "nodes_values_as_tensor": numpy_helper.from_array(value),
        "nodes_truenodeids": true,
        "nodes_falsenodeids": false,
        "nodes_missing_value_tracks_true": missing,
        "target_treeids": [tree[k] for k in leaves],
        "target_nodeids": [index[k] for k in leaves],
        "target_ids": [tree[k] % n_targets for k in leaves],
        "target_weights_as_tensor": numpy_helper.from_array(value[leaves]),
        "n_targets": n_targets,
    }


def _tree_nodes(root):
    """Nodes of a tree: mode, feature, value, next node if true, if false, whether NaN is true."""
    nodes, todo = [None], [(0, root)]
    while todo:
        here, node = todo.pop()
        if "leaf_value" in node:
            if "leaf_const" in node:
                raise NotImplementedError("ONNX has no trees with linear leaves (linear_tree).")
            nodes[here] = ("LEAF", 0, node["leaf_value"], 0, 0, 0)
            continue
        left, right = len(nodes), len(nodes) + 1
        nodes += [None, None]
        todo += [(left, node["left_child"]), (right, node["right_child"])]
        feature = node["split_feature"]
        if node["decision_type"] == "<=":
            missing = int(_missing_goes_left(node))
            nodes[here] = ("BRANCH_LEQ", feature, node["threshold"], left, right, missing)
            continue
        *categories, last = map(float, node["threshold"].split("||"))
        for category in categories:
            nodes[here] = ("BRANCH_EQ", feature, category, left, len(nodes), 0)
            here = len(nodes)
            nodes.append(None)
        nodes[here] = ("BRANCH_EQ", feature, last, left, right, 0)
    return nodes


def _missing_goes_left(node):
    """Whether NaN goes left; LightGBM takes it for 0 where training met no missing value."""
    if node["missing_type"] == "Zero":
        raise NotImplementedError("ONNX has no zeros that are missing values (zero_as_missing).")
    return node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0


class _Graph:
    """Adds operators to a model: inputs are names of values or constants, the result is a name."""

    def __init__(self, scope, container):
        self.scope, self.container = scope, container

    def __call__(self, op_type, *inputs, output=None, n_outputs=1, **attributes):
        names = [self.scope.get_unique_variable_name(op_type) for _ in range(n_outputs)]
        outputs = names if output is None else [output]
        inputs = [x if isinstance(x, str) else self._constant(x) for x in inputs]
        self.container.add_node(op_type, inputs, outputs, **attributes)
        return outputs[0] if n_outputs == 1 else outputs

    def _constant(self, values):
        values = np.asarray(values)
        if values.dtype.kind == "f":
            values = values.astype(np.float64)
        name = self.scope.get_unique_variable_name("constant")
        dtype = helper.np_dtype_to_tensor_dtype(values.dtype)
        self.container.add_initializer(name, dtype, values.shape, values.ravel().tolist())
        return name
