"""The base of executions that wrap another one, and hand it parts or shares of each batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from diynn.arrays import Array, copy
from diynn.execution.compiling import Update
from diynn.execution.structure import Structure
from diynn.module import parameters


class Held:
    """A deferred update: it notes the net's structure, and changes nothing."""

    structure: Structure | None = None

    def __call__(self, structure: Structure | None) -> None:
        """Note the structure."""
        self.structure = structure

    def recorded(self, structure: Structure) -> None:
        """Return None: there is nothing to compile."""

    def prepare(self, structure: Structure) -> None:
        """Return None, likewise."""

    def taken(self) -> None:
        """Do nothing."""

    def gradients(self, net: Any) -> list[Array]:
        """Return the gradients of a net, in the order of its parameters."""
        known = self.structure
        return known.gradients if known is not None else [each.gradient for each in parameters(net)]

    def put(self, net: Any, values: Sequence[Array]) -> None:
        """Set the gradients to these values; on NumPy in place, because recordings hold the arrays."""
        if self.structure is not None:
            for gradient, value in zip(self.structure.gradients, values, strict=True):
                np.copyto(gradient, value)
            return
        for parameter, value in zip(parameters(net), values, strict=True):
            if isinstance(value, np.ndarray):
                np.copyto(parameter.gradient, value)
            else:
                parameter.gradient = value


def batch_of(x: Array, y: Array, weights: Array | None) -> tuple[Array, ...]:
    """Return the arrays that are cut together: ``x``, ``y`` and, if there are any, the examples' weights."""
    return (x, y) if weights is None else (x, y, weights)


class Accumulating(ABC):
    """An execution whose gradient alone is that of a step without an update, added to what was there."""

    def __call__(self, net: Any, loss: Any, x: Array, y: Array, weights: Array | None = None) -> Array:
        """Add the gradient of a batch to the net's, and return the costs (batch,)."""
        held = Held()
        earlier = [copy(each) for each in held.gradients(net)]
        costs = self.step(net, loss, x, y, held, weights)
        sums = [was + each for was, each in zip(earlier, held.gradients(net), strict=True)]
        held.put(net, sums)
        return costs

    @abstractmethod
    def step(
        self, net: Any, loss: Any, x: Array, y: Array, update: Update, weights: Array | None = None
    ) -> Array:
        """Take a whole step: zero the gradient, accumulate it, update; return the costs (batch,)."""


class Around(Accumulating):
    """An execution that hands parts or shares of each batch to another one, and passes on what that reports.

    Parameters
    ----------
    inner : Execution
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @abstractmethod
    def parts_of(self, x: Array, y: Array, *weights: Array) -> list[tuple[Array, ...]]:
        """Return the parts of a batch that are taken here, one after another."""

    @property
    def reason(self) -> str | None:
        """Why the last part was not compiled, or None if it was."""
        reason: str | None = self.inner.reason
        return reason

    @property
    def source(self) -> str | None:
        """The gradient of a part as one page of Python; None where it is not recorded."""
        source: str | None = self.inner.source
        return source

    def repeat(self) -> None:
        """Compile at the first opportunity, so that every run takes the same steps in the same way."""
        if hasattr(self.inner, "repeat"):
            self.inner.repeat()

    def state(self) -> dict[str, Any]:
        """Return how parts are computed, for a checkpoint."""
        return {"inner": self.inner.state() if hasattr(self.inner, "state") else None}

    def restore(self, state: dict[str, Any], net: Any, loss: Any) -> None:
        """Resume from a state: see ``Threads.restore``."""
        if state["inner"] is not None and hasattr(self.inner, "restore"):
            self.inner.restore(state["inner"], net, loss)

    def rehearse(self, take: Callable[..., Any], *batch: Array) -> bool:
        """Compute parts of a batch as they were computed before: see ``Threads.rehearse``."""
        if not hasattr(self.inner, "rehearse"):
            return False
        take = partial(take, execution=self.inner, update=Held())  # inner is handed parts
        return any([self.inner.rehearse(take, *part) for part in self.parts_of(*batch)])
