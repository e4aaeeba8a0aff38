"""Ctrl-C between two steps, never within the update of the parameters."""

from __future__ import annotations

import signal
import threading
from importlib import import_module
from types import FrameType
from typing import Any

try:
    _signal: Any = import_module("_signal")  # what `signal` wraps, at a tenth of its cost
except ImportError:  # another Python than CPython
    _signal = signal

_MAIN = threading.main_thread().ident


class Deferred:
    """Within a ``with`` block SIGINT waits for its end; whatever handler there was is called then.

    A second one is let through while ``may_stop`` is true. Where a handler cannot be set, outside the main
    thread or if the signal is ignored, nothing is done: there is no KeyboardInterrupt either.
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
