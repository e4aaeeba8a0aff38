"""Any net trains as by hand: every execution against a loop over the sheet's methods, come what may."""

import copy

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from diynn import Adam, AdamW, Linear, Momentum, MSELoss, Optim, Sequential, Tanh
from diynn.composition import walk
from diynn.execution import Threads
from diynn.execution.choice import Plan
from diynn.module import parameters
from tests.students_nets import Leaky, Residual, make_compiled_loss, make_compiled_net, make_loss, make_net

EPS = 1e-2


class Blocks(Threads):
    """Two shares in blocks of three examples, however small the batch."""

    def plan(self, net, x, *, compiled=False):
        return Plan(2, 3)


class Compiled(Threads):
    """Compiled as soon as it is recorded."""

    compile_after = 0.0
    compile_waits = True


class CompiledBlocks(Compiled, Blocks):
    """The same, in two shares and blocks of three."""


COMPILED = {"compiled": Compiled, "compiled blocks": lambda: CompiledBlocks(2)}
EXECUTIONS = {
    "serial": lambda: "serial",
    "auto": lambda: "auto",
    "threads": lambda: Threads(3),
    "blocks": lambda: Blocks(2),
}


# ------------------------------------------------------------------ a loop by hand


def in_series(net):
    """Lay nested nets of our own class flat."""
    return [
        leaf
        for module in net.modules
        for leaf in (in_series(module) if type(module) is Sequential else [module])
    ]


def hand_gradient(net, loss, x, y):
    """Accumulate the gradient of a batch as the sheet has it, module by module."""
    net.zero_grad()
    layers, values = in_series(net), [x]
    for layer in layers:
        values.append(layer.forward(values[-1]))
    costs, delta = loss.forward(y, values[-1]), loss.backward(y, values[-1])
    for number in reversed(range(len(layers))):
        layers[number].backward_update_gradient(values[number], delta)
        if number:
            delta = layers[number].backward_delta(values[number], delta)
    return costs


class ByHand:
    """A loop by hand with the interface of `Optim`, as far as the fuzz uses it."""

    def __init__(self, net, loss, rule):
        self.net, self.loss, self.rule, self.following = net, loss, rule, None

    def step(self, x, y):
        costs = hand_gradient(self.net, self.loss, x, y)
        if self.rule is None:
            self.net.update_parameters(EPS)
            return costs
        if self.rule is not self.following:
            self.following, self.steps, self.states = self.rule, 0, {}
        self.steps += 1
        for handle in parameters(self.net):
            if self.keeps(handle):
                continue
            state = self.states.get(handle) or self.rule.start(handle.value)
            change, self.states[handle] = self.rule.change(
                handle.value, handle.gradient, state, EPS, self.steps
            )
            handle.value -= change
        return costs

    def keeps(self, handle):
        """Say whether a parameter stays as it is when the net updates itself, by doing it on a copy."""
        net, name = copy.deepcopy((self.net, handle))
        before = name.value.copy()
        name.gradient = 1 + np.abs(before)  # a step that is seen however large the values are
        net.update_parameters(1.0)
        return np.array_equal(before, name.value)


# ------------------------------------------------------------------ what happens between two steps


def set_an_attribute(optim, rng):
    for module in walk(optim.net):
        if isinstance(module, Leaky):
            module.slope = float(rng.uniform(0, 1))


def patch_a_method(optim, rng):
    layers = in_series(optim.net)
    layer = layers[rng.integers(len(layers))]
    forward, back = layer.forward, layer.backward_delta
    layer.forward = lambda data: 1.1 * forward(data)
    layer.backward_delta = lambda data, delta: back(data, 1.1 * delta)


def swap_a_layer(optim, rng):
    modules = optim.net.modules
    size = optim.size
    weights = Linear(size, size, rng=int(rng.integers(1000)), dtype="float64")
    modules[rng.integers(len(modules))] = [weights, Tanh(), Residual(weights)][rng.integers(3)]


def append_a_layer(optim, rng):
    optim.net.add(Linear(optim.size, optim.size, rng=int(rng.integers(1000)), dtype="float64"))


def freeze_a_layer(optim, rng):
    modules = optim.net.modules
    modules[rng.integers(len(modules))].update_parameters = lambda gradient_step=1e-3: None


def replace_parameters(optim, rng):
    for handle in parameters(optim.net)[:1]:
        handle.value = handle.value * 0.9


def change_parameters_in_place(optim, rng):
    for handle in parameters(optim.net)[:1]:
        value = handle.value
        value *= 0.9


