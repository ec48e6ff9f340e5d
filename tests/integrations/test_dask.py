"""The Dask estimator on a cluster of two worker processes."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split

from skfocal import FocalLGBMClassifier
from skfocal.estimators import _boosting

pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")

import dask.array as da  # noqa: E402
import dask.dataframe as dd  # noqa: E402
from dask_cluster import PARAMETERS, SAME, as_arrays, as_frames, dataset  # noqa: E402

from skfocal.dask import DaskFocalLGBMClassifier  # noqa: E402


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("collect", [as_arrays, as_frames])
def test_distributed_model_is_the_local_one(client, collect, n_classes, weighted):
    X, y, weight = dataset(n_classes)
    columns = [y, weight] if weighted else [y]
    model = DaskFocalLGBMClassifier(class_weight="balanced", **PARAMETERS)
    model.fit(*collect(X, *columns))
    local = FocalLGBMClassifier(class_weight="balanced", **PARAMETERS).fit(X, *columns)
    assert model.loss_ == local.loss_
    np.testing.assert_allclose(model.start_, local.start_, rtol=1e-12)
    lazy = model.predict_proba(collect(X)[0])
    assert isinstance(lazy, da.Array)
    np.testing.assert_allclose(lazy.compute(), local.predict_proba(X), **SAME)


def test_ranking_on_continuous_data_is_as_good_as_on_one_machine(client):
    X, y = make_classification(
        6000, 10, n_informative=6, weights=[0.9], flip_y=0.05, random_state=0
    )
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    model = DaskFocalLGBMClassifier(n_estimators=30).fit(*as_arrays(X, y))
    local = FocalLGBMClassifier(n_estimators=30, n_jobs=1).fit(X, y)
    precision, expected = (
        average_precision_score(y_test, m.predict_proba(X_test)[:, 1])
        for m in (model.to_local(), local)
    )
    # Other bins move the average precision by 0.01 on 150 positives.
    assert precision == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_worker_that_holds_one_class_only(client, monkeypatch, n_classes):
    class Spy(_boosting.FocalObjective):
        def __call__(self, raw_prediction, dataset):
            distributed.get_worker().labels_seen = np.unique(dataset.get_label()).tolist()
            return super().__call__(raw_prediction, dataset)

    X, y, _ = dataset(n_classes)
    pieces = []
    for worker, of_worker in zip(client.nthreads(), (y == "no", y != "no"), strict=True):
        piece = [da.from_array(column[of_worker], chunks=-1) for column in (X, y)]
        pieces.append(client.persist(piece, workers=[worker]))
    distributed.wait(pieces)
    model = DaskFocalLGBMClassifier(**PARAMETERS)
    with monkeypatch.context() as patch:
        patch.setattr(_boosting, "FocalObjective", Spy)
        model.fit(*(da.concatenate(columns) for columns in zip(*pieces, strict=True)))

    seen = client.run(lambda dask_worker: dask_worker.labels_seen).values()
    assert sorted(seen) == [[0], list(range(1, n_classes))]
    local = FocalLGBMClassifier(**PARAMETERS).fit(X, y)
    np.testing.assert_allclose(model.to_local().predict_proba(X), local.predict_proba(X), **SAME)


@pytest.mark.parametrize("collect", [as_arrays, as_frames])
def test_empty_partitions_change_nothing(client, collect):
    X, y, weight = dataset()
    kept = np.arange(1000) >= 500
    *collections, mask = collect(X, y, weight, kept)
    holed = [collection[mask] for collection in collections]
    if collect is as_arrays:
        holed = [array.compute_chunk_sizes() for array in holed]
        assert 0 in holed[0].chunks[0]
    else:
        assert 0 in holed[0].map_partitions(len).compute().tolist()
    model = DaskFocalLGBMClassifier(**PARAMETERS).fit(*holed)
    local = FocalLGBMClassifier(**PARAMETERS).fit(X[kept], y[kept], weight[kept])
    proba = model.predict_proba(holed[0]).compute()
    np.testing.assert_allclose(proba, local.predict_proba(X[kept]), **SAME)


@pytest.fixture(scope="module", params=[2, 3])
def fitted(client, request):
    X, y, _ = dataset(request.param)
    return DaskFocalLGBMClassifier(**PARAMETERS).fit(*as_arrays(X, y)), X


@pytest.mark.parametrize("collect", [as_arrays, as_frames])
@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function", "raw_predict"]
)
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_predictions_are_the_local_model_s_and_lazy(fitted, method, collect):
    model, X = fitted
    lazy = getattr(model, method)(collect(X)[0])
    expected = getattr(model.to_local(), method)(X)
    assert isinstance(lazy, da.Array)
    assert (lazy.dtype, lazy.shape[1:]) == (expected.dtype, expected.shape[1:])
    np.testing.assert_array_equal(lazy.compute(), expected)


def test_predictions_take_a_range_of_iterations(fitted):
    model, X = fitted
    lazy = model.raw_predict(as_arrays(X)[0], start_iteration=2, num_iteration=3)
    expected = model.to_local().raw_predict(X, start_iteration=2, num_iteration=3)
    np.testing.assert_array_equal(lazy.compute(), expected)


def test_prediction_computes_nothing_by_itself(fitted):
    model, X = fitted

    def fail(block):
        raise OSError("computed")

    lazy = model.predict_proba(as_arrays(X)[0].map_blocks(fail, meta=X))
    with pytest.raises(OSError, match="computed"):
        lazy.compute()


def test_local_model_is_a_plain_estimator(fitted):
    model, X = fitted
    local = model.to_local()
    assert type(local) is FocalLGBMClassifier
    assert local.get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.to_local().predict(X), local.predict(X))
    native = model.to_lightgbm(probability="score")
    np.testing.assert_allclose(
        native.predict(X, raw_score=True), local.raw_predict(X), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_partitions(client, kind):
    X, y, _ = dataset()
    X_dask, y_dask = as_arrays(X, y)
    X_dask = X_dask.rechunk((250, 6)).map_blocks(kind)
    model = DaskFocalLGBMClassifier(**PARAMETERS).fit(X_dask, y_dask)
    local = FocalLGBMClassifier(**PARAMETERS).fit(X, y)
    np.testing.assert_allclose(
        model.predict_proba(X_dask).compute(), local.predict_proba(X), **SAME
    )


def test_categorical_columns(client):
    X, y, _ = dataset()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    frame["city"] = pd.Categorical(np.array(["Bern", "Chur"])[(y == "no").astype(int)])
    collections = [dd.from_pandas(c, npartitions=2) for c in (frame, pd.Series(y))]
    model = DaskFocalLGBMClassifier(**PARAMETERS).fit(*collections)
    assert model.feature_names_in_.tolist() == [*"abcdef", "city"]
    assert model.booster_.pandas_categorical == [["Bern", "Chur"]]
    np.testing.assert_array_equal(model.predict(collections[0]).compute(), y)

    codes = np.column_stack([X, frame["city"].cat.codes])
    model = DaskFocalLGBMClassifier(**PARAMETERS)
    model.fit(*as_arrays(codes, y), categorical_feature=[6])
    np.testing.assert_array_equal(model.predict(as_arrays(codes)[0]).compute(), y)
    assert "==" in model.booster_.trees_to_dataframe()["decision_type"].to_numpy()


def test_prediction_of_a_local_table_is_refused(fitted):
    model, X = fitted
    with pytest.raises(TypeError, match="X must be a dask Array or DataFrame, got ndarray"):
        model.predict(X)


def test_categories_are_those_of_fit_in_every_partition(client):
    X, y, _ = dataset()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    frame["shop"] = pd.Categorical(np.where(y == "no", 10, 20))
    collections = [dd.from_pandas(c, npartitions=2) for c in (frame, pd.Series(y))]
    model = DaskFocalLGBMClassifier(**PARAMETERS).fit(*collections)
    expected = model.to_local().predict_proba(frame)
    lost = dd.from_pandas(frame.astype({"shop": int}), npartitions=3)
    np.testing.assert_array_equal(model.predict_proba(lost).compute(), expected)
    unknown = dd.from_pandas(frame.assign(shop=11), npartitions=3)
    with pytest.raises(
        ValueError, match="Column 'shop' of X must contain only the categories seen in fit"
    ):
        model.predict_proba(unknown).compute()
    with pytest.raises(ValueError, match="X must be a dataframe"):
        model.predict(da.from_array(frame.to_numpy(float), chunks=(500, 7))).compute()


def test_columns_and_names_of_every_kind(client):
    X, y, _ = dataset()
    frame = pd.DataFrame(X, columns=["a:b", "a b", "a_b", "", "e", "f"])
    frame["e"] = pd.array(X[:, 4], dtype="Int64").copy()
    frame.loc[::7, "e"] = pd.NA
    frame["f"] = pd.array(X[:, 5] > 0, dtype="bool[pyarrow]")
    frame["city"] = pd.Categorical(np.array(["Bern", "Chur"])[(y == "no").astype(int)])
    X_dask, y_dask = (dd.from_pandas(c, npartitions=2) for c in (frame, pd.Series(y)))
    model = DaskFocalLGBMClassifier(**PARAMETERS).fit(X_dask, y_dask)
    local = FocalLGBMClassifier(**PARAMETERS).fit(frame, y)
    np.testing.assert_allclose(
        model.predict_proba(X_dask).compute(), local.predict_proba(frame), **SAME
    )
    dates = X_dask.assign(f=pd.Timestamp("2020-01-01"))
    with pytest.raises(ValueError, match="Column 'f' of X must be numeric, got dates"):
        DaskFocalLGBMClassifier(**PARAMETERS).fit(dates, y_dask)


@pytest.mark.parametrize("weighted", [False, True])
def test_class_of_weight_zero_counts_for_nothing(client, weighted):
    X, y, weight = dataset(3)
    columns = [y, weight] if weighted else [y]
    settings = PARAMETERS | {"class_weight": {"no": 1, "perhaps": 0, "yes": 3}}
    model = DaskFocalLGBMClassifier(**settings).fit(*as_arrays(X, *columns))
    local = FocalLGBMClassifier(**settings).fit(X, *columns)
    proba = model.to_local().predict_proba(X)
    np.testing.assert_allclose(proba, local.predict_proba(X), **SAME)
    assert proba[:, 1].max() < 1e-6


def test_weights_that_are_small_relative_to_reg_lambda_warn(client):
    X, y, weight = dataset(2)
    with pytest.warns(UserWarning, match=r"The weights of the rows.* decrease reg_lambda"):
        DaskFocalLGBMClassifier(**PARAMETERS | {"reg_lambda": 0.5}).fit(
            *as_arrays(X, y, weight / weight.sum())
        )


PRIORS = {2: {"no": 0.99, "perhaps": 0.01}, 3: {"no": 0.9, "perhaps": 0.09, "yes": 0.01}}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("collect", [as_arrays, as_frames])
def test_predictions_for_another_population(client, collect, n_classes, weighted):
    X, y, weight = dataset(n_classes)
    columns = [y, weight] if weighted else [y]
    settings = PARAMETERS | {"class_weight": "balanced", "class_prior": PRIORS[n_classes]}
    model = DaskFocalLGBMClassifier(**settings).fit(*collect(X, *columns))
    local = FocalLGBMClassifier(**settings).fit(X, *columns)
    np.testing.assert_allclose(model.class_share_, local.class_share_, rtol=1e-6)  # float32
    X_dask = collect(X)[0]
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        lazy, expected = getattr(model, method)(X_dask), getattr(local, method)(X)
        assert isinstance(lazy, da.Array)
        # Log-odds are as far apart as the scores are.
        np.testing.assert_allclose(lazy.compute(), expected, rtol=1e-5, atol=1e-5)
    table, alone = X_dask.compute(), model.to_local()
    np.testing.assert_array_equal(model.predict(X_dask).compute(), alone.predict(table))
    np.testing.assert_allclose(alone.predict_proba(table), local.predict_proba(X), **SAME)


def test_prior_is_that_of_the_call(fitted):
    model, X = fitted
    model = pickle.loads(pickle.dumps(model))
    X_dask = as_arrays(X)[0]
    expected = model.to_local().predict_proba(X)
    as_trained = model.predict_proba(X_dask)
    uniform = model.set_params(class_prior="uniform").predict_proba(X_dask)
    model.set_params(class_prior=None)
    np.testing.assert_array_equal(as_trained.compute(), expected)
    corrected = model.to_local().set_params(class_prior="uniform").predict_proba(X)
    np.testing.assert_array_equal(uniform.compute(), corrected)


def test_prior_that_does_not_fit_is_refused_before_any_work(client, fitted, monkeypatch):
    model, X = fitted
    model = pickle.loads(pickle.dumps(model)).set_params(class_prior=[0.5, 0.6])
    with pytest.raises(ValueError, match="class_prior"):
        model.predict_proba(as_arrays(X)[0])  # not computed
    X, y, _ = dataset(2)
    model = DaskFocalLGBMClassifier(class_prior=[0.5, 0.6], **PARAMETERS)
    monkeypatch.setattr("skfocal.dask._trees.train", None)  # no tree is grown
    with pytest.raises(ValueError, match="class_prior must sum to 1"):
        model.fit(*as_arrays(X, y))
    model.set_params(class_weight={"no": 1, "perhaps": 0}, class_prior="uniform")
    with pytest.raises(
        ValueError, match="class_prior requires training rows with positive weight in every class"
    ):
        model.fit(*as_arrays(X, y))


@pytest.mark.parametrize("as_table", [lambda X: X, sparse.csr_matrix])
def test_table_of_zeros_gives_the_class_shares(client, as_table):
    _, y, _ = dataset()
    X = da.zeros((1000, 3), chunks=(250, 3)).map_blocks(as_table)
    model = DaskFocalLGBMClassifier(**PARAMETERS).fit(X, da.from_array(y, chunks=250))
    share = np.mean(y == model.classes_[1])
    np.testing.assert_allclose(model.predict_proba(X).compute()[:, 1], share, rtol=1e-6)
