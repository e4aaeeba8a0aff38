"""Schedules of the step size: functions from the number of steps taken to the next step size.

``eps`` is the initial step size; ``learning_rate`` is accepted too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from typing import TypeAlias

from diynn.arguments import integer_from
from diynn.calls import spelled
from diynn.shapes import positive, positive_number

__all__ = ["constant", "cosine_decay", "exponential_decay", "step_decay"]

Schedule: TypeAlias = Callable[[int], float]


@dataclass(frozen=True)
class _Constant:
    eps: float

    def __call__(self, step: int) -> float:
        return self.eps


@dataclass(frozen=True)
class _StepDecay:
    eps: float
    factor: float
    every: int

    def __call__(self, step: int) -> float:
        return self.eps * float(self.factor ** (step // self.every))


@dataclass(frozen=True)
class _ExponentialDecay:
    eps: float
    half_life: float

    def __call__(self, step: int) -> float:
        return self.eps * float(0.5 ** (step / self.half_life))


@dataclass(frozen=True)
class _CosineDecay:
    eps: float
    steps: int
    warmup: int

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return self.eps * (step + 1) / self.warmup
        done = min((step - self.warmup) / (self.steps - self.warmup), 1.0)
        return self.eps * (1 + cos(pi * done)) / 2


@dataclass(frozen=True)
class _Scaled:
    schedule: Schedule
    factor: float

    def __call__(self, step: int) -> float:
        return self.schedule(step) * self.factor


def scaled(schedule: Schedule, factor: float) -> Schedule:
    """Return a schedule with all step sizes multiplied by a factor."""
    return _Scaled(schedule, factor)


@spelled()
def constant(eps: float) -> Schedule:
    """Return a schedule that is always ``eps``."""
    return _Constant(positive_number("constant", "eps", eps))


@spelled()
def step_decay(eps: float, *, factor: float, every: int) -> Schedule:
    """Return a schedule that is multiplied by ``factor`` every ``every`` steps."""
    eps, factor = (
        positive_number("step_decay", name, value) for name, value in (("eps", eps), ("factor", factor))
    )
    return _StepDecay(eps, factor, positive("step_decay", "every", every))


@spelled()
def exponential_decay(eps: float, *, half_life: float) -> Schedule:
    """Return a schedule that decays exponentially, to one half within ``half_life`` steps."""
    eps = positive_number("exponential_decay", "eps", eps)
    return _ExponentialDecay(eps, positive_number("exponential_decay", "half_life", half_life))


@spelled()
def cosine_decay(eps: float, *, steps: int, warmup: int = 0) -> Schedule:
    """Return a schedule that rises linearly for ``warmup`` steps, then falls as a cosine, to 0 at ``steps``.

    Source: Loshchilov and Hutter, 2017, without restarts.
    """
    eps = positive_number("cosine_decay", "eps", eps)
    steps = positive("cosine_decay", "steps", steps)
    warmup = integer_from(0, "cosine_decay", "warmup", warmup, "an integer, 0 or more")
    if not warmup < steps:
        raise ValueError(f"cosine_decay: `warmup` must be in [0, {steps}), got {warmup!r}")
    return _CosineDecay(eps, steps, warmup)
