"""Mistakes of any module or loss, recognised by the relation of the wrong to the right answer."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.checking.diagnosis.mistakes import Facts, mistake

#: Usual learning rates.
RATES = (0.5, 0.1, 0.05, 0.01, 0.005, 1e-3, 5e-4, 1e-4, 1e-5)


def scaled(right: Any, factor: float) -> Any:
    """Return one array or several times a factor."""
    if isinstance(right, Mapping):
        return {key: value * factor for key, value in right.items()}
    return right * factor


def negated(f: Facts) -> Any:
    """Return the right answer with the other sign."""
    return scaled(f.right, -1.0)


def _rate(f: Facts) -> Any:
    """Return the right answer times the learning rate that the wrong one seems to contain."""
    got, right = first(f.got), first(f.right)
    place = np.unravel_index(np.argmax(np.abs(right)), right.shape)
    ratio = float(got[place] / right[place])
    for rate in RATES:
        for known in (rate, rate / f.batch):
            if abs(abs(ratio) / known - 1) < 1e-5:
                return scaled(f.right, float(np.sign(ratio)) * known)
    raise ValueError("no learning rate")


def first(value: Any) -> Array:
    """Return an array, or the first of several."""
    return np.asarray(next(iter(value.values())) if isinstance(value, Mapping) else value, dtype=float)


for _property in ("delta", "gradient", "backward"):
    mistake("any.zero", "", _property, lambda f: scaled(f.right, 0.0))
    mistake("any.sign", "", _property, negated)
    mistake("any.divided_by_batch", "", _property, lambda f: scaled(f.right, 1 / f.batch))
    mistake("any.divided_twice", "", _property, lambda f: scaled(f.right, 1 / f.batch**2))
    mistake("any.times_batch", "", _property, lambda f: scaled(f.right, f.batch))
    mistake("any.learning_rate", "", _property, _rate)

mistake("any.identity", "", "delta", lambda f: f.delta)
mistake("any.delta_times_data", "", "delta", lambda f: f.delta * f.x)
mistake("any.transposed", "", "delta", lambda f: f.right.T)
mistake("any.returns_data", "", "delta", lambda f: f.x)
mistake("any.returns_gradient", "", "delta", lambda f: f.x.T @ f.delta)
mistake("any.summed_over_batch", "", "delta",
        lambda f: np.broadcast_to(f.right.sum(axis=0, keepdims=True), f.right.shape))  # fmt: skip
mistake("any.averaged_over_batch", "", "delta",
        lambda f: np.broadcast_to(f.right.mean(axis=0, keepdims=True), f.right.shape))  # fmt: skip
mistake("any.summed_over_batch", "", "delta", lambda f: f.right.sum(axis=0))
mistake("any.averaged_over_batch", "", "delta", lambda f: f.right.mean(axis=0))
mistake("loss.divided_by_batch", "", "forward", lambda f: f.right / f.batch)
mistake("any.sign", "", "forward", negated)
mistake("any.identity_forward", "", "forward", lambda f: f.x)
mistake("any.zero", "", "forward", lambda f: f.right * 0.0)

mistake("any.overflow", "", "finite", lambda f: f.got)

mistake("any.overwritten", "", "accumulation", lambda f: f.second)
mistake("any.first_kept", "", "accumulation", lambda f: f.first)
mistake("any.doubled", "", "accumulation", lambda f: {key: 2 * value for key, value in f.second.items()})
mistake("any.zero_grad_nothing", "", "zero_grad", lambda f: scaled(f.right, 2.0))
mistake("any.zero_grad_partial", "", "zero_grad",
        lambda f: {"W": f.right["W"], "b": 2 * f.right["b"]})  # fmt: skip
mistake("any.zero_grad_partial", "", "zero_grad",
        lambda f: {"W": 2 * f.right["W"], "b": f.right["b"]})  # fmt: skip
mistake("any.update_ascends", "", "update_parameters",
        lambda f: {key: value + f.step * f.gradient[key] for key, value in f.before.items()})  # fmt: skip
mistake("any.update_ignores_step", "", "update_parameters",
        lambda f: {key: value - f.gradient[key] for key, value in f.before.items()})  # fmt: skip
mistake("any.update_nothing", "", "update_parameters", lambda f: dict(f.before))
mistake("any.update_partial", "", "update_parameters", lambda f: {"b": f.before["b"]})
mistake("any.update_partial", "", "update_parameters", lambda f: {"W": f.before["W"]})
mistake("any.update_is_gradient", "", "update_parameters",
        lambda f: {key: f.step * value for key, value in f.gradient.items()})  # fmt: skip
mistake("any.update_default_step", "", "update_parameters",
        lambda f: {key: value - 1e-3 * f.gradient[key] for key, value in f.before.items()})  # fmt: skip
