"""Activation functions, applied to each value: tanh, sigmoid, ReLU, leaky ReLU, GELU."""

from __future__ import annotations

from math import pi, sqrt

from diynn.arrays import Array, BackendLike, namespace
from diynn.module import Module
from diynn.ops import sigmoid, sigmoid_delta, tanh_delta
from diynn.shapes import check_batch, fraction

__all__ = ["GELU", "LeakyReLU", "ReLU", "Sigmoid", "Tanh"]


class Tanh(Module):
    """The hyperbolic tangent of each value.

    ::

        z = tanh(x)                       any shape (batch, ...), kept
        ∂L/∂x = δ (1 - tanh(x)²)

    Source: the course sheet, "Mon second est ... non-linéaire !".
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return tanh(x)."""
        check_batch(self, data)
        return namespace(data).tanh(data)

    def backward_delta(self, data: Array, delta: Array, *, output: Array | None = None) -> Array:
        """Return δ (1 - z²) (eq. 2); ``output`` is z, where the caller has it."""
        check_batch(self, data, delta)
        z = self.forward(data) if output is None else output
        return tanh_delta(delta, z)


class Sigmoid(Module):
    """The logistic function of each value.

    ::

        s = 1 / (1 + e^-x)                any shape (batch, ...), kept
        ∂L/∂x = δ s (1 - s),   s = 1 / (1 + e^-x)

    Source: the course sheet, "Mon second est ... non-linéaire !".
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return 1 / (1 + e^-x)."""
        check_batch(self, data)
        return sigmoid(data)

    def backward_delta(self, data: Array, delta: Array, *, output: Array | None = None) -> Array:
        """Return δ s (1 - s) (eq. 2); ``output`` is s, where the caller has it."""
        check_batch(self, data, delta)
        s = self.forward(data) if output is None else output
        return sigmoid_delta(delta, s)


class ReLU(Module):
    """The positive part of each value.

    ::

        z = max(x, 0)                     any shape (batch, ...), kept
        ∂L/∂x = δ · 1[x > 0]              0 at the kink x = 0

    Source: the course sheet's part on convolutions; Nair and Hinton, 2010.
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return max(x, 0)."""
        check_batch(self, data)
        return namespace(data).maximum(data, 0.0)

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ where x > 0, else 0 (eq. 2)."""
        check_batch(self, data, delta)
        return namespace(data).where(data > 0, delta, 0.0)


class LeakyReLU(Module):
    """The positive part of each value, and a small slope for the negative part.

    ::

        z = x where x > 0, else a x       any shape (batch, ...), kept
        ∂L/∂x = δ where x > 0, else a δ   a δ at the kink x = 0

    Parameters
    ----------
    slope : float
        a, in [0, 1).
    backend : optional
        Accepted as by every layer; this one has no arrays.

    Raises
    ------
    ValueError
        If a is not in [0, 1).

    Source: Maas, Hannun and Ng, 2013.
    """

    per_example = pure = True

    def __init__(self, slope: float = 0.01, *, backend: BackendLike = None) -> None:
        super().__init__(backend=backend)
        self.slope = fraction("LeakyReLU", "slope", slope)

    def __repr__(self) -> str:
        return f"LeakyReLU({self.slope})"

    def forward(self, data: Array) -> Array:
        """Return x where x > 0, else a x."""
        check_batch(self, data)
        return namespace(data).where(data > 0, data, self.slope * data)

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ where x > 0, else a δ (eq. 2)."""
        check_batch(self, data, delta)
        return namespace(data).where(data > 0, delta, self.slope * delta)


class GELU(Module):
    """Each value times the normal distribution function at it, by the usual approximation.

    ::

        z = x/2 (1 + t),   t = tanh(√(2/π) (x + 0.044715 x³))      any shape (batch, ...), kept
        ∂L/∂x = δ (1/2 (1 + t) + x/2 (1 - t²) √(2/π) (1 + 3 · 0.044715 x²))

    Source: Hendrycks and Gimpel, 2016, section 2.
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return x/2 (1 + t)."""
        check_batch(self, data)
        return 0.5 * data * (1 + self._t(data))

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ ∂z/∂x (eq. 2)."""
        check_batch(self, data, delta)
        t = self._t(data)
        slope = sqrt(2 / pi) * (1 + 3 * 0.044715 * data * data)
        return delta * (0.5 * (1 + t) + 0.5 * data * (1 - t * t) * slope)

    def _t(self, data: Array) -> Array:
        return namespace(data).tanh(sqrt(2 / pi) * (data + 0.044715 * data * data * data))
