"""What is recorded and played computes what the definition computes, for every operation, layer and loss."""

from __future__ import annotations

import copy
import gc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import diynn
from diynn.execution import Threads, serial
from diynn.execution.likeness import same_computation
from diynn.execution.recording import Recorded, Recording
from diynn.execution.structure import Structure
from diynn.execution.symbols import UnrecordableError
from diynn.execution.threads import Split
from diynn.module import parameters
from diynn.ops import OPERATIONS
from tests.backends import NUMPY
from tests.cases import each_layer, each_loss
from tests.cases.calls import layer_calls, loss_calls
from tests.students_nets import Drifting
from tests.test_ops import arguments


def close(found, wanted):
    """Compare to rounding: BLAS may add a product in another order where it is called in another way."""
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    tolerance = {"float32": 1e-6, "float64": 1e-14, "int64": 0}[wanted.dtype.name]
    scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * scale)


# ------------------------------------------------------------------ the same values


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@given(data=st.data())
def test_an_operation_played_for_other_values_gives_theirs(name, data):
    given_arguments = data.draw(arguments(name))
    places = [place for place, value in enumerate(given_arguments) if isinstance(value, np.ndarray)]

    def call(number, *arrays):
        whole = list(given_arguments)
        for place, array in zip(places, arrays, strict=True):
            whole[place] = array
        result = OPERATIONS[name](*whole)
        return result[number] if isinstance(result, tuple) else result

    arrays = [given_arguments[place] for place in places]
    for number in range(2 if name.endswith("cross_entropy") else 1):
        recording = Recording(lambda *found, number=number: call(number, *found), *(1 - a for a in arrays))
        played = recording.play(*arrays)
        assert type(played) is np.ndarray
        close(played, np.asarray(call(number, *arrays)))


@each_layer
@given(data=st.data())
def test_a_layer_played_has_the_gradient_of_the_definition(layer, data):
    call = data.draw(layer_calls(layer, NUMPY))
    net, x, target = call.on(NUMPY)
    loss, (other, _, _) = diynn.MSELoss(), call.on(NUMPY)
    batch, count, block = len(x), data.draw(st.integers(1, 2)), data.draw(st.integers(1, 5))
    split = Split(Structure(net, loss), batch, count=count, block=block, record=True)
    define = Split(Structure(other, loss), batch, count=count, block=block, record=False)
    for step in range(5):  # by the definition, recorded, compared with the definition, and played twice
        values = (np.float32(step) - x).astype(x.dtype)
        costs, wanted = split(values, target, anew=True), define(values, target, anew=True)
        close(costs, wanted)
        for one, two in zip(parameters(net), parameters(other), strict=True):
            close(one.gradient, two.gradient)
    if batch:
        for share in split.shares:
            assert all(known.believed for known in share.known.values())
            assert share.record


@each_loss
@given(data=st.data())
def test_a_loss_played_gives_its_costs_and_gradient(case, data):
    call = data.draw(loss_calls(case, NUMPY))
    y, yhat = call.on(NUMPY)
    for number in range(2):
        recording = Recording(lambda a, b, n=number: case.loss.costs_and_delta(a, b)[n], y[::-1], yhat[::-1])
        close(recording.play(y, yhat), case.loss.costs_and_delta(y, yhat)[number])


def train(execution, dtype="float64", rule=None, steps=12):
    rng = np.random.default_rng(0)
    new = {"rng": rng, "dtype": dtype}
    net = diynn.Sequential(diynn.Linear(5, 4, **new), diynn.Tanh(), diynn.Linear(4, 3, **new))
    optim = diynn.Optim(
        net, diynn.CrossEntropyLoss(), diynn.step_decay(0.1, factor=0.5, every=3), rule=rule,
        execution=execution,
    )  # fmt: skip
    costs = [
        optim.step(rng.normal(size=(size, 5)).astype(dtype), rng.integers(0, 3, size)).sum()
        for size in [8, 8, 8, 5] * (steps // 4)  # a last batch that is smaller
    ]
    return costs, [parameter.value for parameter in parameters(net)]


@pytest.mark.parametrize("rule", [None, diynn.Momentum(), diynn.Adam()], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_training_is_the_same_played_or_not(rule, dtype):
    for found, wanted in zip(train("auto", dtype, rule), train("serial", dtype, rule), strict=True):
        for one, two in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, two, rtol={"float32": 1e-5, "float64": 1e-13}[dtype])


class LongerAtBiases(diynn.Momentum):
    """A rule by the number of axes, which joined arrays do not have."""

    def change(self, value, gradient, state, eps, step):
        change, state = super().change(value, gradient, state, eps, step)
        return change * (3 if value.ndim == 1 else 1), state


class ByTheRest(diynn.Momentum):
    """A rule by the mean over an array."""

    def change(self, value, gradient, state, eps, step):
        change, state = super().change(value, gradient, state, eps, step)
        return change - np.sum(change) / change.size, state


@pytest.mark.parametrize(
    "rule", [LongerAtBiases(), ByTheRest(), diynn.AdamW()], ids=lambda each: type(each).__name__
)
def test_arrays_are_updated_as_one_only_by_a_rule_for_which_they_are(rule):
    costs, values = train("auto", "float64", rule)
    for found, wanted in zip((costs, values), train("serial", "float64", rule), strict=True):
        for one, two in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-13)
    net, _, x, y = setting()
    optim = diynn.Optim(net, diynn.CrossEntropyLoss(), 0.1, rule=rule)
    for _ in range(5):
        optim.step(x, y)
    assert len(optim._recorded.states) == (1 if type(rule) is diynn.AdamW else 4)


