"""Compare untuned trees on large data, where the number of rounds limits the fit.

    python benchmarks/large.py
    python benchmarks/large.py --data DIR

The script compares FocalLGBMClassifier with LGBMClassifier at the same number of rounds and two
learning rates, by average precision on held-out rows and seconds of the fit. The data is generated,
or consists of the data sets of a folder that have at least ``--min-rows`` rows. The output is in
Markdown.
"""

import argparse
from pathlib import Path
from time import perf_counter

import pandas as pd
from datasets import find_datasets
from experiments import environment
from lightgbm import LGBMClassifier
from scores import average_precision
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from skfocal import FocalLGBMClassifier

# The defaults, and changes that rank as well or better on small data sets (defaults.py).
OURS = {
    "FocalLGBMClassifier()": {},
    "colsample_bytree=0.5": {"colsample_bytree": 0.5},
    "num_leaves=15": {"num_leaves": 15},
}


def generated(n_rows, positives):
    """Rows of 28 features, 12 of them informative, with 1 % of the labels flipped."""
    X, y = make_classification(
        n_rows,
        28,
        n_informative=12,
        n_clusters_per_class=8,
        weights=[1 - positives],
        flip_y=0.01,
        random_state=0,
    )
    return pd.DataFrame(X), y


def problems(args):
    """Names and functions that load the data."""
    if args.data is None:
        for n_rows in args.rows:
            for positives in (0.02, 0.05):
                name = f"generated, {positives:.0%} positives"
                yield name, lambda n=n_rows, p=positives: generated(n, p)
    else:
        for dataset in find_datasets(args.data, max_rows=None, drop_repeats=True, seed=0):
            yield dataset.name, dataset.load


def models():
    """The focal trees, and LightGBM with as many rounds."""
    rounds = FocalLGBMClassifier().n_estimators
    rivals = {
        f"LightGBM, {rounds} rounds at {rate}": LGBMClassifier(
            n_estimators=rounds, learning_rate=rate, random_state=0, verbose=-1
        )
        for rate in (0.05, 0.1)
    }
    ours = {name: FocalLGBMClassifier(random_state=0, **params) for name, params in OURS.items()}
    return ours | rivals


def row(name, X, y):
    """Line of the table: average precision and seconds of each model on a fifth of the rows."""
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.2, stratify=y, random_state=0
    )
    cells = [name, f"{len(y_train):,}"]
    for model in models().values():
        start = perf_counter()
        model.fit(X_train, y_train)
        seconds = perf_counter() - start
        score = average_precision(y_test, model.predict_proba(X_test))
        cells.append(f"{score:.3f} ({seconds:.1f} s)")
    return f"| {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[125_000, 375_000, 1_250_000])
    parser.add_argument("--data", type=Path, help="folder of data sets, see benchmarks/README.md")
    parser.add_argument("--min-rows", type=int, default=20_000)
    args = parser.parse_args()
    print(environment())
    print(f"\n| data | training rows | {' | '.join(models())} |")
    print("|" + "---|" * (2 + len(models())))
    for name, load in problems(args):
        X, y = load()
        if args.data is None or len(y) >= args.min_rows:
            print(row(name, X, y), flush=True)


if __name__ == "__main__":
    main()
