"""A batch shared out over ranks, which all hold the same net: the gradient is additive."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any
from zlib import crc32

import numpy as np

from diynn.arrays import Array, asarray_like, to_numpy, write
from diynn.data import share_of
from diynn.execution.around import Around, Held, batch_of
from diynn.execution.compiling import Update
from diynn.execution.memory import views
from diynn.execution.structure import Structure, divisible
from diynn.generators import draw_apart, generator_state, generators, set_generator_state
from diynn.module import parameters
from diynn.shapes import positive


class DataParallel(Around):
    """Every rank takes its share of each batch, adds up with the others, and makes the same update.

    How ranks reach one another is the business of a class such as :class:`diynn.execution.MPI`. Gradients and
    costs travel in one buffer through the host. A net that is not ``per_example`` is trained whole on every
    rank. At the first step all take the parameters of rank 0, and each a generator of its own for a dropout.

    Parameters
    ----------
    inner : Execution
        How a rank takes its share.
    check_every : int
        Steps between two looks at whether all ranks have the same batch and the same parameters.

    Attributes
    ----------
    rank, size : int
        The number of this rank, from 0, and how many there are.

    Raises
    ------
    ValueError
        If ``check_every`` is not positive; in a step, if the costs are not one an example.
    RuntimeError
        In a step, on all ranks, if a rank has another batch or other parameters than rank 0.
    """

    rank: int
    size: int

    def __init__(self, inner: Any, check_every: int) -> None:
        super().__init__(inner)
        self.check_every = positive(type(self).__name__, "check_every", check_every)
        self._net: Any = None
        self._loss: Any = None
        self._structure: Structure | None = None
        self._steps = 0
        self._kinds: tuple[Any, ...] = ()  # what the buffers are for

    # -------------------------------------------------------------- how ranks reach one another

    @abstractmethod
    def first(self, value: Any) -> Any:
        """Return the value that rank 0 has."""

    @abstractmethod
    def all(self, value: Any) -> list[Any]:
        """Return the values that all ranks have, in their order."""

    @abstractmethod
    def exchange(self, rows: Array) -> None:
        """Send this rank's row of a buffer (2, numbers): both rows together are the sum over all ranks then.

        A rank of an even number has the first row. There is a multiple of ``size`` numbers.
        """

    @abstractmethod
    def attempt(self, take: Callable[[], Array]) -> Array | None:
        """Return what a function returns that talks to the others; None if it has to be called again."""

    # -------------------------------------------------------------- a step

    def step(
        self, net: Any, loss: Any, x: Array, y: Array, update: Update, weights: Array | None = None
    ) -> Array:
        """Take a whole step: zero the gradient, accumulate it, update; return the costs (batch,)."""
        held = Held()
        take = partial(self._gradient, net, loss, held, *batch_of(x, y, weights))
        costs = None
        while costs is None:
            costs = self.attempt(take)
        self._steps += 1
        update(held.structure)
        return costs

    def parts_of(self, x: Array, y: Array, *weights: Array) -> list[tuple[Array, ...]]:
        """Return the share of this rank; of arrays a shape and slices are needed alone."""
        part = self._part(x, y) or slice(None)
        return [tuple(each[part, ...] for each in (x, y, *weights))]

    def _part(self, x: Array, y: Array) -> slice | None:
        """Return which examples are this rank's, or None if each rank takes all of them."""
        if self.size == 1 or x.shape[:1] != y.shape[:1]:  # the loss knows what to say of that
            return None
        if not divisible(self._structure, self._net, self._loss):
            return None
        return share_of(x.shape[0], self.rank, self.size)

    def _gradient(self, net: Any, loss: Any, held: Held, x: Array, y: Array, *weights: Array) -> Array:
        """Write the gradient of a batch to the net; return the costs."""
        self._agree(net, loss, x)
        part = self._part(x, y)
        own_x, own_y, *rest = (each[part or slice(None), ...] for each in (x, y, *weights))
        own: Array = self.inner.step(net, loss, own_x, own_y, held, *rest)
        self._structure = held.structure
        if part is None:
            return own
        if own.shape != (part.stop - part.start,):
            raise ValueError(f"{type(self).__name__}: costs must be of shape (batch,), got {own.shape}; "
                             "`per_example = False` in the loss trains on the whole batch")  # fmt: skip
        gradients = held.gradients(net)
        one, other = self._exchanged([*map(to_numpy, gradients), to_numpy(own)], part, x.shape[0])
        sums = zip(gradients, one, other, strict=False)
        if isinstance(own, np.ndarray):
            for gradient, first, second in sums:
                np.add(first, second, out=gradient)
        else:
            held.put(net, [asarray_like(first + second, gradient) for gradient, first, second in sums])
        return asarray_like(one[-1] + other[-1], own)

    def _exchanged(self, arrays: list[Any], part: slice, batch: int) -> list[list[Any]]:
        """Return two addends of each sum of gradients over the ranks, and of the costs of all.

        The next call writes to the same memory.
        """
        kinds = (self.size, batch, *((each.shape, each.dtype) for each in arrays))
        if kinds != self._kinds:
            shapes = [*(each.shape for each in arrays[:-1]), (batch,)]
            length = -(-sum(map(prod, shapes)) // self.size) * self.size
            # What nobody writes to is -0.0: a number added to that keeps its bits.
            self._rows = np.full((2, length), -0.0, np.result_type(*{each.dtype for each in arrays}))
            self._views = [views(row, shapes) for row in self._rows]
            self._kinds = kinds
        sent = self._views[self.rank % 2]
        if part.start < part.stop:  # who has no examples has nothing to add, not even 0.0
            for view, each in zip(sent[:-1], arrays[:-1], strict=True):
                view[...] = each
            sent[-1][part] = arrays[-1]
        self.exchange(self._rows)
        return self._views

    # -------------------------------------------------------------- the same on all ranks

    def _agree(self, net: Any, loss: Any, batch: Any) -> None:
        """Let all ranks begin alike, and raise if one has gone another way since."""
        if net is not self._net or loss is not self._loss:
            self._begin(net, loss)
        if self._steps % self.check_every == 0:
            values = b"".join(to_numpy(each.value).tobytes() for each in parameters(net))
            rows = to_numpy(getattr(batch, "order", batch)).tobytes()
            looks = self.all((batch.shape[0], crc32(rows), crc32(values)))
            for rank, look in enumerate(looks):
                if look != looks[0]:
                    what = "another batch" if look[:2] != looks[0][:2] else "other parameters"
                    raise RuntimeError(
                        f"{type(self).__name__}: rank {rank} has {what} than rank 0; all ranks must run the "
                        "same script, with the same seeds, files and callbacks"
                    )

    def _begin(self, net: Any, loss: Any) -> None:
        """Take the parameters of rank 0, and draw what a thread in this place would."""
        self._net, self._loss = net, loss
        for each in parameters(net):
            value = self.first(to_numpy(each.value))
            each.value = write(each.value, asarray_like(value, each.value))
        draw_apart(net, self.rank)

    def state(self) -> dict[str, Any]:
        """Return in what way shares are taken, and what each rank draws from; all ranks have to ask."""
        drawn = [] if self._net is None else [generator_state(each) for each in generators(self._net)]
        return {"ranks": self.all({**super().state(), "drawn": drawn})}

    def restore(self, state: dict[str, Any], net: Any, loss: Any) -> None:
        """Go on from a state, of as many ranks or of others; all ranks have to."""
        self._begin(net, loss)
        if len(state["ranks"]) == self.size:
            mine = state["ranks"][self.rank]
            for generator, drawn in zip(generators(net), mine["drawn"], strict=False):
                set_generator_state(generator, drawn)
            super().restore(mine, net, loss)
