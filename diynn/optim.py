"""One training step, the rules by which it changes the parameters, and step sizes that change with time."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi
from typing import Any, TypeAlias

from diynn.arrays import Array, alike, namespace
from diynn.execution import Execution, find_execution, in_precision
from diynn.execution.descent import Descent
from diynn.layers.sequential import flat
from diynn.module import Parameter, forget_gradient, parameters, zero_grad

State: TypeAlias = tuple[Array, ...]
Schedule: TypeAlias = Callable[[int], float]


class Optim:
    """One step of gradient descent: zero, forward, backward, update.

    Parameters
    ----------
    net : Module
        What is trained: a module, of any origin, with the methods of the course sheet.
    loss : Loss
        What is made small.
    eps : float or Schedule
        The step size, or a function from the number of steps taken to it. The gradient is the sum over
        the batch, so a step on twice as many examples is twice as long.
    rule : Rule, optional
        How the parameters follow the gradient; None for the sheet's plain step, which is each module's
        own ``update_parameters``.
    execution : str or Execution
        How the gradient of a batch is accumulated: ``"serial"``, in one piece; ``"threads"``, split over
        all cores, on NumPy and where net and loss are ``per_example``; ``"auto"``, as many threads as the
        batch is worth; ``"processes"``, over helper processes, on NumPy and with diynn's own modules;
        ``"graph"``, as a CUDA graph, on CuPy; or ``diynn.execution.Threads(count)``.
    precision : str, optional
        ``"tf32"``: products of float32 in TF32, on CuPy; see :func:`diynn.execution.in_precision`.

    Raises
    ------
    TypeError
        If a rule is given and cannot reach the parameters: they must be arrays, one a module.

    Source: the course sheet, "Mon troisième est un encapsulage".
    """

    def __init__(
        self,
        net: Any,
        loss: Any,
        eps: float | Schedule = 1e-3,
        *,
        rule: Rule | None = None,
        execution: str | Execution = "auto",
        precision: str | None = None,
    ) -> None:
        if not callable(eps) and not eps > 0:
            raise ValueError(f"Optim: `eps` must be positive, got {eps!r}")
        self.net, self.loss, self.rule = net, loss, rule
        self.execution = in_precision(precision, find_execution(execution))
        self.schedule: Schedule = eps if callable(eps) else constant(eps)
        self.steps = 0
        self._descent = Descent()
        self._states: dict[Parameter, State] = {}
        if rule is not None and not parameters(net):
            raise TypeError(
                f"Optim: {rule!r} finds no parameters in {type(net).__name__}: they must be arrays "
                "`_parameters` of its modules; without a rule each module updates itself"
            )

    @property
    def eps(self) -> float:
        """The step size of the next step."""
        return float(self.schedule(self.steps))  # a NumPy scalar would decide the dtype of what it multiplies

    def step(self, batch_x: Array, batch_y: Array) -> Array:
        """Train on one batch.

        Parameters
        ----------
        batch_x, batch_y : arrays (batch, ...)
            The examples and what is right for them.

        Returns
        -------
        array (batch,)
            The costs before the step.
        """
        for module in flat(self.net):
            forget_gradient(module)
        try:
            costs = self.execution(self.net, self.loss, batch_x, batch_y)
        except BaseException:
            zero_grad(self.net)  # nobody is to find half a gradient
            raise
        self.update()
        return costs

    def update(self) -> None:
        """Change the parameters by the gradient accumulated so far."""
        eps = self.eps
        self.steps += 1
        if self.rule is None:
            self._descent(self.net, eps)
            return
        for parameter in parameters(self.net):
            state = self._states.get(parameter)
            if state is None:
                state = self.rule.start(parameter.value)
            state = tuple(alike(each, parameter.value) for each in state)  # the net may have been moved
            change, self._states[parameter] = self.rule.change(
                parameter.value, parameter.gradient, state, eps, self.steps
            )
            parameter.value -= change


# ------------------------------------------------------------------ update rules


class Rule:
    """How one array of parameters follows its gradient, as two pure functions.

    ``parameters -= change`` is left to the caller, so that arrays that share memory stay shared.
    """

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"

    def start(self, value: Array) -> State:
        """Return the state before the first step, for parameters ``value``."""
        raise NotImplementedError(f"{type(self).__name__} has no start(value)")

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return what to take off ``value`` in step number ``step`` (from 1), and the next state."""
        raise NotImplementedError(f"{type(self).__name__} has no change(value, gradient, state, eps, step)")


