"""Blocks of rows and the threads that process them."""

import multiprocessing
import os
import subprocess
import sys
import threading

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skfocal.objectives._blocks import (
    BLOCK_BYTES,
    blocks_per_thread,
    map_in_threads,
    n_threads,
    one_blas_thread,
    row_blocks,
    sum_over_blocks,
)


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
@pytest.mark.parametrize("max_rows", [0, 1, 7, 40])
@pytest.mark.parametrize("n_rows", [0, 1, 7, 8, 40, 41, 100])
def test_blocks_cover_all_rows_in_order_and_have_at_most_max_rows(n_rows, max_rows, threads):
    thread_blocks = blocks_per_thread(n_rows, max_rows, threads)
    blocks = [block for blocks in thread_blocks for block in blocks]
    bounds = [0] + [block.stop for block in blocks]
    assert [block.start for block in blocks] == bounds[:-1]
    assert bounds[-1] == n_rows
    sizes = [block.stop - block.start for block in blocks]
    assert all(0 < size <= max(1, max_rows) for size in sizes)
    assert len(set(sizes[:-1])) <= 1
    assert len(thread_blocks) <= threads


def test_threads_have_equal_work_and_at_least_one_block_each():
    assert blocks_per_thread(100, 30, threads=2) == [
        [slice(0, 25), slice(25, 50)],
        [slice(50, 75), slice(75, 100)],
    ]
    assert blocks_per_thread(30, 30, threads=2) == [[slice(0, 30)]]
    assert blocks_per_thread(50, 30, threads=8) == [[slice(0, 25)], [slice(25, 50)]]


@pytest.mark.parametrize("threads", [1, 2, 3, 20])
def test_map_in_threads_keeps_the_order_of_tasks(threads):
    thread_blocks = blocks_per_thread(10, 2, threads)
    results = map_in_threads(lambda blocks: [rows.start for rows in blocks], thread_blocks)
    assert [start for starts in results for start in starts] == [0, 2, 4, 6, 8]
    assert map_in_threads(len, []) == [0]


@pytest.mark.parametrize("threads", [1, 2, 3, 20])
@pytest.mark.parametrize("n_rows", [1, 2, 7])
def test_sum_over_blocks_counts_each_block_once(n_rows, threads):
    thread_blocks = blocks_per_thread(n_rows, 1, threads)
    total = sum_over_blocks(lambda rows: np.eye(n_rows)[rows.start], thread_blocks)
    np.testing.assert_array_equal(total, np.ones(n_rows))


def test_tasks_run_in_parallel():
    barrier = threading.Barrier(2, timeout=30)  # waits for two threads
    assert sorted(map_in_threads(lambda _: barrier.wait(), [[], []])) == [0, 1]


def test_single_task_runs_in_the_calling_thread():
    caller = threading.get_ident()
    assert map_in_threads(lambda _: threading.get_ident(), [[0]]) == [caller]


def test_error_in_a_thread_is_raised_in_the_caller():
    for task in ([0], [1]):
        with pytest.raises(ZeroDivisionError):
            map_in_threads(lambda rows: 1 / rows[0], [task, [1 - task[0]]])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_threads_work_in_a_forked_process():
    assert map_in_threads(sum, [[1], [2]]) == [1, 2]  # starts the threads before the fork
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(map_in_threads, (sum, [[1], [2]])).get(timeout=30) == [1, 2]


@pytest.mark.parametrize("shape", [(0,), (1,), (100_000,), (70_001, 3), (2, 200_000)], ids=str)
def test_row_blocks_cover_all_rows_and_have_at_most_block_bytes(shape):
    array = np.zeros(shape)
    blocks = row_blocks(array)
    assert sum(len(array[rows]) for rows in blocks) == len(array)
    assert [rows.start for rows in blocks[1:]] == [rows.stop for rows in blocks[:-1]]
    assert all(len(array[rows]) == 1 or array[rows].nbytes <= BLOCK_BYTES for rows in blocks)
    assert len(blocks) <= 2 + array.nbytes // BLOCK_BYTES


@pytest.mark.parametrize(
    ("n_jobs", "expected"), [(1, 1), (True, 1), (3, 3), (9, 9), (-1, 8), (-2, 7), (-20, 1)]
)
def test_n_threads_on_eight_cores(n_jobs, expected, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    assert n_threads(n_jobs) == expected
    assert type(n_threads(n_jobs)) is int  # LightGBM rejects True


def test_n_threads_none_uses_joblib_configuration():
    for n_jobs, expected in [(1, 1), (5, 5), (-1, joblib.cpu_count())]:
        with joblib.parallel_config(n_jobs=n_jobs):
            assert n_threads(None) == expected
            assert n_threads(2) == 2


def test_n_threads_none_is_one_in_a_joblib_thread():
    parallel = joblib.Parallel(2, "threading")
    assert parallel(joblib.delayed(n_threads)(None) for _ in range(4)) == [1] * 4
    assert parallel(joblib.delayed(n_threads)(3) for _ in range(4)) == [3] * 4


def test_n_threads_none_respects_openmp_limits():
    with threadpool_limits(1, user_api="openmp"):
        assert n_threads(None) == 1
    code = "from skfocal.objectives._blocks import n_threads; print(n_threads(None))"
    environ = os.environ | {"OMP_NUM_THREADS": "1"}
    out = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, check=True)
    assert out.stdout.split() == [b"1"]


def blas_threads():
    return {
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }


def test_overlapping_blas_limits_restore_the_number_of_threads():
    first, second = one_blas_thread(), one_blas_thread()
    with threadpool_limits(2, user_api="blas"):
        first.__enter__()
        second.__enter__()
        assert blas_threads() == {1}
        first.__exit__(None, None, None)  # overlaps, like two fits in parallel
        assert blas_threads() == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == {2}
        with pytest.raises(ZeroDivisionError), one_blas_thread():
            1 / 0  # noqa: B018
        assert blas_threads() == {2}
