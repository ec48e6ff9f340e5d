"""Tests of ``FocalLGBMClassifier`` that follow LightGBM's tests of ``LGBMClassifier``.

At gamma 0 with ``curvature="newton"``, both are equal, so most tests compare the two.
"""

import lightgbm
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from lightgbm_defaults import AS_IN_LIGHTGBM
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.ensemble import StackingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier

from skfocal import FocalLGBMClassifier

# The start and the trees are summed in another order, and gradients are float32 in both.
SAME = {"rtol": 0, "atol": 1e-9}
WORDS = np.array(["no", "some", "much"])

pytestmark = pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")


def ours(n_estimators=12, **settings):
    settings = AS_IN_LIGHTGBM | {"n_estimators": n_estimators, "n_jobs": 1} | settings
    return FocalLGBMClassifier(0, curvature="newton", **settings)


def theirs(n_estimators=12, lgbm_params=None, **settings):
    settings |= {"n_estimators": n_estimators, "n_jobs": 1, "verbose": -1, **(lgbm_params or {})}
    return LGBMClassifier(**settings)


def problem(n_classes=2):
    X, y = make_classification(
        600, 8, n_informative=5, n_classes=n_classes, flip_y=0.2, random_state=n_classes
    )
    return np.where(np.abs(X) < 0.4, 0, X), y


def split(n_classes=2):
    X, y = problem(n_classes)
    return X[:400], y[:400], X[400:], y[400:]


def test_parameters_match_lightgbm_except_six_defaults():
    own, expected = FocalLGBMClassifier().get_params(), LGBMClassifier().get_params()
    assert expected.keys() - own.keys() == {"objective"}
    differ = {name for name in expected if name in own and own[name] != expected[name]}
    # subsample_freq has no effect at subsample=1.
    assert differ == {*AS_IN_LIGHTGBM, "subsample_freq"}
    assert AS_IN_LIGHTGBM.items() <= expected.items()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "settings",
    [{"max_depth": 2}, {"reg_alpha": 1, "min_split_gain": 1}, {"num_leaves": 4},
     {"learning_rate": 0.5, "min_child_samples": 60}, {"subsample_for_bin": 50},
     {"class_weight": {"no": 0.5, "some": 2}},
     {"subsample": 0.5, "subsample_freq": 2, "random_state": 7},
     *({"lgbm_params": lgbm_params} for lgbm_params in (
        {"zero_as_missing": True}, {"use_missing": False}, {"max_bin": 9}, {"linear_tree": True},
        {"extra_trees": True}, {"path_smooth": 1}, {"max_delta_step": 0.1},
        {"monotone_constraints": [1, -1] + [0] * 6}, {"interaction_constraints": [[0, 1], [2, 3]]},
     ))],
    ids=str,
)  # fmt: skip
def test_parameters_have_the_same_effect_as_in_lightgbm(settings, n_classes):
    X, y = problem(n_classes)
    X[::5, 0] = np.nan
    model, expected = (base(**settings).fit(X, WORDS[y]) for base in (ours, theirs))
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X), **SAME)


@pytest.mark.parametrize(
    ("n_classes", "names"),
    [(2, ["binary_logloss", "auc", "average_precision", "binary_error"]),
     (3, ["multi_logloss", "multi_error"])],
)  # fmt: skip
def test_metric_histories_match_lightgbm(n_classes, names):
    X, y, X_valid, y_valid = split(n_classes)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y_valid))
    rest = {"eval_names": ["fit", "valid"], "eval_sample_weight": [np.ones(len(y)), weight]}
    rest["eval_metric"] = names
    model = ours().fit(X, y, eval_X=(X, X_valid), eval_y=(y, y_valid), **rest)
    expected = theirs().fit(X, y, eval_set=[(X, y), (X_valid, y_valid)], **rest).evals_result_
    assert list(model.evals_result_) == list(expected) == ["fit", "valid"]
    for rows in expected:
        assert list(model.evals_result_[rows]) == [*names, "focal_loss"]
        for name in names:
            history = model.evals_result_[rows][name]
            np.testing.assert_allclose(history, expected[rows][name], rtol=1e-6)  # float32 weights


