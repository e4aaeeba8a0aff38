"""A linear layer that shares its weight with another."""

from __future__ import annotations

from diynn.arrays import Array, namespace
from diynn.layers.linear import Linear
from diynn.module import Module
from diynn.shapes import Shape, check


class Transposed(Module):
    """The way back through a `Linear`: its weight transposed, and a bias of its own.

    ::

        y = x Wᵀ + b           (batch, out) → (batch, in), W (in, out) of the other layer

    The weight stays the other layer's: it is read there at every call, its gradient is added to
    ``linear._gradient``, and the other layer alone updates and counts it. So both have to stand in the net
    that is trained, as encoder and decoder do. A batch is not split: two shares would add to one array.

    Parameters
    ----------
    linear : Linear
        The layer whose weight is shared.
    bias : bool
        Whether b is added. It is made where the parameters of `linear` live, starts at zero, and is all
        that this module has for parameters.

    Attributes
    ----------
    _bias, _bias_gradient : array (in,)

    Raises
    ------
    TypeError
        If `linear` is no `Linear`.
    ValueError
        If an argument has not the shape above.

    Source: the course sheet, "Mon cinquième se compresse": weight sharing.
    """

    def __init__(self, linear: Linear, *, bias: bool = True) -> None:
        if not isinstance(linear, Linear):
            raise TypeError(f"Transposed: `linear` must be a Linear, got {type(linear).__name__}")
        self.linear = linear
        self.input_shape = (linear.out_features,)
        if bias:
            weight = linear._parameters
            self._bias = namespace(weight).zeros_like(weight[:, 0])
            self.zero_grad()

    def __repr__(self) -> str:
        bias = "" if self._bias is not None else ", bias=False"
        return f"Transposed({self.linear!r}{bias})"

    def forward(self, data: Array) -> Array:
        """Return x Wᵀ + b."""
        check(self, data)
        output = data @ self.linear._parameters.T
        return output if self._bias is None else output + self._bias

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ W (eq. 2)."""
        check(self, data, delta)
        return delta @ self.linear._parameters

    def backward_update_gradient(self, data: Array, delta: Array) -> None:
        """Add δᵀ x to the gradient of the other layer, and the sum of δ to that of b (eq. 1)."""
        check(self, data, delta)
        shared = delta.T @ data
        # The other layer's turn comes later in the walk back: its gradient may still count as None.
        gradient = self.linear._gradient
        self.linear._gradient = shared if gradient is None else gradient + shared
        if self._bias is not None:
            self._bias_gradient = self._bias_gradient + namespace(delta).sum(delta, axis=0)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (in,)."""
        return (self.linear.in_features,)
