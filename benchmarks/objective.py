"""Compare the speed of the LightGBM objective with scikit-learn's compiled cross-entropy.

    python benchmarks/objective.py

The script prints Markdown tables for binary and multiclass problems, each curvature, several block
sizes and numbers of rows. If other packages are installed, it also times their NumPy objectives.
"""

import argparse
import importlib.util
from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
from experiments import environment
from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss
from timing import interleaved, table

from skfocal.objectives import FocalObjective, _blocks
from skfocal.objectives._lightgbm import CURVATURES


def scores_and_labels(n_rows, n_classes):
    """Scores and labels in the layout in which LightGBM passes them."""
    rng = np.random.default_rng(0)
    shape = (n_rows,) if n_classes == 2 else (n_rows, n_classes)
    scores = np.asfortranarray(rng.normal(scale=3, size=shape))
    return scores, rng.integers(n_classes, size=n_rows).astype(np.float32)


def compare_with_compiled(n_rows, n_classes, repeats):
    """Compare our objective with scikit-learn's loss on the same scores, on one thread."""
    scores, labels = scores_and_labels(n_rows, n_classes)
    if n_classes == 2:
        loss, title = HalfBinomialLoss(), "HalfBinomialLoss (cross-entropy, compiled)"
    else:
        loss, title = HalfMultinomialLoss(n_classes=n_classes), "HalfMultinomialLoss (compiled)"
    y_true, raw = labels.astype(float), np.ascontiguousarray(scores)
    used = {"gradient_out": np.empty_like(raw), "hessian_out": np.empty_like(raw)}
    functions = {title: lambda: loss.gradient_hessian(y_true, raw, n_threads=1, **used)}
    for curvature in CURVATURES:
        for gamma in (0.0, 1.7, 2.0):
            settings = {"curvature": curvature, "n_classes": n_classes}
            objective = FocalObjective(gamma, offset=-1.0, **settings)
            functions[f"{curvature}, gamma {gamma}"] = partial(objective, labels, scores)
    heading = f"### {n_rows:,} rows, {n_classes} classes"
    print(table(heading, interleaved(functions, repeats, warm=True), title, per=n_rows))


def compare_with_packages(n_rows, repeats):
    """Compare our objective with the NumPy objectives of other packages."""
    scores, labels = scores_and_labels(n_rows, 2)
    dataset = SimpleNamespace(get_label=lambda: labels)
    objective = FocalObjective(2.0, curvature="majorant")
    ours = "skfocal, majorant"
    functions = {ours: lambda: objective(labels, scores)}
    if importlib.util.find_spec("imlightgbm"):
        from imlightgbm.objective import binary_focal_objective

        functions["imlightgbm"] = lambda: binary_focal_objective(labels, scores, 2.0)
    if importlib.util.find_spec("bokbokbok"):
        from bokbokbok.loss_functions.classification import WeightedFocalLoss

        bokbokbok = WeightedFocalLoss(alpha=1.0, gamma=2.0)
        functions["bokbokbok"] = lambda: bokbokbok(scores, dataset)
    if importlib.util.find_spec("gbdtCBL"):
        from gbdtCBL.binary import FLLoss

        class_balanced = FLLoss(2.0)
        functions["gbdtCBL"] = lambda: class_balanced(labels, scores)
    if len(functions) > 1:
        seconds = interleaved(functions, repeats, warm=True)
        print(table("### Other packages, gamma 2", seconds, ours, per=n_rows))


def block_sizes(n_rows, n_classes, repeats):
    """Compare the speed of the objective for different block sizes."""
    scores, labels = scores_and_labels(n_rows, n_classes)
    objective = FocalObjective(2.0, n_classes=n_classes)

    def evaluate(size):
        with patch.object(_blocks, "BLOCK_BYTES", size):
            objective(labels, scores)

    functions = {f"{2**k // 1024} KiB": partial(evaluate, 2**k) for k in range(16, 23)}
    heading = f"### Blocks of float64 scores, {n_rows:,} rows, {n_classes} classes, gamma 2"
    chosen = f"{_blocks.BLOCK_BYTES // 1024} KiB"
    print(table(heading, interleaved(functions, repeats, warm=True), chosen, per=n_rows))


def growth(repeats):
    """Print the time per row from 10^5 to 10^7 rows."""
    print("\n### Time per row by number of rows, majorant, gamma 2")
    print("\n| rows | ns per row |\n|---|---|")
    for n_rows in (10**5, 10**6, 10**7):
        scores, labels = scores_and_labels(n_rows, 2)
        objective = FocalObjective(2.0, curvature="majorant")
        seconds = interleaved({"": partial(objective, labels, scores)}, repeats)[""]
        print(f"| {n_rows:,} | {1e9 * seconds / n_rows:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    print(environment())
    compare_with_compiled(10**6, 2, repeats)
    compare_with_compiled(2 * 10**5, 5, repeats)
    block_sizes(10**6, 2, repeats)
    block_sizes(2 * 10**5, 5, repeats)
    compare_with_packages(10**6, repeats)
    growth(repeats)


if __name__ == "__main__":
    main()
