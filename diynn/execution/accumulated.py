"""The gradient of a batch in parts, one after another, before one update: the gradient is additive."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from diynn.arrays import Array, copy, namespace
from diynn.execution.blocks import cut
from diynn.execution.compiling import Update
from diynn.execution.structure import Structure
from diynn.module import parameters
from diynn.parameter import Parameter
from diynn.shapes import positive


class Held:
    """An update that is put off: it notes what is known of the net, and changes nothing."""

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


def batch_of(x: Array, y: Array, weights: Array | None) -> tuple[Array, ...]:
    """Return the arrays that are cut together: ``x``, ``y`` and, if there are any, the examples' weights."""
    return (x, y) if weights is None else (x, y, weights)


class Around:
    """An execution that takes batches by another one, in parts or shares: what that knows, it tells.

    Parameters
    ----------
    inner : Execution
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

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
        """Compile what can be compiled at once, for the same result in every run."""
        if hasattr(self.inner, "repeat"):
            self.inner.repeat()

    def state(self) -> dict[str, Any]:
        """Return in what way parts are taken."""
        return {"inner": self.inner.state() if hasattr(self.inner, "state") else None}

    def restore(self, state: dict[str, Any], net: Any, loss: Any) -> None:
        """Go on from a state: see ``Threads.restore``."""
        if state["inner"] is not None and hasattr(self.inner, "restore"):
            self.inner.restore(state["inner"], net, loss)

    def rehearse(self, take: Callable[..., Any], *batch: Array) -> bool:
        """Take parts of a batch as they were taken before: see ``Threads.rehearse``."""
        if not hasattr(self.inner, "rehearse"):
            return False
        take = partial(take, execution=self.inner, update=Held())  # as it is given parts
        return any([self.inner.rehearse(take, *part) for part in self.parts_of(*batch)])

    def parts_of(self, x: Array, y: Array, *weights: Array) -> list[tuple[Array, ...]]:
        """Return the parts of a batch that are taken here, one after another."""
        raise NotImplementedError(f"{type(self).__name__} has no parts_of(x, y)")


class Accumulated(Around):
    """Batches in parts, whose gradients are added up before one update: memory for one part at a time.

    Parameters
    ----------
    parts : int
        How many; a batch of fewer examples has as many parts as examples.
    inner : Execution
        How a part is taken.

    Raises
    ------
    ValueError
        If ``parts`` is not a positive integer.
    """

    def __init__(self, parts: int, inner: Any) -> None:
        super().__init__(inner)
        self.parts = positive("Accumulated", "parts", parts)

    def __repr__(self) -> str:
        return f"Accumulated({self.parts}, {self.inner!r})"

    def __call__(self, net: Any, loss: Any, x: Array, y: Array, weights: Array | None = None) -> Array:
        """Add the gradient of a batch to the net's, and return the costs (batch,)."""
        return _joined([self.inner(net, loss, *part) for part in self.parts_of(*batch_of(x, y, weights))])

    def step(
        self, net: Any, loss: Any, x: Array, y: Array, update: Update, weights: Array | None = None
    ) -> Array:
        """Take a whole step: zero the gradient, accumulate it, update; return the costs (batch,)."""
        costs: list[Array] = []
        totals: list[Array] = []
        held = Held()
        for part_x, part_y, *rest in self.parts_of(*batch_of(x, y, weights)):
            costs.append(self.inner.step(net, loss, part_x, part_y, held, *rest))
            handles = held.structure.parameters if held.structure else parameters(net)
            gradients = [each.gradient for each in handles]
            if totals:
                totals = [total + each for total, each in zip(totals, gradients, strict=True)]
            else:  # copies: the next part writes to the same buffers
                totals = [copy(each) for each in gradients]
        put_gradients(handles, totals)
        update(held.structure)
        return _joined(costs)

    def parts_of(self, x: Array, y: Array, *weights: Array) -> list[tuple[Array, ...]]:
        """Return the parts of a batch: neighbouring examples, as many in each or one less."""
        if x.shape[:1] != y.shape[:1]:  # the loss knows what to say of it
            return [(x, y, *weights)]
        return [
            tuple(each[part, ...] for each in (x, y, *weights)) for part in cut(0, x.shape[0], self.parts)
        ]


def put_gradients(handles: list[Parameter], values: list[Array]) -> None:
    """Let gradients have these values: in the arrays that are there, on NumPy, since recordings hold them."""
    for parameter, value in zip(handles, values, strict=True):
        if isinstance(value, np.ndarray):
            np.copyto(parameter.gradient, value)
        else:
            parameter.gradient = value


def _joined(costs: list[Array]) -> Array:
    return costs[0] if len(costs) == 1 else namespace(costs[0]).concat(costs)
