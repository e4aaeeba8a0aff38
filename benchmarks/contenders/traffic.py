"""The other floor: as many bytes copied as the arrays of a step take, written once and read once.

Those arrays are the activations, their deltas, and the parameters with their gradients. On a GPU, where
products are cheap, this is what large batches come down to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import workloads as w

from contenders import Step, events, floor, on_gpu

available = floor.available


def build(workload: w.Workload, batch: int, threads: int, backend: str) -> Step:
    """Return the copy."""
    return CopyStep(workload, batch, backend)


def values(workload: w.Workload, batch: int) -> int:
    """Return how many values the arrays of a step hold."""
    sizes = workload.sizes()
    activations = sum(sizes) + sum(sizes[1:])  # and their deltas, but for that of the data
    parameters = sum(weight.size + bias.size for weight, bias in workload.weights())
    return batch * activations + 2 * parameters


class CopyStep(Step):
    """One copy of an array of that size."""

    def __init__(self, workload: w.Workload, batch: int, backend: str) -> None:
        self.backend = "cupy" if on_gpu(backend) else "numpy"
        xp: Any = np
        if on_gpu(backend):
            import cupy as xp
        self.source = xp.ones(values(workload, batch), dtype=xp.float32)
        self.target, self.copyto = xp.ones_like(self.source), xp.copyto

    def step(self) -> None:
        """Copy."""
        self.copyto(self.target, self.source)

    def sync(self) -> None:
        """Wait for the device, if there is one."""
        events.wait(self.backend, None)

    def seconds(self, steps: int) -> float:
        """Take the time of the device, or of the host where there is none."""
        return events.seconds(self.backend, self.step, steps) or super().seconds(steps)
