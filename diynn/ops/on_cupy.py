"""Twins for CuPy: one kernel where the definition launches many.

A kernel's body is C++, run for each ``i`` of its output; ``raw`` arrays are read at any flat index, in C
order whatever their strides. Sums are gathered by who receives them, in the order of the definition: no
atomic additions, so a result is the same to the bit whenever it is computed. What a twin cannot do, other
dtypes and mixed ones, it leaves to the definition.

This file is imported with the first CuPy array (`diynn.arrays.when_seen`).
"""

from __future__ import annotations

from typing import Any

import cupy

from diynn.arrays import Array
from diynn.ops import reference
from diynn.shapes import window_count

# Up to which number of classes a thread takes a whole example; beyond it, many of them share one better.
_FEW_CLASSES = 64


def _kernel(inputs: str, outputs: str, body: str, name: str) -> Any:
    return cupy.ElementwiseKernel(inputs, outputs, body, f"diynn_{name}")


def _fits(*arrays: Array) -> bool:
    """Say whether the kernels take these: one dtype, in which a thread's arithmetic is exact enough."""
    return all(each.dtype == arrays[0].dtype for each in arrays) and arrays[0].dtype.char in "fd"


# ------------------------------------------------------------------ products


@reference.bias_gradient.twin(cupy.ndarray)
def bias_gradient(delta: Array) -> Array:
    """Sum as a product with ones: CuPy's sum has as many blocks as there are results, a few here."""
    if not delta.size:
        return reference.bias_gradient.reference(delta)
    rows = delta.reshape(-1, delta.shape[-1])
    return (cupy.ones((1, rows.shape[0]), dtype=rows.dtype) @ rows).reshape(-1)


# ------------------------------------------------------------------ activations

_sigmoid = _kernel("T x", "T y", "y = T(1) / (T(1) + exp(-x))", "sigmoid")
_tanh_delta = _kernel("T delta, T y", "T result", "result = delta * (T(1) - y * y)", "tanh_delta")
_sigmoid_delta = _kernel("T delta, T y", "T result", "result = delta * y * (T(1) - y)", "sigmoid_delta")


@reference.sigmoid.twin(cupy.ndarray)
def sigmoid(data: Array) -> Array:
    """Take one kernel; an exponential that overflows gives 0, and no warning on a GPU."""
    return _sigmoid(data) if _fits(data) else reference.sigmoid.reference(data)


@reference.tanh_delta.twin(cupy.ndarray)
def tanh_delta(delta: Array, y: Array) -> Array:
    """Take one kernel."""
    return _tanh_delta(delta, y) if _fits(delta, y) else reference.tanh_delta.reference(delta, y)


@reference.sigmoid_delta.twin(cupy.ndarray)
def sigmoid_delta(delta: Array, y: Array) -> Array:
    """Take one kernel."""
    return _sigmoid_delta(delta, y) if _fits(delta, y) else reference.sigmoid_delta.reference(delta, y)


# ------------------------------------------------------------------ windows

_overlap_add = _kernel(
    "raw T parts, int64 length, int64 chan, int64 out, int64 k_size, int64 stride",
    "T whole",
    """
    ptrdiff_t c = i % chan, place = i / chan % length, b = i / chan / length;
    T sum = 0;
    for (ptrdiff_t tap = 0; tap < k_size && tap <= place; ++tap) {
        ptrdiff_t window = (place - tap) / stride;
        if (window * stride + tap == place && window < out) {
            sum += parts[((b * out + window) * k_size + tap) * chan + c];
        }
    }
    whole = sum
    """,
    "overlap_add",
)

# A NaN is larger than all: it is what a window with one in it has for its maximum.
_window_max = _kernel(
    "raw T data, int64 length, int64 chan, int64 out, int64 k_size, int64 stride",
    "T largest",
    """
    ptrdiff_t c = i % chan, window = i / chan % out, b = i / chan / out;
    ptrdiff_t first = (b * length + window * stride) * chan + c;
    T found = data[first];
    for (ptrdiff_t tap = 1; tap < k_size; ++tap) {
        T x = data[first + tap * chan];
        if (x > found || x != x) { found = x; }
    }
    largest = found
    """,
    "window_max",
)

_window_max_delta = _kernel(
    "raw T data, raw T output, raw T delta, int64 length, int64 chan, int64 out, int64 k_size, int64 stride",
    "T whole",
    """
    ptrdiff_t c = i % chan, place = i / chan % length, b = i / chan / length;
    T x = data[i], sum = 0;
    for (ptrdiff_t tap = 0; tap < k_size && tap <= place; ++tap) {
        ptrdiff_t window = (place - tap) / stride, at = (b * out + window) * chan + c;
        if (window * stride + tap != place || window >= out) { continue; }
        bool first = x == output[at] || x != x;
        for (ptrdiff_t back = 1; first && back <= tap; ++back) {
            T before = data[i - back * chan];
            first = before != output[at] && before == before;
        }
        if (first) { sum += delta[at]; }
    }
    whole = sum
    """,
    "window_max_delta",
)


@reference.windows.twin(cupy.ndarray)
def windows(data: Array, k_size: int, stride: int) -> Array:
    """Return a view; CuPy's own ``sliding_window_view`` waits for the device to look at ``k_size``."""
    batch, length, chan = data.shape
    example, step, channel = data.strides
    shape = batch, window_count(length, k_size, stride), k_size, chan
    return cupy.lib.stride_tricks.as_strided(data, shape, (example, step * stride, step, channel))


