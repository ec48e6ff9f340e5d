"""Memory that is used again, as fresh pages from the system can take longer than arithmetic."""

import contextlib
import sys

import numpy as np


class Scratch:
    """Memory for temporaries, given out again once nobody refers to them.

    Memory of this size comes from the system page by page, for which threads wait in line. And
    the fewer arrays are in use, the more of them stay in the cache: with a third to half of them,
    blocks may be twice as large.
    """

    def __init__(self):
        self._buffers = []

    def empty_like(self, prototype, dtype=None):
        """Uninitialised C-contiguous array of the prototype's shape."""
        dtype = prototype.dtype if dtype is None else np.dtype(dtype)
        return np.ndarray(prototype.shape, dtype, self._unused(prototype.size * dtype.itemsize))

    def _unused(self, size):
        """The first buffer that no array refers to, of at least so many bytes."""
        for i in range(len(self._buffers)):
            if sys.getrefcount(self._buffers[i]) == _IN_A_LIST:
                break
        else:
            i = len(self._buffers)
            self._buffers.append(np.empty(0, np.uint8))
        if self._buffers[i].size < size:
            self._buffers[i] = np.empty(size, np.uint8)
        return self._buffers[i]


@contextlib.contextmanager
def scratch_memory():
    """Scratch memory of this thread alone, which is kept for later: rounds of boosting are many."""
    try:
        scratch = _idle_scratch.pop()
    except IndexError:
        scratch = Scratch()
    try:
        yield scratch
    finally:
        _idle_scratch.append(scratch)


_idle_scratch: list = []


class Recycled:
    """Memory for two results of a dtype, given out again once nobody else refers to them.

    Boosting drops the results of one round before it asks for those of the next. With fresh
    pages instead, a call for 10^7 rows takes 11 to 23 % longer (benchmarks/objective.py).
    """

    def __init__(self, dtype):
        self._dtype, self._arrays = dtype, []

    def empty_like(self, prototype):
        """Uninitialised array of the prototype's shape and layout."""
        result = self._unused(prototype)
        if result is None:
            result = np.empty_like(prototype, self._dtype)
        self._arrays.append(result)
        del self._arrays[:-2]
        return result

    def _unused(self, prototype):
        """An array like the prototype that nobody refers to any more, or None."""
        with contextlib.suppress(IndexError):  # where there is nothing to pop
            for _ in range(2):
                kept = self._arrays.pop(0)  # from here on this thread's alone
                if _alike(kept, prototype) and sys.getrefcount(kept) == _UNSHARED:
                    return kept
                self._arrays.append(kept)
        return None

    def __reduce__(self):
        return Recycled, (self._dtype,)  # deep copies and pickles have memory of their own


def _alike(array, prototype):
    a, b = array.flags, prototype.flags
    same_order = (a.c_contiguous, a.f_contiguous) == (b.c_contiguous, b.f_contiguous)
    return array.shape == prototype.shape and same_order and a.writeable


def _references():
    """What Python counts for an array in a list only, and in a function's variable only."""
    arrays = [np.empty(0)]
    in_a_list = sys.getrefcount(arrays[0])
    kept = arrays.pop(0)
    return in_a_list, sys.getrefcount(kept)


_IN_A_LIST, _UNSHARED = _references()
