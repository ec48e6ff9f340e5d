"""Evaluation sets, early stopping and continued training of the Dask trees."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skfocal import FocalLGBMClassifier

pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")

import dask.array as da  # noqa: E402
from dask_cluster import (  # noqa: E402
    PARAMETERS,
    SAME,
    as_arrays,
    as_frames,
    dataset,
    held,
    wait_until,
)

from skfocal.dask import DaskFocalLGBMClassifier  # noqa: E402
from skfocal.dask._holdout import deal  # noqa: E402

LONG = PARAMETERS | {"n_estimators": 200, "learning_rate": 0.5}


def split(*columns):
    """Rows to train on, and some of them to evaluate: the trees are those of one machine."""
    return columns, [column[600:] for column in columns]


@pytest.mark.parametrize(("n_classes", "collect"), [(2, as_frames), (3, as_arrays)])
def test_evaluations_are_those_of_one_machine(client, collect, n_classes):
    (X, y, weight), (eval_X, eval_y, eval_weight) = split(*dataset(n_classes))
    settings = {"eval_metric": ["error", "logloss"], "eval_names": ["train", "other"]}
    train, other = collect(X, y, weight), collect(eval_X, eval_y, eval_weight)
    model = DaskFocalLGBMClassifier(**PARAMETERS).fit(
        *train,
        eval_X=(train[0], other[0]),
        eval_y=(train[1], other[1]),
        eval_sample_weight=[train[2], other[2]],
        client=client,
        **settings,
    )
    local = FocalLGBMClassifier(**PARAMETERS).fit(
        X,
        y,
        weight,
        eval_X=(X, eval_X),
        eval_y=(y, eval_y),
        eval_sample_weight=[weight, eval_weight],
        **settings,
    )
    assert model.evals_result_.keys() == local.evals_result_.keys()
    assert model.best_score_.keys() == local.best_score_.keys()
    for name, metrics in local.evals_result_.items():
        assert model.evals_result_[name].keys() == metrics.keys()
        for metric, values in metrics.items():
            np.testing.assert_allclose(model.evals_result_[name][metric], values, **SAME)


@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_goes_by_the_loss_of_the_whole_set(client, weighted):
    (X, y, _), (eval_X, eval_y, eval_weight) = split(*dataset())
    settings = LONG | {"early_stopping": True, "n_iter_no_change": 3}
    train, other = as_arrays(X, y), as_arrays(eval_X, eval_y, eval_weight)
    model = DaskFocalLGBMClassifier(**settings).fit(
        *train,
        eval_X=(train[0], other[0]),
        eval_y=(train[1], other[1]),
        eval_sample_weight=[None, other[2]] if weighted else None,
    )
    local, recorded = model.to_local(), model.evals_result_["valid_1"]["focal_loss"]
    codes, weight = np.searchsorted(model.classes_, eval_y), eval_weight if weighted else None
    losses = [
        model.loss_(codes, local.raw_predict(eval_X, num_iteration=i + 1), weight)
        for i in range(model.n_iter_)
    ]
    np.testing.assert_allclose(recorded[:-3], losses, rtol=1e-6)  # weights are in float32
    assert model.best_iteration_ == np.argmin(recorded) + 1 == len(recorded) - 3 < 100


def test_evaluation_set_that_one_worker_holds_alone(client):
    (X, y), (eval_X, eval_y) = split(*dataset()[:2])
    alone = [da.from_array(column, chunks=-1) for column in (eval_X, eval_y)]
    model = DaskFocalLGBMClassifier(**PARAMETERS)
    model.fit(*as_arrays(X, y), eval_X=alone[0], eval_y=alone[1])
    local = FocalLGBMClassifier(**PARAMETERS).fit(X, y, eval_X=eval_X, eval_y=eval_y)
    np.testing.assert_allclose(
        model.evals_result_["valid_0"]["focal_loss"],
        local.evals_result_["valid_0"]["focal_loss"],
        **SAME,
    )


def test_held_out_rows_stop_the_fit_and_are_not_trained_on(client):
    X, y, weight = dataset(3)
    settings = LONG | {"early_stopping": True, "random_state": 0, "validation_fraction": 0.25}
    model = DaskFocalLGBMClassifier(**settings).fit(*as_arrays(X, y, weight))
    losses = model.evals_result_["valid_0"]["focal_loss"]
    assert model.best_iteration_ == np.argmin(losses) + 1 == len(losses) - 10 < 100
    again = DaskFocalLGBMClassifier(**settings).fit(*as_arrays(X, y, weight))
    assert again.evals_result_["valid_0"]["focal_loss"] == pytest.approx(losses, rel=1e-9)
    root = model.booster_.trees_to_dataframe().iloc[0]
    assert root["count"] == pytest.approx(750, abs=5)


def test_each_partition_gives_its_part_of_every_class():
    counts = np.array([[10, 1, 0], [30, 0, 1], [0, 2, 0], [61, 0, 0]])
    sizes = [11, 1, 0]
    dealt = deal(counts, sizes)
    assert dealt.sum(axis=0).tolist() == sizes
    assert np.all((dealt >= 0) & (dealt <= counts))
    assert np.abs(dealt - counts * sizes / counts.sum(axis=0)).max() <= 1


@pytest.mark.parametrize("kind", ["estimator", "distributed", "booster"])
def test_training_goes_on_from_a_model(client, kind):
    X, y, _ = dataset()
    first = FocalLGBMClassifier(**PARAMETERS).fit(X, y)
    init_model = first
    if kind == "distributed":
        init_model = DaskFocalLGBMClassifier(**PARAMETERS).fit(*as_arrays(X, y))
    elif kind == "booster":
        init_model = first.to_lightgbm(probability="score")
    model = DaskFocalLGBMClassifier(**PARAMETERS).fit(*as_arrays(X, y), init_model=init_model)
    local = FocalLGBMClassifier(**PARAMETERS).fit(X, y, init_model=first)
    assert model.n_iter_ == local.n_iter_ == 20
    np.testing.assert_allclose(model.to_local().predict_proba(X), local.predict_proba(X), **SAME)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_training_starts_from_scores(client, n_classes):
    (X, y), (eval_X, eval_y) = split(*dataset(n_classes)[:2])
    scores = np.linspace(-1, 1, 3000).reshape(1000, 3)[:, : n_classes if n_classes > 2 else 1]
    scores = scores[:, 0].copy() if n_classes == 2 else scores
    start, eval_start = split(scores)[0][0], split(scores)[1][0]
    chunked = [da.from_array(s, chunks=(300, *s.shape[1:])) for s in (start, eval_start)]
    settings = PARAMETERS | {"n_estimators": 4}  # before two splits are equally good
    model, local = (cls(**settings) for cls in (DaskFocalLGBMClassifier, FocalLGBMClassifier))
    evaluation = dict(zip(("eval_X", "eval_y"), as_arrays(eval_X, eval_y), strict=True))
    model.fit(*as_arrays(X, y), init_score=chunked[0], eval_init_score=chunked[1], **evaluation)
    local.fit(X, y, init_score=start, eval_X=eval_X, eval_y=eval_y, eval_init_score=eval_start)
    assert model.evals_result_["valid_0"]["focal_loss"] == pytest.approx(
        local.evals_result_["valid_0"]["focal_loss"], rel=1e-5
    )
    np.testing.assert_allclose(model.to_local().raw_predict(X), local.raw_predict(X), **SAME)


def test_frame_with_labels_in_an_array(client):
    X, y, _ = dataset()
    X_frame, y_series = as_frames(X, y)
    y_array = da.from_array(y, chunks=(tuple(y_series.map_partitions(len).compute()),))
    model = DaskFocalLGBMClassifier(**PARAMETERS).fit(X_frame, y_array)
    local = FocalLGBMClassifier(**PARAMETERS).fit(X, y)
    proba = model.predict_proba(X_frame).compute()
    np.testing.assert_allclose(proba, local.predict_proba(X), **SAME)


def test_verbose_prints_in_the_client(client, capsys):
    X, y, _ = dataset()
    DaskFocalLGBMClassifier(**PARAMETERS, verbose=5).fit(*as_arrays(X, y))
    expected = capsys.readouterr().out
    FocalLGBMClassifier(**PARAMETERS, verbose=5).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert expected.splitlines() == lines
    assert [line.split("\t")[0] for line in lines] == ["[5]", "[10]"]


def refused():
    """Arguments of fit that are refused: error, message, arguments."""
    X, y, weight = dataset()
    eval_X, eval_y, eval_weight = as_arrays(X, y, weight)
    unknown = as_arrays(X, np.where(y == "no", "never", y))[1]
    both = {"eval_X": eval_X, "eval_y": eval_y}
    scores, wide = {"init_score": eval_weight}, da.ones((1000, 3), chunks=(400, 3))
    other = FocalLGBMClassifier(**PARAMETERS).fit(X[:, :5], y)
    one_score = r"init_score must have shape \(n_samples,\) or, for multiclass, .* columns for"
    return {
        "metric of pairs": (
            ValueError,
            "eval_metric must be 'logloss', 'error' or 'focal_loss'",
            both | {"eval_metric": "auc"},
        ),
        "metric without rows": (ValueError, "requires an evaluation set", {"eval_metric": "error"}),
        "no eval_y": (ValueError, "given together", {"eval_X": eval_X}),
        "local eval_X": (TypeError, "eval_X must be a dask", both | {"eval_X": X}),
        "local eval_y": (TypeError, "eval_y must be a dask", both | {"eval_y": y}),
        "other labels": (
            ValueError,
            "eval_y must contain only the classes .*, got the unknown labels",
            both | {"eval_y": unknown},
        ),
        "no eval weight": (
            ValueError,
            "eval_sample_weight must contain a positive weight",
            both | {"eval_sample_weight": 0 * eval_weight},
        ),
        "negative eval weight": (
            ValueError,
            "eval_sample_weight must contain only weights >= 0",
            both | {"eval_sample_weight": -eval_weight},
        ),
        "names": (ValueError, "eval_names must be a list", both | {"eval_names": ["a", "b"]}),
        "two starts": (ValueError, "not be given together", scores | {"init_model": other}),
        "features of init_model": (ValueError, "init_model has 5 features", {"init_model": other}),
        "width of init_score": (ValueError, one_score, {"init_score": wide}),
        "infinite init_score": (ValueError, "infinity", {"init_score": eval_weight + np.inf}),
        "eval_init_score missing": (ValueError, "every evaluation set", both | scores),
    }


REFUSED = refused()


@pytest.mark.parametrize("case", REFUSED)
def test_arguments_are_refused_and_leave_no_model(client, case):
    X, y, _ = dataset()
    error, message, arguments = REFUSED[case]
    model = DaskFocalLGBMClassifier(**PARAMETERS)
    with pytest.raises(error, match=message):
        model.fit(*as_arrays(X, y), **arguments)
    with pytest.raises(NotFittedError):
        model.to_local()


def test_refused_fit_leaves_nothing_on_the_workers(client):
    held_before = held(client)
    X, y, weight = as_arrays(*dataset())
    sets = {"eval_X": X, "eval_y": y, "eval_sample_weight": -weight}
    with pytest.raises(ValueError, match="eval_sample_weight"):
        DaskFocalLGBMClassifier(**PARAMETERS).fit(X, y, **sets)
    wait_until(lambda: held(client) <= held_before)


def test_infinite_leaf_is_refused_and_leaves_no_model(client):
    X, y, _ = as_arrays(*dataset())
    settings = PARAMETERS | {"min_child_weight": 0.0, "learning_rate": 1e308, "n_estimators": 5}
    model = DaskFocalLGBMClassifier(**settings)
    with pytest.raises(ValueError, match="min_child_weight"):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.to_local()


def test_early_stopping_that_watches_training_rows_only_is_refused(client):
    X, y = as_arrays(*dataset()[:2])
    model = DaskFocalLGBMClassifier(**LONG, early_stopping=True)
    with pytest.raises(ValueError, match="not the training data"):
        model.fit(X, y, eval_X=X, eval_y=y)


def test_sparse_evaluation_set(client):
    (X, y), (eval_X, eval_y) = split(*dataset()[:2])
    X_dask, y_dask = as_arrays(X, y)
    sparse_X = as_arrays(eval_X)[0].rechunk((250, 6)).map_blocks(sparse.csr_matrix)
    X_dask = X_dask.rechunk((250, 6)).map_blocks(sparse.csr_matrix)
    model = DaskFocalLGBMClassifier(**PARAMETERS)
    model.fit(X_dask, y_dask, eval_X=sparse_X, eval_y=as_arrays(X, eval_y)[1])
    local = FocalLGBMClassifier(**PARAMETERS).fit(X, y, eval_X=eval_X, eval_y=eval_y)
    assert model.evals_result_["valid_0"]["focal_loss"] == pytest.approx(
        local.evals_result_["valid_0"]["focal_loss"], rel=1e-5
    )
