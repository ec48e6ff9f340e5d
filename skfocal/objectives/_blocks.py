"""Evaluate a function of rows block by block, on one or more threads.

NumPy expressions over millions of rows spend most of their time moving temporaries through memory.
The same expressions run several times faster on blocks that fit in the cache. NumPy releases the
GIL, so threads can process blocks in parallel.
"""

import contextlib
import functools
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
from threadpoolctl import ThreadpoolController

from skfocal._private import _openmp_effective_n_threads

# Size of a block of scores, which are mostly float64. The temporaries are float32, half as large,
# and fit in a core's cache together. Smaller blocks lose time to function calls, above all for
# multiclass scores (benchmarks/objective.py).
BLOCK_BYTES = 2**19


def row_blocks(array):
    """Slices of the rows of a NumPy array, of at most BLOCK_BYTES or one row each."""
    n_rows = len(array)
    step = max(1, BLOCK_BYTES * n_rows // max(1, array.nbytes))
    return [slice(start, start + step) for start in range(0, max(1, n_rows), step)]


def n_threads(n_jobs):
    """Return the number of threads for ``n_jobs``; ``-1`` means all cores.

    ``None`` means the value set by ``joblib.parallel_config``, or 1 inside a joblib thread.
    Otherwise it means the number of OpenMP threads, which joblib's worker processes and
    ``threadpoolctl`` limit.
    """
    if n_jobs is None:
        backend, n_jobs = joblib.parallel.get_active_backend()
        is_main_thread = threading.current_thread() is threading.main_thread()
        if n_jobs is None and backend.nesting_level and not is_main_thread:
            return 1
    if n_jobs is None:
        return _openmp_effective_n_threads()
    return int(n_jobs) if n_jobs > 0 else max(1, joblib.cpu_count() + 1 + n_jobs)


def blocks_per_thread(n_rows, max_rows, threads=1):
    """Divide the rows into slices of at most ``max_rows``: one list of slices for each thread.

    Slices have the same size and threads the same number of slices, except possibly the last, so
    the threads finish at about the same time.
    """
    n_blocks = max(1, -(-n_rows // max(1, max_rows)))
    threads = min(threads, n_blocks)
    n_per_thread = -(-n_blocks // threads)
    step = max(1, -(-n_rows // (n_per_thread * threads)))
    blocks = [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]
    return [blocks[start : start + n_per_thread] for start in range(0, len(blocks), n_per_thread)]


def map_in_threads(function, tasks):
    """Return ``function(task)`` for each task; the first one runs in the calling thread."""
    first, *others = tasks or [[]]
    futures = [_pool().submit(function, task) for task in others]
    return [function(first), *(future.result() for future in futures)]


def sum_over_blocks(function, thread_blocks):
    """Sum ``function(rows)`` over the blocks of all threads."""
    return sum(map_in_threads(lambda blocks: sum(map(function, blocks)), thread_blocks))


@contextlib.contextmanager
def one_blas_thread():
    """Limit BLAS to one thread inside the context.

    NumPy and SciPy each ship a BLAS whose threads spin while they wait for work. If calls to the
    two alternate on small blocks, they compete for the cores, and a fit may take twice as long
    (benchmarks/linear.py). The limit applies to the process: if contexts overlap, the first one
    sets it and the last one removes it.
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
    """Return the shared thread pool: starting a thread takes ten times longer than waking one."""
    return ThreadPoolExecutor(joblib.cpu_count(), thread_name_prefix="skfocal")


if hasattr(os, "register_at_fork"):  # a forked child process does not inherit the threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


@functools.cache
def _blas():
    return ThreadpoolController()  # cached because it searches the loaded libraries for 10 ms
