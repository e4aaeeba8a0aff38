"""diynn itself: ``Optim.step``, as its users call it."""

from __future__ import annotations

from math import inf
from typing import Any

import workloads as w

import diynn
from contenders import Step, events
from diynn.execution import Threads
from diynn.module import parameters


def available(
    workload: w.Workload,
    backend: str,
    *,
    execution: str = "auto",
    on: str | None = None,
    compiled: bool = True,
) -> str | None:
    """Return why ``backend`` cannot be had, or None."""
    try:
        diynn.asarray([0.0], on or backend)
    except Exception as error:  # no library, no device, no driver: whatever it is, it is told
        return str(error)
    return None


def build(
    workload: w.Workload,
    batch: int,
    threads: int,
    backend: str,
    *,
    execution: str = "auto",
    on: str | None = None,
    compiled: bool = True,
) -> Step:
    """Return the step.

    ``on`` names another backend than that of the run. With the extra ``fast``, steps are compiled
    at once instead of after a second, or not at all if not ``compiled``.
    """
    return DiynnStep(workload, batch, on or backend, execution, compiled=compiled)


def net_of(workload: w.Workload, backend: str, dtype: str = "float32") -> diynn.Sequential:
    """Return the net with the workload's initial weights."""
    net = diynn.Sequential([_module(layer) for layer in workload.layers])
    net.to(backend, dtype=dtype)
    values = [array for pair in workload.weights() for array in pair]
    for parameter, value in zip(parameters(net), values, strict=True):
        parameter.value = diynn.asarray(value, backend, dtype=dtype)
    return net


def loss_of(workload: w.Workload) -> diynn.Loss:
    """Return the workload's loss."""
    return diynn.BCEWithLogitsLoss() if workload.loss == "bce" else diynn.CrossEntropyLoss()


def _module(layer: w.Layer) -> diynn.Module:
    match layer:
        case w.Linear(n_in, n_out):
            return diynn.Linear(n_in, n_out, backend="numpy")
        case w.Conv(k_size, chan_in, chan_out):
            return diynn.Conv1D(k_size, chan_in, chan_out, backend="numpy")
        case w.MaxPool(k_size):
            return diynn.MaxPool1D(k_size)
        case w.Flatten():
            return diynn.Flatten()
        case w.Tanh():
            return diynn.Tanh()
    return diynn.ReLU()


class DiynnStep(Step):
    """A step of :class:`diynn.Optim`."""

    def __init__(
        self, workload: w.Workload, batch: int, backend: str, execution: str, *, compiled: bool = True
    ) -> None:
        self.backend = backend
        self.x, self.y = (diynn.asarray(each, backend) for each in workload.data(batch))
        net = net_of(workload, backend)
        self.parameters = parameters(net)
        self.optim = diynn.Optim(net, loss_of(workload), workload.eps(batch), execution=execution)
        if isinstance(self.optim.execution, Threads):
            self.optim.execution.compile_after = 0.0 if compiled else inf
            self.optim.execution.compile_waits = True
        self.costs: Any = None

    def step(self) -> None:
        """Zero, forward, backward, update."""
        self.costs = self.optim.step(self.x, self.y)

    def cost(self) -> float:
        """Return the sum of the costs (batch,), which diynn returns one by one."""
        return float(diynn.to_numpy(self.costs).sum(dtype="float64"))

    def sync(self) -> None:
        """Wait for the device, if there is one."""
        events.wait(self.backend, [parameter.value for parameter in self.parameters])

    def seconds(self, steps: int) -> float:
        """Take the time of the device, or of the host where there is none."""
        return events.seconds(self.backend, self.step, steps) or super().seconds(steps)
