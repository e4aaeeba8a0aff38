"""The registry: every layer and every loss, one line each; the contract tests run over all of them.

A case draws sizes by ``pick(low, high)``. The values come from a NumPy generator of a drawn seed, so
that drawing stays cheap, and stay away from kinks and ties, where there is no derivative to check.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from diynn import (
    GELU,
    AvgPool1D,
    BCELoss,
    BCEWithLogitsLoss,
    CategoricalCrossEntropyLoss,
    Conv1D,
    CrossEntropyLoss,
    Dropout,
    Flatten,
    GaussianNoise,
    HuberLoss,
    L1Loss,
    LeakyReLU,
    Linear,
    LogSoftmax,
    Loss,
    MaxPool1D,
    MSELoss,
    NLLLoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    Transposed,
)
from diynn.shapes import AXES
from tests.backends import NUMPY

MARGIN = 1e-3  # from kinks and ties; the numerical derivatives take steps of 3e-6


# ------------------------------------------------------------------ layers


def free_sizes(pick, module):
    """Draw the shape of one example: what the (first) layer leaves open."""
    first = module.leaves()[0][1] if isinstance(module, Sequential) else module
    wanted = (None,) * pick(1, 2) if first.input_shape is None else first.input_shape
    if wanted[0] is AXES:
        return (*draws(pick(0, 2), pick), wanted[1])
    if len(wanted) == 1:
        return tuple(pick(1, 5) if size is None else size for size in wanted)
    length, chan = wanted
    least = 1 if getattr(first, "padding", 0) else getattr(first, "k_size", 1)
    return pick(least, 11) if length is None else length, chan or pick(1, 4)


def draws(number, pick):
    return [pick(1, 4) for _ in range(number)]


@dataclass(frozen=True)
class LayerCase:
    name: str
    build: Callable[..., Any]  # build(pick, **new): a layer of drawn sizes, with the keywords of any layer
    shape: Callable[..., tuple[int, ...]] = free_sizes

    def __str__(self):
        return self.name


def paddings(k_size):
    return ["same", 0, k_size // 2]


def convolution(pick, **new):
    k_size, *sizes = draws(4, pick)
    padding = [*paddings(k_size), k_size + 1][pick(0, 3)]
    return Conv1D(k_size, *sizes, padding=padding, bias=bool(pick(0, 1)), **new)


def pooling(layer, pick):
    k_size, stride = draws(2, pick)
    return layer(k_size, stride, padding=paddings(k_size)[pick(0, 2)])


def mlp(pick, **new):
    hidden = pick(1, 4)
    return Sequential(Linear(3, hidden, **new), Tanh(), Linear(hidden, pick(1, 3), **new), LogSoftmax())


def nested(pick, **new):
    hidden, tanh = pick(1, 4), Tanh()  # one activation at three places
    inner = Sequential(Linear(hidden, hidden, **new), tanh, Sequential(Linear(hidden, 2, **new), tanh))
    return Sequential(Linear(pick(1, 3), hidden, **new), tanh, inner, Softmax())


def shared(pick, **new):
    linear = Linear(size := pick(1, 3), size, **new)
    return Sequential(linear, Sigmoid(), linear)


def tied(pick, **new):
    encoder = Linear(pick(1, 4), pick(1, 3), **new)
    return Sequential(encoder, Tanh(), Transposed(encoder), Sigmoid())


def strided(pick, **new):
    conv = Conv1D(pick(1, 3), 2, 3, pick(1, 3), bias=False, **new)
    return Sequential(conv, Tanh(), Conv1D(1, 3, 2, **new), AvgPool1D(1, 2))


NETS = [mlp, nested, shared, strided, tied]


def sheet_net(pick, **new):
    chan = pick(1, 3)
    layers = Conv1D(3, 1, chan, **new), MaxPool1D(2, 2), Flatten(), Linear(4 * chan, 4, **new), ReLU()
    return Sequential([*layers, Linear(4, 2, **new)])


class SameForAll:
    """A generator that draws the same numbers for every example, whenever it is asked."""

    def random(self, size=None, dtype="float64", out=None):
        return self._drawn("random", size, dtype, out)

    def standard_normal(self, size=None, dtype="float64", out=None):
        return self._drawn("standard_normal", size, dtype, out)

    def _drawn(self, law, size, dtype, out):
        out = np.empty(size, dtype=dtype) if out is None else out
        out[...] = getattr(np.random.default_rng(7), law)(out.shape[1:])
        return out

    bit_generator = SimpleNamespace(state=None)


def drawing_net(pick, **new):
    linear = Linear(pick(1, 4), 3, **new)
    return Sequential(fixed(Dropout(0.3)), linear, fixed(GaussianNoise(0.5)), Tanh(), fixed(Dropout(0.5)))


def fixed(layer):
    layer.rng = SameForAll()
    return layer


# fmt: off
LAYERS = [
    LayerCase("Linear", lambda pick, **new: Linear(pick(1, 4), pick(1, 4), bias=bool(pick(0, 1)), **new)),
    LayerCase("Conv1D", convolution),
    LayerCase("MaxPool1D", lambda pick, **new: pooling(MaxPool1D, pick)),
    LayerCase("AvgPool1D", lambda pick, **new: pooling(AvgPool1D, pick)),
    LayerCase("Flatten", lambda pick, **new: Flatten()),
    LayerCase("Tanh", lambda pick, **new: Tanh()),
    LayerCase("Sigmoid", lambda pick, **new: Sigmoid()),
    LayerCase("ReLU", lambda pick, **new: ReLU()),
    LayerCase("LeakyReLU", lambda pick, **new: LeakyReLU([0.0, 0.01, 0.5][pick(0, 2)])),
    LayerCase("GELU", lambda pick, **new: GELU()),
    LayerCase("Softmax", lambda pick, **new: Softmax()),
    LayerCase("LogSoftmax", lambda pick, **new: LogSoftmax()),
    LayerCase("Transposed", lambda pick, **new: Transposed(Linear(*draws(2, pick), bias=False, **new))),
    LayerCase("Dropout", lambda pick, **new: fixed(Dropout([0.0, 0.3, 0.7][pick(0, 2)]))),
    LayerCase("GaussianNoise", lambda pick, **new: fixed(GaussianNoise([0.1, 2.0][pick(0, 1)]))),
    LayerCase("Sequential", lambda pick, **new: NETS[pick(0, 4)](pick, **new)),
    LayerCase("Sequential-sheet", sheet_net, lambda pick, net: (11, 1)),
    LayerCase("Sequential-drawing", drawing_net, lambda pick, net: (net[1].in_features,)),
]
# fmt: on
each_layer = pytest.mark.parametrize("layer", LAYERS, ids=str)


@dataclass
class LayerCall:
    """One call of a layer: its sizes, and the host arrays that it computes with."""

    layer: LayerCase
    dtype: str
    sizes: list[int]
    parameters: list[np.ndarray]
    data: np.ndarray
    delta: np.ndarray

    def __repr__(self):
        module, data, _ = self.on(NUMPY)
        return f"{module!r} on {data.dtype} {data.shape}"

    def on(self, library, dtype=None):
        """Make the module, the data and the delta of this call; nothing is shared between two calls."""
        dtype = dtype or self.dtype
        sizes = iter(self.sizes)
        module = self.layer.build(lambda low, high: next(sizes), backend=library.where, dtype=dtype)
        for parameter, value in zip(module.parameters(), self.parameters, strict=True):
            parameter.value = library.array(value, dtype)
        return module, library.given(self.data, dtype), library.given(self.delta, dtype)


@st.composite
def layer_calls(draw, layer, library, *, dtype=None, batch=None):
    """Draw a call of a layer."""
    dtype = dtype or draw(st.sampled_from(library.dtypes))
    pick, sizes = _picks(draw, library)
    module = layer.build(pick, backend="numpy")
    shape = (_batch(draw, library) if batch is None else batch, *layer.shape(pick, module))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def normal(shape):
        return rounded(rng.normal(size=shape), dtype)

    for parameter in module.parameters():
        parameter.value = normal(parameter.value.shape)
    data = normal(shape)
    while margin(module, data) < MARGIN:
        data = normal(shape)
    delta = normal((shape[0], *module.output_shape(shape[1:])))
    return LayerCall(layer, dtype, sizes, [each.value for each in module.parameters()], data, delta)


def margin(module, data):
    """Return how far a module's values stay from the kinks of ReLU and the ties of a maximum."""
    net = module if isinstance(module, Sequential) else Sequential(module)
    leaves = [leaf for _, leaf in net.leaves()]
    distance = np.inf
    if not any(isinstance(leaf, ReLU | LeakyReLU | MaxPool1D) for leaf in leaves):
        return distance
    for leaf, values in zip(leaves, net.activations(data), strict=False):
        if isinstance(leaf, ReLU | LeakyReLU):
            distance = np.min(np.abs(values), initial=distance)
        if isinstance(leaf, MaxPool1D) and leaf.k_size > 1:
            around = np.pad(values, ((0, 0), leaf._around(values.shape[1]), (0, 0)), constant_values=-np.inf)
            ordered = np.sort(sliding_window_view(around, leaf.k_size, axis=1)[:, :: leaf.stride], axis=-1)
            distance = np.min(ordered[..., -1] - ordered[..., -2], initial=distance)
    return distance


