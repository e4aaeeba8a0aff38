"""Training on every array library: the same numbers, nothing read on the host, nets that move."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import diynn
from diynn import asarray, to_numpy
from diynn.arrays import address, namespace
from diynn.demo import RECIPES, make_net
from tests.backends import NUMPY, TOLERANCE, assert_close, find, host
from tests.cases import each_rule

# ------------------------------------------------------------------ the same numbers


def mlp_costs(where, dtype, steps=20):
    """Return the costs (steps, batch) of the first steps of ``diynn demo --net mlp``."""
    recipe, digits = RECIPES["mlp"], diynn.data.digits(rng=0)
    x, y = asarray(digits.x_train, where, dtype=dtype), asarray(digits.y_train, where)
    net = make_net("mlp", backend=where, dtype=dtype)
    optim = diynn.Optim(net, recipe.loss, recipe.eps, rule=recipe.rule)
    batches = diynn.data.batches(x, y, recipe.batch_size, rng=0)
    return np.stack([host(optim.step(*batch)) for batch, _ in zip(batches, range(steps), strict=False)])


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_demo_mlp_trains_alike_on_every_library(backend, dtype):
    if dtype not in backend.dtypes:
        pytest.skip(f"{backend} has no {dtype}")
    got, expected = (mlp_costs(library.where, dtype) for library in (backend, NUMPY))
    assert expected.shape == (20, 32)
    assert expected[-1].mean() < 0.7 * expected[0].mean()
    np.testing.assert_allclose(got, expected, rtol=TOLERANCE[dtype])


JAX_AS_IT_COMES = """
import numpy as np
import diynn
from tests.test_backends_training import mlp_costs

got, expected = (mlp_costs(library, "float32", steps=2) for library in ("jax", "numpy"))
np.testing.assert_allclose(got, expected, rtol=1e-5)
layer = diynn.Linear(3, 2, backend="jax")
data = diynn.asarray(np.ones((4, 3)), "jax")
assert data.dtype == layer._parameters.dtype == layer(data).dtype == np.float32
costs = diynn.Optim(layer, diynn.MSELoss()).step(data, layer(data) + 1)
np.testing.assert_allclose(diynn.to_numpy(costs), 2.0, rtol=1e-6)
"""


def test_jax_trains_without_float64_as_it_comes():
    library, reason = find("jax")
    if library is None:
        pytest.skip(reason)
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", JAX_AS_IT_COMES],
        cwd=Path(__file__).parent.parent,
        env={name: value for name, value in os.environ.items() if name != "JAX_ENABLE_X64"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr


# ------------------------------------------------------------------ nothing read on the host

WAYS_TO_HOST = """
    __array__ __bool__ __buffer__ __complex__ __dlpack__ __float__ __index__ __int__ to_device
