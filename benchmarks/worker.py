"""A contender's own process: it sleeps on its pipe until its turn comes."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from math import ceil
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

from contenders import Contender, Step
from workloads import Workload

_TURN = 3  # samples in a turn, at least


def serve(pipe: Connection, contender: Contender, threads: int, backend: str) -> None:
    """Answer what comes through the pipe, until None comes.

    A request is the name of a method of :class:`Seat` and its arguments; the answer is
    ``("done", result)`` or ``("failed", reason)``.
    """
    seat = Seat(contender, threads, backend)
    while (request := pipe.recv()) is not None:
        method, *arguments = request
        try:
            answer = ("done", getattr(seat, method)(*arguments))
        except Exception as error:  # whatever a framework raises is a figure that is missing, and why
            answer = ("failed", f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
        pipe.send(answer)


class Seat:
    """Where a contender sits: its step, and what can be asked of it."""

    def __init__(self, contender: Contender, threads: int, backend: str) -> None:
        self.contender, self.threads, self.backend = contender, threads, backend
        self.step: Step | None = None

    def build(self, workload: Workload, batch: int) -> str | None:
        """Make the step; return why it cannot be made, or None."""
        options = self.contender.options
        try:
            module = import_module(self.contender.module)
        except ModuleNotFoundError as error:
            return f"{error.name} is not installed"
        reason: str | None = module.available(workload, self.backend, **options)
        if reason is None:
            self.step = module.build(workload, batch, self.threads, self.backend, **options)
        return reason

    def costs(self, steps: int) -> list[float] | None:
        """Take some steps and return the cost that each found; None if there are none."""
        found = []
        for _ in range(steps):
            self._step.step()
            found.append(self._step.cost())
        return None if None in found else found

    def turn(self, seconds: float, singly: bool = False) -> list[float]:
        """Return the seconds of a step, in samples taken for that long after a warm-up of 3/5 of it.

        A sample is one step, or as many in a row as make it long enough unless ``singly``.
        """
        fastest = float("inf")
        end = perf_counter() + 0.6 * seconds
        while fastest == float("inf") or perf_counter() < end:
            fastest = min(fastest, self._step.seconds(1))
        steps = 1 if singly else max(1, ceil(self._step.sample / fastest))
        samples: list[float] = []
        end = perf_counter() + seconds
        while len(samples) < _TURN or perf_counter() < end:
            samples.append(self._step.seconds(steps) / steps)
        return samples

    def peak(self) -> int:
        """Return the most bytes of memory that the process has had so far."""
        return peak_memory()

    def kernels(self) -> list[str]:
        """Return the names of the BLAS libraries in this process and of the kernels that they chose."""
        from threadpoolctl import threadpool_info

        found = [each for each in threadpool_info() if each["user_api"] == "blas"]
        return [f"{each['internal_api']} {each['version']} {each.get('architecture', '')}" for each in found]

    def clear(self) -> None:
        """Forget the step, and give back what it took of a GPU that others want as well."""
        self.step = None
        gc.collect()
        modules: dict[str, Any] = sys.modules
        if "torch" in modules and modules["torch"].cuda.is_available():
            modules["torch"].cuda.empty_cache()
        if "cupy" in modules:
            modules["cupy"].get_default_memory_pool().free_all_blocks()

    @property
    def _step(self) -> Step:
        assert self.step is not None
        return self.step


def peak_memory() -> int:
    """Return the most bytes of memory that this process has had so far."""
    try:  # Linux counts in ru_maxrss what the parent had when it started this process
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        from resource import RUSAGE_SELF, getrusage  # not on Windows

        return getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
