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

VERSION = "v4"  # of the model text, which LightGBM's releases 4.x share

TREE = re.compile(r"Tree=\d+\n(?:[a-z_]+=[-+.e\dinfa ]*\n)+\n*")
# Lines of a tree whose numbers are scores, and so rise by the start.
SCORES = re.compile(r"^(leaf_value|internal_value|leaf_const)=(.+)$", re.MULTILINE)
SHRINKAGE = re.compile(r"^shrinkage=.*$", re.MULTILINE)
TREE_SIZES = re.compile(r"^tree_sizes=(.*)$", re.MULTILINE)
NATIVE = re.compile(r"^objective=(binary sigmoid:1|multiclass num_class:\d+)$", re.MULTILINE)
SHAPE = re.compile(
    r"^num_class=([1-9]\d*)\nnum_tree_per_iteration=\1\nlabel_index=\d+\nmax_feature_idx=(\d+)$",
    re.MULTILINE,
)
CATEGORIES = re.compile(r"^pandas_categorical:.*\n?\Z", re.MULTILINE)

# Fields of a tree by their length; LightGBM reads those of whole numbers as such.
FIELD = re.compile(r"^([a-z_]+)=(.*)$", re.MULTILINE)
PER_SPLIT = (
    "split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
    "internal_value", "internal_weight", "internal_count",
)  # fmt: skip
PER_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
WHOLE = {
    "num_leaves", "num_cat", "split_feature", "decision_type", "left_child", "right_child",
    "cat_boundaries", "cat_threshold", "is_linear", "num_features", "leaf_features",
}  # fmt: skip


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
            "init_model must have the objective 'binary sigmoid:1' or 'multiclass' where it is a "
            "LightGBM model, as to_lightgbm gives it: the start of others is unknown."
        )
    shape, categories = SHAPE.search(header), CATEGORIES.search(footer)
    if shape is None or len(trees) % int(shape[1]):
        raise ValueError("init_model is damaged: its header does not describe its trees.")
    if categories is None:
        raise ValueError("init_model is not complete: its last line is not pandas_categorical.")
    for tree in trees:
        _check_tree(tree, n_features=int(shape[2]) + 1)
    # Left out: the parameters of its training, which nothing asks for.
    text = f"{header}{''.join(trees)}end of trees\n\n{categories[0]}"
    try:
        return lightgbm.Booster(model_str=text)
    except (ValueError, lightgbm.basic.LightGBMError) as error:
        raise ValueError(f"init_model is damaged: {error}") from error


def _split(text, name):
    """Header, trees and rest of a model text, held against its own table of the trees' sizes.

    LightGBM ends the process where a tree is damaged, so this comes before it reads anything.
    """
    header, found, body = text.partition("\n\nTree=0\n")
    version = re.match(r"tree\nversion=(\S+)\n", header)
    if version is None or not found:
        raise ValueError(f"{name} is not the text of a LightGBM model with trees.")
    if version[1] != VERSION:
        raise ValueError(
            f"{name} is a LightGBM text of version {version[1]}; skfocal knows {VERSION} only."
        )
    names = [line.partition("=")[0] for line in header.split("\n")]
    if len(set(names)) < len(names) or {"", "Tree"} & set(names) or "\0" in header:
        raise ValueError(f"{name} is damaged: its header does not give each of its fields once.")
    body, end, rest = f"Tree=0\n{body}".partition("end of trees\n")
    trees = re.split(r"^(?=Tree=)", body, flags=re.MULTILINE)[1:]
    sizes = TREE_SIZES.search(header)
    if not end or sizes is None or sizes[1].split() != [str(len(tree)) for tree in trees]:
        raise ValueError(f"{name} is not complete: its trees have other sizes than it says.")
    if not all(TREE.fullmatch(tree) for tree in trees):
        raise ValueError(f"{name} is damaged: a tree holds something other than numbers.")
    return header + "\n\n", trees, end + rest


def _check_tree(tree, n_features):
    """ValueError unless a tree's numbers are as many, and point where, its structure asks for.

    LightGBM checks the first in a thread whose failure ends the process, and the second nowhere.
    """
    try:
        fields = {
            name: np.array(values.split(), np.int64 if name in WHOLE else np.float64)
            for name, values in FIELD.findall(tree)
        }
        sound = _has_sizes(fields) and _has_references(fields, n_features)
    except (KeyError, ValueError, OverflowError):
        sound = False
    if not sound:
        raise ValueError(f"init_model is damaged: {tree.splitlines()[0]} does not hold a tree.")


def _has_sizes(fields):
    """Whether each field is as long as the numbers of leaves and of categorical splits say."""
    (n_leaves,), (n_categorical,), (is_linear,) = (
        fields[name] for name in ("num_leaves", "num_cat", "is_linear")
    )
    sizes = dict.fromkeys(PER_SPLIT, n_leaves - 1) | dict.fromkeys(PER_LEAF, n_leaves)
    if n_leaves == 1:
        del sizes["leaf_weight"]  # empty, and not read
    if n_categorical:
        boundaries = fields["cat_boundaries"]
        sizes |= {"cat_boundaries": n_categorical + 1, "cat_threshold": boundaries[-1]}
    if is_linear:
        n_terms = fields["num_features"].sum()
        sizes |= {"leaf_const": n_leaves, "num_features": n_leaves}
        sizes |= {"leaf_features": n_terms, "leaf_coeff": n_terms}
    return all(len(fields[name]) == size for name, size in sizes.items())


def _has_references(fields, n_features):
    """Whether nodes, features and sets of categories exist, and the leaves hold numbers."""
    n_splits = len(fields["split_feature"])
    children = np.append(fields["left_child"], fields["right_child"])
    nodes = np.append(children, min(n_splits, 1) - 1)  # and the root, a leaf where nothing splits
    features = np.append(fields["split_feature"], fields.get("leaf_features", []))
    categorical = fields["threshold"][fields["decision_type"] % 2 == 1]
    counts = np.diff(fields.get("cat_boundaries", []), prepend=0)
    counts = np.append(counts, fields.get("num_features", []))
    values = [fields.get(name, []) for name in ("leaf_value", "leaf_const", "leaf_coeff")]
    return (
        np.array_equal(np.sort(nodes), np.arange(-n_splits - 1, n_splits))
        and np.all((children < 0) | (children > np.tile(np.arange(n_splits), 2)))
        and np.all((features >= 0) & (features < n_features))
        and np.all((categorical >= 0) & (categorical < fields["num_cat"]))
        and np.all(counts >= 0)
        and np.all(np.isfinite(np.concatenate(values)))
    )


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
