"""A batch shared out over the ranks of MPI, on one machine or many."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from time import sleep
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.execution.data_parallel import DataParallel, add_up, same_on_all

_HEAD = 64  # bytes for each rank before the buffers in shared memory: the length of its own
_PLACE = "/dev/shm"  # where shared memory is on Linux; a container may have little


class MPI(DataParallel):
    """Every rank runs the same script, takes its share of each batch, and makes the same update.

    Gradients and costs are summed in the order of the ranks, in memory that ranks of one machine share, else
    by messages: ranks of one thread give the bits of as many threads (with a dropout where all batches have
    one size: for each size threads begin to draw anew). A net that is not ``per_example`` is trained whole on
    every rank. At the first step all take the parameters of rank 0, and each a generator of its own for a
    dropout.

    Parameters
    ----------
    inner : Execution
        How a rank takes its share, such as ``Threads(1)``.
    order : "rank" or "fast"
        ``"fast"``: whatever order MPI adds in, between machines.
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
        In a step, if a rank has another batch or other parameters than rank 0.
    """

    def __init__(
        self, inner: Any, *, order: str = "rank", check_every: int = 100, survive: bool = False
    ) -> None:
        super().__init__(inner, check_every)
        if order not in ("rank", "fast"):
            raise ValueError(f'MPI: `order` must be "rank" or "fast", got {order!r}')
        self.order, self.survive = order, survive
        self._mpi = _mpi(survive)
        self._join(self._mpi.COMM_WORLD)

    def __reduce__(self) -> tuple[Any, ...]:  # a communicator cannot be copied
        made = partial(MPI, order=self.order, check_every=self.check_every, survive=self.survive)
        return made, (self.inner,)

    def __repr__(self) -> str:
        return f"MPI({self.inner!r}, order={self.order!r})"

    def _join(self, comm: Any) -> None:
        self.comm, self.rank, self.size = comm, comm.rank, comm.size

    def first(self, value: Any) -> Any:
        """Return the value that rank 0 has."""
        return self.comm.bcast(value)

    def all(self, value: Any) -> list[Any]:
        """Return the values that all ranks have, in their order."""
        return list(self.comm.allgather(value))

    def shared(self, length: int, dtype: Any) -> Array | None:
        """Return a buffer that :meth:`exchange` takes without copies, if there is any; all have to ask."""
        buffer = None if self.survive else _memory(self._mpi).buffer(length, dtype)
        self._shared = buffer is not None
        return buffer

    def exchange(self, buffer: Array) -> None:
        """Replace the numbers in this rank's buffer by their sums over all ranks."""
        if self._shared:
            _memory(self._mpi).exchange()
        elif self.order == "fast":
            self.comm.Allreduce(self._mpi.IN_PLACE, buffer)
        else:
            parts = np.empty((self.size, len(buffer) // self.size), buffer.dtype)
            self.comm.Alltoall(buffer, parts)
            add_up(parts)
            self.comm.Allgather(parts[0], buffer)

    def attempt(self, take: Callable[[], Array]) -> Array | None:
        """Return what a function returns that talks to the others; None if a rank has died in the meantime.

        Those that are left are the ranks from there on.
        """
        if not self.survive:
            return take()
        taken: Array | None = None
        try:
            taken = take()
        except self._mpi.Exception:
            self.comm.Revoke()  # those who wait for the dead are to know
        with suppress(self._mpi.Exception):
            self.comm.Ack_failed(self.comm.size)
            if self.comm.Agree(taken is not None):
                return taken
        self._join(self.comm.Shrink())
        return None


class _Memory:
    """Buffers of all ranks of one machine, in memory that they share: each adds up its slice of all of them.

    It also writes the sums to all, since a store to what another core has read takes ten times as long as
    one to what that has written.
    """

    def __init__(self, mpi: Any) -> None:
        self._mpi, self._bytes = mpi, 0
        self._kind: tuple[int, Any] = 0, None
        self._comm = mpi.COMM_WORLD.Split_type(mpi.COMM_TYPE_SHARED)

    def buffer(self, length: int, dtype: Any) -> Array | None:
        """Return this rank's buffer, or None where there can be none; all have to ask, for the same."""
        rank, size = self._comm.rank, self._comm.size
        if size < self._mpi.COMM_WORLD.size:
            return None
        if self._kind != (length, dtype):
            if self._bytes:  # those who have another batch do not come along
                self._lengths[rank] = length
                self._window.Fence()
                same_on_all("MPI", self._lengths.tolist(), "another batch")
            need = size * (_HEAD + length * np.dtype(dtype).itemsize)
            if need > self._bytes:
                room = not os.path.isdir(_PLACE) or shutil.disk_usage(_PLACE).free > need
                if not self._comm.bcast(room):  # a store to what is not there kills
                    return None
                # The window before stays: arrays of other trainings lie in it.
                self._window: Any = self._mpi.Win.Allocate_shared(need if rank == 0 else 0, comm=self._comm)
                self._window.Fence()
                self._bytes = need
            memory, _ = self._window.Shared_query(0)
            self._lengths: Array = np.frombuffer(memory, np.int64, size)
            self._lengths[rank] = length
            rows = np.frombuffer(memory, dtype, size * length, size * _HEAD).reshape(size, size, -1)
            self._own, self._slices = rows[rank].reshape(length), rows[:, rank]
            self._kind = length, dtype
        return self._own

    def exchange(self) -> None:
        """Replace the numbers in all buffers by their sums."""
        self._window.Fence()  # all are there, with what they wrote
        add_up(self._slices)
        self._slices[1:] = self._slices[0]
        self._window.Fence()


# One for all trainings: to free a window, all ranks would have to be done with it at one time.
_memory = cache(_Memory)


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
