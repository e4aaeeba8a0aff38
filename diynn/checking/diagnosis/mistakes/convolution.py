"""Mistakes of the convolution and the poolings, mostly of the stride and of overlapping windows."""

from collections.abc import Callable, Iterator

import numpy as np

from diynn.arrays import Array
from diynn.checking.diagnosis.mistakes import Facts, mistake

POOLS = "MaxPool1D AvgPool1D"


def _out(f: Facts, stride: int | None = None) -> int:
    count: int = (f.x.shape[1] - f.k) // (stride or f.stride) + 1
    return count


def _windows(f: Facts, starts: Iterator[int] | range) -> Array:
    """Return the windows (batch, out, k, chan) that begin at ``starts``."""
    return np.stack([f.x[:, i : i + f.k] for i in starts], axis=1)


def _value(f: Facts, windows: Array) -> Array:
    """Return the output of the layer for windows."""
    if f.W is not None:
        found = np.einsum("nitc,tco->nio", windows, f.W)
        return found if f.b is None else found + f.b
    found = windows.max(axis=2) if f.kind == "MaxPool1D" else windows.mean(axis=2)
    return np.asarray(found)


def _forward(starts: Callable[[Facts], range]) -> Callable[[Facts], Array]:
    return lambda f: _value(f, _windows(f, starts(f)))


LAYERS = "Conv1D " + POOLS

# ------------------------------------------------------------ forward


@mistake("conv.column_i", LAYERS, "forward")
def _column_i(f: Facts) -> Array:
    """Write the window that begins at i to column i, of an output of the right size.

    ``for i in range(0, size, stride): out[:, i] = ... X[:, i : i + k]`` does it
    """
    windows = _windows(f, range(0, f.x.shape[1] - f.k + 1, f.stride))
    values = _value(f, windows)
    out = np.zeros_like(values)
    for place, i in enumerate(range(0, f.x.shape[1] - f.k + 1, f.stride)):
        if i < out.shape[1]:
            out[:, i] = values[:, place]
    return out


@mistake("conv.column_i", LAYERS, "forward")
def _column_i_wide(f: Facts) -> Array:
    """Write it to column i of an output as wide as at stride 1."""
    values = _value(f, _windows(f, range(0, f.x.shape[1] - f.k + 1, f.stride)))
    out = np.zeros((f.batch, _out(f, 1), values.shape[2]))
    out[:, : f.stride * values.shape[1] : f.stride] = values
    return out


@mistake("conv.half", LAYERS, "forward")
def _half_compact(f: Facts) -> Array:
    """Step through the output's size by the stride, and keep those windows one after another."""
    return _value(f, _windows(f, range(0, _out(f), f.stride)))


mistake("conv.no_stride", LAYERS, "forward", _forward(lambda f: range(_out(f))))
mistake("conv.no_stride", LAYERS, "forward", _forward(lambda f: range(_out(f, 1))))
mistake("conv.last_window", LAYERS, "forward", _forward(lambda f: range(0, f.x.shape[1] - f.k, f.stride)))
mistake("conv.last_window_zero", LAYERS, "forward",
        lambda f: np.concatenate([f.right[:, :-1], np.zeros_like(f.right[:, :1])], axis=1))  # fmt: skip
mistake("pool.stride_is_k", LAYERS, "forward",
        _forward(lambda f: range(0, f.x.shape[1] - f.k + 1, f.k)))  # fmt: skip
mistake("conv.flipped", "Conv1D", "forward",
        lambda f: np.einsum("nitc,tco->nio", _right_windows(f), f.W[::-1]) + f.b)  # fmt: skip
mistake("linear.no_bias", "Conv1D", "forward", lambda f: np.einsum("nitc,tco->nio", _right_windows(f), f.W))
mistake("conv.mean", "Conv1D", "forward",
        lambda f: np.einsum("nitc,tco->nio", _right_windows(f), f.W) / f.k + f.b)  # fmt: skip
mistake("conv.first_channel", "Conv1D", "forward",
        lambda f: np.einsum("nit,to->nio", _right_windows(f)[..., 0], f.W[:, 0]) + f.b)  # fmt: skip
mistake("pool.over_channels", "MaxPool1D", "forward", lambda f: _right_windows(f).max(axis=(2, 3)))
mistake("pool.over_channels", "MaxPool1D", "forward",
        lambda f: np.broadcast_to(_right_windows(f).max(axis=(2, 3))[..., None], f.right.shape))  # fmt: skip
