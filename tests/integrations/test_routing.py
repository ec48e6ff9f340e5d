"""Metadata routing in pipelines and searches, and dataframes as X."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

ESTIMATORS = [FocalLogisticRegression(), FocalLGBMClassifier(n_estimators=5, n_jobs=1)]
NAMES = ["age", "income", "height", "debt"]
TABLES = {"pandas": pd.DataFrame, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}

RTOL = 1e-12  # dataframes become arrays in C or Fortran order, whose sums round differently


@pytest.fixture(scope="module")
def data():
    X, y = make_classification(n_samples=400, n_features=4, weights=[0.8], random_state=0)
    return pd.DataFrame(X, columns=NAMES), y


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(0).random(400)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_dataframe_gives_feature_names_and_model_of_its_values(estimator, table, data):
    X, y = data
    expected = clone(estimator).fit(X.to_numpy(), y)
    given = TABLES[table](X)
    model = clone(estimator).fit(given, y)
    np.testing.assert_array_equal(model.feature_names_in_, NAMES)
    np.testing.assert_allclose(
        model.predict_proba(given), expected.predict_proba(X.to_numpy()), rtol=RTOL
    )


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_dataframe_with_columns_in_another_order_raises(estimator, table, data):
    X, y = data
    model = clone(estimator).fit(TABLES[table](X), y)
    with pytest.raises(ValueError, match="same order"):
        model.predict(TABLES[table](X[NAMES[::-1]]))


@pytest.mark.parametrize("table", TABLES)
def test_categories_of_every_library_match_pandas(table, data):
    X, y = data
    X = X.assign(region=pd.Categorical(np.array(["north", "south", "west"])[np.arange(400) % 3]))
    model = FocalLGBMClassifier(n_estimators=5, n_jobs=1)
    expected = clone(model).fit(X, y)
    given = TABLES[table](X)
    model.fit(given, y, eval_X=given, eval_y=y)
    np.testing.assert_array_equal(model.feature_names_in_, [*NAMES, "region"])
    np.testing.assert_array_equal(model.predict_proba(given), expected.predict_proba(X))


@pytest.mark.parametrize("output", ["pandas", "polars"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_estimator_uses_feature_names_of_set_output(estimator, output, data):
    X, y = data
    pipeline = make_pipeline(StandardScaler(), clone(estimator)).set_output(transform=output)
    pipeline.fit(X, y)
    np.testing.assert_array_equal(pipeline[-1].feature_names_in_, NAMES)
    scaled = StandardScaler().fit_transform(X)
    expected = clone(estimator).fit(scaled, y).predict_proba(scaled)
    np.testing.assert_allclose(pipeline.predict_proba(X), expected, rtol=RTOL)


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_sample_weight_is_routed_through_a_pipeline(estimator, data, weight):
    X, y = data
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    model = clone(estimator).set_fit_request(sample_weight=True)
    pipeline = make_pipeline(scaler, model).fit(X, y, sample_weight=weight)
    scaled = StandardScaler().fit_transform(X)
    expected = clone(estimator).fit(scaled, y, sample_weight=weight)
    np.testing.assert_array_equal(pipeline.predict_proba(X), expected.predict_proba(scaled))


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_sample_weight_is_split_with_the_rows_of_a_fold(estimator, data, weight):
    X, y = data
    model = clone(estimator).set_fit_request(sample_weight=True)
    scorer = get_scorer("neg_log_loss").set_score_request(sample_weight=True)
    folds = StratifiedKFold(3)
    scores = cross_validate(
        model, X, y, cv=folds, scoring=scorer, params={"sample_weight": weight}
    )["test_score"]
    for (train, test), score in zip(folds.split(X, y), scores, strict=True):
        fold = clone(estimator).fit(X.iloc[train], y[train], sample_weight=weight[train])
        expected = scorer(fold, X.iloc[test], y[test], sample_weight=weight[test])
        assert score == expected


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_sample_weight_is_routed_to_the_refit_of_a_search(estimator, data, weight):
    X, y = data
    model = clone(estimator).set_fit_request(sample_weight=True)
    model.set_score_request(sample_weight=False)
    search = GridSearchCV(model, {"gamma": [1.0]}, cv=2).fit(X, y, sample_weight=weight)
    expected = clone(estimator).set_params(gamma=1.0).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(search.predict_proba(X), expected.predict_proba(X))


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("two_sets", [False, True], ids=["one set", "two sets"])
def test_evaluation_sets_are_routed_and_transformed_by_a_pipeline(two_sets, data):
    X, y = data
    booster = FocalLGBMClassifier(n_estimators=30, early_stopping=True, n_jobs=1)
    eval_X, eval_y = X[300:], y[300:]
    if two_sets:
        eval_X, eval_y = (eval_X, X[200:300]), (eval_y, y[200:300])
    scaler = StandardScaler().set_output(transform="pandas")
    steps = [("scale", scaler), ("trees", clone(booster).set_fit_request(eval_X=True, eval_y=True))]
    pipeline = Pipeline(steps, transform_input=["eval_X"])
    pipeline.fit(X[:200], y[:200], eval_X=eval_X, eval_y=eval_y)

    transform = clone(scaler).fit(X[:200]).transform
    transformed = tuple(map(transform, eval_X)) if two_sets else transform(eval_X)
    expected = clone(booster).fit(transform(X[:200]), y[:200], eval_X=transformed, eval_y=eval_y)
    assert pipeline[-1].evals_result_ == expected.evals_result_
    assert pipeline[-1].best_iteration_ == expected.best_iteration_


@pytest.mark.usefixtures("routing")
def test_metadata_without_request_raises(data):
    X, y = data
    pipeline = make_pipeline(StandardScaler(), FocalLGBMClassifier(n_estimators=2, n_jobs=1))
    with pytest.raises(UnsetMetadataPassedError, match="eval_X"):
        pipeline.fit(X, y, eval_X=X, eval_y=y)
