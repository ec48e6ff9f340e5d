"""Compare tuned models by nested cross-validation, with the same search budget for all.

    python benchmarks/study.py --data DIR

The script writes one row per data set, model and outer fold to a CSV file, prints tables in
Markdown, and draws a figure. You can stop it at any time; the same command resumes it.
"""

import json
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from experiments import argument_parser, fit_and_score, plan, run
from picture import draw_ranks
from rivals import COMPETITORS
from scores import average_precision
from sklearn.model_selection import ParameterSampler, StratifiedKFold
from tables import NAMES, fold_means, set_table, significance_table, summary_table

# The models that each of our estimators is compared with.
RIVALS = {
    "FocalLGBMClassifier": [name for name in COMPETITORS if name != "FocalLGBMClassifier"],
    "FocalLogisticRegression": ["LogisticRegression", "LogisticRegression balanced"],
}


def models_for(n_classes):
    """Names of the models that support this number of classes."""
    return [name for name, model in COMPETITORS.items() if model.multiclass or n_classes == 2]


def evaluate(task, n_candidates, n_inner_folds):
    """Scores on one outer fold of the candidate that is best on the inner folds."""
    X, y, X_test, y_test = task.split()
    competitor, seed = COMPETITORS[task.model], task.dataset.seed
    start = perf_counter()
    best = search(competitor, X, y, n_candidates, n_inner_folds, seed)
    search_seconds = perf_counter() - start
    scores = fit_and_score(competitor.build(X, y, seed, **best), X, y, X_test, y_test)
    chosen = json.dumps(dict(sorted(best.items())), default=float)
    return scores | {"search_seconds": search_seconds, "chosen": chosen}


def search(competitor, X, y, n_candidates, n_folds, seed):
    """The candidate with the best mean average precision; the first one is the base setting."""
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    splits = list(folds.split(X, y))
    drawn = ParameterSampler(competitor.space, n_candidates - 1, random_state=seed)
    candidates = [{}, *drawn]

    def mean_score(candidate):
        scores = []
        for train, test in splits:
            rows = X.iloc[train], y[train]
            model = competitor.build(*rows, seed, **candidate).fit(*rows)
            scores.append(average_precision(y[test], model.predict_proba(X.iloc[test])))
        return np.mean(scores)

    return max(candidates, key=mean_score)


def with_all_models(results):
    """The results on the data sets that all models support."""
    means = fold_means(results, "average_precision")
    return results[results["set"].isin(means.dropna(axis=1).columns)]


def on_all_sets(results):
    """The results of the models that support all data sets."""
    means = fold_means(results, "average_precision")
    return results[results["model"].isin(means.dropna(axis=0).index)]


def report(results):
    """All tables of the results, in Markdown."""
    tables = [
        summary_table(with_all_models(results), "All models", ["LightGBM"]),
        summary_table(on_all_sets(results), "Models for any number of classes", ["LightGBM"]),
        *(
            significance_table(results, score, ours, rivals)
            for ours, rivals in RIVALS.items()
            for score in NAMES
        ),
        *(set_table(results, score) for score in NAMES),
    ]
    return "\n\n".join(tables)


def main():
    parser = argument_parser(__doc__.split("\n")[0], max_rows=10_000, output=Path("study.csv"))
    parser.add_argument("--candidates", type=int, default=8, help="candidates of each search")
    parser.add_argument("--inner-folds", type=int, default=3, help="folds of each search")
    parser.add_argument("--picture", type=Path, default=Path("study.png"))
    args = parser.parse_args()
    tasks = plan(args, models_for, fits_per_task=args.candidates * args.inner_folds + 1)
    settings = {"n_candidates": args.candidates, "n_inner_folds": args.inner_folds}
    results = run(tasks, partial(evaluate, **settings), args)
    print(report(results))
    draw_ranks(with_all_models(results), args.picture)
    print(f"\nSaved the figure to {args.picture}.")


if __name__ == "__main__":
    main()
