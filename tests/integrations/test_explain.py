"""Explain fitted models with LightGBM, SHAP and scikit-learn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.inspection import PartialDependenceDisplay, partial_dependence, permutation_importance

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

# shap and LightGBM sum the same contributions in different orders.
SUM = {"rtol": 1e-6, "atol": 1e-6}


def dataset(n_classes=2):
    """Return data in which only the first two of five features are informative."""
    X, y = make_classification(
        500, 5, n_informative=2, n_redundant=0, n_classes=n_classes, n_clusters_per_class=1,
        class_sep=2.0, shuffle=False, random_state=0,
    )  # fmt: skip
    return X, np.array(["no", "perhaps", "yes"])[y]


@pytest.fixture(scope="module", params=[2, 3])
def trees(request):
    X, y = dataset(request.param)
    model = FocalLGBMClassifier(n_estimators=20, num_leaves=6, n_jobs=1)
    return model.fit(X, y), X[:50]


def estimators(n_classes):
    X, y = dataset(n_classes)
    trees = FocalLGBMClassifier(n_estimators=50, learning_rate=0.1, n_jobs=1)
    models = trees, FocalLogisticRegression()
    return [(model.fit(X, y), X, y) for model in models]


def test_contributions_sum_to_raw_prediction(trees):
    model, X = trees
    contributions = model.to_lightgbm(probability="score").predict(X, pred_contrib=True)
    n_scores = 1 if len(model.classes_) == 2 else len(model.classes_)
    total = contributions.reshape(len(X), n_scores, 6).sum(axis=2)
    np.testing.assert_allclose(total.squeeze(), model.raw_predict(X), **SUM)


def test_shap_values_match_lightgbm_contributions(trees):
    shap = pytest.importorskip("shap")
    model, X = trees
    native = model.to_lightgbm(probability="score")
    explanation = shap.TreeExplainer(native)(X)
    contributions = native.predict(X, pred_contrib=True).reshape(len(X), -1, 6)
    expected = contributions.transpose(0, 2, 1).squeeze()
    np.testing.assert_allclose(explanation.values, expected[:, :-1], **SUM)
    np.testing.assert_allclose(explanation.base_values, expected[:, -1], **SUM)


def test_shap_values_of_probability_sum_to_probability():
    shap = pytest.importorskip("shap")
    X, y = dataset()
    model = FocalLGBMClassifier(n_estimators=20, num_leaves=6, n_jobs=1, probability="score")
    model.fit(X, y)
    explainer = shap.TreeExplainer(
        model.to_lightgbm(probability="score"), X[:100], model_output="probability"
    )
    explanation = explainer(X[:50])
    total = explanation.values.sum(axis=1) + explanation.base_values
    np.testing.assert_allclose(total, model.predict_proba(X[:50])[:, 1], **SUM)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_permutation_importance_finds_informative_features(n_classes):
    for model, X, y in estimators(n_classes):
        found = permutation_importance(model, X, y, n_repeats=2, random_state=0)
        assert set(np.argsort(found.importances_mean)[-2:]) == {0, 1}


def test_partial_dependence_is_mean_prediction():
    for model, X, _ in estimators(2):
        result = partial_dependence(
            model, X, [1], grid_resolution=3, response_method="predict_proba", method="brute"
        )
        moved = X.copy()
        for value, average in zip(result["grid_values"][0], result["average"][0], strict=True):
            moved[:, 1] = value
            assert average == pytest.approx(model.predict_proba(moved)[:, 1].mean(), rel=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_partial_dependence_display_of_both_estimators(n_classes):
    plt.switch_backend("agg")
    for model, X, _ in estimators(n_classes):
        display = PartialDependenceDisplay.from_estimator(
            model, X, [0, (0, 1)], target=model.classes_[-1], grid_resolution=5
        )
        assert display.axes_.shape == (1, 2)
        plt.close(display.figure_)


def test_feature_importances_follow_importance_type(trees):
    model, _ = trees
    for kind in ("split", "gain"):
        importance = model.set_params(importance_type=kind).feature_importances_
        native = model.to_lightgbm(probability="score").feature_importance(importance_type=kind)
        np.testing.assert_allclose(importance, native)
        assert importance.shape == (5,)
        assert importance[:2].sum() > importance[2:].sum()
