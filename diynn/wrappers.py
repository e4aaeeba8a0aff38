"""Wrappers around update rules, which change the gradients before the rule uses them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

from diynn.arguments import flag, number_from_0
from diynn.arrays import Array, namespace
from diynn.calls import spelled
from diynn.rules import Rule, State, check_inner
from diynn.shapes import positive_number

__all__ = ["ClipNorm", "ClipValue", "WeightDecay"]


class Wrapper(Rule):
    """Base of the wrappers: the rule within is given the changed gradients."""

    rule: Rule

    def start(self, value: Array) -> State:
        """Return the state of the rule within."""
        return self.rule.start(value)

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return what the rule within returns."""
        return self.rule.change(value, gradient, state, eps, step)


class WeightDecay(Wrapper):
    """L2 weight decay: the gradient of a cost with the penalty λ/2 ‖θ‖².

    ::

        g ← g + λ θ

    Parameters
    ----------
    rule : Rule
        The rule that uses g, such as ``PlainStep()`` or ``Adam()``; :class:`AdamW` has decoupled decay.
    decay : float
        λ, at least 0. Gradients are sums over the batch, so λ is that of a summed cost.
    biases : bool
        Whether biases decay as well: arrays named ``_bias``, and all with one axis.

    Raises
    ------
    TypeError, ValueError
        If ``rule`` is no rule, or λ negative.

    Source: Krogh and Hertz, 1991.
    """

    @spelled()
    def __init__(self, rule: Rule, decay: float = 1e-4, *, biases: bool = False) -> None:
        self.rule = check_inner("WeightDecay", rule)
        self.decay = number_from_0("WeightDecay", "decay", decay)
        self.biases = flag("WeightDecay", "biases", biases)

    def gradients(
        self, values: Sequence[Array], gradients: Sequence[Array], biases: Sequence[bool]
    ) -> Sequence[Array]:
        """Return g + λ θ, or g for biases that do not decay."""
        decayed = [
            gradient if bias and not self.biases else gradient + self.decay * value
            for value, gradient, bias in zip(values, gradients, biases, strict=True)
        ]
        return self.rule.gradients(values, decayed, biases)


class ClipNorm(Wrapper):
    """Clip the norm of the whole net's gradient; its direction is kept.

    ::

        g ← g · c / max(c, ‖g‖),     ‖g‖² the sum of squares over all arrays of the net

    Parameters
    ----------
    rule : Rule
        What follows g, such as ``PlainStep()`` or ``Adam()``.
    limit : float
        c, positive. The gradient is the sum over the batch, and so is its norm.

    Raises
    ------
    TypeError, ValueError
        If ``rule`` is no rule, or c not positive.

    Source: Pascanu, Mikolov and Bengio, 2013, algorithm 1.
    """

    @spelled()
    def __init__(self, rule: Rule, limit: float = 1.0) -> None:
        self.rule = check_inner("ClipNorm", rule)
        self.limit = positive_number("ClipNorm", "limit", limit)

    def gradients(
        self, values: Sequence[Array], gradients: Sequence[Array], biases: Sequence[bool]
    ) -> Sequence[Array]:
        """Return all gradients, multiplied by one factor."""
        if gradients:
            xp = namespace(gradients[0])
            norm = xp.sqrt(reduce(add, (xp.sum(each * each) for each in gradients)))
            factor = self.limit / xp.where(norm > self.limit, norm, self.limit)
            gradients = [each * factor for each in gradients]
        return self.rule.gradients(values, gradients, biases)


class ClipValue(Wrapper):
    """Clip each value of the gradients.

    ::

        g ← max(-c, min(c, g))

    Parameters
    ----------
    rule : Rule
        What follows g, such as ``PlainStep()`` or ``Adam()``.
    limit : float
        c, positive. The gradient is the sum over the batch.

    Raises
    ------
    TypeError, ValueError
        If ``rule`` is no rule, or c not positive.

    Source: Mikolov, 2012.
    """

    @spelled()
    def __init__(self, rule: Rule, limit: float = 1.0) -> None:
        self.rule = check_inner("ClipValue", rule)
        self.limit = positive_number("ClipValue", "limit", limit)

    def gradients(
        self, values: Sequence[Array], gradients: Sequence[Array], biases: Sequence[bool]
    ) -> Sequence[Array]:
        """Return g between -c and c."""
        clipped = []
        for each in gradients:
            xp = namespace(each)
            below = xp.where(each > self.limit, self.limit, each)
            clipped.append(xp.where(below < -self.limit, -self.limit, below))
        return self.rule.gradients(values, clipped, biases)
