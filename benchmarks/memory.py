"""Measure the memory of this process, and of a fit in a new process (Linux)."""

import multiprocessing
import re
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np


def memory_table(title, models, X, y):
    """Markdown table: memory of a new process that holds X and y, and its peak during a fit."""
    size = X.nbytes / 2**20
    lines = [
        f"\n{title}, X of {size:.0f} MB\n",
        "| | before the fit (MB) | peak (MB) | increase relative to X |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "X.npy", X)
        np.save(Path(folder) / "y.npy", y)
        for name, model in models.items():
            before, peak = in_new_process(_fit, model, Path(folder))
            lines.append(f"| {name} | {before:.0f} | {peak:.0f} | {(peak - before) / size:.0%} |")
    return "\n".join(lines)


def in_new_process(function, *args):
    """Run a function in a new process and return its result.

    Raises ``BrokenProcessPool`` if the process ends abnormally.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def resident():
    """Resident memory of this process, in MB."""
    return _status("VmRSS")


def peak():
    """Peak memory of this process since its start or the last ``forget_peak``, in MB."""
    return _status("VmHWM")


def forget_peak():
    """Reset the peak memory of this process."""
    Path("/proc/self/clear_refs").write_text("5")


def _fit(model, folder):
    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    model.fit(X[:500], y[:500])  # exclude imports and buffers from the measurement
    before = resident()
    model.fit(X, y)
    return before, peak()


def _status(field):
    """A memory figure of this process, which getrusage would inherit from the parent process."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024
