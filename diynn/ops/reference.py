"""The definitions, in pure Array API: what every twin in this folder must equal."""

from __future__ import annotations

from math import log
from typing import Any

from diynn.arrays import Array, alike, at, device, namespace
from diynn.ops.registry import Operation
from diynn.shapes import window_count

# ------------------------------------------------------------------ products


def rows(array: Array) -> Array:
    """Return (batch, ..., n) as a matrix (batch·..., n)."""
    return array if array.ndim == 2 else namespace(array).reshape(array, (-1, array.shape[-1]))


def like_rows(matrix: Array, array: Array) -> Array:
    """Return a matrix (batch·..., m), made of ``rows(array)``, as (batch, ..., m)."""
    if array.ndim == 2:
        return matrix
    sizes = (-1 if size is None else size for size in array.shape[:-1])  # a batch of any size, in ONNX
    return namespace(matrix).reshape(matrix, (*sizes, matrix.shape[-1]))


@Operation
def delta_product(delta: Array, weights: Array) -> Array:
    """Return δ Wᵀ, (batch, out) and (in, out) → (batch, in)."""
    return delta @ weights.T


@Operation
def bias_gradient(delta: Array) -> Array:
    """Return the sum of δ over all axes but the last, (out,)."""
    return namespace(delta).sum(delta, axis=tuple(range(delta.ndim - 1)))


# ------------------------------------------------------------------ activations


@Operation
def sigmoid(data: Array) -> Array:
    """Return 1 / (1 + e^-x), with an exponential that does not overflow."""
    xp = namespace(data)
    lowest = -log(xp.finfo(data.dtype).max) + 1  # below it the result is 0 to all digits
    return 1 / (1 + xp.exp(-xp.maximum(data, lowest)))


@Operation
def tanh_delta(delta: Array, y: Array) -> Array:
    """Return δ (1 - y²)."""
    return delta * (1 - y * y)


@Operation
def sigmoid_delta(delta: Array, y: Array) -> Array:
    """Return δ y (1 - y)."""
    return delta * y * (1 - y)


@Operation
def log_softmax(scores: Array) -> Array:
    """Return log softmax over the last axis: z - max z - log Σ exp(z - max z)."""
    xp = namespace(scores)
    shifted = scores - xp.max(scores, axis=-1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))


# ------------------------------------------------------------------ windows


@Operation
def windows(data: Array, k_size: int, stride: int) -> Array:
    """Return the windows (batch, out, k_size, chan) of a sequence (batch, length, chan).

    ``windows[b, i, t, c] = data[b, i * stride + t, c]`` with out = (length - k_size) // stride + 1.
    """
    out = window_count(data.shape[1], k_size, stride)
    return namespace(data).stack([data[:, tap_slice(tap, out, stride), :] for tap in range(k_size)], axis=2)


@Operation
def overlap_add(parts: Array, length: int, stride: int) -> Array:
    """Add windows (batch, out, k_size, chan) back at their places: (batch, length, chan).

    The adjoint of :func:`windows`: ⟨windows(x), p⟩ = ⟨x, overlap_add(p)⟩.
    """
    batch, out, k_size, chan = parts.shape
    whole = namespace(parts).zeros((batch, length, chan), dtype=parts.dtype, device=device(parts))
    for tap in range(k_size):
        whole = at(whole)[:, tap_slice(tap, out, stride), :].add(parts[:, :, tap, :])
    return whole


def tap_slice(tap: int, out: int, stride: int) -> slice:
    """Return the slice of the sequence with step ``tap`` of each of ``out`` windows."""
    return slice(tap, tap + stride * (out - 1) + 1, stride)


@Operation
def pad(data: Array, before: int, after: int, value: float) -> Array:
    """Return a sequence (batch, length, chan) with steps of ``value`` before and after it."""
    xp = namespace(data)
    _, length, chan = data.shape
    step = xp.full_like(data[:, :1, :], value)
    whole = xp.concat([step] * before + [data] + [step] * after, axis=1)
    return xp.reshape(whole, (-1, before + length + after, chan))  # a shape that ONNX would not know


@Operation
def unpad(padded: Array, before: int, after: int) -> Array:
    """Return a sequence without the steps before and after it: the adjoint of :func:`pad` with 0."""
    return padded[:, before : padded.shape[1] - after, :]


