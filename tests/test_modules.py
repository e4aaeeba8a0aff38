"""Modules that hold modules, what classes state, modes, and memory that is shared: on nets of any make."""

import copy
import pickle

import numpy as np
import pytest

import diynn
from diynn import (
    Adam,
    BCELoss,
    CrossEntropyLoss,
    Dropout,
    GaussianNoise,
    Linear,
    Module,
    MSELoss,
    Optim,
    Sequential,
    Tanh,
)
from diynn.composition import places, walk
from diynn.execution import Threads
from diynn.execution.choice import Plan
from diynn.layers.sequential import takes_output
from diynn.module import parameters
from tests.students import StudentSequentiel, StudentTanH, normal
from tests.students_nets import Frozen, Halving, Leaky, Masking, Residual, StudentBox

EXECUTIONS = ["serial", "auto", "threads"]
each_execution = pytest.mark.parametrize("execution", EXECUTIONS)


def residual_net():
    return Sequential(
        Linear(4, 3, rng=0), Residual(Sequential(Linear(3, 3, rng=1), Tanh())), Linear(3, 2, rng=2)
    )


# ------------------------------------------------------------------ modules that hold modules


def test_one_walk_finds_every_module_once_with_its_place():
    net = residual_net()
    inner = net[1].inner
    assert places(net) == [
        ("", net), ("0.", net[0]), ("1.", net[1]), ("1.0.", inner), ("1.0.0.", inner[0]),
        ("1.0.1.", inner[1]), ("2.", net[2]),
    ]  # fmt: skip
    assert [each.label for each in net.parameters()] == [
        "0._parameters", "0._bias", "1.0.0._parameters", "1.0.0._bias", "2._parameters", "2._bias",
    ]  # fmt: skip
    twice = Sequential(net[1], net[1])
    assert len(walk(twice)) == 1 + 4


class Holder(Module):
    def __init__(self, **held):
        vars(self).update(held)


@pytest.mark.parametrize(
    "held", [{"a": Tanh()}, {"a": [Tanh()]}, {"a": {"x": (1, Tanh())}}, {"a": (3, "b"), "b": Tanh()}]
)
def test_modules_are_found_among_the_attributes(held):
    assert len(Holder(**held).children()) == 1


def test_a_module_with_children_of_its_own_says_so():
    class Chosen(Holder):
        def children(self):
            return [self.one]

    chosen = Chosen(one=Linear(2, 2), other=Linear(2, 2))
    assert [each.owner for each in chosen.parameters()] == [chosen.one] * 2


@pytest.mark.parametrize("rule", [None, Adam()], ids=repr)
@each_execution
def test_modules_within_modules_are_trained_saved_moved_and_counted(rule, execution, tmp_path):
    net, x, y = residual_net(), normal(6, 4), normal(6, 2)
    before = [each.value.copy() for each in net.parameters()]
    optim = Optim(net, MSELoss(), 1e-2, rule=rule, execution=execution)
    for _ in range(5):
        optim.step(x, y)
    assert not any(
        np.array_equal(one, other.value) for one, other in zip(before, net.parameters(), strict=True)
    )
    net.zero_grad()
    assert not any(each.gradient.any() for each in net.parameters())
    assert net.summary((4,)).parameters == 15 + 12 + 8
    assert [row[3] for row in net.summary((4,)).rows] == [15, 12, 8]
    diynn.save(net, tmp_path / "net.npz")
    other = residual_net()
    diynn.load(other, tmp_path / "net.npz")
    np.testing.assert_array_equal(other(x), net(x))
    assert {each.value.dtype for each in net.to(dtype="float32").parameters()} == {np.dtype("float32")}


def test_what_stands_below_two_modules_is_updated_once():
    linear = Linear(2, 2, rng=0)
    net = Sequential(Residual(linear), Residual(Sequential(linear)))
    net.zero_grad()
    linear._gradient = np.ones((2, 2))
    before = linear._parameters.copy()
    net.update_parameters(0.5)
    np.testing.assert_array_equal(linear._parameters, before - 0.5)


