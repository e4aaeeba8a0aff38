"""Containers and layers of anybody, deriving from ours or not, among ours."""

import warnings

import numpy as np
import pytest

import diynn
from diynn import SGD, Adam, Linear, Module, MSELoss, Optim, Sequential, Tanh
from tests.backends import find
from tests.students import StudentLinear, normal
from tests.students_nets import DictLinear, PureLinear
from tests.test_calls import by_hand, library  # noqa: F401  # a fixture

X, Y = normal(23, 3), normal(23, 1, seed=1)


def layers():
    return [Linear(3, 4, rng=0), Tanh(), Linear(4, 1, rng=1)]


class Container(Module):
    """A container that derives from ours, keeps the inputs of its modules, and needs nothing else."""

    def __init__(self, modules):
        super().__init__()
        self.modules = modules

    def forward(self, data):
        self.inputs = [data]
        for module in self.modules:
            self.inputs.append(module.forward(self.inputs[-1]))
        return self.inputs[-1]

    def backward_delta(self, data, delta):
        for module, each in zip(self.modules[::-1], self.inputs[-2::-1], strict=True):
            delta = module.backward_delta(each, delta)
        return delta

    def backward_update_gradient(self, data, delta):
        for module, each in zip(self.modules[::-1], self.inputs[-2::-1], strict=True):
            module.backward_update_gradient(each, delta)
            delta = module.backward_delta(each, delta)


class DeltaFirst(Container):
    """Its gradients are made of the deltas that ``backward_delta`` left."""

    def backward_delta(self, data, delta):
        self.deltas = [delta]
        for module, each in zip(self.modules[::-1], self.inputs[-2::-1], strict=True):
            self.deltas.append(module.backward_delta(each, self.deltas[-1]))
        return self.deltas[-1]

    def backward_update_gradient(self, data, delta):
        for module, each, kept in zip(self.modules[::-1], self.inputs[-2::-1], self.deltas, strict=False):
            module.backward_update_gradient(each, kept)


class GradientFirst(Container):
    """Its delta is what ``backward_update_gradient`` left."""

    def backward_update_gradient(self, data, delta):
        super().backward_update_gradient(data, delta)
        self.left = super().backward_delta(data, delta)

    def backward_delta(self, data, delta):
        return self.left


@pytest.mark.parametrize("kind", [Container, DeltaFirst, GradientFirst])
@pytest.mark.parametrize("nested", [False, True], ids=["alone", "between"])
@pytest.mark.parametrize("rule", [None, Adam()], ids=repr)
def test_a_container_that_derives_from_ours_is_called_in_its_order(kind, nested, rule):
    first, *rest = layers()
    theirs = Sequential(first, kind(rest)) if nested else kind(layers())
    costs = [[], []]
    for found, net in zip(costs, (theirs, Sequential(layers())), strict=True):
        optim = Optim(net, MSELoss(), 1e-2, rule=rule)
        found += [optim.step(X, Y) for _ in range(5)]
    np.testing.assert_allclose(costs[0], costs[1], rtol=1e-9)


# ------------------------------------------------------------------ parameters as others keep them


class Scaling(Module):
    """One factor an output."""

    def __init__(self, factors):
        super().__init__()
        self._parameters = factors
        self.zero_grad()

    def forward(self, data):
        return data * self._parameters

    def backward_delta(self, data, delta):
        return delta * self._parameters

    def backward_update_gradient(self, data, delta):
        self._gradient = self._gradient + (data * delta).sum(0)

    def update_parameters(self, gradient_step=1e-3):
        self._parameters = self._parameters - gradient_step * self._gradient


def test_integers_to_start_from_do_not_cut_the_data():
    costs = []
    for factors in (np.ones(3, int), np.ones(3)):
        optim = Optim(Sequential(Scaling(factors), Linear(3, 1, rng=0)), MSELoss(), 1e-3)
        costs.append([optim.step(X, Y) for _ in range(3)])
    np.testing.assert_allclose(costs[0], costs[1], rtol=1e-12)
    alone = [
        SGD(Scaling(np.ones(3, kind)), MSELoss(), X, X / 2, epochs=3, rng=0, progress=False)
        for kind in (int, float)
    ]
    np.testing.assert_allclose(alone[0].costs, alone[1].costs, rtol=1e-12)


class Summing(Scaling):
    """It sums its gradient over the outputs as well."""

    def backward_update_gradient(self, data, delta):
        self._gradient = (data * delta).sum()


def test_a_gradient_of_another_size_is_told():
    with pytest.warns(
        RuntimeWarning, match=r"SGD: `_gradient` of Summing has shape \(\), and `_parameters` \(3,\)"
    ):
        SGD(Summing(np.ones(3)), MSELoss(), X, X / 2, epochs=1, progress=False)


class Late(DictLinear):
    """Its gradients are made by ``zero_grad`` alone."""

    def __init__(self):
        super().__init__(normal(3, 1), normal(1))
        self._gradient = {}


def test_a_rule_follows_gradients_that_zero_grad_makes():
    history = SGD(Late(), MSELoss(), X, Y, epochs=5, eps=1e-2, rule=Adam(), progress=False)
    assert history[-1] < history[0]


# ------------------------------------------------------------------ NumPy arrays beside another default


