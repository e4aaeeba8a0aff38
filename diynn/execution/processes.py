"""Shares of a batch in processes of their own, which do not wait for one another's Python.

The threads of one process take turns at all that is not inside NumPy, so that two of them gain little on a
batch of 128. A helper is another process with a replica of the net, which costs a step a copy of the
parameters, one of the gradients, and two messages. It takes a moment to start, in which threads do its work:
the result is the same to the bit.
"""

from __future__ import annotations

import weakref
from itertools import count
from time import perf_counter, sleep
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.execution.helpers import GONE, Helper, available, helper
from diynn.execution.plan import Effort, Threads, cores
from diynn.execution.threads import Worker, replica
from diynn.module import parameters

# Operations of a step that are worth a process, and as many for each weight as take the time to copy it.
_WORTH_A_PROCESS, _TO_COPY = 1.2e7, 35


class Processes(Threads):
    """Shares of a batch for helper processes, and cache-sized blocks within each share.

    Only NumPy's arrays and nets of diynn's own modules are shared out so; whatever else is trained as
    :class:`diynn.execution.Threads` does it, and so is everything until the helpers have started.

    Parameters
    ----------
    count : int, optional
        How many processes, the one that trains included; None for as many as there are cores, or fewer
        where the batch is too small to be worth a process.

    Raises
    ------
    OSError
        If the system has no Unix sockets to hand memory on by.
    """

    def __init__(self, count: int | None = None) -> None:
        super().__init__(count)
        if not available():
            raise OSError("Processes: this system has no Unix sockets; execution='threads' does without")

    def wait(self, seconds: float = 60.0) -> bool:
        """Start the helpers and wait for them, which training does not; say whether all are ready."""
        end = perf_counter() + seconds
        mates = [helper(number) for number in range((self.count or cores()) - 1)]
        while not all(mate.is_ready() for mate in mates):
            if perf_counter() > end or any(mate.is_closed for mate in mates):
                return False
            sleep(1e-3)
        return True

    def worker(self, *arguments: Any) -> Worker:
        """Make what takes a share."""
        return RemoteWorker(*arguments)

    def worth(self, example: Effort, batch: int) -> float:
        """Return how many processes a batch is worth."""
        return batch * example.operations / (_WORTH_A_PROCESS + _TO_COPY * example.weights)


class RemoteWorker(Worker):
    """A share of a batch, taken by a helper as soon as there is one."""

    _task: _Task | None = None
    _is_remote = False  # whether the last share was taken by the helper

    def ask(self, number: int, x: Array, y: Array) -> Any:
        """Let a helper begin, or a thread; return what has an answer to ``get``."""
        self._is_remote = False
        mate = helper(number)
        if any(handle.value.dtype != x.dtype for handle in self._handles):  # and so may be the gradients
            return super().ask(number, x, y)
        if not (self.record and mate.is_ready() and mate.lock.acquire(blocking=False)):
            return super().ask(number, x, y)
        x_share, y_share = x[self.share], y[self.share]
        try:
            if self._task is None or self._task.helper is not mate:
                self._task = _Task(mate, self, x_share, y_share)
            self._task.begin(x_share, y_share)
        except BaseException as error:
            mate.close()
            mate.lock.release()
            if isinstance(error, GONE):
                return super().ask(number, x, y)
            raise
        self._is_remote = True
        self.gradients = self._task.gradients
        return _Answer(self, mate, x, y)

    def instead(self, x: Array, y: Array) -> list[Array]:
        """Take here what the helper did not."""
        self._is_remote = False
        return self(x, y)


class _Answer:
    """What a helper is going to return."""

    def __init__(self, worker: RemoteWorker, helper: Helper, x: Array, y: Array) -> None:
        self.worker, self.helper, self.x, self.y = worker, helper, x, y

    def get(self) -> Any:
        """Wait for the costs of each block, or an error; make them here if the helper is gone."""
        try:
            return self.helper.answer()
        except GONE:
            self.helper.close()
            return self.worker.instead(self.x, self.y)
        except BaseException:  # Ctrl-C: what the helper is going to say answers no question any more
            self.helper.close()
            raise
        finally:
            self.helper.lock.release()


class _Task:
    """What a helper has of a worker: a net and a loss, and the memory that both processes see."""

    numbers = count()

    def __init__(self, helper: Helper, worker: RemoteWorker, x: Array, y: Array) -> None:
        self.helper, self.number = helper, next(self.numbers)
        self.own = [handle.value for handle in parameters(worker.net)]
        layout = [(each.shape, each.dtype) for each in (x, y, *self.own, *self.own)]
        net = replica(worker.net)  # without gradients
        self.x, self.y, *rest = helper.keep(self.number, net, worker.loss, worker.block, layout)
        self.values, self.gradients = rest[: len(self.own)], rest[len(self.own) :]
        weakref.finalize(self, helper.forgotten.append, self.number).atexit = False

    def begin(self, x: Array, y: Array) -> None:
        """Let the helper take a share."""
        for value, own in zip(self.values, self.own, strict=True):
            np.copyto(value, own)
        np.copyto(self.x, x)
        np.copyto(self.y, y)
        self.helper.take(self.number)
