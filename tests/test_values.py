"""Numbers worked out by hand, for every layer and every loss, and the laws of the initialisers."""

from dataclasses import dataclass, field
from math import log, sqrt

import numpy as np
import pytest

import diynn
from diynn import (
    GELU,
    AvgPool1D,
    BCELoss,
    BCEWithLogitsLoss,
    CategoricalCrossEntropyLoss,
    Conv1D,
    CrossEntropyLoss,
    Dropout,
    Flatten,
    GaussianNoise,
    HuberLoss,
    L1Loss,
    LeakyReLU,
    Linear,
    LogSoftmax,
    Loss,
    MaxPool1D,
    MSELoss,
    NLLLoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    Transposed,
    initializers,
    to_numpy,
)
from tests.backends import assert_close
from tests.cases import LAYERS, LOSSES

LN2, LN3, LN4, LN5, LN8 = (log(n) for n in (2, 3, 4, 5, 8))


# ------------------------------------------------------------------ layers


@dataclass
class LayerValue:
    """What a layer makes of ``data`` and ``delta``: all numbers worked out by hand."""

    layer: object  # called with the keywords of any layer
    data: list
    delta: list
    output: list
    back: list
    parameters: list = field(default_factory=list)
    gradients: list = field(default_factory=list)


def sequence(*channels):
    """Write one sequence of several channels as a batch (1, length, channels)."""
    return np.stack(channels, axis=-1)[None].astype(float)


class Given:
    """A generator whose draws are given."""

    def __init__(self, values):
        self.values = values

    def random(self, size=None, dtype="float64", out=None):
        out = np.empty(size, dtype=dtype) if out is None else out
        out[...] = self.values
        return out

    standard_normal = random


def drawing(layer, values):
    layer.rng = Given(values)
    return layer


def tied_net(**new):
    linear = Linear(1, 1, **new)
    return Sequential(linear, Transposed(linear))


