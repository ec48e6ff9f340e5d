"""Convert a booster that was trained with a custom objective to a standard LightGBM model.

The booster names no objective, and its raw score lacks the constant start, so other programs
reject or misread it. This module edits the model text: it adds an objective, and it adds the start
to the leaf values of the first tree of each class.
"""

import re
from copy import deepcopy
from pathlib import Path

import lightgbm
import numpy as np

from skfocal.estimators._boosting import check_leaves

VERSION = "v4"  # format of the model text in LightGBM 4.x

# Lines of a tree that contain scores, to which the start is added.
SCORES = re.compile(r"^(leaf_value|internal_value|leaf_const)=(.+)$", re.MULTILINE)
SHRINKAGE = re.compile(r"^shrinkage=.*$", re.MULTILINE)
TREE_SIZES = re.compile(r"^tree_sizes=(.*)$", re.MULTILINE)
NATIVE = re.compile(r"^objective=(binary sigmoid:1|multiclass num_class:\d+)$", re.MULTILINE)
CATEGORIES = re.compile(r"^pandas_categorical:.*\n?\Z", re.MULTILINE)

# Lines of a tree that refer to nodes, features and sets of categories.
REFERENCES = re.compile(
    r"^(num_leaves|num_cat|left_child|right_child|split_feature|leaf_features|threshold"
    r"|decision_type)=(.*)$",
    re.MULTILINE,
)


def to_native(booster, start, n_classes):
    """Return a booster with a standard objective and the start inside its trees.

    Parameters
    ----------
    booster : lightgbm.Booster
        Trees trained by a custom objective.
    start : float or ndarray of shape (n_classes,)
        Constant to add to their raw score.
    n_classes : int

    Returns
    -------
    native : lightgbm.Booster
        Its raw score is that of ``booster`` plus ``start``. Its prediction is the sigmoid or
        softmax of the raw score.

    Raises
    ------
    ValueError
        If LightGBM writes an unsupported version of the model text.
    RuntimeError
        If the predictions of the result are wrong.
    """
    header, trees, footer = _split(booster.model_to_string(num_iteration=-1), "booster_")
    objective = "binary sigmoid:1" if n_classes == 2 else f"multiclass num_class:{n_classes}"
    header = header.replace("\nfeature_names=", f"\nobjective={objective}\nfeature_names=", 1)
    name = objective.split()[0]
    footer = footer.replace("[objective: custom]", f"[objective: {name}]", 1)
    for i, value in enumerate(np.atleast_1d(start)):
        trees[i] = _add_to_scores(trees[i], value)
    sizes = " ".join(str(len(tree)) for tree in trees)
    header = TREE_SIZES.sub(f"tree_sizes={sizes}", header)

    native = lightgbm.Booster(model_str=header + "".join(trees) + footer)
    native.params["objective"] = name  # SHAP reads it, and LightGBM 4.6 does not set it
    native.best_iteration = booster.best_iteration
    native.best_score = deepcopy(booster.best_score)
    _check(native, booster, start)
    return native


def read_native(model):
    """Read a LightGBM model with a standard objective and check that it is valid.

    Parameters
    ----------
    model : lightgbm.Booster, str or Path

    Returns
    -------
    booster : lightgbm.Booster

    Raises
    ------
    FileNotFoundError
        If ``model`` is the path of a file that does not exist.
    TypeError
        If ``model`` is neither a booster nor a path.
    ValueError
        If the model text is corrupt or has an unsupported version or objective.
    """
    if isinstance(model, lightgbm.Booster):
        text = model.model_to_string(num_iteration=-1)
    elif isinstance(model, str | Path):
        text = Path(model).read_text("utf-8", errors="replace")
    else:
        raise TypeError(
            "init_model must be a fitted FocalLGBMClassifier, a lightgbm.Booster or the path of a "
            f"saved booster, got {type(model).__name__}."
        )
    header, trees, footer = _split(text, "init_model")
    if not NATIVE.search(header):
        raise ValueError(
            "A LightGBM init_model must have the objective 'binary sigmoid:1' or 'multiclass', "
            "because the constant initial score of other models is unknown. Create it with "
            "to_lightgbm."
        )
    categories = CATEGORIES.search(footer)
    if categories is None:
        raise ValueError("init_model is incomplete: its last line is not pandas_categorical.")
    for tree in trees:
        _check_references(tree, header)
    # With tree sizes, LightGBM parses trees in threads, where an error ends the process. Without
    # them, it parses one tree after the other and raises an error. Parameters are not needed.
    header = TREE_SIZES.sub("", header)
    try:
        booster = lightgbm.Booster(
            model_str=f"{header}{''.join(trees)}end of trees\n\n{categories[0]}"
        )
        check_leaves(booster)
    except (ValueError, lightgbm.basic.LightGBMError) as error:
        raise ValueError(f"init_model is corrupt: {error}") from error
    return booster


