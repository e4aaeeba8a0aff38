"""The right outputs of common layers on images, channels-last and channels-first.

diynn itself has no two-dimensional layers. Images are (batch, height, width, chan) or
(batch, chan, height, width); the data fit both, and both outputs are right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import numpy as np

from diynn.arrays import Array

#: The axes of height and width, channels-last and channels-first.
LAYOUTS: tuple[tuple[int, int], ...] = ((1, 2), (2, 3))


def windows(data: Array, axes: tuple[int, int], size: int, stride: int) -> Array:
    """Return the windows over two axes with one stride; their axes come last."""
    found: Array = np.lib.stride_tricks.sliding_window_view(data, (size, size), axis=axes)
    kept: list[Any] = [slice(None)] * data.ndim
    for axis in axes:
        kept[axis] = slice(None, None, stride)
    return found[(*kept, ...)]


def _pooled(take: Callable[..., Array]) -> Callable[..., list[Array]]:
    def formula(arguments: Mapping[str, int], data: Array, parameters: Mapping[Any, Array]) -> list[Array]:
        size, stride = arguments["k_size"], arguments["stride"]
        return [take(windows(data, axes, size, stride), axis=(-2, -1)) for axes in LAYOUTS]

    return formula


maximum = _pooled(np.max)
mean = _pooled(np.mean)


def flat(arguments: Mapping[str, int], data: Array, parameters: Mapping[Any, Array]) -> list[Array]:
    """Return the images flattened."""
    return [data.reshape(len(data), -1)]


def repeated(arguments: Mapping[str, int], data: Array, parameters: Mapping[Any, Array]) -> list[Array]:
    """Return each value as a square of ``k_size`` values."""
    size = arguments["k_size"]
    return [data.repeat(size, axis=first).repeat(size, axis=second) for first, second in LAYOUTS]


def convolved(arguments: Mapping[str, int], data: Array, parameters: Mapping[Any, Array]) -> list[Array]:
    """Return the convolutions with the weights' axes in every order that fits."""
    arrays = sorted(parameters.values(), key=lambda array: -array.ndim)
    if not arrays or arrays[0].ndim != 4 or len(arrays) > 2:
        return []
    size, chan_in, chan_out = arguments["k_size"], arguments["chan_in"], arguments["chan_out"]
    bias = arrays[1].reshape(-1) if len(arrays) == 2 else np.zeros(chan_out)
    found = []
    for order in permutations(range(4)):
        weights = arrays[0].transpose(order)
        if weights.shape != (size, size, chan_in, chan_out):
            continue
        last = np.einsum("nijctu,tuco->nijo", windows(data, (1, 2), size, arguments["stride"]), weights)
        first = np.einsum("ncijtu,tuco->noij", windows(data, (2, 3), size, arguments["stride"]), weights)
        found += [last + bias, first + bias[:, None, None]]
    return found
