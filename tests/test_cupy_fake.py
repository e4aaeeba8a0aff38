"""The engine on what stands in CuPy's place: names, signatures, devices, transfers. See `tests/cupy_fake.py`.

What drives the engine runs by ``pytest --backend cupy-fake`` alone; what is said of the fake, always.
"""

import operator
import os
import subprocess
import sys
import threading
from multiprocessing import Pipe
from types import SimpleNamespace

import numpy as np
import pytest

import diynn
from diynn import asarray, predict, to_numpy
from diynn.cli import main
from diynn.demo import RECIPES, make_net
from tests import cupy_fake, cupy_on_host, cupy_real
from tests.backends import assert_close
from tests.conftest import CHOSEN
from tests.test_readme import EXAMPLES, ROOT, figureless

pytest.importorskip("cupy", exc_type=ImportError)
pytestmark = pytest.mark.skipif(cupy_on_host.COMPILER is None, reason="no C++ compiler to run kernels with")

RULES = [None, diynn.Momentum(), diynn.Momentum(nesterov=True), diynn.Adam(), diynn.AdamW()]


# ------------------------------------------------------------------ the fake is as the real one


@pytest.fixture(scope="module")
def cupy():
    return cupy_fake.make()


def test_its_arrays_have_nothing_that_cupys_lack():
    own = {name for name in vars(cupy_fake.ndarray) if name not in ("host", "__weakref__")}
    assert own - set(dir(cupy_real.real().ndarray)) == set()
    assert not hasattr(cupy_real.real().ndarray, "__index__")
    assert not hasattr(cupy_fake.ndarray, "__index__")


def test_it_has_no_name_that_cupy_lacks(cupy):
    assert {name for name in vars(cupy) if not name.startswith("__")} <= set(dir(cupy_real.real()))
    assert not hasattr(cupy, "ascontiguousarray_chkfinite")


def test_compiled_signatures_are_read_from_the_documentation():
    sums = cupy_real.signature("sum", of_array=True)
    assert list(sums.parameters) == ["self", "axis", "dtype", "out", "keepdims"]
    assert list(cupy_real.signature("exp").parameters) == ["x", "out", "casting", "dtype"]
    assert cupy_real.signature("exp").parameters["dtype"].kind is sums.parameters["axis"].KEYWORD_ONLY


REFUSED = {
    "implicit conversion": lambda xp, a: np.asarray(a),
    "a function of NumPy's with its arrays": lambda xp, a: np.add(np.ones(3), a),
    "an operator with NumPy's left": lambda xp, a: np.ones(3) + a,
    "an operator with NumPy's right": lambda xp, a: a * np.ones(3),
    "a function with NumPy's": lambda xp, a: xp.exp(np.ones(3)),
    "a list with NumPy's": lambda xp, a: xp.concatenate([a, np.ones(3)]),
    "an option that NumPy has alone": lambda xp, a: xp.sum(a, initial=0.0),
    "an option of a method": lambda xp, a: a.max(where=True),
    "a list for an array": lambda xp, a: xp.exp([1.0, 2.0]),
    "a list to be summed": lambda xp, a: xp.sum([1.0, 2.0]),
    "a number to be clipped": lambda xp, a: xp.clip(2.0, 0.0, 1.0),
    "one argument too many": lambda xp, a: xp.tanh(a, None, a),
    "an attribute of no array": lambda xp, a: a.to_device("cpu"),
    "a namespace": lambda xp, a: a.__array_namespace__(),
    "a new attribute": lambda xp, a: setattr(a, "mark", 1),
    "a name that CuPy lacks": lambda xp, a: xp.nditer(a),
    "an index": lambda xp, a: range(a[0]),
    "a device of text": lambda xp, a: xp.cuda.Device("cpu"),
    "a device that is not there": lambda xp, a: xp.cuda.Device(7).__enter__(),
    "an array of another device": lambda xp, a: there(xp) + a,
    "a sum on another device": lambda xp, a: there(xp).sum(),
    "a hash": lambda xp, a: {a: 1},
}


def there(xp):
    with xp.cuda.Device(1):
        return xp.ones(3)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cupy_does_not_do_is_an_error(name, cupy):
    with pytest.raises((TypeError, ValueError, AttributeError, RuntimeError)):
        REFUSED[name](cupy, cupy.ones(3))


def test_single_values_stay_arrays_and_reading_them_is_counted(cupy):
    a, before = cupy.ones(3), dict(cupy_fake.WAITS)
    for single in (a[0], a.sum(), cupy.max(a), cupy.ones(()) + 1, a[0] == 1, cupy.count_nonzero(a)):
        assert isinstance(single, cupy.ndarray)
        assert single.shape == ()
    assert before == cupy_fake.WAITS
    assert float(a.sum()) == 3
    assert operator.truth(a[0] == 1)
    assert cupy_fake.WAITS["__float__"] == before.get("__float__", 0) + 1
    assert cupy_fake.WAITS["__bool__"] == before.get("__bool__", 0) + 1