# ------------------------------------------------------------------ what changes between two steps


def setting(seed=0):
    rng = np.random.default_rng(seed)
    net = diynn.Sequential(diynn.Linear(3, 4, rng=rng), diynn.ReLU(), diynn.Linear(4, 2, rng=rng))
    optim = diynn.Optim(net, diynn.CrossEntropyLoss(), 0.1)
    return net, optim, rng.normal(size=(6, 3)), rng.integers(0, 2, 6)


def begun(seed=0):
    net, optim, x, y = setting(seed)
    for _ in range(4):  # by the definition, recorded, compared with the definition, played
        optim.step(x, y)
    return net, optim, x, y


def expected_step(net, x, y):
    """Return what the parameters must be after a step of the definition."""
    other = copy.deepcopy(net)
    other.zero_grad()
    serial(other, diynn.CrossEntropyLoss(), x, y)
    return [each.value - 0.1 * each.gradient for each in parameters(other)]


def check_step(net, optim, x, y):
    wanted = expected_step(net, x, y)
    optim.step(x, y)
    for parameter, value in zip(parameters(net), wanted, strict=True):
        np.testing.assert_allclose(parameter.value, value, rtol=0, atol=1e-14)


def test_parameters_may_be_replaced_and_changed():
    net, optim, x, y = begun()
    net[0]._parameters = -2 * net[0]._parameters
    check_step(net, optim, x, y)
    net[0]._parameters *= 3
    for _ in range(3):
        check_step(net, optim, x, y)


def test_a_net_may_grow_and_its_modules_be_exchanged():
    net, optim, x, y = begun()
    net.add(diynn.Linear(2, 2, rng=1))
    for _ in range(3):
        check_step(net, optim, x, y)
    net.modules[1] = diynn.Tanh()
    for _ in range(3):
        check_step(net, optim, x, y)


def test_a_net_may_move_to_another_dtype():
    net, optim, x, y = begun()
    net.to(dtype="float32")
    for _ in range(3):
        optim.step(x.astype("float32"), y)
        assert {parameter.value.dtype for parameter in parameters(net)} == {np.dtype("float32")}


def test_gradients_may_be_changed_before_the_update():
    net, optim, x, y = begun()
    value = net[0]._parameters.copy()
    net.zero_grad()
    optim.execution(net, optim.loss, x, y)
    net[0]._gradient *= 0.5
    half = net[0]._gradient.copy()
    optim.update()
    np.testing.assert_allclose(net[0]._parameters, value - 0.1 * half, rtol=0, atol=1e-15)


def test_gradients_add_up_over_calls():
    net, optim, x, y = begun()
    net.zero_grad()
    optim.execution(net, optim.loss, x, y)
    once = [parameter.gradient.copy() for parameter in parameters(net)]
    for times in (2, 3):
        optim.execution(net, optim.loss, x, y)
        for parameter, first in zip(parameters(net), once, strict=True):
            np.testing.assert_allclose(parameter.gradient, times * first, rtol=0, atol=1e-13)


def test_costs_handed_out_stay_as_they_were():
    _, optim, x, y = begun()
    first = optim.step(x, y)
    kept = first.copy()
    optim.step(-x, y)
    np.testing.assert_array_equal(first, kept)


def test_a_copy_trains_its_own_net():
    net, optim, x, y = begun()
    other = copy.deepcopy(optim)
    before = [parameter.value.copy() for parameter in parameters(net)]
    for _ in range(4):
        check_step(other.net, other, x, y)
    for parameter, value in zip(parameters(net), before, strict=True):
        np.testing.assert_array_equal(parameter.value, value)
    check_step(net, optim, x, y)


