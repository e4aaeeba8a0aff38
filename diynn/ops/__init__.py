"""The operations that layers and losses share: a definition of each in ``reference``, and faster twins."""

from diynn.arrays import when_seen
from diynn.ops import on_numpy  # noqa: F401  # registers NumPy's twins
from diynn.ops.reference import (
    bias_gradient,
    class_numbers,
    convolve,
    convolve_delta,
    convolve_gradient,
    cross_entropy,
    delta_product,
    draw,
    like_rows,
    likelihood,
    log_softmax,
    logistic_cross_entropy,
    overlap_add,
    pad,
    rows,
    sigmoid,
    sigmoid_delta,
    sum_examples,
    tanh_delta,
    unpad,
    window_max,
    window_max_delta,
    windows,
)
from diynn.ops.registry import OPERATIONS, twins

__all__ = [
    "OPERATIONS",
    "bias_gradient",
    "class_numbers",
    "convolve",
    "convolve_delta",
    "convolve_gradient",
    "cross_entropy",
    "delta_product",
    "draw",
    "like_rows",
    "likelihood",
    "log_softmax",
    "logistic_cross_entropy",
    "overlap_add",
    "pad",
    "rows",
    "sigmoid",
    "sigmoid_delta",
    "sum_examples",
    "tanh_delta",
    "twins",
    "unpad",
    "window_max",
    "window_max_delta",
    "windows",
]

when_seen("cupy", "diynn.ops.on_cupy")  # registers CuPy's twins
