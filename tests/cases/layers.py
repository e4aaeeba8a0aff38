"""The layers, one case each; those of windows are in `windows`, nets in `nets`."""

from math import log

import numpy as np

import diynn
from tests.cases.case import LayerCase, LayerValue, draws, sequence
from tests.cases.theirs import drawn, functional

LN2, LN3, LN4, LN5, LN8 = (log(n) for n in (2, 3, 4, 5, 8))


def plain(kind):
    """Build a layer that has no sizes and no parameters."""
    return lambda pick, **new: kind()


# ------------------------------------------------------------------ layers that draw


class SameForAll:
    """A generator that draws the same numbers for every example, whenever it is asked."""

    class bit_generator:  # noqa: N801  # as NumPy's generators have it
        state = None

    def random(self, size=None, dtype="float64", out=None):
        return self._drawn("random", size, dtype, out)

    def standard_normal(self, size=None, dtype="float64", out=None):
        return self._drawn("standard_normal", size, dtype, out)

    def _drawn(self, law, size, dtype, out):
        out = np.empty(size, dtype=dtype) if out is None else out
        out[...] = getattr(np.random.default_rng(7), law)(out.shape[1:])
        return out


class Given:
    """A generator whose draws are given."""

    def __init__(self, values):
        self.values = values

    def random(self, size=None, dtype="float64", out=None):
        out = np.empty(size, dtype=dtype) if out is None else out
        out[...] = self.values
        return out

    standard_normal = random


def drawing(layer, rng=None):
    layer.rng = SameForAll() if rng is None else rng
    return layer


# ------------------------------------------------------------------ the cases

