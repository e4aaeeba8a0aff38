# ruff: noqa: E501  # tables of messages, a line each
"""A training that was stopped, in whatever way, goes on as if it never was: equal to the bit."""

from __future__ import annotations

import copy
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import diynn
from diynn import (
    SGD,
    Adam,
    Callback,
    ClipNorm,
    Dropout,
    EarlyStopping,
    KeepBest,
    Linear,
    Momentum,
    MSELoss,
    Optim,
    ReduceOnPlateau,
    RMSprop,
    Sequential,
    Tanh,
    WeightDecay,
)
from diynn.execution import Threads
from diynn.execution.blas import _libraries
from diynn.files import recent, stored
from diynn.files.recent import Recent
from diynn.files.stored import write_file
from diynn.files.tree import pack, unpack
from diynn.generators import generator_state, legacy_state, set_generator_state, set_legacy_state
from diynn.resume import Checkpoint
from tests.students import normal

ROOT = Path(__file__).parents[1]
X = normal(70, 6)
Y = np.tanh(X[:, :2])
posix = pytest.mark.skipif(os.name != "posix", reason="fork and SIGKILL are POSIX's")


def make_net(dropout=True, **new):
    noise = [Dropout(0.2, rng=3)] if dropout else []
    return Sequential(Linear(6, 20, rng=0, **new), Tanh(), *noise, Linear(20, 2, rng=1, **new))


class FallError(Exception):
    """What a script may end with."""


class FallAt(Callback):
    """Raises in one step, of all that there were in this process."""

    def __init__(self, at):
        self.at, self.steps = at, 0

    def step(self, run, costs):
        self.steps += 1
        if self.steps == self.at:
            raise FallError


def run(path=None, *, at=0, rule=None, eps=1e-2, epochs=5, execution="auto", net=None, x=X, y=Y, **options):
    """Train as a script does; return the Optim and the history. With ``at``, the script falls in that step."""
    net = make_net() if net is None else net
    optim = Optim(net, MSELoss(), eps, rule=rule, execution=execution)
    settings = {"rng": 0, "progress": False, "checkpoint": path} | options
    settings["callbacks"] = [*settings.get("callbacks", ()), FallAt(at)]
    try:
        history = optim.SGD(x, y, 10, epochs, **settings)
    except FallError:
        history = None
    return optim, history


def outcome(optim, history):
    table = {name: column for name, column in history.to_dict().items() if name != "seconds"}
    return pickle.dumps(pack("outcome", [optim.state() | {"execution": None}, table, history.stopped]))


# ------------------------------------------------------------------ the same script, started again


RULES = {
    "plain": None,
    "Momentum": Momentum(),
    "Adam": Adam(),
    "around": ClipNorm(WeightDecay(RMSprop(), 0.1), 0.5),
}


@pytest.mark.parametrize("execution", ["serial", "auto", "threads"])
@pytest.mark.parametrize("rule", RULES)
def test_a_training_that_fell_goes_on_to_the_same_bits(rule, execution, tmp_path):
    def start(path, at=0, **options):
        own = Threads(2) if execution == "threads" else execution
        watchers = [KeepBest(), EarlyStopping(4), ReduceOnPlateau(0.5, 1, by=1e9)]  # all but the first epoch
        eps = diynn.cosine_decay(1e-2, steps=35, warmup=4)
        return run(tmp_path / path, at=at, rule=RULES[rule], eps=eps, execution=own, callbacks=watchers,
                   validation=(X, Y), metrics={"size": lambda y, yhat: len(y)}, **options)  # fmt: skip

    undisturbed = outcome(*start("whole"))
    for at, every in ((3, 1), (9, None), (16, 4), (30, 1)):
        name = f"{at}.npz"
        start(name, at, every=every)
        assert outcome(*start(name, every=every)) == undisturbed
        optim, history = start(name)  # it has ended
        assert outcome(optim, history) == undisturbed
        assert optim.execution.reason is not None  # and took no step


@pytest.mark.parametrize("library", ["torch", "jax", "array_api_strict"])
def test_on_other_libraries_as_well(library, tmp_path):
    pytest.importorskip(library)

    def start(path, at=0):
        net = make_net(backend=library, dtype="float32")
        return run(tmp_path / path, at=at, rule=Adam(), net=net, epochs=3, every=1, callbacks=[KeepBest()])

    undisturbed = outcome(*start("whole"))
    start("run.npz", 10)
    assert outcome(*start("run.npz")) == undisturbed


