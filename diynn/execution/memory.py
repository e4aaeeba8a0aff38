"""Memory that is reused from step to step, instead of being returned to the system."""

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
    """Make glibc's malloc keep the memory of one step's arrays for the next step; return whether it does.

    By default it returns that memory to the system and gets it back page by page, which takes half of the
    time of a step on sequences. The setting is global to the process; ``DIYNN_MALLOC=0`` or glibc's own
    variables leave it unchanged, and other systems have none.
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
    """Return views of the given shapes into a flat buffer, one after another from its start."""
    sizes = list(map(prod, shapes))
    places = zip(accumulate(sizes), sizes, shapes, strict=True)
    return [buffer[end - size : end].reshape(shape) for end, size, shape in places]
