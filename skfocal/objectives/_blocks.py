"""Evaluate a function of rows block by block, on one or several threads.

NumPy expressions over millions of rows spend their time moving temporaries through memory. Over
blocks that stay in cache the same expressions are several times as fast, and as NumPy releases
the GIL, blocks run side by side in threads.
"""

import contextlib
import functools
import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
from threadpoolctl import ThreadpoolController

BLOCK_ELEMENTS = 32_768  # per temporary: best of 8k to 512k in benchmarks/objective.py


def n_threads(n_jobs):
    """Threads that ``n_jobs`` asks for: ``None`` is what OpenMP would use, ``-1`` all cores."""
    if n_jobs == 1:
        return 1  # without asking the system, which takes longer than a small block
    cores = joblib.cpu_count()
    if n_jobs is None:
        # joblib sets this in its workers, so that nested parallelism does not oversubscribe.
        limit = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
        return min(cores, int(limit)) if limit.isdigit() and int(limit) else cores
    return max(1, cores + 1 + n_jobs) if n_jobs < 0 else n_jobs


def row_blocks(n_rows, width=1, elements=BLOCK_ELEMENTS):
    """Slices that cover ``n_rows`` rows of ``width`` elements each, block after block."""
    step = max(1, elements // width)
    return [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]


def for_each_block(function, blocks, n_jobs=1):
    """Call ``function(block)`` for each block and return the results in the blocks' order."""
    threads = min(n_threads(n_jobs), len(blocks))
    if threads <= 1:
        return [function(block) for block in blocks]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, blocks))


def sum_over_blocks(function, blocks, n_jobs=1):
    """Sum of the arrays ``function(block)``; each thread adds up a run of neighbouring blocks."""
    threads = max(1, min(n_threads(n_jobs), len(blocks)))
    bounds = [len(blocks) * i // threads for i in range(threads + 1)]
    shares = [blocks[start:stop] for start, stop in itertools.pairwise(bounds)]
    return sum(for_each_block(lambda share: sum(map(function, share)), shares, n_jobs))


@contextlib.contextmanager
def one_blas_thread():
    """Context in which BLAS works on one thread.

    NumPy's and SciPy's BLAS each have threads that spin while they wait for work. In turns over
    small blocks they take the cores from each other, and a fit may last twice as long
    (benchmarks/linear.py). The limit is the process's, so of overlapping contexts the first one
    sets it and the last one takes it back.
    """
    with _limits_lock:
        _limits.append(_limits[0] if _limits else _blas().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _limits_lock:
            limit = _limits.pop()
            if not _limits:
                limit.restore_original_limits()


_limits: list = []
_limits_lock = threading.Lock()


@functools.cache
def _blas():
    return ThreadpoolController()  # looking through the loaded libraries takes 10 ms
