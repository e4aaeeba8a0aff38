"""Initial parameters, drawn on the host by NumPy's generators.

The default is He's law for weights, and zero for biases. Compared with Glorot's it is better or equal on
nearly all of the sheet's nets: two hidden layers of tanh learn a checkerboard to 92 %, where Glorot's law
ends at 60 %. PyTorch's law, U(±1/√fan_in) for weights and biases, is better than both for an autoencoder's
code of 2, and worse elsewhere. The table is in ``benchmarks/README.md``; ``benchmarks/starts.py`` makes it.

All of them have the signature ``(rng, shape, fan_in, fan_out)``; a layer takes any function of that
kind, or a name in `NAMES`, as ``init=`` for its weights and as ``bias_init=`` for its bias. Drawing on the
host makes one seed give the same parameters on every array library.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt
from sys import maxsize
from typing import TypeAlias

import numpy as np

from diynn.arguments import example_shape, flag
from diynn.calls import spelled
from diynn.shapes import positive, positive_number
from diynn.wording import shown

Seed: TypeAlias = "int | np.random.Generator | None"  # as text: numpy.random takes 15 ms to import
HostArray: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Initializer: TypeAlias = "Callable[[np.random.Generator, tuple[int, ...], int, int], HostArray]"


def as_generator(owner: str, rng: Seed) -> np.random.Generator:
    """Return a generator for a seed; None draws one from ``np.random``, which ``np.random.seed`` governs.

    Raises
    ------
    TypeError, ValueError
        If ``rng`` is neither a seed nor a generator; the message names ``owner``.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        seed = np.random.randint(0, 2**32, 4, dtype=np.uint32)  # noqa: NPY002  # seeded by np.random.seed
        return np.random.default_rng(seed)
    if isinstance(rng, bool | float | str) or np.ndim(rng):
        raise TypeError(
            f"{owner}: `rng` must be a seed (an integer) or a numpy.random.Generator, got {shown(rng)}"
        )
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ValueError(
            f"{owner}: `rng` must be a seed (an integer, 0 or more) or a numpy.random.Generator, "
            f"got {shown(rng)}"
        ) from None


def draw_parameters(
    owner: str,
    init: Initializer | str,
    bias_init: Initializer | str,
    rng: Seed,
    shape: tuple[int, ...],
    fan_in: int,
    fan_out: int,
    *,
    bias: bool,
) -> tuple[HostArray, HostArray | None]:
    """Draw weights, then a bias for their last axis, or None without a bias.

    Both use the fans of the weights, and are drawn from one generator, one after the other.

    Raises
    ------
    TypeError, ValueError
        If a law is neither a function nor a name in `NAMES`, or if it does not return finite real
        numbers of the given shape.
    MemoryError
        If they do not fit into memory.
    """
    rng = as_generator(owner, rng)
    weights = _draw(owner, "init", init, rng, shape, fan_in, fan_out)
    if not flag(owner, "bias", bias):
        return weights, None
    return weights, _draw(owner, "bias_init", bias_init, rng, shape[-1:], fan_in, fan_out)


def _draw(
    owner: str,
    argument: str,
    law: Initializer | str,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    fan_in: int,
    fan_out: int,
) -> HostArray:
    law = _find(owner, argument, law)
    try:
        if prod(shape) > maxsize // 8:
            raise MemoryError
        drawn = law(rng, shape, fan_in, fan_out)
        values = np.asarray(drawn)
    except TypeError as error:
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            raise  # by the law, or by what it called
        raise TypeError(
            f"{owner}: `{argument}` must be a function (rng, shape, fan_in, fan_out), got {shown(law)}: "
            f"{error}"
        ) from None
    except MemoryError:
        raise MemoryError(f"{owner}: `{argument}` has no memory for parameters of shape {shape}") from None
    if values.dtype.kind not in "fiu":
        raise TypeError(f"{owner}: `{argument}` must return real numbers, got {values.dtype}")
    if values.shape != shape:
        raise ValueError(f"{owner}: `{argument}` must return an array of shape {shape}, got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{owner}: `{argument}` must return finite numbers, got {values}")
    return values


