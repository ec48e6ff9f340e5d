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


def test_scratch_arrays_are_apart_while_in_use_and_the_same_memory_afterwards():
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
    addresses = [array.ctypes.data for array in first]
    del first, array
    again = [scratch.empty_like(*kind) for kind in kinds]
    assert [array.ctypes.data for array in again] == addresses
    assert scratch.empty_like(np.zeros(1000)).size == 1000  # more than there was


HOLDERS = {
    "array": lambda array: array,
    "slice": lambda array: array[3:5],
    "view of a view": lambda array: array.reshape(10, 100).T[1:],
    "buffer": lambda array: memoryview(array),
    "array of its buffer": lambda array: np.frombuffer(array, np.uint8),
    "list": lambda array: [array],
}


def assert_is_kept(hold, memory, prototype):
    """What an array held when it was given out is there after others were written to."""
    array = memory.empty_like(prototype)
    array[:] = 7
    held = hold(array)
    del array
    before = np.array(held)
    for _ in range(3):
        for other in [memory.empty_like(prototype) for _ in range(3)]:
            other[:] = 1
    np.testing.assert_array_equal(np.array(held), before)


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_scratch_that_somebody_refers_to_is_not_written_over(hold):
    assert_is_kept(hold, Scratch(), np.zeros(1000))


def test_scratch_grows_in_place():
    scratch = Scratch()
    for size in (10, 1000, 10, 100_000):
        arrays = [scratch.empty_like(np.zeros(size)) for _ in range(3)]
        del arrays
    assert len(scratch._buffers) == 3


def test_results_that_nobody_refers_to_are_the_next_ones():
    memory, prototype = Recycled(np.float32), np.zeros(1000)
    first = [memory.empty_like(prototype) for _ in range(2)]
    addresses = {array.ctypes.data for array in first}
    assert len(addresses) == 2
    del first
    again = [memory.empty_like(prototype) for _ in range(2)]
    assert {array.ctypes.data for array in again} == addresses


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_results_that_somebody_refers_to_are_not_written_over(hold):
    assert_is_kept(hold, Recycled(np.float32), np.zeros(1000))


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
