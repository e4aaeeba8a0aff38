"""What is in a case.

A layer is built of sizes drawn by ``pick(low, high)``, with the keywords of any layer (``backend``,
``dtype``, ``rng``). Numbers in a value are worked out by hand, those of ``torch`` are PyTorch's own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Any

import numpy as np

from diynn import Loss, Sequential
from diynn.shapes import AXES


def least(low, high):
    """Pick the smallest size."""
    return low


def most(low, high):
    """Pick the largest size."""
    return high


def draws(number, pick):
    """Draw some sizes from 1 to 4."""
    return [pick(1, 4) for _ in range(number)]


def free_sizes(pick, module):
    """Draw the shape of one example: what the (first) layer leaves open."""
    first = module.leaves()[0][1] if isinstance(module, Sequential) else module
    wanted = (None,) * pick(1, 2) if first.input_shape is None else first.input_shape
    if wanted[0] is AXES:
        return (*draws(pick(0, 2), pick), wanted[1])
    if len(wanted) == 1:
        return tuple(pick(1, 5) if size is None else size for size in wanted)
    length, chan = wanted
    smallest = 1 if getattr(first, "padding", 0) else getattr(first, "k_size", 1)
    return pick(smallest, 11) if length is None else length, chan or pick(1, 4)


def sequence(*channels):
    """Write one sequence of several channels as a batch (1, length, channels)."""
    return np.stack(channels, axis=-1)[None].astype(float)


# ------------------------------------------------------------------ layers


@dataclass(frozen=True, kw_only=True)
class LayerValue:
    """What a layer makes of ``data`` and ``delta``: all numbers worked out by hand."""

    data: Any
    output: Any
    delta: Any
    back: Any
    parameters: Sequence[Any] = ()
    gradients: Sequence[Any] = ()
    layer: Callable[..., Any] | None = None  # layer(**new); None for that of the case, of its least sizes


@dataclass(frozen=True)
class LayerCase:
    """All that the tests know of a layer."""

    name: str
    build: Callable[..., Any]  # build(pick, **new)
    _: KW_ONLY
    #: None by hand for a net that stands beside others of its class.
    value: LayerValue | Sequence[LayerValue] = ()
    #: torch(layer, data, *parameters): its outputs, of tensors. A net has those of its layers.
    torch: Callable[..., Any] | None = None
    #: kinks(layer, data): how far data lie from where there is no derivative; None if it has no kinks.
    kinks: Callable[[Any, np.ndarray], np.ndarray] | None = None
    shape: Callable[..., tuple[int, ...]] = free_sizes  # shape(pick, layer): of one example
    after_forward: bool = False  # whether backward is refused before a forward of the same data
    #: What is wrong with an argument of a name that tests/test_wrong_inputs.py does not know.
    wrong: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __str__(self):
        return self.name

    @property
    def kind(self):
        """The class of the layer."""
        return type(self.build(least))

    @property
    def values(self):
        """The values by hand, each with what builds its layer."""
        values = [self.value] if isinstance(self.value, LayerValue) else self.value
        return [(value.layer or partial(self.build, least), value) for value in values]


# ------------------------------------------------------------------ losses


@dataclass(frozen=True, kw_only=True)
class LossValue:
    """The costs of ``yhat`` where ``y`` was right, and their gradient: all numbers worked out by hand."""

    y: list
    yhat: list
    costs: list
    back: list
    loss: Loss | None = None  # None for that of the case


@dataclass(frozen=True)
class LossCase:
    """All that the tests know of a loss."""

    loss: Loss
    draw: Callable[..., tuple[np.ndarray, np.ndarray]]  # draw(pick, rng, batch): y and yhat
    _: KW_ONLY
    value: Sequence[LossValue]
    #: torch(y, yhat): its costs, of tensors: of each example, or of what is added up to them.
    torch: Callable[..., Any]
    wrong: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __str__(self):
        return type(self.loss).__name__

    @property
    def values(self):
        """The values by hand, each with its loss."""
        return [(value.loss or self.loss, value) for value in self.value]


# ------------------------------------------------------------------ update rules


@dataclass(frozen=True)
class RuleValue:
    """Where two steps of 0.1 lead from w = 1, if the cost is w²: by hand."""

    rule: Any
    steps: tuple[float, float]


@dataclass(frozen=True)
class RuleCase:
    """All that the tests know of an update rule."""

    rules: Sequence[Any]  # of one class, in the settings that the tests run it in
    _: KW_ONLY
    value: Sequence[RuleValue]
    #: torch(rule, parameters, eps): the function by which PyTorch takes its step.
    torch: Callable[..., Callable[[], None]]
    #: How far thirty steps may differ from PyTorch's.
    rtol: float = 1e-11
    atol: float = 1e-12
    wrong: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __str__(self):
        return type(self.rules[0]).__name__
