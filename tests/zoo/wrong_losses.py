"""Losses done wrong."""

import numpy as np

from tests.zoo import mild, wrong
from tests.zoo.skeleton import Loss


class _MSE(Loss):
    def forward(self, y, yhat):
        return np.sum((y - yhat) ** 2, axis=1)

    def backward(self, y, yhat):
        return 2 * (yhat - y)


class _BCE(Loss):
    def forward(self, y, yhat):
        a, b = np.maximum(np.log(yhat), -100), np.maximum(np.log(1 - yhat), -100)
        return -np.sum(y * a + (1 - y) * b, axis=1)

    def backward(self, y, yhat):
        p = np.clip(yhat, 1e-12, 1 - 1e-12)
        return (p - y) / (p * (1 - p))


class _CELogits(Loss):
    def forward(self, y, yhat):
        m = yhat.max(axis=1, keepdims=True)
        return -(y * yhat).sum(axis=1) + m[:, 0] + np.log(np.exp(yhat - m).sum(axis=1))

    def backward(self, y, yhat):
        e = np.exp(yhat - yhat.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True) - y


@wrong("MSELoss", "mse.square_of_sum")
class MSESquareOfSum(_MSE):
    def forward(self, y, yhat):
        return np.sum(y - yhat, axis=1) ** 2


@wrong("MSELoss", "mse.sign")
class MSESign(_MSE):
    def backward(self, y, yhat):
        return 2 * (y - yhat)


@wrong("MSELoss", "mse.no_two")
class MSENoTwo(_MSE):
    def backward(self, y, yhat):
        return yhat - y


@wrong("MSELoss", "any.divided_by_batch")
class MSEDivided(_MSE):
    def backward(self, y, yhat):
        return 2 * (yhat - y) / y.shape[0]


@wrong("MSELoss", "loss.scalar")
class MSEScalar(_MSE):
    def forward(self, y, yhat):
        return np.mean(np.sum((y - yhat) ** 2, axis=1))


@wrong("MSELoss", "loss.elementwise")
class MSEElementwise(_MSE):
    def forward(self, y, yhat):
        return (y - yhat) ** 2


@wrong("MSELoss", "mse.mean_over_outputs")
class MSEMean(Loss):
    def forward(self, y, yhat):
        return np.mean((y - yhat) ** 2, axis=1)

    def backward(self, y, yhat):
        return 2 * (yhat - y) / y.shape[1]


@wrong("MSELoss", "any.mutates")
class MSEMutates(_MSE):
    def backward(self, y, yhat):
        yhat -= y
        return 2 * yhat


@mild("MSELoss", "any.truncates")
class MSETruncated(_MSE):
    def backward(self, y, yhat):
        grad = np.zeros_like(y)
        grad[:] = 2 * (yhat - y)
        return grad


@wrong("MSELoss", "loss.columns")
class MSEBroadcast(Loss):
    """One output was in mind, and the target is made a row."""

    def forward(self, y, yhat):
        if y.shape[1] > 1:
            return np.sum((y - yhat) ** 2, axis=1)
        return np.sum((y - yhat.reshape(-1)) ** 2, axis=1)

    def backward(self, y, yhat):
        return 2 * (yhat - y)


@wrong("MSELoss", "loss.over_batch")
class MSEOverBatch(_MSE):
    def forward(self, y, yhat):
        return ((y - yhat) ** 2).sum(axis=0)


@mild("MSELoss", "any.cached")
class MSECached(_MSE):
    def forward(self, y, yhat):
        self.diff = yhat - y
        return (self.diff**2).sum(axis=1)

    def backward(self, y, yhat):
        return 2 * self.diff


@wrong("BCELoss", "bce.sign_slip")
class BCESignForward(_BCE):
    def forward(self, y, yhat):
        a, b = np.maximum(np.log(yhat), -100), np.maximum(np.log(1 - yhat), -100)
        return np.sum(-y * a + (1 - y) * b, axis=1)


@wrong("BCELoss", "bce.sign_slip")
class BCESignBackward(_BCE):
    def backward(self, y, yhat):
        p = np.clip(yhat, 1e-12, 1 - 1e-12)
        return -y / p - (1 - y) / (1 - p)


@wrong("BCELoss", "bce.epsilon")
class BCEUnclipped(Loss):
    def forward(self, y, yhat):
        return -(y * np.log(yhat) + (1 - y) * np.log(1 - yhat)).sum(axis=1)

    def backward(self, y, yhat):
        return -y / yhat + (1 - y) / (1 - yhat)


