"""Twins for NumPy: the same values with fewer temporaries, and products in the order that BLAS prefers.

Each names what it avoids; ``benchmarks/layers.py`` shows the gain. What a twin cannot do it leaves to
the definition. Arrays are written in place only where they have just been made.
"""

from __future__ import annotations

from itertools import pairwise
from math import log, prod

import numpy as np

from diynn.arrays import Array
from diynn.ops import reference
from diynn.ops.bits import where_or_zero, where_zero
from diynn.ops.reference import tap_slice
from diynn.shapes import window_count

# Below it, OpenBLAS multiplies by a transposed matrix at half its speed.
_SMALL_BATCH = 32
# From it on, one product per tap is faster than gathering the windows for a single one.
_MANY_CHANNELS = 8

# OpenBLAS's AVX-512 kernel for a float32 matrix of so many columns times a vector adds lanes that were never
# written: its values are right, but the garbage may raise the processor's invalid-operation flag.
_FLAGGED = 5

_LOWEST = {np.dtype(kind): -log(np.finfo(kind).max) + 1 for kind in (np.float32, np.float64)}


def _empty(like: Array, *shape: int) -> Array:
    """Return an uninitialised array of the dtype of ``like``, in C order."""
    return np.empty_like(like, shape=shape, order="C")


@reference.delta_product.twin(np.ndarray)
def delta_product(delta: Array, weights: Array) -> Array:
    """Multiply W by δᵀ, not δ by Wᵀ, for small batches: BLAS then reads the larger factor in its order."""
    if delta.shape[0] > _SMALL_BATCH:
        return delta @ weights.T
    turned = _empty(delta, delta.shape[1], delta.shape[0])
    turned[...] = delta.T
    result = _empty(delta, delta.shape[0], weights.shape[0])
    result[...] = (weights @ turned).T
    return result


@reference.bias_gradient.twin(np.ndarray)
def bias_gradient(delta: Array) -> Array:
    """Sum as a product with ones, at BLAS's speed."""
    rows = delta.reshape(-1, delta.shape[-1])
    return np.ones_like(rows, shape=rows.shape[0]) @ rows


@reference.sum_examples.twin(np.ndarray)
def sum_examples(values: Array) -> Array:
    """Sum as a product with ones, at BLAS's speed."""
    return _row_sums(values.reshape(values.shape[0], prod(values.shape[1:])))


def _row_sums(rows: Array) -> Array:
    if rows.shape[1] == _FLAGGED:
        return np.add.reduce(rows, axis=1)
    return rows @ np.ones_like(rows, shape=rows.shape[1])


@reference.sigmoid.twin(np.ndarray)
def sigmoid(data: Array) -> Array:
    """Work in one array."""
    if data.dtype not in _LOWEST:
        return reference.sigmoid.reference(data)
    y = np.maximum(data, _LOWEST[data.dtype])
    np.negative(y, out=y)
    np.exp(y, out=y)
    y += 1
    return np.reciprocal(y, out=y)


@reference.tanh_delta.twin(np.ndarray)
def tanh_delta(delta: Array, y: Array) -> Array:
    """Work in one array."""
    result = y * y
    np.subtract(1, result, out=result)
    return np.multiply(delta, result, out=result)


@reference.sigmoid_delta.twin(np.ndarray)
def sigmoid_delta(delta: Array, y: Array) -> Array:
    """Work in one array."""
    result = 1 - y
    result *= y
    return np.multiply(delta, result, out=result)


# ------------------------------------------------------------------ windows


@reference.windows.twin(np.ndarray)
def windows(data: Array, k_size: int, stride: int) -> Array:
    """Return a view."""
    views = np.lib.stride_tricks.sliding_window_view(data, k_size, axis=1, subok=True)
    return views[:, ::stride].swapaxes(2, 3)


@reference.overlap_add.twin(np.ndarray)
def overlap_add(parts: Array, length: int, stride: int) -> Array:
    """Add in place."""
    batch, out, k_size, chan = parts.shape
    whole = np.zeros_like(parts, shape=(batch, length, chan), order="C")
    for tap in range(k_size):
        whole[:, tap_slice(tap, out, stride)] += parts[:, :, tap]
    return whole


@reference.pad.twin(np.ndarray)
def pad(data: Array, before: int, after: int, value: float) -> Array:
    """Write into one array."""
    batch, length, chan = data.shape
    whole = _empty(data, batch, before + length + after, chan)
    whole[:, :before] = value
    whole[:, before : before + length] = data
    whole[:, before + length :] = value
    return whole


@reference.unpad.twin(np.ndarray)
def unpad(padded: Array, before: int, after: int) -> Array:
    """Return an array in C order, which can be reshaped without another copy."""
    batch, length, chan = padded.shape
    inside = _empty(padded, batch, length - before - after, chan)
    inside[...] = padded[:, before : length - after]
    return inside


@reference.convolve.twin(np.ndarray)
def convolve(data: Array, weights: Array, bias: Array | None, stride: int) -> Array:
    """Gather the windows for one product if channels are few; add one product per tap if they are many."""
    k_size, chan_in, chan_out = weights.shape
    out = window_count(data.shape[1], k_size, stride)
    if chan_in < _MANY_CHANNELS:
        factors = weights.reshape(-1, chan_out)
        if bias is not None:  # a column of ones, times the bias
            factors = _empty(data, k_size * chan_in + 1, chan_out)
            factors[:-1], factors[-1] = weights.reshape(-1, chan_out), bias
        product = _columns(data, len(factors), k_size, stride).T @ factors
        return product.reshape(data.shape[0], out, chan_out)
    result = data[:, tap_slice(0, out, stride)] @ weights[0]
    part = np.empty_like(result)
    for tap in range(1, k_size):
        result += np.matmul(data[:, tap_slice(tap, out, stride)], weights[tap], out=part)
    if bias is not None:
        result += bias
    return result