def constant(y_true, proba):
    return "constant", 1, False


def two_metrics(y_true, proba, weight):
    return [("mean", proba.mean(), False), ("weight", np.sum(weight), True)]


@pytest.mark.parametrize(
    ("eval_metric", "names"),
    [(None, []), ([], []), (constant, ["constant"]), (["auc", "auc"], ["auc"]),
     (two_metrics, ["mean", "weight"]), ((two_metrics, "auc"), ["mean", "weight", "auc"])],
)  # fmt: skip
def test_eval_metric_types_and_return_values(eval_metric, names):
    X, y, X_valid, y_valid = split()
    weight = np.full(len(y_valid), 2.0)
    given = {"eval_X": X_valid, "eval_y": y_valid, "eval_sample_weight": weight}
    history = ours().fit(X, y, **given, eval_metric=eval_metric).evals_result_["valid_0"]
    assert list(history) == [*names, "focal_loss"]
    assert {len(values) for values in history.values()} == {12}
    assert set(history.get("weight", [])) <= {weight.sum()}


def test_grid_search_passes_fit_arguments():
    X, y, X_valid, y_valid = split(3)
    record = {}
    grid = {"n_estimators": [4, 6], "reg_alpha": [0.0, 0.01]}
    search = GridSearchCV(FocalLGBMClassifier(learning_rate=0.5, n_jobs=1), grid, cv=2).fit(
        X, WORDS[y], eval_X=X_valid, eval_y=WORDS[y_valid], eval_metric=constant,
        callbacks=[lightgbm.early_stopping(2, first_metric_only=True, verbose=False),
                   lightgbm.record_evaluation(record)],
    )  # fmt: skip
    assert search.best_estimator_.best_iteration_ == 1  # the metric never improves
    assert record == search.best_estimator_.evals_result_
    assert 1 / 3 < search.score(X_valid, WORDS[y_valid]) <= 1


X_2, y_2 = problem()
OUTPUTS = np.column_stack([y_2, X_2[:, 1] > 0]).astype(int)
META = {
    "stacking": (lambda trees: StackingClassifier([("a", trees)], trees, cv=2), problem(3)),
    "one vs rest": (OneVsRestClassifier, problem(3)),
    "multioutput": (MultiOutputClassifier, (X_2, OUTPUTS.astype(str))),
    "chain": (lambda trees: ClassifierChain(trees, order=[1, 0]), (X_2, OUTPUTS)),
}


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")  # from LGBMClassifier
@pytest.mark.parametrize(("wrap", "data"), META.values(), ids=META)
def test_meta_estimators_match_lightgbm(wrap, data):
    X, y = data
    model, expected = (wrap(base(5)).fit(X, y) for base in (ours, theirs))
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    for own, other in zip(model.predict_proba(X), expected.predict_proba(X), strict=True):
        np.testing.assert_allclose(own, other, **SAME)


