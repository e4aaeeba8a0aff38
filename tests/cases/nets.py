"""Modules in series, of all sorts: for the tests, one layer more."""

from diynn import (
    AvgPool1D,
    Conv1D,
    Dropout,
    Flatten,
    GaussianNoise,
    Linear,
    LogSoftmax,
    MaxPool1D,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    Transposed,
)
from tests.cases.case import LayerCase, LayerValue
from tests.cases.layers import drawing


def mlp(pick, **new):
    hidden = pick(1, 4)
    return Sequential(Linear(3, hidden, **new), Tanh(), Linear(hidden, pick(1, 3), **new), LogSoftmax())


def nested(pick, **new):
    hidden, tanh = pick(1, 4), Tanh()  # one activation at three places
    inner = Sequential(Linear(hidden, hidden, **new), tanh, Sequential(Linear(hidden, 2, **new), tanh))
    return Sequential(Linear(pick(1, 3), hidden, **new), tanh, inner, Softmax())


def shared(pick, **new):
    linear = Linear(size := pick(1, 3), size, **new)
    return Sequential(linear, Sigmoid(), linear)


def tied(pick, **new):
    encoder = Linear(pick(1, 4), pick(1, 3), **new)
    return Sequential(encoder, Tanh(), Transposed(encoder), Sigmoid())


def strided(pick, **new):
    conv = Conv1D(pick(1, 3), 2, 3, pick(1, 3), bias=False, **new)
    return Sequential(conv, Tanh(), Conv1D(1, 3, 2, **new), AvgPool1D(1, 2))


SORTS = [mlp, nested, shared, strided, tied]


def sheet_net(pick, **new):
    chan = pick(1, 3)
    layers = Conv1D(3, 1, chan, **new), MaxPool1D(2, 2), Flatten(), Linear(4 * chan, 4, **new), ReLU()
    return Sequential([*layers, Linear(4, 2, **new)])


def drawing_net(pick, **new):
    linear = Linear(pick(1, 4), 3, **new)
    return Sequential(
        drawing(Dropout(0.3)), linear, drawing(GaussianNoise(0.5)), Tanh(), drawing(Dropout(0.5))
    )


def linear_and_transposed(**new):
    linear = Linear(1, 1, **new)
    return Sequential(linear, Transposed(linear))


NETS = [
    LayerCase(
        "Sequential",
        lambda pick, **new: SORTS[pick(0, 4)](pick, **new),
        value=[
            # 2 x + 1 = 3 and -3, of which ReLU leaves 3 and 0; -3·3 + 0.5 and 0.5.
            # The second layer gets xᵀδ = 3·1 + 0·10, and hands δ = -3 and -30 to ReLU, which leaves -3 and 0.
            LayerValue(
                layer=lambda **new: Sequential(Linear(1, 1, **new), ReLU(), Linear(1, 1, **new)),
                data=[[1], [-2]],
                parameters=[[[2]], [1], [[-3]], [0.5]],
                output=[[-8.5], [0.5]],
                delta=[[1], [10]],
                back=[[-6], [0]],
                gradients=[[[-3]], [-3], [[3]], [11]],
            ),
            # W = 2: h = 2 x + 1 = 3 and -3, then 2 h - 1 = 5 and -7. Through the second δᵀh = 3·1 - 3·10,
            # through the first xᵀ(2 δ) = 2·1 - 2·20: -27 - 38. Biases: 2 + 20 and 1 + 10.
            LayerValue(
                layer=linear_and_transposed,
                data=[[1], [-2]],
                parameters=[[[2]], [1], [-1]],
                output=[[5], [-7]],
                delta=[[1], [10]],
                back=[[4], [40]],
                gradients=[[[-65]], [22], [11]],
            ),
        ],
    ),
    LayerCase("Sequential-sheet", sheet_net, shape=lambda pick, net: (11, 1)),
    LayerCase("Sequential-drawing", drawing_net, shape=lambda pick, net: (net[1].in_features,)),
]
