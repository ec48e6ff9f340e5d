"""The linear model on a cluster of two worker processes."""

import os
import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skfocal import FocalLogisticRegression
from skfocal.objectives import BinaryFocalLoss
from skfocal.objectives._linear import LinearObjective

pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")

import dask.array as da  # noqa: E402
from dask.sizeof import sizeof  # noqa: E402
from dask_cluster import as_arrays, as_frames, cluster, dataset, held, wait_until  # noqa: E402

from skfocal.dask import DaskFocalLogisticRegression  # noqa: E402
from skfocal.dask._partitions import Part  # noqa: E402

ACCURATE = {"tol": 1e-9}  # so that two solutions differ by less than 1e-6
SETTINGS = {
    "L2": {},
    "L1": {"l1_ratio": 1.0, "C": 0.05},
    "elastic net, balanced": {"l1_ratio": 0.5, "C": 0.1, "class_weight": "balanced"},
    "no intercept": {"fit_intercept": False, "alpha": None, "gamma": 1.0},
    "no penalty": {"C": np.inf},
}


def assert_same_coefficients(model, local):
    scale = np.abs(local.coef_).max()
    assert scale > 0
    np.testing.assert_allclose(model.coef_, local.coef_, rtol=0, atol=1e-6 * scale)
    np.testing.assert_allclose(model.intercept_, local.intercept_, rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_coefficients_are_those_of_one_machine(client, n_classes, setting):
    X, y, weight = dataset(n_classes)
    settings = ACCURATE | {"gamma": 2.0} | SETTINGS[setting]
    model = DaskFocalLogisticRegression(**settings).fit(*as_arrays(X, y, weight), client=client)
    local = FocalLogisticRegression(**settings).fit(X, y, weight)
    assert_same_coefficients(model, local)
    assert model.loss_.gamma == local.loss_.gamma
    np.testing.assert_allclose(model.loss_.alpha or 1, local.loss_.alpha or 1, rtol=1e-14)
    assert model.classes_.tolist() == local.classes_.tolist()


def test_class_of_weight_zero_is_ignored(client):
    X, y, weight = dataset(3)
    settings = ACCURATE | {"class_weight": {"no": 1, "perhaps": 2, "yes": 0}}
    model = DaskFocalLogisticRegression(**settings).fit(*as_arrays(X, y, weight)).to_local()
    local = FocalLogisticRegression(**settings).fit(X, y, weight)
    np.testing.assert_allclose(model.coef_, local.coef_, rtol=0, atol=1e-6)
    # Not the intercepts: the optimal one of a class without weight is minus infinity.
    np.testing.assert_allclose(model.predict_proba(X), local.predict_proba(X), rtol=0, atol=1e-6)


def test_frames_float32_and_frame_with_array(client):
    X, y, _ = dataset()
    local = FocalLogisticRegression(**ACCURATE).fit(X, y)
    frames = as_frames(X, y)
    model = DaskFocalLogisticRegression(**ACCURATE).fit(*frames)
    assert_same_coefficients(model, local)
    assert model.feature_names_in_.tolist() == list("abcdef")
    y_array = da.from_array(y, chunks=(tuple(frames[1].map_partitions(len).compute()),))
    assert_same_coefficients(DaskFocalLogisticRegression(**ACCURATE).fit(frames[0], y_array), local)
    X32, y32 = as_arrays(X.astype(np.float32), y)
    single = DaskFocalLogisticRegression().fit(X32, y32)
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, local.coef_, atol=1e-3)
    assert (
        single.predict_proba(X32).dtype
        == single.to_local().predict_proba(X[:2].astype(np.float32)).dtype
    )


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_partitions_are_never_made_dense(client, kind, l1_ratio):
    X, y, weight = dataset(3)
    X_dask, *columns = as_arrays(X, y, weight)
    X_dask = X_dask.rechunk((250, 6)).map_blocks(kind)
    settings = ACCURATE | {"l1_ratio": l1_ratio}
    model = DaskFocalLogisticRegression(**settings).fit(X_dask, *columns)
    assert_same_coefficients(model, FocalLogisticRegression(**settings).fit(X, y, weight))