"""
DEVICE1 = find("strict-device1")[0]


@contextmanager
def nothing_read(monkeypatch):
    """Refuse every way from an array of array_api_strict to the host; of itself its device1 refuses some."""

    def refuse(array, *arguments, **options):
        raise RuntimeError("a value was read on the host")

    with monkeypatch.context() as patch:
        for name in WAYS_TO_HOST.split():
            patch.setattr(type(DEVICE1.array(0.0)), name, refuse, raising=False)
        yield


class Reader(diynn.Tanh):
    """A module that takes its data to the host and back."""

    def __init__(self, read):
        self.read = read

    def forward(self, data):
        self.read(data)
        return super().forward(data)


READS = {
    "asarray": np.asarray,
    "sum": np.sum,
    "tanh": np.tanh,
    "to_numpy": to_numpy,
    "float": lambda data: float(data[0, 0]),
    "int": lambda data: int(data[0, 0]),
    "if": lambda data: data if data[0, 0] > 0 else -data,
    "slice": lambda data: data[: int(namespace(data).argmax(data[:, 0])), :],
    "index": lambda data: [1, 2][namespace(data).argmax(data[0, :2])],
    "dlpack": np.from_dlpack,
    "numpy scalar": lambda data: np.float64(2.0) * data,
    "to_device": lambda data: data.to_device(namespace(data).Device("CPU_DEVICE")),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_hidden_transfer_would_be_caught(read, monkeypatch):
    net = diynn.Sequential(diynn.Linear(3, 3, rng=0, backend=DEVICE1.where), Reader(read))
    optim = diynn.Optim(net, diynn.MSELoss())
    x = DEVICE1.array(np.ones((4, 3)))
    with nothing_read(monkeypatch), pytest.raises(RuntimeError, match=r"read on the host|Can't convert"):
        optim.step(x, x)


def every_layer(where, end):
    """Return a net of every kind of layer: its outputs are (batch, 4), between 0 and 1 with a sigmoid."""
    new = {"rng": np.random.default_rng(0), "backend": where}
    ends = {
        "Sigmoid": diynn.Sigmoid,
        "LogSoftmax": diynn.LogSoftmax,
        "Softmax": diynn.Softmax,
        "": diynn.ReLU,
    }
    return diynn.Sequential(
        diynn.Conv1D(3, 2, 4, 2, **new),  # (batch, 12, 4)
        diynn.ReLU(),
        diynn.MaxPool1D(3, 2),  # (batch, 5, 4)
        diynn.AvgPool1D(2, 1),  # (batch, 4, 4)
        diynn.Sequential(diynn.Flatten(), diynn.Linear(16, 8, **new), diynn.Tanh()),
        diynn.Linear(8, 4, **new),
        ends[end](),
    )


INDICES = np.random.default_rng(1).integers(0, 4, 6)
SHARES = np.random.default_rng(1).uniform(size=(6, 4))
LOSSES = {  # the loss, the last layer before it and the targets
    "MSELoss": (diynn.MSELoss(), "Softmax", SHARES),
    "NLLLoss": (diynn.NLLLoss(), "LogSoftmax", INDICES),
    "CrossEntropyLoss": (diynn.CrossEntropyLoss(), "", INDICES),
    "CrossEntropyLoss-weights": (diynn.CrossEntropyLoss(), "", SHARES),
    "BCELoss": (diynn.BCELoss(), "Sigmoid", SHARES),
    "BCEWithLogitsLoss": (diynn.BCEWithLogitsLoss(), "", (SHARES > 0.5).astype(int)),
}


@each_rule
@pytest.mark.parametrize("loss", LOSSES)
def test_nothing_is_read_in_a_training_step(rule, loss, monkeypatch):
    loss, end, targets = LOSSES[loss]
    x = np.random.default_rng(2).normal(size=(6, 25, 2))

    def train(library):
        optim = diynn.Optim(every_layer(library.where, end), loss, 1e-2, rule=rule)
        data, y = library.array(x), library.array(targets)
        return optim, lambda: [optim.step(data, y) for _ in range(4)]

    optim, steps = train(DEVICE1)
    with nothing_read(monkeypatch):
        costs = steps()
    expected_optim, expected_steps = train(NUMPY)
    for got, expected in zip(costs, expected_steps(), strict=True):
        assert DEVICE1.holds(got, "float64")
        assert_close(got, expected, "float64")
    for got, expected in zip(optim.net.parameters(), expected_optim.net.parameters(), strict=True):
        assert_close(got.value, expected.value, "float64")


def test_sgd_with_metrics_takes_no_array_to_the_host(monkeypatch):
    """What it reports it reads, number by number; data, outputs and parameters stay where they are."""
    x = np.random.default_rng(2).normal(size=(24, 25, 2))
    y = np.random.default_rng(3).integers(0, 4, 24)

    def train(library):
        net = every_layer(library.where, "")
        data, labels = library.array(x), library.array(y)
        return lambda: diynn.SGD(
            net,
            diynn.CrossEntropyLoss(),
            data[:16, ...],
            labels[:16, ...],
            batch_size=5,
            epochs=3,
            rule=diynn.Adam(),
            validation=(data[16:, ...], labels[16:, ...]),
            metrics={"accuracy": diynn.accuracy},
            callbacks=[diynn.EarlyStopping(), diynn.KeepBest()],
            rng=0,
            progress=False,
        )

    training = train(DEVICE1)
    with monkeypatch.context() as patch:
        for name in ("to_device", "__dlpack__"):  # beside the conversions that device1 refuses of itself
            patch.setattr(type(DEVICE1.array(0.0)), name, None)
        got = training().to_dict()
    expected = train(NUMPY)().to_dict()
    del got["seconds"], expected["seconds"]
    assert got.keys() == expected.keys() >= {"cost", "validation_cost", "accuracy", "validation_accuracy"}
    for column, values in expected.items():
        assert got[column] == pytest.approx(values, rel=1e-12)


# ------------------------------------------------------------------ nets that move


def test_a_net_that_goes_and_comes_back_is_the_same(backend):
    dtype = backend.dtypes[-1]
    net = make_net("conv", dtype=dtype)
    x = np.random.default_rng(0).normal(size=(3, 64, 1)).astype(dtype)
    expected, weights = net(x), [parameter.value for parameter in net.parameters()]
    net.backward_update_gradient(x, expected)
    gradients = [parameter.gradient for parameter in net.parameters()]

    assert net.to(backend.where) is net
    assert all(backend.holds(each, dtype) for p in net.parameters() for each in (p.value, p.gradient))
    assert_close(net(backend.given(x, dtype)), expected, dtype)
    net.to("numpy")
    np.testing.assert_array_equal(net(x), expected)
    for parameter, value, gradient in zip(net.parameters(), weights, gradients, strict=True):
        np.testing.assert_array_equal(parameter.value, value)
        np.testing.assert_array_equal(parameter.gradient, gradient)


def test_a_net_changes_its_dtype_where_it_is(backend):
    if "float64" not in backend.dtypes:
        layer = diynn.Linear(3, 2, backend=backend.where, dtype="float32")
        with pytest.raises(ValueError, match="float64"):
            layer.to(dtype="float64")
        return
    net = diynn.Sequential(diynn.Linear(3, 2, rng=0, backend=backend.where, dtype="float32"), diynn.Tanh())
    x = np.random.default_rng(0).normal(size=(3, 3))
    single = to_numpy(net(backend.given(x, "float32")))
    weights = to_numpy(net[0]._parameters).copy()
    for dtype in ("float64", np.float64, backend.where.xp.float64):
        net.to(dtype="float32").to(dtype=dtype)
        assert all(backend.holds(each, "float64") for p in net.parameters() for each in (p.value, p.gradient))
    double = to_numpy(net(backend.given(x, "float64")))
    assert_close(single, double, "float32")
    assert (single != double).any()
    net.to(dtype="float32")
    np.testing.assert_array_equal(to_numpy(net[0]._parameters), weights)


def test_a_net_goes_to_another_device_of_its_library():
    net = diynn.Linear(3, 2, rng=0, backend="array_api_strict").to(device="device1")
    assert DEVICE1.holds(net._parameters, "float64")
    net.to("array_api_strict", device="CPU_DEVICE")
    assert find("strict")[0].holds(net._parameters, "float64")
    with pytest.raises(ValueError, match="Linear: `device` 'device7' is not known to array_api_strict"):
        net.to(device="device7")


@each_rule
def test_the_state_of_a_rule_follows_its_net(backend, rule):
    dtype = backend.dtypes[-1]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)).astype(dtype), rng.normal(size=(5, 2)).astype(dtype)

    def train(move):
        net = diynn.Linear(3, 2, rng=0, dtype=dtype)
        optim = diynn.Optim(net, diynn.MSELoss(), 1e-2, rule=rule)
        for _ in range(3):
            optim.step(x, y)
        return move(optim)

    def stay(optim):
        return [optim.step(x, y) for _ in range(3)], optim

    def go(optim):
        optim.net.to(backend.where)
        costs = [optim.step(backend.array(x, dtype), backend.array(y, dtype)) for _ in range(3)]
        for state in optim._states.values():
            assert all(backend.holds(each, dtype) for each in state)
        return costs, optim

    (got, optim), (expected, other) = train(go), train(stay)
    for one, another in zip(got, expected, strict=True):
        assert_close(one, another, dtype)
    assert_close(optim.net._parameters, other.net._parameters, dtype)


@each_rule
def test_the_state_of_a_rule_follows_its_net_to_another_dtype(rule):
    net = diynn.Linear(3, 2, rng=0, dtype="float32")
    optim = diynn.Optim(net, diynn.MSELoss(), 1e-2, rule=rule)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    optim.step(x, x[:, :2])
    net.to(dtype="float64")
    optim.step(x.astype("float64"), x[:, :2])
    assert all(each.dtype == np.float64 for state in optim._states.values() for each in state)
    assert net._parameters.dtype == net._bias.dtype == np.float64


def test_a_step_size_that_is_a_numpy_scalar_is_a_number_to_every_library(backend):
    dtype = backend.dtypes[0]
    for eps in (np.float64(1e-2), lambda step: np.float64(1e-2)):
        net = diynn.Linear(3, 2, rng=0, backend=backend.where, dtype=dtype)
        x = backend.array(np.ones((4, 3)), dtype)
        diynn.Optim(net, diynn.MSELoss(), eps).step(x, x[:, :2])
        assert backend.holds(net._parameters, dtype)


# ------------------------------------------------------------------ arrays of two libraries


def follow(message, **arrays):
    """Return the array that the mend in an error's message makes."""
    name, place = re.search(r"diynn\.asarray\((\w+), '([^']+)'\) moves `\1`", message).groups()
    return name, asarray(arrays[name], place)


