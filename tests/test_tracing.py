"""One batch through a net and back, by hand."""

from math import sqrt

import array_api_strict
import numpy as np
import pytest

import diynn
from diynn import CrossEntropyLoss, Linear, MSELoss, ReLU, Sequential, Sigmoid, Softmax, Tanh, to_numpy, trace

LIBRARIES = pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])


def net_by_hand(xp):
    """2 x + 1 of 1 and -2 is 3 and -3; ReLU leaves 3 and 0; -3 of it and 0.5 more are -8.5 and 0.5."""
    first, second = Linear(1, 1, backend=xp), Linear(1, 1, backend=xp)
    first._parameters, first._bias = xp.asarray([[2.0]]), xp.asarray([1.0])
    second._parameters, second._bias = xp.asarray([[-3.0]]), xp.asarray([0.5])
    return Sequential(first, Sequential(ReLU(), second))


@LIBRARIES
def test_a_trace_by_hand(xp):
    net = net_by_hand(xp)
    # Costs 1 and 4, so deltas 2 (ŷ - y) = 2 and -4; through -3: -6 and 12, of which ReLU leaves -6 and 0.
    found = trace(net, MSELoss(), xp.asarray([[1.0], [-2.0]]), xp.asarray([[-9.5], [2.5]]))
    assert found.cost == 2.5
    assert [row.place for row in found.rows] == ["0", "1.0", "1.1"]
    assert [row.shape for row in found.rows] == [(1,), (1,), (1,)]
    assert [row.data for row in found.rows] == pytest.approx([sqrt(18), 3, sqrt(8.5**2 + 0.25)])
    assert [row.delta for row in found.rows] == pytest.approx([6, sqrt(36 + 144), sqrt(4 + 16)])
    # The first: xᵀδ = -6 and δ = -6; the second: 3·2 and 2 - 4.
    assert found.rows[0].gradient == pytest.approx(sqrt(72))
    assert found.rows[2].gradient == pytest.approx(sqrt(36 + 4))
    assert [(row.saturated, row.dead) for row in found.rows] == [(None, None), (0.5, 0), (None, None)]


@LIBRARIES
def test_the_net_stays_as_it_is(xp):
    net = net_by_hand(xp)
    x, y = xp.asarray([[1.0], [-2.0]]), xp.asarray([[-9.5], [2.5]])
    net.backward_update_gradient(x, y)
    before = [
        (to_numpy(handle.value).copy(), to_numpy(handle.gradient).copy()) for handle in net.parameters()
    ]
    trace(net, MSELoss(), x, y)
    with pytest.raises(ValueError, match="shape"):
        trace(net, MSELoss(), x, y[:1, ...])
    for handle, (value, gradient) in zip(net.parameters(), before, strict=True):
        np.testing.assert_array_equal(to_numpy(handle.value), value)
        np.testing.assert_array_equal(to_numpy(handle.gradient), gradient)


class TheirTanh:
    """Of a student, by the sheet's skeleton."""

    def forward(self, data):
        return np.tanh(data)

    def backward_delta(self, data, delta):
        return delta * (1 - np.tanh(data) ** 2)

    def backward_update_gradient(self, data, delta):
        pass

    def zero_grad(self):
        pass

    def update_parameters(self, gradient_step=1e-3):
        pass


@pytest.mark.parametrize(
    "activation",
    [Tanh(), TheirTanh(), Sequential(TheirTanh())],
    ids=["ours", "theirs", "theirs in a net"],
)
def test_saturated_and_dead_units_of_anybodys_activation(activation):
    # The slope of tanh is 0.07 at 2 and 0.01 at 3; the last unit is dead, the second in one example only.
    x = np.asarray([[0.0, 3.0, -3.0], [1.0, 2.0, 9.0]])
    (row,) = trace(activation, MSELoss(), x, x).rows
    assert (row.saturated, row.dead, row.units) == (0.5, 1, 3)


def test_what_is_no_activation_has_no_saturation():
    x = np.random.default_rng(0).normal(size=(6, 4))
    found = trace(
        Sequential(Linear(4, 4, rng=0), Sigmoid(), Softmax()), MSELoss(), x, np.eye(4)[[0, 1, 2, 3, 0, 1]]
    )
    assert [row.saturated is None for row in found.rows] == [True, False, True]


def test_a_module_that_stands_twice_has_the_whole_gradient_in_both_lines():
    shared = Linear(2, 2, rng=0)
    x = np.eye(2)
    found = trace(Sequential(shared, shared), MSELoss(), x, 2 * x)
    net = Sequential(shared, shared)
    net.backward_update_gradient(x, MSELoss().backward(2 * x, net(x)))
    whole = sqrt(sum(float(np.sum(each.gradient**2)) for each in net.parameters()))
    assert [row.gradient for row in found.rows] == pytest.approx([whole, whole])


def test_a_trace_prints_a_table_in_a_terminal_and_a_notebook():
    net = Sequential(Linear(3, 2, rng=0, dtype="float32"), Tanh(), Linear(2, 2, rng=1, dtype="float32"))
    found = trace(net, CrossEntropyLoss(), np.eye(3, dtype="float32"), np.asarray([0, 1, 1]))
    lines = str(found).splitlines()
    assert lines[0].split() == [
        "place",
        "module",
        "output",
        "|data|",
        "|delta|",
        "|gradient|",
        "saturated",
        "dead",
    ]
    assert lines[3].split()[-4:] == ["0%", "0", "of", "2"]
    assert lines[-1] == f"mean cost of an example {found.cost:.4g}"
    html = found._repr_html_()
    assert html.count("<tr>") == 4
    assert "Linear(3, 2)" in html


def test_an_empty_batch_cannot_be_traced():
    with pytest.raises(ValueError, match=r"^trace: `x` must hold at least one example, got none"):
        trace(Linear(2, 2), MSELoss(), np.zeros((0, 2)), np.zeros((0, 2)))


def test_gradients_vanish_in_a_deep_tanh_net_of_small_weights():
    rng = np.random.default_rng(0)
    net = diynn.Sequential()
    for _ in range(10):
        net.add(Linear(20, 20, init=diynn.initializers.uniform(0.1), rng=rng)).add(Tanh())
    x = rng.normal(size=(50, 20))
    gradients = [
        row.gradient for row in trace(net, MSELoss(), x, np.ones((50, 20))).rows if row.gradient is not None
    ]
    assert gradients[0] < 1e-2 * gradients[-1]
