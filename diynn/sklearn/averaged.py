"""What an estimator adds to an update rule: the mean over a batch, as scikit-learn's step sizes are for."""

from __future__ import annotations

from collections.abc import Sequence

from diynn.arrays import Array
from diynn.rules import Rule
from diynn.wrappers import Wrapper


class Averaged(Wrapper):
    """A rule that follows the mean gradient of a batch rather than the sum.

    ::

        g ← g / B

    A step size then fits batches of any size; a last, smaller batch counts as the part of one that it is.

    Parameters
    ----------
    rule : Rule
        What is done with that gradient.
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