def apart(backend):
    """Return a layer, a batch and a delta of a library, and the same arrays of another one."""
    other = NUMPY if backend.where.xp is not NUMPY.where.xp else find("strict")[0]
    values = np.random.default_rng(0).uniform(size=(4, 3)).astype(dtype := backend.dtypes[-1])
    layer = diynn.Linear(3, 3, rng=0, backend=backend.where, dtype=dtype)
    return layer, backend.array(values), other.array(values)


def test_data_of_another_library_than_the_module(backend):
    layer, own, other = apart(backend)
    with pytest.raises(
        ValueError, match=r"Linear\(3, 3\): `data` is an? \w+ array.* and the parameters"
    ) as caught:
        layer.forward(other)
    name, moved = follow(str(caught.value), data=other)
    assert name == "data"
    assert_close(layer(moved), layer(own), backend.dtypes[-1])
    place = re.search(r"\.to\('([^']+)'\) the module$", str(caught.value))[1]
    assert_close(layer.to(place)(other), layer.to(backend.where)(own), backend.dtypes[-1])


def test_delta_of_another_library_than_the_data(backend):
    layer, own, other = apart(backend)
    for method in (layer.backward_delta, layer.backward_update_gradient):
        with pytest.raises(ValueError, match=r"Linear\(3, 3\): `delta` is .* and `data` an? \w+") as caught:
            method(own, other)
        name, moved = follow(str(caught.value), delta=other)
        assert name == "delta"
        method(own, moved)


