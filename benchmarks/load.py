"""Measure time and peak memory of large fits and predictions (Linux).

    python benchmarks/load.py

Each problem runs in a new process. The script prints Markdown tables. It exits with an error if a
fit needs more than 24 GB, if it predicts new rows no better than the class shares do, or if
repeated predictions leak memory.
"""

import argparse
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from experiments import environment
from memory import forget_peak, in_new_process, peak, resident
from scipy import sparse
from scipy.special import log_softmax
from sklearn.metrics import log_loss

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

N_USED = 10  # number of informative features; the others are noise
MAX_PEAK = 24 * 1024  # MB
MAX_GROWTH = 30  # MB over all calls; leaking the result of one call takes at least 15 MB
CALLS = 20


@dataclass(frozen=True)
class Problem:
    """Size of the data, and parameters of the models."""

    n_rows: int
    n_features: int
    n_classes: int = 2
    density: float = 1.0
    rounds: int = 50
    C: float = 1.0
    C_l1: float | None = None  # None: no model with an L1 penalty

    def __str__(self):
        kind = f"{self.density:.1%} of" if self.density < 1 else ""
        return f"{kind} {self.n_rows:,} x {self.n_features:,}, {self.n_classes:,} classes".strip()

    def models(self):
        """Both estimators, the linear one with each penalty that suits the problem."""
        models = {
            "trees": FocalLGBMClassifier(2.0, n_estimators=self.rounds),
            "linear": FocalLogisticRegression(2.0, C=self.C),
        }
        if self.C_l1 is not None:
            models["linear, L1"] = FocalLogisticRegression(2.0, C=self.C_l1, l1_ratio=1.0)
        return models


FITS = [
    Problem(10**7, 10),
    Problem(5_000, 10**4, C=2e-4, C_l1=0.01),
    Problem(10**5, 10**4, density=1e-3, C_l1=0.1),
    Problem(2 * 10**4, 20, n_classes=1_000, rounds=5),
]
PREDICTIONS = [Problem(10**6, 10), Problem(10**6, 10, n_classes=10, rounds=10)]
# A hundredth of the size of X, or of the number of scores.
SMALL_FITS = [
    Problem(10**5, 10),
    Problem(500, 1_000, C=5e-4, C_l1=0.05),
    Problem(10**4, 1_000, density=1e-3, C_l1=0.1),
    Problem(2_000, 20, n_classes=100, rounds=5),
]
SMALL_PREDICTIONS = [Problem(10**4, 10), Problem(10**4, 10, n_classes=10, rounds=10)]


def data(problem):
    """Features in float32, labels drawn from a linear model, and its log-probabilities.

    The result includes test rows: a tenth of the number of training rows, at most 10^5.
    """
    rng = np.random.default_rng(0)
    n_rows = problem.n_rows + min(problem.n_rows // 10, 10**5)
    n_dense = N_USED if problem.density < 1 else problem.n_features
    X = rng.standard_normal((n_rows, n_dense), np.float32)
    coef = rng.standard_normal((N_USED, problem.n_classes), np.float32)
    log_proba = log_softmax(X[:, :N_USED] @ coef - np.linspace(0, 3, problem.n_classes), axis=1)
    y = (log_proba + rng.gumbel(size=log_proba.shape)).argmax(axis=1)
    missing = np.setdiff1d(np.arange(problem.n_classes), y[: problem.n_rows])
    y[: len(missing)] = missing  # each class needs a training row
    if problem.density < 1:
        shape = n_rows, problem.n_features - N_USED
        rest = sparse.random(*shape, problem.density, dtype=np.float32, random_state=rng)
        X = sparse.hstack([sparse.csr_matrix(X), rest], format="csr")
    return X, y, log_proba


def fit(problem, name):
    """Fit a model; return the cells of its row in the table and a list of failures."""
    X, y, log_proba = data(problem)
    train, new = slice(problem.n_rows), slice(problem.n_rows, None)
    X_train, model = X[train], problem.models()[name]
    forget_peak()
    start = perf_counter()
    model.fit(X_train, y[train])
    seconds, megabytes = perf_counter() - start, peak()
    new_loss = log_loss(y[new], model.predict_proba(X[new]), labels=model.classes_)
    constant = -np.log(np.bincount(y[train]) / problem.n_rows)[y[new]].mean()
    truth = -log_proba[new][np.arange(len(y[new])), y[new]].mean()
    cells = f"{_size(X_train):.0f} | {seconds:.1f} | {megabytes:.0f}"
    cells += f" | {new_loss:.4f} | {constant:.4f} | {truth:.4f}"
    wrong = [f"needed {megabytes:.0f} MB"] if megabytes > MAX_PEAK else []
    if new_loss >= constant:
        wrong.append("predicts no better than the class shares")
    return cells, wrong


def predict(problem, name):
    """Predict repeatedly; return the cells of a row in the table and a list of failures."""
    X, y, _ = data(problem)
    X, few = X[: problem.n_rows], slice(min(problem.n_rows, 10**5))
    model = problem.models()[name].fit(X[few], y[few])
    model.predict_proba(X)
    before = resident()
    start = perf_counter()
    for _ in range(CALLS):
        model.predict_proba(X)
    seconds, after = (perf_counter() - start) / CALLS, resident()
    cells = f"{_size(X):.0f} | {seconds:.2f} | {before:.0f} | {after:.0f} | {peak():.0f}"
    return cells, [f"grew by {after - before:.0f} MB"] if after - before > MAX_GROWTH else []


def table(heading, columns, function, problems):
    """Print a row for each model of each problem; return the failures."""
    columns = ["", "", "X (MB)", *columns]
    print(f"\n### {heading}\n\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
    failures = []
    for problem in problems:
        for name in problem.models():
            try:
                cells, wrong = in_new_process(function, problem, name)
            except BrokenProcessPool:
                cells, wrong = "killed", ["was killed: out of memory, or a crash"]
            print(f"| {problem} | {name} | {cells} |", flush=True)
            failures += [f"{problem}, {name}: {what}" for what in wrong]
    return failures


def _size(X):
    """Size of dense or sparse features, in MB."""
    arrays = (X.data, X.indices, X.indptr) if sparse.issparse(X) else (X,)
    return sum(array.nbytes for array in arrays) / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--small", action="store_true", help="run problems of a hundredth of the size"
    )
    small = parser.parse_args().small
    print(environment())
    columns = ["seconds", "peak (MB)", "log loss on new rows"]
    columns += ["of class shares", "of true probabilities"]
    failures = table("Fits, gamma 2", columns, fit, SMALL_FITS if small else FITS)
    columns = ["seconds per call", "after the first (MB)", f"after {CALLS} more (MB)", "peak (MB)"]
    problems = SMALL_PREDICTIONS if small else PREDICTIONS
    failures += table("Repeated predict_proba calls", columns, predict, problems)
    if failures:
        raise SystemExit("\n".join(failures))


if __name__ == "__main__":
    main()
