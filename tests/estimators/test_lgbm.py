"""FocalLGBMClassifier: equality with LightGBM at gamma 0, and other properties."""

import warnings

import lightgbm
import numpy as np
import pytest
from lightgbm import LGBMClassifier
from lightgbm_defaults import AS_IN_LIGHTGBM
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from skfocal import FocalLGBMClassifier, FocalLogisticRegression


def problem(n_classes=2, n_samples=1500, **settings):
    return make_classification(
        n_samples=n_samples,
        n_features=10,
        n_informative=6,
        n_classes=n_classes,
        class_sep=0.6,
        random_state=n_classes,
        **settings,
    )


NO_SAMPLING = {"subsample": 1.0, "colsample_bytree": 1.0}  # a continued fit draws other samples


def focal(gamma=2.0, **settings):
    """Return a small model. With one thread, the summation order of LightGBM is fixed."""
    return FocalLGBMClassifier(gamma, **({"n_estimators": 20, "n_jobs": 1} | settings))


@pytest.fixture(scope="module")
def split():
    X, y = problem(n_samples=3000, weights=[0.9])
    return train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"min_child_weight": 1, "reg_lambda": 5}, {"boosting_type": "goss"},
     {"subsample": 0.7, "subsample_freq": 1, "random_state": 3},
     {"num_leaves": 15, "max_depth": 4, "subsample": 0.7, "subsample_freq": 1}],
    ids=str,
)  # fmt: skip
def test_gamma_zero_with_newton_is_lightgbm(n_classes, weighted, settings):
    X, y = problem(n_classes)
    weight = np.random.default_rng(0).uniform(0.1, 2, len(y)) if weighted else None
    settings = AS_IN_LIGHTGBM | {"n_estimators": 30, "n_jobs": 1} | settings
    model = FocalLGBMClassifier(0, curvature="newton", **settings).fit(X, y, sample_weight=weight)
    expected = LGBMClassifier(verbose=-1, **settings).fit(X, y, sample_weight=weight)
    # The trees are equal, and so is the order in which float32 gradients are summed.
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 7.5}], ids=str)
def test_gamma_zero_with_class_weight_is_lightgbm(class_weight):
    X, y = problem(weights=[0.9])
    settings = AS_IN_LIGHTGBM | {"n_estimators": 30, "n_jobs": 1, "class_weight": class_weight}
    model = FocalLGBMClassifier(0, curvature="newton", **settings).fit(X, y)
    expected = LGBMClassifier(verbose=-1, **settings).fit(X, y)
    # LightGBM rounds class weights to float32. Ours are part of alpha, which is float64.
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize("as_format", [sparse.csr_matrix, sparse.csc_array, np.asfortranarray])
def test_sparse_and_fortran_arrays_give_the_same_model(as_format):
    X, y = problem(3)
    X[np.abs(X) < 0.3] = 0
    expected = focal().fit(X, y).predict_proba(X)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Converting data to scipy sparse matrix")
        proba = focal().fit(as_format(X), y).predict_proba(as_format(X))
    np.testing.assert_allclose(proba, expected, rtol=1e-12)


def frame_with_categories(n_samples=600):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "amount": rng.normal(size=n_samples),
            "count": rng.integers(0, 9, n_samples),
            "colour": pd.Categorical(rng.choice(["red", "green", "blue"], n_samples)),
        }
    )
    frame.loc[::7, "amount"] = np.nan
    y = np.where((frame["colour"] == "green") & (frame["count"] > 3), "yes", "no")
    return frame, y


@pytest.mark.parametrize("as_frame", ["pandas", "polars", "pyarrow"])
def test_frames_with_categories_and_missing_values(as_frame):
    frame, y = frame_with_categories()
    X = frame
    if as_frame == "polars":
        X = pytest.importorskip("polars").from_pandas(frame)
    elif as_frame == "pyarrow":
        X = pytest.importorskip("pyarrow").Table.from_pandas(frame)
    model = focal().fit(X, y)
    expected = focal().fit(frame, y).predict_proba(frame)
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    assert list(model.feature_names_in_) == ["amount", "count", "colour"]
    assert roc_auc_score(y, expected[:, 1]) > 0.99  # requires splits on the colour


