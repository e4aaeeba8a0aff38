"""What is timed: four nets with their losses, data and initial weights, in no framework's terms."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Arrays: TypeAlias = Any

BATCHES = (1, 8, 32, 128, 512, 2048, 8192)
SEQUENCE_BATCHES = (1, 8, 32, 128, 512, 1024)  # a sequence takes as long as twenty vectors
GPU_BATCHES = (32, 128, 512, 2048, 8192, 32768, 65536)


@dataclass(frozen=True)
class Linear:
    """Weights (n_in, n_out) and a bias (n_out,)."""

    n_in: int
    n_out: int


@dataclass(frozen=True)
class Conv:
    """Weights (k_size, chan_in, chan_out) and a bias (chan_out,); stride 1, no padding."""

    k_size: int
    chan_in: int
    chan_out: int


@dataclass(frozen=True)
class MaxPool:
    """The maximum of each window; the windows do not overlap, and a rest is left out."""

    k_size: int


@dataclass(frozen=True)
class Flatten:
    """Sequences (length, chan) as vectors, the channels of one place side by side."""

    length: int
    chan: int


@dataclass(frozen=True)
class Tanh:
    """The hyperbolic tangent of each value."""


@dataclass(frozen=True)
class ReLU:
    """The positive part of each value."""


Layer: TypeAlias = Linear | Conv | MaxPool | Flatten | Tanh | ReLU


class Product(NamedTuple):
    """A layer's matrix product: ``rows`` an example, (rows, k) times (k, n)."""

    rows: int
    k: int
    n: int


@dataclass(frozen=True)
class Workload:
    """A net, a loss and data for it.

    Attributes
    ----------
    name, title : str
        The letter by which it is asked for, and what it is.
    shape : tuple
        The shape of one example, channels last.
    layers : tuple of Layer
    loss : str
        ``"bce"``: of a sigmoid against the input itself, summed over outputs and batch; ``"cross entropy"``:
        of a softmax against class indices, summed over the batch. Both are computed from the logits.
    rate : float
        The step size for a batch of one. The gradient is a sum, so a batch of n takes a step n times smaller:
        large enough that a wrong gradient shows in the costs, small enough that nothing diverges.
    batches : tuple of int
        The batch sizes that are timed unless others are asked for.
    """

    name: str
    title: str
    shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    loss: str
    rate: float
    batches: tuple[int, ...] = BATCHES

    def eps(self, batch: int) -> float:
        """Return the step size for a batch."""
        return self.rate / batch

    def data(self, batch: int) -> tuple[Arrays, Arrays]:
        """Return examples in float32 and what is right for them, the same whenever it is called.

        The labels follow from the examples by a linear map, so that there is something to learn in any batch.
        The autoencoder's pixels are black or white, so that scikit-learn, whose binary cross entropy takes no
        other targets, can run as well; to all others a number is a number.
        """
        rng = np.random.default_rng(0)
        if self.loss == "bce":
            x = rng.integers(0, 2, (batch, *self.shape), dtype=np.uint8).astype(np.float32)
            return x, x
        teacher = rng.standard_normal((prod(self.shape), 10))
        x = rng.random((batch, *self.shape), dtype=np.float32)
        return x, ((x.reshape(batch, -1) - 0.5) @ teacher).argmax(axis=1)

    def weights(self) -> list[tuple[Arrays, Arrays]]:
        """Return initial weights and biases in float32, one pair for each layer that has them."""
        rng = np.random.default_rng(1)
        pairs = []
        for layer in self.layers:
            match layer:
                case Linear(n_in, n_out):
                    shape: tuple[int, ...] = (n_in, n_out)
                case Conv(k_size, chan_in, chan_out):
                    shape = (k_size, chan_in, chan_out)
                case _:
                    continue
            weights = rng.standard_normal(shape) / np.sqrt(prod(shape[:-1]))
            bias = 0.1 * rng.standard_normal(shape[-1])
            pairs.append((weights.astype(np.float32), bias.astype(np.float32)))
        return pairs

    def sizes(self) -> list[int]:
        """Return how many values one example has, before the first layer and after each."""
        shapes = [self.shape]
        for layer in self.layers:
            shapes.append(_output_shape(layer, shapes[-1]))
        return [prod(shape) for shape in shapes]

    def products(self) -> list[Product]:
        """Return the matrix products of a forward pass; a convolution is one, of its windows."""
        found = []
        shape = self.shape
        for layer in self.layers:
            match layer:
                case Linear(n_in, n_out):
                    found.append(Product(1, n_in, n_out))
                case Conv(k_size, chan_in, chan_out):
                    found.append(Product(shape[0] - k_size + 1, k_size * chan_in, chan_out))
            shape = _output_shape(layer, shape)
        return found


def _output_shape(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    match layer:
        case Linear(_, n_out):
            return (n_out,)
        case Conv(k_size, _, chan_out):
            return (shape[0] - k_size + 1, chan_out)
        case MaxPool(k_size):
            return (shape[0] // k_size, shape[1])
        case Flatten(length, chan):
            return (length * chan,)
    return shape


def autoencoder(width: int = 100) -> Workload:
    """Return the course sheet's autoencoder, with hidden layers of ``width``."""
    return Workload(
        "a",
        f"autoencoder 256-{width}-10-{width}-256, tanh, binary cross entropy",
        (256,),
        (
            *(Linear(256, width), Tanh(), Linear(width, 10), Tanh()),
            *(Linear(10, width), Tanh(), Linear(width, 256)),
        ),
        "bce",
        rate=0.02,
    )


def classifier(width: int = 128) -> Workload:
    """Return the classifier of digits, with hidden layers of ``width`` and half of it."""
    half = width // 2
    return Workload(
        "b",
        f"classifier 256-{width}-{half}-10, ReLU, cross entropy",
        (256,),
        (Linear(256, width), ReLU(), Linear(width, half), ReLU(), Linear(half, 10)),
        "cross entropy",
        rate=0.1,
    )


def conv_net(length: int = 256) -> Workload:
    """Return the course sheet's convolutional net, for sequences of ``length``."""
    pooled = (length - 2) // 2
    return Workload(
        "c",
        f"conv net Conv1D(3,1,32), MaxPool1D(2,2), Linear({pooled * 32},100), ReLU, Linear(100,10), "
        f"length {length}, cross entropy",
        (length, 1),
        (
            *(Conv(3, 1, 32), MaxPool(2), Flatten(pooled, 32)),
            *(Linear(pooled * 32, 100), ReLU(), Linear(100, 10)),
        ),
        "cross entropy",
        rate=0.02,
        batches=SEQUENCE_BATCHES,
    )


def deep_conv_net(length: int = 256) -> Workload:
    """Return a deeper convolutional net of 64 channels, for sequences of ``length``."""
    pooled = ((length - 2) // 2 - 2) // 2
    return Workload(
        "d",
        f"deeper conv net 2 × (Conv1D(3,·,64), ReLU, MaxPool1D(2,2)), Linear({pooled * 64},10), "
        f"length {length}, cross entropy",
        (length, 1),
        (
            *(Conv(3, 1, 64), ReLU(), MaxPool(2)),
            *(Conv(3, 64, 64), ReLU(), MaxPool(2)),
            *(Flatten(pooled, 64), Linear(pooled * 64, 10)),
        ),
        "cross entropy",
        rate=0.02,
        batches=SEQUENCE_BATCHES,
    )


#: The workloads by name.
WORKLOADS = {each.name: each for each in (autoencoder(), classifier(), conv_net(), deep_conv_net())}
