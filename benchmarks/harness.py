"""Contenders in processes of their own, compared on the same work, in turn, round by round."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from time import sleep
from typing import Any, Self

import machine
import worker
from contenders import CONTENDERS
from workloads import Workload

STEPS = 5  # taken before the race, to see that all contenders do the same
TOLERANCE = 1e-4  # by which their costs may differ, relative: all are float32
_LEAST_FALL = 0.005  # of the cost in those steps: less would not show a wrong gradient
_PAUSE = 0.05  # seconds between two turns, in which the threads of the last one fall asleep
# Somebody's choice of OpenBLAS's kernel: it slows NumPy's products alone, by half on some machines.
_KERNEL = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_FAREWELL = 5  # seconds in which a process may end by itself
_PATIENCE = 900  # seconds to wait for an answer; torch.compile takes minutes


class DisagreementError(ValueError):
    """The contenders do not compute the same: their times mean nothing."""


class LostError(RuntimeError):
    """A contender gave no answer, or that it failed."""


@dataclass(frozen=True)
class Figure:
    """Seconds a step: the median and the minimum of a number of samples."""

    median: float
    minimum: float
    samples: int


@dataclass
class Cell:
    """What was measured on one workload at one batch size.

    Attributes
    ----------
    figures : dict of str to Figure
        By contender; ``"torch@1"`` is ``torch`` on one thread.
    missing : dict of str to str
        Those that took no part, and why.
    costs : dict of str to list of float
        The costs each found in its first steps, which agree.
    """

    workload: str
    batch: int
    figures: dict[str, Figure] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    costs: dict[str, list[float]] = field(default_factory=dict)


def read(cells: Sequence[dict[str, Any]]) -> list[Cell]:
    """Return cells as they were before they were written as JSON."""
    return [
        Cell(**cell | {"figures": {label: Figure(**each) for label, each in cell["figures"].items()}})
        for cell in cells
    ]


class Racer:
    """One contender, from here: its process, started when first needed and again if it was lost.

    Parameters
    ----------
    label : str
        Its name, with ``@1`` behind it for one thread instead of ``threads``.
    threads : int
        Threads that it may use, and cores that it may run on.
    backend : str
        Of diynn; says where everybody runs.
    """

    def __init__(self, label: str, threads: int, backend: str) -> None:
        name, _, own = label.partition("@")
        self.contender = CONTENDERS[name]
        self.threads, self.backend = int(own or threads), backend
        self.process: Any = None

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of its :class:`worker.Seat`; raise LostError with the reason if that fails."""
        if self.process is None or not self.process.is_alive():
            self._start()
        try:
            self.pipe.send((method, *arguments))
            if not self.pipe.poll(_PATIENCE):
                self.stop()
                raise LostError(f"no answer in {_PATIENCE} s")
            state, result = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            raise LostError(f"its process ended with code {self.process.exitcode}") from None
        if state == "failed":
            raise LostError(result)
        return result

    def _start(self) -> None:
        context = get_context("spawn")  # a fresh interpreter
        self.pipe, theirs = context.Pipe()
        arguments = (theirs, self.contender, self.threads, self.backend)
        self.process = context.Process(target=worker.serve, args=arguments, daemon=True)
        with surroundings(self.threads, self.contender.blas or self.threads, keep_memory=True):
            self.process.start()
        theirs.close()

    def clear(self) -> None:
        """Let it forget the step of the cell before, and give back the memory."""
        if self.process is not None and self.process.is_alive():
            with suppress(LostError):
                self.ask("clear")

    def stop(self) -> None:
        """End the process, politely first."""
        if self.process is None:
            return
        with suppress(OSError):
            self.pipe.send(None)
        self.process.join(_FAREWELL)
        self.process.terminate()
        self.process.join()


