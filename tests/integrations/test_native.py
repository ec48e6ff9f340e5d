"""Conversion of the estimator to a LightGBM model and back."""

import re
import subprocess
import sys
import warnings

import lightgbm
import numpy as np
import pandas as pd
import pytest
from lightgbm_defaults import AS_IN_LIGHTGBM
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError

from skfocal import FocalLGBMClassifier
from skfocal.estimators import _native

# Leaf values may be large and cancel, so allow an absolute error of rounding near 1.
SUM = {"rtol": 1e-12, "atol": 1e-12}


def dataset(n_classes=2):
    """Return rows with missing values and a column of category codes."""
    X, y = make_classification(
        600, 8, n_informative=5, n_classes=n_classes, flip_y=0.2, random_state=0
    )
    X[::7, 0] = np.nan
    X[:, 3] = np.arange(600) * 7 % 11
    return X, np.array(["no", "perhaps", "yes"])[y]


TREES = {
    "plain": {},
    "constant_trees": {"min_child_samples": 600},
    "dart": {"boosting_type": "dart"},
    "goss": {"boosting_type": "goss"},
    "bagging": {"subsample": 0.5, "subsample_freq": 1},
    "linear_trees": {"lgbm_params": {"linear_tree": True}},
    "categorical_splits": {"lgbm_params": {"cat_smooth": 0.0, "min_data_per_group": 1}},
    "early_stopping": {"early_stopping": True, "n_iter_no_change": 2, "learning_rate": 0.5},
    "gamma_per_class": {"gamma": [0.5, 2.0], "class_weight": "balanced"},
}
CASES = [(2, name) for name in TREES] + [(3, name) for name in TREES if name != "gamma_per_class"]


def fitted(n_classes, trees="plain", **arguments):
    X, y = dataset(n_classes)
    model = FocalLGBMClassifier(n_estimators=15, random_state=0, n_jobs=1)
    model.set_params(**TREES[trees])
    return model.fit(X, y, categorical_feature=[3], **arguments), X


def score_probability(model, X):
    proba = model.loss_.predict_proba(model.raw_predict(X), "score")
    return proba[:, 1] if proba.shape[1] == 2 else proba


@pytest.mark.parametrize(("n_classes", "trees"), CASES)
def test_native_model_predicts_raw_score_and_score_probability(n_classes, trees):
    model, X = fitted(n_classes, trees)
    native = model.to_lightgbm(probability="score")
    np.testing.assert_allclose(native.predict(X, raw_score=True), model.raw_predict(X), **SUM)
    np.testing.assert_allclose(native.predict(X), score_probability(model, X), **SUM)
    assert native.best_iteration == model.booster_.best_iteration
    assert native.best_score == model.booster_.best_score


@pytest.mark.parametrize("n_classes", [2, 3])
def test_native_model_has_built_in_objective(n_classes):
    model, _ = fitted(n_classes)
    native = model.to_lightgbm(probability="score")
    expected = "binary sigmoid:1" if n_classes == 2 else "multiclass num_class:3"
    assert native.dump_model()["objective"] == expected
    assert native.params["objective"] == expected.split()[0]
    assert "objective" not in model.booster_.dump_model()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_native_model_with_start_iteration_matches_raw_predict(n_classes):
    model, X = fitted(n_classes)
    later = model.to_lightgbm(probability="score").predict(X, raw_score=True, start_iteration=1)
    np.testing.assert_allclose(later, model.raw_predict(X, start_iteration=1), **SUM)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_native_model_at_gamma_zero_matches_lightgbm(n_classes):
    X, y = dataset(n_classes)
    arguments = AS_IN_LIGHTGBM | {"n_estimators": 15, "n_jobs": 1}
    focal = FocalLGBMClassifier(gamma=0.0, curvature="newton", **arguments).fit(X, y)
    plain = lightgbm.LGBMClassifier(verbose=-1, **arguments).fit(X, y).booster_
    native = focal.to_lightgbm(probability="score")
    assert native.dump_model()["objective"] == plain.dump_model()["objective"]
    np.testing.assert_array_equal(
        native.predict(X, pred_leaf=True), plain.predict(X, pred_leaf=True)
    )
    # Both compute gradients in float32, from scores that differ by rounding.
    np.testing.assert_allclose(
        native.predict(X, pred_contrib=True), plain.predict(X, pred_contrib=True), atol=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 3])