def test_modules_that_cannot_be_found_are_named():
    class Shelf:
        def __init__(self, linear):
            self.linear = linear

    class Hiding(Residual):
        def __init__(self, inner):
            self.shelf = Shelf(inner)

        @property
        def inner(self):
            return self.shelf.linear

    net = Sequential(Linear(3, 3), Hiding(Linear(3, 3)))
    Optim(net, MSELoss()).step(normal(4, 3), normal(4, 3))  # each module computes by itself
    message = (
        r"Hiding: `shelf`, of type Shelf, holds modules, and they cannot be found there; write a method chi"
    )
    for call in (
        lambda: Optim(net, MSELoss(), rule=Adam()),
        lambda: diynn.save(net, "never.npz"),
        lambda: net.to(dtype="float32"),
        net.parameters,
    ):
        with pytest.raises(TypeError, match=message):
            call()


def test_a_parameters_of_its_own_that_names_more_than_children_is_refused():
    class Listing(Residual):
        def children(self):
            return []

        def parameters(self):
            return self.inner.parameters()

    with pytest.raises(
        TypeError, match=r"Listing: `parameters` returns Parameter\(_parameters: \(2, 2\) float64\), "
    ):
        Sequential(Listing(Linear(2, 2))).parameters()


def test_a_module_that_holds_modules_needs_a_way_back_through_them():
    class Lazy(Module):
        def __init__(self):
            self.inner = Linear(2, 2)

    with pytest.raises(NotImplementedError, match="Lazy holds modules and has no backward_update_gradient"):
        Lazy().backward_update_gradient(normal(1, 2), normal(1, 2))


def test_a_students_container_is_reached_by_every_rule():
    net = Sequential(StudentBox([Linear(3, 3, rng=0), StudentTanH()]), Linear(3, 2, rng=1))
    before = [each.value.copy() for each in net.parameters()]
    Optim(net, MSELoss(), 1e-2, rule=Adam()).step(normal(5, 3), normal(5, 2))
    for one, other in zip(before, net.parameters(), strict=True):
        assert np.abs(one - other.value).min() > 5e-3


@each_execution
def test_a_sequential_that_computes_otherwise_is_heard(execution):
    x, y = normal(5, 3), normal(5, 2)
    layers = [Linear(3, 2, rng=0)]
    for net in (Halving(layers), Sequential(Halving(layers))):
        expected = MSELoss()(y, 0.5 * layers[0](x))
        cost = Optim(net, MSELoss(), 1e-12, execution=execution).step(x, y)
        np.testing.assert_allclose(cost, expected, rtol=1e-12)


# ------------------------------------------------------------------ what classes state


def test_a_class_that_defines_a_method_anew_has_stated_nothing():
    class Doubled(Tanh):
        def forward(self, data):
            return 2 * super().forward(data)

    class Repeated(Doubled):
        pass

    class Stated(Doubled):
        per_example = True

    class Renamed(Tanh):
        pass

    class Mixin:
        def backward_delta(self, data, delta):
            return delta

    class Mixed(Mixin, Tanh):
        pass

    found = {
        each.__name__: (each.per_example, each.pure) for each in (Doubled, Repeated, Stated, Renamed, Mixed)
    }
    assert found == {
        "Doubled": (False, False), "Repeated": (False, False), "Stated": (True, False),
        "Renamed": (True, True), "Mixed": (False, False),
    }  # fmt: skip
    assert not Halving.series
    assert Sequential.series


def test_a_loss_that_defines_a_method_anew_is_heard():
    class Zero(CrossEntropyLoss):
        def backward(self, y, yhat):
            return 0 * super().backward(y, yhat)

    assert not Zero.per_example
    assert not Zero.pure
    y, yhat = np.array([0, 1]), normal(2, 3)
    costs, delta = Zero().costs_and_delta(y, yhat)
    np.testing.assert_array_equal(costs, CrossEntropyLoss()(y, yhat))
    np.testing.assert_array_equal(delta, np.zeros((2, 3)))
    net = Sequential(Linear(4, 3, rng=0))
    before = net[0]._parameters.copy()
    with pytest.warns(RuntimeWarning, match="SGD: the gradient of all parameters is 0"):
        diynn.SGD(net, Zero(), normal(32, 4), np.zeros(32, int), 8, 3, 0.1, progress=False)
    np.testing.assert_array_equal(net[0]._parameters, before)


