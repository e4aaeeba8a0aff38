"""Mistakes of layers on images, channels-last and channels-first."""

import numpy as np

from diynn.arrays import Array
from diynn.checking.diagnosis import images
from diynn.checking.diagnosis.mistakes import Facts, mistake

_LAST, _FIRST = images.LAYOUTS
Axes = tuple[int, int]


def _arguments(f: Facts) -> dict[str, int]:
    return {"k_size": f.k, "stride": f.stride}


def _window(i: int, j: int, axes: Axes, size: int, stride: int) -> tuple[slice, ...]:
    found = [slice(None)] * 4
    for axis, place in zip(axes, (i, j), strict=True):
        found[axis] = slice(place * stride, place * stride + size)
    return tuple(found)


def _back(f: Facts, axes: Axes, share: str, *, add: bool = True) -> Array:
    """Return the delta of the data: of windows at the ``"maximum"``, at ``"all"`` places, or a ``"mean"``."""
    back = np.zeros_like(f.x)
    for i, j in np.ndindex(f.delta.shape[axes[0]], f.delta.shape[axes[1]]):
        window = _window(i, j, axes, f.k, f.stride)
        data = f.x[window]
        one = f.delta[_window(i, j, axes, 1, 1)]
        weight = np.ones_like(data)
        if share == "maximum":
            weight = data == data.max(axis=axes, keepdims=True)
        elif share == "mean":
            weight /= f.k**2
        back[window] = weight * one + (back[window] if add else 0.0)
    return back


def _register(axes: Axes) -> None:
    place = images.LAYOUTS.index(axes)
    mistake("pool.mean_for_max", "MaxPool2D", "forward",
            lambda f: images.mean(_arguments(f), f.x, {})[place])  # fmt: skip
    mistake("pool.max_for_mean", "AvgPool2D", "forward",
            lambda f: images.maximum(_arguments(f), f.x, {})[place])  # fmt: skip
    mistake("pool.sum_for_mean", "AvgPool2D", "forward",
            lambda f: images.mean(_arguments(f), f.x, {})[place] * f.k**2)  # fmt: skip
    mistake("pool.everywhere", "MaxPool2D", "delta", lambda f: _back(f, axes, "all"))
    mistake("pool.shared", "MaxPool2D", "delta", lambda f: _back(f, axes, "mean"))
    mistake("conv.assigned", "MaxPool2D", "delta", lambda f: _back(f, axes, "maximum", add=False))
    mistake("conv.assigned", "AvgPool2D", "delta", lambda f: _back(f, axes, "mean", add=False))
    mistake("pool.not_divided", "AvgPool2D", "delta", lambda f: _back(f, axes, "all"))
    mistake("upsampling.first", "UpSampling2D", "delta", lambda f: f.delta[_every(f.k, axes)])
    mistake("upsampling.mean", "UpSampling2D", "delta",
            lambda f: images.windows(f.delta, axes, f.k, f.k).mean(axis=(-2, -1)))  # fmt: skip


def _every(step: int, axes: Axes) -> tuple[slice, ...]:
    return tuple(slice(None, None, step if axis in axes else None) for axis in range(4))


_register(_LAST)
_register(_FIRST)
mistake("flatten.times_data", "Flatten2D", "delta", lambda f: f.delta.reshape(f.x.shape) * f.x)
mistake("flatten.not_reshaped", "Flatten2D", "delta", lambda f: f.delta)