def test_functions_of_numpy_are_handed_over_to_cupys(cupy):
    for found in (np.exp(cupy.ones(3)), np.sum(cupy.ones(3)), np.float64(2) * cupy.ones(3)):
        assert isinstance(found, cupy.ndarray)


def test_new_arrays_are_on_the_current_device_of_a_thread(cupy):
    found = []
    with cupy.cuda.Device(1):
        thread = threading.Thread(target=lambda: found.append(cupy.ones(1).device.id))
        thread.start()
        thread.join()
        assert cupy.ones(1).device.id == cupy.asarray(np.ones(1)).device.id == 1
    assert found == [0]
    assert cupy.asarray(there(cupy)).device.id == 0  # moved
    assert there(cupy)[1:].device.id == 1  # a view is where its array is


# ------------------------------------------------------------------ the engine on it


@pytest.fixture
def fake(pytestconfig):
    """Let CuPy be replaced for this whole run."""
    if "cupy-fake" not in pytestconfig.stash[CHOSEN]:
        pytest.skip("asked for by --backend cupy-fake")
    cupy_fake.install()


def data(name):
    """Return a hundred digits, and what is right for them, for a net of the demo."""
    digits = diynn.data.digits(rng=0, backend="numpy")
    x = digits.x_train[:100].reshape(-1, *((64, 1) if name == "conv" else (64,)))
    return x, x if name == "autoencoder" else digits.y_train[:100]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", RECIPES)
def test_sgd_and_predict_do_as_on_numpy(name, dtype, fake):
    (x, y), answers = data(name), []
    for backend in ("numpy", "cupy"):
        net = make_net(name, backend=backend, dtype=dtype)
        history = diynn.SGD(
            net, RECIPES[name].loss, x, y, 32, 2, 1e-3, rule=diynn.Adam(), validation=(x[:40], y[:40]),
            metrics=None if name == "autoencoder" else {"accuracy": diynn.accuracy},
            callbacks=[diynn.KeepBest()], rng=0, progress=True,
        )  # fmt: skip
        trace = diynn.trace(net, RECIPES[name].loss, *near(net, x, y))
        answers.append((np.asarray(history.costs), predict(net, x, 30), trace))
    (costs, outputs, trace), (others, on_device, other) = answers
    assert type(on_device).__module__ == "cupy"
    assert_close(others, costs, dtype)
    assert_close(to_numpy(on_device), outputs, "float32")
    assert [row.module for row in trace.rows] == [row.module for row in other.rows]


def near(net, x, y):
    like = net.parameters()[0].value
    return diynn.arrays.alike(x, like), asarray(y, diynn.dataset.home(like))


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("name", RECIPES)
def test_a_step_waits_for_nothing(name, rule, fake):
    net = make_net(name, backend="cupy")
    x, y = (asarray(each, "cupy", dtype=None) for each in data(name))
    x = asarray(x, "cupy", dtype="float64")
    net.to(dtype="float64")
    optim = diynn.Optim(net, RECIPES[name].loss, 1e-4, rule=rule)
    before = dict(cupy_fake.WAITS)
    costs = [optim.step(x, y) for _ in range(3)]
    assert before == cupy_fake.WAITS
    assert float(costs[-1].sum()) < float(costs[0].sum())


def test_training_waits_as_often_whatever_the_number_of_batches(fake):
    def waits(batch_size):
        before = sum(cupy_fake.WAITS.values())
        x, y = data("mlp")
        diynn.SGD(make_net("mlp", backend="cupy"), RECIPES["mlp"].loss, x, y, batch_size, 2, progress=False)
        return sum(cupy_fake.WAITS.values()) - before

    assert waits(5) == waits(50)


def test_nets_move_and_are_saved_and_loaded(fake, tmp_path):
    net = make_net("conv", backend="numpy", dtype="float32")
    x, _ = data("conv")
    expected = predict(net, x)
    diynn.save(net.copy().to("cupy"), tmp_path / "net")
    other = make_net("conv", seed=1, backend="cupy", dtype="float32")
    diynn.load(other, tmp_path / "net")
    assert_close(to_numpy(predict(other, x)), expected, "float32")
    assert isinstance(predict(other, x, backend="numpy"), np.ndarray)
    assert_close(predict(other.to("numpy"), x), expected, "float32")
    tied = diynn.Sequential(diynn.Linear(3, 2, rng=0), diynn.Linear(2, 3, rng=1))
    tied[1]._parameters = tied[0]._parameters.T
    assert tied.to("cupy").summary((3,)).parameters == 6 + 5
    assert tied.copy().summary((3,)).parameters == 6 + 5


def test_another_device_trains_where_it_is_current(fake):
    cupy = __import__("cupy")
    x, y = data("mlp")
    with cupy.cuda.Device(1):
        net = make_net("mlp", backend="cupy", dtype="float32")
        diynn.SGD(net, RECIPES["mlp"].loss, x, y, 50, 1, rule=diynn.Adam(), progress=False)
        outputs = predict(net, x)
    assert {each.value.device.id for each in net.parameters()} == {outputs.device.id} == {1}
    with pytest.raises(ValueError, match="array device = 1 while current = 0"):
        diynn.SGD(net, RECIPES["mlp"].loss, x, y, 50, 1, progress=False)
    moved = make_net("mlp", backend="cupy:1", dtype="float32").to("cupy:0")
    assert {each.value.device.id for each in moved.parameters()} == {0}
    diynn.SGD(moved, RECIPES["mlp"].loss, x, y, 50, 1, progress=False)


