"""Initial parameters: a host generator goes in, a host array comes out.

All of them have the signature ``(rng, shape, fan_in, fan_out)``; a layer takes any function of that
kind as ``init=``. Drawing on the host makes one seed give the same weights on every array library.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import TypeAlias

import numpy as np

HostArray: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Initializer: TypeAlias = "Callable[[np.random.Generator, tuple[int, ...], int, int], HostArray]"


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from U(-a, a), a = √(6 / (fan_in + fan_out)).

    Keeps the variance of outputs and deltas alike through tanh-like layers (Glorot and Bengio, 2010).
    """
    bound = sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, shape)


def glorot_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from N(0, σ²), σ = √(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    return rng.normal(0.0, sqrt(2 / (fan_in + fan_out)), shape)


def he_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from U(-a, a), a = √(6 / fan_in), which suits ReLU (He et al., 2015)."""
    bound = sqrt(6 / fan_in)
    return rng.uniform(-bound, bound, shape)


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from N(0, σ²), σ = √(2 / fan_in), which suits ReLU (He et al., 2015)."""
    return rng.normal(0.0, sqrt(2 / fan_in), shape)


def uniform(bound: float) -> Initializer:
    """Return an initialiser that draws from U(-bound, bound)."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
        return rng.uniform(-bound, bound, shape)

    return draw


#: What the course sheet starts from: U(-1, 1).
sheet_uniform: Initializer = uniform(1.0)
#: The same for convolutions, scaled by 0.1 so that the outputs do not overflow an exponential.
sheet_uniform_conv: Initializer = uniform(0.1)
