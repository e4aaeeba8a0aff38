"""Ways of accumulating a gradient: all give what the serial one gives."""

from __future__ import annotations

import sys
import threading
import time
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

import diynn
from diynn.execution import MPI, Accumulated, Threads, find_execution, serial
from diynn.execution.blas import _libraries
from diynn.execution.data_parallel import DataParallel
from diynn.execution.structure import Structure
from diynn.execution.threads import Split
from diynn.module import parameters


def conv_net(dtype="float64", seed=0):
    new = {"rng": np.random.default_rng(seed), "dtype": dtype}
    head = diynn.Sequential(diynn.Linear(24, 7, **new), diynn.Tanh())
    return diynn.Sequential(
        diynn.Conv1D(3, 2, 4, **new), diynn.MaxPool1D(2, 2), diynn.ReLU(), diynn.Flatten(), head,
        diynn.Linear(7, 5, bias=False, **new),
    )  # fmt: skip


def conv_data(batch, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch, 14, 2)).astype(dtype), rng.integers(0, 5, batch)


def split(net, loss, batch, count, block, *, record=False):
    return Split(Structure(net, loss), batch, count=count, block=block, record=record)


def gradients(net):
    return [parameter.gradient for parameter in parameters(net)]


@given(
    batch=st.integers(0, 70),
    count=st.integers(1, 5),
    block=st.integers(1, 80),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_threads_and_blocks_give_the_gradient_of_the_whole(batch, count, block, dtype):
    net, other = conv_net(dtype), conv_net(dtype)
    loss, (x, y) = diynn.CrossEntropyLoss(), conv_data(batch, dtype)
    expected = serial(net, loss, x, y)
    costs = split(other, loss, batch, count, block)(x, y, anew=True)
    # Of the largest number in the gradient: a bias may be a sum of far larger numbers, which cancel.
    scale = max(1.0, *(float(np.abs(each).max(initial=0.0)) for each in (expected, *gradients(net))))
    tolerance = {"float32": 1e-6, "float64": 1e-13}[dtype] * scale
    for found, wanted in zip([costs, *gradients(other)], [expected, *gradients(net)], strict=True):
        assert found.shape == wanted.shape
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance)


def test_what_was_accumulated_before_is_kept():
    net, loss, (x, y) = conv_net(), diynn.CrossEntropyLoss(), conv_data(30)
    serial(net, loss, x, y)
    once = [gradient.copy() for gradient in gradients(net)]
    Threads(2)(net, loss, x, y)
    for gradient, first in zip(gradients(net), once, strict=True):
        np.testing.assert_allclose(gradient, 2 * first, rtol=0, atol=1e-12)


def test_one_number_of_threads_gives_one_result_to_the_bit():
    def train():
        net = conv_net("float32")
        optim = diynn.Optim(net, diynn.CrossEntropyLoss(), 1e-2, execution=Threads(3))
        for seed in range(5):
            optim.step(*conv_data(200, "float32", seed))
        return [parameter.value for parameter in parameters(net)]

    first = train()
    for _ in range(3):
        for one, other in zip(first, train(), strict=True):
            np.testing.assert_array_equal(one, other)


class Meeting(DataParallel):
    """Ranks that are threads of one process, and leave what they send on a table."""

    def __init__(self, rank, table, barrier):
        super().__init__(Threads(1), check_every=3)
        self.rank, self.size = rank, len(table)
        self.table, self.barrier = table, barrier

    def all(self, value):
        self.table[self.rank] = value
        self.barrier.wait()
        values = list(self.table)
        self.barrier.wait()
        return values

    def first(self, value):
        return self.all(value)[0]

    def shared(self, length, dtype):
        assert length % self.size == 0

    def exchange(self, buffer):
        buffer[...] = np.add.accumulate(self.all(buffer.copy()))[-1]

    def attempt(self, take):
        return take()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_ranks_give_the_bits_of_threads_however_they_reach_one_another(size):
    def train(execution):
        net = conv_net("float32")
        optim = diynn.Optim(net, diynn.CrossEntropyLoss(), 1e-2, execution=execution)
        costs = [optim.step(*conv_data(batch, "float32", batch)) for batch in (41, 40, 2, 1, 0, 41, 41)]
        return [*costs, *(parameter.value for parameter in parameters(net))]

    found, table, barrier = [None] * size, [None] * size, threading.Barrier(size, timeout=60)

    def run(rank):
        found[rank] = train(Meeting(rank, table, barrier))

    ranks = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for each in ranks:
        each.start()
    for each in ranks:
        each.join()
    wanted = [each.tobytes() for each in train(Threads(size))]
    assert [[each.tobytes() for each in one] for one in found] == [wanted] * size


