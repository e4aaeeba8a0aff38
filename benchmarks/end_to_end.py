"""Seconds to a test accuracy on handwritten digits, and peak memory: each library as its users write it.

    python benchmarks/end_to_end.py
    python benchmarks/end_to_end.py --target 0.98 --seeds 9

The same net (64-128-64-10, ReLU), Adam with the same step size, the same batches of 32, float32. Each
library draws the initial weights as it does by default, which is why there are several seeds. The accuracy
on the test digits is measured after each epoch, and the first epoch that reaches the target is the last.
Each training has a process of its own, and the libraries take turns. The seconds are those of training; the
import stands beside them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from multiprocessing import get_context
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import machine
from harness import surroundings
from worker import peak_memory

_BATCH, _STEP, _HIDDEN = 32, 1e-3, (128, 64)
_MOST_EPOCHS = 100


class Digits(NamedTuple):
    """The data, loaded once and handed to every process, so that none has to load more than its library."""

    x: Any
    y: Any
    x_test: Any
    y_test: Any


#: (data, seed) → the accuracy on the test digits after each epoch, without end.
Training: TypeAlias = Callable[[Digits, int], Iterator[float]]


def train_diynn(data: Digits, seed: int) -> Iterator[float]:
    """Train with diynn."""
    import numpy as np

    import diynn

    rng = np.random.default_rng(seed)
    net = diynn.Sequential(
        diynn.Linear(64, _HIDDEN[0], rng=rng, dtype="float32"),
        diynn.ReLU(),
        diynn.Linear(_HIDDEN[0], _HIDDEN[1], rng=rng, dtype="float32"),
        diynn.ReLU(),
        diynn.Linear(_HIDDEN[1], 10, rng=rng, dtype="float32"),
    )
    optim = diynn.Optim(net, diynn.CrossEntropyLoss(), _STEP, rule=diynn.Adam())
    while True:
        for batch_x, batch_y in diynn.data.batches(data.x, data.y, _BATCH, rng=rng):
            optim.step(batch_x, batch_y)
        yield diynn.accuracy(data.y_test, net(data.x_test))


def train_sklearn(data: Digits, seed: int) -> Iterator[float]:
    """Train with scikit-learn, an epoch a call."""
    from sklearn.neural_network import MLPClassifier

    mlp = MLPClassifier(_HIDDEN, batch_size=_BATCH, learning_rate_init=_STEP, alpha=0, random_state=seed)
    while True:
        mlp.partial_fit(data.x, data.y, classes=range(10))
        yield mlp.score(data.x_test, data.y_test)


def train_torch_loader(data: Digits, seed: int) -> Iterator[float]:
    """Train with PyTorch and its ``DataLoader``, as its tutorials do."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    x, y, *_ = map(torch.from_numpy, data)
    return _train_torch(data, seed, DataLoader(TensorDataset(x, y), batch_size=_BATCH, shuffle=True))


def train_torch_tensors(data: Digits, seed: int) -> Iterator[float]:
    """Train with PyTorch, the batches cut from shuffled tensors: less to write, and faster."""
    import torch

    x, y, *_ = map(torch.from_numpy, data)

    class Batches:
        def __iter__(self) -> Iterator[Any]:
            order = torch.randperm(len(x))
            return zip(x[order].split(_BATCH), y[order].split(_BATCH), strict=True)

    return _train_torch(data, seed, Batches())


def _train_torch(data: Digits, seed: int, batches: Any) -> Iterator[float]:
    import torch
    from torch import nn

    torch.manual_seed(seed)
    x_test, y_test = torch.from_numpy(data.x_test), torch.from_numpy(data.y_test)
    net = nn.Sequential(
        nn.Linear(64, _HIDDEN[0]),
        nn.ReLU(),
        nn.Linear(_HIDDEN[0], _HIDDEN[1]),
        nn.ReLU(),
        nn.Linear(_HIDDEN[1], 10),
    )
    loss = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=_STEP)
    while True:
        for batch_x, batch_y in batches:
            optimizer.zero_grad()
            loss(net(batch_x), batch_y).backward()
            optimizer.step()
        with torch.no_grad():
            yield (net(x_test).argmax(1) == y_test).float().mean().item()


