"""Pooling: one value a window and channel."""

from __future__ import annotations

from diynn.arrays import Array, BackendLike, namespace
from diynn.module import Module
from diynn.ops import overlap_add, window_max, window_max_delta, windows
from diynn.shapes import Shape, check, check_window, positive, window_count

__all__ = ["AvgPool1D", "MaxPool1D"]


class _Pool1D(Module):
    """What poolings share: windows of k_size steps, stride apart, in each channel on its own."""

    input_shape = (None, None)

    def __init__(self, k_size: int, stride: int | None = None, *, backend: BackendLike = None) -> None:
        super().__init__(backend=backend)
        self.k_size = positive(type(self).__name__, "k_size", k_size)
        self.stride = self.k_size if stride is None else positive(type(self).__name__, "stride", stride)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.k_size}, {self.stride})"

    def output_shape(self, shape: Shape) -> Shape:
        """Return ((length - k_size) // stride + 1, channels)."""
        check_window(self, shape[0])
        return (window_count(shape[0], self.k_size, self.stride), shape[1])


class MaxPool1D(_Pool1D):
    """The largest value of each window, in each channel.

    ::

        y[b, i, c] = max_t x[b, i·stride + t, c]

        (batch, length, chan) → (batch, (length - k_size) // stride + 1, chan)

    A delta goes back to where the maximum was, to the first where several are equal, and adds up where
    windows overlap.

    Parameters
    ----------
    k_size : int
        Steps in a window.
    stride : int, optional
        Steps from one window to the next; None for k_size.
    backend : optional
        Taken as by every layer; this one has no arrays.

    Raises
    ------
    ValueError, TypeError
        If a size is not a positive integer, or if a sequence is shorter than a window.

    Source: the course sheet's part on convolutions; there per channel as well.
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return the maximum of each window."""
        check(self, data)
        return window_max(data, self.k_size, self.stride)

    def backward_delta(self, data: Array, delta: Array, *, output: Array | None = None) -> Array:
        """Return δ where each window has its first maximum, 0 elsewhere (eq. 2); ``output`` is y."""
        check(self, data, delta)
        y = self.forward(data) if output is None else output
        return window_max_delta(data, y, delta, self.k_size, self.stride)


class AvgPool1D(_Pool1D):
    """The mean of each window, in each channel.

    ::

        y[b, i, c] = 1/k_size Σ_t x[b, i·stride + t, c]

        (batch, length, chan) → (batch, (length - k_size) // stride + 1, chan)

    Parameters
    ----------
    k_size : int
        Steps in a window.
    stride : int, optional
        Steps from one window to the next; None for k_size.
    backend : optional
        Taken as by every layer; this one has no arrays.

    Raises
    ------
    ValueError, TypeError
        If a size is not a positive integer, or if a sequence is shorter than a window.

    Source: the usual companion of :class:`MaxPool1D` (LeCun et al., 1990).
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return the mean of each window."""
        check(self, data)
        return namespace(data).mean(windows(data, self.k_size, self.stride), axis=2)

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ / k_size for each step of a window, added up where windows overlap (eq. 2)."""
        check(self, data, delta)
        batch, out, chan = delta.shape
        share = (delta / self.k_size)[:, :, None, :]
        parts = namespace(data).broadcast_to(share, (batch, out, self.k_size, chan))
        return overlap_add(parts, data.shape[1], self.stride)
