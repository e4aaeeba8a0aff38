"""Losses whose name says nothing, costs of one number, epsilons in logarithms, labels of every form."""

import numpy as np

from tests.zoo import mild, right, wrong
from tests.zoo.skeleton import Loss


def _softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _log_sum(z):
    m = z.max(axis=1)
    return m + np.log(np.exp(z - m[:, None]).sum(axis=1))


# ------------------------------------------------------------ of no known name: values tell what it is


@right("")
class SMCE(Loss):
    def forward(self, y, yhat):
        return _log_sum(yhat) - (y * yhat).sum(axis=1)

    def backward(self, y, yhat):
        return _softmax(yhat) - y


@right("")
class ScoresAndIndices(Loss):
    def forward(self, y, yhat):
        return _log_sum(yhat) - yhat[np.arange(len(y)), y]

    def backward(self, y, yhat):
        p = _softmax(yhat)
        p[np.arange(len(y)), y] -= 1
        return p


@right("")
class ColumnOfLabels(Loss):
    """Labels (n, 1)."""

    def forward(self, y, yhat):
        return _log_sum(yhat) - np.take_along_axis(yhat, y, axis=1)[:, 0]

    def backward(self, y, yhat):
        p = _softmax(yhat)
        np.put_along_axis(p, y, np.take_along_axis(p, y, axis=1) - 1, axis=1)
        return p


@right("")
class TrueWhereOne(Loss):
    """Right on one-hot targets alone."""

    def forward(self, y, yhat):
        return _log_sum(yhat) - yhat[y == 1]

    def backward(self, y, yhat):
        return _softmax(yhat) - (y == 1)


@right("")
class LogSoftmax(Loss):
    """A cost that is named by what it contains."""

    def forward(self, y, yhat):
        return -(y * (yhat - _log_sum(yhat)[:, None])).sum(axis=1)

    def backward(self, y, yhat):
        return _softmax(yhat) - y


@wrong("", "softmax.overflow")
class LogSoftCost(Loss):
    def forward(self, y, yhat):
        return np.log(np.exp(yhat).sum(axis=1)) - (y * yhat).sum(axis=1)

    def backward(self, y, yhat):
        return np.exp(yhat) / np.exp(yhat).sum(axis=1, keepdims=True) - y


@wrong("", "ce.log_of_zero")
class OfProbabilities(Loss):
    def forward(self, y, yhat):
        return -(y * np.log(yhat)).sum(axis=1)

    def backward(self, y, yhat):
        return -y / yhat


@wrong("", "any.divided_by_batch")
class SMCEMean(SMCE):
    def backward(self, y, yhat):
        return (_softmax(yhat) - y) / len(y)


@wrong("", "bce.sign_slip")
class PixelCost(Loss):
    def forward(self, y, yhat):
        p = np.clip(yhat, 1e-12, 1 - 1e-12)
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=1)

    def backward(self, y, yhat):
        p = np.clip(yhat, 1e-12, 1 - 1e-12)
        return -y / p - (1 - y) / (1 - p)


@right("")
class Hinge(Loss):
    """Targets -1 and 1."""

    def forward(self, y, yhat):
        return np.maximum(0, 1 - y * yhat).sum(axis=1)

    def backward(self, y, yhat):
        return np.where(y * yhat < 1, -y, 0.0)


@wrong("", "any.sign")
class HingeUp(Hinge):
    def backward(self, y, yhat):
        return np.where(y * yhat < 1, y, 0.0)


@right("")
class Perceptron(Loss):
    """Its derivative holds for targets -1 and 1 alone: it takes the sign of y for y."""

    def forward(self, y, yhat):
        return np.log1p(np.exp(-np.abs(yhat))).sum(axis=1) + np.maximum(0, -y * yhat).sum(axis=1)

    def backward(self, y, yhat):
        return -np.sign(yhat) / (1 + np.exp(np.abs(yhat))) - np.where(y * yhat < 0, np.sign(y), 0.0)


@right("")
class Absolute(Loss):
    def forward(self, y, yhat):
        return np.abs(y - yhat).sum(axis=1)

    def backward(self, y, yhat):
        return np.sign(yhat - y)


@right("")
class LogCosh(Loss):
    def forward(self, y, yhat):
        d = np.abs(yhat - y)
        return (d + np.log1p(np.exp(-2 * d)) - np.log(2)).sum(axis=1)

    def backward(self, y, yhat):
        return np.tanh(yhat - y)


@wrong("", "any.overflow")
class LogCoshOverflow(Loss):
    def forward(self, y, yhat):
        return np.log(np.cosh(yhat - y)).sum(axis=1)

    def backward(self, y, yhat):
        return np.tanh(yhat - y)


@wrong("", "any.constant")
class HuberHalf(Loss):
    def forward(self, y, yhat):
        return np.sqrt(1 + (yhat - y) ** 2).sum(axis=1)

    def backward(self, y, yhat):
        return 3 * (yhat - y) / np.sqrt(1 + (yhat - y) ** 2)


@right("")
class Divergence(Loss):
    """Between two distributions."""

    def forward(self, y, yhat):
        p, q = np.clip(y, 1e-12, 1), np.clip(yhat, 1e-12, 1)
        return (p * np.log(p / q)).sum(axis=1)

    def backward(self, y, yhat):
        return np.where(yhat > 1e-12, -np.clip(y, 1e-12, 1) / np.clip(yhat, 1e-12, 1), 0.0)