def test_steps_are_compiled_in_both_and_the_last_digits_are_the_same(tmp_path):
    pytest.importorskip("llvmlite")
    whole, history = run(tmp_path / "whole", rule=Adam(), epochs=4)
    assert whole.execution.reason is None
    run(tmp_path / "run.npz", rule=Adam(), epochs=4, at=17)
    optim, again = run(tmp_path / "run.npz", rule=Adam(), epochs=4)
    assert optim.execution.reason is None
    assert again.costs == history.costs


def test_steps_that_can_no_longer_be_compiled_are_told_of(tmp_path, monkeypatch):
    pytest.importorskip("llvmlite")
    run(tmp_path / "run.npz", epochs=2)
    monkeypatch.setenv("DIYNN_COMPILE", "0")
    message = (
        r"the steps before were compiled, and those from here on are not taken so \(.*\): results may differ"
    )
    with pytest.warns(RuntimeWarning, match=message):
        _, history = run(tmp_path / "run.npz", epochs=3)
    monkeypatch.undo()
    np.testing.assert_allclose(history.costs, run(tmp_path / "whole", epochs=3)[1].costs, rtol=1e-9)


def test_five_epochs_and_five_more_are_ten(tmp_path):
    whole = run(rule=Adam(), epochs=10, execution="serial")
    run(tmp_path / "run.npz", rule=Adam(), epochs=5, execution="serial")
    assert outcome(*run(tmp_path / "run.npz", rule=Adam(), epochs=10, execution="serial")) == outcome(*whole)


def test_a_checkpoint_changes_nothing_about_a_training(tmp_path):
    for execution in ("serial", Threads(2)):
        plain = run(execution=execution, epochs=2, net=make_net(dropout=False))
        kept = run(
            tmp_path / f"{execution}.npz", execution=execution, epochs=2, net=make_net(dropout=False), every=1
        )
        np.testing.assert_allclose(plain[1].costs, kept[1].costs, rtol=1e-12)


def test_a_training_that_stopped_by_itself_returns_its_history(tmp_path):
    def start(path, at=0):
        return run(
            tmp_path / path, at=at, eps=1e-30, epochs=50, callbacks=[EarlyStopping(2, by=1.0)], every=1
        )

    optim, history = start("whole")
    assert (len(history), history.stopped) == (3, "no better for 2 epochs")
    start("run.npz", 12)
    assert outcome(*start("run.npz")) == outcome(optim, history)
    optim, again = start("run.npz")
    assert again.to_dict() == start("run.npz")[1].to_dict()
    assert outcome(optim, again) == outcome(optim, history)


def test_one_generator_may_draw_for_everything(tmp_path):
    def start(path, at=0):
        rng = np.random.default_rng(5)
        net = Sequential(Linear(6, 20, rng=rng), Dropout(0.3, rng=rng), Linear(20, 2, rng=rng))
        return run(tmp_path / path, at=at, net=net, rng=rng, every=1, epochs=3, eps=1e-3)

    undisturbed = outcome(*start("whole"))
    start("run.npz", 11)
    assert outcome(*start("run.npz")) == undisturbed


class Wandering(Linear):
    """A module that draws from ``np.random``, as course code does, and keeps a mean, of which it tells."""

    mean = 0.0

    def forward(self, data):
        self.mean = 0.9 * self.mean + float(np.random.uniform())  # noqa: NPY002
        return super().forward(data) + self.mean

    def state(self):
        return {"mean": self.mean}

    def restore(self, state):
        self.mean = state["mean"]


def test_course_code_draws_from_np_random_and_keeps_what_it_tells_of(tmp_path):
    def start(path, at=0):
        np.random.seed(4)  # noqa: NPY002
        net = Sequential(Wandering(6, 2, rng=0))
        optim, history = run(tmp_path / path, at=at, net=net, rng=None, every=1, epochs=3, eps=1e-4)
        return None if history is None else (outcome(optim, history), net[0].mean)

    undisturbed = start("whole")
    start("run.npz", 11)
    assert start("run.npz") == undisturbed


