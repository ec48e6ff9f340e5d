"""Converters for ``skl2onnx`` that export the estimators to ONNX (extra ``onnx``).

The graphs compute in double precision and return results in the precision of the input.
"""

import numpy as np
from onnx import TensorProto, numpy_helper
from skl2onnx import update_registered_converter
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

from skfocal._onnx_compositions import register_compositions
from skfocal._onnx_graph import Graph, wants_raw_scores
from skfocal._private_onnx import _parse_sklearn_classifier
from skfocal.estimators import FocalLGBMClassifier, FocalLogisticRegression

OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [True, False],
    "raw_scores": [True, False],
}


def register_converters():
    """Register ``skl2onnx`` converters for FocalLGBMClassifier and FocalLogisticRegression.

    The converters also work inside pipelines and other meta-estimators. The outputs of the graph
    are the label and the probabilities, as for other classifiers that ``skl2onnx`` converts. The
    probabilities follow the estimator's parameters ``probability`` and ``class_prior``. With the
    option ``raw_scores``, the second output is the result of ``decision_function``. For binary
    models, it has two columns, and the first one is the negative of the second.

    For models that contain one of these estimators, the function also replaces the converters of
    ``CalibratedClassifierCV``, ``StackingClassifier`` and ``TunedThresholdClassifierCV``. Other
    models still use those of ``skl2onnx``. The function also adds a converter for
    ``FixedThresholdClassifier``.

    After registration, a conversion raises ``NotImplementedError`` if ONNX or ``skl2onnx`` cannot
    represent the model, for example trees that were fitted on pandas categories.

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
            parser=_parse,
            options=OPTIONS,
        )
    register_compositions()


def _parse(scope, model, inputs, custom_parsers=None):
    """Raise NotImplementedError for options with which skl2onnx writes an invalid graph."""
    options = scope.get_options(model)
    nocl, class_labels = options.get("nocl"), options.get("output_class_labels")
    if nocl and options.get("zipmap") == "columns":
        raise NotImplementedError("The options nocl=True and zipmap='columns' cannot be combined.")
    dtype = model.classes_.dtype
    is_supported = dtype.kind == "b" if nocl else dtype.kind in "UO"
    if class_labels and not (is_supported or dtype in (np.int32, np.int64)):
        raise NotImplementedError(
            f"The option output_class_labels does not support labels of type {dtype} with "
            f"nocl={bool(nocl)}. Fit the model to labels of type int64."
        )
    return _parse_sklearn_classifier(scope, model, inputs, custom_parsers=custom_parsers)


def _convert(scope, operator, container):
    """Add the operators of a fitted estimator to the graph."""
    model = operator.raw_operator
    add = Graph(scope, container)
    X = add("Cast", operator.inputs[0].full_name, to=TensorProto.DOUBLE)
    raw_scores = _tree_scores if isinstance(model, FocalLGBMClassifier) else _linear_scores
    score = raw_scores(model, X, add)
    if len(model.classes_) == 2:
        score = add("Mul", score, np.array([[0.0, 1.0]]))  # the score of class 0 is 0
    log_score = _log_score(model, score, add)
    if wants_raw_scores(model, scope, container):
        result = _decision(log_score, len(model.classes_), add)
    else:
        result = add("Softmax", log_score, axis=1)
    add.outputs(operator, add("ArgMax", log_score, axis=1, keepdims=0), result)


def _decision(log_score, n_classes, add):
    """Compute ``decision_function``; if binary, with one column per class for skl2onnx."""
    if n_classes > 2:
        return add("LogSoftmax", log_score, axis=1)
    return add("MatMul", log_score, np.array([[1.0, -1.0], [-1.0, 1.0]]))


def _linear_scores(model, X, add):
    return add("Add", add("MatMul", X, model._dense_coef().T), model.intercept_)


def _tree_scores(model, X, add):
    """Add the constant initial score to the sum of the trees."""
    attributes = _tree_attributes(model.booster_)
    trees = add("TreeEnsembleRegressor", X, op_domain="ai.onnx.ml", op_version=3, **attributes)
    n_scores = attributes["n_targets"] // 2
    parts = np.vstack([np.eye(n_scores), np.eye(n_scores)])
    total = add("MatMul", add("Cast", trees, to=TensorProto.DOUBLE), parts)
    return add("Add", total, np.broadcast_to(model.start_, n_scores))


def _log_score(model, score, add):
    """Compute the log-probabilities up to a constant per row, as ``_margin.log_posterior``."""
    loss, probability = model._prediction_loss()
    if probability == "score":
        return score
    gamma = np.broadcast_to(loss.gamma, loss.n_classes)
    margin = _margins(score, loss.n_classes, add)
    above, below = add("Max", margin, 0.0), add("Min", margin, 0.0)
    small = add("Exp", add("Sub", below, above))
    # T = p*L/q is log1p(small) / small for margins >= 0. Dividing by the rounded sum minus 1
    # cancels the rounding of 1 + small (Kahan).
    total = add("Add", small, 1.0)
    rounded = add("Sub", total, 1.0)
    is_one = add("Equal", rounded, 0.0)
    ratio_above = add("Where", is_one, 1.0, add("Div", add("Log", total), rounded))
    log_sum = add("Mul", small, ratio_above)
    ratio_below = add("Mul", small, add("Sub", log_sum, below))
    ratio = add("Where", add("Less", margin, 0.0), ratio_below, ratio_above)
    piecewise_linear = add("Add", add("Mul", above, gamma), below)
    logs = add(
        "Sub",
        add("Mul", log_sum, gamma - 1),
        add("Log", add("Add", add("Mul", ratio, gamma), 1.0)),
    )
    log_score = add("Add", piecewise_linear, logs)
    if probability == "unweighted" and loss.alpha is not None:
        log_score = add("Sub", log_score, np.log(loss.alpha))
    return log_score


def _margins(score, n_classes, add):
    """Compute the margin of each class, ``z_k - logsumexp(z_j for j != k)``, in both tails."""
    values, index = add("TopK", score, np.array([2]), axis=1, n_outputs=2)
    top, second = add.column(values, 0), add.column(values, 1)
    is_top = add("Equal", add.column(index, 0), np.arange(n_classes)[np.newaxis])
    rest = add("Where", is_top, -np.inf, score)

    def total(values):
        return add("ReduceSum", values, np.array([1]), keepdims=1)

    above_rest = add("Add", second, add("Log", total(add("Exp", add("Sub", rest, second)))))
    low = add("Exp", add("Sub", rest, top))
    above_others = add("Add", top, add("Log", add("Add", add("Sub", total(low), low), 1.0)))
    return add("Sub", score, add("Where", is_top, above_rest, above_others))


def _tree_attributes(booster):
    """Return a booster's trees as attributes of a TreeEnsembleRegressor, two targets per score."""
    if booster.pandas_categorical:
        raise NotImplementedError(
            "ONNX does not support pandas categories. Fit the model on integer codes and pass "
            "those columns as categorical_feature."
        )
    model = booster.dump_model()
    n_targets = model["num_tree_per_iteration"]
    trees = [_tree_nodes(tree["tree_structure"]) for tree in model["tree_info"]]
    nodes = [(i, j, *node) for i, tree in enumerate(trees) for j, node in enumerate(tree)]
    tree, index, mode, feature, value, true, false, missing = map(list, zip(*nodes, strict=True))
    value = np.array(value, dtype=np.float64)
    leaves = [k for k, node_mode in enumerate(mode) if node_mode == "LEAF"]
    target = np.array([tree[k] % n_targets for k in leaves])
    return {
        "nodes_treeids": tree,
        "nodes_nodeids": index,
        "nodes_modes": mode,
        "nodes_featureids": feature,
        "nodes_values_as_tensor": numpy_helper.from_array(value),
        "nodes_truenodeids": true,
        "nodes_falsenodeids": false,
        "nodes_missing_value_tracks_true": missing,
        "target_treeids": 2 * [tree[k] for k in leaves],
        "target_nodeids": 2 * [index[k] for k in leaves],
        "target_ids": [*target.tolist(), *(target + n_targets).tolist()],
        "target_weights_as_tensor": numpy_helper.from_array(_two_parts(value[leaves], len(trees))),
        "n_targets": 2 * n_targets,
    }


def _two_parts(leaves, n_trees):
    """Split leaf values into a coarse and a fine part.

    ONNX returns sums in single precision, so the two parts are summed separately. The coarse parts
    are multiples of a power of two, chosen to make their sums fit in 24 bits.
    """
    bound = n_trees * np.abs(leaves).max(initial=np.finfo(np.float32).tiny)
    step = 2.0 ** (np.ceil(np.log2(bound)) - 24)
    coarse = np.round(leaves / step) * step
    return np.concatenate([coarse, leaves - coarse])


def _tree_nodes(root):
    """Return a tree's nodes as (mode, feature, value, true node, false node, NaN is true)."""
    nodes, todo = [None], [(0, root)]
    while todo:
        here, node = todo.pop()
        if "leaf_value" in node:
            if "leaf_const" in node:
                raise NotImplementedError("ONNX does not support linear leaves (linear_tree).")
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
    """Whether NaN goes left; LightGBM treats it as 0 if there was none in the training data."""
    if node["missing_type"] == "Zero":
        raise NotImplementedError(
            "ONNX does not support zeros as missing values (zero_as_missing)."
        )
    return node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0
