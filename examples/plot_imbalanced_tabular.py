"""
Imbalanced tabular data, end to end
===================================

This example compares both estimators with LightGBM and logistic regression. Each model is the last
step of a :class:`~sklearn.pipeline.Pipeline` and has the same search budget of four candidates. The
script prints tables and a conclusion, and saves a figure.

By default, the script generates data. It also runs on your own csv, csv.gz or parquet file with two
or more classes. Columns can have any type and may contain missing values::

    python examples/plot_imbalanced_tabular.py --data my.csv.gz --target churned
"""

import argparse
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from lightgbm import LGBMClassifier
from scipy.stats import binomtest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import make_classification
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    log_loss,
    make_scorer,
    precision_recall_curve,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from skfocal import FocalLGBMClassifier, FocalLogisticRegression, GammaDisplay

COLORS = {
    "LightGBM": "#D55E00",
    "focal LightGBM": "#0072B2",
    "logistic": "#E69F00",
    "focal logistic": "#56B4E9",
}
RIVALS = {"focal LightGBM": "LightGBM", "focal logistic": "logistic"}
N_FOLDS, N_REPEATS = 5, 2


# %%
# The data
# --------
# The generated data have 5,000 rows with 4 % positives and some wrong labels. One column is
# categorical, and 5 % of the values are missing.
def generate():
    """Features of mixed types, and labels."""
    X, y = make_classification(
        n_samples=5000,
        n_features=12,
        n_informative=8,
        n_clusters_per_class=3,
        weights=[0.965],
        flip_y=0.01,
        random_state=0,
    )
    frame = pd.DataFrame(X).add_prefix("x")
    frame = frame.mask(np.random.default_rng(0).random(X.shape) < 0.05)
    frame["x0"] = pd.cut(X[:, 0], 6, labels=list("abcdef")).astype(object)
    return frame, pd.Series(np.where(y == 1, "churned", "stayed"))


def read(path, target):
    """Features and labels of a file, without rows that have no label."""
    frame = pd.read_parquet(path) if Path(path).suffix == ".parquet" else pd.read_csv(path)
    if target not in frame:
        raise SystemExit(f"--target must be one of the columns {list(frame)}, got {target!r}.")
    labelled = frame.dropna(subset=[target])
    if len(labelled) < len(frame):
        print(f"Left out {len(frame) - len(labelled)} rows without a label.")
    return labelled.drop(columns=target), labelled[target]


def prepare(frame):
    """Convert numbers to float and other columns to text; drop columns without a value."""
    empty = list(frame.columns[frame.isna().all()])
    if empty:
        print(f"Left out the columns without a value: {empty}.")
    frame = frame.drop(columns=empty)
    numeric = frame.select_dtypes("number").columns
    return frame.astype({name: float if name in numeric else str for name in frame})


def encode(labels):
    """Class codes and names, by decreasing frequency: the last class is the rarest."""
    counts = labels.value_counts()
    if len(counts) < 2 or counts.min() < N_FOLDS:
        raise SystemExit(
            f"The target must have at least 2 classes of at least {N_FOLDS} rows each, got "
            f"{len(counts)}, the smallest of them {counts.tail(3).to_dict()}. Merge or remove them."
        )
    codes = pd.Categorical(labels, categories=counts.index).codes.astype(int)
    return codes, [str(name) for name in counts.index]


# %%
# The models
# ----------
# Trees support missing values and ordinal codes. Linear models get imputed, scaled and one-hot
# encoded columns. Each focal model has the same preprocessing as the model that it is compared
# with. Both gradient boosting models grow the same number of trees of the same size.
TREES = {
    "n_estimators": 100,
    "learning_rate": 0.1,
    "num_leaves": 15,
    "random_state": 0,
    "n_jobs": 1,  # splits already run in parallel
}
GAMMAS = [0, 0.5, 1, 2]
SCORES = {
    "average precision": make_scorer(average_precision_score, response_method="predict_proba"),
    "ROC AUC": make_scorer(roc_auc_score, response_method="predict_proba", multi_class="ovr"),
    "log loss": make_scorer(log_loss, response_method="predict_proba"),  # reported only
}


def preprocessing():
    """Transformers for trees and for linear models."""
    numeric = make_column_selector(dtype_include="number")
    text = make_column_selector(dtype_exclude="number")
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    scaled = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10)
    for_trees = make_column_transformer(("passthrough", numeric), (codes, text))
    return for_trees, make_column_transformer((scaled, numeric), (one_hot, text))


def search(columns, model, grid):
    """Search for the best average precision; multiclass: the mean over the classes."""
    pipeline = Pipeline([("columns", columns), ("model", model)])
    grid = {f"model__{name}": values for name, values in grid.items()}
    return GridSearchCV(
        pipeline, grid, scoring=SCORES["average precision"], cv=3, error_score="raise"
    )