def change_the_rule(optim, rng):
    optim.rule = [Momentum(0.5), Adam()][rng.integers(2)] if optim.rule is not None else None


def change_the_loss(optim, rng):
    optim.loss = MSELoss()


def look_at_the_output(optim, rng):
    optim.net.forward(np.ones((2, optim.size)))


EVENTS = [
    set_an_attribute, patch_a_method, swap_a_layer, append_a_layer, freeze_a_layer, replace_parameters,
    change_parameters_in_place, change_the_rule, change_the_loss, look_at_the_output,
]  # fmt: skip


# ------------------------------------------------------------------ the comparison


def train(make_optim, seed, rule, events, *, compiled=False):
    """Return what a training comes to: the costs of each step and the parameters after it, or an error."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 5))
    pure = bool(rng.integers(2))
    if compiled:
        net, loss = make_compiled_net(rng, size), make_compiled_loss(rng)
    else:
        net, loss = make_net(rng, size, pure=pure), make_loss(rng, pure=pure)
    found = []
    try:
        optim = make_optim(net, loss, rule)
        optim.size = size
        sizes = [int(rng.integers(1, 12)), int(rng.integers(1, 12))]
        for step in range(12):
            if step in events:
                events[step](optim, np.random.default_rng(seed + step))
            batch = sizes[step % 5 == 4]
            x = rng.uniform(-1, 1, (batch, size))
            y = rng.uniform(0, 1, (batch, size))
            costs = optim.step(x, y)
            found.append(np.array(costs))
            found += [handle.value.copy() for handle in parameters(net)]
            found += [getattr(each, "scale", np.zeros(0)) for each in walk(net)]
    except TypeError as error:
        return str(error)
    return found


@pytest.mark.filterwarnings("ignore:Optim.*:UserWarning")  # of last layers and losses that rarely fit
@pytest.mark.parametrize("ruled", [False, True], ids=["plain", "rule"])
@given(data=st.data())
def test_every_execution_trains_any_net_as_by_hand(ruled, data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    rule = data.draw(st.sampled_from([Momentum(0.5), Adam()])) if ruled else None
    events = data.draw(st.dictionaries(st.integers(1, 11), st.sampled_from(EVENTS), max_size=3))
    check(EXECUTIONS, seed, rule, events, ruled)


@pytest.mark.filterwarnings("ignore:Optim.*:UserWarning")
@pytest.mark.parametrize("ruled", [False, True], ids=["plain", "rule"])
@given(data=st.data())
def test_compiled_steps_train_any_net_as_by_hand(ruled, data):
    pytest.importorskip("llvmlite")
    seed = data.draw(st.integers(0, 2**32 - 1))
    rule = data.draw(st.sampled_from([Momentum(0.5), Adam(), AdamW(0.8)])) if ruled else None
    events = data.draw(st.dictionaries(st.integers(4, 11), st.sampled_from(EVENTS), max_size=1))
    check(COMPILED, seed, rule, events, ruled, compiled=True)


@pytest.mark.filterwarnings("ignore:Optim.*:UserWarning")
def test_most_nets_that_are_pure_are_compiled():
    pytest.importorskip("llvmlite")
    reasons = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        size = int(rng.integers(1, 5))
        optim = Optim(make_compiled_net(rng, size), make_compiled_loss(rng), EPS, execution=Compiled())
        x, y = rng.uniform(-1, 1, (7, size)), rng.uniform(0, 1, (7, size))
        for _ in range(6):
            optim.step(x, y)
        reasons.append(optim.execution.reason)
    assert reasons.count(None) > 95, reasons


def check(executions, seed, rule, events, ruled, **kind):
    try:
        wanted = train(ByHand, seed, rule, events, **kind)
    except RuntimeWarning:  # the numbers of this net grow beyond all bounds, by hand as well
        reject()
    for name, make in executions.items():
        found = train(
            lambda net, loss, rule, make=make: Optim(net, loss, EPS, rule=rule, execution=make()),
            seed,
            rule,
            events,
            **kind,
        )
        if isinstance(found, str):  # a rule cannot do what a module does by itself
            assert ruled
            assert "an `update_parameters` that does something else" in found or "no parameters" in found
            continue
        assert len(found) == len(wanted), name
        for one, other in zip(found, wanted, strict=True):
            scale = max(1.0, float(np.abs(other).max(initial=0.0)))
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * scale, err_msg=name)
