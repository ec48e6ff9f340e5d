"""Rows for LightGBM to train on or to evaluate, from what users pass to ``fit``."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import lightgbm
import numpy as np
from scipy import sparse
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing, check_array
from sklearn.utils.validation import check_consistent_length

from skfocal.estimators._base import check_weight, encode_known_labels
from skfocal.estimators._inputs import lightgbm_input

LARGEST_ZERO = 1e-35  # in size, for LightGBM


@dataclass
class Rows:
    """Features, class indices, weights and start scores of as many rows each."""

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

    def take(self, rows):
        """Rows of the given indices."""
        return Rows(
            *(
                None if column is None else _safe_indexing(column, rows)
                for column in self._columns()
            )
        )

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


def evaluation_rows(estimator, eval_X, eval_y, eval_sample_weight, classes):
    """Evaluation sets, one or several, as a list of checked rows."""
    if (eval_X is None) != (eval_y is None):
        raise ValueError("eval_X and eval_y must be given together.")
    sets_X, sets_y = _as_tuple(eval_X, 2), _as_tuple(eval_y, 1)
    weights = _as_tuple(eval_sample_weight, 1) or (None,) * len(sets_X)
    if not len(sets_X) == len(sets_y) == len(weights):
        raise ValueError(
            "eval_X, eval_y and eval_sample_weight must hold as many sets, got "
            f"{len(sets_X)}, {len(sets_y)} and {len(weights)}."
        )
    evaluation = []
    for X, y, weight in zip(sets_X, sets_y, weights, strict=True):
        X = lightgbm_input(estimator, X, reset=False)
        y = encode_known_labels(y, classes, "eval_y")
        evaluation.append(Rows(X, y, check_weight(weight, X, "eval_sample_weight", np.float32)))
    return evaluation


def evaluation_names(eval_names, n_sets):
    """Names of the evaluation sets."""
    if eval_names is None:
        return [f"valid_{i}" for i in range(n_sets)]
    names = list(eval_names) if isinstance(eval_names, Iterable) else []
    distinct = {name for name in names if isinstance(name, str)}
    if not len(names) == len(distinct) == n_sets:
        raise ValueError(
            f"eval_names must hold a name for each evaluation set, of which there are {n_sets}, "
            f"got {eval_names!r}."
        )
    return names


def check_init_score(init_score, n_classes):
    """Scores to start from as a float array; ValueError where they are none."""
    scores = check_array(init_score, dtype=np.float64, ensure_2d=False, input_name="init_score")
    shape = (len(scores),) if n_classes == 2 else (len(scores), n_classes)
    if scores.size != np.prod(shape):
        raise ValueError(
            "init_score must hold a score for each row or, where there are several classes, for "
            f"each row and class, got an array of shape {scores.shape}."
        )
    if np.abs(scores).max() > np.finfo(np.float32).max:  # in which gradients are computed
        raise ValueError("init_score must be finite in float32, got larger scores.")
    return scores.reshape(shape)


def hold_out(rows, fraction, random_state):
    """Split rows into those to train on and one evaluation set, stratified where possible."""
    everything = np.arange(len(rows.y))
    split = partial(train_test_split, test_size=fraction, random_state=random_state)
    try:
        kept, held_out = split(everything, stratify=rows.y)
    except ValueError as error:
        warnings.warn(
            f"early_stopping holds out rows without stratification: {error}", stacklevel=4
        )
        kept, held_out = split(everything)
    return rows.take(kept), [rows.take(held_out)]


def _as_tuple(sets, ndim):
    """Evaluation sets as a tuple: a tuple or list of arrays of ``ndim`` axes, or one alone."""
    if sets is None:
        return ()
    if isinstance(sets, list):
        several = len(sets) > 0 and len(getattr(sets[0], "shape", np.shape(sets[0]))) == ndim
        return tuple(sets) if several else (sets,)
    return sets if isinstance(sets, tuple) else (sets,)