@posix
def test_trainings_that_were_killed_end_as_those_that_were_not():
    """12 where CI is set; CONTRIBUTING.md has the command for more."""
    count = "12" if os.environ.get("CI") else "4"
    command = [sys.executable, "-m", "tests.kills", "training", count]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert re.search(rf"{count} trainings, killed [1-9]\d* times: 0 ended differently", result.stdout), (
        result.stderr
    )


# ------------------------------------------------------------------ refused


def changed(path, message, **options):
    with pytest.raises(diynn.CheckpointError, match=f"SGD: '.*run.npz' cannot be loaded: {message}"):
        run(path, **options)


def test_a_checkpoint_of_another_training_names_the_difference(tmp_path):
    path = tmp_path / "run.npz"
    run(path, epochs=1, rule=Adam())
    good = {"epochs": 2, "rule": Adam()}
    wider = Sequential(Linear(6, 21, rng=0), Tanh(), Dropout(0.2), Linear(21, 2, rng=1))
    of = "it is of another training: "
    changed(
        path,
        of + r"`net` was 0 Linear\(6, 20\), and is 0 Linear\(6, 21\); give it what it was",
        **good | {"net": wider},
    )
    changed(
        path,
        of + r"`net` was 2 Dropout\(0.2\), and is 2 Linear\(20, 2\)",
        **good | {"net": make_net(dropout=False)},
    )
    changed(path, of + r"`rule` was Adam\(.*, and is None", **good | {"rule": None})
    changed(path, of + r"`rule` was Adam\(beta1=0.9.*, and is Adam\(beta1=0.8", **good | {"rule": Adam(0.8)})
    changed(
        path, of + r"`eps` was _Constant\(eps=0.01\), and is _Constant\(eps=0.02\)", **good | {"eps": 0.02}
    )
    changed(path, of + "`rng` was of the sum .*, and is of the sum", **good | {"rng": 1})
    changed(
        path,
        of + r"`data` was x \(70, 6\) float64 of the sum .*, and is x \(70, 6\)",
        **good | {"x": X + 1e-9},
    )
    changed(path, of + r"`data` was y \(70, 2\)", **good | {"y": Y + 1e-9})
    changed(path, of + "`validation` was None, and is", **good | {"validation": (X, Y)})
    changed(path, of + "`callbacks` was .*, and is", **good | {"callbacks": [KeepBest()]})
    changed(
        path,
        of + r"`metrics` was \[\], and is \['a'\]|`metrics` was a list of 0, and is one of 1",
        **good | {"metrics": {"a": diynn.accuracy}},
    )
    logits = diynn.BCEWithLogitsLoss()
    for loss, batch_size, message in (
        (MSELoss(), 11, "`batch_size` was 10, and is 11; give it what it was, or this"),
        (logits, 10, r"`loss` was MSELoss\(\), and is BCEWithLogitsLoss\(\)"),
    ):
        optim = Optim(make_net(), loss, 1e-2, rule=Adam())
        with pytest.raises(diynn.CheckpointError, match=message):
            optim.SGD(X, Y, batch_size, 2, rng=0, checkpoint=path, callbacks=[FallAt(0)])
    run(path, **good)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    diynn.save(make_net(), path)
    changed(path, "it is no checkpoint of a training")
    write_file("test", path, "training", {}, {"state": {}})
    changed(path, "it does not say what was trained")
    path.unlink()
    run(path, epochs=1)
    other = make_net()
    other[2].rng = np.random.Generator(np.random.Philox(3))
    words = r"Optim: `state` is of a net that draws from 1 generators \(PCG64\), and this one from 1 generators \(Philox\)"
    changed(path, words, net=other)
    path.write_bytes(b"x")
    with pytest.raises(diynn.CheckpointError, match=r"SGD: '.*run.npz' is damaged or of another format"):
        run(path)
    with pytest.raises(OSError, match="none"):
        run(tmp_path / "none" / "run.npz")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"checkpoint": 3}, TypeError, r"SGD: `checkpoint` must be the path of a file, got 3"),
        ({"checkpoint": "a", "every": 0}, ValueError, "SGD: `every` must be a positive integer, got 0"),
        ({"checkpoint": "a", "every": 1.5}, TypeError, "SGD: `every` must be a positive integer, got 1.5"),
        ({"checkpoint": "a", "every": timedelta(0)}, ValueError, "SGD: `every` must be a time above 0"),
        ({"every": 1}, ValueError, "SGD: `every` says how often `checkpoint` is written, and there is none"),
        ({"seconds": 0}, ValueError, "SGD: `seconds` must be a positive number, got 0"),
    ],
)
def test_settings_that_make_no_sense(options, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        SGD(make_net(), MSELoss(), X, Y, progress=False, **options)


def test_a_callback_keeps_what_a_file_can_hold(tmp_path):
    class Odd(Callback):
        def state(self):
            return {"it": object()}

    with pytest.raises(
        TypeError, match=r"SGD: `watchers/0/it` must be made of dicts, lists, .* got an object"
    ):
        run(tmp_path / "run.npz", callbacks=[Odd()])
    assert os.listdir(tmp_path) == []


def test_states_are_taken_apart_and_put_together():
    state = {
        "a": [1, 2.5, None, True, "text", float("inf"), 2**100],
        "b": {"c": np.arange(3), "d": np.float32(0.1)},
    }
    text, arrays = pack("test", state)
    again = unpack(text, arrays)
    assert again["a"] == state["a"]
    np.testing.assert_array_equal(again["b"]["c"], np.arange(3))
    assert type(again["b"]["d"]) is np.float32
    assert again["b"]["d"] == np.float32(0.1)
    for bad in ({1: 2}, {"$array": 2}):
        with pytest.raises(TypeError, match=r"must have keys of text, without \$"):
            pack("test", bad)


# ------------------------------------------------------------------ by hand


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("execution", ["serial", "auto", "threads"])
def test_a_state_is_put_back_by_hand(rule, execution):
    def make():
        own = Threads(2) if execution == "threads" else execution
        return Optim(
            make_net(),
            MSELoss(),
            diynn.step_decay(1e-2, factor=0.5, every=7),
            rule=RULES[rule],
            execution=own,
        )

    first = make()
    for _ in range(6):
        first.step(X, Y)
    state = pickle.loads(pickle.dumps(first.state()))
    wanted = [first.step(X, Y) for _ in range(6)]
    second = make()
    second.restore(state)
    first.restore(state)
    for optim in (first, second):
        assert optim.steps == 6
        for costs in wanted:
            np.testing.assert_array_equal(optim.step(X, Y), costs)
    assert pickle.dumps(first.state()["parameters"]) == pickle.dumps(second.state()["parameters"])


def test_a_state_of_something_else_is_refused_and_changes_nothing():
    optim = Optim(make_net(), MSELoss(), rule=Adam())
    optim.step(X, Y)
    before = pickle.dumps(optim.state())
    state = optim.state()
    bad = [
        (3, TypeError, r"Optim: `state` must be what optim.state\(\) returned"),
        (
            Optim(Linear(6, 2), MSELoss(), rule=Adam()).state(),
            ValueError,
            "Optim: `state` must fit the net: the parameters are of another net",
        ),
        (
            Optim(make_net(), MSELoss()).state(),
            ValueError,
            r"Optim: the state is of the rule None, and this one has Adam",
        ),
        (
            Optim(make_net(dropout=False), MSELoss(), rule=Adam()).state(),
            ValueError,
            "Optim: `state` must fit the net: the parameters are of another net",
        ),
        (
            state | {"generators": []},
            ValueError,
            r"draws from no generator, and this one from 1 generators \(PCG64\)",
        ),
        (
            state | {"rule": state["rule"] | {"states": {"9._bias": []}}},
            ValueError,
            "of the rule for `9._bias` does not fit",
        ),
        (
            state | {"rule": state["rule"] | {"states": {"0._bias": [X]}}},
            ValueError,
            "of the rule for `0._bias` does not fit",
        ),
    ]
    for wrong, error, message in bad:
        with pytest.raises(error, match=message):
            optim.restore(wrong)
        assert pickle.dumps(optim.state()) == before


def test_generators_go_on_and_have_the_same_children():
    for make in (
        np.random.default_rng,
        lambda seed: np.random.Generator(np.random.Philox(seed)),
        np.random.RandomState,
    ):
        generator = make(3)
        generator.random(5)
        state = pickle.loads(pickle.dumps(generator_state(generator)))
        children = hasattr(generator, "spawn")

        def draw(generator=generator, children=children):
            return [generator.random(), *(each.random() for each in (generator.spawn(2) if children else ()))]

        wanted = draw()
        set_generator_state(generator, state)
        assert draw() == wanted
        other = make(3)
        set_generator_state(other, state)
        assert draw(other) == wanted


@pytest.mark.parametrize(
    "make_copy", [copy.deepcopy, lambda optim: pickle.loads(pickle.dumps(optim))], ids=["copy", "pickle"]
)
@pytest.mark.parametrize("rule", RULES)
def test_an_optim_is_copied_and_pickled_and_goes_on(make_copy, rule):
    for eps in (
        1e-2,
        diynn.constant(1e-2),
        diynn.cosine_decay(1e-2, steps=9),
        diynn.exponential_decay(1e-2, half_life=3),
    ):
        optim = Optim(make_net(), MSELoss(), eps, rule=RULES[rule])
        for _ in range(4):
            optim.step(X, Y)
        twin = make_copy(optim)
        for _ in range(3):
            np.testing.assert_array_equal(optim.step(X, Y), twin.step(X, Y))
        assert pickle.dumps(optim.state()["rule"]) == pickle.dumps(twin.state()["rule"])


# ------------------------------------------------------------------ Ctrl-C, SIGTERM, the end of a time budget


class Send(Callback):
    """Sends its own process a signal in one step."""

    def __init__(self, at, number):
        self.at, self.number, self.steps = at, number, 0

    def step(self, run, costs):
        self.steps += 1
        if self.steps == self.at:
            os.kill(os.getpid(), self.number)


@pytest.fixture
def defaults():
    """Let signals do what they do by default, whatever the shell ignores."""
    before = (
        signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.signal(signal.SIGTERM, signal.SIG_DFL),
    )
    yield
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])


