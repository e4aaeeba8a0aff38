# ruff: noqa: N803, NPY002, B905
"""Right ones that are hard to read: tuples, views, labels in any form, a cache that is checked."""

import numpy as np

from tests.zoo import right
from tests.zoo.skeleton import Loss, Module


@right("Linear")
class LinearTuples(Module):
    """Parameters in a tuple, which is made anew at each step."""

    def __init__(self, i, o):
        self.params = (np.random.randn(i, o), np.random.randn(o))
        self.grads = (np.zeros((i, o)), np.zeros(o))

    def zero_grad(self):
        self.grads = tuple(np.zeros_like(p) for p in self.params)

    def forward(self, X):
        return X @ self.params[0] + self.params[1]

    def backward_update_gradient(self, input, delta):
        self.grads = (self.grads[0] + input.T @ delta, self.grads[1] + delta.sum(axis=0))

    def backward_delta(self, input, delta):
        return delta @ self.params[0].T

    def update_parameters(self, gradient_step=1e-3):
        self.params = tuple(p - gradient_step * g for p, g in zip(self.params, self.grads))


@right("Linear")
class LinearViews(Module):
    """W and b are views of one array."""

    def __init__(self, input, output):
        self._parameters = np.random.randn(input + 1, output)
        self.W, self.b = self._parameters[:-1], self._parameters[-1]
        self._gradient = np.zeros_like(self._parameters)

    def zero_grad(self):
        self._gradient[...] = 0

    def forward(self, X):
        return X @ self.W + self.b

    def backward_update_gradient(self, input, delta):
        self._gradient[:-1] += input.T @ delta
        self._gradient[-1] += delta.sum(axis=0)

    def backward_delta(self, input, delta):
        return delta @ self.W.T


@right("MaxPool1D")
class PoolChecksItsCache(Module):
    """Remembers argmax, and computes it again for other data."""

    def __init__(self, k_size, stride):
        self.k, self.s = k_size, stride
        self.data = None

    def forward(self, X):
        size = (X.shape[1] - self.k) // self.s + 1
        shape = (X.shape[0], size, self.k, X.shape[2])
        strides = (X.strides[0], X.strides[1] * self.s, X.strides[1], X.strides[2])
        windows = np.lib.stride_tricks.as_strided(X, shape, strides)
        self.data, self.arg = X, windows.argmax(axis=2)
        return windows.max(axis=2)

    def backward_delta(self, input, delta):
        if self.data is not input:
            self.forward(input)
        out = np.zeros(input.shape)
        b, i, c = np.indices(delta.shape)
        np.add.at(out, (b, i * self.s + self.arg, c), delta)
        return out


@right("CrossEntropyLoss")
class CEAnyLabels(Loss):
    """Takes indices or one-hot labels, on probabilities; the costs are a column."""

    def onehot(self, y, yhat):
        return np.eye(yhat.shape[1])[y] if y.ndim == 1 else y

    def forward(self, y, yhat):
        return -np.sum(self.onehot(y, yhat) * np.log(np.clip(yhat, 1e-12, 1)), axis=1, keepdims=True)

    def backward(self, y, yhat):
        return -self.onehot(y, yhat) / np.clip(yhat, 1e-12, 1)


@right("MSELoss")
class MSELoops(Loss):
    def forward(self, y, yhat):
        costs = []
        for target, predicted in zip(y, yhat):
            costs.append(sum((p - t) ** 2 for t, p in zip(target, predicted)))
        return np.array(costs)

    def backward(self, y, yhat):
        return np.array([[2 * (p - t) for t, p in zip(*rows)] for rows in zip(y, yhat)])


@right("Linear")
class LinearSingleGradient(Module):
    """Parameters in double precision, gradients kept in single: sums that cancel are rounded all the same."""

    def __init__(self, input, output):
        self._parameters = np.random.randn(input, output)
        self._bias = np.random.randn(output)
        self.zero_grad()

    def zero_grad(self):
        self._gradient = np.zeros(self._parameters.shape, dtype=np.float32)
        self._bias_gradient = np.zeros(self._bias.shape, dtype=np.float32)

    def forward(self, X):
        return X @ self._parameters + self._bias

    def backward_update_gradient(self, input, delta):
        self._gradient += (input.T @ delta).astype(np.float32)
        for row in delta:
            self._bias_gradient += row.astype(np.float32)

    def backward_delta(self, input, delta):
        return (delta @ self._parameters.T).astype(np.float32)

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient
        self._bias -= gradient_step * self._bias_gradient
