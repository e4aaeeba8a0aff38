"""Flatten: from sequences to vectors."""

from __future__ import annotations

from diynn.arrays import Array, namespace
from diynn.module import Module
from diynn.shapes import Shape, check_batch, size

__all__ = ["Flatten"]


class Flatten(Module):
    """Each example laid out as one vector, in C order.

    ::

        z = x.reshape(batch, length·chan)    (batch, length, chan) → (batch, length·chan)
        ∂L/∂x = δ.reshape(x.shape)

    Source: the course sheet's part on convolutions.
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return x as (batch, length·chan)."""
        check_batch(self, data)
        (values,) = self.output_shape(data.shape[1:])
        return namespace(data).reshape(data, (-1 if values else data.shape[0], values))

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ in the shape of x (eq. 2: the Jacobian is the identity)."""
        check_batch(self, data, delta)
        return namespace(delta).reshape(delta, data.shape)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (length·chan,)."""
        return (size(shape),)
