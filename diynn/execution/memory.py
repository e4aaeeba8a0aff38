"""Memory that is used again at every step, instead of asked for again."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from math import prod

from diynn.arrays import Array

# The parameters of glibc's mallopt (malloc.h), and what they are set to.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 2**28  # bytes that may lie free at the top of the heap
_LARGEST = 2**25  # bytes from which on an array is mapped on its own: the largest that glibc takes


@cache
def keep_freed_memory() -> bool:
    """Let glibc's malloc keep what the arrays of one step leave for those of the next; say whether it does.

    By its defaults it returns them to the system, and asks for them again page by page: half of the time
    of a step on sequences. The setting is the whole process's; ``DIYNN_MALLOC=0`` leaves it alone, as do
    glibc's own variables, and other systems have none.
    """
    own = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"}
    if os.environ.get("DIYNN_MALLOC") == "0" or own & os.environ.keys() or sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST) and mallopt(_TRIM_THRESHOLD, _KEPT))


def views(buffer: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Return arrays of some shapes that lie in a buffer of one axis, one after another from its begin on."""
    sizes = list(map(prod, shapes))
    places = zip(accumulate(sizes), sizes, shapes, strict=True)
    return [buffer[end - size : end].reshape(shape) for end, size, shape in places]
