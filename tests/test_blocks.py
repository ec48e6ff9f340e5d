"""Blocks of rows, and the threads they run on."""

import threading

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skfocal.objectives._blocks import (
    BLOCK_ELEMENTS,
    for_each_block,
    n_threads,
    one_blas_thread,
    row_blocks,
    sum_over_blocks,
)


@pytest.mark.parametrize("width", [1, 3, 1000, 10 * BLOCK_ELEMENTS])
@pytest.mark.parametrize("n_rows", [0, 1, 40, BLOCK_ELEMENTS, BLOCK_ELEMENTS + 1])
def test_blocks_cover_all_rows_in_order_and_fit_in_the_cache(n_rows, width):
    n_rows = min(n_rows, 40) if width > BLOCK_ELEMENTS else n_rows
    blocks = row_blocks(n_rows, width)
    stops = [0] + [block.stop for block in blocks]
    assert [block.start for block in blocks] == stops[:-1]
    assert stops[-1] == n_rows
    sizes = [block.stop - block.start for block in blocks]
    assert all(size == 1 or size * width <= BLOCK_ELEMENTS for size in sizes)
    assert all((size + 1) * width > BLOCK_ELEMENTS for size in sizes[:-1])


@pytest.mark.parametrize("n_jobs", [1, 2, None, -1])
def test_results_come_in_the_order_of_the_blocks(n_jobs):
    blocks = row_blocks(10, BLOCK_ELEMENTS // 2)
    assert for_each_block(lambda block: block.start, blocks, n_jobs) == [0, 2, 4, 6, 8]
    assert for_each_block(lambda block: block.start, [], n_jobs) == []


def test_blocks_may_be_of_any_size():
    assert row_blocks(5, 3, elements=7) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert row_blocks(2, 3, elements=1) == [slice(0, 1), slice(1, 2)]


@pytest.mark.parametrize("n_jobs", [1, 2, 3, 20])
@pytest.mark.parametrize("n_blocks", [1, 2, 7])
def test_sum_over_blocks_counts_each_block_once(n_blocks, n_jobs):
    blocks = row_blocks(n_blocks, 1, elements=1)
    total = sum_over_blocks(lambda block: np.eye(n_blocks)[block.start], blocks, n_jobs)
    np.testing.assert_array_equal(total, np.ones(n_blocks))


def test_several_jobs_run_side_by_side():
    meeting = threading.Barrier(2, timeout=30)  # passed only by two threads at once
    assert sorted(for_each_block(lambda _: meeting.wait(), [0, 1], n_jobs=2)) == [0, 1]


@pytest.mark.parametrize("n_jobs", [1, None])
def test_one_thread_is_the_callers(n_jobs, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    own = threading.get_ident()
    assert for_each_block(lambda _: threading.get_ident(), [0, 1], n_jobs) == [own, own]


def test_error_in_a_block_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        for_each_block(lambda block: 1 / block, [1, 0], n_jobs=2)


@pytest.mark.parametrize(
    ("n_jobs", "limit", "expected"),
    [
        (3, None, 3),
        (3, "1", 3),
        (-1, "1", 8),
        (-2, None, 7),
        (-20, None, 1),
        (None, None, 8),
        (None, "4", 4),
        (None, "4,2", 4),
        (None, "16", 8),
        (None, "0", 8),
        (None, "many", 8),
    ],
)
def test_threads_on_eight_cores(n_jobs, limit, expected, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if limit is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert n_threads(n_jobs) == expected


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
