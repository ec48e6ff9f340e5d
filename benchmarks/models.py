"""Models that both experiments use, on frames with missing values and categorical columns."""

from lightgbm import LGBMClassifier
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfocal import FocalLGBMClassifier

MAX_ITER = 1000  # of the linear models; their defaults of 100 do not always converge


def lgbm(seed, **params):
    """LightGBM on one thread, as the processes run side by side."""
    return LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1, **params)


def focal_lgbm(seed, **params):
    """Focal LightGBM on one thread."""
    return FocalLGBMClassifier(random_state=seed, n_jobs=1, **params)


def linear(classifier):
    """A linear classifier after imputation, scaling and one-hot encoding."""
    numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categorical = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer(
        [
            ("numeric", numeric, make_column_selector(dtype_include="number")),
            ("categorical", categorical, make_column_selector(dtype_exclude="number")),
        ]
    )
    return make_pipeline(columns, classifier)
