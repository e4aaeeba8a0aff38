"""Whole compiled steps in `Optim`: they do what they stand for, and it is said why others are not."""

import copy
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import diynn
from diynn.arrays import seen_outside
from diynn.execution import Threads
from diynn.execution.choice import Plan
from diynn.module import parameters
from tests.cases import RULES
from tests.students import normal

pytest.importorskip("llvmlite")


class Compiled(Threads):
    """Compiled as soon as it is recorded."""

    compile_after = 0.0
    compile_waits = True


class Compiled2(Compiled):
    """In two shares."""

    def plan(self, net, x, *, compiled=False):
        return Plan(2, len(x))


class Blocks(Compiled):
    """In three shares and blocks of four examples."""

    def plan(self, net, x, *, compiled=False):
        return Plan(3, 4)


def net_of(dtype="float64", *, last=()):
    return diynn.Sequential(
        diynn.Linear(6, 5, rng=0, dtype=dtype), diynn.Tanh(), diynn.Linear(5, 3, rng=1, dtype=dtype), *last
    )


def optims(make_net, loss=None, **options):
    """Return two that are to do the same: by definition, and compiled."""
    loss = loss or diynn.MSELoss()
    return [
        diynn.Optim(make_net(), loss, 1e-2, execution=execution, **copy.deepcopy(options))
        for execution in ("serial", Compiled())
    ]


def step(pair, count=8, batch=20, y=None):
    """Take steps with both, and compare them."""
    for number in range(count):
        x = normal(batch, 6, seed=number)
        target = normal(batch, 3, seed=number + 99) if y is None else y
        costs = [optim.step(x, target) for optim in pair]
        compare(*costs)
        for one, other in zip(*(parameters(optim.net) for optim in pair), strict=True):
            compare(one.value, other.value)
            compare(one.gradient, other.gradient)
        assert pair[0].steps == pair[1].steps


def compare(one, other):
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * max(1, np.abs(one).max()))


#: Of rules around others, one around two.
SETTINGS = [
    None, diynn.Momentum(), *(case.rules[-1] for case in RULES),
    diynn.ClipNorm(diynn.WeightDecay(diynn.PlainStep(), 0.3, biases=True), 0.5),
]  # fmt: skip


@pytest.mark.parametrize("rule", SETTINGS, ids=repr)
@pytest.mark.parametrize("execution", [Compiled, Blocks])
def test_every_rule_is_compiled(rule, execution):
    pair = optims(net_of, rule=rule)
    pair[1].execution = execution()
    step(pair)
    assert pair[1].execution.reason is None
    step(pair, 6, batch=7)
    assert pair[1].execution.reason is None
    step(pair, 2)


def test_what_changes_between_steps_is_seen():
    pair = optims(net_of, rule=diynn.Adam())
    step(pair)
    for change in (
        lambda optim: setattr(optim, "schedule", lambda step: 1e-3 / step),
        lambda optim: setattr(optim.rule, "beta1", 0.5),
        lambda optim: setattr(optim, "rule", None),
        lambda optim: setattr(optim, "rule", diynn.Momentum(0.3)),
        lambda optim: setattr(optim, "_states", {}),
        lambda optim: setattr(optim.net[0], "_parameters", optim.net[0]._parameters * 0.5),
        lambda optim: setattr(optim.net[0], "update_parameters", lambda gradient_step: None),
        lambda optim: setattr(optim, "loss", diynn.BCEWithLogitsLoss()),
    ):
        for optim in pair:
            change(optim)
        step(pair, y=np.full((20, 3), 0.5))


def test_a_rule_that_is_replaced_again_and_again_is_not_compiled_for_ever():
    optim = diynn.Optim(net_of(), diynn.MSELoss(), 1e-3, execution=Compiled())
    for number in range(30):
        optim.rule = diynn.Momentum(0.5) if number % 3 == 0 else optim.rule
        optim.step(normal(4, 6), normal(4, 3))
    assert optim.execution.reason == "not compiled: the rule was replaced again and again"


class OfValues(diynn.Momentum):
    """It looks at values, which no recording can."""

    def change(self, value, gradient, state, eps, step):
        return super().change(value, gradient / max(1.0, float(abs(gradient).max())), state, eps, step)


class OfStep(diynn.Momentum):
    """It does with the number of the step what only its own text can."""

    def change(self, value, gradient, state, eps, step):
        return super().change(value, gradient, state, eps * (2 if step % 2 else 1), step)


class OfFunction(diynn.Momentum):
    """It hands the step size to a function of NumPy's."""

    def change(self, value, gradient, state, eps, step):
        return super().change(value, gradient, state, 1e-2 * np.sqrt(eps), step)


