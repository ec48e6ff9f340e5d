"""Blocks of rows, and the threads they run on."""

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
    map_shares,
    n_threads,
    one_blas_thread,
    row_blocks,
    row_shares,
    sum_over_blocks,
)


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
@pytest.mark.parametrize("max_rows", [0, 1, 7, 40])
@pytest.mark.parametrize("n_rows", [0, 1, 7, 8, 40, 41, 100])
def test_blocks_cover_all_rows_in_order_and_are_not_too_large(n_rows, max_rows, threads):
    shares = row_shares(n_rows, max_rows, threads)
    blocks = [block for share in shares for block in share]
    bounds = [0] + [block.stop for block in blocks]
    assert [block.start for block in blocks] == bounds[:-1]
    assert bounds[-1] == n_rows
    sizes = [block.stop - block.start for block in blocks]
    assert all(0 < size <= max(1, max_rows) for size in sizes)
    assert len(set(sizes[:-1])) <= 1
    assert len(shares) <= threads


def test_threads_have_equal_work_and_none_for_less_than_a_block():
    assert row_shares(100, 30, threads=2) == [
        [slice(0, 25), slice(25, 50)],
        [slice(50, 75), slice(75, 100)],
    ]
    assert row_shares(30, 30, threads=2) == [[slice(0, 30)]]
    assert row_shares(50, 30, threads=8) == [[slice(0, 25)], [slice(25, 50)]]


@pytest.mark.parametrize("threads", [1, 2, 3, 20])
def test_results_come_in_the_order_of_the_shares(threads):
    shares = row_shares(10, 2, threads)
    starts = map_shares(lambda share: [rows.start for rows in share], shares)
    assert [start for share in starts for start in share] == [0, 2, 4, 6, 8]
    assert map_shares(len, []) == [0]


@pytest.mark.parametrize("threads", [1, 2, 3, 20])
@pytest.mark.parametrize("n_rows", [1, 2, 7])
def test_sum_over_blocks_counts_each_block_once(n_rows, threads):
    shares = row_shares(n_rows, 1, threads)
    total = sum_over_blocks(lambda rows: np.eye(n_rows)[rows.start], shares)
    np.testing.assert_array_equal(total, np.ones(n_rows))


def test_shares_run_side_by_side():
    meeting = threading.Barrier(2, timeout=30)  # passed only by two threads at once
    assert sorted(map_shares(lambda _: meeting.wait(), [[], []])) == [0, 1]


def test_one_share_is_the_callers():
    own = threading.get_ident()
    assert map_shares(lambda _: threading.get_ident(), [[0]]) == [own]


def test_error_in_a_share_reaches_the_caller():
    for share in ([0], [1]):
        with pytest.raises(ZeroDivisionError):
            map_shares(lambda rows: 1 / rows[0], [share, [1 - share[0]]])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_threads_work_in_a_forked_process():
    assert map_shares(sum, [[1], [2]]) == [1, 2]  # the threads are there before
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(map_shares, (sum, [[1], [2]])).get(timeout=30) == [1, 2]


@pytest.mark.parametrize("shape", [(0,), (1,), (100_000,), (70_001, 3), (2, 200_000)], ids=str)
def test_row_blocks_cover_the_rows_of_an_array_and_fit_in_the_cache(shape):
    array = np.zeros(shape)
    blocks = row_blocks(array)
    assert sum(len(array[rows]) for rows in blocks) == len(array)
    assert [rows.start for rows in blocks[1:]] == [rows.stop for rows in blocks[:-1]]
    assert all(len(array[rows]) == 1 or array[rows].nbytes <= BLOCK_BYTES for rows in blocks)
    assert len(blocks) <= 2 + array.nbytes // BLOCK_BYTES


@pytest.mark.parametrize(
    ("n_jobs", "expected"), [(1, 1), (3, 3), (9, 9), (-1, 8), (-2, 7), (-20, 1)]
)
def test_number_of_threads_on_eight_cores(n_jobs, expected, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    assert n_threads(n_jobs) == expected


def test_no_number_of_threads_follows_joblib_s_configuration():
    for n_jobs, expected in [(1, 1), (5, 5), (-1, joblib.cpu_count())]:
        with joblib.parallel_config(n_jobs=n_jobs):
            assert n_threads(None) == expected
            assert n_threads(2) == 2


def test_no_number_of_threads_means_one_in_a_thread_of_joblib_s():
    parallel = joblib.Parallel(2, "threading")
    assert parallel(joblib.delayed(n_threads)(None) for _ in range(4)) == [1] * 4
    assert parallel(joblib.delayed(n_threads)(3) for _ in range(4)) == [3] * 4


def test_no_number_of_threads_respects_limits_of_openmp():
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


def test_overlapping_limits_on_blas_leave_it_as_it_was():
    first, second = one_blas_thread(), one_blas_thread()
    with threadpool_limits(2, user_api="blas"):
        first.__enter__()
        second.__enter__()
        assert blas_threads() == {1}
        first.__exit__(None, None, None)  # as of threads that fit at the same time
        assert blas_threads() == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == {2}
        with pytest.raises(ZeroDivisionError), one_blas_thread():
            1 / 0  # noqa: B018
        assert blas_threads() == {2}
