"""Losses in the readings that the sheet allows, all of them right."""

import numpy as np

from tests.zoo import right
from tests.zoo.skeleton import Loss


@right("MSELoss")
class MSEPlain(Loss):
    def forward(self, y, yhat):
        return np.sum((y - yhat) ** 2, axis=1)

    def backward(self, y, yhat):
        return -2 * (y - yhat)


@right("MSELoss")
class MSENorm(Loss):
    def forward(self, y, yhat):
        assert y.shape == yhat.shape, "tailles"
        return np.linalg.norm(y - yhat, axis=1) ** 2

    def backward(self, y, yhat):
        assert y.shape == yhat.shape, "tailles"
        return 2 * (yhat - y)


@right("MSELoss")
class MSEColumn(Loss):
    """One cost an example, in a column."""

    def forward(self, y, yhat):
        return np.einsum("nd,nd->n", y - yhat, y - yhat).reshape(-1, 1)

    def backward(self, y, yhat):
        return 2.0 * np.subtract(yhat, y)


@right("BCELoss")
class BCEClipped(Loss):
    def forward(self, y, yhat):
        with np.errstate(divide="ignore"):
            a, b = np.maximum(-100, np.log(yhat)), np.maximum(-100, np.log(1 - yhat))
        return -np.sum(y * a + (1 - y) * b, axis=1)

    def backward(self, y, yhat):
        return (yhat - y) / np.maximum(yhat * (1 - yhat), 1e-12)


@right("BCELoss")
class BCEEpsilon(Loss):
    """One cost an output, as the sheet's formula says, with an epsilon in its place."""

    def __init__(self, eps=1e-8):
        self.eps = eps

    def forward(self, y, yhat):
        return -(y * np.log(yhat + self.eps) + (1 - y) * np.log(1 - yhat + self.eps))

    def backward(self, y, yhat):
        return -(y / (yhat + self.eps)) + (1 - y) / (1 - yhat + self.eps)


@right("BCELoss")
class BCEMean(Loss):
    def forward(self, y, yhat):
        p = np.clip(yhat, 1e-10, 1 - 1e-10)
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p), axis=1)

    def backward(self, y, yhat):
        p = np.clip(yhat, 1e-10, 1 - 1e-10)
        return ((1 - y) / (1 - p) - y / p) / y.shape[1]


@right("CrossEntropyLoss")
class CEOneHot(Loss):
    """The sheet's -ŷ_y, with one-hot labels."""

    def forward(self, y, yhat):
        return -np.sum(y * yhat, axis=1)

    def backward(self, y, yhat):
        return -y


@right("CrossEntropyLoss")
class CEIndex(Loss):
    """The sheet's -ŷ_y, with indices."""

    def forward(self, y, yhat):
        return -yhat[np.arange(y.size), y]

    def backward(self, y, yhat):
        d = np.zeros(yhat.shape)
        d[np.arange(y.size), y] = -1
        return d


@right("CrossEntropyLoss")
class CELogSoftmaxFused(Loss):
    def forward(self, y, yhat):
        m = np.max(yhat, axis=1)
        return -yhat[np.arange(len(y)), y.ravel()] + m + np.log(np.exp(yhat - m[:, None]).sum(axis=1))

    def backward(self, y, yhat):
        p = np.exp(yhat - np.max(yhat, axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(y)), y.ravel()] -= 1
        return p


@right("CrossEntropyLoss")
class CELogOfProbabilities(Loss):
    """On the output of a Softmax."""

    def forward(self, y, yhat):
        return -np.sum(y * np.log(yhat + 1e-10), axis=1)

    def backward(self, y, yhat):
        return -y / (yhat + 1e-10)


@right("BCEWithLogitsLoss")
class BCELogitsFused(Loss):
    def forward(self, y, yhat):
        return np.sum(np.maximum(yhat, 0) - yhat * y + np.log1p(np.exp(-np.abs(yhat))), axis=1)

    def backward(self, y, yhat):
        return 0.5 * (1 + np.tanh(0.5 * yhat)) - y