LAYER_VALUES = [
    # x W + b of the first example: [1·1 + 2·2, 1·0 + 2·1, -1·1 + 2·0] + b = [5, 2, -1] + b;
    # δ Wᵀ: [1·1 - 1·0 - 2·1, 1·2 - 1·1 + 2·0]; xᵀδ, first row: 1·[1, -1, 2] + 3·[0, 3, -2].
    LayerValue(
        lambda **new: Linear(2, 3, **new),
        data=[[1, 2], [3, -1]],
        parameters=[[[1, 0, -1], [2, 1, 0]], [0.5, -1, 2]],
        output=[[5.5, 1, 1], [1.5, -2, -1]],
        delta=[[1, -1, 2], [0, 3, -2]],
        back=[[-1, 1], [2, 3]],
        gradients=[[[1, 8, -4], [2, -5, 6]], [1, 2, 0]],
    ),
    # The same for two vectors of one example: its gradient is that of both.
    LayerValue(
        lambda **new: Linear(2, 3, **new),
        data=[[[1, 2], [3, -1]]],
        parameters=[[[1, 0, -1], [2, 1, 0]], [0.5, -1, 2]],
        output=[[[5.5, 1, 1], [1.5, -2, -1]]],
        delta=[[[1, -1, 2], [0, 3, -2]]],
        back=[[[-1, 1], [2, 3]]],
        gradients=[[[1, 8, -4], [2, -5, 6]], [1, 2, 0]],
    ),
    # Windows (1, 2) and (3, 4), two steps apart; the fifth step is in none of them.
    # y: 1·1 + 2·10 + 0.5, -1 + 2·0.5 - 3; 3·1 + 4·10 + 0.5, -3 + 4·0.5 - 3.
    LayerValue(
        lambda **new: Conv1D(2, 1, 2, 2, **new),
        data=sequence([1, 2, 3, 4, 5]),
        parameters=[[[[1, -1]], [[10, 0.5]]], [0.5, -3]],
        output=sequence([21.5, 43.5], [-3, -4]),
        delta=sequence([1, 3], [2, -1]),
        back=sequence([-1, 11, 4, 29.5, 0]),
        gradients=[[[[1 + 9, 2 - 3]], [[2 + 12, 4 - 4]]], [4, 1]],
    ),
    # "same": three windows two steps apart take one step of zeros, behind: (1, 2), (3, 4), (5, 0).
    LayerValue(
        lambda **new: Conv1D(2, 1, 2, 2, padding="same", **new),
        data=sequence([1, 2, 3, 4, 5]),
        parameters=[[[[1, -1]], [[10, 0.5]]], [0.5, -3]],
        output=sequence([21.5, 43.5, 5.5], [-3, -4, -8]),
        delta=sequence([1, 3, 2], [2, -1, 1]),
        back=sequence([-1, 11, 4, 29.5, 1]),
        gradients=[[[[1 + 9 + 10, 2 - 3 + 5]], [[2 + 12, 4 - 4]]], [6, 2]],
    ),
    # Windows (-∞, -1, -2) and (-2, -3, -4): a step beyond the end is no maximum.
    LayerValue(
        lambda **new: MaxPool1D(3, 2, padding=1),
        data=sequence([-1, -2, -3, -4]),
        output=sequence([-1, -2]),
        delta=sequence([1, 10]),
        back=sequence([1, 10, 0, 0]),
    ),
    # Windows (0, 2), (2, 4), (4, 6), (6, 0): the zeros count.
    LayerValue(
        lambda **new: AvgPool1D(2, 1, padding=1),
        data=sequence([2, 4, 6]),
        output=sequence([1, 3, 5, 3]),
        delta=sequence([2, 4, 6, 8]),
        back=sequence([3, 5, 7]),
    ),
    # Two windows that share the middle step, which gets δ₀ W₁ + δ₁ W₀ = [-1, 3] - 2·[1, 2].
    LayerValue(
        lambda **new: Conv1D(2, 2, 1, bias=False, **new),
        data=sequence([1, 2, 0], [0, 1, 3]),
        parameters=[[[[1], [2]], [[-1], [3]]]],
        output=sequence([1 - 2 + 3, 2 + 2 + 9]),
        delta=sequence([1, -2]),
        back=sequence([1, -3, 2], [2, -1, -6]),
        gradients=[[[[1 - 4], [0 - 2]], [[2 - 0], [1 - 6]]]],
    ),
    # Overlapping windows, ties to the first maximum. First channel: (1 5 2) (5 2 5) (2 5 0), the maxima
    # at 1, 1, 3; second: (-3 -3 -4) (-3 -4 -5) (-4 -5 -6), at 0, 1, 2.
    LayerValue(
        lambda **new: MaxPool1D(3, 1),
        data=sequence([1, 5, 2, 5, 0], [-3, -3, -4, -5, -6]),
        output=sequence([5, 5, 5], [-3, -3, -4]),
        delta=sequence([1, 10, 100], [2, 20, 200]),
        back=sequence([0, 11, 0, 100, 0], [2, 20, 200, 0, 0]),
    ),
    # Windows (4 1) and (2 7): 9 and 8 are in none.
    LayerValue(
        lambda **new: MaxPool1D(2, 3),
        data=sequence([4, 1, 9, 2, 7, 8]),
        output=sequence([4, 7]),
        delta=sequence([1, -2]),
        back=sequence([1, 0, 0, 0, -2, 0]),
    ),
    # Windows (1 3) (3 -5) (-5 7).
    LayerValue(
        lambda **new: AvgPool1D(2, 1),
        data=sequence([1, 3, -5, 7], [0, 2, 0, 4]),
        output=sequence([2, -1, 1], [1, 1, 2]),
        delta=sequence([2, 4, -6], [2, 2, 2]),
        back=sequence([1, 3, -1, -3], [1, 2, 2, 1]),
    ),
    # Windows (1 3 2) and (5 4 6), as far apart as they are long; 9 is in none.
    LayerValue(
        lambda **new: AvgPool1D(3),
        data=sequence([1, 3, 2, 5, 4, 6, 9]),
        output=sequence([2, 5]),
        delta=sequence([3, -6]),
        back=sequence([1, 1, 1, -2, -2, -2, 0]),
    ),
    LayerValue(
        lambda **new: Flatten(),
        data=sequence([1, 3, 5], [2, 4, 6]),
        output=[[1, 2, 3, 4, 5, 6]],
        delta=[[7, 8, 9, 10, 11, 12]],
        back=sequence([7, 9, 11], [8, 10, 12]),
    ),
    # tanh(ln a) = (a² - 1) / (a² + 1): 3/5 and 4/5, of slope 1 - 9/25 and 1 - 16/25.
    LayerValue(
        lambda **new: Tanh(),
        data=[[0, LN2, -LN3]],
        output=[[0, 3 / 5, -4 / 5]],
        delta=[[2, 25, 50]],
        back=[[2, 16, 18]],
    ),
    # sigmoid(ln a) = a / (1 + a): 1/2, 3/4 and 1/5, of slope 1/4, 3/16 and 4/25.
    LayerValue(
        lambda **new: Sigmoid(),
        data=[[0, LN3, -LN4]],
        output=[[1 / 2, 3 / 4, 1 / 5]],
        delta=[[4, 16, -25]],
        back=[[1, 3, -4]],
    ),
    LayerValue(
        lambda **new: ReLU(),
        data=[[-2, 0, 3]],
        output=[[0, 0, 3]],
        delta=[[5, 7, -11]],
        back=[[0, 0, -11]],
    ),
    # Draws of 0.1, 0.9, 0.6 against p = 0.6: the first value goes, the others are divided by 0.4.
    LayerValue(
        lambda **new: drawing(Dropout(0.6), [0.1, 0.9, 0.6]),
        data=[[2, 4, -6]],
        output=[[0, 10, -15]],
        delta=[[5, 2, 4]],
        back=[[0, 5, 10]],
    ),
    LayerValue(
        lambda **new: drawing(GaussianNoise(0.5), [1, -4, 0]),
        data=[[2, 4, -6]],
        output=[[2.5, 2, -6]],
        delta=[[5, 2, 4]],
        back=[[5, 2, 4]],
    ),
    # e^z = 1, 2, 5 and 1, 1, 2. Σ δ y = 1 - 5 = -4 and 1 + 2 - 1 = 2: back is y (δ + 4) and y (δ - 2).
    LayerValue(
        lambda **new: Softmax(),
        data=[[0, LN2, LN5], [0, 0, LN2]],
        output=[[1 / 8, 2 / 8, 5 / 8], [1 / 4, 1 / 4, 1 / 2]],
        delta=[[8, 0, -8], [4, 8, -2]],
        back=[[12 / 8, 1, -5 / 2], [1 / 2, 3 / 2, -2]],
    ),
    # The same; Σ δ = 4 and -4: back is δ - 4 y and δ + 4 y.
    LayerValue(
        lambda **new: LogSoftmax(),
        data=[[0, LN2, LN5], [0, 0, LN2]],
        output=[[-LN8, -LN4, LN5 - LN8], [-LN4, -LN4, -LN2]],
        delta=[[8, 0, -4], [4, -16, 8]],
        back=[[15 / 2, -1, -13 / 2], [5, -15, 10]],
    ),
    # x Wᵀ + b of W = (1 2 -1)ᵀ: 3·(1, 2, -1) + b; δ W = 1·1 - 2·2 - 0·1; δᵀ x = 3 δ for the W of the other.
    LayerValue(
        lambda **new: Transposed(Linear(3, 1, bias=False, **new)),
        data=[[3]],
        parameters=[[0.5, 0, 1], [[1], [2], [-1]]],
        output=[[3.5, 6, -2]],
        delta=[[1, -2, 0]],
        back=[[-3]],
        gradients=[[1, -2, 0], [[3], [-6], [0]]],
    ),
    # W = 2: h = 2 x + 1 = 3 and -3, then 2 h - 1 = 5 and -7. Through the second δᵀh = 3·1 - 3·10, through the
    # first xᵀ(2 δ) = 2·1 - 2·20: -27 - 38. Biases: 2 + 20 and 1 + 10.
    LayerValue(
        lambda **new: tied_net(**new),
        data=[[1], [-2]],
        parameters=[[[2]], [1], [-1]],
        output=[[5], [-7]],
        delta=[[1], [10]],
        back=[[4], [40]],
        gradients=[[[-65]], [22], [11]],
    ),
    LayerValue(
        lambda **new: LeakyReLU(0.25),
        data=[[2, -4], [0, 8]],
        output=[[2, -1], [0, 8]],
        delta=[[3, 4], [5, 6]],
        back=[[3, 1], [1.25, 6]],
    ),
    # at 0: y = 0 and y' = 1/2; at ±20 the chance is 1 and 0, and t² = 1
    LayerValue(
        lambda **new: GELU(),
        data=[[0, 20, -20]],
        output=[[0, 20, 0]],
        delta=[[4, 3, 2]],
        back=[[2, 3, 0]],
    ),
    # 2 x + 1 = 3 and -3, of which ReLU leaves 3 and 0; -3·3 + 0.5 and 0.5.
    # The second layer gets xᵀδ = 3·1 + 0·10, and hands δ = -3 and -30 to ReLU, which leaves -3 and 0.
    LayerValue(
        lambda **new: Sequential(Linear(1, 1, **new), ReLU(), Linear(1, 1, **new)),
        data=[[1], [-2]],
        parameters=[[[2]], [1], [[-3]], [0.5]],
        output=[[-8.5], [0.5]],
        delta=[[1], [10]],
        back=[[-6], [0]],
        gradients=[[[-3]], [-3], [[3]], [11]],
    ),
]


