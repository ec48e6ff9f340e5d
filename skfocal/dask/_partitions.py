"""Delayed partitions of Dask collections, and summaries of their labels and weights."""

from dataclasses import dataclass
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
from dask.sizeof import sizeof
from scipy import sparse
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skfocal._rows import check_weight, encode_labels
from skfocal.estimators._rows import check_init_score, is_all_zero


@dataclass
class Part:
    """Rows of one partition; ``y`` holds labels."""

    X: Any
    y: np.ndarray
    weight: np.ndarray | None = None
    init_score: np.ndarray | None = None


def sizeof_rows(rows):
    """Return the size of a partition in bytes.

    Dask's own estimate is too small, so Dask would move partitions between workers.
    """
    return sizeof([rows.X, rows.y, rows.weight])


sizeof.register(Part, sizeof_rows)


@dataclass
class Summary:
    """Summary of a partition, or of a whole collection, for the client.

    ``masses`` holds the total weight of each class, ``counts`` its rows with positive weight.
    """

    kind: str
    dtype: np.dtype
    n_rows: int
    classes: np.ndarray
    masses: np.ndarray
    counts: np.ndarray
    all_zero: bool


def check_table(X, name="X"):
    """Raise TypeError or ValueError unless X is a Dask table that the estimators can read."""
    if not isinstance(X, da.Array | dd.DataFrame):
        raise TypeError(f"{name} must be a dask Array or DataFrame, got {type(X).__name__}.")
    if X.ndim != 2 or (isinstance(X, da.Array) and np.isnan(X.shape[1])):
        raise ValueError(
            f"{name} must have two axes and a known number of columns, got shape {X.shape}."
        )
    if isinstance(X, dd.DataFrame):
        for column in X.select_dtypes("category").columns:
            if not X[column].cat.known:
                raise ValueError(
                    f"Column {column!r} of {name} must have known categories, got unknown ones. "
                    f"Call {name}.categorize()."
                )


def without_rows(X):
    """Table in memory with the columns and dtypes of a Dask table, but no rows."""
    return np.empty((0, X.shape[1]), X.dtype) if isinstance(X, da.Array) else X._meta


def partitions(**collections):
    """Return one tuple per partition with the delayed parts of all collections.

    The first collection is the table. Arrays are rechunked like the table. Other collections must
    have the same number of partitions, and the workers check that their rows match. None stays
    None.
    """
    table, *names = collections
    for name in names:
        _check_column(name, collections[name])
    given = {name: value for name, value in collections.items() if value is not None}
    if all(isinstance(value, da.Array) for value in given.values()):
        given = _align(given, table)
    parts = {name: delayed_parts(value) for name, value in given.items()}
    counts = {name: len(part) for name, part in parts.items()}
    if len(set(counts.values())) > 1:
        names = ", ".join(counts)
        raise ValueError(f"{names} must have the same number of partitions, got {counts}.")
    columns = [parts.get(name, [None] * counts[table]) for name in collections]
    return list(zip(*columns, strict=True))


def _check_column(name, column):
    kinds = (da.Array, dd.Series, dd.DataFrame) if "init_score" in name else (da.Array, dd.Series)
    if column is not None and not isinstance(column, kinds):
        allowed = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{name} must be a dask {allowed}, got {type(column).__name__}.")


def _align(arrays, table):
    """Rechunk arrays like the table."""
    X = arrays[table]
    for name, array in arrays.items():
        if np.isnan(array.shape).any():
            raise ValueError(
                f"{name} must have known chunk sizes, got unknown ones. Call "
                f"{name}.compute_chunk_sizes()."
            )
        shape = array.shape[:1] if "init_score" in name else array.shape
        if array is not X and shape != X.shape[:1]:
            raise ValueError(f"{name} must have shape {X.shape[:1]}, got shape {array.shape}.")
    return {name: array.rechunk({0: X.chunks[0]}) for name, array in arrays.items()}


def delayed_parts(collection):
    """Delayed partitions, each with all columns."""
    if isinstance(collection, da.Array):
        whole = collection.rechunk({1: -1}) if collection.ndim == 2 else collection
        return whole.to_delayed().ravel().tolist()
    return collection.to_delayed()


def row_counts(X):
    """Number of rows of each partition; NaN if it is unknown."""
    return X.chunks[0] if isinstance(X, da.Array) else [np.nan] * X.npartitions


def join(parts, n_rows, width, dtype):
    """Concatenate delayed arrays into one Dask array."""
    arrays = [
        da.from_delayed(part, (n, *width), dtype=dtype)
        for part, n in zip(parts, n_rows, strict=True)
    ]
    return da.concatenate(arrays)


# Each computation on a partition is one task with its own name that takes the whole partition.
# Tasks that unpack a partition would share a name, and Dask spreads such tasks over the workers
# without considering where the data is.


