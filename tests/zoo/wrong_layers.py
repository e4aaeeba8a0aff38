# ruff: noqa: N803, N806, NPY002, B905
"""Linear layers done wrong, and modules that break the protocol."""

import numpy as np

from tests.zoo import mild, wrong
from tests.zoo.skeleton import Module


class _Linear(Module):
    def __init__(self, input, output):
        super().__init__()
        self._parameters = np.random.randn(input, output)
        self._bias = np.random.randn(output)
        self.zero_grad()

    def zero_grad(self):
        self._gradient = np.zeros_like(self._parameters)
        self._bias_gradient = np.zeros_like(self._bias)

    def forward(self, X):
        return X @ self._parameters + self._bias

    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta
        self._bias_gradient += delta.sum(axis=0)

    def backward_delta(self, input, delta):
        return delta @ self._parameters.T

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient
        self._bias -= gradient_step * self._bias_gradient


class _NoBias(Module):
    def __init__(self, dim_in, dim_out):
        self._parameters = np.random.uniform(-1, 1, (dim_in, dim_out))
        self._gradient = np.zeros((dim_in, dim_out))

    def zero_grad(self):
        self._gradient = np.zeros(self._gradient.shape)

    def forward(self, X):
        assert X.shape[1] == self._parameters.shape[0]
        return np.dot(X, self._parameters)

    def backward_update_gradient(self, input, delta):
        self._gradient += np.dot(input.T, delta)

    def backward_delta(self, input, delta):
        return np.dot(delta, self._parameters.T)


@wrong("Linear", "any.divided_by_batch")
class LinearDivided(_Linear):
    def backward_update_gradient(self, input, delta):
        n = input.shape[0]
        self._gradient += input.T @ delta / n
        self._bias_gradient += delta.sum(axis=0) / n


@wrong("Linear", "any.overwritten")
class LinearOverwrites(_NoBias):
    def backward_update_gradient(self, input, delta):
        self._gradient = input.T @ delta


@wrong("Linear", "any.zero_grad_nothing")
class LinearZeroGradNothing(_NoBias):
    def zero_grad(self):
        gradient = np.zeros_like(self._gradient)  # noqa: F841 - the slip: a local name


@wrong("Linear", "any.zero_grad_partial")
class LinearZeroGradPartial(_Linear):
    def zero_grad(self):
        self._gradient = np.zeros_like(self._parameters)
        if not hasattr(self, "_bias_gradient"):
            self._bias_gradient = np.zeros_like(self._bias)


@wrong("Linear", "linear.transposed")
class LinearTransposed(_Linear):
    def backward_delta(self, input, delta):
        return delta @ self._parameters


@wrong("Linear", "any.learning_rate")
class LinearLearningRate(_NoBias):
    def backward_update_gradient(self, input, delta):
        self._gradient += 0.01 * input.T @ delta


@wrong("Linear", "any.sign")
class LinearSign(_NoBias):
    def backward_update_gradient(self, input, delta):
        self._gradient -= input.T @ delta


@wrong("Linear", "bias.not_summed")
class LinearBiasNotSummed(_Linear):
    def zero_grad(self):
        self._gradient = np.zeros_like(self._parameters)
        self._bias_gradient = 0

    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta
        self._bias_gradient = self._bias_gradient + delta


@wrong("Linear", "bias.column")
class LinearBiasColumn(_Linear):
    def zero_grad(self):
        self._gradient = np.zeros_like(self._parameters)
        self._bias_gradient = np.zeros((1, self._bias.size))

    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta
        self._bias_gradient += delta.sum(axis=0, keepdims=True)


@wrong("Linear", "bias.averaged")
class LinearBiasAveraged(_Linear):
    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta
        self._bias_gradient += np.mean(delta, axis=0)


@wrong("Linear", "bias.forgotten")
class LinearBiasForgotten(_Linear):
    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta


@wrong("Linear", "linear.no_bias")
class LinearNoBias(_Linear):
    def forward(self, X):
        return X @ self._parameters


@wrong("Linear", "linear.gradient_last_example")
class LinearLastExample(_NoBias):
    def backward_update_gradient(self, input, delta):
        for x, d in zip(input, delta):
            g = np.outer(x, d)
        self._gradient += g


@wrong("Linear", "any.mutates")
class LinearMutates(_NoBias):
    def forward(self, X):
        X -= 0.5
        X += 0.25
        return X @ self._parameters + 0.25 * self._parameters.sum(axis=0)


@mild("Linear", "any.cached")
class LinearCached(_NoBias):
    def forward(self, X):
        self.input = X
        return X @ self._parameters

    def backward_update_gradient(self, input, delta):
        self._gradient += self.input.T @ delta


@wrong("Linear", "any.update_ascends")
class LinearAscends(_NoBias):
    def update_parameters(self, gradient_step=1e-3):
        self._parameters += gradient_step * self._gradient


@wrong("Linear", "any.update_ignores_step")
class LinearIgnoresStep(_NoBias):
    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= self._gradient


@wrong("Linear", "any.update_partial")
class LinearUpdatesPart(_Linear):
    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient


@wrong("Linear", "any.updates_early")
class LinearUpdatesEarly(_NoBias):
    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta
        self._parameters -= 1e-3 * self._gradient


@wrong("Linear", "any.returns_gradient")
class LinearReturnsGradient(_NoBias):
    def backward_delta(self, input, delta):
        return input.T @ delta


@wrong("Linear", "linear.summed_delta")
class LinearSummedDelta(_NoBias):
    def backward_delta(self, input, delta):
        return np.sum(delta @ self._parameters.T, axis=0)


@wrong("Linear", "no_gradient")
class LinearNoGradient(Module):
    """The gradient is computed and kept nowhere."""

    def __init__(self, input, output):
        self._parameters = np.random.randn(input, output)

    def forward(self, X):
        return X @ self._parameters

    def backward_update_gradient(self, input, delta):
        return input.T @ delta

    def backward_delta(self, input, delta):
        return delta @ self._parameters.T


@wrong("Linear", "missing")
class LinearWithoutDelta:
    """A method of the sheet is missing."""

    def __init__(self, input, output):
        self._parameters = np.random.randn(input, output)
        self._gradient = np.zeros((input, output))

    def forward(self, X):
        return X @ self._parameters

    def zero_grad(self):
        self._gradient[:] = 0

    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient


@wrong("Linear", "arguments")
class LinearAsksMore(_NoBias):
    """It cannot be built from the sheet's arguments."""

    def __init__(self, input, output, learning_schedule):
        super().__init__(input, output)
        self.schedule = learning_schedule


@wrong("Linear", "any.constant")
class LinearOffByLittle(_NoBias):
    def backward_update_gradient(self, input, delta):
        self._gradient += 1.0005 * input.T @ delta
