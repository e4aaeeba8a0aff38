"""Ctrl-C between two steps, never within the update of the parameters."""

from __future__ import annotations

import signal
import threading
from importlib import import_module
from types import FrameType
from typing import Any

try:
    _signal: Any = import_module("_signal")  # what `signal` wraps, at a tenth of its cost
except ImportError:  # not CPython
    _signal = signal

_MAIN = threading.main_thread().ident


class Deferred:
    """Defer SIGINT to the end of a ``with`` block, where the previous handler is called.

    A second SIGINT raises at once while ``may_stop`` is true. Outside the main thread, or if the signal is
    ignored, nothing is done: no KeyboardInterrupt is raised there either.
    """

    __slots__ = ("_before", "_frame", "_times", "may_stop")

    def __init__(self) -> None:
        self._before: Any = None

    def __enter__(self) -> Deferred:
        self._times, self.may_stop = 0, True
        if threading.get_ident() == _MAIN:
            before = _signal.getsignal(signal.SIGINT)
            if callable(before):
                self._before = before
                _signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        before = self._before
        if before is not None:
            self._before = None
            _signal.signal(signal.SIGINT, before)
            if self._times:
                before(signal.SIGINT, self._frame)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._times += 1
        self._frame = frame
        if self._times > 1 and self.may_stop:
            raise KeyboardInterrupt
