"""Which way to take for a batch, by its size and the net's."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import ceil, prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from diynn.arrays import Array
from diynn.execution.blas import single_threaded
from diynn.execution.graph import Graphs
from diynn.execution.memory import keep_freed_memory
from diynn.execution.serial import serial
from diynn.execution.threads import Split, Worker
from diynn.layers.sequential import flat
from diynn.module import ours
from diynn.shapes import positive

#: (net, loss, x, y) → costs: adds the gradient of a batch to the net's.
Execution: TypeAlias = Callable[[Any, Any, Array, Array], Array]

# Found with benchmarks/scaling.py on two cores; a factor of two either way changes little.
_WORTH_A_THREAD = 2e7  # operations, about a quarter of a millisecond
_CACHE = 2**22  # bytes that the activations and deltas of a block may take, and what the loss makes
_LOSS = 5  # values that a loss makes of one of the net's output
_PASSES = 3  # values of activations in a block, at least, for each weight: all weights are read for a block
_BEYOND_CACHE = 16  # times as much, at most, where there are many weights
_LEAST_ROWS = 8  # in a block: below it Python's own time shows
_REMEMBERED = 8  # shapes of batches, with the memory of their steps
_ELEMENTWISE = 10  # operations that one value of an activation stands for, forward and back


class Plan(NamedTuple):
    """Over how many a batch is shared out, and how many examples each takes at once."""

    shares: int
    block: int


class Threads:
    """Blocks on threads, wherever the net and the loss allow it.

    Parameters
    ----------
    count : int, optional
        How many threads; None for as many as there are cores, or fewer where the batch is too small to
        be worth a thread.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = None if count is None else positive("Threads", "count", count)
        self._splits: dict[tuple[Any, ...], Split | None] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"count": self.count, "_splits": {}}  # a copy begins anew: a recording is bound to its memory

    def __repr__(self) -> str:
        return f"Threads({'' if self.count is None else self.count})"

    def __call__(self, net: Any, loss: Any, x: Array, y: Array) -> Array:
        """Add the gradient of a batch to the net's, and return the costs (batch,)."""
        if type(x) is not np.ndarray or type(y) is not np.ndarray:
            return serial(net, loss, x, y)
        key = (x.shape, x.dtype, y.shape, y.dtype)
        split = self._splits.get(key)
        if split is None or not split.fits(net, loss):
            split = self._splits[key] = self._split(net, loss, x, y)
            if len(self._splits) > _REMEMBERED:
                del self._splits[next(iter(self._splits))]
        with single_threaded():
            return serial(net, loss, x, y) if split is None else split(x, y)

    def _split(self, net: Any, loss: Any, x: Array, y: Array) -> Split | None:
        """Return how to take batches of this shape; None for in one piece, where they may not be split."""
        keep_freed_memory()
        if x.shape[:1] != y.shape[:1]:  # the loss knows what to say of it
            return None
        if not (getattr(net, "per_example", False) and getattr(loss, "per_example", False)):
            return None
        plan = self.plan(net, x)
        record = all(map(ours, (net, loss, *flat(net))))  # they compute with nothing but NumPy
        return Split(
            *(net, loss, x.shape[0]), count=plan.shares, block=plan.block, record=record, worker=self.worker
        )

    def worker(self, *arguments: Any) -> Worker:
        """Make what takes a share."""
        return Worker(*arguments)

    def plan(self, net: Any, x: Array) -> Plan:
        """Return how to take batches such as ``x``."""
        example = effort(net, x.shape[1:])
        count = self.count
        if count is None:
            count = max(1, min(cores(), int(self.worth(example, x.shape[0]))))
        values = 2 * example.values + _LOSS * example.output
        in_cache = max(_LEAST_ROWS, _CACHE // (values * x.itemsize))
        for_weights = _PASSES * example.weights // example.values
        block = max(in_cache, min(for_weights, _BEYOND_CACHE * in_cache))
        share = max(
            1, ceil(x.shape[0] / count)
        )  # in one piece rather than two: the first block shares no memory
        return Plan(count, share if share <= 2 * block else block)

    def worth(self, example: Effort, batch: int) -> float:
        """Return how many threads a batch is worth."""
        return batch * example.operations / _WORTH_A_THREAD


def cores() -> int:
    """Return the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class Effort(NamedTuple):
    """What one example takes: operations of a step, values of all activations and of the output, weights."""

    operations: float
    values: int
    output: int
    weights: int


def effort(net: Any, shape: tuple[int, ...]) -> Effort:
    """Return what one example of ``shape`` takes.

    A module with weights (..., out) multiplies all of them for each vector of its output, in the forward
    pass and twice in the backward pass.
    """
    operations, values, weights = 0.0, prod(shape), 0
    for module in flat(net):
        shape = module.output_shape(shape)
        size = prod(shape)
        values += size
        operations += _ELEMENTWISE * size
        if module._parameters is not None:
            weights += prod(module._parameters.shape)
            operations += 6 * prod(module._parameters.shape) * size / shape[-1]
    return Effort(operations, values, prod(shape), weights)


def _processes() -> Execution:
    from diynn.execution.processes import Processes  # what it imports takes half as long as all of diynn

    return Processes()


#: Ways of execution by name, as ``Optim(..., execution=...)`` takes them.
EXECUTIONS: dict[str, Callable[[], Execution]] = {
    "auto": Threads,
    "graph": Graphs,
    "processes": _processes,
    "serial": lambda: serial,
    "threads": lambda: Threads(cores()),
}


def find_execution(name: str | Execution) -> Execution:
    """Return a way of execution by its name; any other callable is taken as it is.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if not isinstance(name, str):
        return name
    if name not in EXECUTIONS:
        raise ValueError(f"Optim: `execution` must be one of {', '.join(EXECUTIONS)}, got {name!r}")
    return EXECUTIONS[name]()