def test_categories_are_matched_by_name_and_not_by_code():
    frame, y = frame_with_categories()
    model = focal().fit(frame, y)
    reordered = frame.assign(
        colour=frame["colour"].cat.reorder_categories(["red", "green", "blue"])
    )
    np.testing.assert_array_equal(model.predict_proba(reordered), model.predict_proba(frame))


@pytest.mark.parametrize("as_frame", ["pandas", "polars"])
def test_numeric_frames_give_the_same_model_as_arrays(as_frame):
    module = pytest.importorskip(as_frame)
    X, y = problem()
    names = [f"name {i}" if i else "a[0]:b" for i in range(X.shape[1])]
    frame = module.DataFrame(dict(zip(names, X.T, strict=True)))
    model = focal().fit(frame, y)
    np.testing.assert_array_equal(model.predict_proba(frame), focal().fit(X, y).predict_proba(X))
    assert list(model.feature_names_in_) == names


def test_categorical_feature_by_name_or_index():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=900), "code": rng.integers(0, 30, 900)})
    y = (frame["code"] % 3 == 0).astype(int)
    by_name = focal().fit(frame, y, categorical_feature=["code"])
    by_index = focal().fit(frame.to_numpy(), y, categorical_feature=[1])
    np.testing.assert_array_equal(
        by_name.predict_proba(frame), by_index.predict_proba(frame.to_numpy())
    )
    assert "==" in str(by_name.booster_.dump_model()["tree_info"][0])
    with pytest.raises(
        ValueError, match=r"categorical_feature must contain only .* of X, got .*colour"
    ):
        focal().fit(frame, y, categorical_feature=["colour"])


def test_infinity_in_a_frame_with_categories_raises():
    frame, y = frame_with_categories()
    frame.loc[3, "amount"] = np.inf
    with pytest.raises(ValueError, match="contains infinity"):
        focal().fit(frame, y)


def test_all_missing_column_gives_valid_probabilities():
    X, y = problem()
    X[:, 3] = np.nan
    proba = focal().fit(X, y).predict_proba(X)
    assert np.all((proba > 0) & (proba < 1))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_early_stopping_predicts_with_the_best_round(n_classes):
    X, y = problem(n_classes)
    X, X_valid, y, y_valid = train_test_split(X, y, random_state=0)
    names = np.array(["low", "mid", "top"])
    model = focal(early_stopping=True, n_estimators=300, learning_rate=0.3, n_iter_no_change=5)
    model.fit(X, names[y], eval_X=X_valid, eval_y=names[y_valid])
    losses = model.evals_result_["valid_0"]["focal_loss"]
    assert model.best_iteration_ == 1 + int(np.argmin(losses)) < 300
    assert len(losses) == model.best_iteration_ + 5
    best = model.loss_(y_valid, model.raw_predict(X_valid))
    np.testing.assert_allclose(
        best, min(losses), rtol=1e-12
    )  # same scores, so equal up to rounding
    shorter = model.raw_predict(X_valid, num_iteration=model.best_iteration_)
    np.testing.assert_array_equal(shorter, model.raw_predict(X_valid))