@pytest.mark.parametrize(
    "dtype", ["bool", "U4", "object", "float64", "int8", "uint64", "category", "string"]
)
def test_classes_match_lightgbm_for_every_label_dtype(dtype):
    X, y = problem(2 if dtype == "bool" else 3)
    y = pd.Series(WORDS[y] if dtype in {"U4", "object", "category", "string"} else y)
    y = y.astype(dtype) if dtype in {"category", "string"} else y.to_numpy().astype(dtype)
    model, expected = ours().fit(X, y), theirs().fit(X, np.asarray(y))
    np.testing.assert_array_equal(model.classes_, expected.classes_)
    assert model.predict(X).dtype == model.classes_.dtype
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_random_state_instance_is_advanced_by_each_fit():
    X, y = problem()
    model, again, expected = (
        base(subsample=0.5, subsample_freq=1, random_state=np.random.RandomState(123))
        for base in (ours, ours, theirs)
    )
    state = model.random_state
    first, second = (model.fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_allclose(first, expected.fit(X, y).predict_proba(X), **SAME)
    np.testing.assert_array_equal(second, again.fit(X, y).fit(X, y).predict_proba(X))
    assert np.abs(second - first).max() > 1e-3
    assert model.random_state is state


@pytest.mark.parametrize("kind", ["split", "gain"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_feature_importances_match_lightgbm(n_classes, kind):
    X, y = problem(n_classes)
    model, expected = (base(importance_type=kind).fit(X, y) for base in (ours, theirs))
    own, expected = model.feature_importances_, expected.feature_importances_
    np.testing.assert_allclose(own, expected, rtol=1e-5)  # gains are float32 sums
    np.testing.assert_array_equal(model.fit(np.ones((60, 3)), y[:60]).feature_importances_, 0)
    assert model.booster_.num_trees() == n_classes - (n_classes == 2)  # each tree has one leaf


ARGUMENTS = {
    "weights": {"sample_weight": np.linspace(0.5, 2, 600)},
    "start": {"init_score": np.random.default_rng(0).normal(size=(600, 3))},
    "rates": {"callbacks": [lightgbm.reset_parameter(learning_rate=list(np.linspace(1, 0.1, 12)))]},
}


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_fit_arguments_match_lightgbm(arguments):
    X, y = problem(3)
    model, expected = (base().fit(X, y, **arguments) for base in (ours, theirs))
    np.testing.assert_allclose(model.raw_predict(X), expected.predict(X, raw_score=True), **SAME)


def with_duplicates(X):
    """Return the same sparse matrix with unsorted duplicate entries."""
    data, indices = (
        np.concatenate([np.r_[part, part[::-1]] for part in np.split(array, X.indptr[1:-1])])
        for array in (X.data / 2, X.indices)
    )
    return type(X)((data, indices, 2 * X.indptr), shape=X.shape)


@pytest.mark.parametrize(
    "layout",
    [lambda X: X.astype(np.float32), lambda X: X.astype(">f8"), lambda X: X.astype(object),
     lambda X: np.repeat(X, 2, axis=0)[::2], lambda X: X[::-1].copy()[::-1], np.ndarray.tolist,
     sparse.lil_array, lambda X: with_duplicates(sparse.csr_matrix(X)),
     lambda X: with_duplicates(sparse.csc_array(X)),
     lambda X: pd.DataFrame(X).add_prefix("x").astype(pd.SparseDtype(float, 0))],
    ids=["float32", "big endian", "objects", "strided", "reversed", "lists", "sparse lists",
         "csr with duplicates", "csc with duplicates", "pandas sparse"],
)  # fmt: skip
def test_predictions_do_not_depend_on_memory_layout(layout):
    X, y = problem()
    X = X.astype(np.float32).astype(np.float64)
    given = layout(X)
    model, expected = ours().fit(given, y), ours().fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(given), expected.predict_proba(X))


def table(rng, n, colours="abcd"):
    kinds = {"text": rng.choice(list(colours), n), "count": rng.integers(0, 3, n)}
    kinds |= {"ratio": rng.choice([0.1, 0.2, -0.1], n), "flag": rng.random(n) < 0.5}
    level = pd.Categorical(rng.choice(list("vwxyz"), n), ordered=True)
    return pd.DataFrame(kinds).astype("category").assign(level=level, plain=rng.random(n) < 0.5)


@pytest.mark.parametrize("columns", ["auto", [], [0], ["text", "flag"], [0, 1, 2, 3, 4]], ids=str)
def test_categories_match_lightgbm_and_unseen_ones_are_missing(columns):
    rng = np.random.default_rng(0)
    X, unseen = table(rng, 500), table(rng, 99, colours="abe")
    y = (X["text"].isin(["a", "c"]) ^ (X["level"] > "x") ^ (rng.random(500) < 0.1)).astype(int)
    model, expected = (base().fit(X, y, categorical_feature=columns) for base in (ours, theirs))
    proba = model.predict_proba(unseen)
    np.testing.assert_allclose(proba, expected.predict_proba(unseen), **SAME)
    assert model.booster_.pandas_categorical == expected.booster_.pandas_categorical
    unseen["text"] = unseen["text"].cat.remove_categories(["e"])
    np.testing.assert_array_equal(model.predict_proba(unseen), proba)
