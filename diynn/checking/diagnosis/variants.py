"""The formulas of the losses that the sheet allows, and predictions in their domains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diynn.arrays import Array

Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
#: Takes targets (one-hot for classes) and predictions; returns the costs.
Cost = Callable[[Array, Array], Array]
#: The same, with an epsilon added inside its logarithms.
Softened = Callable[[Array, Array, float], Array]


@dataclass(frozen=True)
class Variant:
    """One formula of a loss.

    Parameters
    ----------
    name : str
    cost : callable
        Takes targets (one-hot for classes) and predictions; returns the costs.
    draw : callable
        Draws predictions in its domain.
    elementwise : bool
        Whether it may return one cost per output.
    extremes : tuple of float
        Predictions for which it must be finite.
    softened : tuple of callables
        The costs with an epsilon inside a logarithm, one for each usual place.
    """

    name: str
    cost: Cost
    draw: Draw
    extremes: tuple[float, ...]
    elementwise: bool = False
    softened: tuple[Softened, ...] = ()


def softmax(scores: Array) -> Array:
    """Return softmax over the last axis."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + e^-x)."""
    return 0.5 * (1 + np.tanh(x / 2))


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw logits."""
    return rng.normal(size=shape)


def probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw rows that add up to 1."""
    rows = rng.uniform(0.2, 1.0, shape)
    return rows / rows.sum(axis=-1, keepdims=True)


def _log_probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.log(probabilities(rng, shape))


def unit(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw numbers between 0 and 1."""
    return rng.uniform(0.1, 0.9, shape)


def _logsumexp(z: Array) -> Array:
    top = z.max(axis=-1)
    return top + np.log(np.exp(z - top[..., None]).sum(axis=-1))


def _picked(y: Array, z: Array) -> Array:
    picked: Array = (y * z).sum(axis=-1)
    return picked


def _bce(y: Array, p: Array, eps: float = 0.0) -> Array:
    return -(y * np.log(p + eps) + (1 - y) * np.log(1 - p + eps))


def _bce_logits(y: Array, z: Array) -> Array:
    return np.logaddexp(0, z) - y * z


def _bce_logits_soft(y: Array, z: Array, eps: float) -> Array:
    return _bce(y, sigmoid(z), eps)


def _ce_log(y: Array, p: Array, eps: float = 0.0) -> Array:
    return -_picked(y, np.log(p + eps))


def _ce_inside_sum(y: Array, z: Array, eps: float) -> Array:
    return np.log(np.exp(z).sum(axis=-1) + eps) * y.sum(axis=-1) - _picked(y, z)


def _ce_of_softmax(y: Array, z: Array, eps: float) -> Array:
    return _ce_log(y, softmax(z), eps)


def _ce_both(y: Array, z: Array, eps: float) -> Array:
    return np.log(np.exp(z).sum(axis=-1) + eps) - np.log(np.exp(_picked(y, z)) + eps)


def _ce_inside_shifted(y: Array, z: Array, eps: float) -> Array:
    top = z.max(axis=-1)
    return top + np.log(np.exp(z - top[..., None]).sum(axis=-1) + eps) - _picked(y, z)


def _summed(terms: Softened) -> Softened:
    return lambda y, yhat, eps: terms(y, yhat, eps).sum(axis=-1)


def _meant(terms: Softened) -> Softened:
    return lambda y, yhat, eps: terms(y, yhat, eps).mean(axis=-1)


_FAR = (1000.0, -1000.0)

VARIANTS: dict[str, tuple[Variant, ...]] = {
    "MSELoss": (Variant("sum", lambda y, p: ((y - p) ** 2).sum(axis=-1), normal, _FAR),),
    "CrossEntropyLoss": (
        Variant("logits", lambda y, z: _logsumexp(z) * y.sum(axis=-1) - _picked(y, z), normal, _FAR,
                softened=(_ce_inside_sum, _ce_inside_shifted, _ce_of_softmax, _ce_both)),
        Variant("nll", lambda y, z: -_picked(y, z), _log_probabilities, _FAR),
        Variant("log", _ce_log, probabilities, (0.0, 1.0), softened=(_ce_log,)),
    ),
    "BCELoss": (
        Variant("sum", lambda y, p: _bce(y, p).sum(axis=-1), unit, (0.0, 1.0), softened=(_summed(_bce),)),
        Variant("mean", lambda y, p: _bce(y, p).mean(axis=-1), unit, (0.0, 1.0), softened=(_meant(_bce),)),
        Variant("elementwise", _bce, unit, (0.0, 1.0), elementwise=True, softened=(_bce,)),
    ),
    "BCEWithLogitsLoss": (
        Variant("sum", lambda y, z: _bce_logits(y, z).sum(axis=-1), normal, _FAR,
                softened=(_summed(_bce_logits_soft),)),
        Variant("mean", lambda y, z: _bce_logits(y, z).mean(axis=-1), normal, _FAR,
                softened=(_meant(_bce_logits_soft),)),
        Variant("elementwise", _bce_logits, normal, _FAR, elementwise=True, softened=(_bce_logits_soft,)),
    ),
}  # fmt: skip


def own(scores: bool) -> Variant:
    """Return the variant of a loss that is not of the sheet, on logits or on probabilities."""
    return Variant("own", lambda y, p: np.zeros(len(p)), unit, _FAR if scores else (0.0, 1.0))