class Momentum(Rule):
    """Gradient descent with momentum.

    ::

        v ← μ v + g
        θ ← θ - ε v              or ε (g + μ v) with Nesterov's look ahead

    Parameters
    ----------
    mu : float
        μ, in [0, 1).
    nesterov : bool
        Whether to look ahead.

    Source: Polyak, 1964; Nesterov, 1983, in the form of Sutskever et al., 2013.
    """

    def __init__(self, mu: float = 0.9, *, nesterov: bool = False) -> None:
        self.mu, self.nesterov = _fraction("Momentum", "mu", mu), nesterov

    def start(self, value: Array) -> State:
        """Return v = 0."""
        return (namespace(value).zeros_like(value),)

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return ε v or ε (g + μ v), and v."""
        velocity = self.mu * state[0] + gradient
        return eps * (gradient + self.mu * velocity if self.nesterov else velocity), (velocity,)


class Adam(Rule):
    """Adam: each parameter has a step of its own, by the size of its recent gradients.

    ::

        m ← β₁ m + (1 - β₁) g            v ← β₂ v + (1 - β₂) g²
        θ ← θ - ε m̂ / (√v̂ + η),          m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)

    Parameters
    ----------
    beta1, beta2 : float
        β₁ and β₂, in [0, 1).
    eta : float
        η, which keeps the quotient finite.

    Source: Kingma and Ba, 2015, algorithm 1.
    """

    def __init__(self, beta1: float = 0.9, beta2: float = 0.999, *, eta: float = 1e-8) -> None:
        self.beta1, self.beta2 = _fraction("Adam", "beta1", beta1), _fraction("Adam", "beta2", beta2)
        self.eta = eta

    def start(self, value: Array) -> State:
        """Return m = v = 0."""
        zeros = namespace(value).zeros_like
        return zeros(value), zeros(value)

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return ε m̂ / (√v̂ + η), and m and v."""
        mean, square = state
        mean = self.beta1 * mean + (1 - self.beta1) * gradient
        square = self.beta2 * square + (1 - self.beta2) * gradient * gradient
        scale = eps / (1 - self.beta1**step)
        root = namespace(value).sqrt(square / (1 - self.beta2**step))
        return scale * mean / (root + self.eta), (mean, square)


class AdamW(Adam):
    """Adam with a decay of the parameters beside it, not through the gradient.

    ::

        θ ← θ - ε (m̂ / (√v̂ + η) + λ θ)

    Parameters
    ----------
    beta1, beta2, eta : float
        As in :class:`Adam`.
    decay : float
        λ, at least 0. Biases decay as well.

    Source: Loshchilov and Hutter, 2019, algorithm 2.
    """

    def __init__(
        self, beta1: float = 0.9, beta2: float = 0.999, *, eta: float = 1e-8, decay: float = 1e-2
    ) -> None:
        super().__init__(beta1, beta2, eta=eta)
        if not decay >= 0:
            raise ValueError(f"AdamW: `decay` must be at least 0, got {decay!r}")
        self.decay = decay

    def change(
        self, value: Array, gradient: Array, state: State, eps: float, step: int
    ) -> tuple[Array, State]:
        """Return Adam's change plus ε λ θ, and m and v."""
        change, state = super().change(value, gradient, state, eps, step)
        return change + (eps * self.decay) * value, state


def _fraction(owner: str, argument: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{owner}: `{argument}` must be in [0, 1), got {value!r}")
    return value


# ------------------------------------------------------------------ step sizes


def constant(eps: float) -> Schedule:
    """Return a step size that stays ``eps``."""
    return lambda step: eps


def step_decay(eps: float, *, factor: float, every: int) -> Schedule:
    """Return a step size that is multiplied by ``factor`` after each ``every`` steps."""
    return lambda step: eps * factor ** (step // every)


def exponential_decay(eps: float, *, half_life: float) -> Schedule:
    """Return a step size that halves smoothly within ``half_life`` steps."""
    return lambda step: eps * 0.5 ** (step / half_life)


def cosine_decay(eps: float, *, steps: int, warmup: int = 0) -> Schedule:
    """Return a step size that rises linearly over ``warmup`` steps, then falls to 0 at ``steps`` as a cosine.

    Source: Loshchilov and Hutter, 2017, without restarts.
    """
    if not 0 <= warmup < steps:
        raise ValueError(f"cosine_decay: `warmup` must be in [0, {steps}), got {warmup!r}")

    def at(step: int) -> float:
        if step < warmup:
            return eps * (step + 1) / warmup
        done = min((step - warmup) / (steps - warmup), 1.0)
        return eps * (1 + cos(pi * done)) / 2

    return at
