"""What the ranks run in tests/test_mpi.py: ``mpiexec -n 2 python -m tests.mpi_programs bits``."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import sys
from typing import Any

import numpy as np
import pytest
from contenders.diynn_step import loss_of, net_of
from workloads import WORKLOADS

import diynn
from diynn.execution import MPI, Accumulated, Threads, find_execution
from diynn.module import parameters
from tests.test_execution import conv_data, conv_net

STEPS = 10


def weights(net):
    return [np.array(diynn.to_numpy(each.value)) for each in parameters(net)]


def trained(net, loss, eps, batches, execution, rule=None):
    """Return all costs and the weights after a step on each batch."""
    optim = diynn.Optim(net, loss, eps, execution=execution, rule=rule)
    costs = [np.array(diynn.to_numpy(optim.step(*batch))) for batch in batches]
    return [*costs, *weights(net)]


def same_bits(found, wanted):
    return all(
        (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
        for one, other in zip(found, wanted, strict=True)
    )


def bits(ranks):
    """Nets (a), (b), (d) of the benchmarks: the bits of as many threads, also where examples are few."""
    for name, batch in (("a", 128), ("b", 1001), ("d", 64), ("b", 3), ("b", 1)):
        workload = WORKLOADS[name]
        batches = [workload.data(batch)] * STEPS
        found, wanted = (
            trained(net_of(workload, "numpy"), loss_of(workload), workload.eps(batch), batches, execution)
            for execution in ("mpi", Threads(ranks.size))
        )
        assert same_bits(found, wanted), (name, batch)


def messages(ranks):
    """Where there is no room for shared memory, or none: by messages, in either order."""
    free = shutil.disk_usage
    shutil.disk_usage = lambda place: free(place)._replace(free=0)
    try:
        execution = find_execution("mpi")
        batches = [conv_data(size, "float32", size) for size in (40, 41, 1, 40)]
        found, wanted = (
            trained(conv_net("float32"), diynn.CrossEntropyLoss(), 1e-3, batches, each)
            for each in (execution, Threads(ranks.size))
        )
        assert same_bits(found, wanted)
        assert ranks.size == 1 or execution.shared(ranks.size, np.dtype("float32")) is None
        execution = MPI(Threads(1), order="fast")
        found = trained(conv_net("float32"), diynn.CrossEntropyLoss(), 1e-3, batches, execution)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
    finally:
        shutil.disk_usage = free


def in_turn(ranks):
    """Two trainings in turn, of which one needs more shared memory than the other left."""
    executions = (find_execution("mpi"), find_execution("mpi")), (Threads(ranks.size), Threads(ranks.size))
    results = []
    for pair in executions:
        nets = [
            diynn.Sequential(diynn.Linear(4, 4 * size, rng=0), diynn.Linear(4 * size, 2, rng=1))
            for size in (1, 50_000)
        ]
        optims = [
            diynn.Optim(net, diynn.MSELoss(), 1e-3, execution=each)
            for net, each in zip(nets, pair, strict=True)
        ]
        x = np.random.default_rng(0).normal(size=(9, 4))
        costs = [np.array(optim.step(x, x[:, :2])) for _ in range(3) for optim in optims]
        results.append([*costs, *weights(nets[0]), *weights(nets[1])])
    assert same_bits(*results)


def uneven(ranks):
    """Batches of several sizes, also empty ones, with the sheet's step, a rule, and both dtypes."""
    for dtype in ("float32", "float64"):
        batches = [
            conv_data(size, dtype, seed) for seed, size in enumerate((40, 41, 7, 1, 0, 40, 41, 40, 41))
        ]
        for rule in (None, diynn.Adam()):
            found, wanted = (
                trained(conv_net(dtype), diynn.CrossEntropyLoss(), 1e-3, batches, execution, rule)
                for execution in ("mpi", Threads(ranks.size))
            )
            assert same_bits(found, wanted), (dtype, rule)


def weighted_rules(ranks):
    """Weights of examples, and rules around a rule, accumulated or not: the bits of as many threads."""
    rule = diynn.ClipNorm(diynn.WeightDecay(diynn.RMSprop(), 0.1), 0.5)
    weighing = np.random.default_rng(0)
    batches = [(*conv_data(size, "float64", size), weighing.uniform(0, 2, size)) for size in (40, 41, 1, 40)]
    for parts in (1, 3):
        found, wanted = (
            trained(conv_net("float64"), diynn.CrossEntropyLoss(), 1e-2, batches, each, rule)
            for each in (
                Accumulated(parts, find_execution("mpi")),
                Accumulated(parts, Threads(ranks.size)),
            )
        )
        assert same_bits(found, wanted), parts


