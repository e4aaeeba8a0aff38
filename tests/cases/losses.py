"""The losses, one case each; what is drawn stays away from a loss's kinks and from the clip of its log."""

from math import log

import numpy as np

import diynn
from tests.cases.case import LossCase, LossValue, draws
from tests.cases.theirs import costs, functional

LN2, LN3, LN4, LN5, LN8 = (log(n) for n in (2, 3, 4, 5, 8))


def values(pick, rng, batch):
    shape = (batch, *draws(pick(0, 2), pick))
    target = rng.normal(size=shape)
    return (rng.integers(-3, 4, shape) if pick(0, 3) == 0 else target), rng.normal(size=shape)


def apart(pick, rng, batch):
    """Draw values whose distances stay away from the kinks, at 0 and 1."""
    target, noise = values(pick, rng, batch)
    far = rng.random(noise.shape) < 0.5
    distance = np.where(far, rng.uniform(1.01, 3, noise.shape), rng.uniform(0.01, 0.99, noise.shape))
    return target, target + np.sign(noise) * distance


def labels(pick, rng, batch):
    classes, sort = pick(2, 4), pick(0, 3)
    indices = rng.integers(0, classes, batch)
    if sort == 0:  # one-hot
        target = np.equal.outer(indices, np.arange(classes))
    elif sort == 1:  # a weight a class, which need not sum to 1
        target = rng.uniform(0, 1, (batch, classes))
    else:
        target = indices.astype(["int64", "int32", "uint8"][pick(0, 2)])
    return target, rng.normal(size=(batch, classes))


def chosen(pick, rng, batch):
    target, logits = labels(pick, rng, batch)
    return target, rng.uniform(0.1, 0.9, logits.shape)  # away from the clip of the logarithm


def probabilities(pick, rng, batch):
    target, logits = chances(pick, rng, batch)
    return target, rng.uniform(0.1, 0.9, logits.shape)  # away from the clip of the logarithm


def chances(pick, rng, batch):
    shape = (batch, *draws(pick(0, 2), pick))
    target = rng.uniform(0, 1, shape)
    sorts = [target, target.round(), target > 0.5, (target > 0.5).astype(int)]
    return sorts[pick(0, 3)], rng.normal(size=shape)


def weights(y, yhat):
    """Return class indices, one-hot or weights as weights: PyTorch's tensors."""
    return (functional("one_hot", y.long(), yhat.shape[1]) if y.ndim == 1 else y).to(yhat.dtype)


def cross_entropy(y, yhat):
    indices = y.ndim == 1
    return functional("cross_entropy", yhat, y.long() if indices else y.to(yhat.dtype), reduction="none")


def nll(y, yhat):
    """PyTorch has it for indices alone."""
    if y.ndim == 1:
        return functional("nll_loss", yhat, y.long(), reduction="none")
    return -y.to(yhat.dtype) * yhat


LOGITS = [[0, LN2, LN5]]  # probabilities 1/8, 2/8, 5/8

