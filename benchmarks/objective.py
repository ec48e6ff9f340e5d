"""Time the LightGBM objective against scikit-learn's compiled cross-entropy.

    python benchmarks/objective.py

prints Markdown tables: binary and multiclass, each curvature, one thread and two, growth with
the number of rows, and the NumPy objectives of other packages where they are installed.
"""

import argparse
import importlib.util
from types import SimpleNamespace

import numpy as np
from experiments import environment
from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss
from timing import interleaved, table

from skfocal.objectives import FocalObjective
from skfocal.objectives._lightgbm import CURVATURES


def scores_and_labels(n_rows, n_classes):
    """Scores in LightGBM's layout, and labels as it passes them."""
    rng = np.random.default_rng(0)
    shape = (n_rows,) if n_classes == 2 else (n_rows, n_classes)
    scores = np.asfortranarray(rng.normal(scale=3, size=shape))
    return scores, rng.integers(n_classes, size=n_rows).astype(np.float32)


def compare_with_compiled(n_rows, n_classes, repeats):
    """Our objective and scikit-learn's loss on the same scores, one thread each."""
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
            for n_jobs in (1, 2):
                settings = {"curvature": curvature, "n_classes": n_classes, "n_jobs": n_jobs}
                objective = FocalObjective(gamma, offset=-1.0, **settings)
                name = f"{curvature}, gamma {gamma}, {n_jobs} thread{'s' * (n_jobs > 1)}"
                functions[name] = lambda objective=objective: objective(labels, scores)
    heading = f"### {n_rows:,} rows, {n_classes} classes"
    print(table(heading, interleaved(functions, repeats, warm=True), title, per=n_rows))


def compare_with_packages(n_rows, repeats):
    """Our objective and the NumPy objectives of other packages."""
    scores, labels = scores_and_labels(n_rows, 2)
    dataset = SimpleNamespace(get_label=lambda: labels)
    ours = FocalObjective(2.0, n_jobs=1)
    functions = {"skfocal": lambda: ours(labels, scores)}
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
        print(table("### Other packages, gamma 2", seconds, "skfocal", per=n_rows))


def growth(repeats):
    """Nanoseconds per row from 10^5 to 10^7 rows, where results take used memory and new one."""
    print("\n### Growth, majorant, gamma 2 (ns per row)\n")
    print("| rows | results in used memory | in new memory |\n|---|---|---|")
    for n_rows in (10**5, 10**6, 10**7):
        used, new = (1e9 * seconds / n_rows for seconds in times_by_memory(n_rows, repeats))
        print(f"| {n_rows:,} | {used:.1f} | {new:.1f} |")


def times_by_memory(n_rows, repeats):
    """Seconds where the last results are gone before the next ones are made, and after."""
    objective, kept = FocalObjective(2.0, n_jobs=1), []
    scores, labels = scores_and_labels(n_rows, 2)

    def keep():
        kept[:] = objective(labels, scores)

    for function in (lambda: objective(labels, scores), keep):
        yield interleaved({"": function}, repeats)[""]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    print(environment())
    compare_with_compiled(10**6, 2, repeats)
    compare_with_compiled(2 * 10**5, 5, repeats)
    compare_with_packages(10**6, repeats)
    growth(repeats)


if __name__ == "__main__":
    main()
