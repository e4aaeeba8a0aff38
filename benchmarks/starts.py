"""How well nets of the course sheet train from each initial law: after 100 steps and at the end of training.

    python benchmarks/starts.py
    python benchmarks/starts.py --nets xor,mlp --laws glorot,fan_in

Each net trains on batches of 32 with each law at each of five step sizes from five seeds of their own; the
step size with the least cost at the end, of the worst of these seeds, is the law's, and the figures are of
ten other seeds: in the median and, in brackets, of the worst. The accuracy is in percent and on held-out
data, the cost is that of a training example. A seed draws the initial parameters and the order of the
examples; data and split are the same for all. The end is a fixed number of steps, by which the accuracies
have settled; `still` says by what part the cost fell in the last fifth of them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise, product
from multiprocessing import Pool
from typing import Any

import machine
import numpy as np

import diynn
from diynn import data as toy
from diynn.initializers import Initializer, fan_in_uniform, glorot_uniform, he_uniform, sheet_uniform, zeros

BATCH, EARLY, SEEDS, TUNING = 32, 100, range(10), range(100, 105)

LAWS: dict[str, tuple[Initializer, Initializer]] = {  # of weights, of biases
    "glorot": (glorot_uniform, zeros),
    "fan_in": (fan_in_uniform, fan_in_uniform),  # PyTorch's
    "he": (he_uniform, zeros),
    "sheet": (sheet_uniform, sheet_uniform),  # U(-1, 1)
}
PLANE = (3e-3, 1e-2, 3e-2, 1e-1, 3e-1)  # step sizes of the sheet's rule, for gradients summed over the batch
PLAIN = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)  # the same where data have 64 numbers instead of 2
ADAM = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)


@dataclass(frozen=True)
class Net:
    """What is trained, on what, for how long, at which step sizes.

    ``modules`` is called with the laws and the generator of the layers.
    """

    modules: Callable[..., list[Any]]
    loss: Any
    data: Callable[[], tuple[np.ndarray, ...]]
    steps: int
    sizes: tuple[float, ...]
    rule: diynn.Rule | None = None  # None for the sheet's

    @property
    def codes(self) -> bool:
        """Whether its data are its targets."""
        return self.data is images


@cache
def gaussians() -> tuple[np.ndarray, ...]:
    """Return two clouds, targets of 0 and 1 in a column."""
    return plane(toy.two_gaussians)


@cache
def xor() -> tuple[np.ndarray, ...]:
    """Return four clouds, in the corners."""
    return plane(toy.four_gaussians)


@cache
def board() -> tuple[np.ndarray, ...]:
    """Return a checkerboard of 4 by 4 cells."""
    return plane(toy.checkerboard)


def plane(draw: Callable[..., Any]) -> tuple[np.ndarray, ...]:
    """Return 1000 points to train on and 1000 others."""
    (x, y), (x_test, y_test) = draw(1000, rng=0), draw(1000, rng=1)
    return x, y[:, None], x_test, y_test[:, None]


@cache
def digits() -> tuple[np.ndarray, ...]:
    """Return the digits and their classes."""
    return tuple(toy.digits())


@cache
def images() -> tuple[np.ndarray, ...]:
    """Return the digits as their own targets."""
    found = toy.digits()
    return found.x_train, found.x_train, found.x_test, found.x_test


@cache
def sequences() -> tuple[np.ndarray, ...]:
    """Return the digits as sequences of 64 steps."""
    x, y, x_test, y_test = digits()
    return x[:, :, None], y, x_test[:, :, None], y_test


def dense(*sizes: int, hidden: Any, last: Any = None) -> Callable[..., list[Any]]:
    """Return what makes linear layers of these sizes, with an activation between them and one at the end."""

    def modules(**laws: Any) -> list[Any]:
        made: list[Any] = []
        for size, following in pairwise(sizes):
            made += [diynn.Linear(size, following, **laws), hidden()]
        return made[:-1] if last is None else [*made[:-1], last()]

    return modules


def conv(**laws: Any) -> list[Any]:
    """Return the sheet's convolutional net, for 64 steps."""
    return [
        diynn.Conv1D(3, 1, 32, **laws),
        diynn.MaxPool1D(2, 2),
        diynn.Flatten(),
        diynn.Linear(992, 100, **laws),
        diynn.ReLU(),
        diynn.Linear(100, 10, **laws),
    ]


def coder(code: int) -> Callable[..., list[Any]]:
    """Return what makes the sheet's autoencoder, for 64 pixels."""
    return dense(64, 100, code, 100, 64, hidden=diynn.Tanh, last=diynn.Sigmoid)


_MLP = dense(64, 128, 64, 10, hidden=diynn.ReLU)
_MSE, _BCE, _CE = diynn.MSELoss(), diynn.BCELoss(), diynn.CrossEntropyLoss()
NETS = {
    "gaussians": Net(dense(2, 1, hidden=diynn.Tanh), _MSE, gaussians, 2000, PLANE),
    "xor": Net(dense(2, 8, 1, hidden=diynn.Tanh, last=diynn.Sigmoid), _MSE, xor, 3000, PLANE),
    "board tanh": Net(dense(2, 64, 64, 1, hidden=diynn.Tanh, last=diynn.Sigmoid), _BCE, board, 4000, PLANE),
    "board ReLU": Net(dense(2, 64, 64, 1, hidden=diynn.ReLU, last=diynn.Sigmoid), _BCE, board, 4000, PLANE),
    "mlp": Net(_MLP, _CE, digits, 1500, PLAIN),
    "mlp Adam": Net(_MLP, _CE, digits, 1500, ADAM, diynn.Adam()),
    "conv": Net(conv, _CE, sequences, 800, PLAIN),
    "conv Adam": Net(conv, _CE, sequences, 800, ADAM, diynn.Adam()),
    "code 2": Net(coder(2), _BCE, images, 2000, PLAIN),
    "code 2 Adam": Net(coder(2), _BCE, images, 2000, ADAM, diynn.Adam()),
    "code 10": Net(coder(10), _BCE, images, 2000, PLAIN),
    "code 10 Adam": Net(coder(10), _BCE, images, 2000, ADAM, diynn.Adam()),
}


