"""A batch split over threads and cache-sized blocks: the gradient is additive.

Each thread has a replica of the net, which shares the parameters and owns its gradients, and walks its
share of the examples in blocks whose activations stay in the cache. NumPy works outside Python's lock.
The replicas' gradients are added in one order, so that a number of threads gives one result to the bit.
"""

from __future__ import annotations

import copy
import os
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

from diynn.arrays import Array, namespace
from diynn.execution.blas import single_threaded
from diynn.execution.serial import serial
from diynn.layers import Sequential
from diynn.module import forget_gradient, parameters, plus

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def threads(net: Any, loss: Any, x: Array, y: Array, *, count: int, block: int) -> Array:
    """Add the gradient of a batch to the net's, on ``count`` threads, ``block`` examples at a time.

    Net and loss must be ``per_example``. The result is that of :func:`diynn.execution.serial.serial` but
    for the order of additions.
    """
    shares = _cut(0, x.shape[0], count)
    replicas = [_replica(net) for _ in shares]

    def work(number: int) -> list[Array]:
        share = shares[number]
        blocks = _cut(share.start, share.stop, ceil((share.stop - share.start) / block))
        return [serial(replicas[number], loss, x[part], y[part]) for part in blocks]

    with single_threaded():
        others = [_pool(count).submit(work, number) for number in range(1, len(shares))]
        try:
            costs = work(0)
        finally:
            waiting = [future.exception() for future in others]  # nobody works on when we leave
        for future, error in zip(others, waiting, strict=True):
            if error is not None:
                raise error
            costs += future.result()
        for own, *parts in zip(parameters(net), *map(parameters, replicas), strict=True):
            for part in parts:
                own.gradient = plus(own.gradient, part.gradient)
    return costs[0] if len(costs) == 1 else namespace(x).concat(costs)


def _cut(start: int, stop: int, count: int) -> list[slice]:
    """Cut a range into at most ``count`` parts, at least one, that differ by one at most."""
    count = max(1, min(count, stop - start))
    bounds = [start + (stop - start) * number // count for number in range(count + 1)]
    return [slice(*pair) for pair in pairwise(bounds)]


def _replica(net: Any) -> Any:
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


def _pool(count: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    key = (os.getpid(), count)  # a process that was forked has none of its parent's threads
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(count - 1, thread_name_prefix="diynn")
    return _pools[key]
