"""Helper processes: they give what threads give, whatever happens to them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import diynn
from diynn.execution import Threads, helpers
from diynn.execution.processes import Processes
from diynn.module import parameters

pytestmark = pytest.mark.skipif(not helpers.available(), reason="no Unix sockets here")

PATIENCE = 60.0  # seconds for a helper to start on a busy machine


def conv_net():
    new = {"rng": np.random.default_rng(0), "dtype": "float32"}
    head = diynn.Sequential(diynn.Linear(24, 7, **new), diynn.Tanh())
    return diynn.Sequential(
        diynn.Conv1D(3, 2, 4, **new), diynn.MaxPool1D(2, 2), diynn.ReLU(), diynn.Flatten(), head,
        diynn.Linear(7, 5, bias=False, **new),
    )  # fmt: skip


def conv_data(batch, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch, 14, 2)).astype("float32"), rng.integers(0, 5, batch)


def optim(execution):
    return diynn.Optim(conv_net(), diynn.CrossEntropyLoss(), 1e-3, execution=execution)


def workers(execution, batch=64):
    """Return those that may be elsewhere, for batches of a size."""
    (split,) = (split for (shape, *_), split in execution._splits.items() if shape[0] == batch)
    return split._workers[1:]


def wait_for_helpers(count):
    end = time.monotonic() + PATIENCE
    for number in range(count):
        while not helpers.helper(number).is_ready():
            assert time.monotonic() < end, "no helper has started"
            time.sleep(0.01)


def check_same(one, other):
    for first, second in zip(parameters(one.net), parameters(other.net), strict=True):
        np.testing.assert_array_equal(first.value, second.value)
        np.testing.assert_array_equal(first.gradient, second.gradient)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_helpers_give_what_threads_give_to_the_bit(count):
    wait_for_helpers(count - 1)
    ours, theirs = optim(Processes(count)), optim(Threads(count))
    for seed, batch in enumerate((200, 7, 200, 7, 200, 1, 0, 200)):
        x, y = conv_data(batch, seed)
        np.testing.assert_array_equal(ours.step(x, y), theirs.step(x, y))
        check_same(ours, theirs)
        expected = min(count, max(batch, 1)) - 1
        assert [worker._is_remote for worker in workers(ours.execution, batch)] == [True] * expected


def test_blocks_within_a_share(monkeypatch):
    monkeypatch.setattr("diynn.execution.plan._CACHE", 2**14)
    wait_for_helpers(1)
    ours, theirs = optim(Processes(2)), optim(Threads(2))
    for seed in range(4):
        x, y = conv_data(190, seed)
        np.testing.assert_array_equal(ours.step(x, y), theirs.step(x, y))
    check_same(ours, theirs)
    (worker,) = workers(ours.execution, 190)
    assert worker._is_remote
    assert worker.block < 190 / 4


def test_threads_do_the_work_until_helpers_have_started(monkeypatch):
    monkeypatch.setattr(helpers.Helper, "is_ready", lambda self: False)
    ours, theirs = optim(Processes(2)), optim(Threads(2))
    for seed in range(3):
        ours.step(*conv_data(64, seed))
        theirs.step(*conv_data(64, seed))
    check_same(ours, theirs)
    assert not workers(ours.execution)[0]._is_remote


def test_parameters_may_be_changed_and_replaced_between_steps():
    wait_for_helpers(1)
    ours, theirs = optim(Processes(2)), optim(Threads(2))
    for seed in range(6):
        for each in (ours, theirs):
            first = parameters(each.net)[0]
            if seed % 2:
                first.value[...] *= 0.9
            else:
                first.value = first.value * np.float32(1.1)
            each.step(*conv_data(64, seed))
    check_same(ours, theirs)
    assert workers(ours.execution)[0]._is_remote


def test_a_wrong_target_in_the_helpers_share_is_an_error_here_and_the_next_batch_is_right():
    wait_for_helpers(1)
    ours, theirs = optim(Processes(2)), optim(Threads(2))
    x, y = conv_data(64)
    wrong = y.copy()
    wrong[60] = 5
    for _ in range(3):
        for each in (ours, theirs):
            with pytest.raises(ValueError, match=r"`y` must be in 0\.\.4 for 5 classes, got 0\.\.5"):
                each.step(x, wrong)
            each.step(x, y)
        check_same(ours, theirs)
    assert workers(ours.execution)[0]._is_remote


def test_a_helper_that_dies_is_replaced_and_nothing_is_lost():
    wait_for_helpers(1)
    ours, theirs = optim(Processes(2)), optim(Threads(2))
    killed = []
    for seed in range(6):
        if seed in (2, 4):
            helper = helpers.helper(0)
            os.kill(helper.process.pid, signal.SIGKILL)
            os.waitid(os.P_PID, helper.process.pid, os.WEXITED | os.WNOWAIT)
            killed.append(helper)
        ours.step(*conv_data(64, seed))
        theirs.step(*conv_data(64, seed))
        check_same(ours, theirs)
        wait_for_helpers(1)
    assert helpers.helper(0) not in killed
    assert workers(ours.execution)[0]._is_remote


def test_a_helper_that_dies_in_the_middle_of_a_share(monkeypatch):
    wait_for_helpers(1)
    ours, theirs = optim(Processes(2)), optim(Threads(2))
    receive, helper = helpers._receive, helpers.helper(0)

    def killed_first(connection, poll):
        if connection is helper.connection:
            helper.process.kill()
            helper.process.wait()
            raise EOFError
        return receive(connection, poll)

    monkeypatch.setattr(helpers, "_receive", killed_first)
    for seed in range(2):
        np.testing.assert_array_equal(ours.step(*conv_data(64, seed)), theirs.step(*conv_data(64, seed)))
        check_same(ours, theirs)
    assert helper.is_closed


def test_an_interrupt_while_a_helper_is_waited_for(monkeypatch):
    wait_for_helpers(1)
    ours, theirs = optim(Processes(2)), optim(Threads(2))
    ours.step(*conv_data(64))
    theirs.step(*conv_data(64))
    receive = helpers._receive

    def interrupt(connection, poll):
        monkeypatch.setattr(helpers, "_receive", receive)
        raise KeyboardInterrupt

    monkeypatch.setattr(helpers, "_receive", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ours.step(*conv_data(64, 1))
    for seed in (2, 3):
        wait_for_helpers(1)
        ours.step(*conv_data(64, seed))
        theirs.step(*conv_data(64, seed))
    check_same(ours, theirs)
    assert workers(ours.execution)[0]._is_remote


@pytest.mark.parametrize("python", ["/bin/false", "/no/such/python"])
def test_one_that_cannot_start_leaves_the_work_to_threads(monkeypatch, python):
    monkeypatch.setattr(helpers, "_helpers", {})
    monkeypatch.setattr(sys, "executable", python)
    ours, theirs = optim(Processes(2)), optim(Threads(2))
    helper = helpers.helper(0)
    if not helper.is_closed:
        helper.process.wait()
    for seed in range(3):
        ours.step(*conv_data(64, seed))
        theirs.step(*conv_data(64, seed))
    check_same(ours, theirs)
    assert helper.is_closed
    assert helpers.helper(0) is helper
    assert not ours.execution.wait(1.0)


def test_a_process_that_was_forked_has_helpers_of_its_own_and_leaves_its_parents():
    script = """
