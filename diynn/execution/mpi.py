"""A batch shared out over the ranks of MPI, on one machine or many."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import cache, partial
from time import sleep
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.execution.data_parallel import DataParallel


class MPI(DataParallel):
    """Every rank runs the same script, takes its share of each batch, and makes the same update.

    Gradients and costs travel in one buffer through the host, summed in the order of the ranks: ranks of one
    thread give the bits of as many threads (with a dropout where all batches have one size: for each size
    threads begin to draw anew). A net that is not ``per_example`` is trained whole on every rank. At the
    first step all ranks take the parameters of rank 0, and each a generator of its own for a dropout.

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
        values: list[Any] = self.comm.allgather(value)
        return values

    def exchange(self, rows: Array) -> None:
        """Send this rank's row of a buffer (2, numbers); the two rows then add up to the sum over all."""
        comm, size, own, total = self.comm, self.size, rows[self.rank % 2], rows[1 - self.rank % 2]
        if size == 2:  # two numbers have one sum, and to exchange them takes half the time of Allreduce
            comm.Allgather(self._mpi.IN_PLACE, rows)
            return
        if self.order == "fast":
            comm.Allreduce(own, total)
        else:
            parts = np.empty((size, len(own) // size), own.dtype)
            comm.Alltoall(own, parts)
            for each in parts[1:]:
                parts[0] += each
            comm.Allgather(parts[0], total)
        own.fill(-0.0)

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
        try:
            self.comm.Ack_failed(self.comm.size)
            if self.comm.Agree(taken is not None):
                return taken
        except self._mpi.Exception:
            pass
        self._join(self.comm.Shrink())
        return None


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
