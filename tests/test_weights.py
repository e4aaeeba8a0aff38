"""Weights of examples: they do what as many copies would, however a batch is taken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import diynn
from diynn import stateless, to_numpy
from diynn.arrays import namespace
from diynn.checkpoints import snapshot
from diynn.execution import Accumulated, Threads, serial
from diynn.execution.choice import Plan
from diynn.execution.serial import costs_and_delta
from diynn.files.manifest import CheckpointError
from diynn.module import parameters
from tests.backends import assert_close, host
from tests.cases import each_loss
from tests.cases.calls import loss_calls


class Compiled(Threads):
    """Compiled as soon as it is recorded."""

    compile_after = 0.0
    compile_waits = True


class Blocks(Threads):
    """In three shares and blocks of four examples, played from recordings."""

    def plan(self, net, x, *, compiled=False):
        return Plan(3, 4)


class CompiledBlocks(Blocks, Compiled):
    pass


EXECUTIONS = {
    "serial": lambda: "serial",
    "function": lambda: serial,
    "auto": lambda: "auto",
    "threads": lambda: Threads(2),
    "blocks": Blocks,
    "parts": lambda: Accumulated(3, Threads(1)),
    "compiled": Compiled,
    "compiled blocks": CompiledBlocks,
}


def conv_net():
    return diynn.Sequential(
        diynn.Conv1D(3, 2, 4, rng=0), diynn.MaxPool1D(2, 2), diynn.ReLU(), diynn.Flatten(),
        diynn.Linear(24, 5, rng=1),
    )  # fmt: skip


def conv_data(batch, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch, 14, 2)), rng.integers(0, 5, batch), rng.integers(0, 4, batch)


def repeated(x, y, weights):
    return np.repeat(x, weights, axis=0), np.repeat(y, weights, axis=0)


def near(one, other):
    scale = max(1.0, float(np.abs(other).max(initial=0.0)))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * scale)


@pytest.mark.parametrize("name", EXECUTIONS)
@pytest.mark.parametrize("rule", [None, diynn.Adam()], ids=str)
def test_weights_are_what_copies_are(name, rule):
    if "compiled" in name:
        pytest.importorskip("llvmlite", reason="no llvmlite: pip install 'diynn[fast]'")
    loss = diynn.CrossEntropyLoss()
    weighted = diynn.Optim(conv_net(), loss, 1e-2, rule=rule, execution=EXECUTIONS[name]())
    copies = diynn.Optim(conv_net(), loss, 1e-2, rule=rule, execution="serial")
    for seed in range(8):
        x, y, weights = conv_data(36, seed)
        costs = weighted.step(x, y, weights)
        near(costs, weights * loss.forward(y, copies.net.forward(x)))
        copies.step(*repeated(x, y, weights))
        for one, other in zip(parameters(weighted.net), parameters(copies.net), strict=True):
            near(one.gradient, other.gradient)
            near(one.value, other.value)
    if "compiled" in name:
        assert weighted.execution.reason is None
        assert "weights" in weighted.execution.source


@each_loss
@given(data=st.data())
def test_a_weight_multiplies_cost_and_delta_of_any_loss(case, backend, data):
    call = data.draw(loss_calls(case, backend))
    y, yhat = call.on(backend)
    weights = np.random.default_rng(data.draw(st.integers(0, 2**32))).integers(0, 8, yhat.shape[0]) / 4
    costs, delta = costs_and_delta(case.loss, y, yhat)
    found = costs_and_delta(case.loss, y, yhat, backend.given(weights, call.dtype))
    assert all(backend.holds(each, call.dtype) for each in found)
    assert_close(found[0], weights * host(costs), call.dtype)
    assert_close(found[1], weights.reshape(-1, *[1] * (yhat.ndim - 1)) * host(delta), call.dtype)


def test_sgd_with_weights_is_sgd_on_copies(backend):
    x, y, weights = conv_data(40)
    if "float64" not in backend.dtypes:
        pytest.skip("compared to 1e-12")

    def history(examples, given, **options):
        net = diynn.Sequential(diynn.Linear(28, 8, rng=0), diynn.Tanh(), diynn.Linear(8, 5, rng=1))
        net.to(backend.where, dtype="float64")
        x, y = (backend.given(each) for each in examples)
        x = namespace(x).reshape(x, (x.shape[0], 28))
        given = [] if given is None else [given]  # on the host: it is moved
        validation = (x, y, *given)
        options |= {"weights": given[0]} if given else {}
        found = diynn.SGD(net, diynn.CrossEntropyLoss(), x, y, 1000, 3, 1e-2, validation=validation,
                          progress=False, rng=0, **options)  # fmt: skip
        return found, [to_numpy(each.value) for each in parameters(net)]

    (one, found), (other, wanted) = history((x, y), weights), history(repeated(x, y, weights), None)
    near(np.array([one["cost"], one["validation_cost"]]), np.array([other["cost"], other["validation_cost"]]))
    for value, expected in zip(found, wanted, strict=True):
        near(value, expected)


def test_batches_of_weighted_examples_and_of_a_loader_have_their_own_weights():
    x, y, weights = conv_data(40)
    net, loss = conv_net(), diynn.CrossEntropyLoss()
    diynn.SGD(net, loss, x, y, 8, 2, 1e-2, weights=weights, rng=3, progress=False)
    by_loader, by_hand = conv_net(), conv_net()
    rng = np.random.default_rng(3)

    def made(epoch):
        return list(diynn.data.batches(x, y, 8, rng=rng, weights=weights))

    diynn.SGD(by_loader, loss, made, epochs=2, eps=1e-2, progress=False)
    optim, rng = diynn.Optim(by_hand, loss, 1e-2), np.random.default_rng(3)
    for _ in range(2):
        order = rng.permutation(40)
        for start in range(0, 40, 8):
            part = order[start : start + 8]
            optim.step(x[part], y[part], weights[part])
    for one, other, third in zip(*map(parameters, (net, by_loader, by_hand)), strict=True):
        np.testing.assert_array_equal(one.value, other.value)
        np.testing.assert_array_equal(one.value, third.value)


def test_a_training_with_weights_goes_on_from_its_checkpoint(tmp_path):
    x, y, weights = conv_data(40)

    class Failing(diynn.Callback):
        steps = 0

        def step(self, run, costs):
            self.steps += 1
            if self.steps == fail_at:
                raise RuntimeError("stopped")

    def train(path, weights=weights):
        net = conv_net()
        history = diynn.SGD(net, diynn.CrossEntropyLoss(), x, y, 8, 4, 1e-2, weights=weights, rng=0, every=2,
                            checkpoint=path, callbacks=[Failing()], progress=False)  # fmt: skip
        return history, net

    fail_at = 0
    whole, net = train(tmp_path / "whole")
    fail_at = 8  # within the second epoch, after two of its steps have been written
    with pytest.raises(RuntimeError, match="stopped"):
        train(tmp_path / "parts")
    fail_at = 0
    again, resumed = train(tmp_path / "parts")
    assert again["cost"] == whole["cost"]
    for one, other in zip(parameters(net), parameters(resumed), strict=True):
        np.testing.assert_array_equal(one.value, other.value)
    with pytest.raises(CheckpointError, match="`data` was weights"):
        train(tmp_path / "parts", weights + 1)


def test_pure_functions_take_weights():
    net, loss, (x, y, weights) = conv_net(), diynn.CrossEntropyLoss(), conv_data(20)
    step = stateless.gradient(net, loss)
    costs, found = step(snapshot(net), x, y, weights)
    _, wanted = step(snapshot(net), *repeated(x, y, weights))
    near(costs, weights * step(snapshot(net), x, y)[0])
    for name, value in wanted.items():
        near(found[name], value)


def test_steps_with_and_without_weights_take_turns():
    optim = diynn.Optim(conv_net(), diynn.CrossEntropyLoss(), 1e-2, execution=Threads(1))
    other = diynn.Optim(conv_net(), diynn.CrossEntropyLoss(), 1e-2, execution="serial")
    for seed in range(6):
        x, y, weights = conv_data(20, seed)
        for extra in ((), (weights,), (weights.tolist(),), (weights > 1,)):
            near(optim.step(x, y, *extra), other.step(x, y, *extra))


@pytest.mark.parametrize("execution", ["serial", Threads(2)], ids=str)
def test_what_weights_cannot_be(execution):
    optim = diynn.Optim(conv_net(), diynn.CrossEntropyLoss(), execution=execution)
    x, y, weights = conv_data(8)
    for wrong in (weights[:7], weights[:, None], np.array(2.0), np.ones((8, 2))):
        with pytest.raises(ValueError, match="Optim: `weights` must"):
            optim.step(x, y, wrong)
    for wrong in ("abcdefgh", 2.0, {}):
        with pytest.raises(TypeError, match="Optim: `weights` must be an array of numbers, got"):
            optim.step(x, y, wrong)

    def train(weights, **options):
        diynn.SGD(
            conv_net(), diynn.CrossEntropyLoss(), x, y, 4, 1, progress=False, weights=weights, **options
        )

    for wrong in (-weights - 1.0, 0 * weights, np.full(8, np.nan), np.full(8, np.inf)):
        with pytest.raises(ValueError, match="SGD: `weights` must be finite numbers, 0 or more, "):
            train(wrong)
        with pytest.raises(ValueError, match=r"SGD: `validation\[2\]` must be finite numbers"):
            train(None, validation=(x, y, wrong))
    with pytest.raises(TypeError, match=r"SGD: `validation` must be \(x, y\) or .*, or a share"):
        train(None, validation=(x,))
    with pytest.raises(TypeError, match="SGD: `weights` of batches come with them"):
        diynn.SGD(conv_net(), diynn.CrossEntropyLoss(), [(x, y)], weights=weights)
    with pytest.raises(ValueError, match=r"`weights, batch 1` must have shape \(8,\), one weight an example"):
        diynn.SGD(conv_net(), diynn.CrossEntropyLoss(), [(x, y, weights[:3])], progress=False)


def test_a_loss_whose_costs_are_not_one_an_example():
    class Mean(diynn.Loss):
        def forward(self, y, yhat):
            return np.mean((y - yhat) ** 2)

        def backward(self, y, yhat):
            return 2 * (yhat - y) / yhat.size

    for execution in ("serial", "auto"):
        optim = diynn.Optim(diynn.Linear(3, 2), Mean(), execution=execution)
        with pytest.raises(ValueError, match=r"Mean: `weights` multiply costs \(batch,\) .* got shape \(\)"):
            optim.step(np.ones((8, 3)), np.ones((8, 2)), np.ones(8))


def test_an_execution_from_elsewhere_without_weights_is_told():
    def own(net, loss, x, y):
        return serial(net, loss, x, y)

    optim = diynn.Optim(conv_net(), diynn.CrossEntropyLoss(), execution=own)
    x, y, weights = conv_data(8)
    optim.step(x, y)
    with pytest.raises(TypeError, match="own"):
        optim.step(x, y, weights)
