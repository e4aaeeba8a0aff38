"""Every twin equals its definition, in value, shape and dtype: the test goes through the registry."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import diynn
from diynn import to_numpy
from diynn.execution.recording import Recording
from diynn.ops import OPERATIONS, overlap_add, twins, windows
from tests import cupy_on_host
from tests.backends import find

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
        "bias_gradient": lambda: (normal(*draw(st.sampled_from([flat, (n, out, chan)]))),),
        "sigmoid": lambda: (normal(*flat) * draw(st.sampled_from([1.0, 100.0, 1e4])),),
        "tanh_delta": lambda: (normal(*flat), np.tanh(normal(*flat))),
        "sigmoid_delta": lambda: (normal(*flat), normal(*flat)),
        "class_numbers": lambda: (normal(*flat),),
        "draw": lambda: (normal(*flat), Restarting(), "random"),
        "sum_examples": lambda: (normal(*draw(st.sampled_from([flat, flat[:1], (n, out, chan)]))),),
        "log_softmax": lambda: (normal(*flat),),
        "windows": lambda: (data, k_size, stride),
        "overlap_add": lambda: (normal(n, out, k_size, chan), length, stride),
        "pad": lambda: (data, draw(st.integers(0, 3)), draw(SMALL), draw(st.sampled_from([0.0, -3.5]))),
        "unpad": lambda: (normal(n, length + 3, chan), (before := draw(st.integers(0, 3))), 3 - before),
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


class Restarting:
    """A generator that draws the same whenever it is asked."""

    def random(self, *shape, **options):
        return np.random.default_rng(0).random(*shape, **options)


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


def numpy_twins(name):
    return [each for kind, each in OPERATIONS[name].twins.items() if kind is np.ndarray]


def cupy_twins(name):
    """Return CuPy's twin, on a CUDA device, as a function of NumPy arrays."""
    library, reason = find("cupy")
    if reason:
        pytest.skip(reason)
    kind = type(library.array(np.zeros(1)))
    twin = OPERATIONS[name].twins.get(kind)

    def there(values):
        if not isinstance(values, np.ndarray):
            return values
        array = library.array(values, dtype=values.dtype)
        return array if values.flags.c_contiguous else library.where.xp.repeat(array, 2, axis=-1)[..., ::2]

    def on_host(found):
        return tuple(map(on_host, found)) if isinstance(found, tuple) else to_numpy(found)

    return [lambda *values: on_host(twin(*map(there, values)))] if twin else []


def cupy_twins_on_host(name):
    """Return CuPy's twin with its kernels compiled by the host's own compiler."""
    if cupy_on_host.COMPILER is None:
        pytest.skip("no C++ compiler to run CuPy's kernels with")
    twin = cupy_on_host.twins().get(name)
    return [twin] if twin else []


@pytest.mark.parametrize("find_twins", [numpy_twins, cupy_twins, cupy_twins_on_host])
@pytest.mark.parametrize("name", sorted(OPERATIONS))
@given(data=st.data())
def test_a_twin_equals_its_definition(name, find_twins, data):
    found = find_twins(name)
    given_arguments = data.draw(arguments(name))
    operation = OPERATIONS[name]
    expected = operation.reference(*given_arguments)
    with twins(False):
        definition = operation.reference(*given_arguments)  # also where it calls other operations
    for twin in found:
        check_equal(twin(*given_arguments), definition)
    check_equal(expected, definition)


#: One kernel or one product by the definition already, or nothing that CuPy could do in a better way.
NOT_ON_CUPY = {
    "class_numbers",
    "delta_product",
    "draw",
    "log_softmax",
    "pad",
    "sum_examples",
    "unpad",
}


@pytest.mark.parametrize("special", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {"class_numbers", "draw"}))
@given(data=st.data())
def test_a_twin_takes_infinities_and_nan_as_its_definition_does(name, special, data):
    given_arguments = [
        np.array(each) if isinstance(each, np.ndarray) else each for each in data.draw(arguments(name))
    ]
    arrays = [each for each in given_arguments if isinstance(each, np.ndarray) and each.size]
    if not arrays:
        return
    chosen = arrays[data.draw(st.integers(0, len(arrays) - 1))]
    chosen.flat[data.draw(st.integers(0, chosen.size - 1))] = special
    if name == "window_max_delta":  # its output is that of its data
        given_arguments[1] = OPERATIONS["window_max"].reference(given_arguments[0], *given_arguments[3:])
    with np.errstate(all="ignore"):
        with twins(False):
            expected = OPERATIONS[name].reference(*given_arguments)
        for twin in numpy_twins(name):
            found = twin(*given_arguments)
            for one, other in zip(
                *((each,) if isinstance(each, np.ndarray) else each for each in (found, expected)),
                strict=True,
            ):
                np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
                np.testing.assert_array_equal(np.isinf(one) * np.sign(one), np.isinf(other) * np.sign(other))


def test_cupy_has_twins_of_what_is_worth_it():
    """The two tests of CuPy's twins above look for what is registered: here they are counted."""
    assert sorted(cupy_on_host.twins()) == sorted(set(OPERATIONS) - NOT_ON_CUPY)