@posix
@pytest.mark.usefixtures("defaults")
@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
@pytest.mark.parametrize("at", [1, 10, 14])
def test_a_signal_ends_after_the_step_with_a_checkpoint(number, word, at, tmp_path):
    undisturbed = run(tmp_path / "whole", rule=Adam(), epochs=3, callbacks=[Send(0, number)])
    send = Send(at, number)
    optim, history = run(tmp_path / "run.npz", rule=Adam(), epochs=3, callbacks=[send])
    assert history.stopped == word
    assert optim.steps == send.steps == at
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    again = run(tmp_path / "run.npz", rule=Adam(), epochs=3, callbacks=[Send(0, number)])
    assert outcome(*again) == outcome(*undisturbed)


@posix
@pytest.mark.usefixtures("defaults")
def test_between_two_epochs_as_well(tmp_path):
    class Late(Callback):
        def epoch_end(self, run):
            if run.epoch == 1 and self.fires:
                os.kill(os.getpid(), signal.SIGINT)

    def start(path, fires):
        watcher = Late()
        watcher.fires = fires
        return run(tmp_path / path, epochs=3, callbacks=[watcher])

    _, history = start("run.npz", True)
    assert (len(history), history.stopped) == (1, "interrupted")
    assert outcome(*start("run.npz", False)) == outcome(*start("whole", False))


