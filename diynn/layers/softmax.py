"""Softmax and its logarithm, with their full Jacobian."""

from __future__ import annotations

from diynn.arrays import Array, namespace
from diynn.module import Module
from diynn.ops import log_softmax
from diynn.shapes import Shape, check_batch, check_scores

__all__ = ["LogSoftmax", "Softmax"]


class Softmax(Module):
    """A distribution over the last axis.

    ::

        y_i = e^z_i / Σ_k e^z_k            (batch, ..., classes), kept
        ∂y_k/∂z_i = y_k (1[i = k] - y_i)

    The maximum is subtracted from the scores first, which prevents overflow and changes nothing else.
    Every output depends on every score of its example, so the delta is not an elementwise product.

    Source: the course sheet, "Mon quatrième est multi-classe".
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return e^z / Σ e^z over the last axis."""
        check_batch(self, data)
        xp = namespace(data)
        y = xp.exp(data - xp.max(data, axis=-1, keepdims=True))
        y /= xp.sum(y, axis=-1, keepdims=True)
        return y

    def backward_delta(self, data: Array, delta: Array, *, output: Array | None = None) -> Array:
        """Return y (δ - Σ_k δ_k y_k) (eq. 2); ``output`` is y, where the caller has it."""
        check_batch(self, data, delta)
        y = self.forward(data) if output is None else output
        return y * (delta - namespace(data).sum(delta * y, axis=-1, keepdims=True))

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the scores."""
        check_scores(self, shape)
        return shape


class LogSoftmax(Module):
    """The logarithm of a distribution over the last axis.

    ::

        y_i = z_i - log Σ_k e^z_k          (batch, ..., classes), kept
        ∂y_k/∂z_i = 1[i = k] - softmax(z)_i

    Source: the course sheet, "Mon quatrième est multi-classe".
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return z - log Σ e^z over the last axis."""
        check_batch(self, data)
        return log_softmax(data)

    def backward_delta(self, data: Array, delta: Array, *, output: Array | None = None) -> Array:
        """Return δ - softmax(z) Σ_k δ_k (eq. 2); ``output`` is y, where the caller has it."""
        check_batch(self, data, delta)
        xp = namespace(data)
        y = self.forward(data) if output is None else output
        return delta - xp.exp(y) * xp.sum(delta, axis=-1, keepdims=True)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the scores."""
        check_scores(self, shape)
        return shape
