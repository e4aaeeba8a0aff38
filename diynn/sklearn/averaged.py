"""Gradients as means over a batch, as in scikit-learn, for an estimator's update rule."""

from __future__ import annotations

from collections.abc import Sequence

from diynn.arrays import Array
from diynn.rules import Rule
from diynn.wrappers import Wrapper


class Averaged(Wrapper):
    """A rule that uses the mean gradient of a batch instead of the sum.

    ::

        g ← g / B

    A step size then fits batches of any size; a smaller last batch counts as a part of one.

    Parameters
    ----------
    rule : Rule
        The rule that uses that gradient.
    batch_size : int
        B.
    """

    def __init__(self, rule: Rule, batch_size: int) -> None:
        self.rule, self.batch_size = rule, batch_size

    def gradients(
        self, values: Sequence[Array], gradients: Sequence[Array], biases: Sequence[bool]
    ) -> Sequence[Array]:
        """Return g / B."""
        return self.rule.gradients(values, [each / self.batch_size for each in gradients], biases)