def test_a_loss_whose_instance_was_patched_is_heard():
    loss = CrossEntropyLoss()
    loss.backward = lambda y, yhat: 0 * yhat
    net = Linear(4, 3, rng=0)
    before = net._parameters.copy()
    for _ in range(5):
        Optim(net, loss, 0.1).step(normal(6, 4), np.zeros(6, int))
    np.testing.assert_array_equal(net._parameters, before)


def test_output_is_handed_to_those_whose_signature_takes_it():
    class Without(Tanh):
        def backward_delta(self, data, delta):
            return super().backward_delta(data, delta)

    assert takes_output(Tanh())
    assert not takes_output(Without())
    net, x = Sequential(Without(), Linear(3, 3, rng=0)), normal(4, 3)
    np.testing.assert_allclose(
        net.backward_delta(x, x), Sequential(Tanh(), net[1]).backward_delta(x, x), rtol=1e-15
    )


@pytest.mark.parametrize("count", [32, 700])
def test_a_mean_over_the_batch_does_not_depend_on_the_cores(count):
    class Mean(MSELoss):
        def backward(self, y, yhat):
            return super().backward(y, yhat) / len(y)

    x, y = normal(count, 12), normal(count, 4)
    nets = [Sequential(Linear(12, 256, rng=0), Tanh(), Linear(256, 4, rng=1)) for _ in EXECUTIONS]
    for net, execution in zip(nets, EXECUTIONS, strict=True):
        Optim(net, Mean(), 1e-3, execution=execution).step(x, y)
        for one, other in zip(net.parameters(), nets[0].parameters(), strict=True):
            np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-12, atol=1e-15)


def test_gradients_are_arrays_whenever_anybody_looks():
    class Looking(Linear):
        def backward_update_gradient(self, data, delta):
            assert isinstance(self._gradient, np.ndarray)
            self._gradient += data.T @ delta
            self._bias_gradient += delta.sum(axis=0)

    net = Sequential(Looking(3, 3, rng=0), Tanh(), Linear(3, 3, rng=1))
    optim = Optim(net, MSELoss())
    for _ in range(5):
        optim.step(normal(4, 3), normal(4, 3))
        assert all(type(each.gradient) is np.ndarray for each in net.parameters())


# ------------------------------------------------------------------ modules themselves, not copies of them


@each_execution
def test_what_is_set_between_steps_is_seen_and_what_forward_stores_is_found(execution):
    class Storing(Leaky):
        def forward(self, data):
            self.seen = data
            return super().forward(data)

    for kind in (Leaky, Storing):
        net = Sequential(Linear(3, 3, rng=0), kind(0.1), Linear(3, 2, rng=1))
        optim, x, y = Optim(net, MSELoss(), 1e-12, execution=execution), normal(8, 3), normal(8, 2)
        for _ in range(6):
            optim.step(x, y)
        net[1].slope = 0.9
        other = Sequential(net[0], Leaky(0.9), net[2])
        np.testing.assert_allclose(optim.step(x, y), MSELoss()(y, other(x)), rtol=1e-9)
        if kind is Storing:
            np.testing.assert_allclose(net[1].seen, net[0](x), rtol=1e-9)


@each_execution
@pytest.mark.parametrize("rule", [None, Adam()], ids=repr)
def test_a_layer_that_is_frozen_stays_as_it_is(execution, rule):
    net = Sequential(Linear(3, 3, rng=0), Tanh(), Frozen(3, 2, rng=1))
    optim = Optim(net, MSELoss(), 1e-2, rule=rule, execution=execution)
    frozen = net[2]._parameters.copy()
    for _ in range(5):
        optim.step(normal(8, 3), normal(8, 2))
    np.testing.assert_array_equal(net[2]._parameters, frozen)
    net[0].update_parameters = lambda gradient_step=1e-3: None
    before = net[0]._parameters.copy()
    for _ in range(5):
        optim.step(normal(8, 3), normal(8, 2))
    np.testing.assert_array_equal(net[0]._parameters, before)


def test_an_update_of_its_own_that_a_rule_would_pass_over_is_named():
    class Clipped(Linear):
        def update_parameters(self, gradient_step=1e-3):
            super().update_parameters(gradient_step)
            np.clip(self._parameters, -0.01, 0.01, out=self._parameters)

    net = Sequential(Clipped(3, 3, rng=0))
    Optim(net, MSELoss()).step(normal(4, 3), normal(4, 3))
    assert np.abs(net[0]._parameters).max() == 0.01
    with pytest.raises(
        TypeError, match=r"^Optim: Clipped has an `update_parameters` that does something else than"
    ):
        Optim(Sequential(Clipped(3, 3)), MSELoss(), rule=Adam())