LOSSES = [
    LossCase(
        diynn.MSELoss(),
        values,
        torch=costs("mse_loss"),
        value=[
            LossValue(y=[[1, 2], [0, -1]], yhat=[[3, 1], [0, 2]], costs=[4 + 1, 9], back=[[4, -2], [0, 6]]),
            LossValue(y=[1.5, 2], yhat=[1, 4], costs=[0.25, 4], back=[-1, 4]),
        ],
    ),
    LossCase(
        diynn.L1Loss(),
        apart,
        torch=costs("l1_loss"),
        value=[  # |3 - 1| + |1 - 2|
            LossValue(y=[[1, 2], [0, 2]], yhat=[[3, 1], [0, 2.5]], costs=[3, 0.5], back=[[1, -1], [0, 1]]),
        ],
    ),
    LossCase(
        diynn.HuberLoss(),
        apart,
        torch=costs("huber_loss"),
        value=[
            # with b = 1: 2 - 1/2, and 1/2 · (1/2)²
            LossValue(
                y=[[1, 2], [0, 2]],
                yhat=[[3, 1.5], [0, -1]],
                costs=[1.5 + 0.125, 2.5],
                back=[[1, -0.5], [0, -1]],
            ),
            LossValue(loss=diynn.HuberLoss(2), y=[1, 0], yhat=[2, -5], costs=[0.5, 8], back=[1, -2]),
        ],
    ),
    LossCase(
        diynn.NLLLoss(),
        labels,
        torch=nll,
        value=[  # class indices, one-hot, and a weight a class
            LossValue(y=[1, 0], yhat=[[-1, -2], [-0.5, -3]], costs=[2, 0.5], back=[[0, -1], [-1, 0]]),
            LossValue(
                y=[[0, 1], [1, 0]], yhat=[[-1, -2], [-0.5, -3]], costs=[2, 0.5], back=[[0, -1], [-1, 0]]
            ),
            LossValue(y=[[0.25, 0.75]], yhat=[[-1, -2]], costs=[0.25 + 1.5], back=[[-0.25, -0.75]]),
            LossValue(y=[[-1, 2]], yhat=[[-0.5, -1]], costs=[-0.5 + 2], back=[[1, -2]]),
            LossValue(y=[0], yhat=[[-0.5, -np.inf]], costs=[0.5], back=[[-1, 0]]),
        ],
    ),
    LossCase(
        diynn.CrossEntropyLoss(),
        labels,
        torch=cross_entropy,
        value=[
            # -ln 5/8; ½ ln 8 + ½ ln 8/5; 2 ln 8, with the softmax weighted by the sum of the weights
            LossValue(y=[2], yhat=LOGITS, costs=[LN8 - LN5], back=[[1 / 8, 2 / 8, -3 / 8]]),
            LossValue(y=[[0.5, 0, 0.5]], yhat=LOGITS, costs=[LN8 - LN5 / 2], back=[[-3 / 8, 2 / 8, 1 / 8]]),
            LossValue(y=[[2.0, 0, 0]], yhat=LOGITS, costs=[2 * LN8], back=[[-14 / 8, 4 / 8, 10 / 8]]),
        ],
    ),
    LossCase(
        diynn.CategoricalCrossEntropyLoss(),
        chosen,
        torch=lambda y, yhat: -weights(y, yhat) * yhat.log(),  # PyTorch has it of its own softmax alone
        value=[
            # -ln 1/5; -½ ln 4/5 - ½ ln 1/5 = ½ ln 25/4
            LossValue(y=[1], yhat=[[4 / 5, 1 / 5]], costs=[LN5], back=[[0, -5]]),
            LossValue(y=[[0.5, 0.5]], yhat=[[4 / 5, 1 / 5]], costs=[LN5 - LN2], back=[[-5 / 8, -5 / 2]]),
            LossValue(y=[0], yhat=[[0.0, 1.0]], costs=[100], back=[[0, 0]]),
        ],
    ),
    LossCase(
        diynn.BCELoss(),
        probabilities,
        torch=costs("binary_cross_entropy"),
        value=[
            # -ln 1/4 - ln 4/5; -½ ln 1/4 - ½ ln 3/4
            LossValue(y=[[1, 0]], yhat=[[1 / 4, 1 / 5]], costs=[LN5], back=[[-4, 5 / 4]]),
            LossValue(y=[0.5], yhat=[1 / 4], costs=[LN4 - LN3 / 2], back=[-2 + 2 / 3]),
        ],
    ),
    LossCase(
        diynn.BCEWithLogitsLoss(),
        chances,
        torch=costs("binary_cross_entropy_with_logits"),
        value=[
            # sigmoid(ln a) = a / (1 + a); the same costs as of 3/4 and 1/5
            LossValue(y=[[1, 0]], yhat=[[LN3, -LN4]], costs=[LN5 - LN3], back=[[-1 / 4, 1 / 5]]),
            LossValue(y=[0.5, 0.5], yhat=[LN3, 0], costs=[LN4 - LN3 / 2, LN2], back=[1 / 4, 0]),
        ],
    ),
]
