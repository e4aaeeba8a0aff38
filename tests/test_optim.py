"""Update rules and step sizes: the first steps by hand, many more against PyTorch's own."""

import re
from math import cos, pi, sqrt

import numpy as np
import pytest

from diynn import (
    Adam,
    AdamW,
    ClipNorm,
    Linear,
    Momentum,
    MSELoss,
    Optim,
    PlainStep,
    RMSprop,
    Rule,
    Sequential,
    Tanh,
    WeightDecay,
    constant,
    cosine_decay,
    exponential_decay,
    step_decay,
)
from tests.backends import find
from tests.cases import RULES, each_rule


def raises(error, message):
    return pytest.raises(error, match=f"^{re.escape(message)}$")


# ------------------------------------------------------------------ C = w², of slope 2 w, from w = 1


class Square:
    """A net of one parameter whose cost is its square."""

    def __init__(self, eps, rule, **options):
        self.linear = Linear(1, 1, bias=False)
        self.linear._parameters = np.asarray([[1.0]])
        self.optim = Optim(self.linear, MSELoss(), eps, rule=rule, **options)

    def step(self):
        self.optim.step(np.asarray([[1.0]]), np.asarray([[0.0]]))
        return self.linear._parameters[0, 0]


@pytest.mark.parametrize("value", [None, *(value for case in RULES for value in case.value)], ids=str)
def test_two_steps_by_hand(value):
    rule, steps = (value.rule, value.steps) if value else (None, (0.8, 0.64))
    square = Square(0.1, rule)
    assert [square.step(), square.step()] == pytest.approx(steps, rel=1e-14)


def test_defaults_are_the_usual_ones():
    assert vars(Momentum()) == {"mu": 0.9, "nesterov": False}
    assert vars(Adam()) == {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    assert vars(AdamW()) == {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "decay": 1e-2}
    assert Optim(Linear(1, 1), MSELoss()).eps == 1e-3


# ------------------------------------------------------------------ against PyTorch


@pytest.mark.skipif(find("torch")[0] is None, reason=str(find("torch")[1]))
@pytest.mark.parametrize(("case", "rule"), [(case, rule) for case in RULES for rule in case.rules], ids=str)
@pytest.mark.parametrize("eps", [1e-3, 1e-1])
def test_thirty_steps_are_those_of_torch(case, rule, eps):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 4)) / 5, rng.normal(size=(10, 2))
    linear = Linear(4, 2, rng=1)
    optim = Optim(linear, MSELoss(), eps, rule=rule)
    theirs = [torch.tensor(parameter.value, requires_grad=True) for parameter in linear.parameters()]
    step = case.torch(rule, theirs, eps)
    for _ in range(30):
        costs = optim.step(x, y)
        for each in theirs:
            each.grad = None
        cost = ((torch.tensor(x) @ theirs[0] + theirs[1] - torch.tensor(y)) ** 2).sum()
        cost.backward()
        step()
        np.testing.assert_allclose(costs.sum(), cost.item(), rtol=case.rtol)
    for parameter, other in zip(linear.parameters(), theirs, strict=True):
        np.testing.assert_allclose(parameter.value, other.detach().numpy(), rtol=case.rtol, atol=case.atol)


def test_biases_do_not_decay_whatever_they_are_called():
    class Course:  # a bias of two axes, and one among others in a dict
        def __init__(self):
            self._parameters = {"W": np.ones((2, 2)), "b": np.ones(2)}
            self._gradient = {"W": np.zeros((2, 2)), "b": np.zeros(2)}
            self._bias, self._bias_gradient = np.ones((1, 2)), np.zeros((1, 2))

        def forward(self, x):
            return x

        def backward_delta(self, x, delta):
            return delta

        def backward_update_gradient(self, x, delta):
            self._gradient["W"] += 0 * delta.sum()

        def zero_grad(self):
            pass

        def update_parameters(self, gradient_step=1e-3):
            for each in self._parameters:
                self._parameters[each] -= gradient_step * self._gradient[each]
            self._bias -= gradient_step * self._bias_gradient

    for biases in (False, True):
        net = Course()
        optim = Optim(net, MSELoss(), 0.5, rule=WeightDecay(PlainStep(), 1.0, biases=biases))
        optim.step(np.ones((1, 2)), np.ones((1, 2)))
        np.testing.assert_array_equal(net._parameters["W"], np.full((2, 2), 0.5))
        for bias in (net._parameters["b"], net._bias):
            assert (bias == (0.5 if biases else 1.0)).all()