@pytest.mark.parametrize(
    "call",
    [
        diynn.MSELoss().forward,
        diynn.MSELoss().backward,
        diynn.NLLLoss().forward,
        diynn.CrossEntropyLoss().backward,
        diynn.BCELoss().forward,
        diynn.BCEWithLogitsLoss().backward,
        diynn.accuracy,
    ],
)
def test_targets_of_another_library_than_the_prediction(backend, call):
    _, own, other = apart(backend)
    if call is diynn.accuracy and isinstance(other, np.ndarray):
        pytest.skip("labels on the host are taken to the scores")
    with pytest.raises(ValueError, match=r": `y` is an? \w+ array.* and `yhat` an? \w+") as caught:
        call(other, own)
    name, moved = follow(str(caught.value), y=other)
    assert name == "y"
    assert np.shape(call(moved, own)) in ((), (4,), (4, 3))


def test_training_data_of_two_libraries(backend):
    layer, own, other = apart(backend)
    if isinstance(other, np.ndarray):  # it is moved from the host
        moved = other
    else:
        with pytest.raises(ValueError, match=r"SGD: `y` is an? \w+ array.* and `x` an? \w+") as caught:
            diynn.SGD(layer, diynn.MSELoss(), own, other, progress=False)
        _, moved = follow(str(caught.value), y=other)
    assert len(diynn.SGD(layer, diynn.MSELoss(), own, moved, epochs=2, progress=False)) == 2


def test_arrays_of_two_devices():
    strict = find("strict")[0]
    layer = diynn.Linear(3, 2, rng=0, backend=strict.where)
    data = DEVICE1.array(np.ones((4, 3)))
    with pytest.raises(
        ValueError, match="on device1 and the parameters an array_api_strict array on CPU"
    ) as caught:
        layer(data)
    _, moved = follow(str(caught.value), data=data)
    assert strict.holds(layer(moved), "float64")


def test_an_address_finds_the_library_and_device_of_its_array(backend):
    array = backend.array([1.0], backend.dtypes[0])
    assert backend.holds(asarray([1.0], address(array), dtype=backend.dtypes[0]), backend.dtypes[0])
