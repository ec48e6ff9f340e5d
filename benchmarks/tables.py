"""Markdown tables from a tidy frame of results: means, average ranks, significance."""

import pandas as pd
from scipy.stats import friedmanchisquare, wilcoxon
from scores import HIGHER_IS_BETTER

NAMES = {"average_precision": "Average precision", "log_loss": "Log loss"}


def summary_table(results, title, references):
    """One row per model: average ranks, means over data sets, and the worst data set.

    "Worst set" is the lowest ratio of the model's average precision to the best average precision
    of the ``references`` on the same data set.
    """
    precision = fold_means(results, "average_precision")
    best = precision.loc[[name for name in references if name in precision.index]].max()
    shares = precision / best
    columns = {
        "rank, average precision": average_ranks(results, "average_precision"),
        "mean precision": precision.mean(axis=1).map("{:.3f}".format),
        "rank, log loss": average_ranks(results, "log_loss"),
        "mean loss": fold_means(results, "log_loss").mean(axis=1).map("{:.3f}".format),
        "calibration slope": fold_means(results, "calibration_slope").median(axis=1),
        "worst set": shares.min(axis=1),
        "name of worst set": shares.idxmin(axis=1),
        "seconds": fold_means(results, "seconds").mean(axis=1),
    }
    table = pd.DataFrame(columns).sort_values("rank, average precision")
    table = table.map(lambda value: value if isinstance(value, str) else f"{value:.2f}")
    return f"### {title}, {precision.shape[1]} sets\n\n{markdown(table)}"


def group_table(results, size, edges):
    """Average ranks, grouped by the rows or positives of the training sets."""
    sizes = results.groupby("set", sort=False)[size].mean()
    groups = pd.cut(sizes, [0, *edges, float("inf")], right=False).cat.remove_unused_categories()
    columns = {}
    for group in groups.cat.categories:
        chosen = results[results["set"].isin(groups.index[groups == group])]
        if group.left == 0:
            label = f"under {group.right:,.0f}"
        elif group.right == float("inf"):
            label = f"{group.left:,.0f} or more"
        else:
            label = f"{group.left:,.0f} to {group.right - 1:,.0f}"
        for score in ("average_precision", "log_loss"):
            ranks = average_ranks(chosen, score)
            columns[f"{label}: {NAMES[score].lower()}"] = ranks.map("{:.2f}".format)
    counts = ", ".join(map(str, groups.value_counts(sort=False)))
    title = f"### Average ranks by {size} in training ({counts} sets)"
    return f"{title}\n\n{markdown(pd.DataFrame(columns))}"


def set_table(results, score):
    """Mean of a score over the folds: one row per data set, one column per model."""
    means = fold_means(results, score).T
    sizes = results.groupby("set", sort=False)[["rows", "positives"]].mean().round().astype(int)
    table = sizes.astype(str).join(means.map("{:.3f}".format))
    return f"### {NAMES[score]} by set\n\n{markdown(table)}"


def significance_table(results, score, ours, rivals):
    """Wilcoxon's signed-rank test of ``ours`` against each rival, and Friedman's test of them all.

    The data sets are the observations, because the folds of one set are not independent. The
    p-values are adjusted with Holm's method.
    """
    means = fold_means(results, score)
    rivals = [name for name in rivals if name in means.index]  # some only support two classes
    means = means.loc[[ours, *rivals]]
    shared = means.dropna(axis=1)
    friedman = friedmanchisquare(*shared.to_numpy()).pvalue
    sign = 1 if HIGHER_IS_BETTER[score] else -1
    rows = [_signed_rank(sign * (means.loc[ours] - means.loc[rival])) for rival in rivals]
    tests = pd.DataFrame(rows, index=pd.Index(rivals, name="model"))
    tests["p (Holm)"] = _holm(tests["p"])
    return (
        f"### {ours} compared with other models: {NAMES[score]}\n\n"
        f"Friedman's test of these {len(shared)} models on {shared.shape[1]} sets: "
        f"p = {friedman:.2g}. A positive difference favours {ours}.\n\n"
        f"{markdown(tests.map('{:.4g}'.format))}"
    )


def fold_means(results, score):
    """Mean over folds: one row per model, one column per data set, in the order of the results."""
    return results.groupby(["model", "set"], sort=False)[score].mean().unstack(sort=False)


def average_ranks(results, score):
    """Average rank of the models over the data sets; 1 is the best."""
    means = fold_means(results, score)
    return means.rank(axis=0, ascending=not HIGHER_IS_BETTER[score]).mean(axis=1)


def _signed_rank(advantages):
    advantages = advantages.dropna()
    return {
        "sets": len(advantages),
        "sets where better": (advantages > 0).sum(),
        "sets within 0.01": (advantages.abs() <= 0.01).sum(),
        "median difference": advantages.median(),
        # "zsplit" splits ties evenly; the other methods fail if all differences are zero.
        "p": wilcoxon(advantages, zero_method="zsplit").pvalue,
    }


def _holm(p_values):
    """Adjust p-values with Holm's step-down method."""
    in_order = p_values.sort_values()
    factors = range(len(in_order), 0, -1)
    return (in_order * list(factors)).cummax().clip(upper=1).reindex(p_values.index)


def markdown(table):
    """Markdown table whose first column is the index; missing values are dashes."""
    rows = [[name, *cells] for name, cells in zip(table.index, table.to_numpy(), strict=True)]
    header = [table.index.name, *table.columns]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value):
    return "-" if pd.isna(value) or value == "nan" else str(value)
