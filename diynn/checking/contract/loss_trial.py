"""A trial of a loss: one target and one prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.checking.contract import numeric
from diynn.checking.contract.instance import Instance
from diynn.checking.contract.kinds import Kind
from diynn.checking.diagnosis.closeness import close
from diynn.checking.diagnosis.readings import Reading, labels_of, targets
from diynn.checking.diagnosis.variants import VARIANTS, Draw, Variant


@dataclass(frozen=True)
class LossFixture:
    """What the trials of a loss share: how it is built, and which reading of the sheet it follows.

    Parameters
    ----------
    make : callable
        Builds an instance.
    kind : Kind
    reading : Reading
        Its formula, and its form of targets.
    draw : callable
        Draws predictions for it.
    """

    make: Callable[[], Instance]
    kind: Kind
    reading: Reading
    draw: Draw

    @property
    def variant(self) -> Variant:
        """The formula."""
        return self.reading.variant

    @property
    def labels(self) -> str:
        """Its form of targets."""
        return self.reading.labels

    @property
    def matched(self) -> bool:
        """Whether its costs are those of the formula."""
        return self.reading.matched


@dataclass
class LossTrial:
    """One trial. ``target`` is one-hot for classes, whatever form the loss takes."""

    fixture: LossFixture
    target: np.ndarray
    yhat: np.ndarray
    seed: int = 0

    def fresh(self) -> Instance:
        """Return a new loss."""
        return self.fixture.make()

    @property
    def y(self) -> Array:
        """The target in the form that the loss takes."""
        return labels_of(self.fixture.labels, self.target)

    def forward(self, instance: Instance, yhat: np.ndarray | None = None) -> np.ndarray:
        """Return the output of ``forward``, called with copies."""
        return instance.array("forward", self.y, (self.yhat if yhat is None else yhat).copy())

    def backward(self, instance: Instance) -> np.ndarray:
        """Return the output of ``backward``, called with copies."""
        return instance.array("backward", self.y, self.yhat.copy())

    def total(self, instance: Instance, yhat: np.ndarray) -> np.ndarray:
        """Return the sum of the costs, whatever their shape."""
        return np.asarray(self.forward(instance, yhat).sum())

    def backward_agrees(self, claimed: np.ndarray) -> bool | None:
        """Return whether ``claimed`` is the gradient of the sum of the loss's own costs; None if undecided.

        A loss that wrongly returns one mean, over the batch or over all outputs, fails for its shape;
        its backward may be the gradient of that mean or of the sum.
        """
        instance = self.fresh()
        factors = [1.0]
        if self.forward(instance).ndim == 0:
            factors += [len(self.yhat), self.yhat.size]
        rng = np.random.default_rng(self.seed)
        verdict: bool | None = None
        for factor in factors:
            weights = np.asarray(factor)
            verdict = numeric.agrees(claimed, lambda p: self.total(instance, p), self.yhat, weights, rng)
            if verdict is None:
                right, trusted = self.numeric_backward()
                verdict = close(claimed[trusted], factor * right[trusted]) if trusted.any() else None
            if verdict:
                break
        return verdict

    def numeric_backward(self) -> tuple[np.ndarray, np.ndarray]:
        """Return that gradient by numerical differentiation, and where it is reliable."""
        instance = self.fresh()

        def function(yhat: np.ndarray) -> np.ndarray:
            return self.total(instance, yhat)

        direction = np.random.default_rng(self.seed).normal(size=self.yhat.shape)
        precision = numeric.precision_of(function, self.yhat, direction)
        right, trusted, _ = numeric.gradient(function, self.yhat, np.ones(()), precision)
        return right, trusted

    def is_the_sheets(self, claimed: np.ndarray) -> bool:
        """Return whether ``claimed`` is the sheet's gradient, though the costs differ from the sheet's.

        False for a cross entropy whose costs match no formula: it is unknown which one is meant.
        """
        kind, reading = self.fixture.kind.name, self.fixture.reading
        if not kind or (kind == "CrossEntropyLoss" and not reading.matched):
            return False
        is_scalar = self.forward(self.fresh()).ndim == 0
        variant = reading.variant if reading.matched and not is_scalar else VARIANTS[kind][0]
        function = lambda yhat: np.asarray(variant.cost(self.target, yhat).sum())  # noqa: E731
        right, trusted, _ = numeric.gradient(function, self.yhat, np.ones(()), numeric.DOUBLE)
        return bool(trusted.all()) and close(claimed, right)

    def facts(self) -> SimpleNamespace:
        """Return the variables of the formulas of known mistakes."""
        return SimpleNamespace(
            y=self.target, yhat=self.yhat, batch=len(self.yhat), d=self.yhat.shape[-1],
            variant=self.fixture.variant.name, labels=self.fixture.labels,
        )  # fmt: skip

    def inputs(self) -> dict[str, Any]:
        """Return the inputs that a report shows."""
        return {"y": self.y, "yhat": self.yhat}

    def smaller(self) -> list[LossTrial]:
        """Return simpler trials, the simplest first."""
        rounded = replace(self, yhat=np.round(self.yhat, 1), target=np.round(self.target, 1))
        if not np.array_equal(rounded.yhat.shape, self.yhat.shape) or self.fixture.kind.name == "BCELoss":
            rounded = replace(rounded, yhat=np.clip(rounded.yhat, 0.1, 0.9))
        found = [
            replace(start, target=start.target[i : i + 1], yhat=start.yhat[i : i + 1])
            for start in (rounded, self)
            for i in range(min(len(self.yhat), 3))
            if len(self.yhat) > 1
        ]
        return [*found, rounded]


def draw_loss_trial(
    fixture: LossFixture, shape: tuple[int, ...], rng: np.random.Generator, number: int
) -> LossTrial:
    """Draw a trial; every third target of a binary cross entropy is strictly between 0 and 1."""
    yhat = fixture.draw(rng, shape)
    target = targets(fixture.labels, rng, shape, soft=number % 3 == 2)
    return LossTrial(fixture, target, yhat, seed=number)
