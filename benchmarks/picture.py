"""Draw the figure of ``quality.py`` and ``study.py`` from their results."""

import warnings

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import scikit_posthocs
from tables import NAMES, average_ranks, fold_means

OURS, THEIRS = "tab:red", "tab:gray"


def draw_ranks(results, path):
    """Draw critical difference diagrams of the average ranks in average precision and log loss.

    Bars join models that do not differ significantly at 5 % in Nemenyi's test.
    """
    n_models = results["model"].nunique()
    figure, axes = plt.subplots(2, figsize=(9, 2 + 0.45 * n_models))
    for ax, score in zip(axes, NAMES, strict=True):
        means = fold_means(results, score)
        ranks = average_ranks(results, score)
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


def _color(name):
    return OURS if name.startswith("Focal") else THEIRS
