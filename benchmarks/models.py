"""The models of ``quality.py`` and ``study.py``.

Each function returns a single-threaded estimator for training data X and y. X is a frame that may
have missing values and categorical columns.
"""

from functools import partial

import numpy as np
from catboost import CatBoostClassifier
from imblearn.ensemble import BalancedBaggingClassifier
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from imlightgbm import ImbalancedLGBMClassifier
from lightgbm import LGBMClassifier
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from xgboost import XGBClassifier

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

MAX_ITER = 1000  # linear models do not always converge within the default of 100 iterations
CATEGORICAL = make_column_selector(dtype_include="category")
NUMERIC = make_column_selector(dtype_include="number")


def focal_lgbm(X, y, seed, **params):
    """``FocalLGBMClassifier``."""
    return FocalLGBMClassifier(random_state=seed, n_jobs=1, **params)


def lgbm(X, y, seed, **params):
    """``LGBMClassifier``."""
    return LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1, **params)


def lgbm_with_our_trees(X, y, seed):
    """``LGBMClassifier`` with the default tree parameters of ``FocalLGBMClassifier``."""
    ours, theirs = FocalLGBMClassifier().get_params(), LGBMClassifier().get_params()
    shared = {name: ours[name] for name in theirs if name in ours}
    shared["learning_rate"] = FocalLGBMClassifier().fit(X, y).learning_rate_
    return LGBMClassifier(**shared | {"random_state": seed, "n_jobs": 1, "verbose": -1})


def xgboost(X, y, seed):
    """``XGBClassifier``."""
    return XGBClassifier(random_state=seed, n_jobs=1, enable_categorical=True)


def hist_gradient_boosting(X, y, seed):
    """``HistGradientBoostingClassifier``, which supports at most 255 categories per column."""
    few = [name for name in CATEGORICAL(X) if X[name].nunique() <= 255]
    many = [name for name in CATEGORICAL(X) if name not in few]
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = make_column_transformer(
        (codes, many), remainder="passthrough", verbose_feature_names_out=False
    )
    model = HistGradientBoostingClassifier(categorical_features=few or None, random_state=seed)
    return make_pipeline(columns.set_output(transform="pandas"), model)


def catboost(X, y, seed, gamma=None, **params):
    """CatBoost with log loss or, if ``gamma`` is given, with its binary focal loss.

    Its alpha of 0.5 gives both classes the same weight, as ``alpha=None`` does in skfocal.
    """
    if gamma is not None:
        params["loss_function"] = f"Focal:focal_alpha=0.5;focal_gamma={gamma}"
    classifier = CatBoostClassifier(
        cat_features=CATEGORICAL(X),
        random_seed=seed,
        thread_count=1,
        verbose=False,
        allow_writing_files=False,
        **params,
    )
    return make_pipeline(FunctionTransformer(_categories_as_text), classifier)


def imlightgbm(X, y, seed, gamma=2.0, **params):
    """The focal loss of imlightgbm, which requires ``gamma > 0``."""
    n_classes = len(np.unique(y))
    kind = {"objective": "binary_focal"}
    if n_classes > 2:
        kind = {"objective": "multiclass_focal", "num_class": n_classes}
    return ImbalancedLGBMClassifier(
        **kind, gamma=gamma, random_state=seed, n_jobs=1, verbose=-1, **params
    )


def balanced_bagging(X, y, seed):
    """Ten LightGBM models, each trained on a balanced sample of the rows."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = make_column_transformer((codes, CATEGORICAL), remainder="passthrough")
    return make_pipeline(columns, BalancedBaggingClassifier(lgbm(X, y, seed), random_state=seed))


def undersampled_lgbm(X, y, seed, times=1, **params):
    """LightGBM on at most ``times`` as many rows of each class as the rarest class has."""
    sampler = RandomUnderSampler(sampling_strategy=partial(_at_most, times), random_state=seed)
    return make_pipeline(sampler, lgbm(X, y, seed, **params))


def logistic_regression(X, y, seed, **params):
    """``LogisticRegression`` on imputed, scaled and one-hot encoded columns."""
    return _on_numbers(LogisticRegression(max_iter=MAX_ITER, **params))


def focal_logistic_regression(X, y, seed, **params):
    """``FocalLogisticRegression`` on the same columns."""
    return _on_numbers(FocalLogisticRegression(max_iter=MAX_ITER, **params))


def _on_numbers(classifier):
    numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categorical = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer(
        [("numeric", numeric, NUMERIC), ("categorical", categorical, CATEGORICAL)]
    )
    return make_pipeline(columns, classifier)


def _at_most(times, y):
    """Number of rows to keep per class, in the format of imbalanced-learn."""
    classes, counts = np.unique(y, return_counts=True)
    return dict(zip(classes, np.minimum(counts, times * counts.min()), strict=True))


def _categories_as_text(X):
    """Convert categories to text, because CatBoost rejects missing values in such columns."""
    names = CATEGORICAL(X)
    return X.assign(
        **{name: X[name].astype(object).fillna("missing").astype(str) for name in names}
    )
