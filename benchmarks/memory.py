"""Memory of a process, and of a fit in a process of its own (Linux)."""

import multiprocessing
import re
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np


def memory_table(title, models, X, y):
    """Markdown lines: memory of a new process that holds X and y, and its peak during a fit."""
    size = X.nbytes / 2**20
    lines = [
        f"\n{title}, X of {size:.0f} MB\n",
        "| | before the fit (MB) | peak (MB) | added, of X |",
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
    """What a function returns in a new process; BrokenProcessPool where the system kills that."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def resident():
    """Memory of this process, in MB."""
    return _status("VmRSS")


def peak():
    """The most memory that this process has had, in MB, since its start or ``forget_peak``."""
    return _status("VmHWM")


def forget_peak():
    """Let the peak begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def _fit(model, folder):
    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    model.fit(X[:500], y[:500])  # imports and buffers are not the fit's
    before = resident()
    model.fit(X, y)
    return before, peak()


def _status(field):
    """A figure of the kernel's about this process; unlike getrusage's, not its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024
