"""Update rules: how parameters follow their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from diynn.arguments import flag, number_from_0
from diynn.arrays import Array, namespace, zeros_like
from diynn.calls import spelled
from diynn.shapes import fraction, positive_number
from diynn.wording import shown

__all__ = ["Adam", "AdamW", "Momentum", "PlainStep", "RMSprop", "Rule"]

State: TypeAlias = tuple[Array, ...]


class Rule:
    """How one array of parameters is updated from its gradient, as two pure functions.

    ``parameters -= change`` is left to the caller, so that arrays that share memory stay shared. In the
    formulas η is the step size, or learning rate, which ``Optim`` and ``SGD`` call ``eps``.
    """

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"

    def gradients(
        self, values: Sequence[Array], gradients: Sequence[Array], biases: Sequence[bool]
    ) -> Sequence[Array]:
        """Return the gradients to use, given those of all arrays of the net at once.

        By default they are unchanged. ``biases`` says which of the arrays are biases.
        """
        return gradients

    def start(self, value: Array) -> State:
        """Return the state before the first step, for parameters ``value``."""
        raise NotImplementedError(f"{type(self).__name__} has no start(value)")

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return what to subtract from ``value`` in step number ``step`` (from 1), and the next state."""
        raise NotImplementedError(f"{type(self).__name__} has no change(value, gradient, state, eps, step)")


class PlainStep(Rule):
    """The sheet's step, to put a wrapper around, such as a weight decay.

    Without a rule modules take it by themselves: see `Module.update_parameters`.

    ::

        θ ← θ - η g

    Source: the course sheet, "Mon premier est ... linéaire !".
    """

    @spelled()
    def __init__(self) -> None:
        pass

    def start(self, value: Array) -> State:
        """Return an empty state."""
        return ()

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return η g."""
        return eps * gradient, state


class Momentum(Rule):
    """Gradient descent with momentum.

    ::

        v ← μ v + g
        θ ← θ - η v              or η (g + μ v) with Nesterov's lookahead

    Parameters
    ----------
    mu : float
        μ, in [0, 1).
    nesterov : bool
        Whether to use Nesterov's lookahead.

    Source: Polyak, 1964; Nesterov, 1983, in the form of Sutskever et al., 2013.
    """

    @spelled()
    def __init__(self, mu: float = 0.9, *, nesterov: bool = False) -> None:
        self.mu, self.nesterov = fraction("Momentum", "mu", mu), flag("Momentum", "nesterov", nesterov)

    def start(self, value: Array) -> State:
        """Return v = 0."""
        return (zeros_like(value),)

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return η v or η (g + μ v), and v."""
        velocity = self.mu * state[0] + gradient
        return eps * (gradient + self.mu * velocity if self.nesterov else velocity), (velocity,)


class RMSprop(Rule):
    """Each parameter's step is divided by the root mean square of its recent gradients.

    ::

        v ← ρ v + (1 - ρ) g²
        θ ← θ - η g / (√v + ε)

    Parameters
    ----------
    rho : float
        ρ, in [0, 1).
    epsilon : float
        ε, which keeps the quotient finite, as in :class:`Adam`; ``eta`` is accepted too.

    Raises
    ------
    ValueError
        If ρ is not in [0, 1), or ε is not positive.

    Source: Tieleman and Hinton, 2012, lecture 6.5.
    """

    @spelled()
    def __init__(self, rho: float = 0.99, *, epsilon: float = 1e-8) -> None:
        self.rho = fraction("RMSprop", "rho", rho)
        self.epsilon = positive_number("RMSprop", "epsilon", epsilon)

    def start(self, value: Array) -> State:
        """Return v = 0."""
        return (zeros_like(value),)

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return η g / (√v + ε), and v."""
        square = self.rho * state[0] + (1 - self.rho) * gradient * gradient
        root = namespace(value).sqrt(square)
        return eps * gradient / (root + _representable(self.epsilon, value)), (square,)


class Adam(Rule):
    """Adam: each parameter's step is scaled by the moments of its recent gradients.

    ::

        m ← β₁ m + (1 - β₁) g            v ← β₂ v + (1 - β₂) g²
        θ ← θ - η m̂ / (√v̂ + ε),          m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)

    Parameters
    ----------
    beta1, beta2 : float
        β₁ and β₂, in [0, 1).
    epsilon : float
        ε, which keeps the quotient finite; ``eta`` is accepted too. In a dtype where it underflows,
        float16, it is the smallest normal number.

    Raises
    ------
    ValueError
        If β₁ or β₂ is not in [0, 1), or ε is not positive.

    Source: Kingma and Ba, 2015, algorithm 1.
    """

    @spelled()
    def __init__(self, beta1: float = 0.9, beta2: float = 0.999, *, epsilon: float = 1e-8) -> None:
        self.beta1, self.beta2 = fraction("Adam", "beta1", beta1), fraction("Adam", "beta2", beta2)
        self.epsilon = positive_number("Adam", "epsilon", epsilon)

    def start(self, value: Array) -> State:
        """Return m = v = 0."""
        return zeros_like(value), zeros_like(value)

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return η m̂ / (√v̂ + ε), and m and v."""
        mean, square = state
        mean = self.beta1 * mean + (1 - self.beta1) * gradient
        square = self.beta2 * square + (1 - self.beta2) * gradient * gradient
        scale = eps / (1 - self.beta1**step)
        root = namespace(value).sqrt(square / (1 - self.beta2**step))
        return scale * mean / (root + _representable(self.epsilon, value)), (mean, square)


class AdamW(Adam):
    """Adam with a decay of the parameters that is decoupled from the gradient.

    ::

        θ ← θ - η (m̂ / (√v̂ + ε) + λ θ)

    Parameters
    ----------
    beta1, beta2, epsilon : float
        As in :class:`Adam`.
    decay : float
        λ, at least 0. Biases decay as well.

    Source: Loshchilov and Hutter, 2019, algorithm 2.
    """

    @spelled()
    def __init__(
        self, beta1: float = 0.9, beta2: float = 0.999, *, epsilon: float = 1e-8, decay: float = 1e-2
    ) -> None:
        super().__init__(beta1, beta2, epsilon=epsilon)
        self.decay = number_from_0("AdamW", "decay", decay)

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return Adam's change plus η λ θ, and m and v."""
        change, state = super().change(value, gradient, state, eps, step)
        return change + (eps * self.decay) * value, state


def _representable(epsilon: float, like: Array) -> float:
    """Return ε, or the smallest normal number of an array's dtype where that is larger, as in float16."""
    return max(epsilon, float(namespace(like).finfo(like.dtype).smallest_normal))


def check_inner(owner: str, rule: Any) -> Rule:
    """Return ``rule``; raise TypeError if it is no instance of a rule that can be wrapped."""
    if not isinstance(rule, Rule):
        raise TypeError(f"{owner}: `rule` must be a rule, such as diynn.Adam(), got {shown(rule)}")
    return rule


def settings(rule: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Return a rule and those within it, each with its settings."""
    inner = getattr(rule, "rule", None)
    return [(rule, dict(vars(rule))), *(settings(inner) if isinstance(inner, Rule) else [])]


def prepared(
    rule: Any, values: Sequence[Array], gradients: Sequence[Array], biases: Sequence[bool]
) -> Sequence[Array]:
    """Return a rule's gradients; those given, if its class does not define ``gradients``."""
    return rule.gradients(values, gradients, biases) if hasattr(rule, "gradients") else gradients