def rounded(array, dtype):
    """Return an array in float64 whose values a shorter dtype has as well."""
    return array.astype(dtype).astype(np.float64)


def _picks(draw, library):
    """Return a function that draws sizes, and the list in which it notes them."""
    sizes = []
    few = library.shapes and np.random.default_rng(draw(st.sampled_from(library.shapes)))

    def pick(low, high):
        sizes.append(int(few.integers(low, high + 1)) if few else draw(st.integers(low, high)))
        return sizes[-1]

    return pick, sizes


def _batch(draw, library):
    return 2 if library.shapes else draw(st.integers(0, 5))


# ------------------------------------------------------------------ losses


def values(pick, rng, batch):
    shape = (batch, *draws(pick(0, 2), pick))
    target = rng.normal(size=shape)
    return (rng.integers(-3, 4, shape) if pick(0, 3) == 0 else target), rng.normal(size=shape)


def apart(pick, rng, batch):
    """Draw values whose distances stay away from the kinks, at 0 and 1."""
    target, noise = values(pick, rng, batch)
    far = rng.random(noise.shape) < 0.5
    distance = np.where(far, rng.uniform(1.01, 3, noise.shape), rng.uniform(0.01, 0.99, noise.shape))
    return target, target + np.sign(noise) * distance


def labels(pick, rng, batch):
    classes, sort = pick(2, 4), pick(0, 3)
    indices = rng.integers(0, classes, batch)
    if sort == 0:  # one-hot
        target = np.equal.outer(indices, np.arange(classes))
    elif sort == 1:  # a weight a class, which need not sum to 1
        target = rng.uniform(0, 1, (batch, classes))
    else:
        target = indices.astype(["int64", "int32", "uint8"][pick(0, 2)])
    return target, rng.normal(size=(batch, classes))