def test_partitions_of_one_class_without_rows_or_without_weight(client):
    X, y, weight = dataset(3)
    order = np.argsort(y)
    X, y, weight = X[order], y[order], weight[order]
    weight[:250] = 0
    mask = np.ones(1000, bool)
    mask[500:750] = False
    collections = [da.from_array(c, chunks=(250, 6)[: c.ndim]) for c in (X, y, weight, mask)]
    holed = [c[collections[3]].compute_chunk_sizes() for c in collections[:3]]
    assert holed[0].chunks[0] == (250, 250, 0, 250)
    model = DaskFocalLogisticRegression(**ACCURATE).fit(*holed)
    local = FocalLogisticRegression(**ACCURATE).fit(X[mask], y[mask], weight[mask])
    assert_same_coefficients(model, local)
    assert model.predict(holed[0]).compute().tolist() == local.predict(X[mask]).tolist()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_predictions_are_the_local_model_s_and_lazy(client, n_classes):
    X, y, _ = dataset(n_classes)
    model = DaskFocalLogisticRegression(probability="score").fit(*as_arrays(X, y))
    local = pickle.loads(pickle.dumps(model)).to_local()
    assert type(local) is FocalLogisticRegression
    assert local.get_params() == model.get_params()
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        lazy, expected = getattr(model, method)(as_arrays(X)[0]), getattr(local, method)(X)
        assert isinstance(lazy, da.Array)
        assert (lazy.dtype, lazy.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(lazy.compute(), expected)


def test_fit_warns_goes_on_and_counts_iterations_as_on_one_machine(client):
    collections = as_arrays(*dataset()[:2])
    model = DaskFocalLogisticRegression(max_iter=3, tol=1e-10, warm_start=True)
    with pytest.warns(ConvergenceWarning, match=r"increase max_iter \(max_iter=3\)") as caught:
        model.fit(*collections)
    assert caught[0].filename == __file__
    assert model.n_iter_.tolist() == [3]
    model.set_params(max_iter=100).fit(*collections)
    assert model.n_iter_[0] < DaskFocalLogisticRegression(tol=1e-10).fit(*collections).n_iter_[0]


def test_an_evaluation_moves_a_gradient_per_thread(client, monkeypatch):
    sizes, submit = [], client.submit

    def spy(function, *arguments, **settings):
        future = submit(function, *arguments, **settings)
        if function.args[1][0] is LinearObjective._loss_sums:
            sizes.append([len(pickle.dumps(sent)) for sent in (function, future.result())])
        return future

    monkeypatch.setattr(client, "submit", spy)
    X = np.random.default_rng(0).normal(size=(4000, 40))
    y = (X[:, 0] > 0.5).astype(int)
    model = DaskFocalLogisticRegression().fit(
        *(da.from_array(c, chunks=(500, 40)[: c.ndim]) for c in (X, y)), client=client
    )
    assert 3 < len(sizes) <= 2 * 2 * (model.n_iter_[0] + 1)  # of 2 threads, not of 8 partitions
    assert np.max(sizes) < 41 * 8 + 500  # the coefficients and what wraps them


@pytest.mark.parametrize("as_table", [np.asarray, sparse.csr_matrix])
def test_dask_counts_the_bytes_of_rows(as_table):
    X, y = as_table(np.ones((1000, 20))), np.zeros(1000, np.int8)
    loss = BinaryFocalLoss(gamma=1.0, alpha=0.5)
    objective = LinearObjective(loss, X, y, None, scale=1.0, l2=0.0, fit_intercept=True)
    assert min(sizeof(objective), sizeof(Part(X, y))) >= 1000 * 20 * 8


def test_evaluations_run_where_the_partitions_are(client):
    X, y = np.random.default_rng(0).normal(size=(40_000, 10)), np.arange(40_000) % 2
    for _ in range(3):  # Dask misplaces them in some fits only
        with distributed.get_task_stream(client) as stream:
            DaskFocalLogisticRegression().fit(
                *(da.from_array(c, chunks=(10_000, 10)[: c.ndim]) for c in (X, y)), client=client
            )
        evaluations = [task for task in stream.data if "_evaluate" in str(task["key"])]
        actions = {action["action"] for task in evaluations for action in task["startstops"]}
        assert actions == {"compute"}  # and no "transfer"


def test_rows_are_not_gathered(client, monkeypatch):
    gathered, gather = [], client.gather

    def spy(*arguments, **settings):
        result = gather(*arguments, **settings)
        gathered.append(len(pickle.dumps(result)))
        return result

    monkeypatch.setattr(client, "gather", spy)
    X = np.random.default_rng(0).normal(size=(40_000, 10))
    y = (X[:, 0] > 0.5).astype(int)
    for settings in ({}, {"l1_ratio": 1.0}):
        gathered.clear()
        DaskFocalLogisticRegression(**settings).fit(
            *(da.from_array(c, chunks=(10_000, 10)[: c.ndim]) for c in (X, y)), client=client
        )
        # The sample that scales the problem has some 5,000 rows.
        assert sum(gathered) < X.nbytes / 5


def numbers_first(block, block_info=None):
    return np.arange(len(block)) % 2 if block_info[0]["chunk-location"] == (0,) else block


def bad_inputs():
    X, y, weight = dataset()
    arrays = as_arrays(X, y, weight)
    infinite = np.where(X > 1, np.inf, X)
    mixed = da.from_array(y, chunks=250).map_blocks(numbers_first, dtype=y.dtype)
    frame = as_frames(X)[0].assign(a="text")
    return {
        "labels of two kinds": (TypeError, "labels of one type", (arrays[0], mixed)),
        "infinite X": (ValueError, "infinity", as_arrays(infinite, y)),
        "huge X": (ValueError, "too large for float64", as_arrays(X * 1e200, y)),
        "text": (ValueError, "Column 'a' of X must be numeric", (frame, as_frames(X, y)[1])),
        "negative weight": (
            ValueError,
            "must contain only weights >= 0, got -",
            as_arrays(X, y, -weight),
        ),
        "no weight": (ValueError, "zero for every row", as_arrays(X, y, 0 * weight)),
        "infinite sum": (ValueError, "finite sum", as_arrays(X, y, weight * 8e307)),
        "numpy X": (TypeError, "X must be a dask", (X, arrays[1])),
        "unknown chunks": (
            ValueError,
            "y must have known chunk sizes",
            (arrays[0], arrays[1][arrays[1] == "no"]),
        ),
        "one class": (ValueError, "only one class", as_arrays(X, np.zeros(1000))),
    }


BAD_INPUTS = bad_inputs()


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_collections_are_refused_and_leave_no_model(client, case):
    error, message, collections = BAD_INPUTS[case]
    model = DaskFocalLogisticRegression().fit(*as_arrays(*dataset()[:2]))
    with pytest.raises(error, match=message):
        model.fit(*collections)
    with pytest.raises(NotFittedError):
        model.to_local()


def test_solver_that_does_not_fit_the_penalty_is_refused_before_any_work(client):
    with pytest.raises(ValueError, match="'prox-newton' with an L1 penalty"):
        DaskFocalLogisticRegression(solver="lbfgs", l1_ratio=1.0).fit(None, None)


def test_rows_that_only_a_dead_worker_held_are_computed_again(monkeypatch, tmp_path):
    mark = tmp_path / "died"

    class Dying(LinearObjective):
        def _loss_sums(self, coef):
            if np.any(coef) and distributed.get_worker().address == victim and not mark.exists():
                mark.touch()
                os._exit(1)
            return super()._loss_sums(coef)

    X, y, _ = dataset()
    with cluster() as client, monkeypatch.context() as patch:
        victim = next(iter(client.nthreads()))
        patch.setattr("skfocal.dask._linear.LinearObjective", Dying)
        model = DaskFocalLogisticRegression(**ACCURATE).fit(*as_arrays(X, y), client=client)
    assert mark.exists()
    assert_same_coefficients(model, FocalLogisticRegression(**ACCURATE).fit(X, y))


def test_interrupt_leaves_nothing_running(client, monkeypatch):
    gather = client.gather
    calls = []
    held_before = held(client)  # errors of earlier tests may still refer to partitions

    def interrupted(futures, *arguments, **settings):
        calls.append(None)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return gather(futures, *arguments, **settings)

    monkeypatch.setattr(client, "gather", interrupted)
    model = DaskFocalLogisticRegression()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*as_arrays(*dataset()[:2]), client=client)
    monkeypatch.undo()
    wait_until(lambda: not any(client.processing().values()) and held(client) <= held_before)
    with pytest.raises(NotFittedError):
        model.to_local()
