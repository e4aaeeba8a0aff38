"""A batch shared out over the ranks of MPI, on one machine or many: the gradient is additive."""

from __future__ import annotations

import os
import signal
import sys
from functools import cache
from itertools import accumulate
from time import sleep
from typing import Any
from zlib import crc32

import numpy as np

from diynn.arrays import Array, asarray_like, copy, to_numpy, write
from diynn.composition import walk
from diynn.data import share_of
from diynn.execution.accumulated import Around, Held, batch_of, put_gradients
from diynn.execution.compiling import Update
from diynn.execution.structure import Structure, all_state
from diynn.generators import generator_state, generators, set_generator_state
from diynn.module import parameters
from diynn.shapes import positive


class MPI(Around):
    """Every rank runs the same script, takes its share of each batch, and makes the same update.

    Gradients and costs travel in one buffer through the host, summed in the order of the ranks: ranks of one
    thread give the bits of as many threads. A net that is not ``per_example`` is trained whole on every rank.
    At the first step all ranks take the parameters of rank 0, and each a generator of its own for a dropout.

    Parameters
    ----------
    inner : Execution
        How a rank takes its share, such as ``Threads(1)``.
    order : "rank" or "fast"
        ``"fast"``: whatever order MPI adds in.
    check_every : int
        Steps between two looks at whether all ranks have the same batch and the same parameters.
    survive : bool
        Whether the others go on, and share out the batch anew, when a rank dies: where MPI can do that, such
        as Open MPI's ``mpirun --with-ft ulfm``. MPI is not finalized then, which would wait for the dead.

    Raises
    ------
    ImportError, ValueError
        If there is no mpi4py or no MPI for it; if ``order`` or ``check_every`` is none of these.
    RuntimeError
        In a step, on all ranks, if a rank has another batch or other parameters than rank 0.
    """

    def __init__(
        self, inner: Any, *, order: str = "rank", check_every: int = 100, survive: bool = False
    ) -> None:
        if order not in ("rank", "fast"):
            raise ValueError(f'MPI: `order` must be "rank" or "fast", got {order!r}')
        super().__init__(inner)
        self.order, self.check_every = order, positive("MPI", "check_every", check_every)
        self.survive, self._mpi = survive, _mpi(survive)
        self.comm = self._mpi.COMM_WORLD
        self._net: Any = None
        self._loss: Any = None
        self._structure: Structure | None = None
        self._steps = 0
        self._buffer = np.empty(0)

    def __getstate__(self) -> dict[str, Any]:
        names = ("inner", "order", "check_every", "survive")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]  # a communicator cannot be copied

    def __repr__(self) -> str:
        return f"MPI({self.inner!r}, order={self.order!r})"

    def __call__(self, net: Any, loss: Any, x: Array, y: Array, weights: Array | None = None) -> Array:
        """Add the gradient of a batch to the net's, and return the costs (batch,)."""
        earlier = [copy(each.gradient) for each in parameters(net)]
        costs = self._gradient(net, loss, Held(), *batch_of(x, y, weights))
        handles = parameters(net)
        put_gradients(handles, [each.gradient + was for each, was in zip(handles, earlier, strict=True)])
        return costs

    def step(
        self, net: Any, loss: Any, x: Array, y: Array, update: Update, weights: Array | None = None
    ) -> Array:
        """Take a whole step: zero the gradient, accumulate it, update; return the costs (batch,)."""
        held, costs = Held(), None
        while costs is None:
            try:
                costs = self._gradient(net, loss, held, *batch_of(x, y, weights))
            except self._mpi.Exception:
                if not self.survive:
                    raise
            if self.survive and not self._all_have(costs):
                costs = None
        self._steps += 1
        update(held.structure)
        return costs

    def _all_have(self, costs: Any) -> bool:
        """Say whether all ranks have the gradient; go on with those that are left if one has died."""
        if costs is None:
            self.comm.Revoke()  # those who wait for the dead are to know
        try:
            self.comm.Ack_failed(self.comm.size)
            agreed = bool(self.comm.Agree(costs is not None))
        except self._mpi.Exception:
            agreed = False
        if not agreed:
            self.comm = self.comm.Shrink()
        return agreed

    def parts_of(self, x: Array, y: Array, *weights: Array) -> list[tuple[Array, ...]]:
        """Return the share of this rank: all of the batch if it cannot be shared out."""
        mine = self._part(x, y) or slice(None)
        return [tuple(each[mine, ...] for each in (x, y, *weights))]

    def _part(self, x: Array, y: Array) -> slice | None:
        known = self._structure
        if known is not None and known.holds(self._net, self._loss):
            split = known.per_example
        else:
            split = all_state("per_example", [*walk(self._net), self._loss])
        if not split or self.comm.size == 1 or x.shape[:1] != y.shape[:1]:
            return None
        return share_of(x.shape[0], self.comm.rank, self.comm.size)

    def _gradient(self, net: Any, loss: Any, held: Held, x: Array, y: Array, *weights: Array) -> Array:
        """Write the gradient of a batch to the net; x, y and weights need a shape and slices alone."""
        self._agree(net, loss, x)
        part = self._part(x, y)
        mine = part or slice(None)
        own = self.inner.step(
            net, loss, x[mine, ...], y[mine, ...], held, *(each[mine, ...] for each in weights)
        )
        structure = self._structure = held.structure
        if part is None:
            return own
        if own.shape != (part.stop - part.start,):
            raise ValueError(f"MPI: costs must be of shape (batch,), got {own.shape}; `per_example = False` "
                             "in the loss trains on the whole batch")  # fmt: skip
        handles = parameters(net) if structure is None else []
        gradients = [each.gradient for each in handles] if structure is None else structure.gradients
        costs = np.full(x.shape[0], -0.0, to_numpy(own).dtype)  # a number added to -0.0 keeps its bits
        costs[part] = to_numpy(own)
        *sums, costs = self._summed([*map(to_numpy, gradients), costs], takes_part=own.shape[0] > 0)
        if structure is None:
            sums = [asarray_like(each.copy(), like) for each, like in zip(sums, gradients, strict=True)]
            put_gradients(handles, sums)
        else:
            for gradient, each in zip(gradients, sums, strict=True):
                np.copyto(gradient, each)
        return asarray_like(costs.copy(), own)

    def _summed(self, arrays: list[Any], *, takes_part: bool) -> list[Any]:
        """Return the sums of arrays over the ranks, in memory that the next call overwrites."""
        size, dtype = self.comm.size, np.result_type(*{each.dtype for each in arrays})
        ends = list(accumulate(each.size for each in arrays))
        part = -(-ends[-1] // size)
        if self._buffer.size < part * size or self._buffer.dtype != dtype:
            self._buffer = np.zeros(part * size, dtype)
        flat = self._buffer[: part * size]
        if takes_part:
            np.concatenate([each.reshape(-1) for each in arrays], out=flat[: ends[-1]])
        else:
            flat.fill(-0.0)
        if self.order == "fast" or size == 2:  # two numbers have one sum
            self.comm.Allreduce(self._mpi.IN_PLACE, flat)
        else:
            parts = np.empty((size, part), dtype)
            self.comm.Alltoall(flat, parts)
            for each in parts[1:]:
                parts[0] += each
            self.comm.Allgather(parts[0], flat)
        places = zip([0, *ends], ends, arrays, strict=False)
        return [flat[first:last].reshape(each.shape) for first, last, each in places]

    def state(self) -> dict[str, Any]:
        """Return in what way shares are taken, and what each rank draws from; all ranks have to ask."""
        drawn = [] if self._net is None else [generator_state(each) for each in generators(self._net)]
        return {"ranks": self.comm.allgather({**super().state(), "drawn": drawn})}

    def restore(self, state: dict[str, Any], net: Any, loss: Any) -> None:
        """Go on from a state, of as many ranks or of others; all ranks have to."""
        self._begin(net, loss)
        if len(state["ranks"]) == self.comm.size:
            mine = state["ranks"][self.comm.rank]
            for generator, drawn in zip(generators(net), mine["drawn"], strict=False):
                set_generator_state(generator, drawn)
            super().restore(mine, net, loss)

    def _begin(self, net: Any, loss: Any) -> None:
        """Take the parameters of rank 0, and draw what a thread in this place would."""
        self._net, self._loss = net, loss
        for each in parameters(net):
            value = self.comm.bcast(to_numpy(each.value))
            each.value = write(each.value, asarray_like(value, each.value))
        drawing = [each for each in generators(net) if hasattr(each, "spawn")]
        own: list[Any] = []
        for _ in range(self.comm.rank):
            own = [each.spawn(1)[0] for each in drawing]
        for generator, child in zip(drawing, own, strict=False):
            set_generator_state(generator, generator_state(child))

    def _agree(self, net: Any, loss: Any, batch: Any) -> None:
        """Let all ranks begin alike, and raise if one has gone another way since."""
        if net is not self._net or loss is not self._loss:
            self._begin(net, loss)
        if self._steps % self.check_every == 0:
            values = b"".join(to_numpy(each.value).tobytes() for each in parameters(net))
            rows = to_numpy(getattr(batch, "order", batch)).tobytes()
            looks = self.comm.allgather((batch.shape[0], crc32(rows), crc32(values)))
            for rank, look in enumerate(looks):
                if look != looks[0]:
                    what = "another batch" if look[:2] != looks[0][:2] else "other parameters"
                    raise RuntimeError(f"MPI: rank {rank} has {what} than rank 0; all ranks must run the "
                                       "same script, with the same seeds, files and callbacks")  # fmt: skip


@cache
def _mpi(survive: bool) -> Any:
    """Return mpi4py's MPI; from now on an exception that ends one rank ends all."""
    try:
        import mpi4py

        if survive:
            mpi4py.rc.finalize = False
        from mpi4py import MPI as mpi  # noqa: N811
    except (ImportError, RuntimeError) as error:
        raise ImportError('execution="mpi" needs mpi4py and an MPI: pip install "diynn[mpi]", or mpi4py '
                          "beside the cluster's own MPI") from error  # fmt: skip
    before = sys.excepthook

    def end_all(*error: Any) -> None:
        before(*error)
        sys.stderr.flush()
        sleep(0.5)  # the launcher drops what it has not passed on yet
        if survive:  # it dies alone, in the way that MPI takes for a death
            os.kill(os.getpid(), signal.SIGKILL)
        mpi.COMM_WORLD.Abort(1)

    if mpi.COMM_WORLD.size > 1:
        sys.excepthook = end_all
    return mpi
