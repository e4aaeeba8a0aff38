"""Ctrl-C and several Python threads: a step is taken or not taken, and BLAS's setting comes back."""

import copy
import os
import random
import signal
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import diynn
from diynn.execution import Threads
from diynn.execution.blas import _libraries
from diynn.execution.interrupts import Deferred
from diynn.module import parameters
from tests.students import normal

MAIN = threading.main_thread().ident
TRIES = 400 if os.environ.get("CI") else 60


@pytest.fixture
def interruptible():
    """Let SIGINT raise KeyboardInterrupt, also where the shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Compiled(Threads):
    """Compiled as soon as it is recorded."""

    compile_after = 0.0
    compile_waits = True


def values(net):
    return [each.value.copy() for each in parameters(net)]


def same(some, others):
    return all(map(np.array_equal, some, others))


@pytest.mark.parametrize("rule", [None, diynn.Adam()], ids=repr)
@pytest.mark.parametrize("execution", ["serial", "auto", "threads", "compiled"])
def test_an_interrupted_step_is_whole_or_none(execution, rule, interruptible):
    net = diynn.Sequential(diynn.Linear(20, 30, rng=0), diynn.Tanh(), diynn.Linear(30, 20, rng=1))
    if execution == "compiled":
        pytest.importorskip("llvmlite")
        execution = Compiled()
    optim = diynn.Optim(net, diynn.MSELoss(), 1e-4, rule=rule, execution=execution)
    x, chance = normal(64, 20), random.Random(0)
    for _ in range(8):
        optim.step(x, x)
    if isinstance(execution, Compiled):
        assert optim.execution.reason is None
    start = time.perf_counter()
    optim.step(x, x)
    length = 2 * (time.perf_counter() - start)
    interrupted = 0
    for _ in range(TRIES // 6):
        before, steps, twin = values(net), optim.steps, copy.deepcopy(optim)
        twin.step(x, x)
        sender = threading.Timer(chance.uniform(0, length), signal.pthread_kill, (MAIN, signal.SIGINT))
        try:
            sender.start()
            optim.step(x, x)
            time.sleep(5)
        except KeyboardInterrupt:
            interrupted += 1
        sender.join()
        after = values(net)
        taken = not same(after, before)
        assert optim.steps == steps + taken
        if taken:
            for one, other in zip(after, values(twin.net), strict=True):
                np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
    assert interrupted == TRIES // 6
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_setting_of_blas_comes_back_after_an_interrupt(interruptible):
    with threadpool_limits(2, user_api="blas"):
        before = [library.get_num_threads() for library, _ in _libraries()]
        optim = diynn.Optim(diynn.Linear(30, 30, rng=0), diynn.MSELoss(), 1e-5)
        for _ in range(20):
            sender = threading.Timer(1e-3, signal.pthread_kill, (MAIN, signal.SIGINT))
            try:
                sender.start()
                while True:
                    optim.step(normal(64, 30), normal(64, 30))
            except KeyboardInterrupt:
                pass
            sender.join()
        for _ in range(200):
            if [library.get_num_threads() for library, _ in _libraries()] == before:
                return
            time.sleep(0.01)
        raise AssertionError("it did not")


def send(times):
    for _ in range(times):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)


def test_a_second_interrupt_stops_a_gradient_but_no_update(interruptible):
    done = []

    def work(may_stop):
        with Deferred() as interrupts:
            interrupts.may_stop = may_stop
            send(3)
            done.append(may_stop)

    for may_stop in (True, False):
        with pytest.raises(KeyboardInterrupt):
            work(may_stop)
    assert done == [False]


def test_one_optim_is_for_one_thread():
    class Slow(diynn.MSELoss):
        def forward(self, y, yhat):
            inside.set()
            leave.wait(10)
            return super().forward(y, yhat)

    inside, leave = threading.Event(), threading.Event()
    optim = diynn.Optim(diynn.Linear(2, 2), Slow())
    thread = threading.Thread(target=optim.step, args=(normal(4, 2), normal(4, 2)))
    thread.start()
    inside.wait()
    with pytest.raises(
        RuntimeError, match="Optim: one object was used by two threads at once; give each its own"
    ):
        optim.step(normal(4, 2), normal(4, 2))
    leave.set()
    thread.join()
    optim.step(normal(4, 2), normal(4, 2))


def test_nets_of_several_threads_train_as_one_after_another():
    def train(seed):
        net = diynn.Sequential(diynn.Linear(20, 30, rng=seed), diynn.Tanh(), diynn.Linear(30, 3, rng=seed))
        x = normal(200, 20, seed=seed)
        diynn.SGD(net, diynn.MSELoss(), x, x[:, :3], 50, 10, 1e-4, rng=seed, progress=False)
        results[seed] = values(net)

    results = {}
    for seed in range(8):
        train(seed)
    expected, results = results, {}
    threads = [threading.Thread(target=train, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(8):
        for one, other in zip(results[seed], expected[seed], strict=True):
            np.testing.assert_array_equal(one, other)