class Swapping(diynn.Adam):
    """Its states change places, so that one must not be written before the other is read."""

    def change(self, value, gradient, state, eps, step):
        return eps * gradient + state[0] * 1e-3, (state[1] + gradient, state[0])


class Growing(diynn.Momentum):
    """Its state changes its shape."""

    def change(self, value, gradient, state, eps, step):
        return eps * gradient, (state[0][None],)


@pytest.mark.parametrize("rule", [OfValues(), OfStep(), OfFunction(), Swapping(), Growing()], ids=repr)
def test_a_rule_that_cannot_be_recorded_follows_the_compiled_gradient(rule):
    pair = optims(net_of, rule=rule)
    step(pair)
    assert pair[1].execution.reason is None  # of the gradient
    assert "state" not in pair[1].execution.source


def test_the_numbers_of_a_rule_are_those_of_later_steps():
    class Settled(diynn.Momentum):
        def change(self, value, gradient, state, eps, step):
            rate = -(0 - eps) + eps * eps / (2 + step) - 1e-3 * eps ** (1 + 1 / step) + 2 / (1 + step) * 1e-4
            return rate * gradient, (state[0] + (eps - 1),)

    pair = optims(net_of, rule=Settled())
    step(pair, 12)
    assert "number0[0]" in pair[1].execution.source


def test_nets_that_draw():
    def make():
        return diynn.Sequential(
            diynn.Linear(6, 5, rng=0, dtype="float64"), diynn.Dropout(0.4, rng=1),
            diynn.GaussianNoise(0.2, rng=2), diynn.Linear(5, 3, rng=3, dtype="float64"),
        )  # fmt: skip

    pair = optims(make)
    step(pair, 10)
    assert pair[1].execution.reason is None
    optim = diynn.Optim(make(), diynn.MSELoss(), 1e-3, execution=Blocks())
    for _ in range(8):
        optim.step(normal(30, 6), normal(30, 3))
    assert optim.execution.reason == "not compiled: random draws in several blocks"


def test_a_loss_that_looks_at_values_refuses_them_before_the_update():
    pair = optims(lambda: net_of(last=[diynn.Sigmoid()]), diynn.BCELoss())
    step(pair, y=np.full((20, 3), 0.5))
    optim = pair[1]
    assert optim.execution.reason is None
    before = [each.value.copy() for each in parameters(optim.net)]
    with pytest.raises(ValueError, match=r"`y` must be in \[0, 1\]"):
        optim.step(normal(20, 6), np.full((20, 3), 1.5))
    for one, other in zip(before, parameters(optim.net), strict=True):
        np.testing.assert_array_equal(one, other.value)
    step(pair, 3, y=np.full((20, 3), 0.5))


CLASSES = {"int32": [0, 1, 2], "int64": [0, 1, 2], "uint8": [0, 1, 2]}


def refused(optim, x, y, words):
    """Let a batch be refused in these words, and see that nothing was done."""
    assert optim.execution.reason is None
    before = [each.value.copy() for each in parameters(optim.net)], optim.steps
    with pytest.raises(ValueError, match=words):
        optim.step(x, y)
    assert optim.steps == before[1]
    for one, other in zip(parameters(optim.net), before[0], strict=True):
        np.testing.assert_array_equal(one.value, other)


@pytest.mark.parametrize("execution", [Compiled, Blocks, Compiled2])
@pytest.mark.parametrize("dtype", CLASSES)
def test_class_indices_outside_are_refused_by_the_step_itself(execution, dtype):
    optim = diynn.Optim(net_of(), diynn.CrossEntropyLoss(), execution=execution())
    x, y = normal(20, 6), np.resize(np.array(CLASSES[dtype], dtype), 20)
    for number in range(6):
        optim.step(normal(20, 6, seed=number), y)
    for place in (0, 13, 19):
        wrong = y.copy()
        wrong[place] = 3
        refused(optim, x, wrong, r"`y` must be in 0..2 for 3 classes, got 0..3")
    if dtype.startswith("int"):
        wrong = y.copy()
        wrong[7] = -1
        refused(optim, x, wrong, r"`y` must be in 0..2 for 3 classes, got -1..2")
    optim.step(x, y)


