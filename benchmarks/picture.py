"""Draw the figures of ``quality.py`` and ``study.py`` from their results."""

import warnings

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import scikit_posthocs
from tables import NAMES, average_ranks, fold_means

SCORE = "average_precision"
OURS, THEIRS = "tab:red", "tab:gray"


def draw_ranks(results, path):
    """Draw critical difference diagrams of the average ranks in average precision and log loss.

    Bars join models that do not differ significantly at 5 % in Nemenyi's test.
    """
    n_models = results["model"].nunique()
    figure, axes = plt.subplots(2, figsize=(9, 2 + 0.45 * n_models))
    for ax, score in zip(axes, (SCORE, "log_loss"), strict=True):
        means = fold_means(results, score)
        ranks = average_ranks(results, score).iloc[:, 0]
        p_values = scikit_posthocs.posthoc_nemenyi_friedman(means.T)
        colors = {name: _color(name) for name in ranks.index}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            scikit_posthocs.critical_difference_diagram(
                ranks, p_values, ax=ax, color_palette=colors
            )
        ax.set_title(f"{NAMES[score]}: average rank on {means.shape[1]} data sets, 1 is best")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def draw(results, path):
    """Draw average precision per model and data set, and average ranks, with error bars."""
    means = fold_means(results, SCORE)[::-1]
    spreads = results.groupby(["model", "set"])[SCORE].std().unstack().reindex(means.index)
    n_rows = len(means.columns) // 3 + 1
    height = 0.6 + 0.25 * n_rows * (len(means) + 3)
    figure, axes = plt.subplots(n_rows, 3, figsize=(11, height), sharey=True)
    panels = iter(axes.flat)
    for name in means.columns:
        _dots(next(panels), means[name], spreads[name], name)
    _rank_dots(next(panels), results, means)
    for panel in panels:
        panel.set_axis_off()
    figure.suptitle("Average precision, mean ± standard deviation over outer folds")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def _rank_dots(ax, results, means):
    """Draw average ranks on the data sets that all models support, with the best to the right."""
    ranks = average_ranks(results, SCORE).iloc[:, -1].reindex(means.index)
    by_set = means.dropna(axis=1).rank(ascending=False)
    _dots(ax, ranks, by_set.std(axis=1), f"average {ranks.name}")
    ax.invert_xaxis()


def _dots(ax, values, spreads, title):
    for position, name in enumerate(values.index):
        ax.errorbar(values[name], position, xerr=spreads[name], fmt="o", color=_color(name))
    ax.set_yticks(range(len(values)), values.index)
    ax.grid(axis="x", alpha=0.3)
    ax.set_title(title)


def _color(name):
    return OURS if name.startswith("Focal") else THEIRS
