"""What a student wrote against the bare sheet: classes that know nothing of ours."""

import numpy as np

from diynn import Linear, Optim
from tests.zoo import skeleton


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


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


def train(net, loss, steps=40, **options):
    """Return the costs of some steps on one batch."""
    optim = Optim(net, loss, 1e-3, **options)
    return np.asarray([optim.step(X, Y) for _ in range(steps)])