@pytest.mark.parametrize("execution", [Compiled, Blocks, Compiled2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [1.001, -0.001, np.nan, np.inf, -np.inf])
def test_probabilities_outside_are_refused_by_the_step_itself(execution, dtype, value):
    optim = diynn.Optim(net_of(dtype), diynn.BCEWithLogitsLoss(), execution=execution())
    x, y = normal(20, 6).astype(dtype), abs(normal(20, 3)).clip(0, 1).astype(dtype)
    for number in range(6):
        optim.step(normal(20, 6, seed=number).astype(dtype), y)
    wrong = y.copy()
    wrong[11, 2] = value
    refused(optim, x, wrong, r"`y` must be in \[0, 1\]")
    optim.step(x, y)


def test_a_target_of_minus_zero_is_in_the_bounds():
    pair = optims(net_of, diynn.BCEWithLogitsLoss())
    y = np.zeros((20, 3))
    step(pair, y=y)
    step(pair, y=-y)
    assert pair[1].execution.reason is None


class FirstTwo(diynn.CrossEntropyLoss):
    """Of the first two classes alone: what its base states of targets is not all that is asked."""

    def check_targets(self, y, yhat):
        if seen_outside(y, 1):
            raise ValueError("the first two classes, please")


def patched():
    loss = diynn.CrossEntropyLoss()
    loss.check_targets = lambda y, yhat: FirstTwo.check_targets(loss, y, yhat)
    return loss


@pytest.mark.parametrize("make_loss", [FirstTwo, patched])
def test_a_loss_that_asks_more_of_targets_is_asked(make_loss):
    optim = diynn.Optim(net_of(), make_loss(), execution=Compiled())
    for number in range(6):
        optim.step(normal(20, 6, seed=number), np.resize([0, 1], 20))
    refused(optim, normal(20, 6), np.resize([0, 1, 2], 20), "the first two classes")


def test_predictions_are_looked_at_before_the_update():
    class Passing(Impure):
        pure = per_example = True

    net = diynn.Sequential(diynn.Linear(6, 3, bias=False, dtype="float64"), Passing())
    net[0]._parameters[...] = 0.5
    optim = diynn.Optim(net, diynn.BCELoss(), 1e-3, execution=Compiled())
    good, bad = np.zeros((4, 6)), np.full((4, 6), 9.0)
    for _ in range(8):
        optim.step(good, np.zeros((4, 3)))
    assert optim.execution.reason is None
    before = optim.net[0]._parameters.copy()
    with pytest.raises(ValueError, match=r"`yhat` must be in \[0, 1\]"):
        optim.step(bad, np.zeros((4, 3)))
    np.testing.assert_array_equal(optim.net[0]._parameters, before)
    assert not optim.net[0]._gradient.any()


class BareLoss:
    """A student's loss, of no base class."""

    pure = per_example = True

    def forward(self, y, yhat):
        return ((yhat - y) ** 2).sum(axis=1)

    def backward(self, y, yhat):
        return 2 * (yhat - y)


def test_batches_that_lie_otherwise_go_to_a_loss_of_no_base_class():
    pair = optims(net_of, BareLoss())
    for number in range(8):
        compare(*(optim.step(normal(6, 20, seed=number).T, normal(20, 3, seed=number)) for optim in pair))
    assert pair[1].execution.reason is None


def test_batches_that_lie_otherwise_in_memory():
    pair = optims(net_of)
    for number in range(8):
        x, y = normal(6, 20, seed=number).T, normal(40, 3, seed=number)[::2]
        compare(*(optim.step(x, y) for optim in pair))
    assert pair[1].execution.reason is None


# ------------------------------------------------------------------ what is told of it


def test_the_reason_says_where_it_stands():
    optim = diynn.Optim(net_of(), diynn.MSELoss(), execution="auto")
    assert optim.execution.reason == "no step was taken"
    assert optim.execution.source is None
    optim.step(normal(4, 6), normal(4, 3))
    assert optim.execution.reason == "not recorded: it is recorded at the first few batches"
    for _ in range(3):
        optim.step(normal(4, 6), normal(4, 3))
    assert optim.execution.reason == "not compiled: steps have taken less than 1 s so far"


def test_nothing_is_compiled_before_a_second_of_steps():
    optim = diynn.Optim(net_of(), diynn.MSELoss(), execution="auto")
    for _ in range(100):
        optim.step(normal(4, 6), normal(4, 3))
    assert not [each for each in threading.enumerate() if each.name == "diynn_compile"]
    optim.execution._last._seconds = 0.1
    for _ in range(1000):
        optim.step(normal(4, 6), normal(4, 3))
        if optim.execution.reason is None:
            return
        assert optim.execution.reason.startswith("not compiled")
        for each in threading.enumerate():
            if each.name == "diynn_compile":
                each.join()
    raise AssertionError(optim.execution.reason)


class Impure(diynn.Module):
    def forward(self, data):
        return data

    def backward_delta(self, data, delta):
        return delta


class Deciding(Impure):
    pure = per_example = True

    def forward(self, data):
        return data if data.sum() > 0 else 2 * data


class Unusual(Impure):
    pure = per_example = True

    def forward(self, data):
        return data + 0 * np.remainder(data, 1.0)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Impure, "the net or the loss is neither pure nor per_example"),
        (Deciding, "not recorded: a value was looked at"),
        (Unusual, "not compiled: numpy.remainder of float64"),
    ],
)
def test_the_reason_says_what_cannot_be_done(layer, reason):
    pair = optims(lambda: net_of(last=[layer()]))
    step(pair)
    assert pair[1].execution.reason == reason
    assert pair[0].execution.reason == "the execution is serial: steps are taken by definition"
    assert pair[0].execution.source is None


