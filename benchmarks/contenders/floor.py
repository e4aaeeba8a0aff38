"""The floor: the matrix products of a step and nothing else, into arrays that are there already.

No biases, no activations, no loss, no update. A step in which all else costs nothing is as fast.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import ceil
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
import workloads as w

from contenders import Step, events, on_gpu

_BLOCKS = (8, 32, 128, 256)  # examples that may be taken together, to stay in the cache
_TRIES = 5  # of a way, to know its time

Call: TypeAlias = tuple[Any, Any, Any, Any]


def available(workload: w.Workload, backend: str) -> str | None:
    """Return why it cannot take part, or None."""
    if on_gpu(backend):
        try:
            _library(backend).zeros(1)
        except Exception as error:  # no CuPy, no device, no driver
            return str(error)
    return None


def build(workload: w.Workload, batch: int, threads: int, backend: str) -> Step:
    """Return the products, in the fastest way: the batch whole or in blocks, on one thread or on all.

    The threads are Python's, as diynn's are, and BLAS has one in each.
    """
    if on_gpu(backend):
        return ProductStep(workload, batch, batch, 1, backend)
    blocks = [batch, *(block for block in _BLOCKS if block < batch)]
    ways = [ProductStep(workload, batch, block, count, "numpy") for count in {1, threads} for block in blocks]
    return min(ways, key=lambda way: min(way.seconds(1) for _ in range(_TRIES)))


def _library(backend: str) -> Any:
    if not on_gpu(backend):
        return np
    import cupy

    return cupy


class ProductStep(Step):
    """The products, on ``count`` threads, ``block`` examples at a time."""

    def __init__(self, workload: w.Workload, batch: int, block: int, count: int, backend: str) -> None:
        self.backend = "cupy" if on_gpu(backend) else "numpy"
        share = ceil(batch / count)
        blocks, rest = divmod(share, min(block, share))
        self.shares = []
        for _ in range(count):
            calls = blocks * _calls(workload.products(), min(block, share), _library(backend))
            self.shares.append(calls + (_calls(workload.products(), rest, _library(backend)) if rest else []))
        self.pool = ThreadPoolExecutor(count - 1) if count > 1 else None

    def step(self) -> None:
        """Let each thread make its share."""
        others = [self.pool.submit(_make, calls) for calls in self.shares[1:]] if self.pool else []
        _make(self.shares[0])
        for future in others:
            future.result()

    def sync(self) -> None:
        """Wait for the device, if there is one."""
        events.wait(self.backend, None)

    def seconds(self, steps: int) -> float:
        """Take the time of the device, or of the host where there is none."""
        return events.seconds(self.backend, self.step, steps) or super().seconds(steps)


def _make(calls: list[Call]) -> None:
    for function, a, b, out in calls:
        function(a, b, out=out)


def _calls(products: list[w.Product], examples: int, xp: Any) -> list[Call]:
    """Return the products of one block as (function, a, b, where their product goes).

    A layer's output is the next one's input, and the delta of that input is this one's, where the shapes
    allow it: in the cache.
    """
    rng = np.random.default_rng(0)

    def array(*shape: int) -> Any:
        return xp.asarray(rng.random(shape, dtype=np.float32) - 0.5)

    weights = [array(k, n) for _, k, n in products]
    gradients = [array(k, n) for _, k, n in products]
    outputs = [array(examples * rows, n) for rows, _, n in products]
    deltas = [array(examples * rows, n) for rows, _, n in products]
    inputs, input_deltas = [array(examples * products[0].rows, products[0].k)], [None]
    for (rows, k, _), output, delta in zip(products[1:], outputs, deltas, strict=False):
        follows = output.shape == (examples * rows, k)
        inputs.append(output if follows else array(examples * rows, k))
        input_deltas.append(delta if follows else array(examples * rows, k))

    layers = range(len(products))
    calls = [_fastest(xp, inputs[layer], weights[layer], outputs[layer]) for layer in layers]
    for layer in reversed(layers):
        calls.append(_fastest(xp, inputs[layer].T, deltas[layer], gradients[layer]))
        if layer > 0:  # nobody asks for the delta of the data
            calls.append(_fastest(xp, deltas[layer], weights[layer].T, input_deltas[layer]))
    return calls


def _fastest(xp: Any, a: Any, b: Any, out: Any) -> Call:
    """Return the fastest form of one product: BLAS is slow at some that are long and thin."""
    forms = [(xp.matmul, a, b, out)]
    if xp is np:
        forms.append((xp.matmul, b.T, a.T, np.empty(out.T.shape, dtype=out.dtype)))
        if b.shape[0] == 1:
            forms.append((xp.multiply, a, b, out))
    return min(forms, key=_seconds)


def _seconds(form: Call) -> float:
    found = []
    for _ in range(_TRIES):
        start = perf_counter()
        _make([form])
        found.append(perf_counter() - start)
    return min(found)