class Entry(NamedTuple):
    """What is imported first, what is timed then, and its threads, None for all."""

    library: str
    training: Training
    threads: int | None = None


TRAININGS = {
    "diynn": Entry("diynn", train_diynn),
    "scikit-learn": Entry("sklearn.neural_network", train_sklearn),
    "PyTorch, DataLoader": Entry("torch.utils.data", train_torch_loader),
    "PyTorch, tensors": Entry("torch", train_torch_tensors),
    "PyTorch, tensors, one thread": Entry("torch", train_torch_tensors, threads=1),
}


@dataclass(frozen=True)
class Run:
    """One training: seconds, epochs, test accuracy, seconds of the import, bytes of memory at the peak."""

    seconds: float
    epochs: int
    accuracy: float
    imported: float
    peak: int


def train(name: str, data: Digits, seed: int, target: float, pipe: Any) -> None:
    """Train until the target is reached, and send a Run, or a reason why there is none."""
    library, training, _ = TRAININGS[name]
    start = perf_counter()
    try:
        import_module(library)
    except ImportError as error:
        pipe.send(str(error))
        return
    imported = perf_counter() - start
    start = perf_counter()
    for epoch, accuracy in enumerate(training(data, seed), start=1):
        if accuracy >= target or epoch == _MOST_EPOCHS:
            break
    pipe.send(Run(perf_counter() - start, epoch, accuracy, imported, peak_memory()))


def in_its_own_process(name: str, data: Digits, seed: int, target: float, threads: int) -> Run | str:
    """Return what :func:`train` sends from a fresh process."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=train, args=(name, data, seed, target, theirs))
    own = TRAININGS[name].threads or threads
    with surroundings(own, own):
        process.start()
    theirs.close()
    try:
        result: Run | str = ours.recv()
    except EOFError:
        result = "its process ended without a word"
    process.join()
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", type=float, default=0.97, help="test accuracy (default: 0.97)")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each library (default: 5)")
    machine.add_options(parser)
    options = parser.parse_args(arguments)

    from diynn.data import digits

    try:
        split = digits()
    except ImportError as error:
        print(error, file=sys.stderr)
        return 1
    data = Digits(split.x_train.astype("f4"), split.y_train, split.x_test.astype("f4"), split.y_test)
    runs: dict[str, list[Run]] = {name: [] for name in TRAININGS}
    missing: dict[str, str] = {}
    for seed in range(options.seeds):
        for name in TRAININGS:
            if name not in missing:
                result = in_its_own_process(name, data, seed, options.target, options.threads)
                if isinstance(result, Run):
                    runs[name].append(result)
                else:
                    missing[name] = result
    print(f"to {options.target:.0%} on the test digits, medians of {options.seeds} seeds\n")
    print(table(runs, options.target))
    for name, reason in missing.items():
        print(f"missing: {name}, {reason}")
    results = {
        "target": options.target,
        "threads": options.threads,
        "runs": {name: [asdict(run) for run in each] for name, each in runs.items()},
        "missing": missing,
    }
    machine.write(machine.record(results, "end_to_end", arguments), options.json)
    return 0


def table(runs: dict[str, list[Run]], target: float) -> str:
    """Return the medians as a table; a training that missed the target is counted beside them."""
    rows = [["library", "seconds", "from", "to", "epochs", "reached", "peak MB", "import s"]]
    for name, each in runs.items():
        if not each:
            continue
        seconds = [run.seconds for run in each]
        reached = sum(run.accuracy >= target for run in each)
        rows.append(
            [
                name,
                f"{statistics.median(seconds):.2f}",
                f"{min(seconds):.2f}",
                f"{max(seconds):.2f}",
                f"{statistics.median(run.epochs for run in each):g}",
                f"{reached} of {len(each)}",
                f"{statistics.median(run.peak for run in each) / 1e6:.0f}",
                f"{statistics.median(run.imported for run in each):.2f}",
            ]
        )
    return machine.aligned(rows)


if __name__ == "__main__":
    sys.exit(main())