@contextmanager
def surroundings(threads: int, blas: int, *, keep_memory: bool = False) -> Iterator[None]:
    """Let processes started within have that many threads, for every library in the way it asks for them.

    Parameters
    ----------
    threads, blas : int
        Threads of the process, and of its BLAS.
    keep_memory : bool
        Whether glibc's malloc keeps what is freed. diynn sees to that itself, and PyTorch's tuning guide
        tells its users to: on sequences it is worth a quarter of the time.
    """
    numbers = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), blas)
    numbers |= {"OMP_NUM_THREADS": threads, "NPROC": threads}  # NPROC is JAX's
    names = {name: str(number) for name, number in numbers.items()}
    if keep_memory:
        names |= {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**28)}
    names["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # or JAX takes the GPU's memory from the others
    before = {name: os.environ.get(name) for name in (*names, *_KERNEL)}
    os.environ.update(names)
    for name in _KERNEL:
        os.environ.pop(name, None)
    try:
        with machine.confined(threads):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Race:
    """All contenders of a run, by name, each started when it is first asked for.

    Parameters
    ----------
    threads : int
        Threads for everybody whose label says nothing else.
    backend : str
        Of diynn; says where everybody runs.
    """

    def __init__(self, threads: int, backend: str = "numpy") -> None:
        self.threads, self.backend = threads, backend
        self.racers: dict[str, Racer] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for racer in self.racers.values():
            racer.stop()

    def __getitem__(self, label: str) -> Racer:
        if label not in self.racers:
            self.racers[label] = Racer(label, self.threads, self.backend)
        return self.racers[label]

    def cell(
        self,
        workload: Workload,
        batch: int,
        labels: Sequence[str],
        *,
        rounds: int = 10,
        seconds: float = 0.25,
        singly: bool = False,
    ) -> Cell:
        """Measure some contenders on one workload at one batch size.

        Parameters
        ----------
        workload : Workload
        batch : int
        labels : list of str
            Names of contenders, with ``@1`` for one thread.
        rounds : int
            Turns that each has.
        seconds : float
            How long a turn is.
        singly : bool
            Whether each step is timed and waited for on its own. Otherwise short steps are timed in a row,
            in which JAX and a GPU work ahead of Python, as they do in a training loop.

        Raises
        ------
        DisagreementError
            If the contenders' costs differ, before any is timed.
        """
        cell = Cell(workload.name, batch)
        for racer in self.racers.values():
            racer.clear()
        built = [label for label in labels if self._built(cell, label, workload)]
        check(workload.name, batch, cell.costs)
        samples: dict[str, list[float]] = {label: [] for label in built}
        for _ in range(rounds):
            for label in built:
                if label not in cell.missing:
                    samples[label] += self._ask(cell, label, "turn", seconds, singly) or []
                    sleep(_PAUSE)
        cell.figures = {label: figure(samples[label]) for label in built if label not in cell.missing}
        return cell

    def _built(self, cell: Cell, label: str, workload: Workload) -> bool:
        """Let a contender build its step and take the first ones; say whether it takes part."""
        reason = self._ask(cell, label, "build", workload, cell.batch)
        if reason is not None:
            cell.missing[label] = reason
        if label in cell.missing:
            return False
        costs = self._ask(cell, label, "costs", STEPS)
        if costs is not None:
            cell.costs[label] = costs
        return label not in cell.missing

    def _ask(self, cell: Cell, label: str, method: str, *arguments: Any) -> Any:
        try:
            return self[label].ask(method, *arguments)
        except LostError as reason:
            cell.missing[label] = str(reason)
            return None


def check(workload: str, batch: int, costs: dict[str, list[float]]) -> None:
    """Raise DisagreementError unless all contenders found the same costs, step by step.

    The first cost shows that the nets, weights, data and losses are the same; the later ones, that the
    gradients and the updates are.
    """
    if not costs:
        return
    for at_step in zip(*costs.values(), strict=True):
        low, high = min(at_step), max(at_step)
        if not high - low <= TOLERANCE * abs(high):  # so written that NaN is refused too
            raise DisagreementError(_words(workload, batch, costs, "differ: they do not do the same work"))
    first, *_, last = next(iter(costs.values()))
    if not first - last >= _LEAST_FALL * first:
        raise DisagreementError(_words(workload, batch, costs, "hardly fall: it shows no gradient"))


def _words(workload: str, batch: int, costs: dict[str, list[float]], fault: str) -> str:
    lines = [f"  {label:22}" + "".join(f"{cost:14.7g}" for cost in found) for label, found in costs.items()]
    return "\n".join([f"workload {workload} at batch {batch}: the costs of the first steps {fault}", *lines])


def figure(samples: Sequence[float]) -> Figure:
    """Return the median and the minimum of samples."""
    return Figure(statistics.median(samples), min(samples), len(samples))
