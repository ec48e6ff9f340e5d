"""Compare settings of FocalLGBMClassifier by cross-validation on the data sets of a folder.

    python benchmarks/defaults.py --data DIR

The script scores every setting on every fold. It prints, in Markdown, their ranks, their time
relative to ``LGBMClassifier()``, and the settings chosen if each data set is left out in turn.
"""

from functools import partial
from itertools import product
from pathlib import Path

import models
import numpy as np
import pandas as pd
from experiments import argument_parser, evaluate_untuned, plan, run
from quality import REFERENCES, TREES
from tables import average_ranks, fold_means, markdown

SCORES = ("average_precision", "log_loss")
DEFAULT = "the defaults"
REFERENCE = "LightGBM"


def settings():
    """Parameters by name: a grid around the defaults, then one change at a time."""
    grid = {
        "num_leaves": (15, 31),
        "n_estimators": (150, 200, 300),
        "colsample_bytree": (0.5, 0.7),
    }
    changes = {
        "learning_rate": (0.04, 0.05, 0.08),
        "gamma": (0, 0.5, 2),
        "curvature": ("majorant", "newton"),
        "reg_lambda": (0, 0.3, 1, 3),
        "subsample": (0.5, 1.0),
        "colsample_bytree": (1.0,),
        "min_child_samples": (5, 10),
        "min_child_weight": (1,),
        "min_split_gain": (0.01, 0.1),
        "max_depth": (6,),
    }
    chosen = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    chosen += [{name: value} for name, values in changes.items() for value in values]
    named = {", ".join(f"{name}={value}" for name, value in p.items()): p for p in chosen}
    return {DEFAULT: {}, **named}


SETTINGS = {name: partial(models.focal_lgbm, **params) for name, params in settings().items()}
MODELS = {name: TREES[name] for name in REFERENCES} | SETTINGS


def settings_table(results):
    """Ranks and means of all models, and their time relative to LightGBM's defaults."""
    seconds = fold_means(results, "seconds")
    columns = {}
    for score in SCORES:
        columns[f"rank, {score}"] = average_ranks(results, score).map("{:.2f}".format)
        means = fold_means(results, score).mean(axis=1)
        columns[f"mean {score}"] = means.map("{:.4f}".format)
    columns["time"] = np.exp(np.log(seconds / seconds.loc[REFERENCE]).mean(axis=1))
    columns["total time"] = seconds.sum(axis=1) / seconds.loc[REFERENCE].sum()
    table = pd.DataFrame(columns).sort_values("rank, average_precision", key=pd.to_numeric)
    return f"### Settings, {seconds.shape[1]} sets\n\n{markdown(table.map(_short))}"


def left_out_table(results):
    """How often each setting has the best sum of ranks if one data set is left out."""
    ranks = sum(
        fold_means(results, score).rank(ascending=score == "log_loss") for score in SCORES
    ).drop(index=REFERENCES, errors="ignore")
    chosen = pd.Series({name: ranks.drop(columns=name).mean(axis=1).idxmin() for name in ranks})
    left_out = pd.Series({name: ranks.loc[chosen[name], name] for name in ranks})
    table = pd.DataFrame({"times chosen": chosen.value_counts()})
    table.index.name = "setting"
    summary = (
        f"Mean rank of a setting on the set that its choice left out: {left_out.mean() / 2:.2f}; "
        f"of the defaults: {ranks.loc[DEFAULT].mean() / 2:.2f} of {len(ranks)}."
    )
    return f"### Choice without one set\n\n{markdown(table)}\n\n{summary}"


def _short(value):
    return value if isinstance(value, str) else f"{value:.2f}"


def main():
    parser = argument_parser(__doc__.split("\n")[0], max_rows=15_000, output=Path("defaults.csv"))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.set_defaults(folds=3)
    args = parser.parse_args()
    names = [name for name in MODELS if name in {DEFAULT, REFERENCE, *args.models}]
    tasks = plan(args, models_for=lambda n_classes: names, fits_per_task=1)
    results = run(tasks, partial(evaluate_untuned, MODELS), args)
    print(f"\n{settings_table(results)}")
    if results["set"].nunique() > 1:
        print(f"\n{left_out_table(results)}")


if __name__ == "__main__":
    main()
