"""BLAS at one thread, for as long as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let BLAS use one thread, and what was set before afterwards.

    BLAS spreads products over threads that are too small for it, and two thread pools that spin disturb
    one another. The setting is the whole process's: threadpoolctl heeds the thread that changed it first.
    """
    before = [(library, library.get_num_threads()) for library in _libraries()]
    for library, threads in before:
        if threads != 1:
            library.set_num_threads(1)
    try:
        yield
    finally:
        for library, threads in before:
            if threads != 1:
                library.set_num_threads(threads)


@cache
def _libraries() -> list[Any]:
    from threadpoolctl import ThreadpoolController

    found: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return found