@each_execution
def test_a_random_module_draws_at_every_step(execution):
    net = Sequential(Linear(3, 50, rng=0), Masking(1))
    optim, masks = Optim(net, MSELoss(), 1e-9, execution=execution), set()
    for _ in range(8):
        optim.step(normal(8, 3), normal(8, 50))
        masks.add(net[1].mask.tobytes())
    assert len(masks) == 8


# ------------------------------------------------------------------ modes, and layers that draw


class Foreign(StudentTanH):
    mode = "new"

    def train(self):
        self.mode = "training"

    def eval(self):
        self.mode = "evaluation"


def test_a_mode_is_handed_on_to_every_module():
    net = Sequential(
        Residual(Sequential(Dropout(), Foreign())), StudentSequentiel([GaussianNoise(1.0), Foreign()])
    )
    ours = [each for each in walk(net) if isinstance(each, Module)]
    foreign = [each for each in walk(net) if isinstance(each, Foreign)]
    assert len(ours) == 5
    assert len(foreign) == 2
    assert all(each.training for each in ours)
    assert net.eval() is net
    assert not any(each.training for each in ours)
    assert {each.mode for each in foreign} == {"evaluation"}
    net.train()
    assert all(each.training for each in ours)
    assert {each.mode for each in foreign} == {"training"}


def test_training_is_in_one_mode_and_measuring_in_the_other():
    modes = []

    class Noting(Foreign):
        def forward(self, X):  # noqa: N803
            modes.append((self.mode, len(X)))
            return super().forward(X)

    net, x = Sequential(Linear(3, 2, rng=0), Noting(), Dropout(0.9, rng=0)), normal(6, 3)
    history = diynn.SGD(
        net,
        MSELoss(),
        x,
        normal(6, 2),
        4,
        2,
        1e-3,
        validation=(normal(5, 3), normal(5, 2)),
        rng=0,
        progress=False,
    )
    assert modes == [("training", 4), ("training", 2), ("evaluation", 5)] * 2
    assert net.training
    assert net[2].training
    np.testing.assert_array_equal(diynn.predict(net, x), net[1].forward(net[0].forward(x)))
    net.eval()
    diynn.predict(net, x)
    assert not net.training
    assert len(history) == 2


def dropping(seed=0):
    return Sequential(
        Linear(6, 40, rng=0), Dropout(0.4, rng=seed), Tanh(), GaussianNoise(0.1, rng=seed), Linear(40, 3)
    )


