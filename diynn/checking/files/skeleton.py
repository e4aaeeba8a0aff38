"""The base classes handed out with the course sheet, for files that import them."""

from __future__ import annotations

from typing import Any


class Loss:
    """The sheet's abstract loss."""

    def forward(self, y: Any, yhat: Any) -> Any:
        """Return the costs."""

    def backward(self, y: Any, yhat: Any) -> Any:
        """Return the gradient with respect to ``yhat``."""


class Module:
    """The sheet's abstract module."""

    _parameters: Any = None
    _gradient: Any = None

    def __init__(self) -> None:
        self._parameters = None
        self._gradient = None

    def zero_grad(self) -> None:
        """Set the gradient to zero."""

    def forward(self, X: Any) -> Any:  # noqa: N803 - the skeleton's own name
        """Return the outputs."""

    def update_parameters(self, gradient_step: float = 1e-3) -> None:
        """Take one step against the gradient."""
        self._parameters -= gradient_step * self._gradient

    def backward_update_gradient(self, input: Any, delta: Any) -> None:
        """Add the gradient with respect to the parameters."""

    def backward_delta(self, input: Any, delta: Any) -> Any:
        """Return the gradient with respect to the input."""
