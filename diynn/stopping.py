"""Stopping a training between two steps: by Ctrl-C, by a cluster's SIGTERM, by a time budget."""

from __future__ import annotations

import signal
import threading
from time import perf_counter
from typing import Any

from diynn.callbacks import Run
from diynn.ranks import Ranks

_TOGETHER = 10  # steps between two exchanges of ranks
_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Stop:
    """Within a ``with`` block signals set ``run.stopped`` instead of ending the process.

    A second signal acts at once, as outside the block. Nothing is changed outside the main thread, nor
    for a signal that already has a handler.

    Parameters
    ----------
    run : Run
    seconds : float or None
        The time budget, counted from here.
    terminate : bool
        Whether SIGTERM ends the training as Ctrl-C does, because there is a checkpoint.
    ranks : Ranks
        Ranks of MPI must stop after the same step: they exchange it every few steps.

    Attributes
    ----------
    reason : str or None
        Why the training pauses, if for one of these reasons; it is not saved in a checkpoint.
    """

    def __init__(self, run: Run, seconds: float | None, *, terminate: bool, ranks: Ranks) -> None:
        self.run, self.seconds, self._ranks = run, seconds, ranks
        self._wanted: str | None = None
        self.reason: str | None = None
        self._begun = perf_counter()
        wanted = {signal.SIGINT: signal.default_int_handler}
        self._defaults: dict[Any, Any] = wanted | ({signal.SIGTERM: signal.SIG_DFL} if terminate else {})
        self._taken: list[Any] = []

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for number, default in self._defaults.items():
                if signal.getsignal(number) is default:
                    self._taken.append(number)
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number in self._taken:
            signal.signal(number, self._defaults[number])

    def after_step(self) -> None:
        """Stop if the time budget is used up."""
        if self.seconds is not None and perf_counter() - self._begun >= self.seconds:
            self._pause(f"the time budget of {self.seconds:g} s is used up")
        if self._ranks.size > 1 and self.run.optim.steps % _TOGETHER == 0:
            wanted = self._ranks.any(self._wanted)
            if wanted is not None and self.run.stopped is None:
                self.run.stopped = self.reason = wanted

    def _note(self, number: int, frame: Any) -> None:
        self._pause(_WORDS[signal.Signals(number)])
        signal.signal(number, self._defaults[number])

    def _pause(self, reason: str) -> None:
        if self._ranks.size > 1:
            self._wanted = self._wanted or reason
            return
        if self.run.stopped is None:
            self.run.stopped = self.reason = reason
