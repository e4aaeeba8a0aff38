# ruff: noqa: E501  # tables of messages, a line each
"""Data as they come: bytes, lists, frames, files mapped into memory; and from the host to wherever a net is."""

import os
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

import diynn
from diynn import SGD, Adam, CrossEntropyLoss, Linear, MSELoss, Optim, Sequential, Tanh, data, predict
from diynn.arrays import default_dtype, find_backend, namespace
from tests.backends import find
from tests.students import normal

ROOT = Path(__file__).parents[1]
X, Y = normal(40, 6), normal(40, 2, seed=1)


def matrix():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy itself would rather have none
        return np.asmatrix(X)


def net(**new):
    return Sequential(Linear(6, 5, rng=0, **new), Tanh(), Linear(5, 2, rng=1, **new))


def costs(x, y, loss=None, **options):
    made = net()
    history = SGD(made, loss or MSELoss(), x, y, 8, 3, 1e-3, rng=0, progress=False, **options)
    return [*history.costs, *predict(made, x).ravel().tolist()]


# ------------------------------------------------------------------ what is taken


def test_images_of_bytes_and_integers_are_converted_once():
    images = np.arange(240, dtype="uint8").reshape(40, 6) % 7
    wanted = costs(images.astype(float), Y)
    for dtype in ("uint8", "int64", "int16"):
        assert costs(images.astype(dtype), Y) == wanted
    assert costs(images > 3, Y) == costs((images > 3).astype(float), Y)


def test_lists_frames_and_series_are_arrays():
    pandas = pytest.importorskip("pandas")
    labels = np.arange(40) % 2
    wanted = costs(X, labels, CrossEntropyLoss())
    assert costs(X.tolist(), labels.tolist(), CrossEntropyLoss()) == wanted
    frame, series = pandas.DataFrame(X), pandas.Series(labels)
    assert costs(frame, series, CrossEntropyLoss(), validation=(frame, series)) == wanted


def test_a_mapped_file_trains_as_its_array_does_and_is_not_copied(tmp_path):
    rows = 20_000
    mapped = np.memmap(tmp_path / "x", dtype="float32", mode="w+", shape=(rows, 60))
    mapped[:] = np.random.default_rng(0).normal(size=mapped.shape)
    y = np.asarray(mapped[:, :2]).astype(float)

    def train(x):
        made = Sequential(Linear(60, 2, rng=0))
        history = SGD(made, MSELoss(), x, y, 500, 1, 1e-4, rng=0, progress=False)
        return history.costs

    wanted = train(np.array(mapped))
    tracemalloc.start()
    found = train(mapped)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == wanted
    assert peak < mapped.nbytes  # in float64 the whole would take twice as much


@pytest.mark.parametrize("library", ["numpy", "torch", "array_api_strict"])
def test_mapped_and_other_arrays_go_together_on_any_library(library, tmp_path):
    pytest.importorskip(library)

    def mapped(name, values):
        made = np.memmap(tmp_path / name, dtype=values.dtype, mode="w+", shape=values.shape)
        made[:] = values
        return made

    def train(x, y):
        made = Sequential(Linear(X.shape[1], 2, rng=0, backend=library))
        weights, pair = np.arange(40.0), (x[:9], y[:9])
        history = SGD(
            made, MSELoss(), x, y, 7, 2, 1e-2, weights=weights, validation=pair, rng=0, progress=False
        )
        return history.costs, history["validation_cost"]

    x, y = X.astype("float32"), np.ones((40, 2))
    wanted = train(x, y)
    for pair in ((mapped("x", x), y), (x, mapped("y", y)), (mapped("x", x), mapped("y", y))):
        assert train(*pair) == wanted


def test_a_mapped_array_is_recorded_as_any_other(tmp_path):
    mapped = np.memmap(tmp_path / "x", dtype="float64", mode="w+", shape=X.shape)
    mapped[:] = X
    optim = Optim(net(), MSELoss(), 1e-3)
    optim.SGD(mapped, Y, 8, 3, rng=0, progress=False)
    assert optim.execution._structure is not None