@posix
@pytest.mark.usefixtures("defaults")
def test_without_a_checkpoint_sigterm_ends_the_process():
    code = "import os, signal, numpy as np, diynn\n" \
           "class Send(diynn.Callback):\n    def step(self, run, costs): os.kill(os.getpid(), signal.SIGTERM)\n" \
           "diynn.SGD(diynn.Linear(2, 1), diynn.MSELoss(), np.ones((4, 2)), np.ones((4, 1)), callbacks=[Send()])"  # fmt: skip
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode
        == -signal.SIGTERM
    )


def test_a_time_budget_ends_after_the_step_in_hand(tmp_path):
    class Slow(Callback):
        def step(self, run, costs):
            time.sleep(0.02)

    def start(path, seconds):
        return run(tmp_path / path, epochs=2, seconds=seconds, callbacks=[Slow()])

    optim, history = start("run.npz", 0.05)
    assert history.stopped == "the time budget of 0.05 s is used up"
    assert 1 <= optim.steps < 10
    assert outcome(*start("run.npz", None)) == outcome(*start("whole", 60))


def test_a_checkpoint_is_written_after_so_many_steps_or_so_much_time(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(
        Checkpoint, "write", lambda self, arrays, state: written.append(state["optim"]["steps"])
    )
    for every, wanted in ((None, [7, 14]), (3, [3, 6, 7, 10, 13, 14]), (timedelta(hours=1), [7, 14])):
        run(tmp_path / "run.npz", epochs=2, every=every)
        assert written == wanted
        written.clear()
    run(tmp_path / "run.npz", epochs=1, every=timedelta(microseconds=1))
    assert written == [1, 2, 3, 4, 5, 6, 7, 7]


def test_epochs_much_shorter_than_the_writing_are_written_together(tmp_path, monkeypatch):
    written, write = [], Recent.write

    def slow(self, owner, of, arrays, state):
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass
        written.append(state["epoch"])
        write(self, owner, of, arrays, state)

    monkeypatch.setattr(Recent, "write", slow)
    monkeypatch.setattr("diynn.resume._WRITTEN", 1e9)
    run(tmp_path / "run.npz", epochs=4)
    assert written == [1, 4]
    written.clear()
    run(tmp_path / "again.npz", epochs=1, every=3)  # asked for
    assert written == [0, 0, 1]


# ------------------------------------------------------------------ what is newer than the file


class Killed(Callback):
    """Copies the folder in some steps, as a process would leave it that was killed there."""

    def __init__(self, folder, to, at):
        self.folder, self.to, self.at, self.steps = folder, to, at, 0

    def step(self, run, costs):
        self.steps += 1
        if self.steps in self.at:
            shutil.copytree(self.folder, self.to / str(self.steps))


@pytest.fixture
def at_once(monkeypatch):
    """Let the file be replaced at the end, and written after each epoch, however slow this machine is."""
    monkeypatch.setattr("diynn.resume._REPLACED", (1e9, 0.0))
    monkeypatch.setattr("diynn.resume._WRITTEN", 0.0)


@pytest.fixture
def killed(tmp_path, at_once):
    """Return the folders that processes killed in some steps have left, and how the training ends."""
    (tmp_path / "run").mkdir()
    at = (8, 15, 29)  # in the second, the third and the last epoch
    kill = Killed(tmp_path / "run", tmp_path, at)
    whole = run(tmp_path / "run" / "run.npz", callbacks=[kill])
    assert os.listdir(tmp_path / "run") == ["run.npz"]  # nothing stays beside it
    return [tmp_path / str(step) for step in at], whole


def go_on(folder):
    """Start the training again; return the step from which it went on, and how it ends."""
    steps = []

    class First(Killed):  # the name is a part of what a training is
        def step(self, run, costs):
            steps.append(run.optim.steps)

    First.__name__ = "Killed"
    ended = run(folder / "run.npz", callbacks=[First(folder, folder, ())])
    return steps[0], ended


def test_an_epoch_that_was_written_outlives_the_process(killed):
    """Before the file is there, and then beside it; and at the end nothing is there but the file."""
    folders, whole = killed
    for folder, steps in zip(folders, (7, 14, 28), strict=True):
        assert set(os.listdir(folder)) <= {".run.npz.a", ".run.npz.b"}
        first, ended = go_on(folder)
        assert first == steps + 1
        assert outcome(*ended) == outcome(*whole)
        assert os.listdir(folder) == ["run.npz"]


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_of_two_records_one_may_be_torn_and_the_other_counts(damage, killed):
    folders, whole = killed
    for epochs, folder in zip((1, 2, 4), folders, strict=True):
        newer = folder / f".run.npz.{'ab'[epochs % 2]}"
        data = newer.read_bytes()
        ways = {"cut": data[:-1], "changed": data[:900] + bytes([data[900] ^ 1]) + data[901:], "empty": b""}
        newer.write_bytes(ways[damage])
        first, ended = go_on(folder)
        assert first == 7 * (epochs - 1) + 1
        assert outcome(*ended) == outcome(*whole)


@pytest.mark.usefixtures("at_once")
def test_each_record_has_its_own_values_also_of_an_array_that_is_copied_to_be_written(tmp_path):
    (tmp_path / "run").mkdir()

    def start(folder, at=()):
        net = make_net(dropout=False)
        net[0]._parameters = np.asfortranarray(net[0]._parameters)
        path = tmp_path / folder / "run.npz"
        return run(path, net=net, rule=Adam(), callbacks=[Killed(path.parent, tmp_path, at)])

    undisturbed = outcome(*start("run", at=(15, 29)))
    assert outcome(*start("15")) == undisturbed
    assert outcome(*start("29")) == undisturbed


def test_what_is_beside_another_file_does_not_count(killed):
    """A file that was copied back is gone on from, as is another training where there is no file."""
    folder, other, _ = killed[0]
    run(other / "run.npz", epochs=2, callbacks=[Killed(other, other, ())])
    for name in (".run.npz.a", ".run.npz.b"):
        shutil.copy(folder / name, other)
    assert go_on(other)[0] == 15
    optim, _ = run(folder / "run.npz", rule=Adam(), epochs=1)
    assert optim.steps == 7


def test_the_file_is_replaced_now_and_then_while_the_training_goes_on(tmp_path, monkeypatch):
    found = []

    class Look(Callback):
        def step(self, run, costs):
            if path.exists():
                with stored.reading("test", path) as file:
                    found.append(file.manifest.about["state"]["optim"]["steps"])

    path = tmp_path / "run.npz"
    run(path, callbacks=[Look()], epochs=3)
    assert found == []
    monkeypatch.setattr("diynn.resume._REPLACED", (0.0, 0.0))
    run(path, callbacks=[Look()], epochs=5)
    assert found == [21] * 7 + [28] * 7


def test_a_record_that_was_made_to_harm_is_passed_over(killed):
    (folder, *_), whole = killed
    front, made = recent._FRONT, {}
    for number, text in enumerate(
        (b"[" * 10**5, b"{}", b'{"state": {"a": {"$array": [[9], "<f8"]}}}', b'{"state": {"$array": 3}}', b"3",
         b'{"state": {"$array": [[1], "|O8"]}}', b'{"state": {"$array": [[1099511627776], "<f8"]}}')
    ):  # fmt: skip
        for first in (text, b'{"state": 0}'):
            rest = text if first != text else b"{}"
            data = first + rest
            made[number, first == text] = (
                front.pack(recent._MARK, zlib.crc32(data), len(first), len(rest), len(data)) + data
            )
    made["long"] = front.pack(recent._MARK, 0, 0, 0, 2**60)
    for data in made.values():
        (folder / ".run.npz.a").write_bytes(data)
        (folder / ".run.npz.b").write_bytes(data)
        assert Recent(folder / "run.npz").newest("of") is None
    assert outcome(*go_on(folder)[1]) == outcome(*whole)


@pytest.mark.usefixtures("at_once")
def test_what_goes_wrong_while_writing_is_raised(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr("diynn.files.stored.write_file", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path / "run.npz", epochs=1)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path / "run.npz", epochs=1, every=3)
    assert os.listdir(tmp_path) == [".run.npz.a", ".run.npz.b"]
    assert run(tmp_path / "other.npz", at=9)[1] is None  # what the script fell with is not hidden by it


@posix
@pytest.mark.usefixtures("defaults")
def test_the_setting_of_blas_comes_back_after_a_signal(tmp_path):
    while any(each.name == "diynn_blas" for each in threading.enumerate()):
        time.sleep(0.01)  # an earlier test's limit
    before = [library.get_num_threads() for library, _ in _libraries()]
    for at in (3, 8):
        run(tmp_path / f"{at}.npz", callbacks=[Send(at, signal.SIGTERM)])
    for _ in range(300):
        if [library.get_num_threads() for library, _ in _libraries()] == before:
            return
        time.sleep(0.01)
    raise AssertionError("it did not")


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_at_random_moments_lose_no_step(number):
    """Sent from outside, whatever the process is doing."""
    command = [sys.executable, "-m", "tests.kills", f"training-{int(number)}", "2"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert re.search(r"2 trainings, .*: 0 ended differently", result.stdout), result.stderr


def test_half_of_a_pair_of_normal_numbers_comes_back():
    np.random.seed(3)  # noqa: NPY002
    np.random.normal()  # noqa: NPY002  # the other half is left
    kept = legacy_state()
    wanted = np.random.normal()  # noqa: NPY002
    legacy_state()  # without it, with the same words
    set_legacy_state(kept)
    assert legacy_state()["has_gauss"] == 1
    assert np.random.normal() == wanted  # noqa: NPY002
