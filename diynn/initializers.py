"""Initial parameters: a host generator goes in, a host array comes out.

All of them have the signature ``(rng, shape, fan_in, fan_out)``; a layer takes any function of that
kind as ``init=``. Drawing on the host makes one seed give the same weights on every array library.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt
from sys import maxsize
from typing import TypeAlias

import numpy as np

from diynn.shapes import example_shape, positive, positive_number
from diynn.wording import shown

Seed: TypeAlias = "int | np.random.Generator | None"  # as text: numpy.random takes 15 ms to import
HostArray: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Initializer: TypeAlias = "Callable[[np.random.Generator, tuple[int, ...], int, int], HostArray]"


def as_generator(owner: str, rng: Seed) -> np.random.Generator:
    """Return a generator for a seed; None draws one from ``np.random``, which ``np.random.seed`` governs.

    Raises
    ------
    TypeError, ValueError
        If ``rng`` is neither a seed nor a generator; ``owner`` is whose argument it is.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        seed = np.random.randint(0, 2**32, 4, dtype=np.uint32)  # noqa: NPY002  # what np.random.seed governs
        return np.random.default_rng(seed)
    if isinstance(rng, bool | float | str) or np.ndim(rng):
        raise TypeError(
            f"{owner}: `rng` must be a seed (an integer) or a numpy.random.Generator, got {shown(rng)}"
        )
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ValueError(
            f"{owner}: `rng` must be a seed (an integer, 0 or more) or a numpy.random.Generator, got "
            f"{shown(rng)}"
        ) from None


def draw_parameters(
    owner: str, init: Initializer, rng: Seed, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> HostArray:
    """Draw initial parameters, and raise unless they are finite real numbers of that shape.

    Raises
    ------
    TypeError, ValueError
        If ``init`` returns anything else.
    """
    if not callable(init):
        raise TypeError(
            f"{owner}: `init` must be a function (rng, shape, fan_in, fan_out) → array, such as "
            f"diynn.initializers.he_uniform, got {shown(init)}"
        )
    generator = as_generator(owner, rng)
    try:
        if prod(shape) > maxsize // 8:
            raise MemoryError
        values = np.asarray(init(generator, shape, fan_in, fan_out))
    except MemoryError:
        raise MemoryError(f"{owner}: `init` has no memory for parameters of shape {shape}") from None
    if values.dtype.kind not in "fiu":
        raise TypeError(f"{owner}: `init` must return real numbers, got {values.dtype}")
    if values.shape != shape:
        raise ValueError(f"{owner}: `init` must return an array of shape {shape}, got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{owner}: `init` must return finite numbers, got {values}")
    return values


def _asked(
    owner: str, rng: Seed, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> tuple[np.random.Generator, tuple[int, ...]]:
    """Return the generator and the shape that a law is asked for; raise TypeError or ValueError otherwise."""
    positive(owner, "fan_in", fan_in), positive(owner, "fan_out", fan_out)
    return as_generator(owner, rng), example_shape(owner, "shape", shape)


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from U(-a, a), a = √(6 / (fan_in + fan_out)).

    Keeps the variance of outputs and deltas alike through tanh-like layers (Glorot and Bengio, 2010).
    """
    rng, shape = _asked("glorot_uniform", rng, shape, fan_in, fan_out)
    bound = sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, shape)


def glorot_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from N(0, σ²), σ = √(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    rng, shape = _asked("glorot_normal", rng, shape, fan_in, fan_out)
    return rng.normal(0.0, sqrt(2 / (fan_in + fan_out)), shape)


def he_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from U(-a, a), a = √(6 / fan_in), which suits ReLU (He et al., 2015)."""
    rng, shape = _asked("he_uniform", rng, shape, fan_in, fan_out)
    bound = sqrt(6 / fan_in)
    return rng.uniform(-bound, bound, shape)


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from N(0, σ²), σ = √(2 / fan_in), which suits ReLU (He et al., 2015)."""
    rng, shape = _asked("he_normal", rng, shape, fan_in, fan_out)
    return rng.normal(0.0, sqrt(2 / fan_in), shape)


def uniform(bound: float) -> Initializer:
    """Return an initialiser that draws from U(-bound, bound)."""
    bound = positive_number("uniform", "bound", bound)

    def draw(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
        return rng.uniform(-bound, bound, shape)

    return draw


#: What the course sheet starts from: U(-1, 1).
sheet_uniform: Initializer = uniform(1.0)
#: The same for convolutions, scaled by 0.1 so that the outputs do not overflow an exponential.
sheet_uniform_conv: Initializer = uniform(0.1)