@Operation
def convolve(data: Array, weights: Array, bias: Array | None, stride: int) -> Array:
    """Return Σ_t Σ_c x[b, i·stride + t, c] W[t, c, o] + b[o], (batch, out, chan_out)."""
    parts = windows(data, weights.shape[0], stride)
    output = namespace(data).tensordot(parts, weights, axes=((2, 3), (0, 1)))
    return output if bias is None else output + bias


@Operation
def convolve_delta(delta: Array, weights: Array, length: int, stride: int) -> Array:
    """Return δ Wᵀ for each window, added up where windows overlap: (batch, length, chan_in)."""
    return overlap_add(namespace(delta).tensordot(delta, weights, axes=((2,), (2,))), length, stride)


@Operation
def convolve_gradient(data: Array, delta: Array, k_size: int, stride: int) -> Array:
    """Return Σ_b Σ_i x[b, i·stride + t, c] δ[b, i, o], (k_size, chan_in, chan_out)."""
    parts = windows(data, k_size, stride)
    return namespace(data).tensordot(parts, delta, axes=((0, 1), (0, 1)))


@Operation
def window_max(data: Array, k_size: int, stride: int) -> Array:
    """Return the maximum of each window, (batch, out, chan)."""
    return namespace(data).max(windows(data, k_size, stride), axis=2)


@Operation
def window_max_delta(data: Array, output: Array, delta: Array, k_size: int, stride: int) -> Array:
    """Return δ where each window has its first maximum, 0 elsewhere, added up: (batch, length, chan).

    ``output`` is the maximum of each window.
    """
    xp = namespace(data)
    first = xp.argmax(windows(data, k_size, stride), axis=2)
    taps = xp.arange(k_size, device=device(data))
    hit = first[:, :, None, :] == taps[None, None, :, None]
    return overlap_add(xp.where(hit, delta[:, :, None, :], 0.0), data.shape[1], stride)


# ------------------------------------------------------------------ losses: costs, and their gradient


@Operation
def class_numbers(scores: Array) -> Array:
    """Return 0..classes - 1 for scores (batch, classes), on their device."""
    return namespace(scores).arange(scores.shape[1], device=device(scores))


@Operation
def cross_entropy(scores: Array, weights: Array) -> tuple[Array, Array]:
    """Return -Σ_k w_k log softmax(z)_k, (batch,), and softmax(z) Σ_k w_k - w."""
    xp = namespace(scores)
    logs = log_softmax(scores)
    return likelihood(logs, weights), xp.exp(logs) * xp.sum(weights, axis=1, keepdims=True) - weights


@Operation
def logistic_cross_entropy(scores: Array, y: Array) -> tuple[Array, Array]:
    """Return Σ max(z, 0) - y z + log(1 + e^-|z|), (batch,), and sigmoid(z) - y."""
    xp = namespace(scores)
    softplus = xp.maximum(scores, 0.0) + xp.log1p(xp.exp(-xp.abs(scores)))
    return sum_examples(softplus - y * scores), sigmoid(scores) - y


def likelihood(logs: Array, weights: Array) -> Array:
    """Return -Σ_k w_k ŷ_k, (batch,); a class of weight 0 contributes nothing, even at log 0."""
    xp = namespace(logs)
    return -xp.sum(weights * xp.where(weights == 0, 0.0, logs), axis=1)


@Operation
def sum_examples(values: Array) -> Array:
    """Sum (batch, ...) over all axes but the first."""
    axes = tuple(range(1, values.ndim))
    return namespace(values).sum(values, axis=axes) if axes else values


# ------------------------------------------------------------------ draws


@Operation
def draw(data: Array, generator: Any, law: str) -> Array:
    """Return draws in the shape and dtype of ``data``, made on the host by a ``numpy.random.Generator``.

    ``law`` names its method: ``"random"``, U[0, 1), or ``"standard_normal"``, N(0, 1). In float16 they are
    rounded from float32.
    """
    dtype = "float64" if data.dtype == namespace(data).float64 else "float32"
    return alike(getattr(generator, law)(tuple(data.shape), dtype=dtype), data)