def _find(owner: str, argument: str, law: Initializer | str) -> Initializer:
    if callable(law):
        return law
    if not isinstance(law, str):
        raise TypeError(
            f"{owner}: `{argument}` must be a name such as 'xavier' or a function "
            f"(rng, shape, fan_in, fan_out), got {shown(law)}"
        )
    if law not in NAMES:
        raise ValueError(f"{owner}: `{argument}` must be one of {', '.join(NAMES)}, got {law!r}")
    return NAMES[law]


def _asked(
    owner: str, rng: Seed, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> tuple[np.random.Generator, tuple[int, ...]]:
    """Return the arguments of a law, checked: its generator and shape; raise TypeError or ValueError."""
    positive(owner, "fan_in", fan_in), positive(owner, "fan_out", fan_out)
    return as_generator(owner, rng), example_shape(owner, "shape", shape)


@spelled()
def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from U(-a, a), a = √(6 / (fan_in + fan_out)).

    Keeps the variance of outputs and deltas alike through tanh-like layers (Glorot and Bengio, 2010).
    """
    rng, shape = _asked("glorot_uniform", rng, shape, fan_in, fan_out)
    bound = sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, shape)


@spelled()
def glorot_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from N(0, σ²), σ = √(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    rng, shape = _asked("glorot_normal", rng, shape, fan_in, fan_out)
    return rng.normal(0.0, sqrt(2 / (fan_in + fan_out)), shape)


@spelled()
def he_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from U(-a, a), a = √(6 / fan_in), which suits ReLU (He et al., 2015)."""
    rng, shape = _asked("he_uniform", rng, shape, fan_in, fan_out)
    bound = sqrt(6 / fan_in)
    return rng.uniform(-bound, bound, shape)


@spelled()
def he_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from N(0, σ²), σ = √(2 / fan_in), which suits ReLU (He et al., 2015)."""
    rng, shape = _asked("he_normal", rng, shape, fan_in, fan_out)
    return rng.normal(0.0, sqrt(2 / fan_in), shape)


@spelled()
def fan_in_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Draw from U(-a, a), a = 1 / √fan_in: PyTorch's law for weights and for biases."""
    rng, shape = _asked("fan_in_uniform", rng, shape, fan_in, fan_out)
    bound = 1 / sqrt(fan_in)
    return rng.uniform(-bound, bound, shape)


@spelled()
def zeros(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
    """Return zeros, and draw nothing: for a bias, or to see why weights have to be random."""
    rng, shape = _asked("zeros", rng, shape, fan_in, fan_out)
    return np.zeros(shape)


@spelled()
def uniform(bound: float) -> Initializer:
    """Return an initialiser that draws from U(-bound, bound)."""
    bound = positive_number("uniform", "bound", bound)

    @spelled("uniform")
    def draw(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
        rng, shape = _asked("uniform", rng, shape, fan_in, fan_out)
        return rng.uniform(-bound, bound, shape)

    return draw


@spelled()
def normal(deviation: float) -> Initializer:
    """Return an initialiser that draws from N(0, deviation²)."""
    deviation = positive_number("normal", "deviation", deviation)

    @spelled("normal")
    def draw(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> HostArray:
        rng, shape = _asked("normal", rng, shape, fan_in, fan_out)
        return rng.normal(0.0, deviation, shape)

    return draw


#: The course sheet's initial law: U(-1, 1).
sheet_uniform: Initializer = uniform(1.0)
#: The same for convolutions, scaled by 0.1 so that the outputs do not overflow an exponential.
sheet_uniform_conv: Initializer = uniform(0.1)

#: Name → law, as ``init=`` and ``bias_init=`` take it. ``"uniform"`` and ``"normal"`` are unscaled, as course
#: code writes them: U(-1, 1) and N(0, 1), whatever the size of the layer.
NAMES: dict[str, Initializer] = {
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "xavier": glorot_uniform,
    "glorot": glorot_uniform,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "he": he_uniform,
    "fan_in_uniform": fan_in_uniform,
    "uniform": sheet_uniform,
    "normal": normal(1.0),
    "zeros": zeros,
}
