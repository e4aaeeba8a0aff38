"""Sequential and Optim of students: ways to build them, and layers that are not trained."""

import pytest

import diynn
from diynn.checking import Verdict, check
from tests.zoo.skeleton import Module


class _Net(Module):
    """A student's net: built from a list, with its own backward pass."""

    def __init__(self, modules):
        super().__init__()
        self.modules = list(modules)

    def forward(self, X):  # noqa: N803
        self.inputs = [X]
        for module in self.modules:
            self.inputs.append(module.forward(self.inputs[-1]))
        return self.inputs[-1]

    def zero_grad(self):
        for module in self.modules:
            module.zero_grad()

    def update_parameters(self, gradient_step=1e-3):
        for module in self.modules:
            module.update_parameters(gradient_step)

    stop = -1

    def backward(self, delta):
        for i in range(len(self.modules) - 1, self.stop, -1):
            self.modules[i].backward_update_gradient(self.inputs[i], delta)
            delta = self.modules[i].backward_delta(self.inputs[i], delta)


class FromArguments(_Net):
    def __init__(self, *modules):
        super().__init__(modules)


class ByAdding(_Net):
    def __init__(self):
        super().__init__([])

    def add_module(self, module):
        self.modules.append(module)


class AllOutputs(_Net):
    """Returns the output of every module."""

    def forward(self, X):  # noqa: N803
        super().forward(X)
        return self.inputs


class ByTheSheet(_Net):
    backward = None

    def backward_update_gradient(self, input, delta):
        self.forward(input)
        _Net.backward(self, delta)

    def backward_delta(self, input, delta):
        self.forward(input)
        for module, data in zip(reversed(self.modules), reversed(self.inputs[:-1]), strict=True):
            delta = module.backward_delta(data, delta)
        return delta


@pytest.mark.parametrize("cls", [_Net, FromArguments, ByAdding, AllOutputs, ByTheSheet, diynn.Sequential])
def test_right_nets_pass_however_they_are_built(cls):
    report = check(cls, like="Sequential")
    assert report.ok, str(report)
    assert report["net_gradient"].verdict is Verdict.PASSED


class FirstLayerForgotten(_Net):
    stop = 0


class LastModuleForgotten(_Net):
    def forward(self, X):  # noqa: N803
        return super().forward(X) * 0 + self.inputs[-1] if False else self._but_one(X)

    def _but_one(self, X):  # noqa: N803
        for module in self.modules[:-1]:
            X = module.forward(X)  # noqa: N806
        return X


class DeltaOfAnother(_Net):
    def backward(self, delta):
        for i in range(len(self.modules) - 1, -1, -1):
            if i < len(self.modules) - 1:
                delta = self.modules[i + 1].backward_delta(self.inputs[i + 1], delta) * 2
            self.modules[i].backward_update_gradient(self.inputs[i], delta)


@pytest.mark.parametrize(
    ("cls", "mistake"),
    [
        (FirstLayerForgotten, "net.first_layer"),
        (LastModuleForgotten, "net.last_missing"),
        (DeltaOfAnother, "net.order"),
    ],
)
def test_wrong_nets_are_caught_and_named(cls, mistake):
    report = check(cls, like="Sequential")
    assert not report.ok
    assert report.mistakes[0] == mistake


def test_a_net_without_a_backward_pass_is_not_judged_for_it():
    class Sequential(_Net):
        backward = None

    assert check(Sequential)["net_gradient"].verdict is Verdict.SKIPPED


class _Optim:
    def __init__(self, net, loss, eps):
        self.net, self.loss, self.eps = net, loss, eps

    def step(self, batch_x, batch_y):
        self.net.zero_grad()
        yhat = self.net.forward(batch_x)
        self.net.backward(self.loss.backward(batch_y, yhat))
        self.net.update_parameters(self.eps)


class NeverZeroed(_Optim):
    def step(self, batch_x, batch_y):
        yhat = self.net.forward(batch_x)
        self.net.backward(self.loss.backward(batch_y, yhat))
        self.net.update_parameters(self.eps)


class Averaged(_Optim):
    def step(self, batch_x, batch_y):
        self.net.zero_grad()
        yhat = self.net.forward(batch_x)
        self.net.backward(self.loss.backward(batch_y, yhat))
        self.net.update_parameters(self.eps / len(batch_x))


class NeverUpdated(_Optim):
    def step(self, batch_x, batch_y):
        self.net.zero_grad()
        self.net.backward(self.loss.backward(batch_y, self.net.forward(batch_x)))


def test_a_right_optimiser_passes_beside_its_net():
    report = check(_Optim, like="Optim", beside=_Net)
    assert report.ok, str(report)


def test_an_optimiser_without_its_net_is_not_judged():
    report = check(_Optim, like="Optim")
    assert not report.failed
    assert "what only its author's net has" in report["net_step"].say("en")


@pytest.mark.parametrize(
    ("cls", "net", "mistake"),
    [
        (NeverZeroed, _Net, "net.not_zeroed"),
        (Averaged, _Net, "net.averaged"),
        (NeverUpdated, _Net, "net.nothing"),
        (_Optim, FirstLayerForgotten, "net.first_layer"),
    ],
)
def test_wrong_optimisers_are_caught_and_named(cls, net, mistake):
    report = check(cls, like="Optim", beside=net)
    assert not report.ok
    assert report.mistakes[0] == mistake