def chosen(pick, rng, batch):
    target, logits = labels(pick, rng, batch)
    return target, rng.uniform(0.1, 0.9, logits.shape)  # away from the clip of the logarithm


def probabilities(pick, rng, batch):
    target, logits = chances(pick, rng, batch)
    return target, rng.uniform(0.1, 0.9, logits.shape)  # away from the clip of the logarithm


def chances(pick, rng, batch):
    shape = (batch, *draws(pick(0, 2), pick))
    target = rng.uniform(0, 1, shape)
    sorts = [target, target.round(), target > 0.5, (target > 0.5).astype(int)]
    return sorts[pick(0, 3)], rng.normal(size=shape)


@dataclass(frozen=True)
class LossCase:
    loss: Loss
    draw: Callable[..., tuple[np.ndarray, np.ndarray]]  # draw(pick, rng, batch): y and yhat

    def __str__(self):
        return type(self.loss).__name__


LOSSES = [
    LossCase(MSELoss(), values),
    LossCase(L1Loss(), apart),
    LossCase(HuberLoss(), apart),
    LossCase(NLLLoss(), labels),
    LossCase(CrossEntropyLoss(), labels),
    LossCase(CategoricalCrossEntropyLoss(), chosen),
    LossCase(BCELoss(), probabilities),
    LossCase(BCEWithLogitsLoss(), chances),
]
each_loss = pytest.mark.parametrize("case", LOSSES, ids=str)


@dataclass
class LossCall:
    """One call of a loss, on host arrays."""

    dtype: str
    y: np.ndarray
    yhat: np.ndarray

    def on(self, library, dtype=None):
        """Make y and yhat; a target of integers or booleans stays one."""
        dtype = dtype or self.dtype
        real = self.y.dtype.kind == "f"
        return library.given(self.y, dtype if real else None), library.given(self.yhat, dtype)


@st.composite
def loss_calls(draw, case, library, *, dtype=None, batch=None):
    """Draw a call of a loss."""
    dtype = dtype or draw(st.sampled_from(library.dtypes))
    pick, _ = _picks(draw, library)
    batch = _batch(draw, library) if batch is None else batch
    y, yhat = case.draw(pick, np.random.default_rng(draw(st.integers(0, 2**32 - 1))), batch)
    return LossCall(dtype, rounded(y, dtype) if y.dtype.kind == "f" else y, rounded(yhat, dtype))
