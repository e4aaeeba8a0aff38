"""The linear layer."""

from __future__ import annotations

import numpy as np

from diynn.arrays import Array, BackendLike, DType
from diynn.initializers import Initializer, draw_parameters, he_uniform, zeros
from diynn.module import Module
from diynn.ops import bias_gradient, delta_product, like_rows, rows
from diynn.shapes import AXES, Shape, check_batch, positive

__all__ = ["Linear"]


class Linear(Module):
    """A linear map of each example, or of each vector in it, with a bias.

    ::

        z = x W + b                       (batch, ..., in) → (batch, ..., out)
        ∂L/∂x = δ Wᵀ
        ∂L/∂W += xᵀ δ,   ∂L/∂b += Σ_batch δ

    Parameters
    ----------
    in_features, out_features : int
        Sizes of one input and of one output.
    bias : bool
        Whether b is added.
    init, bias_init : Initializer or str
        The laws of W and of b, each a function or a name of :data:`diynn.initializers.NAMES`.
    rng : seed or numpy.random.Generator, optional
        Draws W and b, on the host.
    backend, dtype : optional
        The backend and dtype of the parameters, as in :func:`diynn.asarray`.

    Attributes
    ----------
    _parameters, _gradient : array (in, out)
    _bias, _bias_gradient : array (out,)

    Raises
    ------
    ValueError, TypeError
        If a size is not a positive integer, if a law is unknown, or if an argument does not have the
        shape or dtype above.

    Source: the course sheet, "Mon premier est ... linéaire !".
    """

    per_example = pure = True

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        init: Initializer | str = he_uniform,
        bias_init: Initializer | str = zeros,
        rng: int | np.random.Generator | None = None,
        backend: BackendLike = None,
        dtype: DType = None,
    ) -> None:
        self.in_features = positive("Linear", "in_features", in_features)
        self.out_features = positive("Linear", "out_features", out_features)
        self.input_shape = (AXES, self.in_features)
        shape = (self.in_features, self.out_features)
        drawn = draw_parameters("Linear", init, bias_init, rng, shape, *shape, bias=bias)
        self._set_parameters(*drawn, backend, dtype)

    def __repr__(self) -> str:
        bias = "" if self._bias is not None else ", bias=False"
        return f"Linear({self.in_features}, {self.out_features}{bias})"

    def forward(self, data: Array) -> Array:
        """Return x W + b."""
        check_batch(self, data)
        output = rows(data) @ self._parameters
        if self._bias is not None:
            output += self._bias
        return like_rows(output, data)

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ Wᵀ (eq. 2)."""
        check_batch(self, data, delta)
        return like_rows(delta_product(rows(delta), self._parameters), delta)

    def backward_update_gradient(self, data: Array, delta: Array) -> None:
        """Add xᵀ δ, and the sum of δ for the bias, over the batch and all axes but the last (eq. 1)."""
        check_batch(self, data, delta)
        self._gradient += rows(data).T @ rows(delta)
        if self._bias is not None:
            self._bias_gradient += bias_gradient(delta)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (..., out)."""
        return (*shape[:-1], self.out_features)
