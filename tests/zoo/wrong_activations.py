# ruff: noqa: N803, RUF012
"""Activations, softmaxes and Flatten, done wrong."""

import numpy as np

from tests.zoo import mild, wrong
from tests.zoo.skeleton import Module


class _Tanh(Module):
    def forward(self, X):
        return np.tanh(X)


class _Sigmoid(Module):
    def forward(self, X):
        return 1 / (1 + np.exp(-X))


class _ReLU(Module):
    def forward(self, X):
        return np.maximum(0, X)


class _Softmax(Module):
    def forward(self, X):
        e = np.exp(X - np.max(X, axis=1, keepdims=True))
        return e / np.sum(e, axis=1, keepdims=True)


class _LogSoftmax(Module):
    def forward(self, X):
        m = X.max(axis=1, keepdims=True)
        return X - m - np.log(np.exp(X - m).sum(axis=1, keepdims=True))


class _Flatten(Module):
    def forward(self, X):
        return X.reshape(X.shape[0], -1)


# ---------------------------------------------------------------- tanh


@wrong("Tanh", "tanh.no_square")
class TanhNoSquare(_Tanh):
    def backward_delta(self, input, delta):
        return delta * (1 - np.tanh(input))


@wrong("Tanh", "activation.at_output")
class TanhAtOutput(_Tanh):
    def backward_delta(self, input, delta):
        out = self.forward(input)
        return delta * (1 - np.tanh(out) ** 2)


@wrong("Tanh", "activation.data_for_output")
class TanhDataForOutput(_Tanh):
    def backward_delta(self, input, delta):
        return (1 - input**2) * delta


@wrong("Tanh", "activation.no_delta")
class TanhNoDelta(_Tanh):
    def backward_delta(self, input, delta):
        return 1 - np.tanh(input) ** 2


@mild("Tanh", "any.cached")
class TanhCached(_Tanh):
    def forward(self, X):
        self.out = np.tanh(X)
        return self.out

    def backward_delta(self, input, delta):
        return delta * (1 - self.out**2)


@wrong("Tanh", "any.mutates")
class TanhDeltaInPlace(_Tanh):
    def backward_delta(self, input, delta):
        delta *= 1 - np.tanh(input) ** 2
        return delta


@wrong("Tanh", "tanh.overflow")
class TanhByExponentials(Module):
    def forward(self, X):
        return (np.exp(X) - np.exp(-X)) / (np.exp(X) + np.exp(-X))

    def backward_delta(self, input, delta):
        return delta * (1 - self.forward(input) ** 2)


@wrong("Tanh", "any.reuses_output")
class TanhBuffer(_Tanh):
    buffers = {}

    def forward(self, X):
        if X.shape not in self.buffers:
            self.buffers[X.shape] = np.zeros(X.shape)
        np.tanh(X, out=self.buffers[X.shape])
        return self.buffers[X.shape]

    def backward_delta(self, input, delta):
        return delta * (1 - np.tanh(input) ** 2)


@wrong("Tanh", "activation.delta_for_data")
class TanhSwapped(_Tanh):
    def backward_delta(self, delta, input):
        return delta * (1 - np.tanh(input) ** 2)


@wrong("Tanh", "any.learning_rate")
class TanhLearningRate(_Tanh):
    def backward_delta(self, input, delta):
        return 1e-3 * delta * (1 - np.tanh(input) ** 2)


@wrong("Tanh", "returns_nothing")
class TanhUnreturned(_Tanh):
    def backward_delta(self, input, delta):
        delta * (1 - np.tanh(input) ** 2)


# ---------------------------------------------------------------- sigmoid


@wrong("Sigmoid", "activation.data_for_output")
class SigmoidDataForOutput(_Sigmoid):
    def backward_delta(self, input, delta):
        return input * (1 - input) * delta


@wrong("Sigmoid", "activation.at_output")
class SigmoidTwice(_Sigmoid):
    def backward_delta(self, input, delta):
        s = self.forward(self.forward(input))
        return s * (1 - s) * delta


@wrong("Sigmoid", "sigmoid.e_over_sum")
class SigmoidNoSquare(_Sigmoid):
    def backward_delta(self, input, delta):
        return delta * np.exp(-input) / (1 + np.exp(-input))


@wrong("Sigmoid", "sigmoid.sign")
class SigmoidSign(Module):
    def forward(self, X):
        return 1 / (1 + np.exp(X))

    def backward_delta(self, input, delta):
        s = self.forward(input)
        return -s * (1 - s) * delta


@wrong("Sigmoid", "sigmoid.wrong_power")
class SigmoidAsTanh(_Sigmoid):
    def backward_delta(self, input, delta):
        return delta * (1 - self.forward(input) ** 2)


@mild("Sigmoid", "any.cached")
class SigmoidCached(_Sigmoid):
    def forward(self, X):
        self._out = 1 / (1 + np.exp(-X))
        return self._out

    def backward_delta(self, input, delta):
        return self._out * (1 - self._out) * delta