def test_early_stopping_holds_out_rows_without_evaluation_set(split):
    X, _, y, _ = split
    model = focal(early_stopping=True, n_estimators=300, random_state=0, learning_rate=0.3)
    model.fit(X, y, sample_weight=np.ones(len(y)))
    assert list(model.evals_result_) == ["valid_0"]
    assert model.best_iteration_ < 300
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_early_stopping_warns_if_a_class_has_a_single_row():
    X, y = problem(n_samples=200)
    y = y.copy()
    y[0] = 2
    model = focal(early_stopping=True, random_state=0)
    with pytest.warns(UserWarning, match=r"holds out no rows of the classes \[2\]"):
        model.fit(X, y)
    assert np.all(np.isfinite(model.predict_proba(X)))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("as_format", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize("value", [1.0, -5.0, 0.0, 1e-40, np.nan])
def test_constant_features_predict_the_class_shares(value, as_format, n_classes):
    X, y = as_format(np.full((60, 2), value)), np.arange(60) % n_classes
    model = focal(early_stopping=True).fit(X, y, eval_X=X[:10], eval_y=y[:10])
    shares = np.full((60, n_classes), 1 / n_classes)
    np.testing.assert_allclose(model.predict_proba(X), shares, rtol=1e-6)
    other = as_format(np.arange(120.0).reshape(60, 2))
    np.testing.assert_array_equal(model.predict_proba(other), model.predict_proba(X))


def test_weights_that_overflow_float32_raise(split):
    X, X_valid, y, y_valid = split
    with pytest.raises(
        ValueError, match="sample_weight must have a finite sum, got inf in float32"
    ):
        focal().fit(X, y, sample_weight=np.full(len(y), 1e38))
    huge = np.full(len(y_valid), 1e38)
    with pytest.raises(ValueError, match="eval_sample_weight must have a finite sum"):
        focal().fit(X, y, eval_X=X_valid, eval_y=y_valid, eval_sample_weight=huge)


def test_eval_X_and_eval_y_of_different_lengths_raise(split):
    X, X_valid, y, y_valid = split
    with pytest.raises(ValueError, match="the same number of sets, got 2 for eval_X, 1 for eval_y"):
        focal().fit(X, y, eval_X=(X_valid, X_valid), eval_y=y_valid)


def test_eval_metric_receives_probabilities_and_stops_early(split):
    X, X_valid, y, y_valid = split
    seen = []

    def ranking(y_true, proba, weight):
        seen.append((proba.min(), proba.max(), weight))
        return "ranking", average_precision_score(y_true, proba), True

    model = focal(early_stopping=True, n_estimators=200, learning_rate=0.3)
    model.fit(
        X,
        y,
        eval_X=(X_valid, X),
        eval_y=(y_valid, y),
        eval_names=["valid", "train"],
        eval_metric=[ranking, "average_precision", "binary_logloss", "auc", "binary_error"],
    )
    history = model.evals_result_["valid"]
    assert list(history) == [
        "ranking", "average_precision", "binary_logloss", "auc", "binary_error", "focal_loss"
    ]  # fmt: skip
    assert list(model.evals_result_) == ["valid", "train"]
    assert all(0 < low <= high < 1 and weight is None for low, high, weight in seen)
    np.testing.assert_array_equal(history["ranking"], history["average_precision"])
    assert model.best_iteration_ == 1 + int(np.argmax(history["ranking"]))
    proba = model.predict_proba(X_valid)[:, 1]
    best = model.best_iteration_ - 1
    np.testing.assert_allclose(history["binary_logloss"][best], log_loss(y_valid, proba))
    np.testing.assert_allclose(history["auc"][best], roc_auc_score(y_valid, proba))
    np.testing.assert_allclose(history["binary_error"][best], 1 - model.score(X_valid, y_valid))


def test_multiclass_metrics_receive_one_column_per_class():
    X, y = problem(3)
    model = focal().fit(
        X,
        y,
        eval_X=X,
        eval_y=y,
        eval_sample_weight=np.ones(len(y)),
        eval_metric=[
            "multi_logloss",
            "multi_error",
            "auc",
            lambda t, p: ("width", p.shape[1], True),
        ],
    )
    history = model.evals_result_["valid_0"]
    np.testing.assert_allclose(history["multi_logloss"][-1], log_loss(y, model.predict_proba(X)))
    np.testing.assert_allclose(history["multi_error"][-1], 1 - model.score(X, y))
    np.testing.assert_allclose(
        history["auc"][-1],
        roc_auc_score(y, model.predict_proba(X), multi_class="ovr"),
    )
    assert history["width"][-1] == 3


def test_lightgbm_callbacks_work(split):
    X, X_valid, y, y_valid = split
    record = {}
    model = focal(n_estimators=100, learning_rate=0.3).fit(
        X,
        y,
        eval_X=X_valid,
        eval_y=y_valid,
        callbacks=[
            lightgbm.early_stopping(3, verbose=False),
            lightgbm.record_evaluation(record),
            lightgbm.reset_parameter(learning_rate=lambda i: 0.3 * 0.99**i),
        ],
    )
    assert record == model.evals_result_
    assert model.best_iteration_ == 1 + int(np.argmin(record["valid_0"]["focal_loss"]))


def test_verbose_is_the_printing_period(split, capfd):
    X, X_valid, y, y_valid = split
    focal(verbose=10).fit(X, y, eval_X=X_valid, eval_y=y_valid)
    assert capfd.readouterr().out.count("focal_loss") == 2
    for silent in (0, -1):
        focal(verbose=silent).fit(X, y, eval_X=X_valid, eval_y=y_valid)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("n_classes", [2, 3])
def test_init_model_continues_training(n_classes):
    X, y = problem(n_classes)
    whole = focal(n_estimators=20, **NO_SAMPLING).fit(X, y)
    first = focal(n_estimators=12, **NO_SAMPLING).fit(X, y)
    second = focal(n_estimators=8, **NO_SAMPLING).fit(X, y, init_model=first)
    assert second.booster_.current_iteration() == 20
    # LightGBM reads the scores of the first trees from text. Rounding may change a split.
    np.testing.assert_allclose(second.raw_predict(X), whole.raw_predict(X), rtol=0, atol=1e-4)


def test_init_score_replaces_start_and_is_not_added_to_predictions():
    X, y = problem(weights=[0.9])
    loss = focal().fit(X, y).loss_
    start = loss.fit_intercept_only(y)
    given = focal().fit(X, y, init_score=np.full(len(y), start))
    own = focal().fit(X, y)
    np.testing.assert_allclose(given.raw_predict(X) + start, own.raw_predict(X), rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_iteration_range_matches_lightgbm(n_classes):
    X, y = problem(n_classes)
    settings = AS_IN_LIGHTGBM | {"n_estimators": 10, "n_jobs": 1}
    model = FocalLGBMClassifier(0, curvature="newton", **settings).fit(X, y)
    expected = LGBMClassifier(verbose=-1, **settings).fit(X, y)
    for part in (
        {"num_iteration": 3},
        {"start_iteration": 4},
        {"start_iteration": 2, "num_iteration": 3},
    ):
        np.testing.assert_allclose(
            model.raw_predict(X, **part), expected.predict(X, raw_score=True, **part), atol=1e-9
        )
    np.testing.assert_array_equal(
        model.predict(X, num_iteration=3),
        model.predict_proba(X, num_iteration=3).argmax(axis=1),
    )


@pytest.mark.parametrize("gamma", [0, 2.0, 5.0])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("curvature", "learning_rate"), [("majorant", 1.0), ("geometric", 0.2)])
def test_training_loss_never_increases(curvature, learning_rate, gamma, n_classes):
    X, y = problem(n_classes)
    settings = {"curvature": curvature, "learning_rate": learning_rate, "subsample": 1.0}
    model = focal(gamma, n_estimators=60, **settings)
    model.fit(X, y, eval_X=X, eval_y=y)
    losses = np.array(model.evals_result_["valid_0"]["focal_loss"])
    start = model.loss_(y, np.zeros_like(model.raw_predict(X)) + model.start_)
    # Float32 gradients cause relative errors of up to 1e-6.
    assert np.all(np.diff(np.append(start, losses)) <= 1e-6 * losses + 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("gamma", [0, 1.0, 2.0])
def test_default_does_not_collapse_on_rare_positives(gamma):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 3))
    y = (X[:, 0] + 0.1 * rng.normal(size=len(X)) > 3.35).astype(int)
    assert 10 < y.sum() < 60
    X[:, 1] = np.round(X[:, 1], 1)
    ours = FocalLGBMClassifier(gamma, n_jobs=2).fit(X, y)
    assert average_precision_score(y, ours.predict_proba(X)[:, 1]) > 0.9


