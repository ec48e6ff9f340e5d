"""Check that memory does not grow over many fits and predictions (Linux, glibc).

    python benchmarks/soak.py --minutes 10

Each fit uses different data. The script prints a Markdown table with a row for each tenth of the
time. It exits with an error if the memory of the process grows between the first and the last row.
"""

import argparse
import ctypes
import gc
import itertools
import os
import warnings
from time import perf_counter

import numpy as np
from experiments import environment
from memory import resident
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

MODELS = {
    "trees": FocalLGBMClassifier(n_estimators=20),
    "trees, early stopping": FocalLGBMClassifier(n_estimators=20, early_stopping=True),
    "linear": FocalLogisticRegression(n_jobs=2),
    "linear, L1": FocalLogisticRegression(l1_ratio=1.0, n_jobs=2),
}
CASES = list(itertools.product(MODELS, (2, 4), (False, True), (False, True)))
# A limited choice, because ctypes caches two types for each distinct number of rows in LightGBM.
N_ROWS = range(200, 5_001, 200)
MAX_GROWTH = 5  # MB; a leak of 1 kB per fit exceeds this after several thousand fits


def fit_and_predict(name, n_classes, is_sparse, is_weighted, seed):
    """Fit a model to random data and predict; return the number of predictions."""
    rng = np.random.default_rng(seed)
    X, y = make_classification(
        n_samples=rng.choice(N_ROWS),
        n_features=rng.integers(10, 50),
        n_informative=8,
        n_classes=n_classes,
        weights=[0.9] if n_classes == 2 else None,
        random_state=seed,
    )
    if is_sparse:
        X = sparse.csr_matrix(np.where(np.abs(X) > 1, X, 0))
    weight = rng.uniform(0.5, 2, size=len(y)) if is_weighted else None
    model = MODELS[name].set_params(gamma=rng.uniform(0, 3))
    model.fit(X, y, sample_weight=weight)
    calls = [model.predict, model.predict_proba, model.decision_function]
    for call in calls:
        call(X)
    return len(calls)


def memory_in_use():
    """Memory of the process in MB, without free pages that the allocator holds."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return resident()


def soak(minutes, rows=10):
    """Print the memory after each of ``rows`` parts of the time; return it in MB."""
    for seed, case in enumerate(CASES):  # exclude one-time allocations from the measurement
        fit_and_predict(*case, seed)
    print("\n| minute | fits | predictions | memory (MB) | threads |\n|---|---|---|---|---|")
    predictions, memory, start = 0, [], perf_counter()
    for fits in itertools.count(1):
        predictions += fit_and_predict(*CASES[fits % len(CASES)], seed=len(CASES) + fits)
        passed = (perf_counter() - start) / 60
        if passed >= minutes * (len(memory) + 1) / rows:
            memory.append(memory_in_use())
            threads = len(os.listdir("/proc/self/task"))
            cells = f"{passed:.1f} | {fits:,} | {predictions:,} | {memory[-1]:.0f} | {threads}"
            print(f"| {cells} |", flush=True)
        if len(memory) == rows:
            return memory


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(environment())
    memory = soak(parser.parse_args().minutes)
    growth = memory[-1] - memory[0]
    share = f"{growth / memory[0]:.1%}"
    print(f"\nMemory grew by {growth:.1f} MB ({share}) between the first and the last row.")
    if growth > MAX_GROWTH:
        raise SystemExit(f"Memory leak: the growth must be at most {MAX_GROWTH} MB.")


if __name__ == "__main__":
    main()