@pytest.mark.parametrize("name", RECIPES)
def test_the_demo_runs(name, fake, tmp_path, capsys):
    assert main(["demo", "--net", name, "--backend", "cupy", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert "test" in capsys.readouterr().out
    assert len(list(tmp_path.glob("*.png"))) == 3


LAUNCH = """
import runpy, sys
from tests import cupy_fake

cupy_fake.install()
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def launched(path, folder):
    """Run a program in a process of its own, where CuPy is the default."""
    words = {
        "DIYNN_BACKEND": "cupy",
        "MPLBACKEND": "Agg",
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
    }
    return subprocess.run(
        [sys.executable, "-c", LAUNCH, str(path)],
        cwd=folder, env={**os.environ, **words}, capture_output=True, text=True, encoding="utf-8",
        timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("script", ["deux_gaussiennes.py", "mots_cles.py"])
def test_a_course_script_that_names_no_library_runs(script, fake, tmp_path):
    result = launched(ROOT / "tests" / "course_scripts" / script, tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_first_program_of_the_readme_runs_and_prints_the_same(fake, tmp_path):
    program, printed = EXAMPLES[0]
    path = tmp_path / "first.py"
    path.write_text(program, encoding="utf-8")
    result = launched(path, tmp_path)
    assert result.returncode == 0, result.stderr
    assert figureless(result.stdout) == figureless(printed)


def pipe():
    """Return the ends of a pipe, the second of which its giver does not close: it is used in a thread."""
    ours, theirs = Pipe()
    return ours, SimpleNamespace(recv=theirs.recv, send=theirs.send, close=lambda: None)


def test_the_benchmark_runs(fake, monkeypatch, capsys, tmp_path):
    import harness
    import machine
    import training_step

    class Process(threading.Thread):
        """A contender in a thread: a new process would know nothing of what stands in CuPy's place."""

        exitcode = 0

        def terminate(self):
            pass

    monkeypatch.setattr(machine, "gpu", lambda: "none")
    monkeypatch.setattr(harness, "get_context", lambda kind: SimpleNamespace(Pipe=pipe, Process=Process))
    words = ["--backend", "cupy", "--workload", "a,c", "--batch", "8", "--peers", "floor,traffic"]
    words += ["--rounds", "1", "--seconds", "0.01", "--threads", "1", "--json", str(tmp_path / "out.json")]
    assert training_step.main(words) == 0
    printed = capsys.readouterr().out
    assert "diynn-serial" in printed
    assert "missing" not in printed


def test_every_kernel_is_launched_in_every_dtype_that_is_compiled(fake):
    from tests.cupy_kernels import DTYPES, kernels

    rng = np.random.default_rng(0)
    losses = {
        diynn.BCEWithLogitsLoss: rng.integers(0, 2, (4, 3)).astype(float),
        diynn.CrossEntropyLoss: np.eye(3)[[0, 1, 2, 0]],
    }
    for dtype in DTYPES:
        x = asarray(rng.random((4, 9, 2)), "cupy", dtype=dtype)
        for loss, y in losses.items():
            net = diynn.Sequential(
                diynn.Conv1D(3, 2, 3, 2), diynn.MaxPool1D(2, 1), diynn.Conv1D(2, 3, 2), diynn.Sigmoid(),
                diynn.Flatten(), diynn.Linear(4, 4), diynn.Tanh(), diynn.Linear(4, 3),
            ).to("cupy", dtype=dtype)  # fmt: skip
            diynn.Optim(net, loss()).step(x, asarray(y, "cupy", dtype=dtype))
    assert {(name, dtype) for name in kernels() for dtype in DTYPES} == cupy_fake.LAUNCHED


def test_a_kernel_that_nobody_has_compiled_is_not_launched(fake, monkeypatch):
    import cupy

    from diynn.ops import on_cupy

    stray = cupy.ElementwiseKernel("T x", "T y", "y = x", "diynn_stray")
    with pytest.raises(AssertionError, match="diynn_stray is in no list"):
        stray(cupy.ones(3))
    monkeypatch.setattr(on_cupy, "_stray", stray, raising=False)
    with pytest.raises(AssertionError, match="diynn_stray is not compiled"):
        stray(cupy.ones(3))
    with pytest.raises(AssertionError, match="diynn_sigmoid is not compiled for float16"):
        on_cupy._sigmoid(cupy.ones(3, dtype="float16"))
    with pytest.raises(TypeError, match="diynn_sigmoid takes 1 or 2 arguments, got 3"):
        on_cupy._sigmoid(cupy.ones(3), cupy.ones(3), cupy.ones(3))
    with pytest.raises(TypeError, match="Type is mismatched"):
        on_cupy._tanh_delta(cupy.ones(3), cupy.ones(3, dtype="float32"))
