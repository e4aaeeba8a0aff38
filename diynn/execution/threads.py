"""The shares of a batch on threads: NumPy releases the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.execution.blocks import Share, cut, replica
from diynn.execution.structure import Structure


class Split:
    """The gradient of batches of one size: one share per thread, each in blocks.

    The shares' gradients are added in a fixed order: for a number of shares, results are reproducible to the
    bit.

    Parameters
    ----------
    structure : Structure
        Of the net and the loss.
    batch, count, block : int
        Examples in all, shares, and examples that a share takes at once.
    record : bool
        Whether to record from the second batch on.
    """

    def __init__(self, structure: Structure, batch: int, *, count: int, block: int, record: bool) -> None:
        net, loss = structure.net, structure.loss
        first, *others = cut(0, batch, count)
        self.batch = batch
        self._first = Share(net, loss, first, block, structure.gradients, record=record)
        self._others = []
        for part in others:
            buffers = [np.zeros_like(each) for each in structure.gradients]
            self._others.append(Share(replica(net), loss, part, block, buffers, record=record))

    @property
    def shares(self) -> list[Share]:
        """The shares, the first of which is taken on the net itself."""
        return [self._first, *self._others]

    @property
    def reason(self) -> str | None:
        """Why batches are not played, or None if they are."""
        for share in self.shares:
            if share.reason is not None:
                return share.reason
        if not self._first.record:
            return "the net or the loss is not pure"
        return (
            None if all(each.believed for each in self.shares) else "it is recorded at the first few batches"
        )

    def __call__(self, *batch: Array, anew: bool) -> Array:
        """Add the gradient of a batch to the structure's buffers, or overwrite them if ``anew``.

        A batch is ``x``, ``y`` and, if there are any, the weights of the examples.

        Returns
        -------
        array (batch,)
            The costs.
        """
        answers: list[Any] = []
        shares: list[Any] = []
        try:
            for number, other in enumerate(self._others):
                answers.append(_worker(number).ask(other, *batch))
            costs = self._first(*batch, anew=anew)
        finally:  # no thread is still working when we leave
            for answer in answers:
                try:
                    shares.append(answer.get())
                except BaseException as error:
                    shares.append(error)
        for share in shares:
            if isinstance(share, BaseException):
                raise share
            costs += share
        for other in self._others:
            for total, part in zip(self._first.gradients, other.gradients, strict=True):
                np.add(total, part, out=total)
        return costs[0] if len(costs) == 1 else np.concatenate(costs)


class _Worker:
    """A worker thread with two queues, which cost a tenth of a step less than a pool's futures."""

    def __init__(self, number: int) -> None:
        self._tasks: SimpleQueue[Any] = SimpleQueue()
        Thread(target=self._serve, name=f"diynn_{number}", daemon=True).start()

    def ask(self, function: Callable[..., Any], *arguments: Any) -> SimpleQueue[Any]:
        """Let the thread call a function; return the queue that its result or its exception will be in."""
        answer: SimpleQueue[Any] = SimpleQueue()
        self._tasks.put((function, arguments, answer))
        return answer

    def _serve(self) -> None:
        while True:
            function, arguments, answer = self._tasks.get()
            try:
                answer.put(function(*arguments))
            except BaseException as error:
                answer.put(error)
            del function, arguments, answer  # keep no net alive


_workers: dict[tuple[int, int], _Worker] = {}


def _worker(number: int) -> _Worker:
    """Return one of this process's workers: a forked process has none of its parent's."""
    key = (os.getpid(), number)
    if key not in _workers:
        _workers[key] = _Worker(number)
    return _workers[key]
