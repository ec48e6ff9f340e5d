"""Features that users know from LightGBM and scikit-learn, in both estimators."""

import lightgbm
import numpy as np
import pytest
from lightgbm_defaults import AS_IN_LIGHTGBM
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from skfocal import FocalLGBMClassifier, FocalLogisticRegression
from skfocal.objectives import curvature_scale

LINEAR = FocalLogisticRegression(gamma=1.0)
TREES = FocalLGBMClassifier(n_estimators=12, n_jobs=1)
BOTH = pytest.mark.parametrize("estimator", [LINEAR, TREES], ids=["linear", "trees"])


def problem(n_classes=3):
    return make_classification(
        600, 6, n_informative=5, n_redundant=0, n_classes=n_classes, flip_y=0.2, random_state=0
    )


# Class weights of 0.


@BOTH
def test_class_weight_zero_excludes_the_class(estimator):
    X, y = problem()
    by_class = clone(estimator).set_params(class_weight={0: 1, 1: 2, 2: 0}).fit(X, y)
    by_rows = clone(estimator).set_params(class_weight={0: 1, 1: 2}).fit(X, y, y < 2)
    assert by_class.loss_ == by_rows.loss_
    np.testing.assert_array_equal(by_class.predict_proba(X), by_rows.predict_proba(X))
    assert by_class.predict_proba(X)[:, 2].max() < 1e-6


@BOTH
def test_class_weight_zero_multiplies_sample_weight(estimator):
    X, y = problem()
    weight = np.linspace(0.5, 2, len(y))
    by_class = clone(estimator).set_params(class_weight={2: 0}).fit(X, y, weight)
    by_rows = clone(estimator).fit(X, y, weight * (y < 2))
    np.testing.assert_array_equal(by_class.predict_proba(X), by_rows.predict_proba(X))
    with pytest.raises(
        ValueError, match="class_weight and sample_weight must give at least one row a"
    ):
        clone(estimator).set_params(class_weight={0: 0, 1: 0, 2: 0}).fit(X, y)


def test_class_weight_zero_matches_logistic_regression():
    X, y = problem()
    weights = {0: 1, 1: 1, 2: 0}
    model = FocalLogisticRegression(0, class_weight=weights, tol=1e-8).fit(X, y)
    expected = LogisticRegression(class_weight=weights, tol=1e-8, max_iter=10_000).fit(X, y)
    proba = model.predict_proba(X)
    # The excluded class has no optimum. Both give it a probability close to 0.
    np.testing.assert_allclose(
        proba[:, 1] / proba[:, :2].sum(axis=1),
        expected.predict_proba(X)[:, 1] / expected.predict_proba(X)[:, :2].sum(axis=1),
        atol=1e-3,
    )


