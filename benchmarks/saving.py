"""What it takes to save a net, and to write a checkpoint while the demo trains.

    python benchmarks/saving.py

``diynn.save`` writes sums and flushes to disk, twice; ``numpy.savez`` does neither. So that the disk can be
told from the rest, it is timed with a flush as well. All take turns, and the least of each is given. What
checkpoints take is the difference to a training whose checkpoint is never written, again taking turns: of the
demo as it is, with its validation and metric after each epoch, or with ``--bare`` without.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import diynn
from diynn.data import digits
from diynn.demo import RECIPES, make_net
from diynn.resume import Checkpoint
from diynn.schedules import cosine_decay


def autoencoder() -> diynn.Sequential:
    """Return net (a) of the benchmarks: 256-100-10-100-256."""
    sizes, new = [256, 100, 10, 100, 256], {"rng": 0, "dtype": "float32"}
    layers: list[Any] = []
    for inputs, outputs in pairwise(sizes):
        layers += [diynn.Linear(inputs, outputs, **new), diynn.Tanh()]
    return diynn.Sequential(*layers[:-1], diynn.Sigmoid())


def savings(folder: Path, rounds: int) -> dict[str, float]:
    """Return the least seconds that each way of saving net (a) took."""
    net = autoencoder()
    arrays: dict[str, Any] = {each.label: each.value for each in net.parameters()}

    def flushed() -> None:
        with open(folder / "flushed.npz", "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())

    ways: dict[str, Callable[[], object]] = {
        "numpy.savez": lambda: np.savez(folder / "numpy.npz", **arrays),
        "numpy.savez, flushed": flushed,
        "diynn.save": lambda: diynn.save(net, folder / "diynn.npz"),
    }
    least = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, save in ways.items():
            start = perf_counter()
            save()
            least[name] = min(least[name], perf_counter() - start)
    return least


class Idle(Checkpoint):
    """A checkpoint that is never written: what is left of a training with one."""

    def affordable(self) -> bool:
        """Say that it is not to be written."""
        return False

    def write(self, arrays: Any, state: Any) -> None:
        """Do nothing."""


class Counted(Checkpoint):
    """A checkpoint that counts how often it is written."""

    times = 0

    def write(self, arrays: Any, state: Any) -> None:
        """Write a state."""
        Counted.times += 1
        super().write(arrays, state)


def seconds_of_demo(folder: Path, name: str, kind: type[Checkpoint], *, bare: bool) -> float:
    """Return the seconds that a demo's training takes with a checkpoint of some kind."""
    recipe, net, data = RECIPES[name], make_net(name), digits(rng=0, backend="numpy")
    shape = (64, 1) if name == "conv" else (64,)
    x, x_test = (each.reshape(-1, *shape).astype("float32") for each in (data.x_train, data.x_test))
    y, y_test = (x, x_test) if name == "autoencoder" else (data.y_train, data.y_test)
    measured: dict[str, Any] = {"validation": (x_test, y_test)}
    if name != "autoencoder":
        measured["metrics"] = {"accuracy": diynn.accuracy}
    steps = recipe.epochs * -(-len(x) // recipe.batch_size)
    optim = diynn.Optim(net, recipe.loss, cosine_decay(recipe.eps, steps=steps), rule=recipe.rule)
    path, before = folder / f"{name}.npz", diynn.training.Checkpoint
    path.unlink(missing_ok=True)
    diynn.training.Checkpoint = kind
    start = perf_counter()
    try:
        optim.SGD(
            *(x, y, recipe.batch_size, recipe.epochs),
            **{"checkpoint": path, "rng": 0, "progress": False} | ({} if bare else measured),
        )
        return perf_counter() - start
    finally:
        diynn.training.Checkpoint = before


def demos(folder: Path, name: str, rounds: int, *, bare: bool) -> tuple[float, float, float]:
    """Return what checkpoints add to a demo's time, in the least and the median, and how many there are."""
    seconds: dict[type[Checkpoint], list[float]] = {Idle: [], Counted: []}
    for kind in seconds:
        seconds_of_demo(folder, name, kind, bare=bare)  # compiles
    Counted.times = 0
    for number in range(rounds):
        for kind in sorted(seconds, key=lambda kind: kind is Idle, reverse=number % 2 == 0):
            seconds[kind].append(seconds_of_demo(folder, name, kind, bare=bare))
    idle, written = (np.array(each) for each in seconds.values())
    return (
        float(written.min() / idle.min() - 1),
        float(np.median(written) / np.median(idle) - 1),
        Counted.times / rounds,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200, help="times that each way is timed (default: 200)")
    parser.add_argument("--demos", type=int, default=15, help="times that each demo is trained (default: 15)")
    parser.add_argument("--bare", action="store_true", help="train the demos without measuring")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        least = savings(folder, options.rounds)
        for way, seconds in least.items():
            print(f"{way:22} {seconds * 1e3:.2f} ms, {seconds / least['numpy.savez']:.2f} × numpy.savez")
        for net in RECIPES:
            least_share, share, times = demos(folder, net, options.demos, bare=options.bare)
            print(
                f"demo, {net:12} {times:.1f} checkpoints in {RECIPES[net].epochs} epochs, {least_share:+.1%} "
                f"of its least time, {share:+.1%} of the median"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
