"""Modules in series, the table of a net, and how it prints."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

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
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
)
from diynn.composition import per_example
from diynn.layers.sequential import takes_output
from tests.cases import LAYERS, LOSSES, SINGLE
from tests.cases.case import most
from tests.students import StudentTanH, X, Y, normal, our_linear, student_linear, train

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
    x, net, data = np.ones((2, 3)), Sequential(Tanh()), normal(3, 4, 2)
    for layer in TAKING_OUTPUT:
        with pytest.raises(
            TypeError, match=r"takes \(data, delta\), and by name output; got 3 without a name"
        ):
            layer.backward_delta(data, layer.forward(data), layer.forward(data))
    with pytest.raises(
        TypeError, match=r"takes \(activations, delta\), and by name gradients, data_delta; got 3"
    ):
        net.backpropagate(net.activations(x), x, False)
    with pytest.raises(TypeError, match=r"Linear: takes \(in_features, out_features\), and by name bias"):
        Linear(3, 2, False)
    with pytest.raises(TypeError, match=r"Conv1D: takes .*got 5 without a name"):
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


TAKING_OUTPUT = [layer for case in SINGLE if takes_output(layer := case.build(most))]


@pytest.mark.parametrize("layer", TAKING_OUTPUT, ids=repr)
def test_the_way_back_has_the_outputs_of_the_way_there(layer):
    data = normal(3, 4, 2)
    net = Sequential(layer)
    activations = net.activations(data)
    delta = normal(*activations[-1].shape, seed=1)
    expected = layer.backward_delta(data, delta)
    layer.forward = None  # not called again
    np.testing.assert_array_equal(net.backpropagate(activations, delta, data_delta=True), expected)
    del layer.forward


def test_whether_a_batch_may_be_split_is_known_of_our_classes_alone():
    assert all(case.build(lambda low, high: low).per_example for case in LAYERS)
    assert all(case.loss.per_example for case in LOSSES)
    assert not diynn.Module().per_example
    assert not diynn.Loss().per_example
    assert per_example(Sequential(Linear(2, 2), Sequential(Tanh(), Flatten())))
    assert not per_example(Sequential(Linear(2, 2), StudentTanH()))


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
        "407,628 parameters; ? depends on the input: net.summary((length, channels)) tells",
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
    with pytest.raises(
        ValueError, match=r"^Sequential: `input_shape` \(256, 2\) does not fit: layer 1 of 6: "
    ):
        sheet_net().summary((256, 2))
    with pytest.raises(ValueError, match=r"Linear\(4064, 100\) takes \(batch, 4064\), got \(batch, 4032\)$"):
        sheet_net().summary((254, 1))


def test_summary_of_an_input_of_other_axes():
    for shape in ((4064,), (256, 1, 1)):
        with pytest.raises(ValueError, match=r": layer 1 of 6: Conv1D\(3, 1, 32\) takes"):
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
    CrossEntropyLoss(), Momentum(mu=0.5, nesterov=True), Adam(beta1=0.8, beta2=0.9, epsilon=1e-06),
]  # fmt: skip


@pytest.mark.parametrize("thing", REPR, ids=repr)
def test_repr_is_how_it_is_made(thing):
    assert repr(eval(repr(thing), vars(diynn))) == repr(thing)


def test_repr_tells_what_is_not_the_default():
    assert repr(Conv1D(3, 1, 32, 2, bias=False)) == "Conv1D(3, 1, 32, stride=2, bias=False)"
    assert repr(Conv1D(3, 1, 32)) == "Conv1D(3, 1, 32)"
    assert repr(Linear(3, 1, bias=False)) == "Linear(3, 1, bias=False)"


def test_sizes_behind_a_linear_layer_over_the_last_axis():
    """How many axes it gives, nobody knows before the data come; what they end with is known."""
    new = {"rng": 0, "dtype": "float64"}
    first, second = Linear(3, 4, **new), Linear(4, 2, **new)
    net = Sequential(first, Tanh(), second, Conv1D(2, 2, 5, **new), Linear(5, 1, **new))
    Optim(net, MSELoss())
    assert net.forward(np.ones((2, 6, 3))).shape == (2, 5, 1)
    assert [shape for _, _, shape, _ in net.summary((6, 3)).rows][2:] == [(6, 2), (5, 5), (5, 1)]
    assert "(batch, ?, 5)" in str(net)
    assert "(batch, 4)" in str(net)
    given = r"and layer 1, Linear\(3, 4\), gives"
    with pytest.raises(ValueError, match=rf"takes \(batch, \?, 3\), {given} \(batch, \.\.\., 4\)"):
        Optim(Sequential(Linear(3, 4), Conv1D(2, 3, 5)), MSELoss())
    with pytest.raises(ValueError, match=rf"takes \(batch, 5\), {given} \(batch, 4\)"):
        Optim(Sequential(Linear(3, 4), Linear(5, 1)), MSELoss())
    with pytest.raises(
        ValueError, match=r"takes \(batch, \.\.\., 5\), and layer 1, .* gives \(batch, \?, 4\)"
    ):
        Optim(Sequential(Conv1D(2, 3, 4), Linear(5, 1)), MSELoss())