# ---------------------------------------------------------------- ReLU


@wrong("ReLU", "any.mutates")
class ReLUInPlace(_ReLU):
    def forward(self, X):
        X[X < 0] = 0
        return X

    def backward_delta(self, input, delta):
        return np.where(input > 0, delta, 0)


@wrong("ReLU", "relu.of_delta")
class ReLUOfDelta(_ReLU):
    def backward_delta(self, input, delta):
        d = delta.copy()
        d[d <= 0] = 0
        return d


@wrong("ReLU", "activation.output_times_delta")
class ReLUTimesOutput(_ReLU):
    def backward_delta(self, input, delta):
        return delta * self.forward(input)


@wrong("ReLU", "relu.other_side")
class ReLUMaskReversed(_ReLU):
    def backward_delta(self, input, delta):
        mask = input <= 0
        return delta * mask


@mild("ReLU", "any.truncates")
class ReLUTruncated(_ReLU):
    def backward_delta(self, input, delta):
        out = np.zeros_like(input)
        out[input > 0] = delta[input > 0]
        return out


# ---------------------------------------------------------------- softmax


@wrong("Softmax", "softmax.elementwise")
class SoftmaxElementwise(_Softmax):
    def backward_delta(self, input, delta):
        s = self.forward(input)
        return s * (1 - s) * delta


@wrong("Softmax", "any.identity")
class SoftmaxIdentity(_Softmax):
    def backward_delta(self, input, delta):
        return delta


@wrong("Softmax", "softmax.over_batch")
class SoftmaxOverBatch(Module):
    def forward(self, X):
        e = np.exp(X)
        return e / e.sum(axis=0)

    def backward_delta(self, input, delta):
        s = self.forward(input)
        return s * (delta - (delta * s).sum(axis=0))


@wrong("Softmax", "softmax.over_all")
class SoftmaxOverAll(Module):
    def forward(self, X):
        e = np.exp(X)
        return e / np.sum(e)

    def backward_delta(self, input, delta):
        s = self.forward(input)
        return s * (delta - (delta * s).sum())


@wrong("Softmax", "softmax.overflow")
class SoftmaxOverflow(Module):
    def forward(self, X):
        return np.exp(X) / np.exp(X).sum(axis=1).reshape(-1, 1)

    def backward_delta(self, input, delta):
        s = self.forward(input)
        return s * (delta - (delta * s).sum(axis=1, keepdims=True))


@wrong("Softmax", "softmax.sum_without_s")
class SoftmaxSumWithoutS(_Softmax):
    def backward_delta(self, input, delta):
        s = self.forward(input)
        return s * (delta - delta.sum(axis=1, keepdims=True))


@wrong("Softmax", "softmax.column_sum")
class SoftmaxColumnSum(_Softmax):
    def backward_delta(self, input, delta):
        s = self.forward(input)
        return s * (delta - np.sum(delta * s))


@wrong("Softmax", "activation.output_times_delta")
class SoftmaxTimesDelta(_Softmax):
    def backward_delta(self, input, delta):
        return self.forward(input) * delta


@wrong("LogSoftmax", "logsoftmax.elementwise")
class LogSoftmaxElementwise(_LogSoftmax):
    def backward_delta(self, input, delta):
        return delta * (1 - np.exp(self.forward(input)))


@wrong("LogSoftmax", "logsoftmax.no_sum")
class LogSoftmaxNoSum(_LogSoftmax):
    def backward_delta(self, input, delta):
        return delta - np.exp(self.forward(input))


@wrong("LogSoftmax", "softmax.overflow")
class LogOfSoftmax(Module):
    def forward(self, X):
        return np.log(np.exp(X) / np.exp(X).sum(1, keepdims=True))

    def backward_delta(self, input, delta):
        return delta - np.exp(self.forward(input)) * delta.sum(1, keepdims=True)


# ---------------------------------------------------------------- flatten


@wrong("Flatten", "flatten.times_data")
class FlattenTimesInput(_Flatten):
    def backward_delta(self, input, delta):
        return delta.reshape(input.shape) * input


@wrong("Flatten", "flatten.not_reshaped")
class FlattenNotReshaped(_Flatten):
    def backward_delta(self, input, delta):
        return delta


@wrong("Flatten", "flatten.other_order")
class FlattenOrder(_Flatten):
    def backward_delta(self, input, delta):
        return np.reshape(delta, input.shape, order="F")


@wrong("Flatten", "flatten.batch_too")
class FlattenAll(Module):
    def forward(self, X):
        return X.flatten()

    def backward_delta(self, input, delta):
        return delta.reshape(input.shape)


@mild("Flatten", "any.cached")
class FlattenRemembered(_Flatten):
    def forward(self, X):
        self.shape = X.shape
        return X.reshape(len(X), -1)

    def backward_delta(self, input, delta):
        return delta.reshape(self.shape)