def test_saved_model_predicts_the_same_in_a_new_process(n_classes, tmp_path):
    model, X = fitted(n_classes, "early_stopping")
    model.to_lightgbm(probability="score").save_model(tmp_path / "model.txt")
    np.save(tmp_path / "X.npy", X)
    code = (
        "import lightgbm, numpy as np\n"
        "model = lightgbm.Booster(model_file='model.txt')\n"
        "np.save('proba.npy', model.predict(np.load('X.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "proba.npy"), score_probability(model, X), **SUM)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_treelite_reads_the_saved_model(n_classes, tmp_path):
    treelite = pytest.importorskip("treelite")
    model, X = fitted(n_classes)
    model.to_lightgbm(probability="score").save_model(tmp_path / "model.txt")
    read = treelite.frontend.load_lightgbm_model(tmp_path / "model.txt")
    proba = treelite.gtil.predict(read, X).reshape(len(X), -1)
    expected = score_probability(model, X).reshape(len(X), -1)
    np.testing.assert_allclose(proba, expected, rtol=1e-6)  # treelite uses a float32 sigmoid


def test_native_model_keeps_pandas_categories(tmp_path):
    X, y = dataset()
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    frame["d"] = pd.Categorical(frame["d"].astype(int).astype(str))
    model = FocalLGBMClassifier(n_estimators=5, n_jobs=1).fit(frame, y)
    model.to_lightgbm(probability="score").save_model(tmp_path / "model.txt")
    native = lightgbm.Booster(model_file=tmp_path / "model.txt")
    assert native.feature_name() == list(frame.columns)
    np.testing.assert_allclose(
        native.predict(frame, raw_score=True), model.raw_predict(frame), **SUM
    )


def test_changing_native_model_does_not_change_estimator():
    model, X = fitted(2)
    before, text = model.raw_predict(X), model.booster_.model_to_string()
    model.to_lightgbm(probability="score").set_leaf_output(0, 0, 100.0)
    np.testing.assert_array_equal(model.raw_predict(X), before)
    assert model.booster_.model_to_string() == text


BALANCED = {"class_weight": "balanced"}
SCORE_IS_PROBABILITY = [
    {"gamma": 2.0, "probability": "score"},
    {"gamma": 2.0, "probability": "score", **BALANCED},
    {"gamma": 0.0},
    {"gamma": 0.0, **BALANCED},
    {"gamma": 0.0, "probability": "unweighted"},
]
SCORE_IS_NOT_PROBABILITY = [
    {"gamma": 0.01},
    {"gamma": 2.0, "probability": "unweighted"},
    {"gamma": 0.0, "probability": "unweighted", **BALANCED},
]
BINARY = [
    ({"gamma": [0.0, 0.0]}, True),
    ({"gamma": 0.0, "alpha": 0.5, "probability": "unweighted"}, True),
    ({"gamma": [0.0, 1.0]}, False),
    ({"gamma": 0.0, "alpha": 0.25, "probability": "unweighted"}, False),
]
SETTINGS = [
    *((n, params, True) for n in (2, 3) for params in SCORE_IS_PROBABILITY),
    *((n, params, False) for n in (2, 3) for params in SCORE_IS_NOT_PROBABILITY),
    *((2, *case) for case in BINARY),
]


@pytest.mark.parametrize(("n_classes", "params", "is_probability"), SETTINGS)
def test_to_lightgbm_warns_if_its_prediction_is_not_predict_proba(
    n_classes, params, is_probability
):
    X, y = dataset(n_classes)
    model = FocalLGBMClassifier(n_estimators=3, n_jobs=1, **params).fit(X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        native = model.to_lightgbm()
    proba = model.predict_proba(X)
    proba = proba[:, 1] if n_classes == 2 else proba
    assert np.allclose(native.predict(X), proba) == is_probability
    assert len(caught) == (not is_probability)
    for warning in caught:
        assert warning.category is UserWarning
        assert warning.filename == __file__


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("probability", ["posterior", "unweighted"])
def test_code_in_the_warning_gives_predict_proba(n_classes, probability):
    model, X = fitted(n_classes)
    model.set_params(probability=probability)
    with pytest.warns(
        UserWarning, match="'score' probability, which differs from predict_proba"
    ) as caught:
        booster = model.to_lightgbm()
    code = re.search(r"loss_\.predict_proba\(booster.*?\), '\w+'\)", str(caught[0].message))[0]
    proba = eval(code, {"loss_": model.loss_, "booster": booster, "X": X})
    np.testing.assert_allclose(proba, model.predict_proba(X), **SUM)


def test_to_lightgbm_raises_for_probabilities_that_lightgbm_cannot_compute():
    model, _ = fitted(2)
    with pytest.raises(ValueError, match="'score' or None, got 'posterior'"):
        model.to_lightgbm(probability="posterior")


def test_to_lightgbm_raises_if_not_fitted():
    with pytest.raises(NotFittedError):
        FocalLGBMClassifier().to_lightgbm()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("form", ["booster", "path", "string"])
def test_init_model_continues_native_model(n_classes, form, tmp_path):
    first, X = fitted(n_classes)
    native = first.to_lightgbm(probability="score")
    native.save_model(tmp_path / "model.txt")
    forms = {
        "booster": native,
        "path": tmp_path / "model.txt",
        "string": str(tmp_path / "model.txt"),
    }
    second, _ = fitted(n_classes, init_model=forms[form])
    expected, _ = fitted(n_classes, init_model=first)
    assert second.booster_.current_iteration() == 30
    np.testing.assert_allclose(second.raw_predict(X, num_iteration=15), first.raw_predict(X), **SUM)
    # Both compute gradients in float32, from scores that differ by rounding.
    np.testing.assert_allclose(second.raw_predict(X), expected.raw_predict(X), atol=1e-6)
    # The native form of a continued model also includes the initial score exactly once.
    np.testing.assert_allclose(
        second.to_lightgbm(probability="score").predict(X, raw_score=True),
        second.raw_predict(X),
        **SUM,
    )


@pytest.mark.parametrize("trees", TREES)
def test_init_model_continues_trees_of_every_kind(trees):
    first, X = fitted(2, trees)
    n_categorical = re.findall(r"^num_cat=(\d+)$", first.booster_.model_to_string(), re.MULTILINE)
    if trees == "categorical_splits":
        assert set(n_categorical) > {"0"}
    second, _ = fitted(2, init_model=first.to_lightgbm(probability="score"))
    n_trees = first.booster_.num_trees()
    np.testing.assert_allclose(
        second.raw_predict(X, num_iteration=n_trees),
        first.raw_predict(X, num_iteration=n_trees),
        **SUM,
    )


def test_lightgbm_continues_native_model():
    first, X = fitted(2)
    _, y = dataset()
    train_set = lightgbm.Dataset(X, label=y != "no", free_raw_data=False)
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1}
    second = lightgbm.train(params, train_set, 5, init_model=first.to_lightgbm(probability="score"))
    np.testing.assert_allclose(
        second.predict(X, raw_score=True, num_iteration=15), first.raw_predict(X), **SUM
    )


INVALID_MODELS = {
    "other objective": ("objective=binary sigmoid:1", "objective=regression", "objective"),
    "other slope": ("objective=binary sigmoid:1", "objective=binary sigmoid:2", "objective"),
    "custom objective": ("objective=binary sigmoid:1\n", "", "objective"),
    "newer version": ("version=v4", "version=v5", "version v5.*only v4"),
    "no model": ("tree\n", "hello\n", "init_model is not a LightGBM model with trees"),
    "no trees": ("Tree=0\n", "", "init_model is not a LightGBM model with trees"),
    "truncated": ("Tree=9\n", "", "incomplete"),
    "no end": ("end of trees", "", "incomplete"),
    "damaged number": ("shrinkage=1\n", "shrinkage=l\n", "corrupt"),
    "trees per round": (
        "per_iteration=1",
        "per_iteration=2",
        "init_model has 2 raw scores per row, but this fit has 1",
    ),
    "names run together": ("6 Column_7", "6_Column_7", "init_model is corrupt: .*feature_names"),
    "no last line": ("pandas_categorical:null", "", "last line is not pandas_categorical"),
    "more leaves": (r"num_leaves=\d", "num_leaves=9", "Tree=0 is not a valid tree"),
    "unknown feature": (r"split_feature=\d", "split_feature=9", "Tree=0 is not a valid tree"),
    "root below itself": (r"left_child=(-?)\d\b", r"left_child=\g<1>0", "is not a valid tree"),
    "no left children": ("left_child=", "lost_child=", "Tree=0 is not a valid tree"),
}


@pytest.mark.parametrize("case", INVALID_MODELS)
def test_init_model_raises_for_foreign_newer_or_damaged_file(case, tmp_path):
    old, new, message = INVALID_MODELS[case]
    model, _ = fitted(2)
    text = model.to_lightgbm(probability="score").model_to_string()
    damaged = re.sub(old, new, text, count=1)
    assert damaged != text
    (tmp_path / "model.txt").write_text(damaged)
    with pytest.raises(ValueError, match=message):
        fitted(2, init_model=tmp_path / "model.txt")


def test_init_model_raises_for_booster_without_initial_score():
    model, _ = fitted(2)
    with pytest.raises(ValueError, match="to_lightgbm"):
        fitted(2, init_model=model.booster_)


def test_init_model_raises_for_other_shapes_and_types(tmp_path):
    model, _ = fitted(3)
    with pytest.raises(ValueError, match="3 raw scores per row"):
        fitted(2, init_model=model.to_lightgbm(probability="score"))
    X, y = dataset(3)
    with pytest.raises(ValueError, match="8 features"):
        FocalLGBMClassifier().fit(X[:, :5], y, init_model=model.to_lightgbm(probability="score"))
    with pytest.raises(TypeError, match="got int"):
        fitted(2, init_model=3)
    with pytest.raises(FileNotFoundError):
        fitted(2, init_model=tmp_path / "missing.txt")


def test_unknown_version_of_model_text_raises(monkeypatch):
    model, _ = fitted(2)
    monkeypatch.setattr(_native, "VERSION", "v3")
    with pytest.raises(ValueError, match="version v4"):
        model.to_lightgbm(probability="score")


def test_wrong_edit_of_model_text_raises(monkeypatch):
    model, _ = fitted(2)
    monkeypatch.setattr(_native, "_add_to_scores", lambda tree, value: tree)
    with pytest.raises(RuntimeError, match="have different predictions"):
        model.to_lightgbm(probability="score")


def test_warning_mentions_class_prior():
    model, _ = fitted(2)
    model.set_params(probability="posterior", class_prior="uniform")
    with pytest.warns(UserWarning, match="'posterior' probability, which ignores class_prior, use"):
        model.to_lightgbm()
