"""The kinds of module and loss of the course sheet: constructor arguments, inputs, parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from diynn.arrays import Array
from diynn.checking.diagnosis import images

Draw: TypeAlias = "Callable[[np.random.Generator, tuple[int, ...]], Array]"
#: Takes arguments, data and parameters; returns the right outputs, one for each layout in use.
Formula: TypeAlias = "Callable[[Mapping[str, int], Array, Mapping[Any, Array]], list[Array]]"


@dataclass(frozen=True)
class Setup:
    """One way to build a module, and the shape of a batch for it."""

    arguments: Mapping[str, int]
    shape: tuple[int, ...]

    def text(self, name: str) -> str:
        """Write the call that builds it."""
        return f"{name}({', '.join(f'{key}={value}' for key, value in self.arguments.items())})"


@dataclass(frozen=True)
class Kind:
    """A kind of module or loss of the course sheet or its older printings.

    Parameters
    ----------
    name : str
        The name of diynn's class.
    family : str
        ``"module"``, ``"loss"`` or ``"container"``.
    setups : tuple of Setup
        Small ones first, since the first failure is reported.
    draw : callable
        Draws a batch away from kinks and ties.
    parameters : tuple of str
        The parameters it has: ``"W"``, ``"b"``.
    extremes : tuple of float
        Values at which the output must still be finite.
    formula : callable, optional
        The right outputs, for a kind of which diynn has no module.
    """

    name: str
    family: str
    setups: tuple[Setup, ...]
    draw: Draw = field(default=lambda rng, shape: rng.normal(size=shape))
    parameters: tuple[str, ...] = ()
    extremes: tuple[float, ...] = (1000.0, -1000.0)
    formula: Formula | None = None

    @property
    def loss(self) -> bool:
        """Whether it is a loss."""
        return self.family == "loss"

    @property
    def roles(self) -> tuple[str, ...]:
        """The arguments of its constructor, in the sheet's order."""
        return tuple(self.setups[0].arguments)


def away_from_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw numbers of either sign, at least 0.3 away from 0."""
    return rng.uniform(0.3, 2.0, shape) * rng.choice([-1.0, 1.0], shape)


def distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw numbers that differ pairwise by a minimum, so that a maximum is unique."""
    count = int(np.prod(shape))
    spread = 4.0 * (rng.permutation(count) - count / 2) / max(count, 10)
    return (spread + rng.uniform(-0.5, 0.5, count) / max(count, 10)).reshape(shape)


def _conv(k_size: int, chan_in: int, chan_out: int, stride: int, length: int, batch: int) -> Setup:
    arguments = {"k_size": k_size, "chan_in": chan_in, "chan_out": chan_out, "stride": stride}
    return Setup(arguments, (batch, length, chan_in))


def _pool(k_size: int, stride: int, length: int, chan: int, batch: int) -> Setup:
    return Setup({"k_size": k_size, "stride": stride}, (batch, length, chan))


def _linear(inputs: int, outputs: int, batch: int) -> Setup:
    return Setup({"in_features": inputs, "out_features": outputs}, (batch, inputs))


def _plain(*shapes: tuple[int, ...]) -> tuple[Setup, ...]:
    return tuple(Setup({}, shape) for shape in shapes)


# A transposition raises an error if sizes differ and gives wrong values if they are equal: both are tried. A
# batch of one hides a division by the batch size, and shows a missing axis.
_POOLS = (
    _pool(2, 2, 6, 2, 2), _pool(2, 2, 4, 1, 1), _pool(2, 2, 7, 3, 2), _pool(3, 1, 6, 2, 3),
    _pool(3, 2, 8, 1, 2), _pool(2, 3, 8, 2, 2),
)  # fmt: skip
_ELEMENTWISE = _plain((2, 3), (1, 2), (4, 4), (5, 1), (2, 4, 3))
_SCORES = _plain((2, 3), (1, 4), (3, 3), (5, 2), (4, 6))
_TARGETS = _plain((2, 3), (1, 2), (3, 3), (5, 1), (4, 6))

