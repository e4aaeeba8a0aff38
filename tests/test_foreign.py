"""Containers and layers of anybody, deriving from ours or not, among ours."""

import numpy as np
import pytest

from diynn import Adam, Linear, Module, MSELoss, Optim, Sequential, Tanh
from tests.students import normal

X, Y = normal(23, 3), normal(23, 1, seed=1)


def layers():
    return [Linear(3, 4, rng=0), Tanh(), Linear(4, 1, rng=1)]


class Container(Module):
    """A container that derives from ours, keeps its modules' inputs, and does all it needs in each way."""

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
