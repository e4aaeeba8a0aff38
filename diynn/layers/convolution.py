"""The convolution of a sequence."""

from __future__ import annotations

import numpy as np

from diynn.arrays import Array, BackendLike, DType
from diynn.initializers import Initializer, draw_parameters, he_uniform, zeros
from diynn.layers.padding import Windowed
from diynn.ops import bias_gradient, convolve, convolve_delta, convolve_gradient
from diynn.shapes import Shape, check_batch, positive

__all__ = ["Conv1D"]


class Conv1D(Windowed):
    """A linear map of each window of a sequence, the same for all windows, with a bias.

    ::

        z[n, i, o] = Σ_t Σ_c x[n, i·stride + t, c] W[t, c, o] + b[o]
        ∂L/∂x[n, i·stride + t, c] += Σ_o δ[n, i, o] W[t, c, o]
        ∂L/∂W[t, c, o] += Σ_n Σ_i x[n, i·stride + t, c] δ[n, i, o],   ∂L/∂b[o] += Σ_n Σ_i δ[n, i, o]

    for n in the batch. x has ``padding`` = p zeros before and after the sequence:
    (batch, length, chan_in) → (batch, (length + 2p - k_size) // stride + 1, chan_out).

    Parameters
    ----------
    k_size : int
        Steps in a window.
    chan_in, chan_out : int
        Channels of the input and of the output.
    stride : int
        Steps from one window to the next.
    padding : int or str
        p, steps of zeros before and after the sequence; ``"valid"`` for 0; ``"same"`` for as many in
        total as give ceil(length / stride) windows, an odd one at the end.
    bias : bool
        Whether b is added.
    init, bias_init : Initializer or str
        The laws of W and of b, each a function or a name of :data:`diynn.initializers.NAMES`; the fans are
        k_size·chan_in and k_size·chan_out.
    rng : seed or numpy.random.Generator, optional
        Draws W and b, on the host.
    backend, dtype : optional
        The backend and dtype of the parameters, as in :func:`diynn.asarray`.

    Attributes
    ----------
    _parameters, _gradient : array (k_size, chan_in, chan_out)
    _bias, _bias_gradient : array (chan_out,)

    Raises
    ------
    ValueError, TypeError
        If a size is not a positive integer, or the padding or a law is unknown; if a sequence with its
        padding is shorter than a window, or an argument does not have the shape or dtype above.

    Source: the course sheet's part on convolutions.
    """

    per_example = pure = True

    def __init__(
        self,
        k_size: int,
        chan_in: int,
        chan_out: int,
        stride: int = 1,
        *,
        padding: int | str = 0,
        bias: bool = True,
        init: Initializer | str = he_uniform,
        bias_init: Initializer | str = zeros,
        rng: int | np.random.Generator | None = None,
        backend: BackendLike = None,
        dtype: DType = None,
    ) -> None:
        self._set_windows(k_size, stride, padding)
        self.chan_in = positive("Conv1D", "chan_in", chan_in)
        self.chan_out = positive("Conv1D", "chan_out", chan_out)
        self.input_shape = (None, self.chan_in)
        shape = (self.k_size, self.chan_in, self.chan_out)
        fans = self.k_size * self.chan_in, self.k_size * self.chan_out
        drawn = draw_parameters("Conv1D", init, bias_init, rng, shape, *fans, bias=bias)
        self._set_parameters(*drawn, backend, dtype)

    def __repr__(self) -> str:
        sizes = f"{self.k_size}, {self.chan_in}, {self.chan_out}"
        stride = f", stride={self.stride}" if self.stride > 1 else ""
        bias = "" if self._bias is not None else ", bias=False"
        return f"Conv1D({sizes}{stride}{self._shown_padding()}{bias})"

    def forward(self, data: Array) -> Array:
        """Return the windows of x times W, plus b."""
        check_batch(self, data)
        return convolve(self._padded(data), self._parameters, self._bias, self.stride)

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ Wᵀ for each window, added up where windows overlap (eq. 2)."""
        check_batch(self, data, delta)
        length = data.shape[1]
        around = sum(self._around(length))
        back = convolve_delta(delta, self._parameters, length + around, self.stride)
        return self._inside(back, length)

    def backward_update_gradient(self, data: Array, delta: Array) -> None:
        """Add windowsᵀ δ, and the sum of δ over the batch and the windows for the bias (eq. 1)."""
        check_batch(self, data, delta)
        product = convolve_gradient(self._padded(data), delta, self.k_size, self.stride)
        self._gradient += product
        if self._bias is not None:
            self._bias_gradient += bias_gradient(delta)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ((length + 2n - k_size) // stride + 1, chan_out)."""
        return (self._count(shape[0]), self.chan_out)