class Decreasing(diynn.Rule):
    """A rule that is not recorded, so that with threads as well the update is not compiled."""

    def __init__(self):
        self.settings = [1.0]

    def start(self, value):
        return ()

    def change(self, value, gradient, state, eps, step):
        return eps / step * gradient, ()


def compiled(ranks):
    """Compiled gradients are those of threads, to the bit."""
    batches = [conv_data(200, "float32", seed) for seed in range(12)]
    results = []
    for execution in (find_execution("mpi"), Threads(ranks.size)):
        threads = execution.inner if isinstance(execution, MPI) else execution
        threads.compile_after, threads.compile_waits = 0.0, True
        results.append(
            trained(conv_net("float32"), diynn.CrossEntropyLoss(), 1e-3, batches, execution, Decreasing())
        )
        assert execution.reason is None, execution.reason
    assert same_bits(*results)


def dropout(ranks):
    """Each rank draws what a thread in its place would."""

    def net():
        return diynn.Sequential(
            diynn.Linear(6, 30, rng=0), diynn.Dropout(0.5, rng=7), diynn.Linear(30, 2, rng=1)
        )

    x = np.random.default_rng(0).normal(size=(40, 6))
    batches = [(x, x[:, :2])] * STEPS
    found, wanted = (
        trained(net(), diynn.MSELoss(), 1e-3, batches, each) for each in ("mpi", Threads(ranks.size))
    )
    assert same_bits(found, wanted)


def close(ranks):
    """MPI's own order, several threads a rank, a batch in parts, other libraries: serial but for rounding."""
    batches = [conv_data(41, "float64", seed) for seed in range(5)]
    wanted = trained(conv_net(), diynn.CrossEntropyLoss(), 1e-3, batches, "serial")
    for execution in (
        MPI(Threads(1), order="fast"),
        MPI(Threads(2)),
        MPI(Accumulated(3, Threads(1))),
        MPI(find_execution("serial")),
        Accumulated(3, find_execution("mpi")),
    ):
        found = trained(conv_net(), diynn.CrossEntropyLoss(), 1e-3, batches, execution)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
    for backend in ("array_api_strict:device1", "torch"):
        try:
            moved = [tuple(diynn.asarray(each, backend) for each in batch) for batch in batches]
        except ImportError:
            continue
        found = trained(conv_net().to(backend), diynn.CrossEntropyLoss(), 1e-3, moved, "mpi")
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def weighted(ranks):
    """Weights of examples are shared out with them: the bits of as many threads."""
    counts = np.arange(41, dtype="float32") / 40
    batches = [(*conv_data(41, "float32", seed), counts) for seed in range(STEPS)]
    found, wanted = (
        trained(conv_net("float32"), diynn.CrossEntropyLoss(), 1e-3, batches, each)
        for each in ("mpi", Threads(ranks.size))
    )
    assert same_bits(found, wanted)
    assert all(costs[0] == 0 < costs[-1] for costs in found[:STEPS])


def settings(ranks):
    """What it is made with is checked, and copied with it."""
    with pytest.raises(ValueError, match='MPI: `order` must be "rank" or "fast", got \'any\''):
        MPI(Threads(1), order="any")
    with pytest.raises(ValueError, match=r"MPI: `check_every` must be a positive integer, got 0"):
        MPI(Threads(1), check_every=0)
    optim = diynn.Optim(diynn.Linear(4, 2, rng=0), diynn.MSELoss(), execution=MPI(Threads(1), order="fast"))
    batch = np.ones((8, 4)), np.ones((8, 2))
    optim.step(*batch)
    other = copy.deepcopy(optim)
    assert repr(other.execution) == "MPI(Threads(1), order='fast')"
    assert same_bits([optim.step(*batch)], [other.step(*batch)])


def accumulates(ranks):
    """The gradient of a batch is added to what is there."""
    net, loss, (x, y) = conv_net(), diynn.CrossEntropyLoss(), conv_data(30)
    net.zero_grad()
    execution = find_execution("mpi")
    execution(net, loss, x, y)
    once = [each.gradient.copy() for each in parameters(net)]
    execution(net, loss, x, y)
    for each, first in zip(parameters(net), once, strict=True):
        np.testing.assert_allclose(each.gradient, 2 * first, rtol=0, atol=1e-12)


class Centred(diynn.Module):
    """y = x - mean over the batch: not ``per_example``."""

    def forward(self, data):
        return data - data.mean(axis=0)

    def backward_delta(self, data, delta):
        return delta - delta.mean(axis=0)


