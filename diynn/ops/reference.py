"""The definitions, in pure Array API: what every twin in this folder must equal."""

from __future__ import annotations

import array_api_extra as xpx

from diynn.arrays import Array, device, namespace
from diynn.shapes import window_count


def windows(data: Array, k_size: int, stride: int) -> Array:
    """Return the windows (batch, out, k_size, chan) of a sequence (batch, length, chan).

    ``windows[b, i, t, c] = data[b, i * stride + t, c]`` with out = (length - k_size) // stride + 1.
    """
    span = stride * (window_count(data.shape[1], k_size, stride) - 1) + 1  # type: ignore[operator]
    taps = [data[:, tap : tap + span : stride, :] for tap in range(k_size)]
    return namespace(data).stack(taps, axis=2)


def overlap_add(parts: Array, length: int, stride: int) -> Array:
    """Add windows (batch, out, k_size, chan) back where they came from: (batch, length, chan).

    The adjoint of :func:`windows`: ⟨windows(x), p⟩ = ⟨x, overlap_add(p)⟩.
    """
    batch, out, k_size, chan = parts.shape
    span = stride * (out - 1) + 1
    whole = namespace(parts).zeros((batch, length, chan), dtype=parts.dtype, device=device(parts))
    for tap in range(k_size):
        whole = xpx.at(whole)[:, tap : tap + span : stride, :].add(parts[:, :, tap, :])
    return whole


def log_softmax(scores: Array) -> Array:
    """Return log softmax over the last axis: z - max z - log Σ exp(z - max z)."""
    xp = namespace(scores)
    shifted = scores - xp.max(scores, axis=-1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))


def sigmoid(data: Array) -> Array:
    """Return 1 / (1 + e^-x), written so that no exponential overflows and small values keep their digits."""
    xp = namespace(data)
    small = xp.exp(-xp.abs(data))
    return xp.where(data >= 0, xp.ones_like(small), small) / (1 + small)