def test_the_norm_is_that_of_the_whole_net_and_a_gradient_of_0_stays():
    net = Sequential(Linear(1, 1, rng=0), Linear(1, 1, rng=1))
    optim = Optim(net, MSELoss(), 1.0, rule=ClipNorm(PlainStep(), 5.0))
    before = [each.value.copy() for each in net.parameters()]
    for each, value in zip(net.parameters(), (6.0, 0.0, 8.0, 0.0), strict=True):  # of norm 10
        each.gradient = np.full(each.value.shape, value)
    optim.update()
    changes = [float((old - each.value).sum()) for old, each in zip(before, net.parameters(), strict=True)]
    assert changes == pytest.approx([3.0, 0.0, 4.0, 0.0], rel=1e-14)
    before = [each.value.copy() for each in net.parameters()]
    net.zero_grad()
    optim.update()
    for old, each in zip(before, net.parameters(), strict=True):
        np.testing.assert_array_equal(each.value, old)


def test_a_rule_of_others_may_have_two_functions_alone():
    class Theirs:
        def start(self, value):
            return ()

        def change(self, value, gradient, state, eps, step):
            return eps * gradient, ()

    assert Square(0.1, Theirs()).step() == pytest.approx(0.8)
    with raises(TypeError, "WeightDecay: `rule` must be a rule, such as diynn.Adam(), got a Theirs"):
        WeightDecay(Theirs())


# ------------------------------------------------------------------ Optim


@pytest.mark.parametrize("rule", [None, Momentum(), Adam()], ids=repr)
@pytest.mark.parametrize("execution", ["auto", "serial", "threads"])
def test_step_returns_the_costs_before_the_step(rule, execution):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    net = Sequential(Linear(3, 4, rng=0), Tanh(), Linear(4, 2, rng=1))
    optim = Optim(net, MSELoss(), 1e-2, rule=rule, execution=execution)
    for number in range(3):
        assert optim.steps == number
        expected = MSELoss().forward(y, net.forward(x))
        costs = optim.step(x, y)
        assert costs.shape == (40,)
        np.testing.assert_allclose(costs, expected, rtol=1e-12)
    assert np.sum(MSELoss().forward(y, net.forward(x))) < np.sum(costs)


def test_a_step_starts_from_no_gradient_and_leaves_its_own():
    square = Square(0.1, None)
    square.linear._gradient = np.asarray([[1000.0]])
    assert square.step() == pytest.approx(0.8)
    assert square.linear._gradient == [[2.0]]


def test_a_step_that_fails_changes_nothing():
    net = Sequential(Linear(3, 4, rng=0), Tanh(), Linear(4, 2, rng=1))
    optim = Optim(net, MSELoss(), 1e-2, rule=Adam())
    before = [parameter.value.copy() for parameter in net.parameters()]
    with pytest.raises(ValueError, match="`y` must have the shape of `yhat`"):
        optim.step(np.ones((5, 3)), np.ones((5, 3)))
    assert optim.steps == 0
    for parameter, value in zip(net.parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.value, value)
        assert not np.any(parameter.gradient)


def test_each_parameter_has_a_state_of_its_own():
    """Two nets in one follow their own gradients as two alone do."""
    x = np.asarray([[1.0]])
    first, second = Linear(1, 1, rng=0), Linear(1, 1, rng=1)
    alone = [Linear(1, 1, rng=0), Linear(1, 1, rng=1)]
    both, rule = Optim(Sequential(first, second), MSELoss(), 0.1, rule=Momentum()), Momentum()
    optims = [Optim(each, MSELoss(), 0.1, rule=rule) for each in alone]
    for step in range(4):
        for parameter, other in zip(
            both.net.parameters(), [*alone[0].parameters(), *alone[1].parameters()], strict=True
        ):
            parameter.gradient = parameter.value * (step + 1)
            other.gradient = other.value * (step + 1)
        both.update()
        for optim in optims:
            optim.update()
    np.testing.assert_array_equal(both.net.forward(x), Sequential(alone).forward(x))


def test_a_net_with_an_update_of_its_own_is_asked_for_it():
    class Clipped(Sequential):
        def update_parameters(self, gradient_step=1e-3):
            super().update_parameters(gradient_step)
            for each in self.parameters():
                np.clip(each.value, -0.1, 0.1, out=each.value)

    net = Clipped(Linear(6, 3, rng=0))
    optim = Optim(net, MSELoss(), 1e-2)
    optim.step(np.ones((8, 6)), np.full((8, 3), 50.0))
    for _ in range(4):
        optim.update()
        assert np.abs(net[0]._parameters).max() <= 0.1


