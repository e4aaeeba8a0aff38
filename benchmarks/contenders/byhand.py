"""The autoencoder's step written out in plain NumPy, with diynn's operations and nothing between them.

What diynn takes longer is the price of modules, checks and a choice of execution.
"""

from __future__ import annotations

import numpy as np
import workloads as w

from contenders import Step, on_gpu


def available(workload: w.Workload, backend: str) -> str | None:
    """Return why it cannot take part, or None."""
    if on_gpu(backend):
        return "written for NumPy"
    return None if workload.name == "a" else "written for workload a alone"


def build(workload: w.Workload, batch: int, threads: int, backend: str) -> Step:
    """Return the step."""
    return HandStep(workload, batch)


class HandStep(Step):
    """Four linear layers, three tanh, one loss: every line an operation."""

    def __init__(self, workload: w.Workload, batch: int) -> None:
        self.x, self.y = workload.data(batch)
        self.parameters = [array for pair in workload.weights() for array in pair]
        self.eps = workload.eps(batch)

    def step(self) -> None:
        """Forward, loss, backward, update."""
        x, y, eps = self.x, self.y, self.eps
        w1, b1, w2, b2, w3, b3, w4, b4 = self.parameters
        z1 = x @ w1
        z1 += b1
        h1 = np.tanh(z1)
        z2 = h1 @ w2
        z2 += b2
        h2 = np.tanh(z2)
        z3 = h2 @ w3
        z3 += b3
        h3 = np.tanh(z3)
        z4 = h3 @ w4
        z4 += b4

        small = np.abs(z4)  # e^-|z|
        np.negative(small, out=small)
        np.exp(small, out=small)
        d4 = np.maximum(small, z4 >= 0)  # the sigmoid's numerator
        d4 /= 1 + small
        d4 -= y
        costs = np.log1p(small, out=small)
        costs += np.maximum(z4, 0)
        costs -= y * z4
        self.costs = costs.sum(axis=1)

        ones = np.ones(len(x), dtype=x.dtype)
        gw4, gb4 = h3.T @ d4, ones @ d4
        d3 = _through_tanh(d4 @ w4.T, h3)
        gw3, gb3 = h2.T @ d3, ones @ d3
        d2 = _through_tanh(d3 @ w3.T, h2)
        gw2, gb2 = h1.T @ d2, ones @ d2
        d1 = _through_tanh(d2 @ w2.T, h1)
        gw1, gb1 = x.T @ d1, ones @ d1

        for value, gradient in zip(self.parameters, (gw1, gb1, gw2, gb2, gw3, gb3, gw4, gb4), strict=True):
            value -= eps * gradient

    def cost(self) -> float:
        """Return the summed cost."""
        return float(self.costs.sum(dtype=np.float64))


def _through_tanh(delta: np.ndarray, y: np.ndarray) -> np.ndarray:
    slope = y * y
    np.subtract(1, slope, out=slope)
    return np.multiply(delta, slope, out=slope)
