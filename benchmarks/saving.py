"""What it takes to save a net, and to write a checkpoint while the demo trains.

    python benchmarks/saving.py

``diynn.save`` writes sums and flushes to disk, twice; ``numpy.savez`` does neither. So that the disk can be
told from the rest, it is timed with a flush as well. All take turns, and the least of each is given. What
checkpoints take is their share of the same training's time, so that a busy machine does not tell.
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


class Timed(Checkpoint):
    """A checkpoint that notes what its writing takes."""

    spent, times = 0.0, 0

    def write(self, make_state: Callable[[], Any]) -> None:
        """Write a state."""
        start = perf_counter()
        super().write(make_state)
        Timed.spent, Timed.times = Timed.spent + perf_counter() - start, Timed.times + 1


def share_of_checkpoints(folder: Path, name: str) -> tuple[float, int, int]:
    """Return the share of a demo's training that its checkpoints take, how many there are, and the epochs."""
    recipe, net, data = RECIPES[name], make_net(name), digits(rng=0, backend="numpy")
    x = data.x_train.reshape(-1, *((64, 1) if name == "conv" else (64,))).astype("float32")
    steps = recipe.epochs * -(-len(x) // recipe.batch_size)
    optim = diynn.Optim(net, recipe.loss, cosine_decay(recipe.eps, steps=steps), rule=recipe.rule)
    Timed.spent, Timed.times, start = 0.0, 0, perf_counter()
    before, diynn.training.Checkpoint = diynn.training.Checkpoint, Timed
    try:
        optim.SGD(
            *(x, x if name == "autoencoder" else data.y_train, recipe.batch_size, recipe.epochs),
            **{"checkpoint": folder / f"{name}.npz", "rng": 0, "progress": False},
        )
    finally:
        diynn.training.Checkpoint = before
    return Timed.spent / (perf_counter() - start - Timed.spent), Timed.times, recipe.epochs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200, help="times that each way is timed (default: 200)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        least = savings(folder, options.rounds)
        for way, seconds in least.items():
            print(f"{way:22} {seconds * 1e3:.2f} ms, {seconds / least['numpy.savez']:.2f} × numpy.savez")
        for net in RECIPES:
            share_of_checkpoints(folder, net)  # compiles
            (folder / f"{net}.npz").unlink()
            share, times, epochs = share_of_checkpoints(folder, net)
            print(f"demo, {net:12} {times} checkpoints in {epochs} epochs, {share:.1%} of its time")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