@pytest.mark.parametrize("value", LAYER_VALUES, ids=lambda value: repr(value.layer()))
def test_layer_by_hand(value, backend):
    for dtype in backend.dtypes:
        layer = value.layer(backend=backend.where, dtype=dtype)
        for parameter, number in zip(layer.parameters(), value.parameters, strict=True):
            parameter.value = backend.array(number, dtype)
        data, delta = backend.given(value.data, dtype), backend.given(value.delta, dtype)
        assert_close(layer.forward(data), value.output, dtype)
        assert_close(layer(data), value.output, dtype)
        layer.backward_update_gradient(data, delta)
        assert_close(layer.backward_delta(data, delta), value.back, dtype)
        layer.update_parameters(0.5)
        for parameter, start, gradient in zip(
            layer.parameters(), value.parameters, value.gradients, strict=True
        ):
            assert_close(parameter.gradient, gradient, dtype)
            assert_close(parameter.value, np.asarray(start) - 0.5 * np.asarray(gradient), dtype)


# ------------------------------------------------------------------ losses


@dataclass
class LossValue:
    """The costs of ``yhat`` where ``y`` was right, and their gradient: all numbers worked out by hand."""

    loss: Loss
    y: list
    yhat: list
    costs: list
    back: list


LOGITS = [[0, LN2, LN5]]  # probabilities 1/8, 2/8, 5/8
LOSS_VALUES = [
    # |3 - 1| + |1 - 2|; with b = 1: 2 - 1/2, and 1/2 · (1/2)²
    LossValue(L1Loss(), [[1, 2], [0, 2]], [[3, 1], [0, 2.5]], [3, 0.5], [[1, -1], [0, 1]]),
    LossValue(HuberLoss(), [[1, 2], [0, 2]], [[3, 1.5], [0, -1]], [1.5 + 0.125, 2.5], [[1, -0.5], [0, -1]]),
    LossValue(HuberLoss(2), [1, 0], [2, -5], [0.5, 8], [1, -2]),
    LossValue(MSELoss(), [[1, 2], [0, -1]], [[3, 1], [0, 2]], [4 + 1, 9], [[4, -2], [0, 6]]),
    LossValue(MSELoss(), [1.5, 2], [1, 4], [0.25, 4], [-1, 4]),
    # class indices, one-hot, and a weight a class
    LossValue(NLLLoss(), [1, 0], [[-1, -2], [-0.5, -3]], [2, 0.5], [[0, -1], [-1, 0]]),
    LossValue(NLLLoss(), [[0, 1], [1, 0]], [[-1, -2], [-0.5, -3]], [2, 0.5], [[0, -1], [-1, 0]]),
    LossValue(NLLLoss(), [[0.25, 0.75]], [[-1, -2]], [0.25 + 1.5], [[-0.25, -0.75]]),
    LossValue(NLLLoss(), [[-1, 2]], [[-0.5, -1]], [-0.5 + 2], [[1, -2]]),
    LossValue(NLLLoss(), [0], [[-0.5, -np.inf]], [0.5], [[-1, 0]]),
    # -ln 5/8; ½ ln 8 + ½ ln 8/5; 2 ln 8, with the softmax weighted by the sum of the weights
    LossValue(CrossEntropyLoss(), [2], LOGITS, [LN8 - LN5], [[1 / 8, 2 / 8, -3 / 8]]),
    LossValue(CrossEntropyLoss(), [[0.5, 0, 0.5]], LOGITS, [LN8 - LN5 / 2], [[-3 / 8, 2 / 8, 1 / 8]]),
    LossValue(CrossEntropyLoss(), [[2.0, 0, 0]], LOGITS, [2 * LN8], [[-14 / 8, 4 / 8, 10 / 8]]),
    # -ln 1/4 - ln 4/5; -½ ln 1/4 - ½ ln 3/4
    LossValue(BCELoss(), [[1, 0]], [[1 / 4, 1 / 5]], [LN5], [[-4, 5 / 4]]),
    LossValue(BCELoss(), [0.5], [1 / 4], [LN4 - LN3 / 2], [-2 + 2 / 3]),
    # -ln 1/5; -½ ln 4/5 - ½ ln 1/5 = ½ ln 25/4
    LossValue(CategoricalCrossEntropyLoss(), [1], [[4 / 5, 1 / 5]], [LN5], [[0, -5]]),
    LossValue(CategoricalCrossEntropyLoss(), [[0.5, 0.5]], [[4 / 5, 1 / 5]], [LN5 - LN2], [[-5 / 8, -5 / 2]]),
    LossValue(CategoricalCrossEntropyLoss(), [0], [[0.0, 1.0]], [100], [[0, 0]]),
    # sigmoid(ln a) = a / (1 + a), again; the same costs as of 3/4 and 1/5
    LossValue(BCEWithLogitsLoss(), [[1, 0]], [[LN3, -LN4]], [LN5 - LN3], [[-1 / 4, 1 / 5]]),
    LossValue(BCEWithLogitsLoss(), [0.5, 0.5], [LN3, 0], [LN4 - LN3 / 2, LN2], [1 / 4, 0]),
]


