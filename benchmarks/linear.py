"""Compare the speed of FocalLogisticRegression with the solvers of LogisticRegression.

    python benchmarks/linear.py

At gamma 0 both minimise the same objective. The tables show the relative excess of each solver over
the best value found. Times are relative to the fastest solver with an excess below 1e-8.
"""

import argparse
import warnings
from functools import partial
from unittest import mock

import numpy as np
from experiments import environment
from memory import memory_table
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from timing import interleaved

from skfocal import FocalLogisticRegression
from skfocal.estimators import _logistic
from skfocal.estimators._solvers import minimize_linear
from skfocal.objectives._linear import LinearObjective
from skfocal.objectives._loss import make_loss

OURS = "FocalLogisticRegression gamma 0"
SOLVERS = ("lbfgs", "newton-cholesky", "newton-cg")
TOL = 5e-6  # brings LogisticRegression within 1e-8 of the best value, except on rare features

seconds_of = partial(interleaved, warm=True)


def problem(n_rows, n_features, n_classes=2, spread=1.0, density=None):
    """Features, scaled over ``spread``, and labels drawn from a linear model."""
    rng = np.random.default_rng(0)
    if density is None:
        X = rng.normal(size=(n_rows, n_features))
    else:
        X = sparse.random(n_rows, n_features, density, format="csr", random_state=0)
    coef = rng.normal(size=(n_features, n_classes)) * 1.5 / np.sqrt(n_features * (density or 1))
    if n_classes == 2:
        coef[:, 0] = 0
    raw = X @ coef + np.linspace(0, -3, n_classes)
    y = (raw + rng.gumbel(size=raw.shape)).argmax(axis=1)
    return X * np.geomspace(spread**-0.5, spread**0.5, n_features) if spread != 1 else X, y


def value(model, X, y):
    """Penalised cross-entropy of a fitted model."""
    loss = make_loss(len(model.classes_), gamma=0.0, alpha=None)
    objective = LinearObjective(loss, X, y, None, scale=1.0, l2=1.0, fit_intercept=True)
    coef = np.vstack([model.coef_.T, model.intercept_]).ravel()
    return objective.value_gradient(coef)[0]


def compare(title, X, y, repeats, solvers=SOLVERS, tol=TOL):
    """Print one table."""
    models = {f"LogisticRegression {s}": rival(s, tol) for s in solvers}
    models[OURS] = FocalLogisticRegression(0.0, max_iter=1000)
    models["FocalLogisticRegression gamma 2"] = FocalLogisticRegression(2.0, max_iter=1000)
    seconds = seconds_of({name: lambda m=m: m.fit(X, y) for name, m in models.items()}, repeats)
    values = {name: value(m, X, y) for name, m in models.items() if "gamma 2" not in name}
    best = min(values.values())
    excess = {name: v / best - 1 for name, v in values.items()}
    rivals = [name for name in excess if name.startswith("Log") and excess[name] < 1e-8]
    fastest = min((seconds[name] for name in rivals), default=np.nan)
    print(f"\n### {title}\n\n| | seconds | relative time | excess objective |")
    print("|---|---|---|---|")
    for name in models:
        shown = f"{excess[name]:.0e}" if name in excess else ""
        print(f"| {name} | {seconds[name]:.3f} | {seconds[name] / fastest:.2f} | {shown} |")


def rival(solver, tol=TOL):
    """LogisticRegression with the given solver and tolerance."""
    return LogisticRegression(solver=solver, tol=tol, max_iter=3000)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore", ConvergenceWarning)  # the table shows the excess objective
    print(environment())
    compare("10^6 x 30", *problem(10**6, 30), repeats)
    compare("2x10^5 x 30", *problem(2 * 10**5, 30), repeats)
    # lbfgs does not reach the best value here, and newton-cg takes a minute.
    scaled = problem(10**6, 30, spread=1e4)
    compare("10^6 x 30, scales over 10^4", *scaled, repeats, ("newton-cholesky",))
    compare("2x10^4 x 500", *problem(2 * 10**4, 500), repeats)
    compare("10^5 x 30, 5 classes", *problem(10**5, 30, n_classes=5), repeats)
    wide = problem(10**5, 10**4, density=1e-3)
    compare("10^5 x 10^4 sparse, 0.1 %", *wide, repeats, ("lbfgs", "newton-cg"), tol=3e-7)
    models = {"LogisticRegression lbfgs": rival("lbfgs"), OURS: FocalLogisticRegression(0.0)}
    print(memory_table("### Memory of the fit, 10^6 x 30", models, *problem(10**6, 30)))
    growth(repeats)
    blas_threads(repeats)
    threads(repeats)


def blas_threads(repeats):
    """Compare fits with one BLAS thread, as in the estimator, and with all BLAS threads."""
    on_all = mock.patch.object(_logistic, "minimize_linear", minimize_linear.__wrapped__)
    print("\n### BLAS threads, gamma 0 (seconds)\n\n| | one | all | ratio |\n|---|---|---|---|")
    shapes = {"2x10^4 x 500": (20_000, 500), "10^5 x 30, 5 classes": (10**5, 30, 5)}
    for title, shape in shapes.items():
        X, y = problem(*shape)
        model = FocalLogisticRegression(0.0)
        fits = {"one": partial(model.fit, X, y), "all": on_all(partial(model.fit, X, y))}
        seconds = seconds_of(fits, repeats)
        ratio = seconds["all"] / seconds["one"]
        print(f"| {title} | {seconds['one']:.3f} | {seconds['all']:.3f} | {ratio:.2f} |")


def threads(repeats):
    """Compare fits with one thread and with two threads."""
    print(
        "\n### Threads of the fit, gamma 0 (seconds)\n\n| | one | two | ratio |\n|---|---|---|---|"
    )
    for title, (X, y) in {
        "10^6 x 30": problem(10**6, 30),
        "2x10^4 x 500": problem(2 * 10**4, 500),
        "10^5 x 30, 5 classes": problem(10**5, 30, n_classes=5),
    }.items():
        models = {n_jobs: FocalLogisticRegression(0.0, n_jobs=n_jobs) for n_jobs in (1, 2)}
        seconds = seconds_of({n: partial(m.fit, X, y) for n, m in models.items()}, repeats)
        ratio = seconds[2] / seconds[1]
        print(f"| {title} | {seconds[1]:.3f} | {seconds[2]:.3f} | {ratio:.2f} |")


def growth(repeats):
    """Print the time per row for increasing numbers of rows."""
    print("\n### Time per row by number of rows, gamma 2, 10 features")
    print("\n| rows | ns per row | iterations |\n|---|---|---|")
    for n_rows in (10**5, 10**6, 10**7):
        X, y = problem(n_rows, 10)
        model = FocalLogisticRegression(2.0)
        seconds = seconds_of({"fit": partial(model.fit, X, y)}, repeats)["fit"]
        print(f"| {n_rows:,} | {1e9 * seconds / n_rows:.0f} | {model.n_iter_[0]} |")


if __name__ == "__main__":
    main()
