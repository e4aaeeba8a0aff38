"""Every twin equals its definition, in value, shape and dtype: the test goes through the registry."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import diynn
from diynn.ops import OPERATIONS, overlap_add, twins, windows

SMALL, LARGE = st.integers(1, 4), st.integers(8, 12)
CHANNELS = SMALL | LARGE
BATCHES = st.sampled_from([0, 1, 2, 5, 33, 40])  # on both sides of where a twin changes its way


@st.composite
def sequences(draw):
    """Sizes of a sequence and its windows: batch, length, chan, k_size, stride, out."""
    k_size, stride = draw(SMALL), draw(SMALL)
    length = k_size + draw(st.integers(0, 9))
    return draw(BATCHES), length, draw(CHANNELS), k_size, stride, (length - k_size) // stride + 1


@st.composite
def arguments(draw, name):
    """Draw the arguments of an operation."""
    normal = Normal(draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from(["float32", "float64"])))
    batch, wide, narrow = draw(BATCHES), draw(CHANNELS), draw(SMALL)
    n, length, chan, k_size, stride, out = draw(sequences())
    flat = (batch, wide)
    data = normal(n, length, chan)
    pooled = np.lib.stride_tricks.sliding_window_view(data, k_size, axis=1)[:, ::stride].max(axis=3)
    return {
        "delta_product": lambda: (normal(*flat), normal(narrow, wide)),
        "gradient_product": lambda: (normal(batch, narrow), normal(*flat)),
        "bias_gradient": lambda: (normal(*draw(st.sampled_from([flat, (n, out, chan)]))),),
        "sigmoid": lambda: (normal(*flat) * draw(st.sampled_from([1.0, 100.0, 1e4])),),
        "tanh_delta": lambda: (normal(*flat), np.tanh(normal(*flat))),
        "sigmoid_delta": lambda: (normal(*flat), normal(*flat)),
        "relu_delta": lambda: (normal(*flat), normal(*flat)),
        "sum_examples": lambda: (normal(*draw(st.sampled_from([flat, flat[:1], (n, out, chan)]))),),
        "log_softmax": lambda: (normal(*flat),),
        "windows": lambda: (data, k_size, stride),
        "overlap_add": lambda: (normal(n, out, k_size, chan), length, stride),
        "convolve": lambda: (
            data,
            normal(k_size, chan, wide),
            normal(wide) if draw(st.booleans()) else None,
            stride,
        ),
        "convolve_delta": lambda: (normal(n, out, wide), normal(k_size, chan, wide), length, stride),
        "convolve_gradient": lambda: (data, normal(n, out, wide), k_size, stride),
        "window_max": lambda: (data, k_size, stride),
        "window_max_delta": lambda: (data, pooled, normal(n, out, chan), k_size, stride),
        "cross_entropy": lambda: (normal(*flat) * draw(st.sampled_from([1, 1e4])), np.abs(normal(*flat))),
        "logistic_cross_entropy": lambda: (
            normal(*flat) * draw(st.sampled_from([1, 1e4])),
            np.abs(normal(*flat)),
        ),
    }[name]()


class Normal:
    """Arrays of normal numbers rounded to tenths, so that ties occur; some are not contiguous."""

    def __init__(self, seed, dtype):
        self.rng, self.dtype = np.random.default_rng(seed), dtype

    def __call__(self, *shape):
        values = self.rng.normal(size=shape).round(1).astype(self.dtype)
        if self.rng.integers(2):
            values = np.repeat(values, 2, axis=-1)[..., ::2]
        values.flags.writeable = False
        return values


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@given(data=st.data())
def test_a_twin_equals_its_definition(name, data):
    given_arguments = data.draw(arguments(name))
    operation = OPERATIONS[name]
    expected = operation.reference(*given_arguments)
    with twins(False):
        definition = operation.reference(*given_arguments)  # also where it calls other operations
    for twin in operation.twins.values():
        check_equal(twin(*given_arguments), definition)
    check_equal(expected, definition)


def check_equal(found, expected):
    if isinstance(expected, tuple):
        for one, other in zip(found, expected, strict=True):
            check_equal(one, other)
        return
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    tolerance = {"float32": 1e-5, "float64": 1e-12}[expected.dtype.name]
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def test_the_switch_turns_all_twins_off_and_on_again(monkeypatch):
    called = []
    operation = OPERATIONS["tanh_delta"]
    monkeypatch.setitem(operation.twins, np.ndarray, lambda delta, y: called.append(1) or delta)
    tanh, x = diynn.Tanh(), np.ones((2, 3))
    tanh.backward_delta(x, x)
    assert called == [1]
    with twins(False):
        np.testing.assert_allclose(tanh.backward_delta(x, x), 1 - np.tanh(1.0) ** 2)
        with twins(True):
            tanh.backward_delta(x, x)
        assert called == [1, 1]
        tanh.backward_delta(x, x)
    assert called == [1, 1]
    tanh.backward_delta(x, x)
    assert called == [1, 1, 1]


@pytest.mark.parametrize(("setting", "expected"), [("0", "False"), ("1", "True"), (None, "True")])
def test_the_environment_turns_twins_off(setting, expected):
    program = "import diynn.ops; o = diynn.ops.OPERATIONS['windows']; print(bool(o._active))"
    environment = {"PATH": "", **({} if setting is None else {"DIYNN_TWINS": setting})}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert result.stdout.strip() == expected, result.stderr


@given(sizes=sequences(), seed=st.integers(0, 2**32 - 1))
def test_overlap_add_is_the_adjoint_of_windows(sizes, seed):
    batch, length, chan, k_size, stride, out = sizes
    rng = np.random.default_rng(seed)
    x, parts = rng.normal(size=(batch, length, chan)), rng.normal(size=(batch, out, k_size, chan))
    forward, backward = (
        (windows(x, k_size, stride) * parts).sum(),
        (x * overlap_add(parts, length, stride)).sum(),
    )
    assert forward == pytest.approx(backward, rel=1e-12, abs=1e-9)


def test_windows_are_where_they_should_be():
    x = np.arange(10.0).reshape(1, 5, 2)  # steps (0,1) (2,3) (4,5) (6,7) (8,9)
    for on in (True, False):
        with twins(on):
            np.testing.assert_array_equal(
                windows(x, 3, 2), [[[[0, 1], [2, 3], [4, 5]], [[4, 5], [6, 7], [8, 9]]]]
            )
