"""Training and evaluation rows for LightGBM, from the arguments of ``fit``."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import lightgbm
import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_consistent_length

from skfocal._rows import check_weight, encode_known_labels
from skfocal.estimators._base import apply_zero_class_weights, zero_weight_classes
from skfocal.estimators._inputs import lightgbm_input

EVAL_ARGUMENTS = ("eval_X", "eval_y", "eval_sample_weight", "eval_class_weight", "eval_init_score")
LARGEST_ZERO = 1e-35  # LightGBM treats values up to this magnitude as zero


@dataclass
class Rows:
    """Features, class indices, weights and initial scores of rows."""

    X: Any
    y: np.ndarray
    weight: np.ndarray | None = None
    init_score: Any = None

    def __post_init__(self):
        check_consistent_length(*self._columns())
        # LightGBM stores weights as float32. We compute the start from the same values.
        if self.weight is not None:
            self.weight = self.weight.astype(np.float32)

    def usable(self):
        """Return these rows, with a column of ones if all features are zero.

        LightGBM raises an error if all features are zero under a custom objective (LightGBM
        #5667). Trees of constant columns have no splits, so they predict a constant.
        """
        return replace(self, X=one_column(self.X.shape)) if is_all_zero(self.X) else self

    @property
    def n_weighted(self):
        """Number of rows with positive weight."""
        return len(self.y) if self.weight is None else np.count_nonzero(self.weight)

    def take(self, rows):
        """Return the rows with the given indices."""
        return Rows(*(None if column is None else column[rows] for column in self._columns()))

    def same_data(self, other):
        """Return whether both have the same features and labels in the same order."""
        if self.X.shape != other.X.shape or not np.array_equal(self.y, other.y):
            return False
        if self.weight is not None and other.weight is not None and not self.weight @ other.weight:
            return False  # no row has weight in both
        return same_values(self.X, other.X)

    def dataset(self, params, features, reference=None):
        """Return the rows as a LightGBM Dataset."""
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


def same_values(X, other):
    """Return whether two dense or sparse matrices have the same values, at the lower precision."""
    dtype = min(X.dtype, other.dtype, key=lambda dtype: dtype.itemsize)
    if sparse.issparse(X) and sparse.issparse(other):
        parts, other_parts = (_nonzero(matrix.astype(dtype)) for matrix in (X, other))
        return all(map(partial(np.array_equal, equal_nan=True), parts, other_parts))

    def block(matrix, start):
        rows = matrix[start : start + step]
        return (rows.toarray() if sparse.issparse(rows) else rows).astype(dtype)

    step = max(1, 2**20 // max(1, X.shape[1]))  # a block of a few megabytes
    return all(
        np.array_equal(block(X, start), block(other, start), equal_nan=True)
        for start in range(0, X.shape[0], step)
    )


def _nonzero(matrix):
    """Return the positions and values of a sparse matrix without explicit zeros."""
    matrix = matrix.tocsr(copy=True)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix.indptr, matrix.indices, matrix.data


def is_all_zero(X):
    """Return whether LightGBM treats all values of X, dense or sparse, as zero."""
    values = X.data if sparse.issparse(X) else X
    # Check a few rows first, because they usually have a value other than 0.
    return all(np.all(np.abs(part) <= LARGEST_ZERO) for part in (values[:100], values))


def one_column(shape):
    """Return a sparse matrix with ones in the first column and zeros elsewhere."""
    rows = np.arange(shape[0])
    return sparse.csr_matrix((np.ones(len(rows)), (rows, np.zeros_like(rows))), shape=shape)


def evaluation_sets(init_score, *, eval_X, eval_y, **others):
    """Return a tuple of arguments per evaluation set, in the order of :data:`EVAL_ARGUMENTS`."""
    if (eval_X is None) != (eval_y is None):
        raise ValueError("eval_X and eval_y must be given together.")
    columns = {"eval_X": _as_sets(eval_X, 2), "eval_y": _as_sets(eval_y, 1)}
    for name, given in others.items():
        if given is not None:
            ndim = 0 if name == "eval_class_weight" else 1
            columns[name] = _as_sets(given, ndim, optional=True)
    if len({len(sets) for sets in columns.values()}) > 1:
        counts = ", ".join(f"{len(sets)} for {name}" for name, sets in columns.items())
        raise ValueError(
            f"Evaluation arguments must be given for the same number of sets, got {counts}."
        )
    columns = {name: columns.get(name, [None] * len(columns["eval_X"])) for name in EVAL_ARGUMENTS}
    _check_eval_init_score(init_score, columns["eval_init_score"])
    return list(zip(*columns.values(), strict=True))


def evaluation_rows(estimator, classes, X, y, weight, class_weight, init_score):
    """Validate one evaluation set and return it as :class:`Rows`."""
    X = lightgbm_input(estimator, X, reset=False)
    encoded = encode_known_labels(y, classes, "eval_y")
    check_consistent_length(X, encoded)
    weight = check_weight(weight, X, "eval_sample_weight", np.float32)
    if class_weight is not None:
        by_class = _eval_class_weights(class_weight, encoded, classes)
        weight = by_class if weight is None else weight * by_class
        weight = check_weight(weight, X, "eval_class_weight", np.float32)
    weight = apply_zero_class_weights(
        weight, encoded, zero_weight_classes(estimator, classes), "eval_sample_weight"
    )
    if init_score is not None:
        init_score = check_init_score(init_score, len(classes), "eval_init_score")
    return Rows(X, encoded, weight, init_score)


def _eval_class_weights(class_weight, encoded, classes):
    """Return the weight of each row's class; 1 for classes that a dict does not contain."""
    if isinstance(class_weight, str) and class_weight == "balanced":
        return compute_sample_weight("balanced", encoded)
    labels = classes.tolist()
    if not isinstance(class_weight, dict) or not set(class_weight) <= set(labels):
        raise ValueError(
            "eval_class_weight must be 'balanced' or a dict that maps labels to weights, with "
            f"labels among {labels}, got {class_weight!r}."
        )
    return np.array([class_weight.get(label, 1.0) for label in labels])[encoded]


def _check_eval_init_score(init_score, eval_init_scores):
    """Raise ``ValueError`` unless all sets or none have initial scores."""
    missing = [i for i, scores in enumerate(eval_init_scores) if scores is None]
    if init_score is not None and missing:
        raise ValueError(
            "eval_init_score must be given for every evaluation set if init_score is given, got "
            f"None for the sets {missing}."
        )
    if init_score is None and len(missing) < len(eval_init_scores):
        raise ValueError("eval_init_score must be None if init_score is None.")


def evaluation_names(eval_names, n_sets):
    """Validate ``eval_names`` and return it as a list, by default ``["valid_0", ...]``."""
    if eval_names is None:
        return [f"valid_{i}" for i in range(n_sets)]
    names = list(eval_names) if isinstance(eval_names, Iterable) else []
    distinct = {name for name in names if isinstance(name, str)}
    if not len(names) == len(distinct) == n_sets:
        raise ValueError(
            f"eval_names must be a list of unique names, one for each of the {n_sets} evaluation "
            f"sets, got {eval_names!r}."
        )
    return names


def check_init_score(init_score, n_classes, name="init_score"):
    """Validate ``init_score`` and return it as a float array."""
    scores = check_array(init_score, dtype=np.float64, ensure_2d=False, input_name=name)
    shape = (len(scores),) if n_classes == 2 else (len(scores), n_classes)
    if scores.size != np.prod(shape):
        raise ValueError(
            f"{name} must have shape (n_samples,) or, for multiclass, (n_samples, n_classes), got "
            f"shape {scores.shape} and {n_classes} classes."
        )
    largest = np.abs(scores).max()
    if largest > np.finfo(np.float32).max:  # LightGBM stores gradients as float32
        raise ValueError(f"{name} must be finite in float32, got {largest:.3g}.")
    return np.ascontiguousarray(scores.reshape(shape))  # LightGBM warns about other layouts


def _as_sets(given, ndim, optional=False):
    """Return the values of an argument for all evaluation sets as a list.

    ``given`` is one value with ``ndim`` dimensions, or a list or tuple of values, which may
    contain None if they are optional.
    """
    if given is None:
        return []
    if not isinstance(given, list | tuple):
        return [given]
    values = [value for value in given if value is not None]
    is_list_of_values = _ndim(values[0]) >= ndim if values else optional
    return list(given) if is_list_of_values else [given]


def _ndim(value):
    return len(getattr(value, "shape", np.shape(value)))