LAYERS = [
    LayerCase(
        "Linear",
        lambda pick, **new: diynn.Linear(pick(1, 4), pick(1, 4), bias=bool(pick(0, 1)), **new),
        torch=lambda layer, data, weight, bias=None: functional("linear", data, weight.T, bias),
        value=[
            # x W + b of the first example: [1·1 + 2·2, 1·0 + 2·1, -1·1 + 2·0] + b = [5, 2, -1] + b;
            # δ Wᵀ: [1·1 - 1·0 - 2·1, 1·2 - 1·1 + 2·0]; xᵀδ, first row: 1·[1, -1, 2] + 3·[0, 3, -2].
            LayerValue(
                layer=lambda **new: diynn.Linear(2, 3, **new),
                data=[[1, 2], [3, -1]],
                parameters=[[[1, 0, -1], [2, 1, 0]], [0.5, -1, 2]],
                output=[[5.5, 1, 1], [1.5, -2, -1]],
                delta=[[1, -1, 2], [0, 3, -2]],
                back=[[-1, 1], [2, 3]],
                gradients=[[[1, 8, -4], [2, -5, 6]], [1, 2, 0]],
            ),
            # The same for two vectors of one example: its gradient is that of both.
            LayerValue(
                layer=lambda **new: diynn.Linear(2, 3, **new),
                data=[[[1, 2], [3, -1]]],
                parameters=[[[1, 0, -1], [2, 1, 0]], [0.5, -1, 2]],
                output=[[[5.5, 1, 1], [1.5, -2, -1]]],
                delta=[[[1, -1, 2], [0, 3, -2]]],
                back=[[[-1, 1], [2, 3]]],
                gradients=[[[1, 8, -4], [2, -5, 6]], [1, 2, 0]],
            ),
        ],
    ),
    LayerCase(
        "Flatten",
        plain(diynn.Flatten),
        torch=lambda layer, data: data.flatten(1),
        value=LayerValue(
            data=sequence([1, 3, 5], [2, 4, 6]),
            output=[[1, 2, 3, 4, 5, 6]],
            delta=[[7, 8, 9, 10, 11, 12]],
            back=sequence([7, 9, 11], [8, 10, 12]),
        ),
    ),
    LayerCase(
        "Tanh",
        plain(diynn.Tanh),
        torch=lambda layer, data: data.tanh(),
        # tanh(ln a) = (a² - 1) / (a² + 1): 3/5 and 4/5, of slope 1 - 9/25 and 1 - 16/25.
        value=LayerValue(
            data=[[0, LN2, -LN3]],
            output=[[0, 3 / 5, -4 / 5]],
            delta=[[2, 25, 50]],
            back=[[2, 16, 18]],
        ),
    ),
    LayerCase(
        "Sigmoid",
        plain(diynn.Sigmoid),
        torch=lambda layer, data: data.sigmoid(),
        # sigmoid(ln a) = a / (1 + a): 1/2, 3/4 and 1/5, of slope 1/4, 3/16 and 4/25.
        value=LayerValue(
            data=[[0, LN3, -LN4]],
            output=[[1 / 2, 3 / 4, 1 / 5]],
            delta=[[4, 16, -25]],
            back=[[1, 3, -4]],
        ),
    ),
    LayerCase(
        "ReLU",
        plain(diynn.ReLU),
        torch=lambda layer, data: data.relu(),
        kinks=lambda layer, data: np.abs(data),
        value=LayerValue(
            data=[[-2, 0, 3]],
            output=[[0, 0, 3]],
            delta=[[5, 7, -11]],
            back=[[0, 0, -11]],
        ),
    ),
    LayerCase(
        "LeakyReLU",
        lambda pick, **new: diynn.LeakyReLU([0.0, 0.01, 0.5][pick(0, 2)]),
        torch=lambda layer, data: functional("leaky_relu", data, layer.slope),
        kinks=lambda layer, data: np.abs(data),
        value=LayerValue(
            layer=lambda **new: diynn.LeakyReLU(0.25),
            data=[[2, -4], [0, 8]],
            output=[[2, -1], [0, 8]],
            delta=[[3, 4], [5, 6]],
            back=[[3, 1], [1.25, 6]],
        ),
    ),
    LayerCase(
        "GELU",
        plain(diynn.GELU),
        torch=lambda layer, data: functional("gelu", data, approximate="tanh"),
        # at 0: y = 0 and y' = 1/2; at ±20 the chance is 1 and 0, and t² = 1
        value=LayerValue(
            data=[[0, 20, -20]],
            output=[[0, 20, 0]],
            delta=[[4, 3, 2]],
            back=[[2, 3, 0]],
        ),
    ),
    LayerCase(
        "Softmax",
        plain(diynn.Softmax),
        torch=lambda layer, data: data.softmax(-1),
        # e^z = 1, 2, 5 and 1, 1, 2. Σ δ y = 1 - 5 = -4 and 1 + 2 - 1 = 2: back is y (δ + 4) and y (δ - 2).
        value=LayerValue(
            data=[[0, LN2, LN5], [0, 0, LN2]],
            output=[[1 / 8, 2 / 8, 5 / 8], [1 / 4, 1 / 4, 1 / 2]],
            delta=[[8, 0, -8], [4, 8, -2]],
            back=[[12 / 8, 1, -5 / 2], [1 / 2, 3 / 2, -2]],
        ),
    ),
    LayerCase(
        "LogSoftmax",
        plain(diynn.LogSoftmax),
        torch=lambda layer, data: data.log_softmax(-1),
        # Those of the softmax; Σ δ = 4 and -4: back is δ - 4 y and δ + 4 y.
        value=LayerValue(
            data=[[0, LN2, LN5], [0, 0, LN2]],
            output=[[-LN8, -LN4, LN5 - LN8], [-LN4, -LN4, -LN2]],
            delta=[[8, 0, -4], [4, -16, 8]],
            back=[[15 / 2, -1, -13 / 2], [5, -15, 10]],
        ),
    ),
    LayerCase(
        "Transposed",
        lambda pick, **new: diynn.Transposed(diynn.Linear(*draws(2, pick), bias=False, **new)),
        torch=lambda layer, data, bias, weight, *others: functional("linear", data, weight, bias),
        # W = (1 2 -1)ᵀ: x Wᵀ + b = 3·(1, 2, -1) + b; δ W = 1·1 - 2·2 - 0·1; δᵀx = 3 δ for the other's W.
        value=LayerValue(
            layer=lambda **new: diynn.Transposed(diynn.Linear(3, 1, bias=False, **new)),
            data=[[3]],
            parameters=[[0.5, 0, 1], [[1], [2], [-1]]],
            output=[[3.5, 6, -2]],
            delta=[[1, -2, 0]],
            back=[[-3]],
            gradients=[[1, -2, 0], [[3], [-6], [0]]],
        ),
    ),
    LayerCase(
        "Dropout",
        lambda pick, **new: drawing(diynn.Dropout([0.0, 0.3, 0.7][pick(0, 2)])),
        torch=lambda layer, data: data * (drawn(layer, data, "random") >= layer.p) / (1 - layer.p),
        after_forward=True,
        # Draws of 0.1, 0.9, 0.6 against p = 0.6: the first value goes, the others are divided by 0.4.
        value=LayerValue(
            layer=lambda **new: drawing(diynn.Dropout(0.6), Given([0.1, 0.9, 0.6])),
            data=[[2, 4, -6]],
            output=[[0, 10, -15]],
            delta=[[5, 2, 4]],
            back=[[0, 5, 10]],
        ),
    ),
    LayerCase(
        "GaussianNoise",
        lambda pick, **new: drawing(diynn.GaussianNoise([0.1, 2.0][pick(0, 1)])),
        torch=lambda layer, data: data + layer.scale * drawn(layer, data, "standard_normal"),
        value=LayerValue(
            layer=lambda **new: drawing(diynn.GaussianNoise(0.5), Given([1, -4, 0])),
            data=[[2, 4, -6]],
            output=[[2.5, 2, -6]],
            delta=[[5, 2, 4]],
            back=[[5, 2, 4]],
        ),
    ),
]