mistake("pool.mean_for_max", "MaxPool1D", "forward", lambda f: _right_windows(f).mean(axis=2))
mistake("pool.max_for_mean", "AvgPool1D", "forward", lambda f: _right_windows(f).max(axis=2))
mistake("pool.sum_for_mean", "AvgPool1D", "forward", lambda f: _right_windows(f).sum(axis=2))
mistake("pool.index_for_value", "MaxPool1D", "forward", lambda f: _right_windows(f).argmax(axis=2) * 1.0)


def _right_windows(f: Facts) -> Array:
    return _windows(f, range(0, f.x.shape[1] - f.k + 1, f.stride))


def _laid_otherwise(f: Facts) -> Array:
    """Return the windows (k, chan) reshaped to (chan, k), instead of transposed."""
    windows = _right_windows(f)
    return windows.reshape(*windows.shape[:2], windows.shape[3], windows.shape[2])


mistake("conv.axes", "Conv1D", "forward",
        lambda f: np.einsum("nict,tco->nio", _laid_otherwise(f), f.W) + f.b)  # fmt: skip
mistake("conv.axes", "Conv1D", "forward", lambda f: np.einsum("nict,tco->nio", _laid_otherwise(f), f.W))

# ------------------------------------------------------------ delta


def _parts(f: Facts) -> Array:
    """Return the delta of each window (batch, out, k, chan)."""
    if f.W is not None:
        return np.einsum("nio,tco->nitc", f.delta, f.W)
    if f.kind == "AvgPool1D":
        return np.repeat(f.delta[:, :, None, :] / f.k, f.k, axis=2)
    hit = _right_windows(f).argmax(axis=2)[:, :, None, :] == np.arange(f.k)[None, None, :, None]
    return np.where(hit, f.delta[:, :, None, :], 0.0)


def _scatter(f: Facts, parts: Array, *, stride: int | None = None, add: bool = True) -> Array:
    back = np.zeros_like(f.x)
    for i in range(parts.shape[1]):
        start = i * (f.stride if stride is None else stride)
        stop = min(start + f.k, back.shape[1])
        if add:
            back[:, start:stop] += parts[:, i, : stop - start]
        else:
            back[:, start:stop] = parts[:, i, : stop - start]
    return back


mistake("conv.assigned", LAYERS, "delta", lambda f: _scatter(f, _parts(f), add=False))


@mistake("conv.assigned", "MaxPool1D", "delta")
def _assigned_at_maximum(f: Facts) -> Array:
    """Assign at the maximum instead of adding: the last window overwrites."""
    back = np.zeros_like(f.x)
    for n, i, c in np.ndindex(f.delta.shape):
        start = i * f.stride
        back[n, start + np.argmax(f.x[n, start : start + f.k, c]), c] = f.delta[n, i, c]
    return back


mistake("conv.no_stride", LAYERS, "delta", lambda f: _scatter(f, _parts(f), stride=1))
mistake("conv.no_stride", LAYERS, "delta", lambda f: _scatter(f, _parts(f), stride=1, add=False))


@mistake("conv.column_i", LAYERS, "delta")
def _column_i_delta(f: Facts) -> Array:
    """Use delta[:, i] for the window that begins at i, as long as there is one."""
    back = np.zeros_like(f.x)
    parts = _parts(f)
    for i in range(0, min(f.x.shape[1] - f.k + 1, f.delta.shape[1]), f.stride):
        back[:, i : i + f.k] += parts[:, i]
    return back


@mistake("conv.column_i", "MaxPool1D", "delta")
def _column_i_assigned(f: Facts) -> Array:
    """Do the same, and assign at the maximum."""
    back = np.zeros_like(f.x)
    for i in range(0, min(f.x.shape[1] - f.k + 1, f.delta.shape[1]), f.stride):
        index = f.x[:, i : i + f.k].argmax(axis=1) + i
        np.put_along_axis(back, index[:, None], f.delta[:, i : i + 1], axis=1)
    return back


@mistake("conv.axes", "Conv1D", "delta")
def _axes(f: Facts) -> Array:
    """Read each window's taps and channels in the other order."""
    parts = _parts(f)
    return _scatter(f, parts.reshape(*parts.shape[:2], parts.shape[3], parts.shape[2]).swapaxes(2, 3))


mistake("pool.everywhere", "MaxPool1D", "delta", lambda f: np.repeat(f.delta, f.k, axis=1))
mistake("conv.flipped", "Conv1D", "delta", lambda f: _scatter(f, _parts(f)[:, :, ::-1]))
mistake("conv.last_window", LAYERS, "delta", lambda f: _scatter(f, _parts(f)[:, :-1]))
mistake("pool.everywhere", "MaxPool1D", "delta",
        lambda f: _scatter(f, np.repeat(f.delta[:, :, None], f.k, axis=2)))  # fmt: skip
