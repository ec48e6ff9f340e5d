"""Rows for LightGBM to train on or to evaluate, from what users pass to ``fit``."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import lightgbm
import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_consistent_length

from skfocal._private import _safe_indexing
from skfocal._rows import check_weight, encode_known_labels
from skfocal.estimators._inputs import lightgbm_input

NAMES = ("eval_X", "eval_y", "eval_sample_weight", "eval_class_weight", "eval_init_score")
LARGEST_ZERO = 1e-35  # in size, for LightGBM


@dataclass
class Rows:
    """Features, class indices, weights and start scores of the same rows."""

    X: Any
    y: np.ndarray
    weight: np.ndarray | None = None
    init_score: Any = None

    def __post_init__(self):
        check_consistent_length(*self._columns())
        # LightGBM keeps weights in float32: the start must be computed from the same numbers.
        if self.weight is not None:
            self.weight = self.weight.astype(np.float32)

    def usable(self):
        """Return these rows, with a column of ones if LightGBM would find no feature to train on.

        LightGBM refuses X without a value other than zero under a custom objective (its issue
        #5667). Trees of constant columns have no splits, so they predict the same for every row.
        """
        return replace(self, X=one_column(self.X.shape)) if is_all_zero(self.X) else self

    @property
    def n_weighted(self):
        """Number of rows with positive weight."""
        return len(self.y) if self.weight is None else np.count_nonzero(self.weight)

    def take(self, rows):
        """Rows of the given indices."""
        return Rows(
            *(
                None if column is None else _safe_indexing(column, rows)
                for column in self._columns()
            )
        )

    def same_data(self, other):
        """Whether the features and labels are those of other rows, in the same order."""
        if self.X.shape != other.X.shape or not np.array_equal(self.y, other.y):
            return False
        if self.weight is not None and other.weight is not None and not self.weight @ other.weight:
            return False  # no row counts in both
        if sparse.issparse(self.X) != sparse.issparse(other.X):
            return False
        if sparse.issparse(self.X):
            return (self.X != other.X).nnz == 0  # NaN differs from NaN
        return np.array_equal(self.X, other.X, equal_nan=True)

    def dataset(self, params, features, reference=None):
        """The rows as LightGBM's Dataset."""
        return lightgbm.Dataset(
            self.X,
            label=self.y,
            weight=self.weight,
            init_score=self.init_score,
            reference=reference,
            params=params,
            **features,
        )

    def _columns(self):
        return self.X, self.y, self.weight, self.init_score


def is_all_zero(X):
    """Whether X, dense or sparse, holds nothing but what LightGBM takes for zero."""
    values = X.data if sparse.issparse(X) else X
    return all(np.all(np.abs(part) <= LARGEST_ZERO) for part in (values[:100], values))


def one_column(shape):
    """Sparse matrix of zeros but for a first column of ones."""
    rows = np.arange(shape[0])
    return sparse.csr_matrix((np.ones(len(rows)), (rows, np.zeros_like(rows))), shape=shape)


def evaluation_rows(estimator, classes, init_score, **given):
    """Evaluation sets, one or more, as a list of checked rows.

    ``given`` are fit's arguments of the :data:`NAMES`.
    """
    sets = evaluation_sets(init_score, **given)
    return [_checked(estimator, classes, *columns) for columns in sets]


def evaluation_sets(init_score, *, eval_X, eval_y, **others):
    """Evaluation sets as a list of what was given of each, in the order of :data:`NAMES`."""
    if (eval_X is None) != (eval_y is None):
        raise ValueError("eval_X and eval_y must be given together.")
    columns = {"eval_X": _as_sets(eval_X, 2), "eval_y": _as_sets(eval_y, 1)}
    for name, given in others.items():
        if given is not None:
            ndim = 0 if name == "eval_class_weight" else 1
            columns[name] = _as_sets(given, ndim, optional=True)
    if len({len(sets) for sets in columns.values()}) > 1:
        counts = ", ".join(f"{name} for {len(sets)}" for name, sets in columns.items())
        raise ValueError(f"Evaluation arguments must be given for the same sets, got {counts}.")
    columns = {name: columns.get(name, [None] * len(columns["eval_X"])) for name in NAMES}
    _check_eval_init_score(init_score, columns["eval_init_score"])
    return list(zip(*columns.values(), strict=True))


def _checked(estimator, classes, X, y, weight, class_weight, init_score):
    """Rows of one evaluation set."""
    X = lightgbm_input(estimator, X, reset=False)
    encoded = encode_known_labels(y, classes, "eval_y")
    check_consistent_length(X, encoded)
    weight = check_weight(weight, X, "eval_sample_weight", np.float32)
    if class_weight is not None:
        by_class = compute_sample_weight(class_weight, np.asarray(y))
        weight = by_class if weight is None else weight * by_class
        weight = check_weight(weight, X, "eval_class_weight", np.float32)
    if init_score is not None:
        init_score = check_init_score(init_score, len(classes), "eval_init_score")
    return Rows(X, encoded, weight, init_score)


def _check_eval_init_score(init_score, eval_init_scores):
    """Raise ``ValueError`` unless training and evaluation rows all start alike."""
    missing = [i for i, scores in enumerate(eval_init_scores) if scores is None]
    if init_score is not None and missing:
        raise ValueError(
            f"eval_init_score must be given for every evaluation set if init_score is, got none "
            f"for the sets {missing}: they would start from zero."
        )
    if init_score is None and len(missing) < len(eval_init_scores):
        raise ValueError("eval_init_score needs init_score: training rows must start alike.")


def evaluation_names(eval_names, n_sets):
    """Names of the evaluation sets."""
    if eval_names is None:
        return [f"valid_{i}" for i in range(n_sets)]
    names = list(eval_names) if isinstance(eval_names, Iterable) else []
    distinct = {name for name in names if isinstance(name, str)}
    if not len(names) == len(distinct) == n_sets:
        raise ValueError(
            f"eval_names must hold a different name for each of {n_sets} evaluation sets, "
            f"got {eval_names!r}."
        )
    return names


def check_init_score(init_score, n_classes, name="init_score"):
    """Validate scores to start from and return them as a float array."""
    scores = check_array(init_score, dtype=np.float64, ensure_2d=False, input_name=name)
    shape = (len(scores),) if n_classes == 2 else (len(scores), n_classes)
    if scores.size != np.prod(shape):
        raise ValueError(
            f"{name} must hold one score per row or, multiclass, per row and class, got an array "
            f"of shape {scores.shape}."
        )
    if np.abs(scores).max() > np.finfo(np.float32).max:  # in which gradients are computed
        raise ValueError(f"{name} must be finite in float32, got larger scores.")
    return np.ascontiguousarray(scores.reshape(shape))  # LightGBM warns of every other layout


def _as_sets(given, ndim, optional=False):
    """Evaluation sets as a list: a list or tuple of items of ``ndim`` axes, or one item alone.

    Items may be None if they are optional.
    """
    if given is None:
        return []
    if not isinstance(given, list | tuple):
        return [given]
    items = [item for item in given if item is not None]
    several = _ndim(items[0]) >= ndim if items else optional
    return list(given) if several else [given]


def _ndim(item):
    return len(getattr(item, "shape", np.shape(item)))
