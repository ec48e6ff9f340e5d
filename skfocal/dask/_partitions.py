"""Dask collections as delayed partitions, and back: what the Dask estimators' fit needs."""

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
from scipy.sparse import csr_matrix, issparse
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skfocal._rows import encode_labels
from skfocal.estimators._inputs import lightgbm_input
from skfocal.estimators._rows import is_all_zero, one_column


def check_table(X):
    """Raise TypeError or ValueError unless X is a Dask table that LightGBM can read."""
    if not isinstance(X, da.Array | dd.DataFrame):
        raise TypeError(f"X must be a dask Array or DataFrame, got {type(X).__name__}.")
    if X.ndim != 2 or (isinstance(X, da.Array) and np.isnan(X.shape[1])):
        raise ValueError(f"X must have two axes and a known number of columns, got {X.shape}.")
    if isinstance(X, dd.DataFrame):
        for name in X.select_dtypes("category").columns:
            if not X[name].cat.known:
                raise ValueError(f"Column {name!r} has unknown categories: call X.categorize().")


def partitions(X, y, sample_weight):
    """Delayed features, labels and weights (or None) of each partition, rows side by side."""
    collections = {"X": X, "y": y, "sample_weight": sample_weight}
    if sample_weight is None:
        del collections["sample_weight"]
    kind = da.Array if isinstance(X, da.Array) else dd.Series
    for name, collection in collections.items():
        if collection is not X and not isinstance(collection, kind):
            raise TypeError(
                f"{name} must be a dask {kind.__name__} where X is a dask {type(X).__name__}, "
                f"got {type(collection).__name__}."
            )
    if kind is da.Array:
        collections = _align(collections)
    parts = [delayed_parts(collection) for collection in collections.values()]
    if len({len(part) for part in parts}) > 1:
        raise ValueError(
            f"{', '.join(collections)} must be partitioned alike, got "
            f"{[len(part) for part in parts]} partitions."
        )
    if sample_weight is None:
        parts.append([None] * len(parts[0]))
    return list(zip(*parts, strict=True))


def _align(arrays):
    """Arrays with the first one's chunks of rows."""
    X = arrays["X"]
    for name, array in arrays.items():
        if np.isnan(array.shape).any():
            raise ValueError(f"{name} has unknown chunk sizes: call its compute_chunk_sizes().")
        if array is not X and array.shape != X.shape[:1]:
            raise ValueError(f"{name} must have shape {X.shape[:1]}, got {array.shape}.")
    return {name: array.rechunk({0: X.chunks[0]}) for name, array in arrays.items()}


def delayed_parts(collection):
    """Delayed partitions, each with all columns."""
    if isinstance(collection, da.Array):
        whole = collection.rechunk({1: -1}) if collection.ndim == 2 else collection
        return whole.to_delayed().ravel().tolist()
    return collection.to_delayed()


def row_counts(X):
    """Number of rows of each partition, NaN where it is unknown."""
    return X.chunks[0] if isinstance(X, da.Array) else [np.nan] * X.npartitions


def join(parts, n_rows, width, dtype):
    """Delayed arrays as one Dask array."""
    arrays = [
        da.from_delayed(part, (n, *width), dtype=dtype)
        for part, n in zip(parts, n_rows, strict=True)
    ]
    return da.concatenate(arrays)


# What is computed of a partition is one task of its own name that takes the partition whole: tasks
# that unpack it would share a name, and Dask spreads such over workers without regard to the data.


@dask.delayed
def check_rows(columns, X, y, weight):
    """Features, labels and weights of a partition as LightGBM takes them."""
    check_consistent_length(X, y, weight)
    y = column_or_1d(y)
    if len(y):
        X = lightgbm_input(columns, X, reset=False)
        X = csr_matrix(X) if issparse(X) else X  # the only sparse kind that LightGBM can join
    if weight is not None:
        weight = column_or_1d(weight).astype(np.float32)  # as LightGBM keeps them
        if not np.all(np.isfinite(weight) & (weight >= 0)):
            raise ValueError("sample_weight must be finite and not negative.")
    return X, y, weight


@dask.delayed
def summarize(rows):
    """Kind of table, labels, their weight, whether X is all zero; None for a part without rows."""
    X, y, weight = rows
    if not len(y):
        return None
    labels, codes = np.unique(y, return_inverse=True)
    return type(X).__name__, labels, np.bincount(codes, weights=weight), is_all_zero(X)


@dask.delayed
def without_classes(rows, silenced):
    """Rows of a partition, of which those with some labels have no weight."""
    X, y, weight = rows
    weight = np.where(np.isin(y, silenced), 0, 1 if weight is None else weight)
    return X, y, weight.astype(np.float32)


@dask.delayed
def with_column_of_ones(rows):
    """Rows of a partition whose X is all zero, which LightGBM refuses, but for a column of ones."""
    return one_column(rows[0].shape), *rows[1:]


@dask.delayed
def features(rows):
    """Features of a partition."""
    return rows[0]


@dask.delayed
def class_indices(rows, classes):
    """Class indices of a partition, as LightGBM keeps labels."""
    return np.searchsorted(classes, rows[1]).astype(np.float32)


@dask.delayed
def weights(rows):
    """Weights of a partition."""
    return rows[2]


def merge(summaries):
    """Classes of the whole collection, the weight of each, and whether all of X is zero."""
    if not summaries:
        raise ValueError("X must hold at least one row, got none.")
    kinds, labels, masses, zeros = zip(*summaries, strict=True)
    if len(set(kinds)) > 1:
        raise TypeError(f"X's partitions must be of one kind, got {sorted(set(kinds))}.")
    labels = np.concatenate(labels)
    # Every label thrice, as a class: each on its own would look like a regression target.
    classes, _ = encode_labels(np.repeat(labels, 3))
    codes = np.searchsorted(classes, labels)
    return classes, np.bincount(codes, weights=np.concatenate(masses)), all(zeros)


def to_collections(parts, classes, n_features):
    """Features, class indices and weights of checked partitions as Dask collections."""
    unknown = [np.nan] * len(parts)
    X = join([features(rows) for rows in parts], unknown, (n_features,), np.float64)
    y = join([class_indices(rows, classes) for rows in parts], unknown, (), np.float32)
    return X, y, join([weights(rows) for rows in parts], unknown, (), np.float32)
