"""How good are the estimators at several gammas? Cross-validation over the sets of a folder.

    python benchmarks/quality.py --data DIR

writes one row per set, model and fold to a CSV file and prints its tables, in Markdown.
"""

from functools import partial
from pathlib import Path

from experiments import argument_parser, fit_and_score, plan, run
from models import MAX_ITER, focal_lgbm, lgbm, linear
from sklearn.linear_model import LogisticRegression
from tables import score_tables

from skfocal import FocalLogisticRegression
from skfocal.objectives._lightgbm import CURVATURES

GAMMAS = (0, 0.5, 1, 2, 5)


def all_models(seed):
    """Models by name."""
    models = {
        "LightGBM": lgbm(seed),
        "LightGBM reg_lambda=5": lgbm(seed, reg_lambda=5),
        "LightGBM min_child_weight=1": lgbm(seed, min_child_weight=1),
        "LightGBM balanced": lgbm(seed, class_weight="balanced"),
    }
    for curvature in CURVATURES:
        for gamma in GAMMAS:
            name = f"FocalLGBM {curvature} gamma={gamma:g}"
            models[name] = focal_lgbm(seed, gamma=gamma, curvature=curvature)
    models["LogisticRegression"] = linear(LogisticRegression(max_iter=MAX_ITER))
    for gamma in GAMMAS:
        model = FocalLogisticRegression(gamma, max_iter=MAX_ITER)
        models[f"FocalLogisticRegression gamma={gamma:g}"] = linear(model)
    return models


def evaluate(task, seed):
    """Scores of one model on one fold."""
    return fit_and_score(all_models(seed)[task.model], *task.split())


def main():
    parser = argument_parser(__doc__.split("\n")[0], max_rows=100_000, output=Path("quality.csv"))
    args = parser.parse_args()
    names = list(all_models(args.seed))
    tasks = plan(args, models_for=lambda n_classes: names, fits_per_task=1)
    results = run(tasks, partial(evaluate, seed=args.seed), args)
    print(score_tables(results))


if __name__ == "__main__":
    main()