@dask.delayed
def check_part(check_X, dtype, X, y, weight, init_score=None, name="sample_weight"):
    """Return a checked partition; ``dtype`` is that of the weights."""
    check_consistent_length(X, y, weight, init_score)
    y = column_or_1d(y)
    return Part(
        check_X(X) if len(y) else X,
        y,
        _check_weight(weight, X, name, dtype),
        None if init_score is None or not len(y) else _check_init_score(init_score),
    )


def _check_init_score(init_score):
    """Check the initial scores of a partition; each column is a score."""
    scores = np.asarray(init_score)
    return check_init_score(scores, max(2, scores.shape[1] if scores.ndim > 1 else 1))


def check_width(init_score, n_classes, name):
    """Raise ValueError unless there is one column or, for multiclass, one column per class."""
    width = 1 if init_score.ndim == 1 else init_score.shape[1]
    if width != (1 if n_classes == 2 else n_classes):
        raise ValueError(
            f"{name} must have shape (n_samples,) or, for multiclass, (n_samples, n_classes), got "
            f"{width} columns for {n_classes} classes."
        )


def _check_weight(weight, X, name, dtype):
    """Check the weights of a partition, which may all be zero."""
    if weight is None:
        return None
    weight = column_or_1d(weight)
    if not np.any(weight):
        return np.zeros(len(weight), dtype)
    return check_weight(weight, X, name, dtype).astype(dtype)


@dask.delayed
def summarize(part):
    """Summarise a partition; return None if it has no rows."""
    if not len(part.y):
        return None
    try:
        labels, codes = np.unique(part.y, return_inverse=True)
    except TypeError as error:
        raise TypeError(
            f"y must contain labels of one type that can be sorted: {error}."
        ) from error
    positive = None if part.weight is None else part.weight > 0
    return Summary(
        type(part.X).__name__,
        part.X.dtype,
        len(part.y),
        labels,
        np.bincount(codes, weights=part.weight).astype(np.float64),
        np.bincount(codes, weights=positive).astype(np.int64),
        is_all_zero(part.X),
    )


def summaries_of(client, parts, name="X"):
    """Return the partitions that have rows, and their summaries."""
    summaries = gather(client, client.compute([summarize(part) for part in parts]))
    kept = [(part, found) for part, found in zip(parts, summaries, strict=True) if found]
    if not kept:
        raise ValueError(f"{name} must contain at least one row, got none.")
    return zip(*kept, strict=True)


def gather(client, futures):
    """Return the results of futures, and cancel all of them if one fails.

    Dask keeps the error of a failed future, whose traceback refers to the partitions of the fit.
    Without cancelling, they would stay on the workers after a failed fit.
    """
    try:
        return client.gather(futures)
    except BaseException:
        client.cancel(futures)
        raise


def merge(summaries, weight_dtype=np.float64):
    """Summarise a whole collection from the summaries of its partitions."""
    if len(kinds := {summary.kind for summary in summaries}) > 1:
        raise TypeError(f"The partitions of X must have the same type, got {sorted(kinds)}.")
    labels = [summary.classes for summary in summaries]
    if len({label.dtype.kind in "biuf" for label in labels}) > 1:
        raise TypeError("y must contain labels of one type, got numbers and other types.")
    # Repeat each label three times, because unique floats would look like a regression target.
    classes, _ = encode_labels(np.repeat(np.concatenate(labels), 3))
    masses = sum_by_class(summaries, classes, "masses")
    _check_masses(masses, weight_dtype)
    return Summary(
        summaries[0].kind,
        np.result_type(*(summary.dtype for summary in summaries)),
        sum(summary.n_rows for summary in summaries),
        classes,
        masses,
        sum_by_class(summaries, classes, "counts").astype(np.int64),
        all(summary.all_zero for summary in summaries),
    )


def sum_by_class(summaries, classes, name):
    """Sum ``masses`` or ``counts`` of summaries for each class of the whole collection."""
    codes = np.searchsorted(classes, np.concatenate([summary.classes for summary in summaries]))
    values = np.concatenate([getattr(summary, name) for summary in summaries])
    return np.bincount(codes, weights=values, minlength=len(classes))


def _check_masses(masses, dtype):
    """Raise ValueError if the weights of the whole collection are all zero or overflow."""
    if not masses.any():
        raise ValueError("sample_weight must contain a positive weight, got zero for every row.")
    with np.errstate(over="ignore"):
        total = masses.sum().astype(dtype)
    if not np.isfinite(total):
        raise ValueError(f"sample_weight must have a finite sum, got {total} in {total.dtype}.")


def weight_without(part, silenced):
    """Weights of a partition, set to zero for rows with the labels ``silenced``."""
    if not len(silenced):
        return part.weight
    return np.where(np.isin(part.y, silenced), 0.0, 1.0 if part.weight is None else part.weight)


def stack(values):
    """Stack the rows of all values, which may all be None."""
    if len(values) == 1 or values[0] is None:
        return values[0]
    return sparse.vstack(values, "csr") if sparse.issparse(values[0]) else np.concatenate(values)
