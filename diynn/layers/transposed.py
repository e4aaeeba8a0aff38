"""A linear layer that shares its weight with another."""

from __future__ import annotations

from diynn.arguments import flag
from diynn.arrays import Array, Backend, BackendLike, belongs, describe, find_backend, zeros_like
from diynn.layers.linear import Linear
from diynn.module import Module
from diynn.ops import bias_gradient, delta_product, like_rows, rows
from diynn.shapes import AXES, Shape, check_batch
from diynn.wording import shown

__all__ = ["Transposed"]


class Transposed(Module):
    """A linear layer with the transposed weight of a `Linear`, and a bias of its own.

    ::

        z = x Wᵀ + b           (batch, ..., out) → (batch, ..., in), W (in, out) of the other layer

    The weight belongs to the other layer: it is read there at every call, and its gradient is added to
    ``linear._gradient``. The other layer is a child of this one: a net with both, as encoder and decoder,
    trains, moves, saves and counts it once.

    Parameters
    ----------
    linear : Linear
        The layer whose weight is shared.
    bias : bool
        Whether b is added. It is on the backend of `linear`, and starts at zero.
    backend : optional
        Accepted as by every layer: it must be the backend of `linear`.

    Attributes
    ----------
    _bias, _bias_gradient : array (in,)

    Raises
    ------
    TypeError
        If `linear` is no `Linear`.
    ValueError
        If an argument does not have the shape above, or `linear` is on another backend.

    Source: the course sheet, "Mon cinquième se compresse": weight sharing.
    """

    per_example = pure = True

    def __init__(self, linear: Linear, *, bias: bool = True, backend: BackendLike = None) -> None:
        if not isinstance(linear, Linear):
            raise TypeError(f"Transposed: `linear` must be a Linear, got {shown(linear)}")
        if backend is not None:
            _raise_if_elsewhere(linear, find_backend(backend, owner="Transposed"))
        self.linear = linear
        self.input_shape = (AXES, linear.out_features)
        if flag("Transposed", "bias", bias):
            weight = linear._parameters
            self._bias = zeros_like(weight[:, 0])
            self._bias_gradient = zeros_like(weight[:, 0])

    def __repr__(self) -> str:
        bias = "" if self._bias is not None else ", bias=False"
        return f"Transposed({self.linear!r}{bias})"

    def forward(self, data: Array) -> Array:
        """Return x Wᵀ + b."""
        check_batch(self, data)
        output = delta_product(rows(data), self.linear._parameters)
        if self._bias is not None:
            output += self._bias
        return like_rows(output, data)

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ W (eq. 2)."""
        check_batch(self, data, delta)
        return like_rows(rows(delta) @ self.linear._parameters, delta)

    def backward_update_gradient(self, data: Array, delta: Array) -> None:
        """Add δᵀ x to the gradient of the other layer, and the sum of δ to that of b (eq. 1)."""
        check_batch(self, data, delta)
        self.linear._gradient += rows(delta).T @ rows(data)
        if self._bias is not None:
            self._bias_gradient += bias_gradient(delta)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (..., in)."""
        return (*shape[:-1], self.linear.in_features)


def _raise_if_elsewhere(linear: Linear, where: Backend) -> None:
    weight = linear._parameters
    if not belongs(weight, where.xp):
        raise ValueError(
            f"Transposed: `backend` must be where `linear` lives, whose weight is {describe(weight)}; "
            "linear.to(backend) moves it"
        )
