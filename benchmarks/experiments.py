"""Code shared by ``quality.py``, ``defaults.py`` and ``study.py``: options, tasks, timed fits."""

import argparse
import csv
import platform
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import joblib
import lightgbm
import numpy as np
import pandas as pd
import sklearn
from datasets import DataSet, find_datasets
from scores import all_scores
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

import skfocal

KEY = ["set", "model", "seed", "fold"]


@dataclass(frozen=True)
class Task:
    """One model on one fold of one data set."""

    dataset: DataSet
    model: str
    fold: int
    n_folds: int

    @property
    def key(self):
        return self.dataset.name, self.model, self.dataset.seed, self.fold

    def split(self):
        """Training features and labels, test features and labels."""
        X, y = self.dataset.load()
        folds = StratifiedKFold(self.n_folds, shuffle=True, random_state=self.dataset.seed)
        train, test = list(folds.split(X, y))[self.fold]
        return X.iloc[train], y[train], X.iloc[test], y[test]


def argument_parser(description, max_rows, output):
    """Options of the scripts; the arguments are the defaults that differ."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of data sets, see benchmarks/README.md")
    add("--sets", nargs="+", help="names of the data sets to use; all by default")
    add("--max-rows", type=int, default=max_rows, help="sample size of larger data sets")
    add("--drop-repeats", action="store_true", help="drop duplicate rows first")
    add("--folds", type=int, default=5, help="folds of the (outer) cross-validation")
    add("--jobs", type=int, default=joblib.cpu_count(), help="number of single-threaded processes")
    add("--seeds", type=int, nargs="+", default=[0], help="of samples, folds, models, searches")
    add("--output", type=Path, default=output, help="CSV file of results; existing rows are reused")
    return parser


def plan(args, models_for, fits_per_task):
    """Print and return the tasks; ``models_for(n_classes)`` returns the names of the models."""
    options = {"max_rows": args.max_rows, "drop_repeats": args.drop_repeats}
    datasets = [
        dataset
        for seed in args.seeds
        for dataset in find_datasets(args.data, args.sets, seed=seed, **options)
    ]
    print(environment())
    tasks = []
    for dataset in datasets:
        X, y = dataset.load()
        counts = np.bincount(y)
        if counts.min() < args.folds:
            raise SystemExit(
                f"{dataset.name}: each class must have at least {args.folds} rows, got {counts}."
            )
        models = models_for(len(counts))
        print(
            f"{dataset.name}: {len(y)} rows, {X.shape[1]} features, class counts "
            f"{' / '.join(map(str, counts))}, {len(models)} models x {args.folds} folds, "
            f"seed {dataset.seed}"
        )
        tasks += [Task(dataset, m, fold, args.folds) for m in models for fold in range(args.folds)]
    print("models:", ", ".join(dict.fromkeys(task.model for task in tasks)))
    print(f"{len(tasks)} tasks of {fits_per_task} fits: {len(tasks) * fits_per_task} fits")
    return tasks


def environment():
    """One line with the versions of the software and the machine."""
    versions = {module.__name__: module.__version__ for module in (skfocal, lightgbm, sklearn)}
    return ", ".join(
        [f"Python {platform.python_version()}"]
        + [f"{name} {version}" for name, version in versions.items()]
        + [f"{platform.machine()} with {joblib.cpu_count()} cores"]
    )


def run(tasks, evaluate, args):
    """Evaluate the tasks that are missing from the output file; return the results of all tasks.

    Each result is written immediately, so you can stop the script and resume it. The script exits
    if the file holds results for other options, such as another sample size.
    """
    from tqdm import tqdm  # imported here because the speed benchmarks do not need it

    left_out = {"data", "sets", "models", "seeds", "jobs", "output", "picture"}
    options = " ".join(f"{k}={v}" for k, v in vars(args).items() if k not in left_out)
    done = _done(args.output, options)
    missing = [task for task in tasks if task.key not in done]
    print(
        f"{len(missing)} tasks to run in {args.jobs} processes; writing results to {args.output}",
        flush=True,
    )
    parallel = joblib.Parallel(n_jobs=args.jobs, return_as="generator_unordered")
    results = parallel(joblib.delayed(_evaluated)(evaluate, task) for task in missing)
    for row in tqdm(results, total=len(missing), smoothing=0):
        _append(args.output, row | {"options": options})
    results = pd.read_csv(args.output, dtype={"set": str})
    order = pd.DataFrame([task.key for task in tasks], columns=KEY)
    return order.merge(results, on=KEY, validate="one_to_one")


def evaluate_untuned(models, task):
    """Scores of one of ``models``, functions ``(X, y, seed)``, on one fold."""
    X, y, X_test, y_test = task.split()
    return fit_and_score(models[task.model](X, y, task.dataset.seed), X, y, X_test, y_test)


def fit_and_score(model, X, y, X_test, y_test):
    """Scores of a model on test rows, seconds of its fit, and size of its training data."""
    start = perf_counter()
    model.fit(X, y)
    seconds = perf_counter() - start
    scores = all_scores(y_test, np.asarray(model.predict_proba(X_test), dtype=np.float64))
    return scores | {"seconds": seconds, "rows": len(y), "positives": np.bincount(y).min()}


def _evaluated(evaluate, task):
    with threadpool_limits(1):  # the processes already use all cores
        return dict(zip(KEY, task.key, strict=True)) | evaluate(task)


def _done(path, options):
    if not path.exists():
        return set()
    results = pd.read_csv(path, dtype={"set": str})
    others = set(results["options"]) - {options}
    if others:
        raise SystemExit(
            f"{path} holds results of other options ({others}) than {options!r}. Use another "
            "--output."
        )
    return set(results[KEY].itertuples(index=False, name=None))


def _append(path, row):
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)
