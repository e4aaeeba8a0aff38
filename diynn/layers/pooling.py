"""Pooling: one value per window and channel."""

from __future__ import annotations

from math import inf

from diynn.arrays import Array, BackendLike, namespace
from diynn.layers.padding import Windowed
from diynn.ops import overlap_add, window_max, window_max_delta, windows
from diynn.shapes import Shape, check_batch

__all__ = ["AvgPool1D", "MaxPool1D"]


class _Pool1D(Windowed):
    """Base of the poolings: windows of k_size steps, stride apart, in each channel separately."""

    input_shape = (None, None)

    def __init__(
        self,
        k_size: int,
        stride: int | None = None,
        *,
        padding: int | str = 0,
        backend: BackendLike = None,
    ) -> None:
        super().__init__(backend=backend)
        self._set_windows(k_size, k_size if stride is None else stride, padding)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.k_size}, {self.stride}{self._shown_padding()})"

    def output_shape(self, shape: Shape) -> Shape:
        """Return ((length + 2n - k_size) // stride + 1, channels)."""
        return (self._count(shape[0]), shape[1])


class MaxPool1D(_Pool1D):
    """The largest value of each window, in each channel.

    ::

        z[n, i, c] = max_t x[n, i·stride + t, c]
        ∂L/∂x[n, i·stride + argmax_t x[n, i·stride + t, c], c] += δ[n, i, c]    the first of equal maxima

    for n in the batch. x has ``padding`` = p times -∞ before and after the sequence:
    (batch, length, chan) → (batch, (length + 2p - k_size) // stride + 1, chan).

    Parameters
    ----------
    k_size : int
        Steps in a window.
    stride : int, optional
        Steps from one window to the next; None for k_size.
    padding : int or str
        p, steps before and after the sequence, at most half of k_size; ``"valid"`` for 0; ``"same"`` for
        as many in total as give ceil(length / stride) windows, an odd one at the end.
    backend : optional
        Accepted as by every layer; this one has no arrays.

    Raises
    ------
    ValueError, TypeError
        If a size is not a positive integer, or the padding is unknown; if a sequence with its padding is
        shorter than a window.

    Source: the course sheet's part on convolutions; there per channel as well.
    """

    per_example = pure = True
    outside = -inf

    def forward(self, data: Array) -> Array:
        """Return the maximum of each window."""
        check_batch(self, data)
        return window_max(self._padded(data), self.k_size, self.stride)

    def backward_delta(self, data: Array, delta: Array, *, output: Array | None = None) -> Array:
        """Return δ where each window has its first maximum, 0 elsewhere (eq. 2); ``output`` is z."""
        check_batch(self, data, delta)
        z = self.forward(data) if output is None else output
        back = window_max_delta(self._padded(data), z, delta, self.k_size, self.stride)
        return self._inside(back, data.shape[1])


class AvgPool1D(_Pool1D):
    """The mean of each window, in each channel.

    ::

        z[n, i, c] = (1/k) Σ_t x[n, i·stride + t, c]
        ∂L/∂x[n, i·stride + t, c] += δ[n, i, c] / k

    for n in the batch and windows of k steps. x has ``padding`` = p zeros before and after the sequence:
    (batch, length, chan) → (batch, (length + 2p - k) // stride + 1, chan).

    Parameters
    ----------
    k_size : int
        Steps in a window.
    stride : int, optional
        Steps from one window to the next; None for k_size.
    padding : int or str
        p, steps before and after the sequence; ``"valid"`` for 0; ``"same"`` for
        as many in total as give ceil(length / stride) windows, an odd one at the end.
    backend : optional
        Accepted as by every layer; this one has no arrays.

    Raises
    ------
    ValueError, TypeError
        If a size is not a positive integer, or the padding is unknown; if a sequence with its padding is
        shorter than a window.

    Source: the usual companion of :class:`MaxPool1D` (LeCun et al., 1990).
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return the mean of each window."""
        check_batch(self, data)
        return namespace(data).mean(windows(self._padded(data), self.k_size, self.stride), axis=2)

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ / k_size for each step of a window, added up where windows overlap (eq. 2)."""
        check_batch(self, data, delta)
        batch, out, chan = delta.shape
        share = (delta / self.k_size)[:, :, None, :]
        parts = namespace(data).broadcast_to(share, (batch, out, self.k_size, chan))
        length = data.shape[1]
        back = overlap_add(parts, length + sum(self._around(length)), self.stride)
        return self._inside(back, length)
