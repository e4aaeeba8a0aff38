"""Whole trainings that tests/test_mpi.py runs: ``mpiexec -n 2 python -m tests.mpi_training sgd``."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Any

import numpy as np
import pytest

import diynn
from diynn import dataset
from diynn.execution import MPI, Threads, find_execution
from tests.mpi_programs import Centred, same_bits, weights
from tests.test_execution import conv_data, conv_net

X, Y = conv_data(101, "float32")
DATA = {"batch_size": 24, "epochs": 3, "eps": 1e-3, "rng": 5, "progress": False}


def trained(execution, x=X, y=Y, net=None, **options):
    net = conv_net("float32") if net is None else net
    history = diynn.SGD(net, diynn.CrossEntropyLoss(), x, y, execution=execution, **{**DATA, **options})
    return history, weights(net)


def sgd(ranks):
    """The bits of as many threads, also of costs; what is measured is measured on all examples."""
    measure = {"validation": conv_data(33, "float32", 1), "metrics": {"accuracy": diynn.accuracy}}
    (found, one), (wanted, other) = (trained(each, **measure) for each in ("mpi", Threads(ranks.size)))
    assert same_bits(one, other)
    assert found.costs == wanted.costs
    for name in ("accuracy", "validation_cost", "validation_accuracy"):
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-5)
    assert ranks.bcast(found.columns | {"seconds": 0}) == found.columns | {"seconds": 0}


def unseeded(ranks):
    """Without a seed the order of the examples is that which rank 0 has drawn."""
    history, found = trained("mpi", rng=None)
    assert same_bits(found, ranks.bcast(found))
    assert history.costs == ranks.bcast(history.costs)


def weighted(ranks):
    """Weights of shuffled examples, of which each rank reads its own: the bits of as many threads."""
    options = {"weights": np.arange(len(X)) % 5 / 2}
    (found, one), (wanted, other) = (trained(each, **options) for each in ("mpi", Threads(ranks.size)))
    assert same_bits(one, other)
    assert found.costs == wanted.costs != trained("mpi")[0].costs


def accumulated(ranks):
    """Several batches to a step: as one batch of them together, with one sum over the ranks for each step."""
    count = 0
    exchange = MPI.exchange

    def counted(*arguments: Any) -> None:
        nonlocal count
        count += 1
        exchange(*arguments)

    for rule in (None, diynn.Adam()):
        MPI.exchange, count = counted, 0
        _, found = trained("mpi", batch_size=12, accumulate=4, rule=rule)
        MPI.exchange = exchange
        assert count == 3 * 3  # 101 examples are three steps of 48
        _, wanted = trained("serial", batch_size=48, rule=rule)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)


def share(ranks):
    """Each rank takes its own share of the rows alone."""
    taken = []
    rows = dataset.Rows.__getitem__

    def counted(self, key):
        values = rows(self, key)
        taken.append(values.shape[0])
        return values

    dataset.Rows.__getitem__ = counted
    trained("mpi", epochs=1)
    dataset.Rows.__getitem__ = rows
    assert sum(ranks.allgather(sum(taken))) == 2 * len(X)  # of x and of y
    assert max(taken) <= -(-24 // ranks.size)


def loader(ranks):
    """Batches that somebody else makes are shared out as well; a net that cannot be is trained whole."""
    batches = [conv_data(20, "float32", seed) for seed in range(4)]
    settings = {"x": batches, "y": None}
    assert same_bits(trained("mpi", **settings)[1], trained(Threads(ranks.size), **settings)[1])

    def net():
        return diynn.Sequential(diynn.Flatten(), diynn.Linear(28, 5, rng=0), Centred())

    measure = {"validation": (X.astype(float), Y)}
    one, other = (trained(each, net=net(), x=X.astype(float), **measure) for each in ("mpi", "serial"))
    np.testing.assert_allclose(one[0].costs, other[0].costs, rtol=1e-12)
    np.testing.assert_allclose(one[0]["validation_cost"], other[0]["validation_cost"], rtol=1e-12)


def interrupted(ranks):
    """A signal to one rank, or the end of its time, stops all after the same step."""

    class Signal(diynn.Callback):
        def step(self, run, costs):
            if run.optim.steps == 13 and ranks.rank == ranks.size - 1:
                os.kill(os.getpid(), signal.SIGINT)

    net = conv_net("float32")
    optim = diynn.Optim(net, diynn.CrossEntropyLoss(), 1e-3, execution="mpi")
    history = optim.SGD(X, Y, 24, 100, rng=0, callbacks=[Signal()], progress=False)
    assert history.stopped == "interrupted"
    assert ranks.allgather(optim.steps) == [20] * ranks.size
    seconds = 1e-6 if ranks.rank == ranks.size - 1 else 1e6
    history, _ = trained("mpi", epochs=100, seconds=seconds)
    assert history.stopped.startswith("the time budget of 1e-06 s")
    assert len(history) < 100


def clock(ranks):
    """Who stops by a clock stops all; who would write by one is refused."""
    import datetime

    def late(run):
        if ranks.rank == 0 and run.epoch == 2:
            run.stopped = "late"

    history, _ = trained("mpi", callbacks=[late], epochs=5)
    assert (len(history), history.stopped) == (2, "late")
    with pytest.raises(
        ValueError, match="SGD: `every` must be a number of steps where there are several ranks"
    ):
        trained("mpi", checkpoint="never-written", every=datetime.timedelta(seconds=1))


def shown(ranks):
    """One rank shows how it goes, and warns."""
    sys.stderr = io.StringIO()
    trained("mpi", progress=True, epochs=1)
    said, sys.stderr = sys.stderr.getvalue(), sys.__stderr__
    assert ("epoch 1/1" in said or "5/5" in said) == (ranks.rank == 0), said


def resumed(ranks):
    """Written and gone on from: the weights of the undisturbed one, to the bit with as many ranks."""
    path = sys.argv[sys.argv.index("resumed") + 1]

    def net():
        first, last = (diynn.Linear(*sizes, rng=0, dtype="float32") for sizes in ((28, 30), (30, 5)))
        return diynn.Sequential(diynn.Flatten(), first, diynn.Dropout(0.3, rng=1), last)

    class Break(diynn.Callback):
        stopping = False

        def step(self, run, costs):
            if self.stopping and run.optim.steps == 7:
                raise KeyboardInterrupt

    def train(name, watcher):
        settings = {"rule": diynn.Adam(), "every": 2, "callbacks": [watcher], "checkpoint": f"{path}-{name}"}
        return trained("mpi", net=net(), **settings)[1]

    watcher = Break()
    wanted = train("whole", watcher)
    watcher.stopping = True
    with pytest.raises(KeyboardInterrupt):
        train("stopped", watcher)
    watcher.stopping = False
    assert same_bits(train("stopped", watcher), wanted)


def job(ranks):
    """A training that takes a while, with a checkpoint: it is killed, and started again."""
    path = sys.argv[2]
    with open(f"{path}.process{ranks.rank}", "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))

    class Note(diynn.Callback):
        def step(self, run, costs):
            if ranks.rank == 0:
                with open(f"{path}.steps", "a", encoding="utf-8") as file:
                    file.write(f"{run.optim.steps}\n")

    net = conv_net("float32")
    trained("mpi", net=net, callbacks=[Note()], checkpoint=path, every=3, epochs=8, rule=diynn.Adam())
    if ranks.rank == 0:
        diynn.save(net, f"{path}.net")
    sys.exit()


def main() -> None:
    """Run the programs named, one after the other."""
    ranks: Any = find_execution("mpi").comm
    for name in sys.argv[1:]:
        if name in globals():
            globals()[name](ranks)
            ranks.Barrier()
            if ranks.rank == 0:
                print(f"{name} passed on {ranks.size}", flush=True)


if __name__ == "__main__":
    main()