REFUSED = {
    "a matrix": (matrix, r"got a np.matrix, .*np.asarray\(x\) makes an array"),
    "a masked array": (lambda: np.ma.array(X), r"got a masked array; x.filled\(0\)"),
    "objects": (lambda: np.array([[{}]] * 40, dtype=object), "got an array of objects; np.stack"),
    "text": (lambda: np.array([["a"]] * 40), "got text; sklearn.preprocessing.LabelEncoder"),
    "complex numbers": (lambda: X * 1j, "got complex128"),
    "dates": (lambda: np.zeros((40, 2), "datetime64[s]"), r"got datetime64\[s\]"),
    "a number": (lambda: np.float64(3), "got a single number"),
    "None": (lambda: None, "got None"),
    "a dict": (lambda: {"x": X}, "got a dict"),
    "a generator": (lambda: (each for each in X), "got a generator"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_array_of_numbers_is_refused_by_name(name):
    make, message = REFUSED[name]
    for call, owner in (
        (lambda x: SGD(net(), MSELoss(), x, Y, progress=False), "SGD"),
        (lambda x: predict(net(), x), "predict"),
    ):
        with pytest.raises(
            (TypeError, ValueError), match=f"{owner}: `x` must be an array of numbers, {message}"
        ):
            call(make())


def test_a_sparse_matrix_is_refused_by_name():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(
        TypeError, match=r"SGD: `x` must be .*got a sparse csr_array; x.toarray\(\) makes an array"
    ):
        SGD(net(), MSELoss(), sparse.csr_array(X), Y, progress=False)


def test_lists_of_several_lengths_are_refused():
    with pytest.raises(
        ValueError, match=r"SGD: `x` must be an array of numbers, got lists of several lengths"
    ):
        SGD(net(), MSELoss(), [[1.0], [1.0, 2.0]], [1, 2], progress=False)


def test_labels_that_are_text_name_what_numbers_them():
    with pytest.raises(
        TypeError, match=r"SGD: `y` must be an array of numbers, got text; sklearn.preprocessing.Lab"
    ):
        SGD(net(), CrossEntropyLoss(), X, np.array(["cat", "dog"] * 20), progress=False)


@pytest.mark.parametrize("layer", [Linear(6, 2), Tanh()], ids=repr)
def test_layers_refuse_arrays_that_compute_in_ways_of_their_own(layer):
    for array in (np.ma.array(X), matrix()):
        with pytest.raises(
            TypeError, match=r"`data` must be an array, got a .*which computes in ways of its own"
        ):
            layer.forward(array)


# ------------------------------------------------------------------ backends


def test_data_on_the_host_move_to_the_net(backend):
    labels = np.arange(40) % 2
    dtype = backend.dtypes[-1]
    expected = SGD(net(dtype=dtype), CrossEntropyLoss(), X, labels, 8, 2, 1e-3, rng=0, progress=False)
    made = net(backend=backend.where, dtype=dtype)
    history = SGD(
        made, CrossEntropyLoss(), X, labels, 8, 2, 1e-3, rng=0, progress=False, validation=(X, labels),
        metrics={"accuracy": diynn.accuracy},
    )  # fmt: skip
    np.testing.assert_allclose(history.costs, expected.costs, rtol={"float32": 1e-5, "float64": 1e-12}[dtype])
    outputs = predict(made, X)
    assert backend.holds(outputs, dtype)
    assert type(predict(made, X, backend="numpy")) is np.ndarray
    optim = Optim(made, MSELoss(), 1e-3, rule=Adam())
    assert namespace(optim.step(X[:4], Y[:4])) is namespace(outputs)


STRICT = find("strict-device1")[0]


def test_backend_is_taken_wherever_it_is_written():
    where = "array_api_strict:device1"
    made = Sequential(Linear(6, 2), diynn.ReLU(backend=where), Tanh(backend=where), backend=where)
    assert STRICT.holds(made[0]._parameters, "float64")
    for layer in (
        diynn.Flatten,
        Tanh,
        diynn.Softmax,
        lambda **n: diynn.AvgPool1D(2, **n),
        lambda **n: diynn.Dropout(0.1, **n),
    ):
        layer(backend=where)
        with pytest.raises(ValueError, match="`backend` 'nope' is not known"):
            layer(backend="nope")
    MSELoss(backend=where)
    optim = Optim(net(), MSELoss(), backend=where)
    assert STRICT.holds(optim.net[0]._parameters, "float64")
    assert STRICT.holds(optim.step(X, Y), "float64")
    SGD(other := net(), MSELoss(), X, Y, epochs=1, progress=False, backend=where)
    assert STRICT.holds(other[0]._parameters, "float64")
    for x, y in (
        data.two_gaussians(4, backend=where), data.four_gaussians(4, backend=where),
        data.checkerboard(4, backend=where), data.digits(backend=where)[:2],
    ):  # fmt: skip
        assert STRICT.holds(x, "float64")
        assert namespace(y) is namespace(x)
    assert STRICT.holds(data.one_hot(np.arange(3), 3, backend=where), "float64")
    (x, _), *_ = data.batches(X, Y, 10, backend=where)
    assert STRICT.holds(x, "float64")


def test_load_moves_the_net(tmp_path):
    diynn.save(net(), tmp_path / "net.npz")
    made = net()
    diynn.load(made, tmp_path / "net.npz", backend="array_api_strict:device1")
    assert STRICT.holds(made[0]._parameters, "float64")


def test_the_default_backend_is_set_for_good_or_for_a_block():
    assert type(Linear(2, 2)._parameters) is np.ndarray
    with diynn.set_backend("array_api_strict:device1"):
        assert STRICT.holds(Linear(2, 2)._parameters, "float64")
        assert STRICT.holds(data.two_gaussians(4)[0], "float64")
        with diynn.set_backend("numpy"):
            assert type(Linear(2, 2)._parameters) is np.ndarray
        assert STRICT.holds(Linear(2, 2)._parameters, "float64")
        with pytest.raises(ValueError, match="`backend` 'nope' is not known"):
            diynn.set_backend("nope")
    try:
        diynn.set_backend("array_api_strict")
        assert namespace(Linear(2, 2)._parameters) is find_backend("array_api_strict").xp
    finally:
        diynn.set_backend(None)
    assert type(Linear(2, 2)._parameters) is np.ndarray


@pytest.mark.parametrize("name", ["", "gpu", "Numpy", "cuda:0"])
def test_backends_that_are_none(name):
    with pytest.raises(
        ValueError,
        match=f"Linear: `backend` '{name.partition(':')[0]}' is not known: expected one of numpy, cupy",
    ):
        Linear(2, 2, backend=name)


@pytest.mark.parametrize(("thing", "word"), [(3, "3"), (print, "the function print"), ([], "a list")])
def test_backends_that_are_no_names(thing, word):
    with pytest.raises(TypeError, match=f"`backend` must be a name or an Array API namespace, got {word}"):
        Linear(2, 2, backend=thing)


BY_HAND = """
import numpy as np, diynn
from diynn.data import two_gaussians
x, y = two_gaussians(40, rng=0)
net = diynn.Sequential(diynn.Linear(2, 4, rng=0), diynn.Tanh(), diynn.Linear(4, 2, rng=1))
loss = diynn.CrossEntropyLoss()
costs = []
for _ in range(60):
    yhat = net.forward(x)
    costs.append(diynn.to_numpy(loss.forward(y, yhat)).sum())
    net.zero_grad()
    net.backward_update_gradient(x, loss.backward(y, yhat))
    net.update_parameters(1e-2)
assert costs[-1] < costs[0] / 3, costs
print(type(net[0]._parameters).__module__)
"""


@pytest.mark.parametrize("name", ["torch", "jax", "array_api_strict"])
@pytest.mark.parametrize("script", ["by hand", "the README's first"])
def test_a_script_that_names_no_backend_runs_on_any(name, script):
    library, reason = find({"array_api_strict": "strict"}.get(name, name))
    if library is None:
        pytest.skip(reason)
    code = BY_HAND
    if script != "by hand":
        code = (
            (ROOT / "README.md").read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
        )
    environment = {**os.environ, "DIYNN_BACKEND": name, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert default_dtype(library.where.xp) is not None