@pytest.mark.parametrize("value", LOSS_VALUES, ids=lambda value: f"{value.loss!r}-{value.y}")
def test_loss_by_hand(value, backend):
    for dtype in backend.dtypes:
        y, yhat = backend.given(value.y), backend.given(value.yhat, dtype)
        assert_close(value.loss.forward(y, yhat), value.costs, dtype)
        assert_close(value.loss(y, yhat), value.costs, dtype)
        assert_close(value.loss.backward(y, yhat), value.back, dtype)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("loss", [NLLLoss(), CrossEntropyLoss()], ids=repr)
def test_labels_of_any_integer_dtype(loss, dtype, backend):
    if backend.name == "torch" and dtype in ("uint16", "uint32", "uint64"):
        pytest.skip("torch finds no minimum of unsigned integers but uint8")
    yhat = backend.array([[1.0, 2.0, 4.0], [1.0, 5.0, 0.0]], "float32")
    hot, labels = backend.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), np.asarray([2, 0], dtype=dtype)
    assert_close(loss.forward(backend.array(labels), yhat), loss.forward(hot, yhat), "float32")
    assert_close(loss.backward(backend.array(labels), yhat), loss.backward(hot, yhat), "float32")


def test_every_layer_and_loss_is_in_the_registry_and_has_a_value():
    def public(base):
        things = [getattr(diynn, name) for name in diynn.__all__]
        return {each for each in things if isinstance(each, type) and issubclass(each, base)} - {base}

    layers = {type(value.layer()) for value in LAYER_VALUES}
    assert layers == public(diynn.Module) == {type(case.build(lambda low, high: low)) for case in LAYERS}
    losses = {type(value.loss) for value in LOSS_VALUES}
    assert losses == public(Loss) == {type(case.loss) for case in LOSSES}