@right("")
class SMCEProtected(Loss):
    """An epsilon of 1e-10 that shows where the cost is 0: with one class."""

    def forward(self, y, yhat):
        m = yhat.max(axis=1)
        return m + np.log(np.exp(yhat - m[:, None]).sum(axis=1) + 1e-10) - (y * yhat).sum(axis=1)

    def backward(self, y, yhat):
        e = np.exp(yhat - yhat.max(axis=1, keepdims=True))
        return e / (e.sum(axis=1, keepdims=True) + 1e-10) - y


@right("")
class BinaryOfScores(Loss):
    """Takes one output alone, and is called by the name of a cost on probabilities."""

    def forward(self, y, yhat):
        assert yhat.shape[1] == 1
        return np.logaddexp(0, yhat) - y * yhat

    def backward(self, y, yhat):
        assert yhat.shape[1] == 1
        return 0.5 * (1 + np.tanh(yhat / 2)) - y


@wrong("", "mse.mean_over_outputs")
class MseLoss(Loss):
    """A mean over the outputs forward, and the batch for it backward."""

    def forward(self, y, yhat):
        return ((y - yhat) ** 2).mean(axis=1)

    def backward(self, y, yhat):
        return 2 * (yhat - y) / len(y)


# ------------------------------------------------------------ one number, and the sheet's gradient


@wrong("MSELoss", "loss.scalar")
class MSEMeanOfAll(Loss):
    def forward(self, y, yhat):
        return np.mean((y - yhat) ** 2)

    def backward(self, y, yhat):
        return 2 * (yhat - y)


@wrong("MSELoss", "loss.scalar")
class MSEMeanAndItsGradient(Loss):
    def forward(self, y, yhat):
        return np.mean((y - yhat) ** 2)

    def backward(self, y, yhat):
        return 2 * (yhat - y) / yhat.size


@wrong("BCELoss", "loss.scalar")
class BCEMeanOfAll(Loss):
    def forward(self, y, yhat):
        p = np.clip(yhat, 1e-10, 1 - 1e-10)
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    def backward(self, y, yhat):
        p = np.clip(yhat, 1e-10, 1 - 1e-10)
        return (p - y) / (p * (1 - p))


@wrong("MSELoss", "mse.mean_over_outputs")
class MSEMeanForwardSheetBackward(Loss):
    def forward(self, y, yhat):
        return np.mean((y - yhat) ** 2, axis=1)

    def backward(self, y, yhat):
        return 2 * (yhat - y)


# ------------------------------------------------------------ an epsilon in the logarithm


@mild("CrossEntropyLoss", "loss.epsilon_small")
class CEEpsilonInSum(Loss):
    def forward(self, y, yhat):
        m = yhat.max(axis=1, keepdims=True)
        return m[:, 0] + np.log(np.exp(yhat - m).sum(axis=1) + 1e-5) - (y * yhat).sum(axis=1)

    def backward(self, y, yhat):
        return _softmax(yhat) - y


@mild("CrossEntropyLoss", "loss.epsilon_small")
class CEEpsilonOfSoftmax(Loss):
    def forward(self, y, yhat):
        return -(y * np.log(_softmax(yhat) + 1e-4)).sum(axis=1, keepdims=True)

    def backward(self, y, yhat):
        return _softmax(yhat) - y


@wrong("CrossEntropyLoss", "loss.epsilon_large")
class CEEpsilonLarge(CEEpsilonInSum):
    def forward(self, y, yhat):
        m = yhat.max(axis=1, keepdims=True)
        return m[:, 0] + np.log(np.exp(yhat - m).sum(axis=1) + 1e-2) - (y * yhat).sum(axis=1)


@mild("BCELoss", "loss.epsilon_small")
class BCEEpsilonSmall(Loss):
    epsilon = 1e-5

    def forward(self, y, yhat):
        e = self.epsilon
        return -np.sum(y * np.log(yhat + e) + (1 - y) * np.log(1 - yhat + e), axis=1)

    def backward(self, y, yhat):
        p = np.clip(yhat, 1e-12, 1 - 1e-12)
        return (p - y) / (p * (1 - p))


@wrong("BCELoss", "loss.epsilon_large")
class BCEEpsilonKeepdims(Loss):
    def forward(self, y, yhat):
        e = 1e-2
        return -np.sum(y * np.log(yhat + e) + (1 - y) * np.log(1 - yhat + e), axis=1, keepdims=True)

    def backward(self, y, yhat):
        e = 1e-2
        return -y / (yhat + e) + (1 - y) / (1 - yhat + e)


# ------------------------------------------------------------ labels of shape (n, 1); what is remembered

if np.lib.NumpyVersion(np.__version__) >= "2.4.0":  # before, it was right, and warned

    @wrong("CrossEntropyLoss", "numpy_scalar")
    class CEIntOfColumn(Loss):
        def forward(self, y, yhat):
            return _log_sum(yhat) - np.array([yhat[i, y[i]][0] for i in range(len(y))])

        def backward(self, y, yhat):
            p = _softmax(yhat)
            for i in range(len(y)):
                p[i, int(y[i])] -= 1
            return p


@mild("CrossEntropyLoss", "any.cached")
class CERemembersProbabilities(Loss):
    def forward(self, y, yhat):
        self.p = _softmax(yhat)
        return _log_sum(yhat) - (y * yhat).sum(axis=1)

    def backward(self, y, yhat):
        return self.p - y
