"""The protocol of the sheet: whatever has its methods trains, whoever wrote it."""

import numpy as np
import pytest
from array_api_strict import Device

import diynn
from diynn import (
    Adam,
    Conv1D,
    CrossEntropyLoss,
    Flatten,
    Linear,
    MaxPool1D,
    Momentum,
    MSELoss,
    Optim,
    Parameter,
    ReLU,
    Sequential,
    Tanh,
    to_numpy,
)
from diynn.arrays import device, namespace
from diynn.sheet import SPELLINGS, names
from tests.backends import find
from tests.students import (
    StudentLinear,
    StudentMSE,
    StudentSequentiel,
    StudentTanH,
    X,
    normal,
    our_linear,
    student_linear,
    train,
)

# ------------------------------------------------------------------ what a student wrote


NETS = {
    "bare": lambda: Sequential(student_linear(0), StudentTanH(), student_linear(1)),
    "beside ours": lambda: Sequential(student_linear(0), Tanh(), our_linear(1)),
    "behind ours": lambda: Sequential([our_linear(0), StudentTanH(), student_linear(1)]),
    "nested": lambda: Sequential(Sequential(student_linear(0), StudentTanH()), Sequential(our_linear(1))),
    "own container": lambda: StudentSequentiel([student_linear(0), StudentTanH(), student_linear(1)]),
    "ours in it": lambda: StudentSequentiel([our_linear(0), Tanh(), our_linear(1)]),
    "it in ours": lambda: Sequential(StudentSequentiel([student_linear(0), StudentTanH()]), our_linear(1)),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("loss", [MSELoss(), StudentMSE()], ids=["ours", "bare"])
def test_a_students_net_trains_like_ours(name, loss):
    ours = train(Sequential(our_linear(0), Tanh(), our_linear(1)), MSELoss())
    costs = train(NETS[name](), loss)
    assert costs.shape == (40, 30)
    assert np.all(np.diff(costs.sum(axis=1)) < 0)
    np.testing.assert_allclose(costs, ours, rtol=1e-12)


@pytest.mark.parametrize("rule", [Momentum(0.5), Adam()], ids=repr)
@pytest.mark.parametrize("name", NETS)
def test_a_students_net_follows_any_rule(name, rule):
    ours = train(Sequential(our_linear(0), Tanh(), our_linear(1)), MSELoss(), rule=rule)
    np.testing.assert_allclose(train(NETS[name](), MSELoss(), rule=rule), ours, rtol=1e-12)


def test_a_single_module_is_a_net_too():
    for linear in (our_linear(0), student_linear(0)):
        optim = Optim(linear, MSELoss(), 1e-3)
        costs = [optim.step(X, normal(30, 5)).sum() for _ in range(20)]
        assert np.all(np.diff(costs) < 0)


def test_a_rule_needs_parameters():
    with pytest.raises(TypeError, match=r"^Optim: Adam\(.*\) finds no parameters in StudentSequentiel: "):
        Optim(StudentSequentiel([StudentTanH()]), MSELoss(), rule=Adam())


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


# ------------------------------------------------------------------ libraries


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
    back = net.to("numpy")
    before = back[0]._parameters.copy()
    Optim(back, MSELoss(), 1e-1).step(np.ones((2, 3), "float32"), np.ones((2, 4), "float32"))
    assert (back[0]._parameters != before).any()  # JAX shows memory that is not to be written to


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
    spelled = names(vars(diynn))
    assert all(getattr(diynn, name) is thing for name, thing in spelled.items())
    assert set(spelled) <= set(diynn.__all__)
    for canonical, spellings in SPELLINGS.items():
        assert all(spelled[spelling] is getattr(diynn, canonical) for spelling in spellings)


def test_no_spelling_stands_for_two_things():
    spellings = [each for several in SPELLINGS.values() for each in several]
    assert len(set(spellings)) == len(spellings)
    assert not set(spellings) & set(SPELLINGS)
