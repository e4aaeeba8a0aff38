"""What an estimator adds to an update rule: the mean over a batch, and a penalty on weights."""

from __future__ import annotations

from diynn.arrays import Array
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