import os, sys, numpy as np, diynn
from diynn.execution import helpers
from diynn.execution.processes import Processes
execution = Processes(2)
assert execution.wait()
mine = helpers.helper(0)
child = os.fork()
if child == 0:
    assert helpers.helper(0).process.pid != mine.process.pid
    assert execution.wait()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert mine.process.poll() is None
optim = diynn.Optim(diynn.Linear(4, 4), diynn.MSELoss(), execution=execution)
optim.step(np.ones((8, 4)), np.ones((8, 4)))
assert list(execution._splits.values())[0]._workers[1]._is_remote
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE)
    assert found.returncode == 0, found.stderr


def test_two_trainings_at_once_share_a_helper():
    wait_for_helpers(1)
    expected = optim(Threads(2))
    for seed in range(20):
        expected.step(*conv_data(64, seed))
    both = [optim(Processes(2)) for _ in range(2)]

    def train(each):
        for seed in range(20):
            each.step(*conv_data(64, seed))

    threads = [threading.Thread(target=train, args=(each,)) for each in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in both:
        check_same(each, expected)


def test_one_that_does_not_know_what_it_is_to_do_is_not_started_again(monkeypatch, capfd):
    monkeypatch.setattr(helpers, "_helpers", {})
    wait_for_helpers(1)
    helper = helpers.helper(0)

    class NotThere(diynn.Linear):  # as if it were diynn's own, in this process alone
        __module__, __qualname__ = "diynn.layers.linear", "NotThere"

    monkeypatch.setattr("diynn.layers.linear.NotThere", NotThere, raising=False)
    ours, theirs = (
        diynn.Optim(NotThere(28, 5, rng=0, dtype="float32"), diynn.CrossEntropyLoss(), 1e-3, execution=each)
        for each in (Processes(2), Threads(2))
    )
    for seed in range(6):
        x, y = conv_data(64, seed)
        ours.step(x.reshape(64, 28), y)
        theirs.step(x.reshape(64, 28), y)
        if seed < 4:
            end = time.monotonic() + PATIENCE
            while not (helpers.helper(0).is_ready() or helpers.helper(0).is_closed):
                assert time.monotonic() < end
    check_same(ours, theirs)
    assert helper.is_closed
    assert helpers.helper(0).is_closed
    assert helpers.helper(0).in_vain == 3
    assert "NotThere" in capfd.readouterr().err


def test_a_helper_does_not_warn_beside_the_process_that_trains(capfd):
    wait_for_helpers(1)
    net = diynn.Linear(6, 3, rng=0)
    ours = diynn.Optim(net, diynn.MSELoss(), 1e-9, execution=Processes(2))
    x = np.ones((64, 6))
    x[60:] = 1e300
    ours.step(x, np.ones((64, 3)))
    assert workers(ours.execution)[0]._is_remote
    assert capfd.readouterr().err == ""


def test_two_threads_that_find_a_helper_ready_at_once(monkeypatch):
    monkeypatch.setattr(helpers, "_helpers", {})
    helper, receive = helpers.helper(0), helpers._receive
    end = time.monotonic() + PATIENCE
    while not helper._poll(0):
        assert time.monotonic() < end
        time.sleep(0.01)

    def slowly(connection, poll):
        time.sleep(0.2)
        return receive(connection, poll)

    monkeypatch.setattr(helpers, "_receive", slowly)
    threads = [threading.Thread(target=helper.is_ready, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert helper.is_ready()
    helper.close()


def test_a_class_that_helpers_do_not_have_is_trained_by_threads():
    class Mine(diynn.Tanh):
        pass

    net = diynn.Sequential(diynn.Linear(4, 3, rng=0), Mine())
    wait_for_helpers(1)
    own = diynn.Optim(net, diynn.MSELoss(), execution=Processes(2))
    for _ in range(3):
        own.step(np.ones((40, 4)), np.ones((40, 3)))
    assert not workers(own.execution, 40)[0]._is_remote


def test_what_is_no_longer_trained_is_forgotten():
    wait_for_helpers(1)
    ours = optim(Processes(2))
    ours.step(*conv_data(64))
    number = workers(ours.execution)[0]._task.number
    ours.execution._splits.clear()
    assert helpers.helper(0).forgotten == [number]
    ours.step(*conv_data(64))
    assert helpers.helper(0).forgotten == []


@pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="this system does not tell what files are open"
)
def test_nothing_is_left_of_what_was_trained():
    wait_for_helpers(1)
    places = [f"/proc/{process}/fd" for process in (os.getpid(), helpers.helper(0).process.pid)]

    def files():
        ours = optim(Processes(2))
        for batch in (64, 30):
            for seed in range(3):
                ours.step(*conv_data(batch, seed))
        return [len(os.listdir(place)) for place in places]

    files()
    before = files()
    for _ in range(5):
        after = files()
    assert after == before


def test_small_batches_stay_whole_and_weights_cost_their_copy():
    wide = diynn.Sequential(diynn.Linear(256, 100), diynn.Tanh(), diynn.Linear(100, 256))
    sequence = diynn.Sequential(diynn.Flatten(), diynn.Linear(4000, 100))
    choose, threads = Processes(), Threads()
    from diynn.execution.plan import cores

    assert choose.plan(wide, np.ones((8, 256))).shares == 1
    assert choose.plan(wide, np.ones((8192, 256))).shares == cores()
    assert Processes(3).plan(wide, np.ones((8, 256))).shares == 3
    if cores() > 1:
        assert choose.plan(wide, np.ones((128, 256))).shares == 2
        assert threads.plan(wide, np.ones((128, 256))).shares == 1
    assert choose.plan(sequence, np.ones((8, 40, 100))).shares == 1


def test_a_script_needs_no_guard_and_leaves_nothing_behind(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import time, diynn, numpy as np\n"
        "from diynn.execution import helpers, processes\n"
        "print('once')\n"
        "net = diynn.Sequential(diynn.Linear(256, 256), diynn.Tanh(), diynn.Linear(256, 10))\n"
        "optim = diynn.Optim(net, diynn.MSELoss(), 1e-6, execution=processes.Processes(2))\n"
        "x, y = np.ones((64, 256)), np.ones((64, 10))\n"
        f"end = time.monotonic() + {PATIENCE}\n"
        "while not (optim.step(x, y) is None or next(iter(\n"
        "        optim.execution._splits.values()))._workers[1]._is_remote):\n"
        "    assert time.monotonic() < end\n"
        "print(helpers.helper(0).process.pid)\n"
    )
    found = subprocess.run(
        [sys.executable, "-W", "error", script], capture_output=True, text=True, timeout=2 * PATIENCE
    )
    assert found.stderr == ""
    once, helper = found.stdout.split()
    assert once == "once"
    with pytest.raises(ProcessLookupError):
        os.kill(int(helper), 0)


def test_a_system_without_unix_sockets_is_told_so(monkeypatch):
    monkeypatch.delattr(select, "poll")
    with pytest.raises(OSError, match="no Unix sockets; execution='threads' does without"):
        diynn.Optim(diynn.Linear(1, 1), diynn.MSELoss(), execution="processes")
