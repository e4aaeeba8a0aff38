"""The readings of a loss that the sheet allows, and which of them a class implements.

A cross entropy may be the sheet's ``-ŷ_y``, on log-probabilities, ``-log ŷ_y`` on probabilities, or
log-softmax and cross entropy in one; its labels may be indices or one-hot; a binary cross entropy may sum
over the outputs or return one cost per output. Each is right if its backward is the gradient of its forward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from diynn.arrays import Array
from diynn.checking.diagnosis.variants import VARIANTS, Softened, Variant, probabilities, unit

#: Takes targets and predictions; returns the costs of the loss under judgement, None if it raises.
Ask = Callable[[Array, Array], "Array | None"]


@dataclass(frozen=True)
class Reading:
    """The reading that a loss implements.

    Attributes
    ----------
    kind : str
        The kind of loss, empty if its costs match none.
    variant : Variant
    labels : str
        Its form of targets: ``"onehot"``, ``"index"``, ``"column"``, ``"real"``, ``"binary"``.
    matched : bool
        Whether its costs match ``variant``.
    epsilon : float
        What it adds inside its logarithm, if that is visible in the costs.
    runs : bool
        Whether it accepts such targets.
    """

    kind: str
    variant: Variant
    labels: str
    matched: bool
    epsilon: float = 0.0
    runs: bool = True


_EXACT, _ROUNDED = 1e-9, 1e-5

#: The forms of targets, in the order in which they are tried.
LABELS = {
    "MSELoss": ("real",),
    "CrossEntropyLoss": ("onehot", "index", "column"),
    "BCELoss": ("binary",),
    "BCEWithLogitsLoss": ("binary",),
    "": ("real", "binary", "onehot", "index", "column", "signs"),
}


def labels_of(labels: str, target: Array) -> Array:
    """Convert one-hot targets to the form that a loss takes; copy others."""
    if labels not in ("index", "column"):
        return target.copy()
    index = target.argmax(axis=-1)
    return index[:, None] if labels == "column" else index


def targets(labels: str, rng: np.random.Generator, shape: tuple[int, ...], *, soft: bool) -> Array:
    """Draw targets: one-hot rows, 0 and 1 (or between, if ``soft``), -1 and 1, or real numbers."""
    if labels in ("onehot", "index", "column"):
        return np.eye(shape[-1])[rng.integers(shape[-1], size=shape[0])]
    if labels == "binary":
        return rng.uniform(0.1, 0.9, shape) if soft else rng.integers(0, 2, shape).astype(float)
    if labels == "signs":
        return rng.choice([-1.0, 1.0], shape)
    return rng.normal(size=shape)


def calibrate(name: str, preferred: str, ask: Ask, shapes: list[tuple[int, ...]]) -> Reading:
    """Find the reading of a kind of loss that a class implements.

    Returns
    -------
    Reading
        The reading with the same costs; if there is none, the one that the name suggests.
    """
    variants = sorted(VARIANTS[name], key=lambda each: each.name != preferred)
    running: str | None = None
    nearly: list[Reading] = []
    for labels in LABELS[name]:
        costs = list(_costs(name, labels, ask, shapes))
        if any(got is None for _, _, got in costs):
            continue
        running = running or labels
        for variant in variants:
            if all(equal(got, variant.cost(y, yhat), _EXACT) for y, yhat, got in costs):
                return Reading(name, variant, labels, True)
            epsilon = _epsilon_of(variant, costs)
            # A loss in float32 cannot match more closely.
            rounded = all(equal(got, variant.cost(y, yhat), _ROUNDED) for y, yhat, got in costs)
            if epsilon or rounded:
                nearly.append(Reading(name, variant, labels, True, epsilon))
    unknown = Reading(name, variants[0], running or LABELS[name][0], False, runs=running is not None)
    return min(nearly, key=lambda each: each.epsilon, default=unknown)


def recognise_costs(ask: Ask, shapes: list[tuple[int, ...]]) -> Reading | None:
    """Find the reading of a loss with an unknown name by its costs; None if they match none."""
    found = [calibrate(name, "logits", ask, shapes) for name in VARIANTS]
    matched = [each for each in found if each.matched and each.epsilon < 1e-3]
    return min(matched, key=lambda each: each.epsilon, default=None)


def _costs(
    name: str, labels: str, ask: Ask, shapes: list[tuple[int, ...]]
) -> Iterator[tuple[Array, Array, Array | None]]:
    # Probabilities are in the domain of every reading.
    for seed, shape in enumerate(shapes):
        rng = np.random.default_rng(seed)
        yhat = probabilities(rng, shape) if name == "CrossEntropyLoss" else unit(rng, shape)
        y = targets(labels, rng, shape, soft=False)
        yield y, yhat, ask(labels_of(labels, y), yhat.copy())


def _answers(cost: Array) -> list[Array]:
    """Return the accepted forms of costs: themselves, as a column, their sum, their mean."""
    answers = [cost, cost[..., None]]
    return [*answers, cost.sum()[None], cost.mean()[None]] if cost.ndim == 1 else answers


def equal(got: Array | None, cost: Array, relative: float) -> bool:
    """Return whether ``got`` equals the costs, in one of the accepted forms."""
    if got is None:
        return False
    return any(
        got.size == answer.size
        and np.allclose(got.ravel(), answer.ravel(), rtol=relative, atol=relative / 100)
        for answer in _answers(cost)
    )


def _epsilon_of(variant: Variant, costs: list[tuple[Array, Array, Array | None]]) -> float:
    """Return the epsilon inside the logarithm with which all costs match, 0 if there is none."""
    for soft in variant.softened:
        found = [_epsilon(soft, y, yhat, got) for y, yhat, got in costs if got is not None]
        if all(found) and np.ptp(found) <= 0.02 * min(found):
            return float(f"{np.median(found):.3g}")
    return 0.0


def _epsilon(soft: Softened, y: Array, yhat: Array, got: Array) -> float:
    """Return the epsilon with which the costs are ``got``, by Newton's method on their sum; 0 if none is."""
    for place in range(len(_answers(soft(y, yhat, 0.0)))):

        def answer(eps: float, place: int = place) -> Array:
            return _answers(soft(y, yhat, eps))[place].ravel()

        if answer(0.0).size != got.size:
            continue
        eps = 0.0
        with np.errstate(all="ignore"):
            for _ in range(20):
                slope = (answer(eps + 1e-7) - answer(eps)).sum() / 1e-7
                step = (got.ravel() - answer(eps)).sum() / slope if slope else np.nan
                eps = max(eps + step, 0.0)
            off = np.abs(got.ravel() - answer(0.0)).max()
            if 1e-9 < eps < 1 and np.abs(got.ravel() - answer(eps)).max() <= 1e-2 * off:
                return float(eps)
    return 0.0
