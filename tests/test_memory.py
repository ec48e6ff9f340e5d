"""Memory that is used again, and never while somebody refers to it."""

import copy
import pickle
import threading
import time
import weakref

import numpy as np
import pytest

from skfocal.objectives import FocalObjective, _memory
from skfocal.objectives._memory import Recycled, Scratch


def test_scratch_arrays_are_apart_within_a_block_and_the_same_memory_in_the_next():
    scratch = Scratch()
    kinds = [
        (np.zeros((3, 5)), None),
        (np.zeros(7, np.float32), bool),
        (np.asfortranarray(np.ones((2, 3))), None),
    ]
    first = [scratch.empty_like(*kind) for kind in kinds]
    for (prototype, dtype), array in zip(kinds, first, strict=True):
        assert array.shape == prototype.shape
        assert array.dtype == (dtype or prototype.dtype)
        assert array.flags.c_contiguous
        assert not any(np.shares_memory(array, other) for other in first if other is not array)
    scratch.recycle()
    for kind, array in zip(kinds, first, strict=True):
        assert np.shares_memory(scratch.empty_like(*kind), array)
    scratch.recycle()
    assert scratch.empty_like(np.zeros(1000)).size == 1000  # more than there was


def test_results_that_nobody_refers_to_are_the_next_ones():
    memory, prototype = Recycled(np.float32), np.zeros(1000)
    first = [memory.empty_like(prototype) for _ in range(2)]
    addresses = {array.ctypes.data for array in first}
    assert len(addresses) == 2
    del first
    again = [memory.empty_like(prototype) for _ in range(2)]
    assert {array.ctypes.data for array in again} == addresses


@pytest.mark.parametrize(
    "hold",
    [
        lambda array: array,
        lambda array: array[3:5],
        lambda array: array.reshape(10, 100).T[1:],
        lambda array: memoryview(array),
        lambda array: np.frombuffer(array, np.uint8),
        lambda array: [array],
    ],
    ids=["array", "slice", "view of a view", "buffer", "array of its buffer", "list"],
)
def test_results_that_somebody_refers_to_are_not_written_over(hold):
    memory, prototype = Recycled(np.float32), np.zeros(1000)
    held = hold(memory.empty_like(prototype))
    for _ in range(3):
        memory.empty_like(prototype)[:] = 1
        new = [memory.empty_like(prototype) for _ in range(3)]
        assert not any(np.shares_memory(np.asarray(held), array) for array in new)


@pytest.mark.parametrize(
    "prototype", [np.zeros((4, 6)), np.zeros((6, 4), order="F"), np.zeros(24)], ids=str
)
def test_results_are_like_the_prototype_whatever_was_there_before(prototype):
    memory = Recycled(np.float32)
    memory.empty_like(np.zeros((6, 4)))
    array, expected = memory.empty_like(prototype), np.empty_like(prototype, np.float32)
    assert array.dtype == np.float32
    assert (array.shape, array.strides) == (expected.shape, expected.strides)


def test_results_that_were_made_read_only_are_not_given_out_again():
    memory, prototype = Recycled(np.float32), np.zeros(5)
    memory.empty_like(prototype).flags.writeable = False
    assert memory.empty_like(prototype).flags.writeable


def test_no_more_than_the_last_two_results_are_kept():
    memory = Recycled(np.float32)
    results = [memory.empty_like(np.zeros(5)) for _ in range(4)]
    alive = [weakref.ref(array) for array in results]
    del results
    assert [reference() is not None for reference in alive] == [False, False, True, True]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_of_an_objective_take_no_memory_along(duplicate):
    y, scores = np.zeros(10_000, np.float32), np.zeros(10_000)
    objective = FocalObjective(2.0)
    addresses = {array.ctypes.data for array in objective(y, scores)}
    assert len(pickle.dumps(objective)) < 1000
    assert addresses.isdisjoint(array.ctypes.data for array in duplicate(objective)(y, scores))
    assert addresses == {array.ctypes.data for array in objective(y, scores)}


def test_one_objective_in_several_threads_keeps_their_results_apart(monkeypatch):
    def slowly_alike(*arrays, alike=_memory._alike):
        time.sleep(1e-4)  # lets another thread look at the same memory
        return alike(*arrays)

    monkeypatch.setattr(_memory, "_alike", slowly_alike)
    objective, n_threads = FocalObjective(2.0), 4
    scores = [np.full(500, float(k)) for k in range(n_threads)]
    y = np.zeros(500, np.float32)
    expected = [[array.copy() for array in FocalObjective(2.0)(y, raw)] for raw in scores]
    meeting, wrong = threading.Barrier(n_threads, timeout=30), []

    def work(k):
        meeting.wait()
        for _ in range(100):
            results = objective(y, scores[k])
            time.sleep(1e-4)
            wrong.extend(k for a, b in zip(results, expected[k], strict=True) if np.any(a != b))
            del results  # which others may get now

    threads = [threading.Thread(target=work, args=(k,)) for k in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
