"""
Imbalanced tabular data, end to end
===================================

Cross-validates both estimators, each in a :class:`~sklearn.pipeline.Pipeline` whose gamma a
:class:`~sklearn.model_selection.GridSearchCV` chooses, against LightGBM (its default settings
and two that regularise it) and logistic regression. It prints one table and saves one picture.

On data generated here, or on a file of your own (csv, csv.gz or parquet, with columns of any
type and missing values)::

    python examples/plot_imbalanced_tabular.py --data my.csv.gz --target churned
"""

import argparse
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibrationDisplay
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import make_classification
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    PrecisionRecallDisplay,
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

GAMMAS = [0.0, 1.0, 2.0]
SCORES = ["average precision", "ROC AUC", "log loss", "Brier score", "seconds"]


# %%
# The data: 8,000 rows with 3 % positives, some of them mislabelled; one column is categorical
# and 5 % of the values are missing. Of a file, the rarest class is the one to find.
def generate():
    """Features of mixed type and boolean labels."""
    X, y = make_classification(
        n_samples=8000,
        n_features=20,
        n_informative=8,
        n_clusters_per_class=3,
        weights=[0.97],
        flip_y=0.005,
        random_state=0,
    )
    frame = pd.DataFrame(X).add_prefix("x")
    frame = frame.mask(np.random.default_rng(0).random(X.shape) < 0.05)
    frame["x0"] = pd.cut(X[:, 0], 6, labels=list("abcdef")).astype(object)
    return frame, y == 1


def read(path, target):
    """Features and a boolean target that marks the rarest class."""
    frame = pd.read_parquet(path) if Path(path).suffix == ".parquet" else pd.read_csv(path)
    if target not in frame:
        raise SystemExit(f"--target must be one of the columns {list(frame)}, got {target!r}.")
    frame = frame.dropna(subset=[target])
    labels = frame.pop(target)
    return frame, (labels == labels.value_counts().idxmin()).to_numpy()


# %%
# The models. Trees take missing values and ordinal codes as they are; linear models get imputed,
# scaled and one-hot encoded columns. The same preprocessing serves a focal model and its rival.
def models():
    """Name and estimator of every model to compare."""
    numeric = make_column_selector(dtype_include="number")
    other = make_column_selector(dtype_exclude="number")
    for_trees = make_column_transformer(
        ("passthrough", numeric),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), other),
    )
    for_linear = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), numeric),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10), other),
    )

    def search(preprocessing, estimator, grid):
        steps = make_pipeline(preprocessing, estimator)
        grid = {f"{type(estimator).__name__.lower()}__{name}": grid[name] for name in grid}
        return GridSearchCV(steps, grid, scoring="average_precision", cv=3)

    def trees(**settings):
        return make_pipeline(for_trees, LGBMClassifier(verbose=-1, random_state=0, **settings))

    return {
        "LGBMClassifier": trees(),
        "LGBMClassifier, reg_lambda=5": trees(reg_lambda=5),
        "LGBMClassifier, min_child_weight=1": trees(min_child_weight=1),
        "FocalLGBMClassifier": search(
            for_trees, FocalLGBMClassifier(random_state=0), {"gamma": GAMMAS}
        ),
        "LogisticRegression": make_pipeline(for_linear, LogisticRegression(max_iter=1000)),
        "FocalLogisticRegression": search(
            for_linear, FocalLogisticRegression(), {"gamma": GAMMAS, "C": [0.1, 1.0]}
        ),
    }


# %%
# Five folds: a model is tuned and fitted on four of them and judged on the fifth.
def cross_validate(estimator, X, y):
    """Mean scores over the folds and the held-out probability of every row."""
    proba, scores = np.zeros(len(y)), []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
        start = time.perf_counter()
        estimator.fit(X.iloc[train], y[train])
        seconds = time.perf_counter() - start
        proba[test] = estimator.predict_proba(X.iloc[test])[:, 1]
        judged = y[test], proba[test]
        scores.append(
            [
                average_precision_score(*judged),
                roc_auc_score(*judged),
                log_loss(*judged, labels=[False, True]),
                brier_score_loss(*judged),
                seconds,
            ]
        )
    return np.mean(scores, axis=0), proba


def compare(X, y):
    """Print the table and return each model's held-out probabilities."""
    print(f"{len(y)} rows, {X.shape[1]} features, {y.mean():.2%} positives; means of 5 folds\n")
    print(f"{'':35}" + "".join(f"{score:>19}" for score in SCORES))
    held_out = {}
    for name, estimator in models().items():
        means, held_out[name] = cross_validate(estimator, X, y)
        print(f"{name:35}" + "".join(f"{mean:19.4f}" for mean in means), flush=True)
    return held_out


def picture(held_out, y):
    """Precision against recall, and observed against predicted probability."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.5), layout="constrained")
    for name, proba in held_out.items():
        PrecisionRecallDisplay.from_predictions(y, proba, name=name, ax=left)
        CalibrationDisplay.from_predictions(
            y, proba, n_bins=5, strategy="quantile", name=name, ax=right
        )
    for line in left.get_lines() + right.get_lines():
        line.set_linewidth(2.5 if "Focal" in line.get_label() else 1.2)
    left.set(title="Ranking: precision and recall", xlabel="Recall", ylabel="Precision")
    right.set(title="Calibration of held-out probabilities", xlabel="Predicted", ylabel="Observed")
    right.set(xscale="log", yscale="log")
    right.legend(loc="upper left")
    return figure


# %%
# Run it.
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare focal models with their rivals.")
    parser.add_argument("--data", help="csv, csv.gz or parquet file; generated data by default")
    parser.add_argument("--target", help="column with the labels; its rarest class is the positive")
    parser.add_argument("--output", default="imbalanced_tabular.png", help="picture to write")
    arguments = parser.parse_args()
    if (arguments.data is None) != (arguments.target is None):
        parser.error("--data and --target go together")
    X, y = generate() if arguments.data is None else read(arguments.data, arguments.target)
    picture(compare(X, y), y).savefig(arguments.output, dpi=120)
    print(f"\nPicture: {arguments.output}")
