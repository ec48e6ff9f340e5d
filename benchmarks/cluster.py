"""Measure how both Dask estimators scale over worker processes, compared with one process.

    python benchmarks/cluster.py --rows 1000000

Strong scaling fits the same number of rows with more workers, and weak scaling the same number of
rows per worker. The rows are generated and kept on the workers, which have one thread each. The
bytes are the traffic of the loopback interface per boosting round or solver iteration, so run the
script on an otherwise idle Linux machine.
"""

import argparse
import os
from pathlib import Path
from statistics import median
from time import perf_counter

import dask.array as da
import distributed
import numpy as np
from experiments import environment

from skfocal import FocalLGBMClassifier, FocalLogisticRegression
from skfocal.dask import DaskFocalLGBMClassifier, DaskFocalLogisticRegression


def models(rounds, n_jobs):
    """The distributed and the local estimator of each kind."""
    trees = {"n_estimators": rounds, "n_jobs": n_jobs, "num_leaves": 31}
    return {
        "linear": (DaskFocalLogisticRegression(), FocalLogisticRegression(n_jobs=n_jobs)),
        "trees": (DaskFocalLGBMClassifier(**trees), FocalLGBMClassifier(**trees)),
    }


def problem(n_rows, n_features, chunk_rows):
    """Features and labels drawn from a linear model with 10 % positives, as Dask arrays."""
    random = da.random.default_rng(0)
    X = random.normal(size=(n_rows, n_features), chunks=(chunk_rows, n_features))
    coef = np.random.default_rng(0).normal(size=n_features) * 1.5 / np.sqrt(n_features)
    y = (X @ coef + random.logistic(size=n_rows, chunks=chunk_rows) > 3.3).astype(np.int8)
    return X, y


def loopback_bytes():
    """Bytes that the loopback interface has sent so far."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            return int(counters.split()[8])
    raise RuntimeError("/proc/net/dev lists no loopback interface: this benchmark needs Linux.")


def timed(model, X, y, repeats):
    """Median seconds of a fit, number of steps, and bytes per step."""
    seconds, before = [], loopback_bytes()
    for _ in range(repeats):
        start = perf_counter()
        model.fit(X, y)
        seconds.append(perf_counter() - start)
    steps = int(np.max(model.n_iter_))
    return median(seconds), steps, (loopback_bytes() - before) / repeats / steps


def distributed_rows(kinds, n_workers, n_rows, args):
    """Print the rows of the table for fits on a cluster."""
    with (
        distributed.LocalCluster(
            n_workers=n_workers, threads_per_worker=1, memory_limit=None, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        X, y = client.persist(problem(n_rows, args.features, args.chunk_rows))
        distributed.wait([X, y])
        for kind, (model, _) in kinds.items():
            seconds, steps, moved = timed(model, X, y, args.repeats)
            print(
                f"| {kind} | {n_workers} workers | {n_rows:,} | {seconds:.2f} | {steps} "
                f"| {1000 * seconds / steps:.0f} | {moved / 1000:.0f} |",
                flush=True,
            )


def local_rows(args, n_rows, n_threads):
    """Print the rows of the table for fits in this process."""
    X, y = (array.compute() for array in problem(n_rows, args.features, args.chunk_rows))
    for kind, (_, model) in models(args.rounds, n_threads).items():
        seconds, steps, _ = timed(model, X, y, args.repeats)
        print(
            f"| {kind} | one process, {n_threads} threads | {n_rows:,} | {seconds:.2f} | {steps} "
            f"| {1000 * seconds / steps:.0f} | |",
            flush=True,
        )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--chunk-rows", type=int, default=250_000)
    parser.add_argument("--rounds", type=int, default=20, help="boosting rounds")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, os.cpu_count()])
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    print(environment())
    print("\n| model | where | rows | seconds | steps | ms per step | kB per step |")
    print("|---|---|---|---|---|---|---|")
    for n_workers in sorted(set(args.workers)):
        weak = args.rows * n_workers // max(args.workers)
        for n_rows in sorted({weak, args.rows}):
            distributed_rows(models(args.rounds, 1), n_workers, n_rows, args)
    local_rows(args, args.rows, max(args.workers))


if __name__ == "__main__":
    main()
