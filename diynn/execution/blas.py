"""BLAS limited to one thread, for as long as anybody needs it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from threading import Lock, Thread
from time import monotonic, sleep
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
        self._lock = Lock()
        self._users = 0
        self._left = 0.0  # when the last block ended
        self._before: list[tuple[Any, int]] | None = None  # the setting to restore, while there is a limit
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            changed = [(library, threads) for library, get in _libraries() if (threads := get()) != 1]
            for library, _ in changed:
                _set(library, 1)
            if self._before is None:
                self._before = changed
                Thread(target=self._restore, name="diynn_blas", daemon=True).start()
            elif changed:  # by somebody else, since the last block: it is their setting now
                self._before = changed

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._users -= 1
            self._left = monotonic()

    def _restore(self) -> None:
        """Wait until nobody uses the limit any more, and end it."""
        while True:
            sleep(_IDLE)
            with self._lock:
                if self._users == 0 and monotonic() - self._left >= _IDLE:
                    for library, threads in self._before or ():
                        _set(library, threads)
                    self._before = None
                    return

    def _forked(self) -> None:
        """Begin anew in a process that was forked: it has none of its parent's threads, and no user yet."""
        self._lock, self._users = Lock(), 0
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
    """Return what reads a setting: OpenBLAS's own function, at a tenth of the cost of the controller's."""
    for before in ("scipy_", ""):
        for after in ("64_", ""):
            function = getattr(library.dynlib, f"{before}openblas_get_num_threads{after}", None)
            if function is not None:
                return cast("Callable[[], int]", function)
    return cast("Callable[[], int]", library.get_num_threads)
