"""Figures of the benchmarks page, drawn from the tables in ``benchmarks/RESULTS.md``."""

import re
from pathlib import Path

import matplotlib.pyplot as plt

# Sphinx runs this file in its own folder.
RESULTS = Path("../../benchmarks/RESULTS.md")
OURS, THEIRS = "tab:red", "0.6"


def tables(section):
    """Return the tables of a section by heading; each is a list of rows, as dicts by column."""
    text = re.split(r"^## ", RESULTS.read_text("utf-8"), flags=re.MULTILINE)
    (body,) = (part for part in text if part.startswith(section + "\n"))
    found = {}
    for part in re.split(r"^### ", body, flags=re.MULTILINE)[1:]:
        heading, _, rest = part.partition("\n")
        cells = [
            [cell.strip() for cell in line.strip("| ").split("|")]
            for line in rest.splitlines()
            if line.startswith("|")
        ]
        columns = ["name", *cells[0][-len(cells[2]) + 1 :]]
        found[heading] = [dict(zip(columns, row, strict=False)) for row in cells[2:]]
    return found


def color(name):
    """Return one colour for the models of this package and another for all others."""
    return OURS if "Focal" in name and "CatBoost" not in name else THEIRS


def bars(ax, rows, column, title, xlabel):
    """Draw a column as horizontal bars with values, the first row at the top."""
    names = [row["name"] for row in rows]
    values = [float(row[column]) for row in rows]
    drawn = ax.barh(names, values, color=[color(name) for name in names])
    ax.bar_label(drawn, fmt="%.2f", padding=3)
    ax.invert_yaxis()
    ax.set(title=title, xlabel=xlabel, xlim=(0, 1.2 * max(values)))


def ranks():
    """Draw the average ranks of the untuned trees in average precision and in log loss."""
    ((_, rows),) = (item for item in tables("Quality").items() if item[0].startswith("Trees"))
    rows = rows[::-1]
    names = [row["name"] for row in rows]
    _, ax = plt.subplots(figsize=(7, 0.35 * len(names) + 1.4), layout="constrained")
    for score, marker in [("average precision", "o"), ("log loss", "s")]:
        values = [float(row[f"rank, {score}"]) for row in rows]
        ax.scatter(values, names, c=[color(name) for name in names], marker=marker, label=score)
    ax.set(title="Average rank over 26 data sets (lower is better)", xlabel="Rank")
    ax.grid(axis="y", alpha=0.3)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


def fits():
    """Draw the time of whole fits of the trees."""
    found = [item for item in tables("Speed of the trees").items() if "Fit" in item[0]]
    _, axes = plt.subplots(
        len(found), figsize=(7, 2.6 * len(found)), layout="constrained", squeeze=False
    )
    for ax, (heading, rows) in zip(axes.flat, found, strict=True):
        bars(ax, rows, "seconds", heading, "Seconds")


def linear():
    """Draw the time of linear fits, relative to the fastest solver of LogisticRegression."""
    ratio = "relative time"
    shapes = {
        heading: {row["name"]: float(row[ratio]) for row in rows}
        for heading, rows in tables("Speed and memory of the linear model").items()
        if ratio in rows[0]
    }
    _, ax = plt.subplots(figsize=(7, 0.7 * len(shapes) + 1.2), layout="constrained")
    for i, (name, shade) in enumerate([("gamma 0", "tab:red"), ("gamma 2", "lightcoral")]):
        values = [shape[f"FocalLogisticRegression {name}"] for shape in shapes.values()]
        places = [place + 0.38 * i for place in range(len(shapes))]
        drawn = ax.barh(places, values, height=0.36, color=shade, label=name)
        ax.bar_label(drawn, fmt="%.2f", padding=3)
    ax.set_yticks([place + 0.19 for place in range(len(shapes))], list(shapes))
    ax.axvline(1, color="0.4", linestyle="--", label="fastest solver of LogisticRegression")
    ax.invert_yaxis()
    ax.set(title="Fit time of FocalLogisticRegression", xlabel="Relative time")
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.14), ncols=2)


for draw in [ranks, fits, linear]:
    draw()
