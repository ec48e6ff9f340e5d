"""Read data sets from a folder, drop duplicate rows and sample rows."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

READERS = {".csv.gz": pd.read_csv, ".csv": pd.read_csv, ".parquet": pd.read_parquet}
TARGET = "target"


@dataclass(frozen=True)
class DataSet:
    """A data file and how to sample it; the same seed selects the same rows."""

    path: Path
    max_rows: int | None
    drop_repeats: bool
    seed: int

    @property
    def name(self):
        return self.path.name.split(".")[0]

    def load(self):
        """Features, with non-numeric columns as pandas ``category``, and class indices."""
        return _load(self)


def find_datasets(folder, names=None, **options):
    """Data sets of a folder by increasing file size, or those in ``names`` in the given order."""
    files = [path for path in Path(folder).iterdir() if path.name.endswith(tuple(READERS))]
    found = {path.name.split(".")[0]: path for path in sorted(files, key=_file_size)}
    missing = set(names or ()) - set(found)
    if missing or not found:
        raise SystemExit(f"No data set {sorted(missing)} in {folder}. Available: {list(found)}.")
    return [DataSet(found[name], **options) for name in names or found]


def _file_size(path):
    return path.stat().st_size


@lru_cache(maxsize=1)  # a process evaluates all models on one data set before the next
def _load(dataset):
    suffix = dataset.path.name.removeprefix(dataset.name)
    frame = READERS[suffix](dataset.path)
    if dataset.drop_repeats:
        frame = frame.drop_duplicates(ignore_index=True)
    if dataset.max_rows is not None:
        frame = frame.iloc[sample_rows(frame[TARGET], dataset.max_rows, dataset.seed)]
    X = frame.drop(columns=TARGET).reset_index(drop=True)
    for name in X.select_dtypes(exclude="number"):
        X[name] = X[name].astype("category")
    return X, frame[TARGET].to_numpy()


def sample_rows(y, max_rows, seed):
    """Sorted positions of about ``max_rows`` rows, sampled within each class."""
    _, y, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(y) <= max_rows:
        return np.arange(len(y))
    rng = np.random.default_rng(seed)
    rows = [
        rng.choice(np.flatnonzero(y == k), size, replace=False)
        for k, size in enumerate(_sample_sizes(counts, max_rows))
    ]
    return np.sort(np.concatenate(rows))


def _sample_sizes(counts, max_rows):
    """Rows of each class, in proportion to its size.

    Each class gets at least a fifth of an equal share, or all its rows if it has fewer.
    """
    least = np.minimum(counts, max_rows // (5 * len(counts)))
    common = counts * (max_rows / counts.sum()) > least
    room = max_rows - least[~common].sum()
    shares = counts * (room / counts[common].sum())
    return np.where(common, shares, least).astype(int)
