"""Calls of layers and losses, drawn for the properties that all of them have.

A case draws sizes by ``pick(low, high)``. The values come from a NumPy generator of a drawn seed, so
that drawing stays cheap, and stay away from kinks and ties, where there is no derivative to check.
"""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from diynn import Sequential
from tests.backends import NUMPY
from tests.cases import SINGLE, LayerCase

MARGIN = 1e-3  # from kinks and ties; the numerical derivatives take steps of 3e-6
#: The case of each class of layers.
CASE = {case.kind: case for case in SINGLE}


def leaves(module):
    """Return the layers that a layer or a net is made of, in order, with their cases."""
    single = [leaf for _, leaf in module.leaves()] if isinstance(module, Sequential) else [module]
    return [(leaf, CASE[type(leaf)]) for leaf in single]


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
    """Return how far a module's values stay from the kinks and ties of its layers."""
    layers = leaves(module)
    if not any(case.kinks for _, case in layers):
        return np.inf
    net = module if isinstance(module, Sequential) else Sequential(module)
    return min(
        np.min(case.kinks(layer, values), initial=np.inf)
        for (layer, case), values in zip(layers, net.activations(data), strict=False)
        if case.kinks
    )


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
