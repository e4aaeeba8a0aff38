"""A batch split over threads and cache-sized blocks: the gradient is additive.

Each thread has a replica of the net, which shares the parameters and owns its gradients, and walks its
share of the examples in blocks whose activations stay in the cache. NumPy works outside Python's lock.
The replicas' gradients are added in one order, so that a number of threads gives one result to the bit.
What a replica does for a block is recorded, and played for every block and batch that has the same shape.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from itertools import pairwise
from math import ceil
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

import numpy as np

from diynn.arrays import Array
from diynn.execution.recording import Recording, UnrecordableError
from diynn.execution.serial import serial
from diynn.layers.sequential import Sequential, flat
from diynn.module import NAMES, forget_gradient, parameters, plus

_hands: dict[tuple[int, int], Hand] = {}


class Split:
    """The gradient of batches of one size, on ``count`` threads, ``block`` examples at a time.

    Net and loss must be ``per_example``. The result is that of :func:`diynn.execution.serial.serial` but
    for the order of additions.

    Parameters
    ----------
    net : Module
    loss : Loss
    batch, count, block : int
        Examples in all, threads, and examples that a thread takes at once.
    record : bool
        Whether to record from the second batch on: only where net and loss compute with nothing but NumPy.
    worker : callable
        Makes a `Worker`, with its arguments.
    """

    def __init__(
        self,
        net: Any,
        loss: Any,
        batch: int,
        *,
        count: int,
        block: int,
        record: bool = False,
        worker: Callable[..., Worker] | None = None,
    ) -> None:
        self.net, self.loss = net, loss
        self._modules = flat(net)
        self._values = [
            (module, name, getattr(module, name, None))  # also a bias of None: there may be one some day
            for module in self._modules
            if getattr(module, "_parameters", None) is not None
            for name, _ in NAMES
        ]
        self._gradients = [(handle.owner, handle.gradient_name) for handle in parameters(net)]
        make = worker or Worker
        self._workers = [make(net, loss, share, block, record) for share in _cut(0, batch, count)]
        self._sums: list[Array] = []

    def fits(self, net: Any, loss: Any) -> bool:
        """Say whether these are the net and the loss that it was made for, with the same parameters."""
        return (
            net is self.net
            and loss is self.loss
            and flat(net) == self._modules
            and all(getattr(owner, name, None) is value for owner, name, value in self._values)
        )

    def __call__(self, x: Array, y: Array) -> Array:
        """Add the gradient of a batch to the net's, and return the costs."""
        earlier = [getattr(owner, name) for owner, name in self._gradients]
        for number, sum_ in enumerate(self._sums):
            if earlier[number] is sum_:  # a replica's own, about to be written anew
                earlier[number] = sum_.copy()
        first, *others = self._workers
        answers: list[Any] = []
        shares: list[Any] = []
        try:
            for number, other in enumerate(others):
                answers.append(other.ask(number, x, y))
            costs = first(x, y)
        finally:  # nobody works on when we leave
            for answer in answers:
                try:
                    shares.append(answer.get())
                except BaseException as error:
                    shares.append(error)
        for share in shares:
            if isinstance(share, BaseException):
                raise share
            costs += share
        self._sums = first.gradients
        for other in others:
            for sum_, part in zip(self._sums, other.gradients, strict=True):
                np.add(sum_, part, out=sum_)
        for (owner, name), before, sum_ in zip(self._gradients, earlier, self._sums, strict=True):
            setattr(owner, name, sum_ if before is None else plus(before, sum_))
        return costs[0] if len(costs) == 1 else np.concatenate(costs)