# Sparse coefficients.


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("as_format", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_sparse_coefficients_give_the_same_predictions(n_classes, as_format):
    X, y = problem(n_classes)
    X = as_format(X)
    model = FocalLogisticRegression(l1_ratio=1.0, C=0.02).fit(X, y)
    coef, expected = model.coef_, model.predict_proba(X)
    assert model.sparsify() is model
    assert sparse.issparse(model.coef_)
    assert model.coef_.nnz == np.count_nonzero(coef) < coef.size
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    assert type(model.decision_function(X)) is np.ndarray
    model.sparsify()
    np.testing.assert_array_equal(model.densify().coef_, coef)
    np.testing.assert_array_equal(model.densify().predict_proba(X), expected)


def test_warm_start_from_sparse_coefficients():
    X, y = problem(2)
    model = FocalLogisticRegression(warm_start=True).fit(X, y)
    expected = clone(model).fit(X, y).coef_
    np.testing.assert_allclose(model.sparsify().fit(X, y).coef_, expected, rtol=1e-4)
    assert model.n_iter_ == 1


def test_sparsify_and_densify_raise_if_not_fitted():
    for method in ("sparsify", "densify"):
        with pytest.raises(NotFittedError):
            getattr(FocalLogisticRegression(), method)()


# Fitted attributes.


# LightGBM 4.6 has no eval_X.
@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_fitted_attributes_match_lightgbm(n_classes):
    X, y = problem(n_classes)
    evaluation = {"eval_X": X[:200], "eval_y": y[:200]}
    settings = AS_IN_LIGHTGBM | {"n_estimators": 200, "learning_rate": 0.5, "n_jobs": 1}
    model = FocalLGBMClassifier(0, curvature="newton", early_stopping=True, **settings)
    model.fit(X[200:], y[200:], **evaluation)
    # LightGBM removes the trees after the best iteration.
    assert model.n_iter_ == model.n_estimators_ == model.best_iteration_ < 190
    assert model.feature_name_ == [f"Column_{i}" for i in range(6)]
    losses = model.evals_result_["valid_0"]["focal_loss"]
    assert model.best_score_["valid_0"]["focal_loss"] == min(losses)
    stop = lightgbm.early_stopping(10, verbose=False)
    expected = lightgbm.LGBMClassifier(**settings, verbose=-1)
    expected.fit(X[200:], y[200:], eval_set=[(X[:200], y[:200])], callbacks=[stop])
    for name in ("n_iter_", "n_estimators_", "best_iteration_", "feature_name_"):
        assert getattr(model, name) == getattr(expected, name), name


@pytest.mark.parametrize(
    "name", ["n_iter_", "n_estimators_", "best_score_", "feature_name_", "feature_importances_"]
)
def test_fitted_attributes_raise_if_not_fitted(name):
    assert not hasattr(FocalLGBMClassifier(), name)
    with pytest.raises(NotFittedError):
        getattr(FocalLGBMClassifier(), name)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_start_minimises_the_loss_and_is_added_to_raw_predict(n_classes):
    X, y = problem(n_classes)
    weight = np.linspace(0.5, 2, len(y)).astype(np.float32)
    model = clone(TREES).fit(X, y, weight)
    np.testing.assert_array_equal(model.start_, model.loss_.fit_intercept_only(y, weight))
    trees = model.booster_.predict(X, raw_score=True)
    np.testing.assert_array_equal(model.raw_predict(X), trees + model.start_)
    given = clone(TREES).fit(X, y, init_score=np.zeros((len(y), n_classes)[: n_classes - 1]))
    assert given.start_ == 0


def test_curvature_scale_is_public():
    X, y = problem(2)
    loss = clone(TREES).fit(X, y).loss_
    assert 0.5 < curvature_scale(loss, y) < 0.9
    assert curvature_scale(FocalLGBMClassifier(0, n_estimators=1).fit(X, y).loss_, y) == 1


# Threads.


@BOTH
@pytest.mark.parametrize("n_jobs", [0, 1.5, "all"])
def test_invalid_n_jobs_raises(estimator, n_jobs):
    with pytest.raises(ValueError, match="The 'n_jobs' parameter"):
        clone(estimator).set_params(n_jobs=n_jobs).fit(*problem())


def test_lightgbm_uses_the_number_of_threads_of_joblib(monkeypatch):
    joblib = pytest.importorskip("joblib")
    X, y = problem(2)
    used, train = [], lightgbm.train
    monkeypatch.setattr(
        lightgbm, "train", lambda p, *a, **k: used.append(p["num_threads"]) or train(p, *a, **k)
    )
    model = FocalLGBMClassifier(n_estimators=1)
    for n_jobs in (1, 2):
        with joblib.parallel_config(n_jobs=n_jobs):
            model.fit(X, y)
    joblib.Parallel(2, "threading")(joblib.delayed(clone(model).fit)(X, y) for _ in range(2))
    assert used == [1, 2, 1, 1]


# Rows and labels.


@BOTH
@pytest.mark.parametrize("y", [[], [0, 1], np.zeros(601)], ids=len)
def test_different_numbers_of_rows_and_labels_raise(estimator, y):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clone(estimator).fit(problem()[0], y)
