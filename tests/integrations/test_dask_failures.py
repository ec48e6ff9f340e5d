"""What the Dask estimator refuses, and what becomes of a fit whose worker dies."""

import os
import signal
import threading
import time
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skfocal.estimators import _boosting

pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")

import dask.dataframe as dd  # noqa: E402
from dask_cluster import PARAMETERS, as_arrays, as_frames, cluster, dataset  # noqa: E402

from skfocal.dask import DaskFocalLGBMClassifier  # noqa: E402


def mix_kinds(block, block_info=None):
    return sparse.csr_matrix(block) if block_info[0]["chunk-location"][0] == 1 else block


def bad_inputs():
    """Collections that cannot be trained on: error, message, arguments of fit."""
    X, y, weight = dataset()
    arrays, frames = as_arrays(X, y, weight), as_frames(X, y, weight)
    infinite, missing = X.copy(), np.where(y == "no", 1.0, 0.0)
    infinite[700, 2], missing[700] = np.inf, np.nan
    mixed = arrays[0].rechunk((250, 6)).map_blocks(mix_kinds, meta=X)
    unknown = arrays[0][arrays[1] == "no"]
    loose = frames[0].assign(city=frames[0]["a"].astype(str).astype("category"))
    return {
        "unknown chunk sizes": (ValueError, "X must have known chunk sizes", (unknown, arrays[1])),
        "unknown chunks of y": (
            ValueError,
            "y must have known chunk sizes",
            (arrays[0], arrays[1][arrays[1] == "no"]),
        ),
        "numpy X": (TypeError, "X must be a dask Array or DataFrame", (X, arrays[1])),
        "numpy y": (TypeError, "y must be a dask Array", (arrays[0], y)),
        "series with an array": (ValueError, "same number of partitions", (arrays[0], frames[1])),
        "array with a frame": (
            ValueError,
            "inconsistent numbers of samples",
            (*frames[:2], arrays[2]),
        ),
        "mixed partitions": (TypeError, "same type.*csr_matrix.*ndarray", (mixed, arrays[1])),
        "one axis": (ValueError, "two axes", (arrays[1], arrays[1])),
        "lengths": (ValueError, "y must have shape", (arrays[0], arrays[1][:900])),
        "partitions": (
            ValueError,
            "same number of partitions",
            (frames[0], frames[1].repartition(npartitions=2)),
        ),
        "rows of partitions": (
            ValueError,
            "inconsistent numbers of samples",
            (frames[0], dd.from_pandas(pd.Series(y[:-10]), npartitions=3)),
        ),
        "infinite X": (ValueError, "infinity", as_arrays(infinite, y)),
        "negative weight": (ValueError, "sample_weight must", as_arrays(X, y, -weight)),
        "no weight": (ValueError, "positive weight", as_arrays(X, y, 0 * weight)),
        "one class": (ValueError, "only one class", as_arrays(X, np.zeros(1000))),
        "regression target": (ValueError, "continuous", as_arrays(X, X[:, 0] + weight)),
        "no rows": (ValueError, "at least one row", as_arrays(X[:0], y[:0])),
        "unknown categories": (
            ValueError,
            "'city' of X must have known categories",
            (loose, frames[1]),
        ),
        "missing label": (ValueError, "NaN", as_arrays(X, missing)),
    }


BAD_INPUTS = bad_inputs()


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_collections_are_refused_and_leave_no_model(client, case):
    error, message, collections = BAD_INPUTS[case]
    model = DaskFocalLGBMClassifier(**PARAMETERS)
    with pytest.raises(error, match=message):
        model.fit(*collections)
    with pytest.raises(NotFittedError):
        model.predict(as_arrays(dataset()[0])[0])


def test_interrupt_stops_the_workers_and_leaves_them_usable(client):
    X, y, _ = dataset()
    model = DaskFocalLGBMClassifier(**PARAMETERS | {"n_estimators": 100_000, "num_leaves": 2})
    started = threading.Event()

    def interrupt():
        while not any("_train_share" in key for key in running(client)):
            time.sleep(0.1)
        started.set()
        time.sleep(1)  # some rounds
        os.kill(os.getpid(), signal.SIGINT)

    # A process in the background of a shell ignores SIGINT unless it sets a handler.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread = threading.Thread(target=interrupt, daemon=True)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            model.fit(*as_arrays(X, y))
        thread.join()
    finally:
        signal.signal(signal.SIGINT, handler)
    assert started.is_set()
    assert not running(client)
    with pytest.raises(NotFittedError):
        model.to_local()
    DaskFocalLGBMClassifier(**PARAMETERS).fit(*as_arrays(X, y))


def running(client):
    """Keys of the tasks that workers run."""
    return [str(key) for keys in client.processing().values() for key in keys]


def die():
    os._exit(1)


def fail():
    raise OSError("no such luck")


@pytest.mark.parametrize(
    ("fails_on", "fail", "cause"),
    [
        ("call", die, "WorkerLost"),
        pytest.param("call", fail, "no such luck", marks=pytest.mark.slow),
        # Before the workers connect to one another.
        pytest.param("setstate", die, "WorkerLost", marks=pytest.mark.slow),
    ],
)
def test_failure_on_one_worker_raises_the_same_error_until_restart(
    monkeypatch, fails_on, fail, cause
):
    class Failing(_boosting.FocalObjective):
        def __call__(self, raw_prediction, dataset):
            if fails_on == "call" and np.ptp(raw_prediction) > 0.1:  # after some trees
                self.fail_on_victim()
            return super().__call__(raw_prediction, dataset)

        def __setstate__(self, state):
            vars(self).update(state)
            if fails_on == "setstate":
                self.fail_on_victim()

        def fail_on_victim(self):
            with suppress(ValueError):  # raised in the client, which is no worker
                if distributed.get_worker().address == victim:
                    fail()

    X, y, _ = dataset()
    model = DaskFocalLGBMClassifier(**PARAMETERS)
    with cluster() as client:
        victim = next(iter(client.nthreads()))
        with monkeypatch.context() as patch:
            patch.setattr(_boosting, "FocalObjective", Failing)
            with pytest.raises(RuntimeError, match=rf"restart the workers.*{cause}"):
                model.fit(*as_arrays(X, y), client=client)
        with pytest.raises(NotFittedError):
            model.to_local()
        if fail is not die:  # then Dask is already restarting the worker
            client.restart()
            model.fit(*as_arrays(X, y), client=client)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"tree_learner": "serial"}, "tree_learner must be one of"),
        ({"tree_type": "feature"}, "tree_learner must be one of"),
        ({"num_machines": 2}, "fit sets up the network"),
    ],
)
def test_parameters_by_which_workers_would_not_share_the_work_are_refused(client, params, message):
    lgbm_params = PARAMETERS["lgbm_params"] | params
    with pytest.raises(ValueError, match=message):
        DaskFocalLGBMClassifier(lgbm_params=lgbm_params).fit(*as_arrays(*dataset()[:2]))


def test_several_workers_in_one_process_are_refused():
    X, y, _ = dataset()
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as threads,
        distributed.Client(threads),
        pytest.raises(ValueError, match="The Dask workers must be separate processes"),
    ):
        DaskFocalLGBMClassifier(**PARAMETERS).fit(*as_arrays(X, y))
