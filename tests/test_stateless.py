"""The pure functions of a net, under JAX's transformations and on every array library."""

import importlib
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import diynn
from diynn import stateless, to_numpy
from diynn.checkpoints import restore, snapshot
from diynn.demo import make_net
from diynn.execution.serial import serial
from tests.backends import assert_close, find
from tests.cases import LOSSES, each_layer, each_loss
from tests.cases.calls import layer_calls, loss_calls

JAX, _reason = find("jax")
needs_jax = pytest.mark.skipif(JAX is None, reason=str(_reason))


def classifier(where, dtype="float64"):
    """Return a net with a net in it, one module at two places, and a batch for it."""
    rng = np.random.default_rng(0)
    new = {"rng": rng, "backend": where, "dtype": dtype}
    square = diynn.Linear(6, 6, **new)
    inner = diynn.Sequential(square, diynn.Tanh(), diynn.Sequential(square, diynn.ReLU()))
    conv = diynn.Conv1D(3, 2, 3, 2, **new), diynn.MaxPool1D(2), diynn.Flatten()
    net = diynn.Sequential(*conv, inner, diynn.Linear(6, 3, **new))
    x = diynn.asarray(rng.normal(size=(5, 9, 2)), where, dtype=dtype)
    return net, x, diynn.asarray(rng.integers(0, 3, 5), where)


def test_the_former_name_of_the_module_is_kept():
    assert diynn.functional.gradient is stateless.gradient
    functional = importlib.import_module("diynn.functional")
    assert (functional.forward, functional.gradient) == (stateless.forward, stateless.gradient)


def attributes(net):
    return [(module, dict(vars(module))) for _, module in net.leaves()]


def assert_untouched(before):
    for module, held in before:
        assert vars(module).keys() == held.keys()
        assert all(vars(module)[name] is value for name, value in held.items())


# ------------------------------------------------------------------ on every library


def test_costs_and_gradients_are_those_of_the_net(backend):
    for dtype in backend.dtypes:
        net, x, y = classifier(backend.where, dtype)
        loss = diynn.CrossEntropyLoss()
        parameters = snapshot(net)
        if backend.readonly:
            for array in (*parameters.values(), x, y):
                array.flags.writeable = False
        for parameter in net.parameters():
            parameter.gradient = parameter.value + 1.0  # which is no part of what comes
        before = attributes(net)
        costs, gradients = stateless.gradient(net, loss)(parameters, x, y)
        outputs = stateless.forward(net)(parameters, x)
        assert_untouched(before)

        net.zero_grad()
        assert_close(costs, serial(net, loss, x, y), dtype)
        assert_close(outputs, net.forward(x), dtype)
        assert list(gradients) == [parameter.label for parameter in net.parameters()]
        for parameter in net.parameters():
            assert_close(gradients[parameter.label], parameter.gradient, dtype)
            assert backend.holds(gradients[parameter.label], dtype)


def test_one_net_serves_any_parameters(backend):
    dtype = backend.dtypes[-1]
    (net, x, y), (other, _, _) = (classifier(backend.where, dtype) for _ in range(2))
    for parameter in other.parameters():
        parameter.value = parameter.value + 0.5
    costs, _ = stateless.gradient(net, diynn.CrossEntropyLoss())(snapshot(other), x, y)
    assert_close(costs, diynn.CrossEntropyLoss()(y, other(x)), dtype)
    assert not np.allclose(to_numpy(costs), to_numpy(diynn.CrossEntropyLoss()(y, net(x))))


def test_a_module_that_is_no_sequential_and_one_of_the_bare_sheet():
    x = np.random.default_rng(0).normal(size=(5, 3))
    for net in (diynn.Linear(3, 3, rng=0), Remembers(3)):
        costs, gradients = stateless.gradient(net, diynn.MSELoss())(snapshot(net), x, 2 * x)
        np.testing.assert_allclose(costs, np.sum((2 * x - net.forward(x)) ** 2, axis=1), rtol=1e-12)
        expected = x.T @ (2 * (net.forward(x) - 2 * x))
        np.testing.assert_allclose(gradients["_parameters"], expected, rtol=1e-12)


class Remembers:
    """A module of the bare sheet that keeps its input, as much course code does."""

    def __init__(self, size):
        self._parameters = np.eye(size)
        self._gradient = np.zeros((size, size))

    def forward(self, x):
        self.last = x
        return x @ self._parameters

    def backward_update_gradient(self, x, delta):
        self._gradient = self._gradient + self.last.T @ delta

    def backward_delta(self, x, delta):
        return delta @ self._parameters.T

    def zero_grad(self):
        self._gradient = 0 * self._gradient

    def update_parameters(self, gradient_step=1e-3):
        self._parameters = self._parameters - gradient_step * self._gradient


