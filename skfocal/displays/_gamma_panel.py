"""Draw the paired differences of one score."""

from textwrap import fill

import numpy as np

from skfocal.displays._common import candidate_name

# From the colour-blind safe palette of Okabe and Ito.
GAMMA_COLOR, BASELINE_COLORS = "#0072B2", ("#D55E00", "#009E73", "#CC79A7", "#E69F00")
FONT_SIZE = 9  # of the verdict, in points
HOW_TO_READ = "Dots: splits. Bars: mean, joint 95 % interval. Above 0: better."


def check_axes(ax, n_scores):
    """Return ``ax`` as an array with one Axes per score."""
    axes = np.ravel(ax)
    if len(axes) != n_scores or not all(hasattr(each, "errorbar") for each in axes):
        raise ValueError(f"ax must contain one Axes for each of the {n_scores} scores, got {ax!r}.")
    return axes


def draw_differences(axes, candidates, differences, intervals):
    """Draw the splits, mean and interval of each candidate."""
    axes.axhline(0, color="0.3", linewidth=1, zorder=0)
    left_of_bar = np.linspace(-0.36, -0.12, differences.shape[1])
    styles = _styles(candidates)
    for x, (values, interval) in enumerate(zip(differences, intervals, strict=True)):
        color, marker = styles[x]
        mean = values.mean()
        whiskers = np.abs(interval - mean)[:, None]
        axes.scatter(x + left_of_bar, values, s=10, color=color, alpha=0.35, linewidth=0)
        axes.errorbar(x, mean, whiskers, fmt=marker, color=color, capsize=4, markersize=7)
    n_gammas = [marker for _, marker in styles].count("o")
    if n_gammas < len(candidates):
        axes.axvline(n_gammas - 0.5, color="0.6", linewidth=1, linestyle=":")
    axes.set_xlim(-0.6, len(candidates) - 0.4)
    axes.ticklabel_format(axis="y", style="plain", useOffset=False)


def write_text(axes, candidates, lines):
    """Write tick labels and title, wrapped to the width of the axes."""
    n_letters = _n_letters(axes, 10) // len(candidates)
    labels = [fill(candidate_name(each, prefix=""), max(n_letters, 10)) for each in candidates]
    longest = max(len(line) for label in labels for line in label.splitlines())
    slant = {"rotation": 30, "ha": "right"} if longest > n_letters else {}
    axes.set_xticks(range(len(labels)), labels, **slant)
    axes.set_title("\n".join(_wrap(axes, line) for line in lines), loc="left", fontsize=FONT_SIZE)


def write_how_to_read(axes):
    """Explain dots and bars in the label of the x-axis."""
    axes.set_xlabel(f"gamma\n{_wrap(axes, HOW_TO_READ)}", fontsize=FONT_SIZE)


def _styles(candidates):
    """Colour and marker of each candidate; all gammas have the same ones."""
    baselines = [each for each in candidates if isinstance(each, str)]
    colors = [BASELINE_COLORS[i % len(BASELINE_COLORS)] for i in range(len(baselines))]
    n_gammas = len(candidates) - len(baselines)
    return [(GAMMA_COLOR, "o")] * n_gammas + [(color, "D") for color in colors]


def _n_letters(axes, font_size):
    """Number of letters, 0.65 em wide, that fit in the width of the axes."""
    inches = axes.get_window_extent().width / axes.figure.dpi
    return int(inches * 72 / (0.65 * font_size))


def _wrap(axes, text):
    """Wrap text to the width of the axes."""
    return fill(text, max(_n_letters(axes, FONT_SIZE), 20), subsequent_indent="  ")
