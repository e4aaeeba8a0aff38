"""Gradient accumulation: a batch in parts, one after another, whose gradients are summed for one update."""

from __future__ import annotations

from typing import Any

from diynn.arrays import Array, copy, namespace
from diynn.execution.around import Around, Held, batch_of
from diynn.execution.blocks import cut
from diynn.execution.compiling import Update
from diynn.shapes import positive


class Accumulated(Around):
    """Batches in parts and one update for all: memory holds the activations of one part at a time.

    Parameters
    ----------
    parts : int
        How many; a batch of fewer examples has as many parts as examples.
    inner : Execution
        The execution that takes each part.

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

    def step(
        self, net: Any, loss: Any, x: Array, y: Array, update: Update, weights: Array | None = None
    ) -> Array:
        """Take a whole step: zero the gradient, accumulate it, update; return the costs (batch,)."""
        costs: list[Array] = []
        sums: list[Array] = []
        held = Held()
        for part_x, part_y, *rest in self.parts_of(*batch_of(x, y, weights)):
            costs.append(self.inner.step(net, loss, part_x, part_y, held, *rest))
            gradients = held.gradients(net)
            if sums:
                sums = [total + each for total, each in zip(sums, gradients, strict=True)]
            else:  # copies: the next part writes to the same buffers
                sums = [copy(each) for each in gradients]
        held.put(net, sums)
        update(held.structure)
        return costs[0] if len(costs) == 1 else namespace(costs[0]).concat(costs)

    def parts_of(self, x: Array, y: Array, *weights: Array) -> list[tuple[Array, ...]]:
        """Return the parts of a batch: consecutive examples, in sizes that differ by one at most."""
        if x.shape[:1] != y.shape[:1]:  # the loss raises the error
            return [(x, y, *weights)]
        return [
            tuple(each[part, ...] for each in (x, y, *weights)) for part in cut(0, x.shape[0], self.parts)
        ]
