"""Measure time and peak memory of complete fits and predictions of the trees.

    python benchmarks/fit.py

The script compares FocalLGBMClassifier with LGBMClassifier and, if it is installed, CatBoost with
its focal loss. All models have the same number of rounds. The output is in Markdown.
"""

import argparse
import importlib.util
from unittest.mock import patch

import joblib
from experiments import environment
from lightgbm import LGBMClassifier
from memory import memory_table
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score
from timing import interleaved, table

from skfocal import FocalLGBMClassifier
from skfocal.objectives import FocalObjective

N_FEATURES, ROUNDS = 28, 50
OURS, REFERENCE = "FocalLGBMClassifier gamma 2", "LGBMClassifier"
# By default, LightGBM chooses one of two layouts by a timing trial at the start of each fit. Their
# times differ by 5 % here, and the choice is not always the same.
LAYOUT = {"force_row_wise": True}
# LightGBM's defaults, so that all LightGBM models grow trees of the same kind.
LGBM_TREES = {
    "learning_rate": 0.1,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
    "reg_lambda": 0.0,
}


def data(n_rows):
    """Training rows, and a fifth as many test rows."""
    X, y = make_classification(
        n_samples=n_rows + n_rows // 5,
        n_features=N_FEATURES,
        n_informative=12,
        weights=[0.97],
        flip_y=0.01,
        random_state=0,
    )
    return X[:n_rows], y[:n_rows], X[n_rows:], y[n_rows:]


def models():
    """Models with the same number of rounds, on all cores."""
    settings = {"n_estimators": ROUNDS, "n_jobs": joblib.cpu_count()}
    models = {REFERENCE: LGBMClassifier(verbose=-1, **LAYOUT, **settings)}
    for curvature in ("geometric", "majorant", "newton"):
        name = OURS if curvature == "geometric" else f"{OURS}, {curvature}"
        models[name] = FocalLGBMClassifier(
            2.0, curvature=curvature, lgbm_params=LAYOUT, **LGBM_TREES, **settings
        )
    if importlib.util.find_spec("catboost"):
        from catboost import CatBoostClassifier

        models["CatBoost Focal, depth 5"] = CatBoostClassifier(
            loss_function="Focal:focal_alpha=0.5;focal_gamma=2",
            iterations=ROUNDS,
            depth=5,
            thread_count=joblib.cpu_count(),
            verbose=False,
            allow_writing_files=False,
        )
    return models


def fit_with_recorded_gradients(model, X, y):
    """Return a function that repeats a fit without computing its gradients."""
    evaluate, gradients = FocalObjective.__call__, []

    def record(*args):
        gradients.append(evaluate(*args))
        return gradients[-1]

    def fit():
        recorded = iter(gradients)
        with patch.object(FocalObjective, "__call__", lambda *args: next(recorded)):
            model.fit(X, y)

    with patch.object(FocalObjective, "__call__", record):
        model.fit(X, y)
    return fit


def times(X, y, X_test, y_test, repeats):
    """Print the times of fits and predictions, and the quality of the fitted models."""
    n_rows, fitted = len(y), models()
    fits = {name: lambda m=m: m.fit(X, y) for name, m in fitted.items()}
    fits[f"{OURS}, objective for free"] = fit_with_recorded_gradients(models()[OURS], X, y)
    seconds = interleaved(fits, repeats)
    print(table(f"### Fit: {n_rows:,} x {N_FEATURES}, {ROUNDS} rounds", seconds, REFERENCE))
    predictions = {name: lambda m=m: m.predict_proba(X) for name, m in fitted.items()}
    seconds = interleaved(predictions, 3 * repeats)  # predictions are faster than fits
    print(table(f"### predict_proba: {n_rows:,} rows", seconds, REFERENCE))
    print("\n### Average precision on new rows\n\n| | |\n|---|---|")
    for name, model in fitted.items():
        print(
            f"| {name} | {average_precision_score(y_test, model.predict_proba(X_test)[:, 1]):.4f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=10**6)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    print(environment())
    X, y, *held_out = data(args.rows)
    times(X, y, *held_out, args.repeats)
    both = {name: models()[name] for name in (REFERENCE, OURS)}
    print(memory_table(f"### Memory of the fit, {len(y):,} rows", both, X, y))


if __name__ == "__main__":
    main()