class Worker:
    """One thread's share of a batch: a replica of the net, and how to go through the blocks.

    Attributes
    ----------
    gradients : list of arrays
        The gradients of the last share, one for each of the net's parameters.
    """

    def __init__(self, net: Any, loss: Any, share: slice, block: int, record: bool) -> None:
        self.net, self.loss, self.record = replica(net), loss, record
        self.share, self.block = share, block
        self.gradients: list[Array] = []
        self._blocks = _cut(share.start, share.stop, ceil((share.stop - share.start) / block))
        self._handles = parameters(self.net)
        self._sums: list[Array] = []
        self._begun = False
        self._recordings: dict[int, _Known] = {}

    def __call__(self, x: Array, y: Array) -> list[Array]:
        """Make the gradients anew; return the costs of each block."""
        costs = []
        for part in self._blocks:
            block_costs, gradients = self._block(x[part], y[part])
            costs.append(block_costs)
            if part is not self._blocks[0]:
                for sum_, gradient in zip(self._sums, gradients, strict=True):
                    sum_ += gradient
            elif len(self._blocks) > 1:
                self._sums = [gradient.copy() for gradient in gradients]
        self.gradients = gradients if len(self._blocks) == 1 else self._sums
        self._begun = True
        return costs

    def ask(self, number: int, x: Array, y: Array) -> Any:
        """Let a thread begin, the one of that number; return what has the costs, or an error, to ``get``."""
        return _hand(number).ask(self, x, y)

    def _block(self, x: Array, y: Array) -> tuple[Array, list[Array]]:
        """Return the costs and the gradients of a block."""
        known = self._recordings.get(x.shape[0])
        if known is not None:
            self.loss.check_targets(y, known.yhat)  # the shapes are as they were
            return known.recording.play(x, y).copy(), known.gradients
        self._forget()
        if self.record and self._begun:
            try:
                return self._recorded(x, y)
            except UnrecordableError:
                self.record = False
                self._forget()
        costs = serial(self.net, self.loss, x, y)
        return costs, [handle.gradient for handle in self._handles]

    def _recorded(self, x: Array, y: Array) -> tuple[Array, list[Array]]:
        shape = (x.shape[0], *self.net.output_shape(x.shape[1:]))
        yhat = np.broadcast_to(np.empty((), dtype=x.dtype), shape)  # as a check of shapes wants it
        self.loss.check_targets(y, yhat)  # which a recording cannot: it looks at no values
        values = [handle.value for handle in self._handles]
        recording = Recording(lambda x, y: serial(self.net, self.loss, x, y), x, y, given=values)
        gradients = [handle.gradient.view(np.ndarray) for handle in self._handles]
        self._recordings[x.shape[0]] = _Known(recording, gradients, yhat)
        return recording.result.copy(), gradients

    def _forget(self) -> None:
        for module in flat(self.net):
            forget_gradient(module)


class _Known(NamedTuple):
    """What is known of blocks of one size."""

    recording: Recording
    gradients: list[Array]
    yhat: Array


def _cut(start: int, stop: int, count: int) -> list[slice]:
    """Cut a range into at most ``count`` parts, at least one, that differ by one at most."""
    count = max(1, min(count, stop - start))
    bounds = [start + (stop - start) * number // count for number in range(count + 1)]
    return [slice(*pair) for pair in pairwise(bounds)]


def replica(net: Any) -> Any:
    """Return a net with the same parameters and gradients of its own, not yet begun."""
    made: dict[int, Any] = {}

    def twin(module: Any) -> Any:
        if id(module) not in made:  # a module that stands in the net twice has one replica
            made[id(module)] = replica = copy.copy(module)
            if isinstance(replica, Sequential):
                replica.modules = [twin(each) for each in replica.modules]
            else:
                forget_gradient(replica)
        return made[id(module)]

    return twin(net)


class Hand:
    """A thread that waits for work: two queues, which cost a tenth of a step less than a pool's futures."""

    def __init__(self, number: int) -> None:
        self._tasks: SimpleQueue[Any] = SimpleQueue()
        Thread(target=self._serve, name=f"diynn_{number}", daemon=True).start()

    def ask(self, function: Callable[..., Any], *arguments: Any) -> SimpleQueue[Any]:
        """Let the thread call a function; return where its result, or what it raised, is going to be."""
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
            del function, arguments, answer  # a net is not to live on for having been trained


def _hand(number: int) -> Hand:
    """Return one of this process's threads: a process that was forked has none of its parent's."""
    key = (os.getpid(), number)
    if key not in _hands:
        _hands[key] = Hand(number)
    return _hands[key]
