"""Evaluate a function of rows block by block, on one or several threads.

NumPy expressions over millions of rows spend their time moving temporaries through memory. Over
blocks that stay in cache the same expressions are several times as fast, and as NumPy releases
the GIL, blocks run side by side in threads.
"""

import contextlib
import functools
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
from threadpoolctl import ThreadpoolController

from skfocal._private import _openmp_effective_n_threads

# Of the scores that come in, mostly float64: temporaries in float32 are half as large, and fit into
# a core's own cache together. Several classes want larger blocks, smaller ones cost more in calls
# (benchmarks/objective.py).
BLOCK_BYTES = 2**19


def row_blocks(array):
    """Slices of rows of a NumPy array, each of no more than BLOCK_BYTES where a row is not more."""
    n_rows = len(array)
    step = max(1, BLOCK_BYTES * n_rows // max(1, array.nbytes))
    return [slice(start, start + step) for start in range(0, max(1, n_rows), step)]


def n_threads(n_jobs):
    """Threads that ``n_jobs`` asks for; ``-1`` means all cores.

    ``None`` means what ``joblib.parallel_config`` says, one in a thread of joblib's, and elsewhere
    what OpenMP would use, which joblib's worker processes and ``threadpoolctl`` limit.
    """
    if n_jobs is None:
        backend, n_jobs = joblib.parallel.get_active_backend()
        if n_jobs is None and backend.nesting_level and not _in_main_thread():
            return 1
    if n_jobs is None:
        return _openmp_effective_n_threads()
    return n_jobs if n_jobs > 0 else max(1, joblib.cpu_count() + 1 + n_jobs)


def _in_main_thread():
    return threading.current_thread() is threading.main_thread()


def row_shares(n_rows, max_rows, threads=1):
    """Slices of at most ``max_rows`` rows that cover all: a list of neighbours for each thread.

    They are of equal size and each thread has as many, so that all are done at the same time.
    """
    n_blocks = max(1, -(-n_rows // max(1, max_rows)))
    threads = min(threads, n_blocks)
    share = -(-n_blocks // threads)
    step = max(1, -(-n_rows // (share * threads)))
    blocks = [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]
    return [blocks[start : start + share] for start in range(0, len(blocks), share)]


def map_shares(function, shares):
    """Results of ``function(share)``, one thread each; the first is the caller's own."""
    first, *others = shares or [[]]
    futures = [_pool().submit(function, share) for share in others]
    return [function(first), *(future.result() for future in futures)]


def sum_over_blocks(function, shares):
    """Sum of the arrays ``function(rows)``."""
    return sum(map_shares(lambda share: sum(map(function, share)), shares))


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
def _pool():
    """Threads that wait for work; to start one takes ten times as long as to wake it."""
    return ThreadPoolExecutor(joblib.cpu_count(), thread_name_prefix="skfocal")


if hasattr(os, "register_at_fork"):  # the threads stay behind in the parent process
    os.register_at_fork(after_in_child=_pool.cache_clear)


@functools.cache
def _blas():
    return ThreadpoolController()  # looking through the loaded libraries takes 10 ms
