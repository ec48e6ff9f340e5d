"""Speed up temporary arrays in Dask's worker processes."""

import ctypes
from contextlib import suppress
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


@cache
def reuse_freed_memory():
    """Make malloc reuse freed memory in this process, if it is glibc's.

    Dask sets ``MALLOC_TRIM_THRESHOLD_`` for its workers. Freed arrays of more than 128 kB are then
    returned to the system, and the next ones need fresh pages, which makes an evaluation of the
    loss 2.5 times slower. With these limits, at most 16 MB per thread are kept.
    """
    with suppress(AttributeError, OSError, TypeError):  # another system
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 2**22)
        libc.mallopt(M_TRIM_THRESHOLD, 2**24)
