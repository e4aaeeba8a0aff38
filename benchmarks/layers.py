"""Forward and backward of each module, with the twins of its operations and without.

    python benchmarks/layers.py
    python benchmarks/layers.py --batch 8,64,512 --module Conv1D,MaxPool1D

A twin earns its place by a gain at sizes that occur. BLAS has one thread, as it has in a training step.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, TypeAlias

import machine
import numpy as np
from contenders import events

import diynn
from diynn import ops
from diynn.execution.blas import single_threaded
from diynn.layers.sequential import takes_output
from diynn.module import zero_grad

_SAMPLE = 2e-3  # seconds of calls that are timed together, at least

Call: TypeAlias = Callable[[], Any]


def cases(backend: str) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return the modules at sizes that occur, each with the shape of one example."""
    where = {"backend": backend, "dtype": "float32", "rng": 0}
    return {
        "Linear(256, 100)": (diynn.Linear(256, 100, **where), (256,)),
        "Linear(4064, 100)": (diynn.Linear(4064, 100, **where), (4064,)),
        "Conv1D(3, 1, 32)": (diynn.Conv1D(3, 1, 32, **where), (256, 1)),
        "Conv1D(3, 64, 64)": (diynn.Conv1D(3, 64, 64, **where), (127, 64)),
        "MaxPool1D(2)": (diynn.MaxPool1D(2), (254, 32)),
        "MaxPool1D(3, 1)": (diynn.MaxPool1D(3, 1), (254, 32)),
        "AvgPool1D(2)": (diynn.AvgPool1D(2), (254, 32)),
        "Tanh": (diynn.Tanh(), (256,)),
        "Sigmoid": (diynn.Sigmoid(), (256,)),
        "ReLU": (diynn.ReLU(), (4064,)),
        "Softmax": (diynn.Softmax(), (10,)),
        "LogSoftmax": (diynn.LogSoftmax(), (10,)),
        "CrossEntropyLoss": (diynn.CrossEntropyLoss(), (10,)),
        "BCEWithLogitsLoss": (diynn.BCEWithLogitsLoss(), (256,)),
    }


def calls(module: Any, shape: tuple[int, ...], batch: int, backend: str) -> dict[str, Call]:
    """Return what is timed of a module, as a training step calls it."""
    rng = np.random.default_rng(0)
    x = diynn.asarray(rng.standard_normal((batch, *shape)), backend, dtype="float32")
    if isinstance(module, diynn.Loss):
        y = rng.integers(0, shape[-1], batch)
        if isinstance(module, diynn.BCEWithLogitsLoss):
            y = rng.integers(0, 2, (batch, *shape)).astype("float32")
        y = diynn.asarray(y, backend)
        return {"cost and delta": lambda: module.costs_and_delta(y, x)}
    output = module.forward(x)
    delta = diynn.asarray(rng.standard_normal(output.shape), backend, dtype="float32")
    options = {"output": output} if takes_output(module) else {}
    found: dict[str, Call] = {
        "forward": lambda: module.forward(x),
        "delta": lambda: module.backward_delta(x, delta, **options),
    }
    if module.parameters():

        def gradient() -> Any:
            zero_grad(module)
            module.backward_update_gradient(x, delta)
            return module._gradient

        found["gradient"] = gradient
    return found


def medians(call: Call, backend: str, rounds: int) -> tuple[float, float]:
    """Return the median seconds of a call with twins and without, the two in turn."""
    samples: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(rounds):
        for on, found in samples.items():
            with ops.twins(on):
                count = max(1, int(_SAMPLE / _seconds(call, 1, backend)))
                found.append(_seconds(call, count, backend) / count)
    return statistics.median(samples[True]), statistics.median(samples[False])


def _seconds(call: Call, count: int, backend: str) -> float:
    start = perf_counter()
    for _ in range(count):
        result = call()
    events.wait(backend, result)
    return perf_counter() - start


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", default="numpy", help="as in diynn.asarray (default: numpy)")
    parser.add_argument("--batch", default="8,64,512", help="batch sizes (default: 8,64,512)")
    parser.add_argument("--module", default="", help="such as Conv1D,Tanh (default: all)")
    parser.add_argument("--rounds", type=int, default=20, help="samples of each call (default: 20)")
    machine.add_options(parser, threads=False)
    options = parser.parse_args(arguments)
    results = []
    chosen = tuple(options.module.split(","))
    with single_threaded:
        for batch in map(int, options.batch.split(",")):
            for name, (module, shape) in cases(options.backend).items():
                if name.startswith(chosen):
                    for what, call in calls(module, shape, batch, options.backend).items():
                        twin, reference = medians(call, options.backend, options.rounds)
                        results.append(
                            {
                                "module": name,
                                "batch": batch,
                                "call": what,
                                "twin": twin,
                                "reference": reference,
                            }
                        )
    print(table(results))
    machine.write(machine.record(results, "layers", arguments), options.json)
    return 0


def table(results: Sequence[dict[str, Any]]) -> str:
    """Return the figures as a table."""
    rows = [["module", "batch", "call", "reference ms", "twin ms", "gain"]]
    for each in results:
        times = [machine.digits(each[key] * 1e3) for key in ("reference", "twin")]
        gain = f"{each['reference'] / each['twin']:.2f}"
        rows.append([each["module"], str(each["batch"]), each["call"], *times, gain])
    return machine.aligned(rows)


if __name__ == "__main__":
    sys.exit(main())
