"""The study's picture, drawn from its tidy file of results."""

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from tables import average_ranks, fold_means

SCORE = "average_precision"
OURS, THEIRS = "tab:red", "tab:gray"


def draw(results, path):
    """Average precision of each model on each set, with its spread, and the average ranks."""
    means = fold_means(results, SCORE).iloc[::-1]
    spreads = results.groupby(["model", "set"])[SCORE].std().unstack().reindex(means.index)
    colors = [OURS if name.startswith("Focal") else THEIRS for name in means.index]
    n_rows = len(means.columns) // 3 + 1
    figure, axes = plt.subplots(
        n_rows, 3, figsize=(11, 0.6 + 0.25 * n_rows * (len(means) + 3)), sharey=True
    )
    for ax, name in zip(axes.flat, means.columns, strict=False):
        _dots(ax, means[name], spreads[name], colors)
        ax.set_title(f"{name}: average precision")
    ranks = average_ranks(results, SCORE).reindex(means.index).iloc[:, -1]
    ranked = means.dropna(axis=1).rank(ascending=False)
    ax = axes.flat[len(means.columns)]
    _dots(ax, ranks, ranked.std(axis=1), colors)
    ax.invert_xaxis()
    ax.set_title(f"average rank on {ranked.shape[1]} sets")
    for ax in axes.flat[len(means.columns) + 1 :]:
        ax.set_axis_off()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def _dots(ax, values, spreads, colors):
    for position, (name, color) in enumerate(zip(values.index, colors, strict=True)):
        ax.errorbar(values[name], position, xerr=spreads[name], fmt="o", color=color)
    ax.set_yticks(range(len(values)), values.index)
    ax.grid(axis="x", alpha=0.3)
