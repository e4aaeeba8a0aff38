"""Nets as anybody may write them: what the fuzz of tests/test_any_net.py draws from.

Everything is made from a seed, so that two calls give two nets with the same numbers.
"""

import numpy as np

from diynn import (
    BCEWithLogitsLoss,
    Linear,
    LogSoftmax,
    Module,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from tests.students import StudentLinear, StudentMSE, StudentSequentiel, StudentTanH

# ------------------------------------------------------------------ classes that derive from ours


class SheetLinear(Linear):
    """It adds to its gradient as the sheet says."""

    def backward_update_gradient(self, data, delta):
        self._gradient += data.T @ delta
        self._bias_gradient += delta.sum(axis=0)


class ScaledLinear(Linear):
    """It has a parameter of its own, under a name of its own, and looks after it."""

    def __init__(self, *sizes, **options):
        self.scale, self.scale_gradient = np.array(0.7), np.array(0.0)
        super().__init__(*sizes, **options)

    def forward(self, data):
        return self.scale * super().forward(data)

    def backward_delta(self, data, delta):
        return super().backward_delta(data, self.scale * delta)

    def backward_update_gradient(self, data, delta):
        super().backward_update_gradient(data, self.scale * delta)
        self.scale_gradient = self.scale_gradient + (super().forward(data) * delta).sum()

    def zero_grad(self):
        super().zero_grad()
        self.scale_gradient = np.array(0.0)

    def update_parameters(self, gradient_step=1e-3):
        super().update_parameters(gradient_step)
        self.scale = self.scale - gradient_step * self.scale_gradient


class PlainTanh(Tanh):
    """It leaves `output` out."""

    def backward_delta(self, data, delta):
        return delta * (1 - np.tanh(data) ** 2)


class Leaky(Module):
    """Pure, with a setting that may change."""

    per_example = pure = True

    def __init__(self, slope=0.1):
        self.slope = slope

    def forward(self, data):
        return np.where(data > 0, data, self.slope * data)

    def backward_delta(self, data, delta):
        return np.where(data > 0, delta, self.slope * delta)


class PureLinear(Module):
    """Pure, with parameters, and a sum that is made anew instead of added to."""

    per_example = pure = True

    def __init__(self, weights):
        self._parameters = weights
        self.zero_grad()

    def forward(self, data):
        return data @ self._parameters

    def backward_delta(self, data, delta):
        return delta @ self._parameters.T

    def backward_update_gradient(self, data, delta):
        self._gradient = self._gradient + data.T @ delta


class Falsely(Module):
    """It says that it is pure, and remembers what it saw."""

    pure = True

    def forward(self, data):
        self.seen = np.tanh(data)
        return self.seen

    def backward_delta(self, data, delta):
        return delta * (1 - self.seen**2)


class Drifting(Module):
    """It says that it is pure, and computes something else at each call, by what no attribute shows."""

    pure = True

    def __init__(self):
        self.calls = [0]

    def forward(self, data):
        self.calls[0] += 1
        return (1 + 0.01 * self.calls[0]) * np.tanh(data)

    def backward_delta(self, data, delta):
        return (1 + 0.01 * self.calls[0]) * delta * (1 - np.tanh(data) ** 2)


class Residual(Module):
    """A module that holds one."""

    per_example = True

    def __init__(self, inner):
        self.inner = inner

    def forward(self, data):
        return data + self.inner.forward(data)

    def backward_delta(self, data, delta):
        return delta + self.inner.backward_delta(data, delta)

    def backward_update_gradient(self, data, delta):
        self.inner.backward_update_gradient(data, delta)


class PureResidual(Residual):
    """The same, which may be recorded."""

    pure = True


class Halving(Sequential):
    """A Sequential that computes otherwise."""

    def forward(self, data):
        return 0.5 * super().forward(data)

    def backward_delta(self, data, delta):
        return super().backward_delta(data, 0.5 * delta)

    def backward_update_gradient(self, data, delta):
        super().backward_update_gradient(data, 0.5 * delta)


class Frozen(Linear):
    """It is never updated."""

    def update_parameters(self, gradient_step=1e-3):
        pass


# ------------------------------------------------------------------ classes that know nothing of ours


class Counting(StudentTanH):
    """What it computes depends on how often it was called."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, X):  # noqa: N803  # the skeleton's name
        self.calls += 1
        self.factor = 1 + 0.01 * self.calls
        return self.factor * np.tanh(X)

    def backward_delta(self, input, delta):
        return self.factor * delta * (1 - np.tanh(input) ** 2)


class Masking(StudentTanH):
    """It draws which values it lets through."""

    def __init__(self, seed):
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def forward(self, X):  # noqa: N803  # the skeleton's name
        self.mask = self.rng.integers(0, 2, X.shape)
        return self.mask * X

    def backward_delta(self, input, delta):
        return self.mask * delta


class DictLinear(StudentTanH):
    """Its parameters are in a dict."""

    def __init__(self, weights, bias):
        super().__init__()
        self._parameters = {"W": weights, "b": bias}
        self.zero_grad()

    def zero_grad(self):
        self._gradient = {name: np.zeros_like(value) for name, value in self._parameters.items()}

    def update_parameters(self, gradient_step=1e-3):
        for name in self._parameters:
            self._parameters[name] = self._parameters[name] - gradient_step * self._gradient[name]

    def forward(self, X):  # noqa: N803  # the skeleton's name
        return X @ self._parameters["W"] + self._parameters["b"]

    def backward_update_gradient(self, input, delta):
        self._gradient["W"] += input.T @ delta
        self._gradient["b"] += delta.sum(axis=0)

    def backward_delta(self, input, delta):
        return delta @ self._parameters["W"].T


class StudentBox(StudentSequentiel):
    """A container that may stand anywhere, and that updates what has parameters or modules."""

    def backward_delta(self, input, delta):
        for module, data in zip(self.modules[::-1], self.inputs[-2::-1], strict=True):
            delta = module.backward_delta(data, delta)
        return delta

    def update_parameters(self, gradient_step=1e-3):
        for module in self.modules:
            if module._parameters is not None or hasattr(module, "modules"):
                module.update_parameters(gradient_step)


# ------------------------------------------------------------------ losses


class Mean(MSELoss):
    """It divides by the batch: it is not per example, and need not say so."""

    def backward(self, y, yhat):
        return super().backward(y, yhat) / len(y)


class Smoothed(BCEWithLogitsLoss):
    """It changes what it inherits."""

    def backward(self, y, yhat):
        return 0.9 * super().backward(y, yhat)


def make_loss(rng, *, pure):
    """Return a loss of some kind."""
    if pure:
        return [MSELoss, BCEWithLogitsLoss][rng.integers(2)]()
    return [MSELoss, StudentMSE, Mean, BCEWithLogitsLoss, Smoothed][rng.integers(5)]()


# ------------------------------------------------------------------ nets


def make_compiled_loss(rng):
    """Return a loss that is compiled."""
    return [MSELoss, BCEWithLogitsLoss][rng.integers(2)]()


def make_compiled_net(rng, size):
    """Return a net from (batch, size) to (batch, size), in (0, 1), that is compiled."""
    return make_net(rng, size, pure=True, layer=_compiled_layer).add(Sigmoid())


def make_net(rng, size, *, pure, depth=2, layer=None):
    """Return a net from (batch, size) to (batch, size), of classes that all state that they are pure, "
    "or of any."""
    layers = []
    for _ in range(rng.integers(1, 5)):
        layers.append((layer or (_pure_layer if pure else _layer))(rng, size, depth))
    if rng.integers(4) == 0:  # an instance that stands there twice
        layers.append(layers[0])
    if rng.integers(4) == 0:  # weights tied by assignment
        one, two = (Linear(size, size, rng=rng, bias=False) for _ in range(2))
        two._parameters = one._parameters.T
        layers += [one, Tanh(), two]
    return Sequential(layers)


def _compiled_layer(rng, size, depth):
    weights = rng.normal(size=(size, size)) / size
    new = {"rng": int(rng.integers(1000)), "dtype": "float64", "backend": "numpy"}
    kinds = [
        lambda: Linear(size, size, **new),
        lambda: Linear(size, size, bias=False, **new),
        lambda: PureLinear(weights),
        lambda: Frozen(size, size, **new),
        Tanh,
        ReLU,
        Sigmoid,
        Softmax,
        LogSoftmax,
        Leaky,
        lambda: PureResidual(_compiled_layer(rng, size, depth - 1)) if depth else Tanh(),
        lambda: Sequential(_compiled_layer(rng, size, depth - 1), _compiled_layer(rng, size, depth - 1)),
    ]
    return kinds[rng.integers(len(kinds) if depth else len(kinds) - 1)]()


def _layer(rng, size, depth):
    weights, bias = rng.normal(size=(size, size)) / size, rng.normal(size=size) / size
    new = {"rng": int(rng.integers(1000)), "dtype": "float64", "backend": "numpy"}
    plain = [
        lambda: Linear(size, size, **new),
        lambda: SheetLinear(size, size, **new),
        lambda: ScaledLinear(size, size, **new),
        lambda: Frozen(size, size, **new),
        lambda: PureLinear(weights),
        lambda: StudentLinear(weights, bias),
        lambda: DictLinear(weights, bias),
        Tanh,
        ReLU,
        Sigmoid,
        Softmax,
        PlainTanh,
        Leaky,
        StudentTanH,
        Counting,
        lambda: Masking(new["rng"]),
        Falsely,
    ]
    holding = [
        lambda: Residual(_layer(rng, size, depth - 1)),
        lambda: Sequential(_layer(rng, size, depth - 1), _layer(rng, size, depth - 1)),
        lambda: Halving(_layer(rng, size, depth - 1), _layer(rng, size, depth - 1)),
        lambda: StudentBox([_layer(rng, size, depth - 1), _layer(rng, size, depth - 1)]),
    ]
    kinds = plain + holding * 2 if depth else plain
    return kinds[rng.integers(len(kinds))]()


def _pure_layer(rng, size, depth):
    weights, seed = rng.normal(size=(size, size)) / size, int(rng.integers(1000))
    kinds = [
        lambda: Linear(size, size, rng=seed, dtype="float64", backend="numpy"),
        lambda: PureLinear(weights),
        Tanh,
        ReLU,
        Sigmoid,
        Softmax,
        Leaky,
        Leaky,
    ]
    if depth:
        kinds += [
            lambda: PureResidual(_pure_layer(rng, size, depth - 1)),
            lambda: Sequential(_pure_layer(rng, size, depth - 1), _pure_layer(rng, size, depth - 1)),
        ]
    if rng.integers(8) == 0:
        kinds = [Drifting]
    return kinds[rng.integers(len(kinds))]()