def _split(text, name):
    """Return header, trees and rest of a model text, after comparing the trees with their sizes."""
    header, found, body = text.partition("\n\nTree=0\n")
    version = re.match(r"tree\nversion=(\S+)\n", header)
    if version is None or not found:
        raise ValueError(f"{name} is not a LightGBM model with trees.")
    if version[1] != VERSION:
        raise ValueError(
            f"{name} uses version {version[1]} of LightGBM's text format for models, but skfocal "
            f"supports only {VERSION}."
        )
    body, end, rest = f"Tree=0\n{body}".partition("end of trees\n")
    trees = re.split(r"^(?=Tree=)", body, flags=re.MULTILINE)[1:]
    sizes = TREE_SIZES.search(header)
    if not end or sizes is None or sizes[1].split() != [str(len(tree)) for tree in trees]:
        raise ValueError(f"{name} is incomplete: its trees do not have the listed sizes.")
    return header + "\n\n", trees, end + rest


def _check_references(tree, header):
    """Raise ``ValueError`` unless all nodes, features and category sets of a tree exist.

    LightGBM does not check them, and would loop forever or read out of bounds.
    """
    try:
        fields = {name: values.split() for name, values in REFERENCES.findall(tree)}
        n_splits = int(fields["num_leaves"][0]) - 1
        children = np.array(fields["left_child"] + fields["right_child"], dtype=np.int64)
        parents = np.tile(np.arange(n_splits), 2)
        features = np.array(fields["split_feature"] + fields.get("leaf_features", []), np.int64)
        n_features = int(re.search(r"^max_feature_idx=(\d+)$", header, re.MULTILINE)[1]) + 1
        is_categorical = np.array(fields["decision_type"], np.int64) % 2 == 1
        categorical = np.array(fields["threshold"], np.float64)[is_categorical]
        nodes = np.append(children, 0 if n_splits else -1)  # children and the root
        is_valid = (
            np.array_equal(np.sort(nodes), np.arange(-n_splits - 1, n_splits))
            and np.all((children < 0) | (children > parents))
            and np.all((features >= 0) & (features < n_features))
            and np.all((categorical >= 0) & (categorical < int(fields["num_cat"][0])))
        )
    except (KeyError, IndexError, TypeError, ValueError):
        is_valid = False
    if not is_valid:
        raise ValueError(f"init_model is corrupt: {tree.splitlines()[0]} is not a valid tree.")


def _add_to_scores(tree, value):
    """Return the text of a tree with ``value`` added to its scores."""
    if value == 0:
        return tree

    def line(match):
        scores = (format(float(score) + value, ".17g") for score in match[2].split())
        return f"{match[1]}={' '.join(scores)}"

    # LightGBM also sets shrinkage to 1 when it adds a start: the values are no longer shrunk.
    return SHRINKAGE.sub("shrinkage=1", SCORES.sub(line, tree))


def _check(native, booster, start):
    """Compare the predictions of both boosters on random rows with missing values."""
    X = np.random.default_rng(0).standard_cauchy((16, booster.num_feature()))
    X[::2, ::2] = np.nan
    expected = booster.predict(X, raw_score=True) + start
    # The terms are summed in another order, so the results differ by rounding.
    if not np.allclose(native.predict(X, raw_score=True), expected, rtol=1e-9, atol=1e-9):
        raise RuntimeError(
            "The converted LightGBM model and the estimator have different predictions. Please "
            f"report this and the version of LightGBM, {lightgbm.__version__}."
        )
