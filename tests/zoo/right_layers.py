# ruff: noqa: N803, N806, NPY002, B905
"""Activations and linear layers in the styles that courses bring forth, all of them right."""

import numpy as np

from tests.zoo import right
from tests.zoo.skeleton import Module


@right("Linear")
class LinearBare(Module):
    """The shortest: one array, no bias."""

    def __init__(self, input, output):
        self._parameters = 2 * (np.random.rand(input, output) - 0.5)
        self._gradient = np.zeros((input, output))

    def zero_grad(self):
        self._gradient = np.zeros(self._parameters.shape)

    def forward(self, X):
        return np.dot(X, self._parameters)

    def backward_update_gradient(self, input, delta):
        self._gradient += np.dot(input.T, delta)

    def backward_delta(self, input, delta):
        return np.dot(delta, self._parameters.T)


@right("Linear")
class LinearBiasRow(Module):
    """The bias is the last row of the weights, and the data get a column of ones."""

    def __init__(self, dim_entree, dim_sortie):
        super().__init__()
        self._parameters = np.random.randn(dim_entree + 1, dim_sortie)
        self.zero_grad()

    def _augmented(self, X):
        return np.hstack((X, np.ones((len(X), 1))))

    def zero_grad(self):
        self._gradient = np.zeros_like(self._parameters)

    def forward(self, X):
        return self._augmented(X) @ self._parameters

    def backward_update_gradient(self, input, delta):
        self._gradient = self._gradient + self._augmented(input).T @ delta

    def backward_delta(self, input, delta):
        return delta @ self._parameters[:-1].T


@right("Linear")
class LinearTransposedWeights(Module):
    """Weights (out, in), as in other libraries; the bias a row (1, out)."""

    def __init__(self, n_in, n_out):
        self._W = np.random.normal(0, 1 / n_in, (n_out, n_in))
        self._b = np.zeros((1, n_out))
        self._dW = np.zeros_like(self._W)
        self._db = np.zeros_like(self._b)

    def zero_grad(self):
        self._dW[:] = 0
        self._db[:] = 0

    def forward(self, X):
        return X.dot(self._W.T) + self._b

    def backward_update_gradient(self, input, delta):
        self._dW += delta.T.dot(input)
        self._db += delta.sum(0, keepdims=True)

    def backward_delta(self, input, delta):
        return delta.dot(self._W)

    def update_parameters(self, gradient_step=1e-3):
        self._W -= gradient_step * self._dW
        self._b -= gradient_step * self._db


@right("Linear")
class LinearDict(Module):
    """Parameters in a dict."""

    def __init__(self, in_features, out_features, bias=True):
        self._parameters = {
            "W": np.random.randn(in_features, out_features),
            "b": np.random.randn(out_features),
        }
        self._gradient = {}
        self.zero_grad()

    def zero_grad(self):
        self._gradient = {key: np.zeros_like(value) for key, value in self._parameters.items()}

    def forward(self, X):
        return X @ self._parameters["W"] + self._parameters["b"]

    def backward_update_gradient(self, input, delta):
        self._gradient["W"] += input.T @ delta
        self._gradient["b"] += np.sum(delta, axis=0)

    def backward_delta(self, input, delta):
        return delta @ self._parameters["W"].T

    def update_parameters(self, gradient_step=1e-3):
        for key in self._parameters:
            self._parameters[key] = self._parameters[key] - gradient_step * self._gradient[key]


@right("Linear")
class LinearLoops(Module):
    """Loops over everything, a list of arrays, gradients made at the first zero_grad."""

    def __init__(self, input_dim, output_dim):
        self._parameters = [np.random.randn(input_dim, output_dim), np.random.randn(output_dim)]
        self._gradient = None

    def zero_grad(self):
        self._gradient = [0 * p for p in self._parameters]

    def forward(self, X):
        W, b = self._parameters
        out = np.zeros((X.shape[0], W.shape[1]))
        for n in range(X.shape[0]):
            for j in range(W.shape[1]):
                out[n, j] = sum(X[n, i] * W[i, j] for i in range(W.shape[0])) + b[j]
        return out

    def backward_update_gradient(self, input, delta):
        for x, d in zip(input, delta):
            self._gradient[0] += np.outer(x, d)
            self._gradient[1] += d

    def backward_delta(self, input, delta):
        return np.array([self._parameters[0] @ d for d in delta])

    def update_parameters(self, gradient_step=1e-3):
        self._parameters = [p - gradient_step * g for p, g in zip(self._parameters, self._gradient)]


