# ruff: noqa: N803
"""More mistakes, each in one part of a class or in two places at once."""

import numpy as np

from tests.zoo import wrong
from tests.zoo.skeleton import Loss, Module
from tests.zoo.wrong_activations import _Flatten, _Sigmoid, _Softmax
from tests.zoo.wrong_layers import _Linear, _NoBias
from tests.zoo.wrong_windows import _Conv, _Pool


@wrong("Linear", "any.divided_by_batch")
class LinearWeightsDivided(_Linear):
    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta / len(input)
        self._bias_gradient += delta.sum(axis=0)


@wrong("Linear", "any.overwritten")
class LinearBiasOverwritten(_Linear):
    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta
        self._bias_gradient = delta.sum(axis=0)


@wrong("Linear", "any.update_ascends")
class LinearBiasAscends(_Linear):
    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient
        self._bias += gradient_step * self._bias_gradient


@wrong("Linear", "any.learning_rate")
class LinearRateAndBatch(_NoBias):
    def backward_update_gradient(self, input, delta):
        self._gradient += 1e-3 * input.T @ delta / len(input)


@wrong("Linear", "any.transposed")
class LinearDeltaTransposed(_NoBias):
    def backward_delta(self, input, delta):
        return self._parameters @ delta.T


@wrong("Linear", "any.divided_by_batch")
class LinearDividesDelta(_NoBias):
    """It also changes the delta that it is given."""

    def backward_delta(self, input, delta):
        delta /= len(delta)
        return delta @ self._parameters.T


@wrong("Softmax", "")
class SoftmaxMeanJacobian(_Softmax):
    """One Jacobian for the whole batch: caught, and of no known name."""

    def backward_delta(self, input, delta):
        s = self.forward(input).mean(axis=0)
        return delta @ (np.diag(s) - np.outer(s, s))


@wrong("Sigmoid", "sigmoid.wrong_power")
class SigmoidSquared(_Sigmoid):
    def backward_delta(self, input, delta):
        return delta * self.forward(input) ** 2


@wrong("ReLU", "activation.no_delta")
class ReLUMask(Module):
    def forward(self, X):
        return X * (X > 0)

    def backward_delta(self, input, delta):
        return input > 0


@wrong("MaxPool1D", "conv.column_i")
class PoolClassic(_Pool):
    def forward(self, X):
        size = self.size(X)
        out = np.zeros((X.shape[0], size, X.shape[2]))
        for i in range(0, size, self.stride):
            out[:, i, :] = np.max(X[:, i : i + self.k_size, :], axis=1)
        return out

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        batch, chan = input.shape[0], input.shape[2]
        for i in range(0, delta.shape[1], self.stride):
            idx = np.argmax(input[:, i : i + self.k_size, :], axis=1) + i
            where = (np.repeat(range(batch), chan), idx.flatten(), list(range(chan)) * batch)
            out[where] = delta[:, i, :].reshape(-1)
        return out


@wrong("MaxPool1D", "pool.everywhere")
class PoolRepeat(_Pool):
    def backward_delta(self, input, delta):
        return np.repeat(delta, self.k_size, axis=1)


@wrong("Conv1D", "conv.axes")
class ConvAxes(_Conv):
    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        weights = self._parameters.reshape(-1, self.chan_out)
        for i in range(delta.shape[1]):
            back = (delta[:, i] @ weights.T).reshape(-1, self.chan_in, self.k_size).transpose(0, 2, 1)
            out[:, i * self.stride : i * self.stride + self.k_size] += back
        return out


@wrong("Conv1D", "conv.half")
class ConvHalfEverywhere(_Conv):
    """The same wrong loop in all three methods: consistent, and not a convolution with a stride."""

    def starts(self, X):
        return range(0, self.size(X), self.stride)

    def forward(self, X):
        pieces = [np.tensordot(X[:, i : i + self.k_size], self._parameters, 2) for i in self.starts(X)]
        return np.stack(pieces, axis=1) + self._bias

    def backward_update_gradient(self, input, delta):
        for place, i in enumerate(self.starts(input)):
            self._gradient += np.einsum("bkc,bf->kcf", input[:, i : i + self.k_size], delta[:, place])
        self._bias_gradient += delta.sum(axis=(0, 1))


@wrong("Flatten", "flatten.not_reshaped")
class FlattenFlatDelta(_Flatten):
    def backward_delta(self, input, delta):
        return delta.reshape(-1)


@wrong("MSELoss", "loss.scalar")
class MSEDividedTwice(Loss):
    def forward(self, y, yhat):
        return np.mean((y - yhat) ** 2)

    def backward(self, y, yhat):
        return 2 * (yhat - y) / len(y) / len(y)


@wrong("MSELoss", "loss.divided_by_batch")
class MSEDividedForward(Loss):
    def forward(self, y, yhat):
        return np.sum((y - yhat) ** 2, axis=1) / len(y)

    def backward(self, y, yhat):
        return -2 * (y - yhat)


@wrong("BCELoss", "bce.epsilon")
class BCEEpsilonAdded(Loss):
    def forward(self, y, yhat):
        return -np.sum(y * np.log(yhat + 1e-10) + (1 - y) * np.log(1 - yhat + 1e-10), axis=1)

    def backward(self, y, yhat):
        return -y / yhat + 1e-10 + (1 - y) / (1 - yhat) + 1e-10


@wrong("CrossEntropyLoss", "ce.nll_gradient")
class CELogWithPlainGradient(Loss):
    def forward(self, y, yhat):
        return -np.log(np.sum(y * yhat, axis=1))

    def backward(self, y, yhat):
        return -y


@wrong("CrossEntropyLoss", "any.divided_by_batch")
class CEUnstableAndDivided(Loss):
    def forward(self, y, yhat):
        return np.log(np.sum(np.exp(yhat), axis=1)) - np.sum(y * yhat, axis=1)

    def backward(self, y, yhat):
        e = np.exp(yhat)
        return (e / e.sum(axis=1, keepdims=True) - y) / len(y)