@pytest.mark.parametrize("execution", ["auto", "serial", "threads"])
def test_a_bias_that_is_added_later_is_trained(execution):
    linear = Linear(2, 2, bias=False, rng=0)
    optim = Optim(Sequential(linear), MSELoss(), 0.1, execution=execution)
    x = np.ones((3, 2))
    for _ in range(3):
        optim.step(x, x)
    linear._bias, linear._bias_gradient = np.zeros(2), np.zeros(2)
    for _ in range(3):
        before = linear._bias.copy()
        optim.step(x, x + 1)
        np.testing.assert_allclose(linear._bias, before - 0.1 * linear._bias_gradient)
        assert linear._bias_gradient.any()


def test_a_rule_of_ones_own():
    class Sign(Rule):
        """Steps of one size."""

        def start(self, value):
            return ()

        def change(self, value, gradient, state, eps, step):
            return eps * np.sign(gradient), state

    square = Square(0.25, Sign())
    assert [square.step() for _ in range(4)] == [0.75, 0.5, 0.25, 0.0]


@each_rule
def test_parameters_keep_their_dtype(rule, backend):
    for eps in (0.1, np.float64(0.1), np.float32(0.1)):
        linear = Linear(2, 1, rng=0, backend=backend.where, dtype="float32")
        optim = Optim(linear, MSELoss(), eps, rule=rule)
        for _ in range(2):
            optim.step(backend.array([[1.0, 2.0]], "float32"), backend.array([[1.0]], "float32"))
        assert all(backend.holds(parameter.value, "float32") for parameter in linear.parameters())


# ------------------------------------------------------------------ step sizes


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (constant(0.5), [0.5] * 5),
        (step_decay(0.8, factor=0.5, every=2), [0.8, 0.8, 0.4, 0.4, 0.2]),
        (exponential_decay(0.8, half_life=2), [0.8, 0.8 / sqrt(2), 0.4, 0.4 / sqrt(2), 0.2]),
        (cosine_decay(0.8, steps=4), [0.8, 0.4 + 0.4 * cos(pi / 4), 0.4, 0.4 - 0.4 * cos(pi / 4), 0, 0]),
        (cosine_decay(0.8, steps=4, warmup=2), [0.4, 0.8, 0.8, 0.4, 0, 0]),
    ],
)
def test_step_sizes(schedule, expected):
    assert [schedule(step) for step in range(len(expected))] == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("rule", [None, Momentum(0.0)], ids=repr)
def test_a_schedule_counts_the_steps(rule):
    square = Square(step_decay(0.25, factor=0.5, every=1), rule)
    seen = []
    for _ in range(3):
        seen.append(square.optim.eps)
        square.step()
    assert seen == [0.25, 0.125, 0.0625]
    assert square.linear._parameters == [[(1 - 0.5) * (1 - 0.25) * (1 - 0.125)]]


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize("eps", [0, -1e-3, float("nan")])
def test_a_step_size_that_is_not_positive(eps):
    with raises(ValueError, f"Optim: `eps` must be a positive number, got {eps!r}"):
        Optim(Linear(1, 1), MSELoss(), eps)


@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan")])
@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (Momentum, "mu"),
        (Adam, "beta1"),
        (Adam, "beta2"),
        (AdamW, "beta1"),
        (AdamW, "beta2"),
        (RMSprop, "rho"),
    ],
)
def test_a_fraction_out_of_range(rule, name, value):
    owner = "Adam" if rule is AdamW else rule.__name__
    with raises(ValueError, f"{owner}: `{name}` must be in [0, 1), got {value!r}"):
        rule(**{name: value})


def test_other_settings_out_of_range():
    with raises(ValueError, "AdamW: `decay` must be a number, 0 or more, got -0.1"):
        AdamW(decay=-0.1)
    with raises(ValueError, "cosine_decay: `warmup` must be in [0, 10), got 10"):
        cosine_decay(0.1, steps=10, warmup=10)
    with raises(ValueError, "Optim: `execution` must be one of auto, serial, threads, mpi, got 'gpu'"):
        Optim(Linear(1, 1), MSELoss(), execution="gpu")


def test_a_rule_finds_nothing_to_change():
    with raises(
        TypeError,
        "Optim: Adam(beta1=0.9, beta2=0.999, epsilon=1e-08) finds no parameters in Tanh: they must be arrays "
        "`_parameters` of its modules; without a rule each module updates itself",
    ):
        Optim(Tanh(), MSELoss(), rule=Adam())
    assert Optim(Tanh(), MSELoss()).step(np.zeros((2, 1)), np.ones((2, 1))).tolist() == [1.0, 1.0]


def test_what_a_rule_left_out():
    with raises(NotImplementedError, "Rule has no start(value)"):
        Rule().start(1.0)
    with raises(NotImplementedError, "Rule has no change(value, gradient, state, eps, step)"):
        Rule().change(1.0, 1.0, (), 0.1, 1)