@pytest.mark.parametrize("function", ["forward", "gradient"])
def test_parameters_of_another_net_are_refused(function):
    net, x, y = classifier("numpy")
    call = stateless.forward(net) if function == "forward" else stateless.gradient(net, diynn.NLLLoss())
    arguments = (x,) if function == "forward" else (x, y)
    parameters = snapshot(net)
    with pytest.raises(ValueError, match=rf"{function}: `parameters` .* missing \['4._bias'\], unknown"):
        call({label: value for label, value in parameters.items() if label != "4._bias"}, *arguments)
    with pytest.raises(
        ValueError,
        match=rf"{function}: `parameters` must fit the net: `4._bias` must have shape \(3,\), got \(4,\)",
    ):
        call(parameters | {"4._bias": np.zeros(4)}, *arguments)


class Fails(diynn.Tanh):
    def backward_delta(self, data, delta, *, output=None):
        raise RuntimeError("on the way back")


def test_the_net_is_as_it_was_after_an_error():
    net = diynn.Sequential(diynn.Linear(3, 3, rng=0), Remembers(3), Fails(), diynn.Linear(3, 2, rng=0))
    before = attributes(net)
    x, y = np.ones((2, 3)), np.ones((2, 2))
    parameters = {label: value + 1 for label, value in snapshot(net).items()}
    with pytest.raises(RuntimeError, match="on the way back"):
        stateless.gradient(net, diynn.MSELoss())(parameters, x, y)
    with pytest.raises(ValueError, match="layer 1 of 4"):
        stateless.forward(net)(parameters, np.ones((2, 4)))
    assert_untouched(before)


# ------------------------------------------------------------------ under JAX's transformations


@needs_jax
@each_layer
@given(data=st.data())
def test_backward_is_what_jax_derives_from_forward(layer, data):
    import jax

    net, x, delta = data.draw(layer_calls(layer, JAX, dtype="float64")).on(JAX)

    def cost(parameters, x):
        return jax.numpy.sum(delta * stateless.forward(net)(parameters, x))

    expected, expected_delta = jax.grad(cost, argnums=(0, 1))(snapshot(net), x)
    net.forward(x)
    net.backward_update_gradient(x, delta)
    assert_close(net.backward_delta(x, delta), expected_delta, "float64")
    for parameter in net.parameters():
        assert_close(parameter.gradient, expected[parameter.label], "float64")


@needs_jax
@each_loss
@given(data=st.data())
def test_backward_of_a_loss_is_what_jax_derives(case, data):
    import jax

    y, yhat = data.draw(loss_calls(case, JAX, dtype="float64")).on(JAX)
    expected = jax.grad(lambda yhat: jax.numpy.sum(case.loss.forward(y, yhat)))(yhat)
    assert_close(case.loss.backward(y, yhat), expected, "float64")


@needs_jax
@each_layer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_jit_gives_the_numbers_of_a_plain_call(layer, dtype):
    import jax

    rng = np.random.default_rng(0)

    def pick(low, high):
        return int(rng.integers(low, high + 1))

    net = layer.build(pick, rng=rng, backend=JAX.where, dtype=dtype)
    shape = (4, *layer.shape(pick, net))
    x = JAX.array(rng.normal(size=shape), dtype)
    y = JAX.array(rng.normal(size=net.forward(x).shape), dtype)
    step = stateless.gradient(net, diynn.MSELoss())
    with jax.checking_leaks():
        costs, gradients = jax.jit(step)(snapshot(net), x, y)
        outputs = jax.jit(stateless.forward(net))(snapshot(net), x)
    expected_costs, expected = step(snapshot(net), x, y)
    assert_close(costs, expected_costs, dtype)
    assert_close(outputs, net.forward(x), dtype)
    assert gradients.keys() == expected.keys()
    for label, value in gradients.items():
        assert JAX.holds(value, dtype)
        assert_close(value, expected[label], dtype)