# ------------------------------------------------------------------ initialisers

FAN_IN, FAN_OUT, DRAWS = 30, 20, 200_000
UNIFORM = {  # (law, bound)
    "glorot_uniform": (initializers.glorot_uniform, sqrt(6 / 50)),
    "he_uniform": (initializers.he_uniform, sqrt(6 / 30)),
    "fan_in_uniform": (initializers.fan_in_uniform, 1 / sqrt(30)),
    "uniform": (initializers.uniform(0.3), 0.3),
    "sheet_uniform": (initializers.sheet_uniform, 1.0),
    "sheet_uniform_conv": (initializers.sheet_uniform_conv, 0.1),
}
NORMAL = {  # (law, standard deviation)
    "glorot_normal": (initializers.glorot_normal, sqrt(2 / 50)),
    "he_normal": (initializers.he_normal, sqrt(2 / 30)),
    "normal": (initializers.normal(0.3), 0.3),
}


def draw(law):
    values = law(np.random.default_rng(0), (DRAWS // 4, 2, 2), FAN_IN, FAN_OUT)
    assert values.shape == (DRAWS // 4, 2, 2)
    return values


def assert_moments(values, deviation, kurtosis):
    """Mean 0 and the variance, each within four standard errors."""
    assert abs(values.mean()) < 4 * deviation / sqrt(DRAWS)
    assert abs(values.var() / deviation**2 - 1) < 4 * sqrt((kurtosis - 1) / DRAWS)


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_law(name):
    law, bound = UNIFORM[name]
    values = draw(law)
    assert 0.999 * bound < np.max(np.abs(values)) <= bound
    assert_moments(values, bound / sqrt(3), 9 / 5)


@pytest.mark.parametrize("name", NORMAL)
def test_normal_law(name):
    law, deviation = NORMAL[name]
    values = draw(law)
    assert_moments(values, deviation, 3)
    within = np.mean(np.abs(values) < deviation)
    assert abs(within - 0.6827) < 4 * sqrt(0.68 * 0.32 / DRAWS)


def test_layers_tell_the_laws_their_shapes_and_fans():
    def law(rng, *arguments):
        seen.append(arguments)
        return np.full(arguments[0], len(seen))

    seen = []
    linear = Linear(3, 5, init=law, bias_init=law)
    conv = Conv1D(2, 3, 4, init=law, bias_init=law)
    assert seen == [((3, 5), 3, 5), ((5,), 3, 5), ((2, 3, 4), 6, 8), ((4,), 6, 8)]
    arrays = linear._parameters, linear._bias, conv._parameters, conv._bias
    for number, array in enumerate(arrays, start=1):
        assert np.all(to_numpy(array) == number)


@pytest.mark.parametrize(("kind", "sizes"), [(Linear, (3, 5)), (Conv1D, (2, 3, 4))])
def test_a_layer_without_a_bias_draws_none(kind, sizes):
    def law(*arguments):
        raise AssertionError("drawn")

    assert kind(*sizes, bias=False, bias_init=law)._bias is None


def test_weights_and_bias_are_drawn_one_after_the_other():
    """With a seed as well: else a bias would repeat the first weights."""
    layer = Linear(3, 5, init="uniform", bias_init="uniform", rng=7, backend="numpy")
    drawn = np.random.default_rng(7).uniform(-1, 1, 20)
    np.testing.assert_array_equal(np.append(layer._parameters, layer._bias), drawn)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("xavier", 2 / (FAN_IN + FAN_OUT)),
        ("glorot_uniform", 2 / (FAN_IN + FAN_OUT)),
        ("glorot_normal", 2 / (FAN_IN + FAN_OUT)),
        ("he", 2 / FAN_IN),
        ("he_uniform", 2 / FAN_IN),
        ("he_normal", 2 / FAN_IN),
        ("fan_in_uniform", 1 / (3 * FAN_IN)),
        ("uniform", 1 / 3),
        ("normal", 1.0),
        ("zeros", 0.0),
    ],
)
def test_a_law_by_its_name(name, variance):
    values = draw(initializers.NAMES[name])
    assert abs(values.var() - variance) <= 4 * variance * sqrt(2 / DRAWS)
    for kind, sizes in ((Linear, (3, 5)), (Conv1D, (2, 3, 4))):
        by_name = kind(*sizes, init=name, bias_init=name, rng=7, backend="numpy")
        law = initializers.NAMES[name]
        by_law = kind(*sizes, init=law, bias_init=law, rng=7, backend="numpy")
        np.testing.assert_array_equal(by_name._parameters, by_law._parameters)
        np.testing.assert_array_equal(by_name._bias, by_law._bias)


def test_every_name_has_a_test():
    [mark] = test_a_law_by_its_name.pytestmark
    assert {name for name, _ in mark.args[1]} == set(initializers.NAMES)


@pytest.mark.parametrize("argument", ["init", "bias_init"])
@pytest.mark.parametrize(("kind", "sizes"), [(Linear, (3, 5)), (Conv1D, (2, 3, 4))])
def test_a_law_that_is_none(argument, kind, sizes):
    owner = kind.__name__
    with pytest.raises(ValueError, match=f"{owner}: `{argument}` must be one of .*xavier.*, got 'xavie'"):
        kind(*sizes, **{argument: "xavie"})
    with pytest.raises(TypeError, match=f"{owner}: `{argument}` must be a name .* got 0.1"):
        kind(*sizes, **{argument: 0.1})
    with pytest.raises(ValueError, match=f"{owner}: `{argument}` must return finite numbers"):
        kind(*sizes, **{argument: lambda rng, shape, fan_in, fan_out: np.full(shape, np.inf)})


@pytest.mark.parametrize(("kind", "sizes"), [(Linear, (3, 5)), (Conv1D, (2, 3, 4))])
def test_one_seed_gives_the_same_parameters_everywhere(kind, sizes, backend):
    for dtype in backend.dtypes:
        layer = kind(*sizes, rng=7, backend=backend.where, dtype=dtype)
        expected = kind(*sizes, rng=np.random.default_rng(7), backend="numpy", dtype=dtype)
        for one, other in zip(layer.parameters(), expected.parameters(), strict=True):
            assert backend.holds(one.value, dtype)
            assert backend.holds(one.gradient, dtype)
            np.testing.assert_array_equal(to_numpy(one.value), to_numpy(other.value))
            assert not np.any(to_numpy(one.gradient))
        assert not np.any(to_numpy(layer._bias))
        assert np.ptp(to_numpy(layer._parameters)) > 0


def test_seeds_differ_and_a_generator_moves_on():
    rng = np.random.default_rng(0)
    weights = [Linear(3, 5, rng=seed, backend="numpy")._parameters for seed in (0, 1, None, rng, rng)]
    assert np.array_equal(weights[0], weights[3])
    assert len({each.tobytes() for each in weights}) == 4


def test_the_default_dtype_is_that_of_the_library(backend):
    info = backend.where.xp.__array_namespace_info__()
    expected = info.default_dtypes(device=backend.where.device)["real floating"]
    assert Linear(2, 2, backend=backend.where)._parameters.dtype == expected
