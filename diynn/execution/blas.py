"""BLAS limited to one thread, for as long as anybody needs it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from threading import Lock, Thread
from time import sleep
from typing import Any, cast

_IDLE = 5e-3  # seconds after which nobody seems to come back


class _Limit:
    """Within a ``with`` block BLAS uses one thread; its own setting is restored soon after the last block.

    BLAS spreads products over threads that are too small for it, and two thread pools that spin disturb
    one another. The setting is the whole process's, so that all trainings under way share one limit. To
    change it at each step would cost more than some steps: so it is restored by a thread of its own, once no
    block has been entered for a few milliseconds.
    """

    def __init__(self) -> None:
        self._lock = Lock()  # of who changes the setting
        self._users: list[None] = []  # one for each block under way
        self._used = False  # since the thread that restores looked last
        self._before: list[tuple[Any, int]] | None = None  # the setting to restore, while there is a limit
        self._settings: list[Callable[[], int]] = []  # what tells it, of each library
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def __enter__(self) -> None:
        # A lock would cost more than all of this. First to say that one is here, then to look, and in
        # `_restore` the other way round: so at least one of the two threads sees what the other has done.
        self._users.append(None)
        if self._before is None:
            self._begin()
            return
        for threads in self._settings:
            if threads() != 1:
                self._begin()

    def __exit__(self, *error: object) -> None:
        self._used = True
        self._users.pop()

    def _begin(self) -> None:
        with self._lock:
            libraries = _libraries()
            changed = [(library, threads) for library, get in libraries if (threads := get()) != 1]
            for library, _ in changed:
                _set(library, 1)
            self._settings = [get for _, get in libraries]
            if self._before is None:
                self._before = changed
                Thread(target=self._restore, name="diynn_blas", daemon=True).start()
            elif changed:  # by somebody else, since: it is their setting now
                self._before = changed

    def _restore(self) -> None:
        """Wait until nobody uses the limit any more, and end it."""
        while True:
            sleep(_IDLE)
            if self._used or self._users:
                self._used = False
                continue
            with self._lock:
                before, self._before = self._before, None
                if self._users:  # somebody came in the meantime, and relies on it
                    self._before = before
                    continue
                for library, threads in before or ():
                    _set(library, threads)
                return

    def _forked(self) -> None:
        """Begin anew in a process that was forked: it has none of its parent's threads, and no user yet."""
        self._lock, self._users = Lock(), []
        if self._before is not None:
            Thread(target=self._restore, name="diynn_blas", daemon=True).start()


#: ``with single_threaded:`` limits BLAS to one thread.
single_threaded = _Limit()


def _set(library: Any, threads: int) -> None:
    # threadpoolctl heeds the thread that set it first, and here it is another one that restores it.
    clear = getattr(library, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)
    library.set_num_threads(threads)
    if clear is not None:
        clear(force=True)


@cache
def _libraries() -> list[tuple[Any, Callable[[], int]]]:
    """Return the BLAS libraries of this process, each with a function that returns its setting."""
    from threadpoolctl import ThreadpoolController

    return [(each, _getter(each)) for each in ThreadpoolController().select(user_api="blas").lib_controllers]


def _getter(library: Any) -> Callable[[], int]:
    """Return what reads a setting: OpenBLAS's own variable, at a thirtieth of the cost of the controller."""
    try:
        variable = ctypes.c_int.in_dll(library.dynlib, "blas_cpu_number")
    except ValueError:  # another library
        return cast("Callable[[], int]", library.get_num_threads)
    return lambda: variable.value
