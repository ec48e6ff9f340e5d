"""Turn trees grown under a custom objective into a LightGBM model in its own right.

A model trained by a custom objective names no objective, and its raw score lacks the constant
start: other programs refuse or misread it. LightGBM's model text says it all, so this file edits
that text: one line for the objective, and the start in the values of the first tree of each class.
"""

import re
from copy import deepcopy
from pathlib import Path

import lightgbm
import numpy as np

from skfocal.estimators._boosting import check_leaves

VERSION = "v4"  # of the model text, which LightGBM's releases 4.x share

# Lines of a tree whose numbers are scores, and so rise by the start.
SCORES = re.compile(r"^(leaf_value|internal_value|leaf_const)=(.+)$", re.MULTILINE)
SHRINKAGE = re.compile(r"^shrinkage=.*$", re.MULTILINE)
TREE_SIZES = re.compile(r"^tree_sizes=(.*)$", re.MULTILINE)
NATIVE = re.compile(r"^objective=(binary sigmoid:1|multiclass num_class:\d+)$", re.MULTILINE)
CATEGORIES = re.compile(r"^pandas_categorical:.*\n?\Z", re.MULTILINE)

# What a tree's structure refers to: other nodes, features, sets of categories.
REFERENCES = re.compile(
    r"^(num_leaves|num_cat|left_child|right_child|split_feature|leaf_features|threshold"
    r"|decision_type)=(.*)$",
    re.MULTILINE,
)


def to_native(booster, start, n_classes):
    """Booster with the objective of the score probability and the start inside its trees.

    Parameters
    ----------
    booster : lightgbm.Booster
        Trees trained by a custom objective.
    start : float or ndarray of shape (n_classes,)
        Constant that their raw score lacks.
    n_classes : int

    Returns
    -------
    native : lightgbm.Booster
        Its raw score is that of ``booster`` plus ``start``, its prediction the sigmoid or softmax.

    Raises
    ------
    ValueError
        If LightGBM writes its model in a version unknown here.
    RuntimeError
        If the result does not predict what it must.
    """
    header, trees, footer = _split(booster.model_to_string(num_iteration=-1), "booster_")
    objective = "binary sigmoid:1" if n_classes == 2 else f"multiclass num_class:{n_classes}"
    header = header.replace("\nfeature_names=", f"\nobjective={objective}\nfeature_names=", 1)
    name = objective.split()[0]
    footer = footer.replace("[objective: custom]", f"[objective: {name}]", 1)
    for i, value in enumerate(np.atleast_1d(start)):
        trees[i] = _raise_scores(trees[i], value)
    sizes = " ".join(str(len(tree)) for tree in trees)
    header = TREE_SIZES.sub(f"tree_sizes={sizes}", header)

    native = lightgbm.Booster(model_str=header + "".join(trees) + footer)
    native.params["objective"] = name  # SHAP reads it there, LightGBM 4.6 forgets it
    native.best_iteration = booster.best_iteration
    native.best_score = deepcopy(booster.best_score)
    _check(native, booster, start)
    return native


def read_native(model):
    """Booster that names its objective, given as such or as its file.

    Parameters
    ----------
    model : lightgbm.Booster, str or Path

    Returns
    -------
    booster : lightgbm.Booster

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If the text is damaged, of an unknown version or of another objective.
    """
    if isinstance(model, lightgbm.Booster):
        text = model.model_to_string(num_iteration=-1)
    elif isinstance(model, str | Path):
        text = Path(model).read_text("utf-8", errors="replace")
    else:
        raise TypeError(
            "init_model must be a fitted FocalLGBMClassifier, a lightgbm.Booster or the path of a "
            f"saved one, got {type(model).__name__}."
        )
    header, trees, footer = _split(text, "init_model")
    if not NATIVE.search(header):
        raise ValueError(
            "init_model must have the objective 'binary sigmoid:1' or 'multiclass' if it is a "
            "LightGBM model, as to_lightgbm gives it: the start of others is unknown."
        )
    categories = CATEGORIES.search(footer)
    if categories is None:
        raise ValueError("init_model is not complete: its last line is not pandas_categorical.")
    for tree in trees:
        _check_references(tree, header)
    # Without sizes LightGBM reads trees one by one and raises an error for a damaged one; with
    # them it reads them in threads, whose errors end the process. The parameters are not needed.
    header = TREE_SIZES.sub("", header)
    try:
        booster = lightgbm.Booster(
            model_str=f"{header}{''.join(trees)}end of trees\n\n{categories[0]}"
        )
        check_leaves(booster)
    except (ValueError, lightgbm.basic.LightGBMError) as error:
        raise ValueError(f"init_model is damaged: {error}") from error
    return booster


def _split(text, name):
    """Header, trees and rest of a model text, checked against its own table of the trees' sizes."""
    header, found, body = text.partition("\n\nTree=0\n")
    version = re.match(r"tree\nversion=(\S+)\n", header)
    if version is None or not found:
        raise ValueError(f"{name} is not the text of a LightGBM model with trees.")
    if version[1] != VERSION:
        raise ValueError(
            f"{name} is a LightGBM text of version {version[1]}; skfocal reads {VERSION} only."
        )
    body, end, rest = f"Tree=0\n{body}".partition("end of trees\n")
    trees = re.split(r"^(?=Tree=)", body, flags=re.MULTILINE)[1:]
    sizes = TREE_SIZES.search(header)
    if not end or sizes is None or sizes[1].split() != [str(len(tree)) for tree in trees]:
        raise ValueError(f"{name} is not complete: its trees do not have the sizes it lists.")
    return header + "\n\n", trees, end + rest


def _check_references(tree, header):
    """Raise ``ValueError`` unless nodes, features and sets of categories of a tree exist.

    LightGBM does not check them: it would loop forever, or read memory that is not its own.
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
        nodes = np.append(children, 0 if n_splits else -1)  # and the root
        sound = (
            np.array_equal(np.sort(nodes), np.arange(-n_splits - 1, n_splits))
            and np.all((children < 0) | (children > parents))
            and np.all((features >= 0) & (features < n_features))
            and np.all((categorical >= 0) & (categorical < int(fields["num_cat"][0])))
        )
    except (KeyError, IndexError, TypeError, ValueError):
        sound = False
    if not sound:
        raise ValueError(f"init_model is damaged: {tree.splitlines()[0]} does not hold a tree.")


def _raise_scores(tree, value):
    """Text of a tree whose scores are higher by ``value``."""
    if value == 0:
        return tree

    def line(match):
        scores = (format(float(score) + value, ".17g") for score in match[2].split())
        return f"{match[1]}={' '.join(scores)}"

    # As LightGBM does where it adds a start of its own: the values are no longer shrunk ones.
    return SHRINKAGE.sub("shrinkage=1", SCORES.sub(line, tree))


def _check(native, booster, start):
    """Compare the two on a few rows of any size, some values missing."""
    X = np.random.default_rng(0).standard_cauchy((16, booster.num_feature()))
    X[::2, ::2] = np.nan
    expected = booster.predict(X, raw_score=True) + start
    # The same sum in another order, so a few roundings of its largest term.
    if not np.allclose(native.predict(X, raw_score=True), expected, rtol=1e-9, atol=1e-9):
        raise RuntimeError(
            "the LightGBM model does not predict what the estimator does; please report this, "
            f"with the version of LightGBM, {lightgbm.__version__}."
        )
