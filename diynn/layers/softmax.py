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

        s_ni = e^x_ni / Σ_k e^x_nk                   (batch, ..., classes), kept
        s_i = e^(x_i - max x) / Σ_k e^(x_k - max x)    the same, without overflow
        ∂L/∂x_i = s_i (δ_i - Σ_k δ_k s_k)

    Every output depends on every score of its example, so the delta is not an elementwise product.

    Source: the course sheet, "Mon quatrième est multi-classe".
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return e^x / Σ e^x over the last axis."""
        check_batch(self, data)
        xp = namespace(data)
        s = xp.exp(data - xp.max(data, axis=-1, keepdims=True))
        s /= xp.sum(s, axis=-1, keepdims=True)
        return s

    def backward_delta(self, data: Array, delta: Array, *, output: Array | None = None) -> Array:
        """Return s (δ - Σ_k δ_k s_k) (eq. 2); ``output`` is s, where the caller has it."""
        check_batch(self, data, delta)
        s = self.forward(data) if output is None else output
        return s * (delta - namespace(data).sum(delta * s, axis=-1, keepdims=True))

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the scores."""
        check_scores(self, shape)
        return shape


class LogSoftmax(Module):
    """The logarithm of a distribution over the last axis.

    ::

        z_i = x_i - log Σ_k e^x_k                            (batch, ..., classes), kept
        z_i = (x_i - max x) - log Σ_k e^(x_k - max x)        the same, without overflow
        ∂L/∂x_i = δ_i - softmax(x)_i Σ_k δ_k

    Source: the course sheet, "Mon quatrième est multi-classe".
    """

    per_example = pure = True

    def forward(self, data: Array) -> Array:
        """Return x - log Σ e^x over the last axis."""
        check_batch(self, data)
        return log_softmax(data)

    def backward_delta(self, data: Array, delta: Array, *, output: Array | None = None) -> Array:
        """Return δ - softmax(x) Σ_k δ_k (eq. 2); ``output`` is z, where the caller has it."""
        check_batch(self, data, delta)
        xp = namespace(data)
        z = self.forward(data) if output is None else output
        return delta - xp.exp(z) * xp.sum(delta, axis=-1, keepdims=True)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the scores."""
        check_scores(self, shape)
        return shape
