"""What ends a training between two steps: Ctrl-C, SIGTERM as a cluster sends it, the end of a time budget."""

from __future__ import annotations

import signal
import threading
from time import perf_counter
from typing import Any

from diynn.callbacks import Run
from diynn.ranks import Ranks

_TOGETHER = 10  # steps between two questions of ranks to one another
_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Stop:
    """Within a ``with`` block signals set ``run.stopped``, rather than ending the process.

    A second signal acts at once, as it would have outside. Nothing is changed outside the main thread, nor
    for a signal that already has a handler.

    Parameters
    ----------
    run : Run
    seconds : float or None
        The time budget, counted from here.
    terminate : bool
        Whether SIGTERM ends the training as Ctrl-C does, rather than the process: there is a checkpoint.
    ranks : Ranks
        Those of MPI have to stop after the same step: now and then they ask one another.

    Attributes
    ----------
    reason : str or None
        Why the training pauses, if it is for one of these reasons: a checkpoint leaves it out.
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
        """Look at the time."""
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