@pytest.mark.skipif(cupy_on_host.COMPILER is None, reason="no C++ compiler to run CuPy's kernels with")
def test_cupys_kernels_take_nan_for_the_largest_and_weightless_classes_for_nothing():
    on_cupy, nan, inf = cupy_on_host.twins(), np.nan, np.inf
    data = np.array([[[1.0], [nan], [nan], [2.0], [3.0], [3.0]]])
    pooled = on_cupy["window_max"](data, 3, 1)
    np.testing.assert_array_equal(pooled, OPERATIONS["window_max"].reference(data, 3, 1))
    delta = np.arange(1.0, 5.0).reshape(1, 4, 1)
    np.testing.assert_array_equal(
        on_cupy["window_max_delta"](data, pooled, delta, 3, 1),
        OPERATIONS["window_max_delta"].reference(data, pooled, delta, 3, 1),
    )
    scores, weights = np.array([[0.0, -inf]]), np.array([[1.0, 0.0]])
    costs, delta = on_cupy["cross_entropy"](scores, weights)
    assert costs.tolist() == [0.0]
    assert delta.tolist() == [[0.0, 0.0]]


@pytest.mark.skipif(cupy_on_host.COMPILER is None, reason="no C++ compiler to run CuPy's kernels with")
@pytest.mark.parametrize("name", ["sigmoid", "tanh_delta", "window_max", "window_max_delta", "cross_entropy"])
def test_cupys_twins_leave_other_dtypes_to_the_definition(name):
    shape = (2, 6, 3) if "window" in name else (2, 6)
    data = np.linspace(-1, 1, np.prod(shape), dtype="float16").reshape(shape)
    values = {
        "sigmoid": (data,),
        "window_max": (data, 2, 2),
        "window_max_delta": (data, data[:, 1::2], data[:, ::2].astype("float32"), 2, 2),
    }.get(name, (data, data))
    with twins(False):
        check_same(cupy_on_host.twins()[name](*values), OPERATIONS[name].reference(*values))


def check_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


def test_every_function_of_a_file_of_twins_is_registered():
    from diynn.ops import on_numpy

    own = {
        name: each
        for name, each in vars(on_numpy).items()
        if getattr(each, "__module__", "") == on_numpy.__name__
    }
    public = {name: each for name, each in own.items() if not name.startswith("_")}
    assert len(public) > 10
    for name, function in public.items():
        assert OPERATIONS[name].twins[np.ndarray] is function


# ------------------------------------------------------------------ the way that a twin takes


def calls(name, *given_arguments):
    """Return the names of NumPy's functions that an operation calls."""
    places = [place for place, value in enumerate(given_arguments) if isinstance(value, np.ndarray)]

    def call(*arrays):
        whole = list(given_arguments)
        for place, array in zip(places, arrays, strict=True):
            whole[place] = array
        result = OPERATIONS[name](*whole)
        return result[0] if isinstance(result, tuple) else result

    return [
        each.func.__name__ for each in Recording(call, *(given_arguments[place] for place in places)).calls
    ]


def ones(*shape):
    return np.ones(shape, dtype="float32")


@pytest.mark.parametrize(("batch", "turned"), [(1, True), (31, True), (32, True), (33, False), (64, False)])
@pytest.mark.parametrize("wide", [3, 32, 40])
def test_small_batches_turn_a_product_round(batch, turned, wide):
    found = calls("delta_product", ones(batch, wide), ones(5, wide))
    assert found == (["copyto", "dot", "copyto"] if turned else ["dot"])


@pytest.mark.parametrize(
    ("chan", "many"), [(1, False), (6, False), (7, False), (8, True), (9, True), (16, True)]
)
def test_few_channels_are_gathered_for_one_product(chan, many):
    data, weights, delta = ones(2, 9, chan), ones(3, chan, 4), ones(2, 7, 4)
    for name, given_arguments in {
        "convolve": (data, weights, None, 1),
        "convolve_gradient": (data, delta, 3, 1),
    }.items():
        found = calls(name, *given_arguments)
        assert (found.count("dot"), found.count("matmul")) == ((0, 3) if many else (1, 0))


@pytest.mark.parametrize(
    ("length", "k_size", "stride", "zeros"),
    [
        (8, 2, 2, 0),
        (9, 2, 2, 1),
        (9, 3, 3, 0),
        (4, 1, 1, 0),
        (8, 1, 2, 1),
        (8, 2, 3, 1),
        (8, 2, 1, 1),
        (8, 4, 2, 1),
    ],
)
def test_what_is_written_everywhere_is_not_set_to_zero(length, k_size, stride, zeros):
    out = (length - k_size) // stride + 1
    found = calls(
        "window_max_delta", ones(2, length, 3), ones(2, out, 3), ones(2, out, 3), k_size, stride
    )  # fmt: skip
    separate = stride >= k_size
    expected = {"not_equal": k_size - 1, "multiply": k_size - 1, "bitwise_xor": k_size - 1}
    assert {name: found.count(name) for name in expected} == expected
    assert found.count("copyto") == zeros + (separate and k_size == 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sigmoid_has_one_array(dtype):
    assert calls("sigmoid", np.ones(3, dtype=dtype)) == ["maximum", "negative", "exp", "add", "reciprocal"]


def check_equal(found, expected):
    if isinstance(expected, tuple):
        for one, other in zip(found, expected, strict=True):
            check_equal(one, other)
        return
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    tolerance = {"float32": 1e-5, "float64": 1e-12, "int64": 0}[expected.dtype.name]
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
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