@needs_jax
@pytest.mark.parametrize("case", LOSSES, ids=str)
def test_jit_takes_every_loss(case):
    import jax

    rng = np.random.default_rng(0)
    y, yhat = case.draw(lambda low, high: high, rng, 6)
    y, yhat = (JAX.array(each) for each in (y, yhat))
    with jax.checking_leaks():
        got = [jax.jit(method)(y, yhat) for method in (case.loss.forward, case.loss.backward)]
    assert_close(got[0], case.loss.forward(y, yhat), "float64")
    assert_close(got[1], case.loss.backward(y, yhat), "float64")


@needs_jax
def test_no_tracer_stays_behind():
    import jax

    net = diynn.Sequential(diynn.Linear(3, 3, rng=0, backend=JAX.where), Remembers(3), diynn.Tanh())
    net.to(JAX.where)
    loss = Counting()
    before = [*attributes(net), (loss, dict(vars(loss)))]
    x = JAX.array(np.ones((2, 3)))
    with jax.checking_leaks():
        jax.jit(stateless.gradient(net, loss))(snapshot(net), x, x)
        jax.jit(stateless.forward(net))(snapshot(net), x)
    assert_untouched(before)
    net.modules[2] = Fails()
    with pytest.raises(RuntimeError, match="on the way back"):
        jax.jit(stateless.gradient(net, loss))(snapshot(net), x, x)
    assert_untouched(before[:2])


class Counting(diynn.MSELoss):
    """A loss that keeps what it saw."""

    def forward(self, y, yhat):
        self.last = super().forward(y, yhat)
        return self.last


@needs_jax
def test_errors_of_shape_come_out_of_jit_as_they_are():
    import jax

    net, x, y = classifier(JAX.where)
    with pytest.raises(ValueError, match=r"layer 4 of 5, layer 1 of 3: Linear\(6, 6\): .* got \(5, 3\)"):
        jax.jit(stateless.forward(net))(snapshot(net), x[:, :7, :])
    with pytest.raises(ValueError, match=r"NLLLoss\(\): `y` must be class indices \(5,\)"):
        jax.jit(stateless.gradient(net, diynn.NLLLoss()))(snapshot(net), x, y[:4])


@needs_jax
def test_a_compiled_training_loop_with_an_update_of_its_own():
    """Momentum, written by the caller: step by step, in one compiled loop, and by Optim on NumPy."""
    import jax

    eps, mu, steps = 1e-2, 0.9, 20
    net, x, y = classifier("numpy")
    loss = diynn.CrossEntropyLoss()
    optim = diynn.Optim(net, loss, eps, rule=diynn.Momentum(mu))
    expected = np.stack([optim.step(x, y) for _ in range(steps)])
    assert expected[-1].sum() < expected[0].sum() / 2

    net, x, y = classifier(JAX.where)
    of_batch = stateless.gradient(net, loss)

    def train(state, batch):
        parameters, velocity = state
        costs, gradients = of_batch(parameters, *batch)
        velocity = jax.tree.map(lambda v, g: mu * v + g, velocity, gradients)
        return (jax.tree.map(lambda p, v: p - eps * v, parameters, velocity), velocity), costs

    start = snapshot(net), jax.tree.map(jax.numpy.zeros_like, snapshot(net))
    state, costs, compiled = start, [], jax.jit(train)
    for _ in range(steps):
        state, of_step = compiled(state, (x, y))
        costs.append(of_step)
    assert_close(jax.numpy.stack(costs), expected, "float64")

    batches = tuple(jax.numpy.stack([each] * steps) for each in (x, y))
    scanned, costs = jax.jit(partial(jax.lax.scan, train))(start, batches)
    assert_close(costs, expected, "float64")
    restore(net, scanned[0])
    assert_close(net.forward(x), stateless.forward(net)(state[0], x), "float64")


@needs_jax
def test_the_demo_net_compiles_in_float32():
    import jax

    net = make_net("conv", backend=JAX.where)
    x = JAX.array(np.random.default_rng(0).uniform(size=(8, 64, 1)), "float32")
    y = JAX.array(np.arange(8))
    step = stateless.gradient(net, diynn.CrossEntropyLoss())
    costs, gradients = jax.jit(step)(snapshot(net), x, y)
    expected_costs, expected = step(snapshot(net), x, y)
    assert_close(costs, expected_costs, "float32")
    for label, value in gradients.items():
        assert_close(value, expected[label], "float32")


@needs_jax
def test_the_readmes_loop_learns():
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(import jax\n.*?)```", readme, flags=re.DOTALL)
    found = {}
    exec(program, found)
    x = found["x"]
    np.testing.assert_array_less(np.mean(np.square(found["net"](x) - x[:, :1])), 0.1)
