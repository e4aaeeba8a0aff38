"""Steps of training recorded as programs, and two ways to run what they are lowered to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from diynn.execution.blocks import replica
from diynn.execution.lowering import Program, Source, lower, plain_names
from diynn.execution.recording import Recording
from diynn.execution.serial import serial
from diynn.module import parameters


@dataclass
class Trained:
    """A step recorded for batches of one shape: costs and gradients, and with a rate the plain update."""

    recording: Recording
    program: Program
    values: list[np.ndarray]
    gradients: list[np.ndarray]

    @property
    def results(self) -> list[np.ndarray]:
        """What a step leaves behind."""
        return [*self.values, *self.gradients, self.recording.result]

    def spoil(self) -> None:
        """Write NaN wherever a step has to write."""
        for array in (*self.gradients, self.recording.result):
            array[...] = np.nan


def train(net: Any, loss: Any, x: np.ndarray, y: np.ndarray, rate: float | None = None) -> Trained:
    """Record a step of a replica of ``net``: gradients are set to zero and added to, in memory that stays."""
    net = replica(net)
    handles = parameters(net)
    values = [handle.value for handle in handles]
    gradients = [np.zeros_like(value) for value in values]
    before = [value.copy() for value in values]

    def step(x: Any, y: Any, eps: Any) -> Any:
        recording = x.recording
        for handle, gradient in zip(handles, gradients, strict=True):
            recording.copy_to(gradient, 0)
            handle.gradient = gradient
        costs = serial(net, loss, x, y)
        if rate is not None:
            for value, gradient in zip(values, gradients, strict=True):
                recording.call(np.subtract, (value, eps * watched(recording, gradient)), {"out": value})
        return costs

    eps = np.array(0 if rate is None else rate, x.dtype)
    recording = Recording(step, x, y, eps, given=[*values, *gradients])
    for value, old in zip(values, before, strict=True):
        value[...] = old
    if recording.generators:
        pytest.skip("what draws is compiled without its draws: see tests/test_whole.py")
    names = dict(zip(["x", "y", "eps", "costs"], [*recording.inputs, recording.result], strict=True))
    for number, (handle, gradient) in enumerate(zip(handles, gradients, strict=True)):
        names |= {f"p{number}": handle.value, f"g{number}": gradient}
    kept = [*values, *gradients, recording.result]
    program = Program(recording.calls, recording.inputs, kept, gradients, names)
    return Trained(recording, program, values, gradients)


def watched(recording: Recording, array: np.ndarray) -> Any:
    """Return an array that reports what is done with it."""
    return recording.watched(array)


def record(function: Any, *arrays: np.ndarray) -> tuple[Recording, Program]:
    """Record a function of arrays that returns one."""
    recording = Recording(function, *arrays)
    return recording, Program(recording.calls, recording.inputs, [recording.result])


def run_as_text(source: Source, arrays: Any, first: bool = True) -> None:
    """Run a source as it stands, for inputs in C order."""
    names = plain_names()
    exec(source.text, names)
    with np.errstate(all="ignore"):
        names["step"](first, *map(flat, arrays), *map(flat, source.buffers))


def flat(array: np.ndarray) -> np.ndarray:
    """Return the memory of an array that owns it, as one dimension."""
    return np.lib.stride_tricks.as_strided(array, (array.size,), (array.itemsize,))


def compiled(program: Program) -> Any:
    """Return the machine code of a program, as a function of its inputs."""
    from diynn.execution.native import Block, Step

    count = len(program.inputs)
    return Step([[Block(lower(program), [(number, 0) for number in range(count)])]], arguments=count)
