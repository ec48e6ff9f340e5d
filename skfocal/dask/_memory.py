"""Speed up temporary arrays in Dask's worker processes."""

import ctypes
from contextlib import suppress
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


@cache
def reuse_freed_memory():
    """Make malloc reuse freed memory in this process, if it is glibc's.

    Dask starts workers with ``MALLOC_TRIM_THRESHOLD_``: arrays of more than 128 kB then go back
    to the system when they are freed, and the next ones pay for fresh pages. That makes an
    evaluation of the loss 2.5 times as slow. These limits keep at most 16 MB per thread.
    """
    with suppress(AttributeError, OSError, TypeError):  # another system
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 2**22)
        libc.mallopt(M_TRIM_THRESHOLD, 2**24)
