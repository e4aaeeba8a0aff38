"""What an estimator adds to an update rule and to a loss: the mean over a batch, L2, weights of examples."""

from __future__ import annotations

from typing import Any

from diynn.arrays import Array, namespace
from diynn.losses import Loss
from diynn.rules import Rule, State


class Averaged(Rule):
    """A rule that follows the mean gradient of a batch, with a penalty α/2 ‖W‖² for each batch.

    ::

        g ← (g + α W) / B

    Biases, which have one axis, are not penalised. A step size then fits batches of any size, as in
    scikit-learn; a last, smaller batch counts as what it is a part of.

    Parameters
    ----------
    rule : Rule
        What is done with that gradient.
    batch_size : int
        B.
    alpha : float
        α, 0 or more.
    """

    def __init__(self, rule: Rule, batch_size: int, alpha: float) -> None:
        self.rule, self.batch_size, self.alpha = rule, batch_size, alpha

    def start(self, value: Array) -> State:
        """Return the rule's own state."""
        return self.rule.start(value)

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return the rule's change for that gradient, and its state."""
        if self.alpha and value.ndim > 1:
            gradient = gradient + self.alpha * value
        return self.rule.change(value, gradient / self.batch_size, state, eps, step)


class Weighted(Loss):
    """A loss on values, whose targets have the weight of each example in a last column.

    ::

        C = w C(y, ŷ)          y (batch, values + 1), ŷ (batch, values) → (batch,)

    Parameters
    ----------
    loss : Loss
        C(y, ŷ), on arrays of two axes.
    """

    def __init__(self, loss: Any) -> None:
        super().__init__()
        self.loss, self.per_example, self.pure = loss, loss.per_example, loss.pure

    def __repr__(self) -> str:
        return f"Weighted({self.loss!r})"

    def forward(self, y: Array, yhat: Array) -> Array:
        """Return w C."""
        return y[:, -1] * self.loss.forward(y[:, :-1], yhat)

    def backward(self, y: Array, yhat: Array) -> Array:
        """Return w ∂C/∂ŷ."""
        return y[:, -1:] * self.loss.backward(y[:, :-1], yhat)


def with_weights(y: Array, weights: Array) -> Array:
    """Return targets (examples, values) with their weights (examples,) as a last column."""
    return namespace(y).concat([y, weights[:, None]], axis=1)
