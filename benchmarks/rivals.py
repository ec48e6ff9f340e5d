"""The models of the study and their search spaces."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import models
from scipy.stats import loguniform

ROUNDS = 100  # of every booster
AS_IN_LIGHTGBM = {
    "n_estimators": ROUNDS,
    "learning_rate": 0.1,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
    "reg_lambda": 0.0,
}
GAMMAS = [0.0, 0.5, 1.0, 2.0, 3.0]
TREES = {"learning_rate": loguniform(0.03, 0.3), "num_leaves": [7, 15, 31, 63]}
CATBOOST_TREES = {"learning_rate": loguniform(0.03, 0.5), "depth": [4, 5, 6, 8]}
LINEAR = {"C": loguniform(1e-2, 1e2)}
catboost = partial(models.catboost, iterations=ROUNDS)


@dataclass(frozen=True)
class Competitor:
    """A model of the study.

    ``build(X, y, seed, **candidate)`` returns an estimator. Candidates are drawn from ``space``.
    """

    build: Callable
    space: dict
    multiclass: bool = True


COMPETITORS = {
    "FocalLGBMClassifier": Competitor(
        partial(models.focal_lgbm, **AS_IN_LIGHTGBM), TREES | {"gamma": GAMMAS}
    ),
    "LightGBM": Competitor(models.lgbm, TREES | {"min_child_samples": [5, 10, 20, 50, 100]}),
    "LightGBM regularised": Competitor(
        partial(models.lgbm, reg_lambda=5), TREES | {"reg_lambda": loguniform(1, 100)}
    ),
    "LightGBM undersampled": Competitor(
        models.undersampled_lgbm, TREES | {"times": [1, 3, 10, 30]}
    ),
    # Multiclass fits fail on small folds, where LightGBM drops all columns.
    "imlightgbm": Competitor(models.imlightgbm, TREES | {"gamma": GAMMAS[1:]}, multiclass=False),
    "CatBoost Logloss": Competitor(catboost, CATBOOST_TREES | {"l2_leaf_reg": loguniform(1, 30)}),
    "CatBoost Focal": Competitor(
        partial(catboost, gamma=2.0), CATBOOST_TREES | {"gamma": GAMMAS[1:]}, multiclass=False
    ),
    "FocalLogisticRegression": Competitor(
        models.focal_logistic_regression, LINEAR | {"gamma": GAMMAS}
    ),
    "LogisticRegression": Competitor(models.logistic_regression, LINEAR),
    "LogisticRegression balanced": Competitor(
        partial(models.logistic_regression, class_weight="balanced"), LINEAR
    ),
}