def test_importance_type_and_lgbm_params():
    X, y = problem()
    model = focal(lgbm_params={"max_bin": 15, "extra_trees": True}).fit(X, y)
    assert model.booster_.params["max_bin"] == 15
    split_counts = model.feature_importances_
    assert split_counts.sum() == sum(
        tree["num_leaves"] - 1 for tree in model.booster_.dump_model()["tree_info"]
    )
    model.set_params(importance_type="gain")
    np.testing.assert_array_equal(
        model.feature_importances_, model.booster_.feature_importance("gain")
    )


@pytest.mark.parametrize("random_state", [None, 0, np.random.RandomState(0)], ids=str)
def test_random_state_types(random_state):
    X, y = problem()
    model = focal(subsample=0.5, subsample_freq=1, random_state=random_state).fit(X, y)
    assert model.score(X, y) > 0.7


@pytest.mark.parametrize(
    "parameters",
    [{"curvature": "gauss"}, {"boosting_type": "rf"}, {"num_leaves": 1}, {"learning_rate": 0},
     {"n_estimators": 0}, {"validation_fraction": 1.0}, {"importance_type": "cover"}],
    ids=str,
)  # fmt: skip
def test_parameters_out_of_range_raise(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        focal(**parameters).fit(*problem())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"eval_set": [(0, 0)]}, TypeError, "eval_set is not supported. Pass eval_X and eval_y"),
        ({"eval_X": np.zeros((2, 10))}, ValueError, "eval_X and eval_y must be given together"),
        (
            {"eval_X": np.zeros((2, 10)), "eval_y": [0, 9]},
            ValueError,
            "eval_y must contain only the classes .* unknown labels.*9",
        ),
        ({"eval_X": np.zeros((2, 9)), "eval_y": [0, 1]}, ValueError, "9 features"),
        ({"eval_X": np.zeros((3, 10)), "eval_y": [0, 1]}, ValueError, "inconsistent"),
        ({"eval_metric": "rmse"}, ValueError, "eval_metric must be .*'rmse'"),
        ({"eval_metric": lambda y: 0}, TypeError, "eval_metric must take"),
        ({"eval_metric": max}, TypeError, "eval_metric must take"),
        ({"init_model": FocalLogisticRegression()}, TypeError, "init_model must be a fitted"),
        ({"init_model": "model.txt"}, (TypeError, ValueError, OSError), "model"),
        ({"categorical_feature": "colour"}, ValueError, "categorical_feature must be"),
        ({"init_score": np.zeros(3)}, ValueError, "inconsistent"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_invalid_fit_arguments_raise(arguments, error, message):
    with pytest.raises(error, match=message):
        focal().fit(*problem(), **arguments)


def test_init_model_of_other_data_raises():
    X, y = problem()
    first = focal().fit(X, y)
    with pytest.raises(ValueError, match="init_model was fitted on the classes"):
        focal().fit(X, y + 1, init_model=first)
    with pytest.raises(ValueError, match="init_model has 10 features"):
        focal().fit(X[:, :5], y, init_model=first)


@pytest.mark.parametrize(
    ("n_rows", "n_estimators", "expected"),
    [(100, 300, 0.04), (100, 900, 0.04), (100, 200, 0.06), (100, 1, 0.2), (16_000, 300, 0.04),
     (40_000, 300, 0.0632), (40_000, 200, 0.0949), (100_000, 300, 0.1), (500_000, 300, 0.2)],
)  # fmt: skip
def test_auto_learning_rate(n_rows, n_estimators, expected):
    X = np.arange(n_rows).reshape(-1, 1)
    stop = lightgbm.early_stopping(1, verbose=False)  # only the learning rate matters here
    model = FocalLGBMClassifier(n_estimators=n_estimators, num_leaves=2)
    model.fit(X, X[:, 0] % 2, eval_X=X[:9], eval_y=X[:9, 0] % 2, callbacks=[stop])
    assert model.learning_rate_ == pytest.approx(expected, abs=1e-4)  # expected values are rounded
    assert model.booster_.params["learning_rate"] == model.learning_rate_
    assert model.get_params()["learning_rate"] == "auto"


def test_auto_learning_rate_counts_weighted_training_rows():
    X = np.arange(50_000).reshape(-1, 1)
    y, weight = X[:, 0] % 2, np.arange(50_000) < 30_000
    model = FocalLGBMClassifier(num_leaves=2).fit(X, y, sample_weight=weight)
    assert model.learning_rate_ == pytest.approx(np.sqrt(30_000 / 1e7), rel=1e-12)
    model.set_params(early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert model.learning_rate_ == pytest.approx(np.sqrt(40_000 / 1e7), rel=1e-12)
    assert model.set_params(learning_rate=0.3).fit(X, y).learning_rate_ == 0.3


@pytest.mark.parametrize(
    "settings",
    [{"boosting_type": "goss"}, {"lgbm_params": {"data_sample_strategy": "goss"}}],
    ids=str,
)
def test_goss_ignores_subsample(settings):
    X, y = problem()
    settings = {"n_estimators": 20, "learning_rate": 0.1, "n_jobs": 1} | settings
    expected = FocalLGBMClassifier(subsample=1.0, **settings).fit(X, y)
    model = FocalLGBMClassifier(subsample=0.5, **settings).fit(X, y)
    np.testing.assert_array_equal(model.raw_predict(X), expected.raw_predict(X))


@pytest.mark.parametrize(
    ("params", "weight"),
    [
        ({"alpha": (1e39, 1e39)}, None),
        ({"alpha": (1.0, 1e40), "gamma": 0.0}, None),
        ({"class_weight": {0: 1e20, 1: 1e20}}, 1e19),
    ],
    ids=str,
)
def test_weights_that_overflow_float32_gradients_raise(params, weight):
    X, y = problem()
    sample_weight = None if weight is None else np.full(len(y), weight)
    with pytest.raises(ValueError, match="The weights are too large for LightGBM"):
        focal(**params).fit(X, y, sample_weight=sample_weight)
    assert np.std(focal(alpha=(1e30, 1e30)).fit(X, y).predict_proba(X)[:, 1]) > 0.01


@pytest.mark.parametrize(
    ("params", "weight", "warns"),
    [
        ({}, 1.0, False),
        ({}, 0.2, False),
        ({}, 0.001, True),
        ({"reg_lambda": 0.0}, 0.001, False),
        ({"reg_lambda": 50.0}, 1.0, False),
        ({"alpha": (0.001, 0.001)}, 1.0, True),
        ({"class_weight": {0: 0.001, 1: 0.001}}, 1.0, True),
        ({"alpha": (100.0, 100.0)}, 0.01, False),
    ],
    ids=str,
)
def test_weights_that_are_small_relative_to_reg_lambda_warn(params, weight, warns):
    X, y = problem()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        focal(**{"reg_lambda": 0.5} | params).fit(X, y, sample_weight=np.full(len(y), weight))
    messages = [str(warning.message) for warning in found]
    assert [message.startswith("The weights of the rows") for message in messages] == [True] * warns
    assert all(warning.filename == __file__ for warning in found)