def models():
    """The tuned models by name, and the focal trees with each gamma."""
    trees, linear = preprocessing()
    regularisation = {"reg_lambda": [0, 5], "min_child_weight": [1e-3, 1]}
    searched = {
        "LightGBM": search(trees, LGBMClassifier(**TREES, verbose=-1), regularisation),
        "focal LightGBM": search(trees, FocalLGBMClassifier(**TREES), {"gamma": GAMMAS}),
        "logistic": search(linear, LogisticRegression(max_iter=1000), {"C": [0.01, 0.1, 1, 10]}),
        "focal logistic": search(
            linear, FocalLogisticRegression(), {"gamma": [0, 2], "C": [0.1, 10]}
        ),
    }
    fixed = {
        f"gamma={gamma}": make_pipeline(trees, FocalLGBMClassifier(gamma=gamma, **TREES))
        for gamma in GAMMAS
    }
    return searched | fixed


# %%
# The comparison
# --------------
# We use five-fold cross-validation, repeated twice. Each model is tuned and fitted on four folds,
# and scored on the fifth. All results below come from these fits.
def judge(model, X, y, split):
    """Scores, selected parameters, probabilities and warnings of a model on a split."""
    _, test = split
    with warnings.catch_warnings(record=True) as caught:
        result = cross_validate(
            model, X, y, cv=[split], scoring=SCORES, return_estimator=True, error_score="raise"
        )
        [fitted] = result["estimator"]
        proba = fitted.predict_proba(X.iloc[test])
    return {
        **{score: result[f"test_{score}"][0] for score in SCORES},
        "seconds": result["fit_time"][0],
        "chosen": getattr(fitted, "best_params_", {}),
        "by class": [average_precision_score(y[test] == k, p) for k, p in enumerate(proba.T)],
        "test": test,
        "proba": proba,
        "warnings": {str(warning.message).splitlines()[0] for warning in caught},
    }


def compare(X, y):
    """Results with one row per split and model."""
    cv = RepeatedStratifiedKFold(n_splits=N_FOLDS, n_repeats=N_REPEATS, random_state=0)
    tasks = [
        (split, name, model, rows)
        for split, rows in enumerate(cv.split(X, y))
        for name, model in models().items()
    ]
    parallel = Parallel(n_jobs=-1, return_as="generator")
    results = parallel(delayed(judge)(model, X, y, rows) for _, _, model, rows in tasks)
    return pd.DataFrame(
        {"split": split, "model": name, **result}
        for (split, name, _, _), result in zip(tasks, progress(results, len(tasks)), strict=True)
    )


