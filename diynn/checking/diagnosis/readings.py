"""The readings of a loss that the sheet allows, and how to tell which one somebody chose.

A cross entropy may be the sheet's ``-ŷ_y``, on log-probabilities, ``-log ŷ_y`` on probabilities, or
log-softmax and cross entropy in one; its labels may be indices or one-hot; a binary cross entropy may sum
over the outputs, or leave one cost an output. Each is right if its backward is the gradient of its forward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from diynn.arrays import Array
from diynn.checking.contract.subject import Raised, Subject

Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
Cost = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Variant:
    """One reading of a loss.

    Parameters
    ----------
    name : str
    cost : callable
        Takes targets (one-hot for classes) and predictions; returns the costs.
    draw : callable
        Draws predictions for which it is defined.
    elementwise : bool
        Whether it may return one cost an output.
    extremes : tuple of float
        Predictions at which it must be finite.
    """

    name: str
    cost: Cost
    draw: Draw
    extremes: tuple[float, ...]
    elementwise: bool = False


def softmax(scores: Array) -> Array:
    """Return softmax over the last axis."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + e^-x)."""
    return 0.5 * (1 + np.tanh(x / 2))


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(size=shape)


def _probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    rows = rng.uniform(0.2, 1.0, shape)
    return rows / rows.sum(axis=-1, keepdims=True)


def _log_probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.log(_probabilities(rng, shape))


def _unit(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(0.1, 0.9, shape)


def _logsumexp(z: Array) -> Array:
    top = z.max(axis=-1)
    return top + np.log(np.exp(z - top[..., None]).sum(axis=-1))


def _bce(y: Array, p: Array) -> Array:
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def _bce_logits(y: Array, z: Array) -> Array:
    return np.logaddexp(0, z) - y * z


def _summed(terms: Cost) -> Cost:
    return lambda y, yhat: terms(y, yhat).sum(axis=-1)


def _meant(terms: Cost) -> Cost:
    return lambda y, yhat: terms(y, yhat).mean(axis=-1)


_FAR = (1000.0, -1000.0)

VARIANTS: dict[str, tuple[Variant, ...]] = {
    "MSELoss": (Variant("sum", lambda y, p: ((y - p) ** 2).sum(axis=-1), _normal, _FAR),),
    "CrossEntropyLoss": (
        Variant("logits", lambda y, z: _logsumexp(z) * y.sum(axis=-1) - (y * z).sum(axis=-1), _normal, _FAR),
        Variant("nll", lambda y, z: -(y * z).sum(axis=-1), _log_probabilities, _FAR),
        Variant("log", lambda y, p: -(y * np.log(p)).sum(axis=-1), _probabilities, ()),
    ),
    "BCELoss": (
        Variant("sum", _summed(_bce), _unit, (0.0, 1.0)),
        Variant("mean", _meant(_bce), _unit, (0.0, 1.0)),
        Variant("elementwise", _bce, _unit, (0.0, 1.0), elementwise=True),
    ),
    "BCEWithLogitsLoss": (
        Variant("sum", _summed(_bce_logits), _normal, _FAR),
        Variant("mean", _meant(_bce_logits), _normal, _FAR),
        Variant("elementwise", _bce_logits, _normal, _FAR, elementwise=True),
    ),
    "": (Variant("own", lambda y, p: np.zeros(len(p)), _unit, ()),),
}

LABELS = ("onehot", "index", "column")


def labels_of(labels: str, target: Array) -> Array:
    """Write one-hot targets the way a loss wants them."""
    if labels == "onehot":
        return target.copy()
    index = target.argmax(axis=-1)
    return index[:, None] if labels == "column" else index


def calibrate(
    name: str, preferred: str, make: Callable[[], Subject], shapes: list[tuple[int, ...]]
) -> tuple[Variant, str, bool]:
    """Find out which reading somebody chose.

    Returns
    -------
    Variant, labels, matched
        The reading whose costs it returns; if it is none, the one its name suggests.
    """
    variants = sorted(VARIANTS[name], key=lambda each: each.name != preferred)
    running: str | None = None
    for labels in LABELS if name == "CrossEntropyLoss" else LABELS[:1]:
        costs = list(_costs(name, labels, make, shapes))
        if any(got is None for _, _, got in costs):
            continue
        running = running or labels
        for variant in variants:
            if all(_equal(got, variant.cost(y, yhat)) for y, yhat, got in costs):
                return variant, labels, True
    return variants[0], running or "onehot", False


def _costs(
    name: str, labels: str, make: Callable[[], Subject], shapes: list[tuple[int, ...]]
) -> Iterator[tuple[Array, Array, Array | None]]:
    # Rows of probabilities are in the domain of every reading.
    for seed, shape in enumerate(shapes):
        rng = np.random.default_rng(seed)
        yhat = _probabilities(rng, shape) if name == "CrossEntropyLoss" else _unit(rng, shape)
        y = targets(name, rng, shape, soft=False)
        try:
            yield y, yhat, make().array("forward", labels_of(labels, y), yhat.copy())
        except Raised:
            yield y, yhat, None


def _equal(got: Array | None, cost: Array) -> bool:
    if got is None:
        return False
    answers = [cost, cost[..., None]]
    if cost.ndim == 1:
        answers += [cost.sum()[None], cost.mean()[None]]
    return any(
        got.size == answer.size and np.allclose(got.ravel(), answer.ravel(), rtol=1e-5, atol=1e-7)
        for answer in answers
    )


def targets(name: str, rng: np.random.Generator, shape: tuple[int, ...], *, soft: bool) -> Array:
    """Draw what is right: one-hot rows, 0 and 1 (or between them, if ``soft``), or any number."""
    if name == "CrossEntropyLoss":
        return np.eye(shape[-1])[rng.integers(shape[-1], size=shape[0])]
    if name.startswith("BCE"):
        return rng.uniform(0.1, 0.9, shape) if soft else rng.integers(0, 2, shape).astype(float)
    return rng.normal(size=shape)
