"""A cluster of two worker processes, and collections to train on."""

import gc
import time
from contextlib import contextmanager

import dask
import dask.array as da
import dask.dataframe as dd
import distributed
import numpy as np
import pandas as pd
from sklearn.datasets import make_classification

# With few distinct values every worker makes the bins that one machine makes, and with few leaves
# min_child_samples, whose counts LightGBM estimates, never matters: the trees are the same. Random
# rows and columns would be others.
PARAMETERS = {
    "n_estimators": 10,
    "num_leaves": 4,
    "n_jobs": 1,
    "gamma": 1.0,
    "learning_rate": 0.1,
    "reg_lambda": 0.0,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
    "lgbm_params": {"min_data_in_bin": 1},
}
SAME = {"rtol": 1e-5, "atol": 1e-6}  # LightGBM adds up gradients in float32


@contextmanager
def cluster():
    # Without stealing, partitions are trained on where a test puts them.
    with (
        dask.config.set({"distributed.scheduler.work-stealing": False}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as c,
        distributed.Client(c) as client,
    ):
        yield client


def dataset(n_classes=2):
    """Rows with few distinct values, string labels and weights."""
    X, y = make_classification(
        1000, 6, n_informative=5, n_redundant=0, n_classes=n_classes, flip_y=0.2, random_state=0
    )
    weight = np.linspace(0, 2, 1000)
    return np.clip(X.round(), -2, 2), np.array(["no", "perhaps", "yes"])[y], weight


def as_arrays(X, *columns):
    """Dask arrays; the columns' chunks differ from those of X."""
    arrays = [da.from_array(column, chunks=400) for column in columns]
    return da.from_array(X, chunks=(250, 3)), *arrays


def as_frames(X, *columns):
    frame = pd.DataFrame(X, columns=list("abcdef"))
    series = [dd.from_pandas(pd.Series(column), npartitions=3) for column in columns]
    return dd.from_pandas(frame, npartitions=3), *series


def held(client):
    """Keys of the results that workers hold."""
    gc.collect()  # errors refer to frames, and these to results
    return {key for keys in client.has_what().values() for key in keys}


def wait_until(condition, seconds=20):
    """Wait until a condition holds, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