def whole(ranks):
    """A net whose examples depend on one another is trained whole on every rank."""

    def net():
        return diynn.Sequential(diynn.Linear(4, 3, rng=0), Centred(), diynn.Linear(3, 2, rng=1))

    x = np.random.default_rng(0).normal(size=(30, 4))
    batches = [(x, x[:, :2])] * 3
    assert same_bits(
        *(trained(net(), diynn.MSELoss(), 1e-3, batches, each) for each in ("mpi", Threads(ranks.size)))
    )


def unseeded(ranks):
    """Weights that nobody gave a seed become those of rank 0."""
    net = diynn.Linear(4, 2, rng=ranks.rank)
    trained(net, diynn.MSELoss(), 1e-3, [(np.ones((8, 4)), np.ones((8, 2)))], "mpi")
    first = diynn.Linear(4, 2, rng=0)
    trained(first, diynn.MSELoss(), 1e-3, [(np.ones((8, 4)), np.ones((8, 2)))], Threads(ranks.size))
    assert same_bits(weights(net), weights(first))


def another_batch(ranks):
    """All ranks are told, each of them."""
    optim = diynn.Optim(diynn.Linear(4, 2, rng=0), diynn.MSELoss(), execution="mpi")
    last = ranks.size - 1
    with pytest.raises(RuntimeError, match=f"MPI: rank {last} has another batch than rank 0; all ranks must"):
        optim.step(np.full((8, 4), float(ranks.rank == last)), np.ones((8, 2)))


def other_parameters(ranks):
    """The look that comes every so many steps finds them."""
    net = diynn.Linear(4, 2, rng=0)
    optim = diynn.Optim(net, diynn.MSELoss(), execution=MPI(Threads(1), check_every=3))
    x, y = np.ones((8, 4)), np.ones((8, 2))
    for _ in range(2):
        optim.step(x, y)
    if ranks.rank == ranks.size - 1:
        net._bias = net._bias + 1e-12
    optim.step(x, y)
    with pytest.raises(RuntimeError, match=f"rank {ranks.size - 1} has other parameters than rank 0"):
        optim.step(x, y)


def scalar_costs(ranks):
    """A loss that returns one number cannot be shared out, whatever it states."""

    class Mean(diynn.MSELoss):
        per_example = True

        def costs_and_delta(self, y, yhat):
            costs, delta = super().costs_and_delta(y, yhat)
            return costs.mean(), delta

    optim = diynn.Optim(diynn.Linear(4, 2, rng=0), Mean(), execution=MPI(find_execution("serial")))
    with pytest.raises(ValueError, match=r"MPI: costs must be of shape \(batch,\), got \(\)"):
        optim.step(np.ones((8, 4)), np.ones((8, 2)))


def fails(ranks):
    """An exception on one rank while the others wait for it: this must not hang."""
    optim = diynn.Optim(diynn.Linear(4, 2, rng=0), diynn.MSELoss(), execution="mpi")
    for step in range(100_000):
        if step == 5 and ranks.rank == ranks.size - 1:
            raise ValueError("this rank has had enough")
        optim.step(np.ones((8, 4)), np.ones((8, 2)))


def another_size(ranks):
    """A batch so large on one rank that it needs more shared memory: all are told, none waits for ever."""
    optim = diynn.Optim(diynn.Linear(4, 2, rng=0), diynn.MSELoss(), execution="mpi")
    for step in range(100_000):
        size = 100_000 if step == 5 and ranks.rank == ranks.size - 1 else 8
        optim.step(np.ones((size, 4)), np.ones((size, 2)))


def survives(ranks):
    """One rank dies in the middle of training: the others go on, to the weights that all would have had."""
    x, y = conv_data(41)
    execution = MPI(Threads(1), survive=True, check_every=3)
    net = conv_net()
    optim = diynn.Optim(net, diynn.CrossEntropyLoss(), 1e-3, execution=execution)
    for step in range(2 * STEPS):
        if step == STEPS and ranks.rank == 1:
            if "raising" in sys.argv:
                raise ValueError("this rank has had enough")
            os.kill(os.getpid(), signal.SIGKILL)
        optim.step(x, y)
    wanted = trained(conv_net(), diynn.CrossEntropyLoss(), 1e-3, [(x, y)] * 2 * STEPS, Threads(ranks.size))
    for one, other in zip(weights(net), wanted[2 * STEPS :], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
    assert execution.comm.size == ranks.size - 1
    if ranks.rank == 0:
        print(f"survives passed on {ranks.size}", flush=True)
    sys.exit()  # no barrier with the dead


def main() -> None:
    """Run the programs named, one after the other."""
    ranks: Any = MPI(Threads(1), survive="survives" in sys.argv).comm
    for name in sys.argv[1:]:  # each a function
        globals()[name](ranks)
        ranks.Barrier()
        if ranks.rank == 0:
            print(f"{name} passed on {ranks.size}", flush=True)


if __name__ == "__main__":
    main()
