"""BLAS at one thread, for as long as it takes."""

from __future__ import annotations

from functools import cache
from typing import Any


class single_threaded:  # noqa: N801  # it stands in a `with`, as a function would; as one it takes twice as long
    """Let BLAS use one thread, and what was set before afterwards.

    BLAS spreads products over threads that are too small for it, and two thread pools that spin disturb
    one another. The setting is the whole process's: threadpoolctl heeds the thread that changed it first.
    """

    def __enter__(self) -> None:
        settings = [(library, library.get_num_threads()) for library in _libraries()]
        self._before = [(library, threads) for library, threads in settings if threads != 1]
        for library, _ in self._before:
            library.set_num_threads(1)

    def __exit__(self, *error: object) -> None:
        for library, threads in self._before:
            library.set_num_threads(threads)


@cache
def _libraries() -> list[Any]:
    from threadpoolctl import ThreadpoolController

    found: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return found