@right("Linear")
class LinearSingle(Module):
    """Everything in single precision."""

    def __init__(self, input, output):
        self._parameters = np.random.randn(input, output).astype(np.float32)
        self._bias = np.zeros(output, dtype=np.float32)
        self.zero_grad()

    def zero_grad(self):
        self._gradient = np.zeros(self._parameters.shape, dtype=np.float32)
        self._bias_gradient = np.zeros(self._bias.shape, dtype=np.float32)

    def forward(self, X):
        X = X.astype(np.float32)
        return X @ self._parameters.astype(np.float32) + self._bias.astype(np.float32)

    def backward_update_gradient(self, input, delta):
        self._gradient += (input.T @ delta).astype(np.float32)
        self._bias_gradient += delta.sum(axis=0).astype(np.float32)

    def backward_delta(self, input, delta):
        return (delta @ self._parameters.T).astype(np.float32)

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= np.float32(gradient_step) * self._gradient
        self._bias -= np.float32(gradient_step) * self._bias_gradient


@right("Tanh")
class TanhPlain(Module):
    def forward(self, X):
        return np.tanh(X)

    def backward_delta(self, input, delta):
        return delta * (1 - np.tanh(input) ** 2)


@right("Tanh")
class TanhRemembering(Module):
    """Remembers the output of the very same array, and never relies on it."""

    def forward(self, X):
        self.last, self.out = X, np.tanh(X)
        return self.out.copy()

    def backward_delta(self, input, delta):
        out = self.out if getattr(self, "last", None) is input else np.tanh(input)
        return (1 - out * out) * delta


@right("Tanh")
class TanhByDerivative(Module):
    """1 / cosh², and methods that warn that there is nothing to do by returning None."""

    def forward(self, X):
        return np.tanh(X)

    def backward_delta(self, input, delta):
        return delta / np.cosh(np.clip(input, -300, 300)) ** 2

    def update_parameters(self, gradient_step=1e-3):
        return None

    def zero_grad(self):
        return None


@right("Sigmoid")
class SigmoidPlain(Module):
    def forward(self, X):
        return 1 / (1 + np.exp(-X))

    def backward_delta(self, input, delta):
        s = self.forward(input)
        return delta * s * (1 - s)


@right("Sigmoid")
class SigmoidSingle(Module):
    def forward(self, X):
        X = np.asarray(X, dtype=np.float32)
        return 1 / (1 + np.exp(-np.clip(X, -80, 80)))

    def backward_delta(self, input, delta):
        s = self.forward(input)
        return np.asarray(delta, dtype=np.float32) * s * (1 - s)


@right("ReLU")
class ReLUWhere(Module):
    def forward(self, X):
        return np.where(X > 0, X, 0)

    def backward_delta(self, input, delta):
        return (input > 0) * delta


@right("ReLU")
class ReLUAtZero(Module):
    """Takes 1 for the derivative at 0, which is as good as 0."""

    def __init__(self, threshold=0.0):
        super().__init__()
        self.threshold = threshold

    def forward(self, X):
        Z = X.copy()
        Z[self.threshold > Z] = 0
        return Z

    def backward_delta(self, input, delta):
        d = np.array(delta, dtype=float)
        d[input < self.threshold] = 0
        return d


@right("Softmax")
class SoftmaxJacobian(Module):
    """Builds the Jacobian of each example."""

    def forward(self, X):
        e = np.exp(X - X.max(axis=1).reshape(-1, 1))
        return e / e.sum(axis=1).reshape(-1, 1)

    def backward_delta(self, input, delta):
        out = np.empty(delta.shape)
        for n, s in enumerate(self.forward(input)):
            out[n] = (np.diag(s) - np.outer(s, s)) @ delta[n]
        return out


@right("Softmax")
class SoftmaxEinsum(Module):
    def forward(self, X):
        e = np.exp(X - np.max(X))  # one shift for the batch is as good for such numbers
        e = np.exp(X - np.max(X, axis=-1, keepdims=True)) if np.any(e.sum(-1) == 0) else e
        return e / e.sum(axis=-1, keepdims=True)

    def backward_delta(self, input, delta):
        s = self.forward(input)
        return s * delta - np.einsum("ni,nj,nj->ni", s, s, delta)


@right("LogSoftmax")
class LogSoftmaxPlain(Module):
    def forward(self, X):
        m = X.max(1, keepdims=True)
        return X - (m + np.log(np.sum(np.exp(X - m), axis=1, keepdims=True)))

    def backward_delta(self, input, delta):
        return delta - np.exp(self.forward(input)) * np.sum(delta, axis=1)[:, None]


@right("Flatten")
class FlattenPlain(Module):
    def forward(self, X):
        return X.reshape(X.shape[0], X.shape[1] * X.shape[2])

    def backward_delta(self, input, delta):
        return delta.reshape(input.shape)


@right("Flatten")
class FlattenLoop(Module):
    def forward(self, X):
        return np.array([x.ravel() for x in X])

    def backward_delta(self, input, delta):
        return np.stack([d.reshape(input.shape[1:]) for d in delta])
