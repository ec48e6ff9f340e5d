"""Compare corrections of probabilities for models trained on undersampled negatives.

    python benchmarks/undersampling.py
    python benchmarks/undersampling.py --data DIR --sets adult campaign

The script keeps 1, 5 and 10 % of the rows of the largest class. It prints a Markdown table for
generated data, or for each data set of a folder (see README.md).
"""

import argparse
from pathlib import Path
from time import process_time

import joblib
import numpy as np
import pandas as pd
from datasets import find_datasets
from experiments import environment
from scipy.special import expit
from scores import brier, calibration_slope
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from skfocal import FocalLGBMClassifier

SHARES = (0.01, 0.05, 0.1)
CORRECTIONS = ("none", "class_prior", "sample_weight")
COLUMNS = {
    "log_loss": ("log loss", 4),
    "calibration_slope": ("slope", 2),
    "brier": ("Brier score", 4),
    "bias": ("mean probability - share", 4),
    "seconds": ("processor s", 2),
    "rows": ("rows", 0),
}


class Undersampled(ClassifierMixin, BaseEstimator):
    """FocalLGBMClassifier trained on a sample of the largest class and all other rows.

    Parameters
    ----------
    share : float
        Share of the rows of the largest class to keep.
    correction : {"none", "class_prior", "sample_weight"}
        How to correct for the dropped rows.
    seed : int
    """

    def __init__(self, share, correction="none", seed=0):
        self.share = share
        self.correction = correction
        self.seed = seed

    def fit(self, X, y):
        counts = np.bincount(y)
        dropped = y == counts.argmax()
        random = np.random.default_rng(self.seed).random(len(y))
        kept = ~dropped | (random < self.share)
        self.n_rows_ = kept.sum()
        model = FocalLGBMClassifier(n_jobs=1, random_state=self.seed)
        weight = None
        if self.correction == "class_prior":
            model.set_params(class_prior=counts / len(y))
        elif self.correction == "sample_weight":
            weight = np.where(dropped, 1 / self.share, 1)[kept]
        self.model_ = model.fit(X[kept], y[kept], weight)
        self.classes_ = model.classes_
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def models(seed):
    """Each model, by the share of rows kept and the name of the correction."""
    all_models = {}
    for share in SHARES:
        for name in CORRECTIONS:
            all_models[share, name] = Undersampled(share, name, seed)
        calibrated = CalibratedClassifierCV(Undersampled(share, seed=seed), cv=3)
        all_models[share, "CalibratedClassifierCV"] = calibrated
    all_models[1.0, "all rows"] = Undersampled(1.0, seed=seed)
    return all_models


def evaluate(X, y, train, test, seed):
    """Scores of each model on one split."""
    results = []
    for (share, name), model in models(seed).items():
        start = process_time()
        model.fit(X.iloc[train], y[train])
        seconds = process_time() - start
        proba = model.predict_proba(X.iloc[test])
        rarest = np.bincount(y).argmin()
        results.append(
            {
                "kept": share,
                "correction": name,
                "log_loss": log_loss(y[test], proba, labels=np.arange(proba.shape[1])),
                "calibration_slope": calibration_slope(y[test], proba),
                "brier": brier(y[test], proba),
                "bias": proba[:, rarest].mean() - np.mean(y[test] == rarest),
                "seconds": seconds,
                "rows": getattr(model, "n_rows_", np.nan),
            }
        )
    return results


def table(results):
    """Mean and standard deviation over the splits, as a Markdown table."""
    headings = [heading for heading, _ in COLUMNS.values()]
    lines = ["| kept | correction | " + " | ".join(headings) + " |"]
    lines.append("|---" * (len(COLUMNS) + 2) + "|")
    for (share, name), group in results.groupby(["kept", "correction"], sort=False):
        cells = [_cell(group[column], digits) for column, (_, digits) in COLUMNS.items()]
        lines.append(f"| {share:.0%} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(values, digits):
    """Mean and standard deviation, or a dash if all values are missing."""
    if values.isna().all():
        return "-"
    return f"{values.mean():,.{digits}f} ± {values.std():,.{digits}f}"


def generated(n_rows, seed):
    """Features and labels with about 2 % positives."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 20)).astype(np.float32)
    score = 1.2 * X[:, 0] + X[:, 1] * X[:, 2] + np.abs(X[:, 3]) - np.abs(X[:, 4]) - 5.2
    return pd.DataFrame(X), (rng.random(n_rows) < expit(score.astype(np.float64))).astype(int)


def compare(title, X, y, args):
    """Print the table of one data set."""
    folds = StratifiedKFold(args.folds, shuffle=True, random_state=args.seed).split(X, y)
    parallel = joblib.Parallel(n_jobs=args.jobs)
    runs = parallel(
        joblib.delayed(evaluate)(X, y, train, test, args.seed + fold)
        for fold, (train, test) in enumerate(folds)
    )
    counts = " / ".join(f"{count:,}" for count in np.bincount(y))
    print(f"\n### {title}: {len(y):,} rows, class counts {counts}, {args.folds} folds\n")
    print(table(pd.DataFrame([row for run in runs for row in run])), flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, help="folder of data sets, see README.md; default: generated data")
    add("--sets", nargs="+", help="names of the data sets to use; all by default")
    add("--max-rows", type=int, help="sample size of larger data sets")
    add("--rows", type=int, default=100_000, help="number of rows to generate")
    add("--folds", type=int, default=5, help="folds of the cross-validation")
    add("--jobs", type=int, default=joblib.cpu_count(), help="number of single-threaded processes")
    add("--seed", type=int, default=0, help="seed of data, folds, samples and models")
    args = parser.parse_args()
    print(environment())
    if args.data is None:
        compare("Generated", *generated(args.rows, args.seed), args)
        return
    options = {"max_rows": args.max_rows, "drop_repeats": False, "seed": args.seed}
    for dataset in find_datasets(args.data, args.sets, **options):
        compare(dataset.name, *dataset.load(), args)


if __name__ == "__main__":
    main()