class Shares(Threads):
    def plan(self, net, x, *, compiled=False):
        return Plan(self.count, 7)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_one_seed_gives_one_run_for_each_number_of_shares(count):
    def train(seed):
        np.random.seed(3)  # noqa: NPY002  # of the last layer
        net = dropping(seed)
        optim = Optim(net, MSELoss(), 1e-3, execution=Shares(count))
        costs = [optim.step(normal(20, 6, seed=k), normal(20, 3, seed=-k % 9)) for k in range(8)]
        return [*costs, *(each.value for each in net.parameters())]

    first = train(5)
    for one, other in zip(first, train(5), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(first[0], train(6)[0])


def test_a_dropout_is_recorded_and_draws_anew_what_it_would_have_drawn():
    found = []
    for execution in ("serial", "auto"):
        net = Sequential(
            Linear(6, 40, rng=0), Dropout(0.4, rng=1), GaussianNoise(0.3, rng=2), Linear(40, 3, rng=3)
        )
        optim = Optim(net, MSELoss(), 1e-3, execution=execution)
        found.append([optim.step(normal(20, 6, seed=k), normal(20, 3)) for k in range(8)])
        if execution == "auto":
            (steps,) = optim.execution._steps.values()
            assert steps.split.shares[0].known[20].believed
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_dropout_keeps_the_mean_and_the_share_of_zeros():
    data = np.ones((100, 1000))
    output = Dropout(0.3, rng=0)(data)
    assert abs(output.mean() - 1) < 4 * np.sqrt(0.3 / 0.7 / 1e5)
    assert abs((output == 0).mean() - 0.3) < 4 * np.sqrt(0.21 / 1e5)
    np.testing.assert_allclose(output[output != 0], 1 / 0.7, rtol=1e-15)


def test_one_dropout_at_two_places_has_two_masks():
    dropout = Dropout(0.5, rng=0)
    net, x = Sequential(dropout, Linear(50, 50, rng=1), dropout), normal(4, 50)
    values = net.activations(x)
    delta = net.backpropagate(values, np.ones((4, 50)), data_delta=True)
    upper = np.where(values[3] != 0, 2.0, 0.0)
    lower = np.where(values[1] != 0, 2.0, 0.0)
    np.testing.assert_allclose(delta, (upper @ net[1]._parameters.T) * lower, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("p", [-0.1, 1, 1.5, float("nan")])
def test_a_dropout_has_a_probability(p):
    with pytest.raises(ValueError, match=r"Dropout: `p` must be in \[0, 1\), got"):
        Dropout(p)


# ------------------------------------------------------------------ memory that is shared


def tied():
    encoder, decoder = Linear(4, 3, rng=0), Linear(3, 4, rng=1)
    decoder._parameters = encoder._parameters.T
    return Sequential(encoder, Tanh(), decoder)


COPIES = {
    "copy": lambda net: net.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "to": lambda net: net.to(dtype="float32"),
    "nested": lambda net: copy.deepcopy({"net": [Sequential(net)]})["net"][0][0],
}


@pytest.mark.parametrize("name", COPIES)
def test_tied_weights_stay_tied(name):
    net = COPIES[name](tied())
    assert np.shares_memory(net[0]._parameters, net[2]._parameters)
    Optim(net, MSELoss(), 1e-2).step(*[normal(6, 4).astype(net[0]._parameters.dtype)] * 2)
    np.testing.assert_array_equal(net[0]._parameters.T, net[2]._parameters)
    assert net.summary((4,)).parameters == 12 + 3 + 4
    if name != "to":
        assert not np.shares_memory(net[0]._parameters, tied()[0]._parameters)


def test_tied_weights_of_a_students_layer_stay_tied_and_so_do_parts_of_one_array():
    memory = normal(20)
    one, two = Linear(2, 2), Linear(2, 2)
    one._parameters, two._parameters = memory[:4].reshape(2, 2), memory[2:6].reshape(2, 2)
    net = Sequential(one, two).copy()
    net[0]._parameters[...] = 7
    assert net[1]._parameters.tolist() == [[7, 7], memory[4:6].tolist()]
    assert net.summary((2,)).parameters == 6 + 2 + 2


def test_tied_weights_move_to_torch_and_back(backend):
    net = tied().to(backend.where)
    values = [each.value for each in net.parameters()]
    if backend.name == "torch":
        values[0][0, 0] = 5.0
        assert float(values[2][0, 0]) == 5.0
    np.testing.assert_allclose(diynn.to_numpy(values[2]).T, diynn.to_numpy(values[0]))


# ------------------------------------------------------------------ mends of the same kind


def test_nan_is_told_by_the_binary_cross_entropy():
    net = Sequential(Linear(3, 2, rng=0), diynn.Sigmoid())
    net[0]._parameters[0, 0] = np.nan
    with pytest.warns(RuntimeWarning, match="the cost of epoch 1 is not finite"):
        history = diynn.SGD(net, BCELoss(), normal(8, 3), np.ones((8, 2)), progress=False)
    assert history.stopped is not None
    assert np.isnan(BCELoss()(np.ones((1, 1)), np.array([[np.nan]]))).all()


@pytest.mark.parametrize("value", [1.5, -0.5, np.inf])
@each_execution
def test_predictions_that_are_no_probabilities_are_refused_at_every_step(value, execution):
    message = r"BCELoss\(\): `yhat` must be in \[0, 1\], got"
    with pytest.raises(ValueError, match=message):
        BCELoss()(np.ones((2, 1)), np.array([[value], [0.5]]))
    net = Linear(1, 1, bias=False, rng=0)
    with pytest.warns(UserWarning, match=r"BCELoss\(\) takes probabilities, and Linear"):
        optim = Optim(net, BCELoss(), 1e-12, execution=execution)
    for _ in range(6):
        net._parameters[...] = 0.5
        optim.step(np.ones((2, 1)), np.ones((2, 1)))
        net._parameters[...] = value
        with pytest.raises(ValueError, match=message):
            optim.step(np.ones((2, 1)), np.ones((2, 1)))


def test_accuracy_of_nan_is_none():
    scores = np.array([[np.nan, 0.0], [1.0, 0.0]])
    assert diynn.accuracy(np.array([0, 0]), scores) == 0.5
    assert diynn.accuracy(np.array([[1], [1]]), np.array([[np.nan], [0.9]])) == 0.5


def test_adam_divides_by_no_zero_in_float16():
    net = Sequential(Linear(4, 3, rng=0, dtype="float16"))
    diynn.SGD(
        net, CrossEntropyLoss(), np.zeros((8, 4), "float16"), np.zeros(8, int), rule=Adam(), progress=False
    )
    assert np.isfinite(net[0]._parameters).all()


@pytest.mark.parametrize(
    ("init", "error", "message"),
    [
        (
            lambda rng, shape, a, b: np.zeros((2, 2)),
            ValueError,
            r"must return an array of shape \(3, 2\), got \(2, 2\)",
        ),
        (
            lambda rng, shape, a, b: np.zeros(shape, complex),
            TypeError,
            "must return real numbers, got complex128",
        ),
        (lambda rng, shape, a, b: np.full(shape, np.nan), ValueError, "must return finite numbers, got"),
    ],
)
def test_initial_parameters_are_what_they_should_be(init, error, message):
    with pytest.raises(error, match="Linear: `init` " + message):
        Linear(3, 2, init=init)


@pytest.mark.parametrize("value", [float("nan"), -1e-3, float("inf")])
def test_a_schedule_returns_a_step_size(value):
    optim = Optim(Linear(2, 2), MSELoss(), lambda step: value)
    with pytest.raises(
        ValueError, match=r"Optim: `eps`, a schedule, must return 0 or more, got .* at step 0"
    ):
        optim.step(normal(2, 2), normal(2, 2))


@pytest.mark.parametrize("value", [0, -1.0, float("inf"), float("nan")])
def test_settings_that_are_none(value):
    with pytest.raises(ValueError, match="Adam: `epsilon` must be a positive number, got"):
        Adam(epsilon=value)
    with pytest.raises(ValueError, match="Optim: `eps` must be a positive number, got"):
        Optim(Linear(2, 2), MSELoss(), value)


def test_every_parameter_of_a_net_is_reached_by_its_key():
    from tests.students_nets import DictLinear

    net = Sequential(DictLinear(normal(3, 2), normal(2)))
    assert [each.label for each in parameters(net)] == ["0._parameters.W", "0._parameters.b"]
    Optim(net, MSELoss(), 1e-2, rule=Adam()).step(normal(4, 3), normal(4, 2))
    assert np.abs(net[0]._parameters["W"] - normal(3, 2)).min() > 5e-3
    net.to(dtype="float32")
    assert net[0]._parameters["b"].dtype == np.float32


class Abstract:
    """A skeleton as courses hand it out: what a subclass has to write is in error."""

    def backward_update_gradient(self, data, delta):
        raise NotImplementedError

    def zero_grad(self):
        raise NotImplementedError

    def update_parameters(self, gradient_step=1e-3):
        raise NotImplementedError


class Doubled(Abstract):
    """An activation that inherits all that it has nothing to do for."""

    def forward(self, data):
        return 2 * data

    def backward_delta(self, data, delta):
        return 2 * delta


@pytest.mark.parametrize("rule", [None, Adam()])
@pytest.mark.parametrize(
    "held", [{}, {"_parameters": None}, {"_parameters": {}}, {"_parameters": []}], ids=str
)
def test_inherited_methods_in_error_are_harmless_without_parameters(held, rule):
    module = Doubled()
    vars(module).update(held)
    net = diynn.Sequential(Linear(2, 3, rng=0), module, Linear(3, 1, rng=1))
    x, y = np.ones((4, 2)), np.ones((4, 1))
    optim = Optim(net, MSELoss(), 1e-3, rule=rule)
    costs = [optim.step(x, y).sum() for _ in range(5)]
    assert costs[-1] < costs[0]
    module._parameters = np.ones(3)
    with pytest.raises(NotImplementedError):
        Optim(net, MSELoss(), 1e-2).step(x, y)