def progress(results, total):
    """Yield the results and show a progress bar on stderr."""
    start = time.perf_counter()
    for done, result in enumerate(results, 1):
        seconds = (time.perf_counter() - start) * (total / done - 1)
        bar = "#" * (30 * done // total)
        print(f"\r[{bar:30}] {seconds:5.0f} s left", end="", file=sys.stderr, flush=True)
        yield result
    print(file=sys.stderr)


# %%
# The tables
# ----------
def print_row(name, cells):
    print(f"{name:16}" + "".join(f"{cell:>19}" for cell in cells))


def print_scores(searched):
    """Mean and standard deviation of each model's scores."""
    columns = [*SCORES, "seconds"]
    means, spreads = searched[columns].mean(), searched[columns].std()
    print(f"\nMean ± standard deviation over {N_FOLDS * N_REPEATS} splits")
    print("Each model tries four candidates. The seconds include the search and the final fit.")
    print_row("", columns)
    for name in means.index:
        print_row(name, [f"{means[c][name]:.3f} ± {spreads[c][name]:.3f}" for c in columns])


def print_choices(searched):
    """Print the parameters that the searches of each model selected."""
    print("\nSelected parameters: number of splits")
    for name, choices in searched["chosen"]:
        counts = Counter(
            ", ".join(f"{key.removeprefix('model__')}={value:g}" for key, value in choice.items())
            for choice in choices
        )
        print(f"{name:16}  " + "; ".join(f"{text}: {n}" for text, n in counts.most_common()))


def print_classes(searched, class_names):
    """Average precision of each model and class, one-vs-rest."""
    print("\nAverage precision of each class, mean over splits")
    print_row("", [name[:16] for name in class_names])
    for name, rows in searched["by class"]:
        print_row(name, [f"{mean:.3f}" for mean in np.mean([*rows], axis=0)])


# %%
# Scores differ more between splits than between models. :class:`~skfocal.GammaDisplay` therefore
# compares models by their differences on the same split.
def paired(results, score, names):
    """Paired differences between gammas, and from tuned models."""
    table = results.pivot(index="model", columns="split", values=score)
    table = table.loc[[f"gamma={gamma}" for gamma in GAMMAS] + names]
    sign = -1 if score == "log loss" else 1
    return GammaDisplay(
        gammas=GAMMAS, scores={score: sign * table}, test_size=1 / N_FOLDS, baselines=names
    )


# %%
# The figure
# ----------
# The curves show the positive class (multiclass: the rarest class). They use the first repetition,
# in which each row is held out once. If positives are rare, bins with the same number of rows
# contain hardly any positives. The bins of the calibration curve therefore have the same number of
# expected positives.
def held_out(results, name):
    """Held-out probability of the rarest class for each row."""
    rows = results[(results["model"] == name) & (results["split"] < N_FOLDS)]
    order = np.argsort(np.concatenate([*rows["test"]]))
    return np.concatenate([*rows["proba"]])[order, -1]


def calibration(y, proba):
    """Mean probability, share of positives and its 95 % interval in bins of rows."""
    order = np.argsort(proba)
    expected = np.cumsum(proba[order])
    n_groups = np.clip(expected[-1] // 10, 2, 8)  # at least 10 expected positives each
    group = np.minimum(n_groups * expected / expected[-1], n_groups - 1).astype(int)
    for rows in (order[group == g] for g in np.unique(group)):
        interval = binomtest(int(y[rows].sum()), len(rows)).proportion_ci(method="wilson")
        yield proba[rows].mean(), y[rows].mean(), interval.low, interval.high


def picture(results, y, class_names):
    """Draw precision-recall curves, calibration curves and paired differences."""
    figure, (top, middle, bottom) = plt.subplots(3, figsize=(6.4, 14), layout="constrained")
    positive = y == len(class_names) - 1
    scores = results.groupby("model")["average precision"].agg(["mean", "std"])
    what = "average precision" if len(class_names) == 2 else "average precision over all classes"
    for name, color in COLORS.items():
        proba = held_out(results, name)
        precision, recall, _ = precision_recall_curve(positive, proba)
        label = f"{name}, {what} {scores['mean'][name]:.3f} ± {scores['std'][name]:.3f}"
        style = {"color": color, "lw": 1.2 if name in RIVALS else 2.5}  # show overlapping curves
        top.plot(recall, precision, drawstyle="steps-post", label=label, **style)
        predicted, observed, low, high = np.transpose([*calibration(positive, proba)])
        bars = observed - low, high - observed
        middle.errorbar(predicted, observed, bars, fmt="o-", ms=4, capsize=2, **style)
    share = f"{positive.mean():.2%} of {len(y)} rows"
    top.set(title=f"Ranking of {class_names[-1]!r}, {share}", xlabel="Recall", ylabel="Precision")
    top.set_ylim(0, 1.02)
    middle.axline((0, 0), slope=1, color="0.7", zorder=0)
    middle.set(title=f"Calibration of {class_names[-1]!r} (95 % intervals)")
    middle.set(xlabel="Mean predicted probability", ylabel="Share of rows in the class")
    figure.legend(loc="outside upper left")
    paired(results, "average precision", ["LightGBM"]).plot(ax=bottom)
    return figure


# %%
# Conclusion
# ----------
def print_conclusion(results, searched):
    """Print the conclusions that the paired differences support."""
    means = searched[[*SCORES]].mean()
    print(f"\nHighest mean average precision: {means['average precision'].idxmax()}.")
    print(f"Lowest mean log loss: {means['log loss'].idxmin()}.")
    for score in ("average precision", "log loss"):
        for focal, rival in RIVALS.items():
            differences, intervals = paired(results, score, [rival, focal]).compare_to(rival)
            low, high = intervals[score][-1]
            words = {1: "better than", 0: "not clearly different from", -1: "worse than"}
            verdict = words[int(low > 0) - int(high < 0)]
            print(
                f"{score}: searched {focal} is {verdict} searched {rival} "
                f"(mean improvement {differences[score][-1].mean():+.3f}, "
                f"95 % interval {low:.3f} to {high:.3f})"
            )
    print(paired(results, "average precision", ["LightGBM"]).verdict)
    print("If an interval contains 0, the data do not show which model is better.")


def report_warnings(results):
    """Print each warning once, with the number of fits that raised it."""
    counts = Counter(text for texts in results["warnings"] for text in texts)
    for text, n in counts.items():
        print(f"Warning in {n} of {len(results)} fits: {text}")


def main(data, target, output):
    """Compare the models on the data, print the results and save the figure."""
    frame, labels = generate() if data is None else read(data, target)
    X, (y, class_names) = prepare(frame), encode(labels)
    shares = ", ".join(f"{name!r} {np.mean(y == k):.2%}" for k, name in enumerate(class_names))
    print(f"{len(y)} rows, {X.shape[1]} features; classes: {shares}")
    if len(class_names) == 2:
        print(f"The positive class is the rarer one, {class_names[1]!r}.")
    else:
        print("Average precision and ROC AUC are means over the classes, each against the rest.")
    results = compare(X, y)
    searched = results[results["model"].isin(COLORS)].groupby("model", sort=False)
    print_scores(searched)
    print_choices(searched)
    if len(class_names) > 2:
        print_classes(searched, class_names)
    picture(results, y, class_names).savefig(output, dpi=120)
    print_conclusion(results, searched)
    report_warnings(results)
    print(f"\nSaved the figure to {output}")


# %%
# Run the comparison:
if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Compare focal models with LightGBM and logistic regression."
    )
    parser.add_argument("--data", help="csv, csv.gz or parquet file; default: generated data")
    parser.add_argument("--target", help="column of the labels; the rarest class is positive")
    parser.add_argument("--output", default="imbalanced_tabular.png", help="file of the figure")
    arguments = parser.parse_args()
    if (arguments.data is None) != (arguments.target is None):
        parser.error("--data and --target go together")
    main(**vars(arguments))