class OwnNames(Linear):
    """Its arrays have names of its own, and its parent's parameters are ours."""

    def __init__(self, *sizes):
        super().__init__(*sizes, rng=0)
        self.scale = [np.array([0.5])]

    def forward(self, data):
        return super().forward(data) * self.scale[0]

    def backward_delta(self, data, delta):
        return super().backward_delta(data, delta * self.scale[0])

    def backward_update_gradient(self, data, delta):
        super().backward_update_gradient(data, delta * self.scale[0])


THEIRS = {
    "bare": lambda: StudentLinear(normal(4, 4), normal(4)),
    "a dict": lambda: DictLinear(normal(4, 4), normal(4)),
    "of ours": lambda: PureLinear(normal(4, 4)),
    "own names": lambda: OwnNames(4, 4),
}


def steps(net):
    optim = Optim(net, MSELoss(), 1e-2)
    return [optim.step(X, Y) for _ in range(3)]


def mixed(theirs):
    return Sequential(Linear(3, 4, rng=0), Tanh(), theirs(), Linear(4, 1, rng=1))


@pytest.mark.parametrize("theirs", THEIRS.values(), ids=THEIRS)
def test_a_net_with_numpy_arrays_of_somebody_stays_on_numpy_and_that_is_told(library, theirs):  # noqa: F811
    words = (
        f" holds NumPy arrays, and other modules were made on '{library}.*all of the net was moved to NumPy"
    )
    with pytest.warns(UserWarning, match="Sequential: .*" + words):
        net = mixed(theirs)
    costs = steps(net)
    assert all(type(each.value) is np.ndarray for each in net.parameters())
    with diynn.set_backend(None):
        expected = steps(mixed(theirs))
    np.testing.assert_allclose(costs, expected, rtol=1e-5, atol=1e-6)  # of weights in single precision


@pytest.mark.filterwarnings("ignore:Sequential:UserWarning")
def test_such_a_net_trains_by_hand_and_on_data_of_the_default_library(library):  # noqa: F811
    _, costs = by_hand(mixed(THEIRS["bare"]), MSELoss(), X, Y)
    assert type(costs) is np.ndarray
    x, labels = diynn.data.two_gaussians(30, rng=0)
    assert type(x) is not np.ndarray
    net = Sequential(StudentLinear(normal(2, 4), normal(4)), Tanh(), Linear(4, 1, rng=1))
    history = SGD(net, MSELoss(), x, labels[:, None], epochs=3, eps=1e-3, progress=False)
    assert history[-1] < history[0]


def test_a_container_of_somebody_is_heard_by_optim(library):  # noqa: F811
    first, _, last = layers()
    with pytest.warns(UserWarning, match="Optim: StudentLinear holds NumPy arrays"):
        optim = Optim(Container([first, StudentLinear(normal(4, 4), normal(4)), last]), MSELoss(), 1e-2)
    assert type(optim.step(X, Y)) is np.ndarray


def test_nets_of_one_library_are_told_nothing(library):  # noqa: F811
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = Sequential(*layers(), diynn.Dropout(0.5))
        theirs = Sequential(THEIRS["bare"](), Tanh(), THEIRS["a dict"]())
        Optim(ours, MSELoss())
        Optim(theirs, MSELoss())
    assert type(ours[0]._parameters) is not np.ndarray
    with diynn.set_backend(None), warnings.catch_warnings():
        warnings.simplefilter("error")
        Sequential(Linear(3, 4, backend=library), THEIRS["bare"]())  # who names a library is left alone


# ------------------------------------------------------------------ NumPy arrays assigned to a layer


def assigned(net, names):
    for name in names:
        setattr(net[0], name, normal(*getattr(net[0], name).shape, seed=5))
    return net


@pytest.mark.parametrize("names", [["_parameters"], ["_bias"]], ids="".join)
@pytest.mark.parametrize("how", ["by hand", "by Optim", "between"])
def test_arrays_assigned_to_a_layer_move_to_the_default_library(library, names, how):  # noqa: F811
    def costs():
        net = Sequential(layers())
        if how == "by hand":
            return by_hand(assigned(net, names), MSELoss(), X, Y)[1]
        optim = Optim(net, MSELoss(), 1e-2)
        if how == "between":
            optim.step(X, Y)
        assigned(net, names)
        return [optim.step(X, Y) for _ in range(3)][-1]

    found = costs()
    with diynn.set_backend(None):
        expected = costs()
    np.testing.assert_allclose(diynn.to_numpy(found), expected, rtol=1e-4, atol=1e-5)  # in single precision


def test_a_layer_all_of_whose_arrays_were_assigned_is_told_to_move(library):  # noqa: F811
    net = Sequential(layers()[1:])
    net[1]._parameters, net[1]._bias = normal(4, 1), normal(1)
    with pytest.raises(ValueError, match=r"layer 2 of 2: Linear\(4, 1\): `data` is .*\.to\(.* the module"):
        net.forward(diynn.asarray(normal(5, 4)))


def test_who_names_libraries_is_told_of_an_array_assigned():
    if missing := find("torch")[1]:
        pytest.skip(missing)
    layer = Linear(3, 4, backend="torch")
    layer._bias = np.zeros(4)
    with pytest.raises(
        ValueError, match=r"Linear\(3, 4\): `_parameters` is a torch array .*and `_bias` a numpy arr"
    ):
        layer.forward(diynn.asarray(X, "torch", dtype="float32"))
