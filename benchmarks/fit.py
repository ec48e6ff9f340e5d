"""Time whole fits and predictions of the trees, and their peak memory.

    python benchmarks/fit.py

compares FocalLGBMClassifier with LGBMClassifier (compiled ``binary``) and, where installed,
CatBoost's Focal at the same number of rounds, and prints Markdown tables.
"""

import argparse
import importlib.util

import joblib
from experiments import environment
from lightgbm import LGBMClassifier
from memory import memory_table
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score
from timing import interleaved, table

from skfocal import FocalLGBMClassifier

N_FEATURES, ROUNDS = 28, 50
OURS, REFERENCE = "FocalLGBMClassifier gamma 2", "LGBMClassifier"
# Left alone, LightGBM chooses by a trial at the start of each fit between two ways that differ by
# 5 % here, and not always the same one.
LAYOUT = {"force_row_wise": True}


def data(n_rows):
    """Rows to fit on, and a fifth as many to judge by."""
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
    """Models with the same number of rounds and leaves, on all cores."""
    settings = {"n_estimators": ROUNDS, "n_jobs": joblib.cpu_count()}
    models = {REFERENCE: LGBMClassifier(verbose=-1, **LAYOUT, **settings)}
    for curvature in ("geometric", "majorant", "newton"):
        name = OURS if curvature == "geometric" else f"{OURS}, {curvature}"
        models[name] = FocalLGBMClassifier(2.0, curvature=curvature, lgbm_params=LAYOUT, **settings)
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


def times(X, y, X_test, y_test, repeats):
    """Seconds of fits, then of predictions with the fitted models, and what they are worth."""
    n_rows, fitted = len(y), models()
    seconds = interleaved({name: lambda m=m: m.fit(X, y) for name, m in fitted.items()}, repeats)
    print(table(f"### Fit, {n_rows:,} x {N_FEATURES}, {ROUNDS} rounds", seconds, REFERENCE))
    predictions = {name: lambda m=m: m.predict_proba(X) for name, m in fitted.items()}
    seconds = interleaved(predictions, 3 * repeats)  # as much shorter as they are
    print(table(f"### predict_proba, {n_rows:,} rows", seconds, REFERENCE))
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
