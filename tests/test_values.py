"""Numbers worked out by hand, for every layer and every loss, and the laws of the initialisers."""

from math import sqrt

import numpy as np
import pytest

import diynn
from diynn import (
    Conv1D,
    CrossEntropyLoss,
    Linear,
    NLLLoss,
    initializers,
    to_numpy,
)
from tests.backends import assert_close
from tests.cases import LAYERS, LOSSES, RULES, SINGLE
from tests.cases.calls import margin

# ------------------------------------------------------------------ layers and losses, by their cases

LAYER_VALUES = [pair for case in LAYERS for pair in case.values]
LOSS_VALUES = [pair for case in LOSSES for pair in case.values]


@pytest.mark.parametrize(("build", "value"), LAYER_VALUES, ids=[repr(build()) for build, _ in LAYER_VALUES])
def test_layer_by_hand(build, value, backend):
    for dtype in backend.dtypes:
        layer = build(backend=backend.where, dtype=dtype)
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


@pytest.mark.parametrize(
    ("loss", "value"), LOSS_VALUES, ids=[f"{loss!r}-{value.y}" for loss, value in LOSS_VALUES]
)
def test_loss_by_hand(loss, value, backend):
    for dtype in backend.dtypes:
        y, yhat = backend.given(value.y), backend.given(value.yhat, dtype)
        assert_close(loss.forward(y, yhat), value.costs, dtype)
        assert_close(loss(y, yhat), value.costs, dtype)
        assert_close(loss.backward(y, yhat), value.back, dtype)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("loss", [NLLLoss(), CrossEntropyLoss()], ids=repr)
def test_labels_of_any_integer_dtype(loss, dtype, backend):
    if backend.name == "torch" and dtype in ("uint16", "uint32", "uint64"):
        pytest.skip("torch finds no minimum of unsigned integers but uint8")
    yhat = backend.array([[1.0, 2.0, 4.0], [1.0, 5.0, 0.0]], "float32")
    hot, labels = backend.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), np.asarray([2, 0], dtype=dtype)
    assert_close(loss.forward(backend.array(labels), yhat), loss.forward(hot, yhat), "float32")
    assert_close(loss.backward(backend.array(labels), yhat), loss.backward(hot, yhat), "float32")


def public(base):
    """Return the names of the public classes of a kind."""
    things = [getattr(diynn, name) for name in diynn.__all__]
    kinds = {each for each in things if isinstance(each, type) and issubclass(each, base)} - {base}
    return {kind.__name__ for kind in kinds}


def test_everything_that_is_public_has_a_case_with_numbers_by_hand():
    assert public(diynn.Module) == {case.kind.__name__ for case in LAYERS if case.values}
    assert public(diynn.Loss) == {str(case) for case in LOSSES if case.values}
    assert public(diynn.Rule) == {str(case) for case in RULES if case.value}
    assert [str(case) for case in SINGLE if case.torch is None] == []


@pytest.mark.parametrize(
    ("module", "data", "distance"),
    [
        (diynn.Tanh(), [[0.0, 1.0]], np.inf),
        (diynn.ReLU(), [[-2.0, 0.25]], 0.25),
        (diynn.LeakyReLU(), [[-0.5, 2.0]], 0.5),
        (diynn.MaxPool1D(2), [[[1.0], [4.0], [2.0], [2.5]]], 0.5),
        (diynn.MaxPool1D(1), [[[1.0], [1.0]]], np.inf),
        # -1 and a half of it come to the kink of the inner net
        (diynn.Sequential(diynn.LeakyReLU(0.5), diynn.Sequential(diynn.ReLU())), [[-1.0]], 0.5),
    ],
    ids=repr,
)
def test_how_far_data_lie_from_a_kink(module, data, distance):
    assert margin(module, np.asarray(data)) == distance


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
        ("glorot", 2 / (FAN_IN + FAN_OUT)),
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