@pytest.mark.parametrize("execution", ["auto", "serial", "threads"])
def test_a_module_that_stands_in_a_net_twice_and_one_from_elsewhere(execution):
    class Double:  # not per_example as far as anyone knows: the batch is not split
        seen: ClassVar = []

        def forward(self, x):
            self.seen.append(x.shape[0])
            return 2 * x

        def backward_delta(self, x, delta):
            return 2 * delta

        def backward_update_gradient(self, x, delta):
            pass

        def zero_grad(self):
            pass

        def update_parameters(self, gradient_step=1e-3):
            pass

    linear, tanh = diynn.Linear(4, 4, rng=0), diynn.Tanh()
    x = np.random.default_rng(1).normal(size=(600, 4))
    for double in (None, Double()):
        net = diynn.Sequential(linear, tanh, linear, tanh, *([double] if double else []))
        net.zero_grad()
        serial(net, diynn.MSELoss(), x, x)
        expected = [gradient.copy() for gradient in gradients(net)]
        weights = [parameter.value.copy() for parameter in parameters(net)]
        diynn.Optim(net, diynn.MSELoss(), 1e-4, execution=execution).step(x, x)
        for parameter, weight, gradient in zip(parameters(net), weights, expected, strict=True):
            np.testing.assert_allclose(parameter.value, weight - 1e-4 * gradient, rtol=0, atol=1e-13)
            parameter.value = weight
    assert set(Double.seen) == {600}


def test_the_gradient_is_that_of_the_last_step_and_there_to_read():
    net, (x, y) = conv_net(), conv_data(50)
    optim = diynn.Optim(net, diynn.CrossEntropyLoss(), 1e-30)
    optim.step(x, y)
    first = [gradient.copy() for gradient in gradients(net)]
    optim.step(x, y)
    for gradient, before in zip(gradients(net), first, strict=True):
        np.testing.assert_array_equal(gradient, before)


def test_an_error_leaves_no_half_gradient_and_names_its_place():
    class Broken(diynn.Tanh):
        def backward_delta(self, data, delta, *, output=None):
            raise ValueError("broken")

    for execution in (serial, Threads(2)):
        net = diynn.Sequential(diynn.Linear(4, 3), diynn.Sequential(Broken(), diynn.Linear(3, 3)))
        optim = diynn.Optim(net, diynn.MSELoss(), execution=execution)
        with pytest.raises(ValueError, match=r"layer 2 of 2, layer 1 of 2: broken"):
            optim.step(np.ones((64, 4)), np.ones((64, 3)))
        assert all((gradient == 0).all() for gradient in gradients(net))


# ------------------------------------------------------------------ in parts


