"""BLAS limited to one thread while trainings run."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from threading import Lock, Thread
from time import monotonic, sleep
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
            elif changed:  # by other code, since the last block: that is what to restore
                self._before = changed

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._users -= 1
            self._left = monotonic()

    def _restore(self) -> None:
        """Wait until the limit is no longer in use, then restore the setting."""
        while True:
            sleep(_IDLE)
            with self._lock:
                if self._users == 0 and monotonic() - self._left >= _IDLE:
                    for library, threads in self._before or ():
                        _set(library, threads)
                    self._before = None
                    return

    def _forked(self) -> None:
        """Start over in a forked process, which has none of its parent's threads and no users yet."""
        self._lock, self._users = Lock(), 0
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
    """Return a function that reads the setting: OpenBLAS's own costs a tenth of the controller's."""
    for before in ("scipy_", ""):
        for after in ("64_", ""):
            function = getattr(library.dynlib, f"{before}openblas_get_num_threads{after}", None)
            if function is not None:
                return cast("Callable[[], int]", function)
    return cast("Callable[[], int]", library.get_num_threads)
