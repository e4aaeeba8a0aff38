"""Studies that tests/test_sweep.py starts and kills: ``python -m tests.sweep_programs NAME``."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from itertools import pairwise
from math import inf
from pathlib import Path

import numpy as np

import diynn


def slow(log: str, number: int, scale: float) -> dict[str, float]:
    """Take a twentieth of a second, and say in a file of the log that it has begun."""
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{number} {scale}\n")
    time.sleep(0.05)
    return {"product": number * scale, "pid": os.getpid()}


def killed(path: str, count: str) -> None:
    """A study of ``count`` runs."""
    grid = {"number": range(int(count) // 2), "scale": [0.5, 2.0]}
    diynn.sweep(partial(slow, str(Path(path).with_suffix(".log"))), grid, path, workers=2, progress=False)


def autoencoder(layers: int, code: int, activation: str, rate: float, epochs: int) -> diynn.History:
    """Train the autoencoder of the sheet's part five on digits."""
    rng = np.random.default_rng(0)
    sizes = [64, *(100, 50)[: layers - 1], code]
    net = diynn.Sequential()
    for number, (larger, smaller) in enumerate(pairwise(sizes)):
        net.add(diynn.Linear(larger, smaller, rng=rng))
        if number < layers - 1:
            net.add(getattr(diynn, activation)())
    for number, (smaller, larger) in enumerate(pairwise(sizes[::-1])):
        net.add(diynn.Linear(smaller, larger, rng=rng))
        net.add(diynn.Sigmoid() if number == layers - 1 else getattr(diynn, activation)())
    x = diynn.data.digits().x_train
    return diynn.SGD(net, diynn.BCELoss(), x, x, 32, epochs, rate, rule=diynn.Adam(), rng=0, progress=False)


STUDY = {
    "layers": [1, 2, 3],
    "code": [4, 16],
    "activation": ["Tanh", "Sigmoid", "ReLU"],
    "rate": [3e-4, 3e-3, 3e-2],
}


def timed(epochs: str) -> None:
    """Print how many times as fast 54 autoencoders are trained side by side as one after another.

    The two take turns, and the shorter of two times counts: the machine may be busy.
    """
    seconds: dict[int | None, float] = {}
    for workers in (1, None, 1, None):
        start = time.perf_counter()
        rows = diynn.sweep(autoencoder, STUDY | {"epochs": [int(epochs)]}, workers=workers, progress=False)
        seconds[workers] = min(seconds.get(workers, inf), time.perf_counter() - start)
        assert len(rows) == 54, rows
        assert not rows.failures, rows
    print(f"{seconds[1]:.1f} s, then {seconds[None]:.1f} s: {seconds[1] / seconds[None]:.2f} times as fast")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