@pytest.mark.parametrize("inner", [Threads(1), Threads(2), find_execution("serial")], ids=repr)
@pytest.mark.parametrize("place", ["numpy", "array_api_strict:device1"])
def test_a_batch_in_parts_gives_the_step_of_the_whole(inner, place):
    def train(execution):
        net = conv_net().to(place)
        optim = diynn.Optim(net, diynn.CrossEntropyLoss(), 1e-2, execution=execution)
        costs = []
        for seed, batch in enumerate([40, 40, 41, 2, 40, 0]):
            data = (diynn.asarray(each, place) for each in conv_data(batch, seed=seed))
            costs.append(diynn.to_numpy(optim.step(*data)))
        return [*costs, *(diynn.to_numpy(each.value) for each in parameters(net))]

    for found, wanted in zip(train(Accumulated(4, inner)), train("serial"), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_parts_are_seen_one_after_another_and_added_to_what_is_there():
    class Watched(diynn.Tanh):
        seen: ClassVar = []

        def forward(self, data):
            self.seen.append(data.shape[0])
            return super().forward(data)

    net, x = diynn.Sequential(diynn.Linear(4, 4, rng=0), Watched()), np.ones((10, 4))
    execution = Accumulated(4, find_execution("serial"))
    for _ in range(2):
        execution(net, diynn.MSELoss(), x, x)
    assert Watched.seen == [2, 3, 2, 3] * 2
    twice = [gradient.copy() for gradient in gradients(net)]
    net.zero_grad()
    serial(net, diynn.MSELoss(), x, x)
    for found, once in zip(twice, gradients(net), strict=True):
        np.testing.assert_allclose(found, 2 * once, rtol=0, atol=1e-12)


def test_steps_in_parts_are_compiled_where_steps_are():
    pytest.importorskip("llvmlite", reason="no llvmlite: pip install 'diynn[fast]'")
    inner = Threads(1)
    inner.compile_after, inner.compile_waits = 0.0, True
    optim = diynn.Optim(conv_net(), diynn.CrossEntropyLoss(), 1e-3, execution=Accumulated(2, inner))
    for seed in range(8):
        optim.step(*conv_data(40, seed=seed))
    assert optim.execution.reason is None
    assert optim.execution.source.startswith("# A training step, for 20 of 20 examples")


def test_parts_have_to_be_a_number_and_targets_as_many_as_examples():
    with pytest.raises(ValueError, match=r"Accumulated: `parts` must be a positive integer, got 0"):
        Accumulated(0, Threads(1))
    optim = diynn.Optim(diynn.Linear(6, 3), diynn.MSELoss(), execution=Accumulated(2, Threads(1)))
    with pytest.raises(ValueError, match=r"`y` must have the shape of `yhat`, \(8, 3\), got \(7, 3\)"):
        optim.step(np.ones((8, 6)), np.ones((7, 3)))


def test_mpi_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(
        ImportError, match=r'execution="mpi" needs mpi4py and an MPI: pip install "diynn\[mpi\]"'
    ):
        MPI(Threads(1))


# ------------------------------------------------------------------ BLAS


def blas_threads():
    """Return the setting of NumPy's BLAS; another library's, loaded later, is none of our business."""
    return [library.get_num_threads() for library, _ in _libraries()]


def settled():
    """Return the setting once the limit that a step had is over, a few milliseconds after it."""
    for _ in range(200):
        time.sleep(0.01)
        if not any(each.name == "diynn_blas" for each in threading.enumerate()):
            return blas_threads()
    raise AssertionError("the limit was not lifted")


class Look(diynn.MSELoss):
    per_example = pure = True

    def __init__(self, fail=False):
        self.seen, self.fail = [], fail

    def costs_and_delta(self, y, yhat):
        self.seen += blas_threads()
        if self.fail:
            raise RuntimeError("no")
        return super().costs_and_delta(y, yhat)


@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_blas_has_one_thread_inside_and_its_own_setting_afterwards(count, fail):
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        if not before:
            pytest.skip("NumPy has no BLAS that can be set here")
        loss, net = Look(fail), diynn.Linear(4, 4)
        optim = diynn.Optim(net, loss, execution=Threads(count))
        if fail:
            with pytest.raises(RuntimeError, match="no"):
                optim.step(np.ones((64, 4)), np.ones((64, 4)))
        else:
            optim.step(np.ones((64, 4)), np.ones((64, 4)))
        assert set(loss.seen) == {1}
        assert settled() == before


def test_two_trainings_at_once_leave_blas_as_it_was():
    from diynn.execution.blas import single_threaded

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        inside, leave = threading.Event(), threading.Event()

        def other():
            with single_threaded:
                inside.set()
                leave.wait()

        thread = threading.Thread(target=other)
        with single_threaded:
            thread.start()
            inside.wait()
            assert set(blas_threads()) == {1}
        leave.set()
        thread.join()
        assert settled() == before


# ------------------------------------------------------------------ choice


def test_small_batches_stay_whole_and_large_ones_are_split():
    net = diynn.Sequential(diynn.Linear(256, 100), diynn.Tanh(), diynn.Linear(100, 256))
    choose = Threads()
    assert choose.plan(net, np.ones((8, 256))).shares == 1
    from diynn.execution.choice import cores

    assert choose.plan(net, np.ones((8192, 256))).shares == cores()
    assert Threads(3).plan(net, np.ones((8, 256))).shares == 3


def test_blocks_fit_the_cache_unless_many_weights_are_read_for_each():
    def block(net, shape):
        return Threads(1).plan(net, np.ones((10_000, *shape), dtype="float32")).block

    narrow = block(diynn.Sequential(diynn.Conv1D(3, 1, 8), diynn.Tanh()), (100, 1))
    assert 100 < narrow * (100 + 2 * 98 * 8) * 8 / 1e4 < 1000  # a few MB of activations and deltas
    assert block(diynn.Sequential(diynn.Conv1D(3, 1, 8), diynn.Tanh()), (1000, 1)) < narrow / 5
    wide, wider = (
        block(diynn.Sequential(diynn.Conv1D(3, 1, 8), diynn.Flatten(), diynn.Linear(8 * 998, n)), (1000, 1))
        for n in (1, 100)
    )
    assert wider > 2 * wide
    assert block(diynn.Linear(2000, 2000, dtype="float32"), (2000,)) * 4000 * 8 < 100e6


def test_a_share_is_taken_in_one_piece_rather_than_two():
    net = diynn.Sequential(diynn.Conv1D(3, 1, 8), diynn.Tanh())

    def block(batch, count):
        return Threads(count).plan(net, np.ones((batch, 100, 1))).block

    several = block(10_000, 1)
    assert block(3 * several, 1) == block(6 * several, 2) == several
    assert block(2 * several, 1) == block(4 * several, 2) == 2 * several
    assert block(2 * several + 1, 1) == several
    assert block(0, 1) == 1


@pytest.mark.parametrize("execution", ["serial", "auto", "threads"])
@pytest.mark.parametrize("targets", [7, 9, 16])
def test_as_many_targets_as_examples(execution, targets):
    optim = diynn.Optim(diynn.Linear(6, 3), diynn.MSELoss(), execution=execution)
    for _ in range(2):
        with pytest.raises(
            ValueError, match=rf"`y` must have the shape of `yhat`, \(8, 3\), got \({targets}, 3\)"
        ):
            optim.step(np.ones((8, 6)), np.ones((targets, 3)))
        optim.step(np.ones((8, 6)), np.ones((8, 3)))


def test_other_libraries_run_serially():
    import array_api_strict as strict

    net = diynn.Linear(3, 2, rng=0, backend="array_api_strict:device1")
    x = diynn.asarray(np.ones((40, 3)), "array_api_strict:device1")
    optim = diynn.Optim(net, diynn.MSELoss(), 1e-3, execution="threads")
    y = strict.zeros((40, 2), device=strict.Device("device1"))
    costs = [float(strict.sum(optim.step(x, y))) for _ in range(3)]
    assert costs[0] > costs[1] > costs[2]


def test_execution_is_chosen_by_name_or_given():
    for name in ("auto", "serial", "threads", serial, Threads(2)):
        diynn.Optim(diynn.Linear(1, 1), diynn.MSELoss(), execution=name)
    with pytest.raises(ValueError, match=r"`execution` must be one of auto, serial, threads, mpi, got 'gpu'"):
        diynn.Optim(diynn.Linear(1, 1), diynn.MSELoss(), execution="gpu")
    with pytest.raises(ValueError, match=r"Threads: `count` must be a positive integer, got 0"):
        Threads(0)
