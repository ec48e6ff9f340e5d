"""Compare untuned models by cross-validation on the data sets of a folder.

    python benchmarks/quality.py --data DIR

The script writes one row per data set, model and fold to a CSV file, prints tables in Markdown, and
draws the average ranks.
"""

from functools import partial
from pathlib import Path

import models
from experiments import argument_parser, evaluate_untuned, plan, run
from picture import draw_ranks
from tables import NAMES, group_table, set_table, significance_table, summary_table

OURS = "FocalLGBM"
TREES = {
    OURS: models.focal_lgbm,
    "LightGBM": models.lgbm,
    "LightGBM reg_lambda=5": partial(models.lgbm, reg_lambda=5),
    "LightGBM, our trees": models.lgbm_with_our_trees,
    "XGBoost": models.xgboost,
    "HistGradientBoosting": models.hist_gradient_boosting,
    "CatBoost": models.catboost,
    "imlightgbm": models.imlightgbm,
    "balanced bagging": models.balanced_bagging,
}
GAMMAS = {
    f"FocalLGBM gamma={gamma:g}": partial(models.focal_lgbm, gamma=gamma) for gamma in (0, 0.5, 2)
}
LINEAR = {
    "FocalLogisticRegression": models.focal_logistic_regression,
    "FocalLogisticRegression gamma=2": partial(models.focal_logistic_regression, gamma=2),
    "LogisticRegression": models.logistic_regression,
    "LogisticRegression balanced": partial(models.logistic_regression, class_weight="balanced"),
}
MODELS = TREES | GAMMAS | LINEAR
REFERENCES = [name for name in TREES if name.startswith("LightGBM")]


def report(results):
    """All tables of the results, in Markdown."""
    trees, linear = (results[results["model"].isin(names)] for names in (TREES, LINEAR))
    gammas = results[results["model"].isin([OURS, *GAMMAS, "LightGBM, our trees"])]
    rivals = [name for name in TREES if name in set(trees["model"]) and name != OURS]
    tables = [
        summary_table(trees, "Trees", REFERENCES),
        *(gamma_tables(gammas) if set(gammas["model"]) > {OURS} else []),
        *([summary_table(linear, "Linear models", ["LogisticRegression"])] if len(linear) else []),
        significance_table(trees, "average_precision", OURS, rivals),
        significance_table(trees, "log_loss", OURS, rivals),
        group_table(trees, "positives", [50, 500]),
        group_table(trees, "rows", [2_000, 9_000]),
        set_table(trees, "average_precision"),
        set_table(trees, "log_loss"),
    ]
    return "\n\n".join(tables)


def gamma_tables(results):
    """Summary of the gammas and of cross-entropy, each compared with the default."""
    others = [name for name in dict.fromkeys(results["model"]) if name != OURS]
    return [
        summary_table(results, "Gamma", REFERENCES),
        *(significance_table(results, score, OURS, others) for score in NAMES),
    ]


def main():
    parser = argument_parser(__doc__.split("\n")[0], max_rows=15_000, output=Path("quality.csv"))
    parser.add_argument(
        "--models",
        nargs="+",
        choices=MODELS,
        default=list(MODELS),
        help=f"models to compare; {OURS} is always included",
    )
    parser.add_argument("--picture", type=Path, default=Path("quality.png"))
    parser.set_defaults(folds=3)
    args = parser.parse_args()
    names = [name for name in MODELS if name in {OURS, *args.models}]
    tasks = plan(args, models_for=lambda n_classes: names, fits_per_task=1)
    results = run(tasks, partial(evaluate_untuned, MODELS), args)
    print(report(results))
    draw_ranks(results[results["model"].isin(TREES)], args.picture)
    print(f"\nSaved the figure to {args.picture}.")


if __name__ == "__main__":
    main()