def test_the_source_is_a_step_to_be_read():
    pair = optims(net_of, rule=diynn.Adam())
    step(pair)
    source = pair[1].execution.source
    for words in ("= x @ W0", "tanh64(", "gradient_W0 = x.T @", "b1[i]", "(eps / (1 - (0.9 ** step)))"):
        assert words in source, source
    compile(source, "the page", "exec")
    pair = optims(lambda: net_of(last=[diynn.Sigmoid()]), diynn.BCELoss())
    step(pair, y=np.full((20, 3), 0.5))
    assert "def update(first, " in pair[1].execution.source
    assert "Program" not in pair[1].execution.source


SCRIPT = """
import sys
{before}
import numpy as np, diynn
from diynn.execution import Threads
Threads.compile_after, Threads.compile_waits = 0.0, True
optim = diynn.Optim(diynn.Linear(3, 2, rng=0), diynn.MSELoss(), 1e-3)
for _ in range(8):
    optim.step(np.ones((4, 3)), np.ones((4, 2)))
print(optim.execution.reason)
"""


@pytest.mark.parametrize(
    ("before", "environment", "reason"),
    [
        ("", {"DIYNN_COMPILE": "0"}, "not compiled: DIYNN_COMPILE=0"),
        (
            "sys.modules['llvmlite'] = sys.modules['llvmlite.binding'] = None",
            {},
            "not compiled: llvmlite is not installed: pip install diynn[fast]",
        ),
        ("", {}, "None"),
    ],
)
def test_where_nothing_can_be_compiled_it_is_said_and_no_more(before, environment, reason):
    command = [sys.executable, "-W", "error", "-c", SCRIPT.format(before=before)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    assert (found.stdout, found.stderr) == (f"{reason}\n", "")


def test_a_compiled_step_that_differs_is_not_taken(monkeypatch):
    from diynn.execution import whole

    monkeypatch.setattr(whole, "_near", lambda found, wanted: False)
    pair = optims(net_of, rule=diynn.Adam())
    step(pair)
    assert pair[1].execution.reason == "not compiled: the compiled step differs from the one that is played"


def test_who_waits_for_a_thread_that_a_fork_left_behind_is_told():
    from diynn.execution.compiled import CannotCompile, Later

    later = Later(lambda: 1)
    assert later.result(wait=True) == 1
    later._made.clear()  # as in a child of a process in which it was still at work
    with pytest.raises(CannotCompile, match="the process was forked while it was under way"):
        later.result()


# ------------------------------------------------------------------ threads and processes


def trained(seed):
    net = net_of("float32")
    optim = diynn.Optim(net, diynn.MSELoss(), 1e-3, execution=Blocks())
    for number in range(30):
        x = normal(40, 6, seed=seed + number).astype("float32")
        optim.step(x, x[:, :3])
    assert optim.execution.reason is None
    return [each.value.copy() for each in parameters(net)]


def test_four_threads_train_as_one_after_another():
    expected = [trained(seed) for seed in range(4)]
    found = [None] * 4

    def train(seed):
        found[seed] = trained(seed)

    threads = [threading.Thread(target=train, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(expected, found, strict=True):
        assert all(map(np.array_equal, one, other))


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # JAX, if there, warns of forks
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_goes_on_with_compiled_steps():
    optim = diynn.Optim(net_of(), diynn.MSELoss(), 1e-3, execution=Blocks())
    for number in range(8):
        optim.step(normal(40, 6, seed=number), normal(40, 3))
    child = os.fork()
    for number in range(8):
        costs = optim.step(normal(40, 6, seed=number), normal(40, 3))
    if child == 0:
        os._exit(0 if optim.execution.reason is None and np.isfinite(costs).all() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_the_step_from_which_it_is_compiled_is_the_same_in_each_run():
    def run():
        optim = diynn.Optim(net_of(), diynn.MSELoss(), execution="auto")
        optim.step(normal(4, 6), normal(4, 3))
        optim.execution._last._seconds = 0.1
        ways = []
        for number in range(30):
            optim.step(normal(4, 6, seed=number), normal(4, 3, seed=number))
            ways.append(optim.execution.reason)
        return ways, [each.value.copy() for each in parameters(optim.net)]

    ways, values = run()
    again, same = run()
    assert ways == again
    assert ways[0] is not None
    assert ways[-1] is None
    for one, other in zip(values, same, strict=True):
        np.testing.assert_array_equal(one, other)
