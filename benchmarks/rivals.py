"""The competitors of the study: how each is built and what its search goes over."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from catboost import CatBoostClassifier
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from imlightgbm import ImbalancedLGBMClassifier
from models import MAX_ITER, focal_lgbm, lgbm, linear
from scipy.stats import loguniform
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from skfocal import FocalLogisticRegression

ROUNDS = 100  # of every booster
GAMMAS = [0.0, 0.5, 1.0, 2.0, 3.0]
TREES = {"learning_rate": loguniform(0.03, 0.3), "num_leaves": [7, 15, 31, 63]}
CATBOOST_TREES = {"learning_rate": loguniform(0.03, 0.5), "depth": [4, 5, 6, 8]}
LINEAR = {"C": loguniform(1e-2, 1e2)}


@dataclass(frozen=True)
class Competitor:
    """``build(X, seed, **candidate)`` gives an estimator; ``space`` is what candidates are."""

    build: Callable
    space: dict
    multiclass: bool = True


def catboost(X, seed, loss=None, gamma=None, **params):
    """CatBoost under a loss of its own; its focal loss is binary and needs an alpha.

    Alpha 1/2 weighs the classes alike, as alpha=None does elsewhere.
    """
    if gamma is not None:
        loss = f"Focal:focal_alpha=0.5;focal_gamma={gamma}"
    categorical = list(X.select_dtypes("category"))
    classifier = CatBoostClassifier(
        loss_function=loss,
        iterations=ROUNDS,
        cat_features=categorical,
        random_seed=seed,
        thread_count=1,
        verbose=False,
        allow_writing_files=False,
        **params,
    )
    return make_pipeline(FunctionTransformer(_categories_as_text), classifier)


def undersampled_lgbm(X, seed, times=1, **params):
    """LightGBM on all rows of the rarest class and at most ``times`` as many of each other."""
    sampler = RandomUnderSampler(sampling_strategy=partial(_at_most, times), random_state=seed)
    return make_pipeline(sampler, lgbm(seed, **params))


def imlightgbm(X, seed, gamma=2.0, **params):
    """The focal loss of imlightgbm, which needs ``gamma > 0``."""
    return ImbalancedLGBMClassifier(
        objective="binary_focal", gamma=gamma, random_state=seed, n_jobs=1, verbose=-1, **params
    )


COMPETITORS = {
    "FocalLGBMClassifier": Competitor(
        lambda X, seed, **params: focal_lgbm(seed, **params), TREES | {"gamma": GAMMAS}
    ),
    "LightGBM": Competitor(
        lambda X, seed, **params: lgbm(seed, **params),
        TREES | {"min_child_samples": [5, 10, 20, 50, 100]},
    ),
    "LightGBM regularised": Competitor(
        lambda X, seed, reg_lambda=5, **params: lgbm(seed, reg_lambda=reg_lambda, **params),
        TREES | {"reg_lambda": loguniform(1, 100)},
    ),
    "LightGBM undersampled": Competitor(undersampled_lgbm, TREES | {"times": [1, 3, 10, 30]}),
    "imlightgbm": Competitor(imlightgbm, TREES | {"gamma": GAMMAS[1:]}, multiclass=False),
    "CatBoost Logloss": Competitor(catboost, CATBOOST_TREES | {"l2_leaf_reg": loguniform(1, 30)}),
    "CatBoost Focal": Competitor(
        partial(catboost, gamma=2.0), CATBOOST_TREES | {"gamma": GAMMAS[1:]}, multiclass=False
    ),
    "FocalLogisticRegression": Competitor(
        lambda X, seed, **params: linear(FocalLogisticRegression(max_iter=MAX_ITER, **params)),
        LINEAR | {"gamma": GAMMAS},
    ),
    "LogisticRegression": Competitor(
        lambda X, seed, **params: linear(LogisticRegression(max_iter=MAX_ITER, **params)), LINEAR
    ),
    "LogisticRegression balanced": Competitor(
        lambda X, seed, **params: linear(
            LogisticRegression(max_iter=MAX_ITER, class_weight="balanced", **params)
        ),
        LINEAR,
    ),
}


def _at_most(times, y):
    """Rows to keep of each class, as imbalanced-learn asks for them."""
    classes, counts = np.unique(y, return_counts=True)
    return dict(zip(classes, np.minimum(counts, times * counts.min()), strict=True))


def _categories_as_text(X):
    """CatBoost takes no missing values in categorical columns."""
    names = list(X.select_dtypes("category"))
    return X.assign(
        **{name: X[name].astype(object).fillna("missing").astype(str) for name in names}
    )