@reference.overlap_add.twin(cupy.ndarray)
def overlap_add(parts: Array, length: int, stride: int) -> Array:
    """Let each place of the sequence gather what it gets."""
    if not _fits(parts):
        return reference.overlap_add.reference(parts, length, stride)
    batch, out, k_size, chan = parts.shape
    whole = cupy.empty((batch, length, chan), dtype=parts.dtype)
    return _overlap_add(parts, length, chan, out, k_size, stride, whole)


@reference.convolve.twin(cupy.ndarray)
def convolve(data: Array, weights: Array, bias: Array | None, stride: int) -> Array:
    """Gather the windows for one product."""
    k_size, chan_in, chan_out = weights.shape
    out = window_count(data.shape[1], k_size, stride)
    columns = windows(data, k_size, stride).reshape(data.shape[0] * out, k_size * chan_in)
    result = columns @ weights.reshape(-1, chan_out)
    if bias is not None:
        result += bias
    return result.reshape(data.shape[0], out, chan_out)


@reference.convolve_delta.twin(cupy.ndarray)
def convolve_delta(delta: Array, weights: Array, length: int, stride: int) -> Array:
    """Make one product for all taps."""
    batch, out, chan_out = delta.shape
    k_size, chan_in, _ = weights.shape
    parts = delta.reshape(batch * out, chan_out) @ weights.reshape(-1, chan_out).T
    return overlap_add(parts.reshape(batch, out, k_size, chan_in), length, stride)


@reference.convolve_gradient.twin(cupy.ndarray)
def convolve_gradient(data: Array, delta: Array, k_size: int, stride: int) -> Array:
    """Gather the windows for one product."""
    batch, out, chan_out = delta.shape
    columns = windows(data, k_size, stride).reshape(batch * out, k_size * data.shape[2])
    result = columns.T @ delta.reshape(batch * out, chan_out)
    return result.reshape(k_size, data.shape[2], chan_out)


@reference.window_max.twin(cupy.ndarray)
def window_max(data: Array, k_size: int, stride: int) -> Array:
    """Look at each window once."""
    if not _fits(data):
        return reference.window_max.reference(data, k_size, stride)
    batch, length, chan = data.shape
    out = window_count(length, k_size, stride)
    largest = cupy.empty((batch, out, chan), dtype=data.dtype)
    return _window_max(data, length, chan, out, k_size, stride, largest)


@reference.window_max_delta.twin(cupy.ndarray)
def window_max_delta(data: Array, output: Array, delta: Array, k_size: int, stride: int) -> Array:
    """Let each place of the sequence gather δ of the windows whose first maximum it is."""
    if not _fits(data, output, delta):
        return reference.window_max_delta.reference(data, output, delta, k_size, stride)
    _, length, chan = data.shape
    whole = cupy.empty(data.shape, dtype=delta.dtype)
    return _window_max_delta(data, output, delta, length, chan, delta.shape[1], k_size, stride, whole)


# ------------------------------------------------------------------ losses

_cross_entropy = _kernel(
    "raw T scores, raw T weights, int64 classes",
    "T cost, raw T delta",
    """
    ptrdiff_t begin = i * classes, end = begin + classes;
    T largest = scores[begin], total = 0, weight = 0, sum = 0;
    for (ptrdiff_t k = begin + 1; k < end; ++k) { largest = max(largest, scores[k]); }
    for (ptrdiff_t k = begin; k < end; ++k) {
        total += exp(scores[k] - largest);
        weight += weights[k];
    }
    T log_total = log(total);
    for (ptrdiff_t k = begin; k < end; ++k) {
        T log_softmax = scores[k] - largest - log_total;
        if (weights[k] != T(0)) { sum -= weights[k] * log_softmax; }
        delta[k] = exp(log_softmax) * weight - weights[k];
    }
    cost = sum
    """,
    "cross_entropy",
)

_logistic_cross_entropy = _kernel(
    "T z, T y",
    "T cost, T delta",
    """
    T small = exp(-abs(z));
    cost = max(z, T(0)) - y * z + log1p(small);
    delta = (z >= T(0) ? T(1) : small) / (T(1) + small) - y
    """,
    "logistic_cross_entropy",
)


@reference.cross_entropy.twin(cupy.ndarray)
def cross_entropy(scores: Array, weights: Array) -> tuple[Array, Array]:
    """Take log-softmax, cost and gradient of an example in one thread, where its classes are few."""
    batch, classes = scores.shape
    if not _fits(scores, weights) or not 0 < classes <= _FEW_CLASSES:
        return reference.cross_entropy.reference(scores, weights)
    costs, delta = cupy.empty(batch, dtype=scores.dtype), cupy.empty(scores.shape, dtype=scores.dtype)
    _cross_entropy(scores, weights, classes, costs, delta)
    return costs, delta


@reference.logistic_cross_entropy.twin(cupy.ndarray)
def logistic_cross_entropy(scores: Array, y: Array) -> tuple[Array, Array]:
    """Take cost and gradient of a value from one exponential, then the sums of an example."""
    if not _fits(scores, y):
        return reference.logistic_cross_entropy.reference(scores, y)
    costs, delta = _logistic_cross_entropy(scores, y)
    return reference.sum_examples(costs), delta