@dataclass(frozen=True)
class Reached:
    """How far a training has come."""

    accuracy: float  # on held-out data, in percent; NaN where there are no classes
    cost: float  # of an example, on the training data


def train(name: str, law: str, eps: float, seed: int) -> list[Reached]:
    """Train a net once; return what it reached after `EARLY` steps, after four fifths of all, at the end."""
    net, (init, bias_init) = NETS[name], LAWS[law]
    target = "int64" if net.loss is _CE else "float32"
    x, y, x_test, y_test = (
        part.astype(dtype) for part, dtype in zip(net.data(), ["float32", target] * 2, strict=True)
    )
    rng = np.random.default_rng(seed)
    model = diynn.Sequential(*net.modules(init=init, bias_init=bias_init, rng=rng, dtype="float32"))
    optim = diynn.Optim(model, net.loss, eps, rule=net.rule, execution=diynn.execution.Threads(1))

    def reached() -> Reached:
        right = float("nan") if net.codes else 100 * diynn.accuracy(y_test, model.forward(x_test))
        return Reached(right, float(net.loss.forward(y, model.forward(x)).mean()))

    found = []
    with np.errstate(all="ignore"):  # a step too long diverges, and is not chosen
        while True:
            for batch_x, batch_y in toy.batches(x, y, BATCH, rng=rng):
                optim.step(batch_x, batch_y)
                if optim.steps in (EARLY, net.steps * 4 // 5, net.steps):
                    found.append(reached())
                if optim.steps == net.steps:
                    return found


def best_size(name: str, law: str) -> float:
    """Return the step size whose cost at the end is least, in the worst of the seeds for that."""
    best, least = NETS[name].sizes[0], float("inf")
    for eps in reversed(NETS[name].sizes):
        worst = 0.0
        for seed in TUNING:
            cost = train(name, law, eps, seed)[-1].cost
            worst = max(worst, cost) if np.isfinite(cost) else float("inf")
            if worst >= least:
                break  # whatever the other seeds give
        else:
            best, least = eps, worst
    return best


def study(task: tuple[str, str]) -> dict[str, Any]:
    """Choose the step size for a net and a law, and train from all seeds with it."""
    name, law = task

    eps = best_size(name, law)
    early, before, end = zip(*(train(name, law, eps, seed) for seed in SEEDS), strict=True)
    return {
        "net": name,
        "law": law,
        "eps": eps,
        "still": statistics.median(
            1 - after.cost / ahead.cost for ahead, after in zip(before, end, strict=True)
        ),
        "early": [asdict(each) for each in early],
        "end": [asdict(each) for each in end],
    }


def studies(tasks: Sequence[tuple[str, str]], processes: int) -> Iterator[dict[str, Any]]:
    """Yield what `study` finds, in order."""
    if processes == 1:
        yield from map(study, tasks)
        return
    with Pool(processes) as pool:
        yield from pool.imap(study, tasks)


def row(found: dict[str, Any]) -> list[str]:
    """Return a line of the table: medians, and in brackets the worst of the seeds."""
    cells = [found["net"], found["law"], f"{found['eps']:g}"]
    for when in (found["early"], found["end"]):
        accuracies, costs = ([each[what] for each in when] for what in ("accuracy", "cost"))
        classes = not np.isnan(accuracies).any()
        cells.append(f"{statistics.median(accuracies):.1f} ({min(accuracies):.1f})" if classes else "")
        cells.append(f"{statistics.median(costs):.3g} ({max(costs):.3g})")
    return [*cells, f"{100 * found['still']:.0f} %"]


HEADING = ["net", "law", "step size", f"accuracy, {EARLY} steps", "cost", "accuracy, end", "cost", "still"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nets", default=",".join(NETS), help=f"of {', '.join(NETS)} (default: all)")
    parser.add_argument("--laws", default=",".join(LAWS), help=f"of {', '.join(LAWS)} (default: all)")
    machine.add_options(parser)
    options = parser.parse_args(arguments)
    nets, laws = options.nets.split(","), options.laws.split(",")
    for option, names, known in (("--nets", nets, NETS), ("--laws", laws, LAWS)):
        if unknown := [name for name in names if name not in known]:
            parser.error(f"{option}: no {', '.join(unknown)}; there are {', '.join(known)}")
    tasks = list(product(nets, laws))
    results = []
    for found in studies(tasks, options.threads):
        results.append(found)
        print(f"{len(results)} of {len(tasks)}: {found['net']}, {found['law']}", file=sys.stderr)
    print(machine.aligned([HEADING, *map(row, results)]))
    machine.write(machine.record(results, "starts", arguments), options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
