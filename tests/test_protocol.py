"""The protocol of the sheet: whatever has its methods trains, whoever wrote it."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from array_api_strict import Device

import diynn
from diynn import (
    Adam,
    AvgPool1D,
    Conv1D,
    CrossEntropyLoss,
    Flatten,
    Linear,
    LogSoftmax,
    MaxPool1D,
    Momentum,
    MSELoss,
    Optim,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    to_numpy,
)
from diynn.arrays import device, namespace
from diynn.sheet import NAMES, SPELLINGS
from tests.backends import find
from tests.cases import LAYERS, LOSSES
from tests.zoo import skeleton


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# ------------------------------------------------------------------ what a student wrote


class StudentLinear(skeleton.Module):
    """The bias is the last row of ``_parameters``."""

    def __init__(self, weights, bias):
        super().__init__()
        self._parameters = np.vstack([weights, bias])
        self.zero_grad()

    def zero_grad(self):
        self._gradient = np.zeros(self._parameters.shape)

    def forward(self, X):  # noqa: N803  # the skeleton's name
        return X @ self._parameters[:-1] + self._parameters[-1]

    def backward_update_gradient(self, input, delta):
        self._gradient += np.vstack([input.T @ delta, delta.sum(axis=0)])

    def backward_delta(self, input, delta):
        return delta @ self._parameters[:-1].T


class StudentTanH(skeleton.Module):
    """It inherits an ``update_parameters`` that computes with None."""

    def forward(self, X):  # noqa: N803  # the skeleton's name
        return np.tanh(X)

    def backward_delta(self, input, delta):
        return delta * (1 - np.tanh(input) ** 2)


class StudentMSE(skeleton.Loss):
    def forward(self, y, yhat):
        return np.linalg.norm(y - yhat, axis=1) ** 2

    def backward(self, y, yhat):
        return -2 * (y - yhat)


class StudentSequentiel(skeleton.Module):
    """It keeps the inputs of its modules from ``forward`` on."""

    def __init__(self, modules):
        super().__init__()
        self.modules = modules

    def forward(self, X):  # noqa: N803  # the skeleton's name
        self.inputs = [X]
        for module in self.modules:
            self.inputs.append(module.forward(self.inputs[-1]))
        return self.inputs[-1]

    def zero_grad(self):
        for module in self.modules:
            module.zero_grad()

    def backward_update_gradient(self, input, delta):
        for module, data in zip(self.modules[::-1], self.inputs[-2::-1], strict=True):
            module.backward_update_gradient(data, delta)
            delta = module.backward_delta(data, delta)

    def update_parameters(self, gradient_step=1e-3):
        for module in self.modules:
            if module._parameters is not None:
                module.update_parameters(gradient_step)


X, Y = normal(30, 3, seed=1), normal(30, 2, seed=2)
WEIGHTS, BIASES = [normal(3, 5, seed=3), normal(5, 2, seed=4)], [normal(5, seed=5), normal(2, seed=6)]


def our_linear(layer):
    linear = Linear(*WEIGHTS[layer].shape)
    linear._parameters, linear._bias = WEIGHTS[layer].copy(), BIASES[layer].copy()
    return linear


def student_linear(layer):
    return StudentLinear(WEIGHTS[layer], BIASES[layer])


NETS = {
    "bare": lambda: Sequential(student_linear(0), StudentTanH(), student_linear(1)),
    "beside ours": lambda: Sequential(student_linear(0), Tanh(), our_linear(1)),
    "behind ours": lambda: Sequential([our_linear(0), StudentTanH(), student_linear(1)]),
    "nested": lambda: Sequential(Sequential(student_linear(0), StudentTanH()), Sequential(our_linear(1))),
    "own container": lambda: StudentSequentiel([student_linear(0), StudentTanH(), student_linear(1)]),
    "ours in it": lambda: StudentSequentiel([our_linear(0), Tanh(), our_linear(1)]),
    "it in ours": lambda: Sequential(StudentSequentiel([student_linear(0), StudentTanH()]), our_linear(1)),
}


def train(net, loss, steps=40, **options):
    optim = Optim(net, loss, 1e-3, **options)
    return np.asarray([optim.step(X, Y) for _ in range(steps)])


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("loss", [MSELoss(), StudentMSE()], ids=["ours", "bare"])
def test_a_students_net_trains_like_ours(name, loss):
    ours = train(Sequential(our_linear(0), Tanh(), our_linear(1)), MSELoss())
    costs = train(NETS[name](), loss)
    assert costs.shape == (40, 30)
    assert np.all(np.diff(costs.sum(axis=1)) < 0)
    np.testing.assert_allclose(costs, ours, rtol=1e-12)


@pytest.mark.parametrize("rule", [Momentum(0.5), Adam()], ids=repr)
@pytest.mark.parametrize("name", ["bare", "beside ours", "nested"])
def test_a_students_net_follows_any_rule(name, rule):
    ours = train(Sequential(our_linear(0), Tanh(), our_linear(1)), MSELoss(), rule=rule)
    np.testing.assert_allclose(train(NETS[name](), MSELoss(), rule=rule), ours, rtol=1e-12)


def test_a_single_module_is_a_net_too():
    for linear in (our_linear(0), student_linear(0)):
        optim = Optim(linear, MSELoss(), 1e-3)
        costs = [optim.step(X, normal(30, 5)).sum() for _ in range(20)]
        assert np.all(np.diff(costs) < 0)


def test_a_rule_cannot_reach_the_parameters_of_a_container_it_does_not_know():
    with pytest.raises(TypeError, match=r"^Optim: Adam\(.*\) finds no parameters in StudentSequentiel: "):
        Optim(NETS["own container"](), MSELoss(), rule=Adam())


def test_an_error_in_an_update_of_its_own_is_not_swallowed():
    class Updating(StudentTanH):
        def update_parameters(self, gradient_step=1e-3):
            self._parameters -= gradient_step

    class Broken(StudentLinear):
        def update_parameters(self, gradient_step=1e-3):
            raise TypeError("broken")

    for module in (Updating(), Broken(np.eye(3), np.zeros(3))):
        with pytest.raises(TypeError):
            Sequential(module).update_parameters()


# ------------------------------------------------------------------ one instance at two places


def test_one_linear_twice_has_the_sum_of_the_gradients_and_one_update():
    linear = Linear(1, 1, bias=False)
    linear._parameters = np.asarray([[2.0]])
    net = Sequential(linear, linear)  # w² x: slope 2 w x = 12, and w² = 4
    x, delta = np.asarray([[3.0]]), np.asarray([[1.0]])
    assert net.forward(x) == [[12.0]]
    net.zero_grad()
    net.backward_update_gradient(x, delta)
    assert linear._gradient == [[12.0]]
    assert net.backward_delta(x, delta) == [[4.0]]
    assert len(net.parameters()) == 1
    net.update_parameters(0.125)
    assert linear._parameters == [[2.0 - 1.5]]


@pytest.mark.parametrize("rule", [None, Momentum(), Adam()], ids=repr)
def test_one_linear_twice_is_updated_once_by_any_rule(rule):
    """As often as the only layer of a net whose gradient is made the same."""
    linear, single = Linear(1, 1, bias=False), Linear(1, 1, bias=False)
    linear._parameters, single._parameters = np.asarray([[0.5]]), np.asarray([[0.5]])
    x, y = np.asarray([[1.0]]), np.asarray([[0.0]])  # C = w⁴, of slope 4 w³
    twice = Optim(Sequential(linear, Tanh(), linear)[::2], MSELoss(), 0.1, rule=rule)
    once = Optim(single, MSELoss(), 0.1, rule=rule)
    for _ in range(3):
        twice.step(x, y)
        single._gradient = 4 * single._parameters**3
        once.update()
        np.testing.assert_allclose(linear._parameters, single._parameters, rtol=1e-12)


def test_one_activation_twice():
    tanh = Tanh()
    net = Sequential(our_linear(0), tanh, our_linear(1), tanh)
    other = Sequential(our_linear(0), Tanh(), our_linear(1), Tanh())
    np.testing.assert_array_equal(train(net, MSELoss()), train(other, MSELoss()))


# ------------------------------------------------------------------ weight tying


def tied(rule):
    encoder, decoder = Linear(4, 2), Linear(2, 4)
    encoder._parameters = normal(4, 2)
    decoder._parameters = encoder._parameters.T
    net = Sequential(encoder, Tanh(), decoder)
    return encoder, decoder, Optim(net, MSELoss(), 1e-2, rule=rule)


@pytest.mark.parametrize("rule", [None, Momentum(), Momentum(nesterov=True), Adam()], ids=repr)
@pytest.mark.parametrize("execution", ["serial", "threads"])
def test_weights_tied_by_assignment_stay_tied(rule, execution):
    encoder, decoder, optim = tied(rule)
    optim.execution = diynn.execution.find_execution(execution)
    data = normal(20, 4)
    start = encoder._parameters.copy()
    costs = [optim.step(data, data).sum() for _ in range(10)]
    assert np.shares_memory(encoder._parameters, decoder._parameters)
    np.testing.assert_array_equal(encoder._parameters, decoder._parameters.T)
    assert costs[-1] < costs[0]
    assert not np.allclose(encoder._parameters, start)


@pytest.mark.parametrize("rule", [None, Momentum(0.0)], ids=repr)
def test_a_step_of_tied_weights_is_down_the_gradient_of_both_uses(rule):
    encoder, decoder, optim = tied(rule)
    data, start = normal(20, 4), encoder._parameters.copy()

    def cost(weights):
        return np.sum((np.tanh(data @ weights) @ weights.T - data) ** 2)

    gradient = np.empty_like(start)
    for place in np.ndindex(start.shape):
        step = np.zeros_like(start)
        step[place] = 1e-5
        gradient[place] = (cost(start + step) - cost(start - step)) / 2e-5
    optim.step(data, data)
    np.testing.assert_allclose(encoder._gradient + decoder._gradient.T, gradient, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(encoder._parameters, start - 1e-2 * gradient, rtol=1e-6, atol=1e-6)


# ------------------------------------------------------------------ parameters and their handles


def test_parameters_are_plain_attributes():
    linear = Linear(2, 2)
    assert type(linear._parameters) is type(linear._gradient) is type(linear._bias) is np.ndarray
    assert linear._parameters.shape == linear._gradient.shape == (2, 2)
    assert linear._bias.shape == linear._bias_gradient.shape == (2,)
    assert Linear(2, 2, bias=False)._bias is None
    for module in (Tanh(), Flatten(), MaxPool1D(2), Sequential()):
        assert module._parameters is module._gradient is module._bias is None
        assert module.parameters() == []
        module.zero_grad()
        module.update_parameters()
        module.update_parameters(gradient_step=1.0)
    linear._parameters, linear._bias = np.asarray([[1.0, 2.0], [3.0, 4.0]]), np.asarray([10.0, 20.0])
    np.testing.assert_array_equal(linear(np.asarray([[1.0, 1.0]])), [[14, 26]])
    linear._gradient, linear._bias_gradient = np.ones((2, 2)), np.ones(2)
    linear.update_parameters()  # the sheet's own step is 1e-3
    np.testing.assert_allclose(linear._parameters, [[0.999, 1.999], [2.999, 3.999]])
    np.testing.assert_allclose(linear._bias, [9.999, 19.999])


def test_handles_read_and_assign():
    conv, linear = Conv1D(2, 1, 3), Linear(3, 2, bias=False)
    net = Sequential(conv, Sequential(Tanh(), linear))
    handles = net.parameters()
    assert [handle.label for handle in handles] == ["0._parameters", "0._bias", "1.1._parameters"]
    assert [handle.owner for handle in handles] == [conv, conv, linear]
    assert repr(handles[0]) == "Parameter(0._parameters: (2, 1, 3) float64)"
    assert handles[1].value is conv._bias
    assert handles[1].gradient is conv._bias_gradient
    handles[2].value = new = np.ones((3, 2))
    assert linear._parameters is new
    handles[2].gradient = new = np.zeros((3, 2))
    assert linear._gradient is new
    linear._parameters = new = np.full((3, 2), 7.0)  # a handle never goes stale
    assert handles[2].value is new


def test_handles_are_equal_where_they_stand_for_the_same():
    first, second = Linear(2, 2), Linear(2, 2)
    assert first.parameters() == first.parameters() == Sequential(Tanh(), first).parameters()
    assert first.parameters() != second.parameters()
    weight, bias = first.parameters()
    assert weight != bias
    assert weight != "_parameters"
    assert len({weight, bias, *first.parameters(), *second.parameters()}) == 4
    assert weight == Parameter(first, "_parameters", "_gradient", "elsewhere.")


# ------------------------------------------------------------------ Sequential


def test_sequential_takes_modules_or_a_list_and_more_later():
    layers = [Linear(3, 5, rng=0), Tanh(), Linear(5, 2, rng=1)]
    nets = [Sequential(*layers), Sequential(layers), Sequential(tuple(layers)), Sequential().add(layers[0])]
    assert nets[3].add(layers[1]).add(layers[2]) is nets[3]
    for net in nets:
        assert len(net) == 3
        assert list(net) == net.modules == layers
        assert net[0] is layers[0]
        assert net[-1] is layers[2]
        np.testing.assert_array_equal(net(X), layers[2](layers[1](layers[0](X))))
    layers.append(Tanh())
    assert len(nets[1]) == 3  # the caller's list is the caller's


def test_the_step_is_a_thousandth_unless_another_is_asked_for():
    for net in (Linear(3, 2, rng=0), Sequential(Linear(3, 2, rng=0))):
        for parameter in net.parameters():
            parameter.gradient = parameter.gradient + 1
        before = [parameter.value.copy() for parameter in net.parameters()]
        net.update_parameters()
        for parameter, value in zip(net.parameters(), before, strict=True):
            np.testing.assert_allclose(parameter.value, value - 1e-3, rtol=0, atol=1e-15)


def test_what_may_be_left_out_is_given_by_name():
    x, net = np.ones((2, 3)), Sequential(Tanh())
    for layer in TAKING_OUTPUT:
        data = x[:, :, None] if isinstance(layer, MaxPool1D) else x
        with pytest.raises(TypeError, match="positional"):
            layer.backward_delta(data, layer.forward(data), layer.forward(data))
    with pytest.raises(TypeError, match="positional"):
        net.backward(net.record(x), x, False)
    with pytest.raises(TypeError, match="positional"):
        Linear(3, 2, False)
    with pytest.raises(TypeError, match="positional"):
        Conv1D(3, 1, 2, 1, False)


def test_a_slice_is_a_net_of_the_same_modules():
    net = Sequential(Linear(8, 4), Tanh(), Linear(4, 2), Tanh(), Linear(2, 4), Tanh(), Linear(4, 8))
    encoder, decoder = net[:4], net[4:]
    assert isinstance(encoder, Sequential)
    assert list(encoder) == net.modules[:4]
    data = normal(5, 8)
    np.testing.assert_array_equal(decoder(encoder(data)), net(data))
    before = encoder(data)
    Optim(net, MSELoss(), 1e-2).step(data, data)
    assert not np.allclose(encoder(data), before)


def test_nested_nets_are_flat_nets():
    def layers():
        return [our_linear(0), Tanh(), our_linear(1), Sigmoid()]

    flat = Sequential(layers())
    one, two, three, four = layers()
    nested = Sequential(Sequential(one), Sequential(two, Sequential(three, Sequential())), four)
    np.testing.assert_array_equal(train(flat, MSELoss()), train(nested, MSELoss()))
    assert [place for place, _ in nested.leaves()] == ["0.0", "1.0", "1.1.0", "2"]


def test_an_empty_net_is_the_identity():
    net, data = Sequential(), normal(4, 3)
    np.testing.assert_array_equal(net(data), data)
    np.testing.assert_array_equal(net.backward_delta(data, 2 * data), 2 * data)
    net.backward_update_gradient(data, data)
    assert net.output_shape((3,)) == (3,)


def test_backward_delta_leaves_the_gradients_as_they_are():
    net = Sequential(our_linear(0), Tanh(), our_linear(1))
    net.zero_grad()
    net.backward_delta(X, Y)
    assert not any(np.any(parameter.gradient) for parameter in net.parameters())


TAKING_OUTPUT = [Tanh(), Sigmoid(), Softmax(), LogSoftmax(), MaxPool1D(2)]


@pytest.mark.parametrize("layer", TAKING_OUTPUT, ids=repr)
def test_the_way_back_has_the_outputs_of_the_way_there(layer):
    data = normal(3, 4, 2)
    net = Sequential(layer)
    record = net.record(data)
    delta = normal(*record[-1].shape, seed=1)
    expected = layer.backward_delta(data, delta)
    layer.forward = None  # not called again
    np.testing.assert_array_equal(net.backward(record, delta, data_delta=True), expected)
    del layer.forward


def test_whether_a_batch_may_be_split_is_known_of_our_classes_alone():
    assert all(case.build(lambda low, high: low).per_example for case in LAYERS)
    assert all(case.loss.per_example for case in LOSSES)
    assert not diynn.Module().per_example
    assert not diynn.Loss().per_example
    assert Sequential(Linear(2, 2), Sequential(Tanh(), Flatten())).per_example
    assert not Sequential(Linear(2, 2), StudentTanH()).per_example


# ------------------------------------------------------------------ the table


def sheet_net(**new):
    return Sequential(
        Conv1D(3, 1, 32, **new), MaxPool1D(2, 2), Flatten(),
        Sequential(Linear(4064, 100, **new), ReLU(), Linear(100, 10, bias=False, **new)),
    )  # fmt: skip


def test_printed_net():
    assert str(sheet_net()).splitlines() == [
        "place  module                       output          parameters",
        "-----  ---------------------------  --------------  ----------",
        "0      Conv1D(3, 1, 32)             (batch, ?, 32)         128",
        "1      MaxPool1D(2, 2)              (batch, ?, 32)           0",
        "2      Flatten()                    (batch, ?)               0",
        "3.0    Linear(4064, 100)            (batch, 100)       406,500",
        "3.1    ReLU()                       (batch, 100)             0",
        "3.2    Linear(100, 10, bias=False)  (batch, 10)          1,000",
        "407,628 parameters",
    ]


@pytest.mark.parametrize(("dtype", "width"), [("float64", 8), ("float32", 4)])
def test_summary_of_a_net(dtype, width):
    summary = sheet_net(dtype=dtype).summary((256, 1))
    assert [row[2] for row in summary.rows] == [(254, 32), (127, 32), (4064,), (100,), (100,), (10,)]
    assert [row[3] for row in summary.rows] == [3 * 32 + 32, 0, 0, 4064 * 100 + 100, 0, 1000]
    assert summary.parameters == 128 + 406_500 + 1000
    assert summary.activations == width * (254 * 32 + 4064 + 4064 + 100 + 100 + 10)
    assert str(summary).endswith(
        f"407,628 parameters, {summary.activations:,} bytes of activations an example"
    )
    assert repr(summary) == str(summary)


def test_summary_of_an_input_that_does_not_fit():
    with pytest.raises(ValueError, match=r"^layer 1 of 6: Conv1D\(3, 1, 32\) takes \(batch, \?, 1\), got "):
        sheet_net().summary((256, 2))
    with pytest.raises(ValueError, match=r"Linear\(4064, 100\) takes \(batch, 4064\), got \(batch, 4032\)$"):
        sheet_net().summary((254, 1))


def test_summary_of_an_input_of_other_axes():
    for shape in ((4064,), (256, 1, 1)):
        with pytest.raises(ValueError, match=r"^layer 1 of 6: Conv1D\(3, 1, 32\) takes"):
            sheet_net().summary(shape)


def test_summary_of_a_net_with_one_array_of_parameters():
    summary = Sequential(Linear(3, 2, bias=False, dtype="float32"), StudentTanH()).summary((3,))
    assert (summary.parameters, summary.activations) == (6, 2 * 2 * 4)
    assert str(summary).endswith("\n6 parameters, 16 bytes of activations an example")
    with pytest.raises(FrozenInstanceError):
        summary.parameters = 7


def test_parameters_of_a_kind_that_cannot_be_counted_count_nothing():
    module = StudentTanH()
    module._parameters = [1.0, 2.0]
    assert Sequential(Linear(3, 2), module).summary((3,)).parameters == 8


def test_nobody_asks_for_the_delta_of_the_data_on_a_step():
    class First(Linear):
        def backward_delta(self, data, delta):
            raise AssertionError("asked for")

    net = Sequential(First(3, 2), Tanh())
    net.backward_update_gradient(np.ones((2, 3)), np.ones((2, 2)))
    Optim(net, MSELoss()).step(np.ones((2, 3)), np.ones((2, 2)))
    with pytest.raises(AssertionError, match="asked for"):
        net.backward_delta(np.ones((2, 3)), np.ones((2, 2)))


def test_summary_with_a_students_module():
    net = Sequential(student_linear(0), StudentTanH(), Linear(5, 2))
    rows = net.summary((3,)).rows
    assert [row[1:] for row in rows] == [
        ("StudentLinear()", (5,), 20), ("StudentTanH()", (5,), 0), ("Linear(5, 2)", (2,), 12)
    ]  # fmt: skip
    assert "StudentLinear()  ?" in str(net)


def test_a_module_at_two_places_counts_once():
    linear = Linear(3, 3)
    assert Sequential(linear, Tanh(), linear).summary((3,)).parameters == 12


REPR = [
    Linear(10, 5), Linear(10, 5, bias=False), Conv1D(3, 1, 32), Conv1D(3, 1, 32, stride=2, bias=False),
    MaxPool1D(2, 2), AvgPool1D(3, 1), Flatten(), Tanh(), LogSoftmax(), Sequential(Linear(2, 3), Tanh()),
    CrossEntropyLoss(), Momentum(mu=0.5, nesterov=True), Adam(beta1=0.8, beta2=0.9, eta=1e-06),
]  # fmt: skip


@pytest.mark.parametrize("thing", REPR, ids=repr)
def test_repr_is_how_it_is_made(thing):
    assert repr(eval(repr(thing), vars(diynn))) == repr(thing)


# ------------------------------------------------------------------ libraries


def test_repr_tells_what_is_not_the_default():
    assert repr(Conv1D(3, 1, 32, 2, bias=False)) == "Conv1D(3, 1, 32, stride=2, bias=False)"
    assert repr(Conv1D(3, 1, 32)) == "Conv1D(3, 1, 32)"
    assert repr(Linear(3, 1, bias=False)) == "Linear(3, 1, bias=False)"


def test_to_moves_parameters_and_gradients():
    net = Sequential(Linear(3, 4, rng=0, dtype="float32"), Sequential(Tanh(), Conv1D(2, 1, 1, rng=1)))
    values = [parameter.value.copy() for parameter in net.parameters()]
    for parameter in net.parameters():
        parameter.gradient = parameter.gradient + 1
    for name, place in (("strict", None), ("strict-device1", "device1")):
        library = find(name)[0]
        where = "array_api_strict" if place is None else f"array_api_strict:{place}"
        assert net.to(where) is net
        for parameter, value in zip(net.parameters(), values, strict=True):
            assert library.holds(parameter.value, value.dtype.name)
            assert library.holds(parameter.gradient, value.dtype.name)
            np.testing.assert_array_equal(to_numpy(parameter.value), value)
            np.testing.assert_array_equal(to_numpy(parameter.gradient), np.ones(value.shape))
    net.to(dtype="float32")
    assert all(device(parameter.value) == Device("device1") for parameter in net.parameters())
    assert {str(parameter.value.dtype) for parameter in net.parameters()} == {"array_api_strict.float32"}
    net.to("numpy", dtype=np.float64)
    assert {type(parameter.value) for parameter in net.parameters()} == {np.ndarray}
    assert {parameter.gradient.dtype for parameter in net.parameters()} == {np.dtype("float64")}
    np.testing.assert_array_equal(net.parameters()[0].value, values[0])


def test_to_moves_a_net_to_any_library(backend):
    library = namespace(backend.array(np.zeros(1)))
    net = Sequential(Linear(3, 4, rng=0, dtype="float32"), Tanh()).to(backend.where)
    for parameter in net.parameters():
        assert backend.holds(parameter.value, "float32")
    assert namespace(net(backend.array(np.ones((2, 3)), "float32"))) is library


def test_the_environment_chooses_the_library(monkeypatch):
    monkeypatch.setenv("DIYNN_BACKEND", "array_api_strict:device1")
    assert device(Linear(2, 2)._parameters) == Device("device1")
    assert device(diynn.asarray([1.0])) == Device("device1")
    assert type(Linear(2, 2, backend="numpy")._parameters) is np.ndarray
    assert device(Linear(2, 2, backend="array_api_strict")._parameters) == Device("CPU_DEVICE")
    monkeypatch.setenv("DIYNN_BACKEND", "")
    assert type(Linear(2, 2)._parameters) is np.ndarray


def test_training_on_a_device_never_looks_at_a_value(monkeypatch):
    """The host gets nothing of a step: neither arrays, which device1 refuses, nor single numbers."""

    def refuse(array, *arguments):
        raise AssertionError("a value was looked at")

    library = find("strict-device1")[0]
    net = Sequential(
        Conv1D(2, 1, 3), MaxPool1D(2, 1), Flatten(), Linear(9, 4), ReLU(), Linear(4, 2),
    ).to(library.where)  # fmt: skip
    x, labels = library.array(normal(6, 5, 1)), library.array([0, 1, 1, 0, 1, 0])
    optim = Optim(net, CrossEntropyLoss(), 1e-2, rule=Adam())
    array = type(x)
    for method in ("__array__", "__float__", "__int__", "__bool__", "__index__", "__complex__"):
        monkeypatch.setattr(array, method, refuse, raising=False)
    costs = [optim.step(x, labels) for _ in range(5)]
    monkeypatch.undo()
    assert np.sum(to_numpy(costs[-1])) < np.sum(to_numpy(costs[0]))


# ------------------------------------------------------------------ the names of the sheet


def test_the_names_of_the_sheet_and_of_course_code():
    """The names that the sheet uses, and the commonest spellings of forty solutions of it."""
    expected = {
        "Linear": diynn.Linear, "Conv1D": diynn.Conv1D, "MaxPool1D": diynn.MaxPool1D,
        "Flatten": diynn.Flatten, "ReLU": diynn.ReLU, "Tanh": diynn.Tanh, "TanH": diynn.Tanh,
        "Sigmoid": diynn.Sigmoid, "Sigmoide": diynn.Sigmoid, "Softmax": diynn.Softmax,
        "SoftMax": diynn.Softmax, "LogSoftMax": diynn.LogSoftmax, "logSoftMax": diynn.LogSoftmax,
        "Sequentiel": diynn.Sequential, "Sequential": diynn.Sequential,
        "MSELoss": diynn.MSELoss, "MSE": diynn.MSELoss, "BCELoss": diynn.BCELoss, "BCE": diynn.BCELoss,
        "CELoss": diynn.NLLLoss, "CrossEntropyLoss": diynn.CrossEntropyLoss,
        "CrossEntropy": diynn.CrossEntropyLoss, "CELogSoftmax": diynn.CrossEntropyLoss,
        "Optim": diynn.Optim, "SGD": diynn.SGD, "Module": diynn.Module, "Loss": diynn.Loss,
    }  # fmt: skip
    assert {name: getattr(diynn, name) for name in expected} == expected
    assert all(getattr(diynn, name) is thing for name, thing in NAMES.items())
    assert set(NAMES) <= set(diynn.__all__)
    for canonical, spellings in SPELLINGS.items():
        assert all(NAMES[spelling] is getattr(diynn, canonical) for spelling in spellings)


def test_no_spelling_stands_for_two_things():
    spellings = [each for several in SPELLINGS.values() for each in several]
    assert len(set(spellings)) == len(spellings)
    assert not set(spellings) & set(SPELLINGS)