@pytest.mark.parametrize("steps", [0, 1, 2, 3], ids=["first", "recorded", "compared", "played"])
def test_a_wrong_target_is_an_error_at_every_step_and_leaves_nothing(steps):
    net, optim, x, y = setting()
    for _ in range(steps):
        optim.step(x, y)
    wrong = y.copy()
    wrong[3] = 2
    before = [parameter.value.copy() for parameter in parameters(net)]
    with pytest.raises(ValueError, match=r"`y` must be in 0\.\.1 for 2 classes"):
        optim.step(x, wrong)
    for parameter, value in zip(parameters(net), before, strict=True):
        np.testing.assert_array_equal(parameter.value, value)
        assert not parameter.gradient.any()
    check_step(net, optim, x, y)


def test_more_shapes_than_are_kept():
    net, optim, _, _ = setting()
    rng = np.random.default_rng(2)
    for size in [*range(1, 15), *range(1, 15), 3, 3]:
        check_step(net, optim, rng.normal(size=(size, 3)), rng.integers(0, 2, size))
    assert len(optim.execution._steps) <= 8


def test_the_memory_of_a_recording_is_free_once_nobody_has_it():
    _, optim, _, _ = begun()
    (steps,) = optim.execution._steps.values()
    (known,) = steps.split.shares[0].known.values()
    kept = [weakref.ref(each) for each in (known.recording, known.recording.result, known.yhat)]
    gc.disable()  # which looks for circles, some day
    try:
        del steps, known
        optim.execution._forget()
        assert [each() for each in kept] == [None] * len(kept)
    finally:
        gc.enable()


class Counting(diynn.Tanh):
    """A student's: nobody knows what it does besides."""

    calls = 0

    def forward(self, data):
        type(self).calls += 1
        return super().forward(data)


def test_a_derived_class_is_called_at_every_step():
    net, _, x, y = setting()
    net.modules[1] = Counting()
    optim = diynn.Optim(net, diynn.CrossEntropyLoss(), 0.1, execution=Threads(1))
    for _ in range(5):
        optim.step(x, y)
    assert Counting.calls == 5


# ------------------------------------------------------------------ what cannot be played


OUTSIDE = np.zeros(3)


def writes_outside(x):
    np.add(x, 1, out=OUTSIDE)
    return x


def writes_to_a_constant(x):
    ones = np.ones_like(x)
    ones += x
    return ones


UNRECORDABLE = {
    "a value that decides": lambda x: x if x[0] > 0 else -x,
    "a value as a number": lambda x: x * float(x[0]),
    "an array from elsewhere": lambda x: x + OUTSIDE,
    "a result from elsewhere": lambda x: OUTSIDE,
    "a write to elsewhere": writes_outside,
    "a write to a constant": writes_to_a_constant,
    "a method of its own": lambda x: x + x.cumsum(),
    "a choice by index": lambda x: x[[2, 0, 1]] + 1,
    "two results": lambda x: np.modf(x)[0] + 1,
    "another way of a function": lambda x: np.add.accumulate(x) + 1,
}


@pytest.mark.parametrize("name", UNRECORDABLE)
def test_what_cannot_be_played_is_refused(name):
    with pytest.raises(UnrecordableError):
        Recording(UNRECORDABLE[name], np.array([1.0, -2.0, 3.0]))
    assert not OUTSIDE.any()


def test_what_is_recorded_has_no_values_to_look_at():
    found = []
    Recording(lambda x: found.append(x) or x + 1, np.ones(2))
    assert type(found[0]) is Recorded
    assert not diynn.arrays.on_host(found[0])


def test_a_state_that_a_batch_hides_is_noticed():
    """A ReLU makes 0 of all that a counter changes, in the very batch by which the recording is compared."""
    net = diynn.Sequential(Drifting(), diynn.ReLU())
    optim = diynn.Optim(net, diynn.MSELoss(), execution=Threads(1))
    y = np.zeros((2, 3))
    for calls, sign in enumerate((1, 1, -1, 1, 1, 1), start=1):
        costs = optim.step(sign * np.ones((2, 3)), y)
        output = max(0.0, sign * (1 + 0.01 * calls) * np.tanh(1.0))
        np.testing.assert_allclose(costs, 3 * output**2, rtol=1e-14)
    assert "another computation" in optim.execution.reason


@pytest.mark.parametrize(
    "change",
    [lambda x: x + 2.0, lambda x: 1.0 + x, lambda x: x - 1.0, lambda x: x + x, lambda x: (x + 1.0) + 0.0,
     lambda x: np.tanh(x + 1.0), lambda x: x[:, :1] + 1.0, lambda x: x + np.ones_like(x),
     lambda x: np.where(x > 0, x, 1.0)],
)  # fmt: skip
def test_recordings_of_other_computations_are_told_apart(change):
    x = np.arange(6.0).reshape(2, 3)

    def function(x):
        return x + 1.0

    assert same_computation(Recording(function, x), Recording(function, 2 * x))
    assert same_computation(Recording(change, x), Recording(change, 2 * x))
    assert not same_computation(Recording(function, x), Recording(change, x))
