"""Functions applied to each value: tanh, sigmoid, ReLU."""

from __future__ import annotations

from diynn.arrays import Array, namespace
from diynn.module import Module
from diynn.ops import sigmoid, sigmoid_delta, tanh_delta
from diynn.shapes import check

__all__ = ["ReLU", "Sigmoid", "Tanh"]


class Tanh(Module):
    """The hyperbolic tangent of each value.

    ::

        y = tanh(x)            any shape (batch, ...), kept
        ∂y/∂x = 1 - y²

    Source: the course sheet, "Mon second est ... non-linéaire !".
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return tanh(x)."""
        check(self, data)
        return namespace(data).tanh(data)

    def backward_delta(self, data: Array, delta: Array, *, output: Array | None = None) -> Array:
        """Return δ (1 - y²) (eq. 2); ``output`` is y, where the caller has it."""
        check(self, data, delta)
        y = self.forward(data) if output is None else output
        return tanh_delta(delta, y)


class Sigmoid(Module):
    """The logistic function of each value.

    ::

        y = 1 / (1 + e^-x)     any shape (batch, ...), kept
        ∂y/∂x = y (1 - y)

    Source: the course sheet, "Mon second est ... non-linéaire !".
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return 1 / (1 + e^-x)."""
        check(self, data)
        return sigmoid(data)

    def backward_delta(self, data: Array, delta: Array, *, output: Array | None = None) -> Array:
        """Return δ y (1 - y) (eq. 2); ``output`` is y, where the caller has it."""
        check(self, data, delta)
        y = self.forward(data) if output is None else output
        return sigmoid_delta(delta, y)


class ReLU(Module):
    """The positive part of each value.

    ::

        y = max(x, 0)          any shape (batch, ...), kept
        ∂y/∂x = 1 where x > 0, else 0 (at the kink x = 0 as well)

    Source: the course sheet's part on convolutions; Nair and Hinton, 2010.
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return max(x, 0)."""
        check(self, data)
        return namespace(data).maximum(data, 0.0)

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ where x > 0, else 0 (eq. 2)."""
        check(self, data, delta)
        return namespace(data).where(data > 0, delta, 0.0)
