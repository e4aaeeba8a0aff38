"""A batch shared out over ranks, which all hold the same net: the gradient is additive."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
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
    costs travel in one buffer of the host. A net that is not ``per_example`` is trained whole on every
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
        self._private: Array = np.empty(0)
        self._buffer: Array | None = None  # of the last step
        self._kinds: tuple[Any, ...] = ()  # of what was in it

    # -------------------------------------------------------------- how ranks reach one another

    @abstractmethod
    def first(self, value: Any) -> Any:
        """Return the value that rank 0 has."""

    @abstractmethod
    def all(self, value: Any) -> list[Any]:
        """Return the values that all ranks have, in their order."""

    @abstractmethod
    def shared(self, length: int, dtype: Any) -> Array | None:
        """Return a buffer that :meth:`exchange` takes without copies, if there is any.

        It is asked for at every step, by all ranks for the same; the length is a multiple of ``size``.
        """

    @abstractmethod
    def exchange(self, buffer: Array) -> None:
        """Replace the numbers in this rank's buffer by their sums over all ranks."""

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
        arrays, on_numpy = [*gradients, own], isinstance(own, np.ndarray)
        sums = self._summed(arrays if on_numpy else list(map(to_numpy, arrays)), part, x.shape[0])
        *sums, costs = sums if on_numpy else [asarray_like(each.copy(), own) for each in sums]
        held.put(net, sums)
        return costs.copy() if on_numpy else costs

    def _summed(self, arrays: list[Any], part: slice, batch: int) -> list[Any]:
        """Return the sums of gradients over the ranks, and the costs of all: until the next call."""
        kinds = (self.size, batch, *((each.shape, each.dtype) for each in arrays))
        if kinds != self._kinds:
            *shapes, _ = (each.shape for each in arrays)
            self._begin_of_costs = sum(map(prod, shapes))
            self._shapes, self._dtype = [*shapes, (batch,)], np.result_type(*{each.dtype for each in arrays})
            self._length = -(-(self._begin_of_costs + batch) // self.size) * self.size
            self._kinds, self._buffer = kinds, None
        buffer = self._found(self._length, self._dtype)
        if buffer is not self._buffer:
            self._buffer, self._views = buffer, views(buffer, self._shapes)
            self._costs = buffer[self._begin_of_costs :]  # of all ranks, and what is left over
        # Who has nothing to add writes -0.0, not 0.0: a number added to that keeps its bits.
        self._costs.fill(-0.0)
        if part.start < part.stop:
            for view, each in zip(self._views[:-1], arrays[:-1], strict=True):
                view[...] = each
            self._views[-1][part] = arrays[-1]
        else:
            buffer.fill(-0.0)
        self.exchange(buffer)
        return self._views

    def _found(self, length: int, dtype: Any) -> Array:
        shared = self.shared(length, dtype)
        if shared is not None:
            return shared
        if (len(self._private), self._private.dtype) != (length, dtype):
            self._private = np.empty(length, dtype)
        return self._private

    # -------------------------------------------------------------- the same on all ranks

    def _agree(self, net: Any, loss: Any, batch: Any) -> None:
        """Let all ranks begin alike, and raise if one has gone another way since."""
        if net is not self._net or loss is not self._loss:
            self._begin(net, loss)
        if self._steps % self.check_every == 0:
            values = b"".join(to_numpy(each.value).tobytes() for each in parameters(net))
            rows = to_numpy(getattr(batch, "order", batch)).tobytes()
            looks = self.all((batch.shape[0], crc32(rows), crc32(values)))
            same_on_all(type(self).__name__, [look[:2] for look in looks], "another batch")
            same_on_all(type(self).__name__, [look[2] for look in looks], "other parameters")

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


def same_on_all(owner: str, looks: Sequence[Any], what: str) -> None:
    """Raise RuntimeError if a rank has something else than rank 0, which is ``what`` in words."""
    for rank, look in enumerate(looks):
        if look != looks[0]:
            raise RuntimeError(
                f"{owner}: rank {rank} has {what} than rank 0; all ranks must run the same script, with the "
                "same seeds, files and callbacks"
            )


def add_up(rows: Array) -> None:
    """Let the first row be the sum of all, in their order."""
    for each in rows[1:]:
        np.add(rows[0], each, out=rows[0])