@reference.convolve_delta.twin(np.ndarray)
def convolve_delta(delta: Array, weights: Array, length: int, stride: int) -> Array:
    """Make one product for all taps, with the weights in the order that BLAS prefers."""
    batch, out, chan_out = delta.shape
    k_size, chan_in, _ = weights.shape
    turned = _empty(delta, chan_out, k_size * chan_in)
    turned[...] = weights.reshape(-1, chan_out).T
    parts = delta.reshape(batch * out, chan_out) @ turned
    return overlap_add(parts.reshape(batch, out, k_size, chan_in), length, stride)


@reference.convolve_gradient.twin(np.ndarray)
def convolve_gradient(data: Array, delta: Array, k_size: int, stride: int) -> Array:
    """Gather the windows if channels are few; make one product per tap and example if they are many."""
    _, out, chan_out = delta.shape
    chan_in = data.shape[2]
    if chan_in < _MANY_CHANNELS:
        product = _columns(data, k_size * chan_in, k_size, stride) @ delta.reshape(-1, chan_out)
        return product.reshape(k_size, chan_in, chan_out)
    turned = data.swapaxes(1, 2)
    return np.stack(
        [(turned[:, :, tap_slice(tap, out, stride)] @ delta).sum(axis=0) for tap in range(k_size)]
    )


def _columns(data: Array, count: int, k_size: int, stride: int) -> Array:
    """Return the windows as columns, (count, batch·out): rows that are long to copy, and ones below them."""
    batch, length, chan = data.shape
    out = window_count(length, k_size, stride)
    columns = _empty(data, count, batch, out)
    for row in range(k_size * chan):
        tap, channel = divmod(row, chan)
        columns[row] = data[:, tap_slice(tap, out, stride), channel]
    columns[k_size * chan :] = 1
    return columns.reshape(count, batch * out)


@reference.window_max.twin(np.ndarray)
def window_max(data: Array, k_size: int, stride: int) -> Array:
    """Take the larger of what there is and the next tap."""
    out = window_count(data.shape[1], k_size, stride)
    taps = [data[:, tap_slice(tap, out, stride)] for tap in range(k_size)]
    result = np.maximum(taps[0], taps[-1])
    for tap in taps[1:-1]:
        np.maximum(result, tap, out=result)
    return result


@reference.window_max_delta.twin(np.ndarray)
def window_max_delta(data: Array, output: Array, delta: Array, k_size: int, stride: int) -> Array:
    """Pass δ on from tap to tap until it reaches the maximum: one mask per tap."""
    if delta.dtype.char not in "fd" or delta.dtype != data.dtype:
        return reference.window_max_delta.reference(data, output, delta, k_size, stride)
    out = delta.shape[1]
    covered = stride == k_size and out * stride == data.shape[1]
    whole = (np.empty_like if covered else np.zeros_like)(delta, shape=data.shape, order="C")
    heres = [tap_slice(tap, out, stride) for tap in range(k_size)]
    apart = stride >= k_size  # windows do not overlap: each part is written once
    left = delta
    for here, following in pairwise(heres):
        place = whole[:, following] if apart else np.empty_like(delta)
        rest = where_or_zero(left, data[:, here] != output, out=place)
        if apart:
            where_zero(left, rest, out=whole[:, here])
        else:
            whole[:, here] += where_zero(left, rest, out=np.empty_like(delta))
        left = rest
    if k_size == 1:
        whole[:, heres[0]] = delta
    elif not apart:
        whole[:, heres[-1]] += left
    return whole


# ------------------------------------------------------------------ losses


@reference.cross_entropy.twin(np.ndarray)
def cross_entropy(scores: Array, weights: Array) -> tuple[Array, Array]:
    """Take the exponentials once; sum a few classes by BLAS, and find the largest across examples."""
    if scores.dtype.char not in "fd":
        return reference.cross_entropy.reference(scores, weights)
    batch, classes = scores.shape
    turned = _empty(scores, classes, batch)
    turned[...] = scores.T
    shifted = scores - turned.max(axis=0)[:, None]
    delta = np.exp(shifted)
    total = _row_sums(delta)
    delta *= (_row_sums(weights) / total)[:, None]
    delta -= weights
    shifted -= np.log(total)[:, None]
    where_or_zero(shifted, weights != 0, out=shifted)  # a class of weight 0 adds nothing, even at log 0
    shifted *= weights
    return -_row_sums(shifted), delta


@reference.logistic_cross_entropy.twin(np.ndarray)
def logistic_cross_entropy(scores: Array, y: Array) -> tuple[Array, Array]:
    """Take the exponentials once for the cost and the gradient."""
    small = np.abs(scores)
    np.negative(small, out=small)
    np.exp(small, out=small)  # e^-|z|
    delta = np.maximum(small, scores >= 0)  # 1 where z ≥ 0, else e^z: the sigmoid's numerator
    delta /= 1 + small
    delta -= y
    costs = np.log1p(small, out=small)
    costs += np.maximum(scores, 0)
    costs -= y * scores
    return sum_examples(costs), delta