mistake("pool.everywhere", "MaxPool1D", "delta",
        lambda f: _scatter(f, np.repeat(f.delta[:, :, None], f.k, axis=2), add=False))  # fmt: skip
mistake("pool.shared", "MaxPool1D", "delta",
        lambda f: _scatter(f, np.repeat(f.delta[:, :, None] / f.k, f.k, axis=2)))  # fmt: skip
mistake("pool.not_divided", "AvgPool1D", "delta",
        lambda f: _scatter(f, np.repeat(f.delta[:, :, None], f.k, axis=2)))  # fmt: skip
mistake("activation.no_delta", "MaxPool1D", "delta",
        lambda f: _scatter(f, (_parts(f) != 0) * 1.0))  # fmt: skip
mistake("activation.no_delta", "MaxPool1D", "delta",
        lambda f: _scatter(f, (_parts(f) != 0) * 1.0, add=False))  # fmt: skip
mistake("flatten.times_data", "MaxPool1D", "delta", lambda f: _scatter(f, _parts(f)) * f.x)


def _at_index(f: Facts, index: Array, *, add: bool = True) -> Array:
    back = np.zeros_like(f.x)
    for n, i, c in np.ndindex(f.delta.shape):
        back[n, index[n, i, c], c] = f.delta[n, i, c] + (back[n, index[n, i, c], c] if add else 0)
    return back


mistake("pool.no_offset", "MaxPool1D", "delta", lambda f: _at_index(f, _right_windows(f).argmax(axis=2)))
mistake("pool.no_offset", "MaxPool1D", "delta",
        lambda f: _at_index(f, _right_windows(f).argmax(axis=2), add=False))  # fmt: skip


@mistake("pool.offset_i", "MaxPool1D", "delta")
def _offset_i(f: Facts) -> Array:
    index = _right_windows(f).argmax(axis=2) + np.arange(f.delta.shape[1])[None, :, None]
    return _at_index(f, index)


@mistake("pool.over_channels", "MaxPool1D", "delta")
def _first_channel(f: Facts) -> Array:
    """Put the delta of every channel at the maximum of channel 0."""
    index = _right_windows(f).argmax(axis=2)[:, :, :1] + np.arange(f.delta.shape[1])[None, :, None] * f.stride
    return _at_index(f, np.broadcast_to(index, f.delta.shape))


# ------------------------------------------------------------ gradient


def _weights_gradient(f: Facts, windows: Array, delta: Array) -> Array:
    return np.asarray(np.einsum("nitc,nio->tco", windows, delta))


mistake("conv.gradient_assigned", "Conv1D", "gradient",
        lambda f: {"W": _weights_gradient(f, _right_windows(f)[:, -1:], f.delta[:, -1:])})  # fmt: skip
mistake("conv.gradient_assigned", "Conv1D", "gradient",
        lambda f: {"W": _weights_gradient(f, _right_windows(f)[:, -1:], f.delta[:, -1:]),
                   "b": f.delta[:, -1].sum(axis=0)})  # fmt: skip
mistake("conv.no_stride", "Conv1D", "gradient",
        lambda f: {"W": _weights_gradient(f, _windows(f, range(_out(f))), f.delta)})  # fmt: skip


@mistake("conv.column_i", "Conv1D", "gradient")
def _column_i_gradient(f: Facts) -> dict[str, Array]:
    starts = range(0, min(f.x.shape[1] - f.k + 1, f.delta.shape[1]), f.stride)
    return {"W": _weights_gradient(f, _windows(f, starts), f.delta[:, list(starts)])}


mistake("conv.axes", "Conv1D", "gradient",
        lambda f: {"W": np.einsum("nict,nio->tco", _laid_otherwise(f), f.delta)})  # fmt: skip
mistake("conv.last_window", "Conv1D", "gradient",
        lambda f: {"W": _weights_gradient(f, _right_windows(f)[:, :-1], f.delta[:, :-1])})  # fmt: skip
mistake("conv.flipped", "Conv1D", "gradient",
        lambda f: {"W": _weights_gradient(f, _right_windows(f), f.delta)[::-1]})  # fmt: skip
mistake("conv.gradient_per_window", "Conv1D", "gradient",
        lambda f: {key: value / f.delta.shape[1] for key, value in f.right.items()})  # fmt: skip
mistake("conv.gradient_per_window", "Conv1D", "gradient",
        lambda f: {"W": f.right["W"] / f.delta.shape[1]})  # fmt: skip
mistake("conv.gradient_per_window", "Conv1D", "gradient",
        lambda f: {"W": f.right["W"] / (f.batch * f.delta.shape[1]),
                   "b": f.right["b"] / (f.batch * f.delta.shape[1])})  # fmt: skip