@wrong("BCELoss", "bce.epsilon")
class BCEEpsilonOutside(_BCE):
    def backward(self, y, yhat):
        eps = 1e-8
        return -(y / yhat + eps) + ((1 - y) / (1 - yhat) + eps)


@wrong("BCELoss", "loss.epsilon_large")
class BCEEpsilonLarge(Loss):
    def forward(self, y, yhat):
        e = 1e-3
        return -(y * np.log(yhat + e) + (1 - y) * np.log(1 - yhat + e)).sum(axis=1)

    def backward(self, y, yhat):
        e = 1e-3
        return -y / (yhat + e) + (1 - y) / (1 - yhat + e)


@wrong("BCELoss", "bce.of_logits")
class BCEOfLogits(_BCE):
    def backward(self, y, yhat):
        return yhat - y


@wrong("BCELoss", "bce.first_half")
class BCEFirstHalf(Loss):
    def forward(self, y, yhat):
        return -np.sum(y * np.maximum(np.log(yhat), -100), axis=1)

    def backward(self, y, yhat):
        return -y / np.maximum(yhat, 1e-12)


@wrong("BCELoss", "bce.hard")
class BCEHard(Loss):
    def forward(self, y, yhat):
        p = np.clip(yhat, 1e-12, 1 - 1e-12)
        return np.where(y == 1, -np.log(p), -np.log(1 - p)).sum(axis=1)

    def backward(self, y, yhat):
        p = np.clip(yhat, 1e-12, 1 - 1e-12)
        return np.where(y == 1, -1 / p, 1 / (1 - p))


@wrong("CrossEntropyLoss", "ce.one_minus")
class CEOneMinus(Loss):
    def forward(self, y, yhat):
        return 1 - np.sum(y * yhat, axis=1)

    def backward(self, y, yhat):
        return -y


@wrong("CrossEntropyLoss", "ce.one_minus")
class CEOneMinusPaired(Loss):
    def forward(self, y, yhat):
        return 1 - np.sum(y * yhat, axis=1)

    def backward(self, y, yhat):
        return yhat - y


@wrong("CrossEntropyLoss", "ce.of_softmax")
class CEOfSoftmax(Loss):
    def forward(self, y, yhat):
        return -np.sum(y * np.log(yhat), axis=1)

    def backward(self, y, yhat):
        return yhat - y


@wrong("CrossEntropyLoss", "softmax.overflow")
class CEOverflow(_CELogits):
    def forward(self, y, yhat):
        return -(y * yhat).sum(axis=1) + np.log(np.exp(yhat).sum(axis=1))


@wrong("CrossEntropyLoss", "ce.no_log")
class CENoLog(_CELogits):
    def forward(self, y, yhat):
        return -(y * yhat).sum(axis=1) + np.exp(yhat).sum(axis=1)

    def backward(self, y, yhat):
        return np.exp(yhat) - y


@wrong("CrossEntropyLoss", "any.divided_by_batch")
class CEDivided(_CELogits):
    def backward(self, y, yhat):
        return super().backward(y, yhat) / len(yhat)


@wrong("CrossEntropyLoss", "mse.sign")
class CESign(_CELogits):
    def backward(self, y, yhat):
        return -super().backward(y, yhat)


@wrong("CrossEntropyLoss", "ce.no_minus")
class NLLNoMinus(Loss):
    """Labels are indices."""

    def forward(self, y, yhat):
        return yhat[np.arange(len(y)), y]

    def backward(self, y, yhat):
        onehot = np.zeros(yhat.shape)
        onehot[np.arange(len(y)), y] = -1
        return onehot


@wrong("CrossEntropyLoss", "ce.softmax_only")
class CESoftmaxOnly(_CELogits):
    def backward(self, y, yhat):
        e = np.exp(yhat - yhat.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


@wrong("CrossEntropyLoss", "ce.log_sum_of_all")
class CELogSumOfAll(_CELogits):
    def forward(self, y, yhat):
        return -(y * yhat).sum(axis=1) + np.log(np.sum(np.exp(yhat)))


@wrong("BCEWithLogitsLoss", "bce.logits_for_probabilities")
class BCELogitsNoSigmoid(Loss):
    def forward(self, y, yhat):
        return np.sum(np.logaddexp(0, yhat) - y * yhat, axis=1)

    def backward(self, y, yhat):
        return yhat - y
