"""BLAS limited to one thread while trainings run."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from threading import Lock, Thread
from time import sleep
from typing import Any, cast

_IDLE = 5e-3  # seconds without a step after which BLAS's setting is restored


class _Limit:
    """Limit BLAS to one thread within a ``with`` block; its setting is restored soon after the last block.

    BLAS also splits products that are too small to gain from it, and two thread pools that spin slow each
    other down. The setting is global to the process, so that all running trainings share one limit. Changing
    it at each step would cost more than some steps take: a background thread restores it once no block has
    been entered for a few milliseconds.
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
            elif changed:  # by other code, since the last block: that is what to restore
                self._before = changed

    def _restore(self) -> None:
        """Wait until the limit is no longer in use, then restore the setting."""
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
        """Start over in a forked process, which has none of its parent's threads and no users yet."""
        self._lock, self._users = Lock(), []
        if self._before is not None:
            Thread(target=self._restore, name="diynn_blas", daemon=True).start()


#: ``with single_threaded:`` limits BLAS to one thread.
single_threaded = _Limit()


def _set(library: Any, threads: int) -> None:
    # threadpoolctl obeys only the thread that first changed the setting; here another one restores it.
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
    """Return a function that reads the setting: OpenBLAS's own variable costs a fifth of the controller's."""
    try:
        variable = ctypes.c_int.in_dll(library.dynlib, "blas_cpu_number")
    except ValueError:  # another library
        return cast("Callable[[], int]", library.get_num_threads)
    return lambda: variable.value