_WINDOWS: list[dict[str, int]] = [
    {"k_size": 2, "stride": 2}, {"k_size": 2, "stride": 1}, {"k_size": 3, "stride": 1}
]  # fmt: skip
_CONVS = [
    {"k_size": each["k_size"], "chan_in": 4, "chan_out": 3, "stride": each["stride"]} for each in _WINDOWS
]


def _images(choices: list[dict[str, int]]) -> tuple[Setup, ...]:
    # Height, width and channels are equal, so that the same data fit channels-first and channels-last.
    return tuple(Setup(each, (batch, 4, 4, 4)) for each in choices for batch in (2, 1))


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "Linear",
            "module",
            (_linear(3, 2, 2), _linear(2, 4, 1), _linear(3, 3, 4), _linear(4, 1, 3), _linear(3, 5, 5)),
            parameters=("W", "b"),
        ),
        Kind(
            "Conv1D",
            "module",
            (
                _conv(3, 2, 4, 1, 6, 2), _conv(2, 1, 1, 1, 4, 1), _conv(2, 2, 2, 1, 5, 3),
                _conv(2, 1, 3, 2, 6, 2), _conv(3, 2, 2, 2, 8, 2), _conv(2, 3, 2, 3, 9, 1),
            ),
            parameters=("W", "b"),
        ),
        Kind("MaxPool1D", "module", _POOLS, draw=distinct),
        Kind("AvgPool1D", "module", _POOLS),
        Kind("Flatten", "module", _plain((2, 3, 2), (1, 4, 1), (3, 2, 4))),
        Kind("Tanh", "module", _ELEMENTWISE),
        Kind("Sigmoid", "module", _ELEMENTWISE),
        Kind("ReLU", "module", _ELEMENTWISE, draw=away_from_zero),
        Kind("Softmax", "module", _SCORES),
        Kind("LogSoftmax", "module", _SCORES),
        Kind("MSELoss", "loss", _TARGETS),
        Kind("CrossEntropyLoss", "loss", _SCORES),
        Kind("BCELoss", "loss", _TARGETS, extremes=(0.0, 1.0)),
        Kind("BCEWithLogitsLoss", "loss", _TARGETS),
        Kind("Conv2D", "module", _images(_CONVS), parameters=("W", "b"), formula=images.convolved),
        Kind("MaxPool2D", "module", _images(_WINDOWS), draw=distinct, formula=images.maximum),
        Kind("AvgPool2D", "module", _images(_WINDOWS), formula=images.mean),
        Kind("Flatten2D", "module", _images([{}]), formula=images.flat),
        Kind("UpSampling2D", "module", _images([{"k_size": 2}, {"k_size": 3}]), formula=images.repeated),
        Kind("Sequential", "container", _plain((3, 4))),
        Kind("Optim", "container", _plain((3, 4))),
    )
}  # fmt: skip

#: A module or loss of no known kind: its gradients are compared with its own forward.
UNKNOWN = Kind("", "module", _plain((2, 3), (1, 4), (3, 3), (2, 6, 2)), draw=distinct)
UNKNOWN_LOSS = Kind("", "loss", _plain((2, 3), (1, 2), (3, 3), (5, 1)))


def reference(kind: Kind, setup: Setup, weights: Array | None, bias: Array | None) -> Any:
    """Return diynn's module of this kind, with these parameters."""
    import diynn.layers

    module = getattr(diynn.layers, kind.name)(
        *setup.arguments.values(), **({"backend": "numpy"} if kind.parameters else {})
    )
    if kind.parameters and weights is not None:
        module._parameters = weights
        module._bias = bias
        module.zero_grad()
    return module


@cache
def shape_after(name: str, shape: tuple[int, ...], arguments: tuple[tuple[str, int], ...]) -> tuple[int, ...]:
    """Return the shape of the output for a batch of ``shape``."""
    module = reference(KINDS[name], Setup(dict(arguments), shape), None, None)
    return (shape[0], *module.output_shape(shape[1:]))
