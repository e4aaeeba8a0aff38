"""The engine on CuPy itself, whose CUDA is the host: by ``--backend cupy-host``. See `tests/cuda_on_host`."""

import copy
import os
import pickle
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
from tests.backends import assert_close
from tests.cases import each_rule
from tests.conftest import CHOSEN
from tests.cuda_on_host import kernels, nvrtc, runtime
from tests.test_readme import ROOT


@pytest.fixture
def cupy(pytestconfig):
    """CuPy, on the host for this whole run."""
    if "cupy-host" not in pytestconfig.stash[CHOSEN]:
        pytest.skip("asked for by --backend cupy-host")
    return sys.modules["cupy"]


def data(name):
    """Return a hundred digits, and what is right for them, for a net of the demo."""
    digits = diynn.data.digits(rng=0, backend="numpy")
    x = digits.x_train[:100].reshape(-1, *((64, 1) if name == "conv" else (64,)))
    return x, x if name == "autoencoder" else digits.y_train[:100]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", RECIPES)
def test_sgd_and_predict_do_as_on_numpy(name, dtype, cupy):
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


@each_rule
@pytest.mark.parametrize("name", RECIPES)
def test_a_step_waits_for_nothing(name, rule, cupy):
    net = make_net(name, backend="cupy")
    x, y = (asarray(each, "cupy", dtype=None) for each in data(name))
    x = asarray(x, "cupy", dtype="float64")
    net.to(dtype="float64")
    optim = diynn.Optim(net, RECIPES[name].loss, 1e-4, rule=rule)
    before = dict(runtime.WAITS)
    costs = [optim.step(x, y) for _ in range(3)]
    assert before == runtime.WAITS
    assert float(costs[-1].sum()) < float(costs[0].sum())


def test_training_waits_as_often_whatever_the_number_of_batches(cupy):
    def waits(batch_size):
        before = sum(runtime.WAITS.values())
        x, y = data("mlp")
        diynn.SGD(make_net("mlp", backend="cupy"), RECIPES["mlp"].loss, x, y, batch_size, 2, progress=False)
        return sum(runtime.WAITS.values()) - before

    assert waits(5) == waits(50)


def test_nets_move_and_are_saved_and_loaded(cupy, tmp_path):
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


def test_another_device_trains_where_it_is_current(cupy):
    x, y = data("mlp")
    with cupy.cuda.Device(1):
        net = make_net("mlp", backend="cupy", dtype="float32")
        diynn.SGD(net, RECIPES["mlp"].loss, x, y, 50, 1, rule=diynn.Adam(), progress=False)
        outputs = predict(net, x)
    assert {each.value.device.id for each in net.parameters()} == {outputs.device.id} == {1}
    with pytest.raises(ValueError, match=r"array resides \(1\) is different from the current device \(0\)"):
        diynn.SGD(net, RECIPES["mlp"].loss, x, y, 50, 1, progress=False)
    there = make_net("mlp", backend="cupy:1", dtype="float32")
    for net in (there, there.copy(), copy.deepcopy(there)):
        handles = net.parameters()
        assert {each.device.id for one in handles for each in (one.value, one.gradient)} == {1}
    assert diynn.arrays.copy(there.parameters()[0].value).device.id == 1
    moved = there.to("cupy:0")
    assert {each.value.device.id for each in moved.parameters()} == {0}
    diynn.SGD(moved, RECIPES["mlp"].loss, x, y, 50, 1, progress=False)


@pytest.mark.parametrize("name", RECIPES)
def test_the_demo_runs(name, cupy, tmp_path, capsys):
    assert main(["demo", "--net", name, "--backend", "cupy", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert "test" in capsys.readouterr().out
    assert len(list(tmp_path.glob("*.png"))) == 3


LAUNCH = """
import runpy, sys
from tests.cuda_on_host import runtime

runtime.install()
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


def test_a_course_script_that_names_no_library_runs(cupy, tmp_path):
    result = launched(ROOT / "tests" / "course_scripts" / "deux_gaussiennes.py", tmp_path)
    assert result.returncode == 0, result.stderr


def pipe():
    """Return the ends of a pipe, the second of which its giver does not close: it is used in a thread."""
    ours, theirs = Pipe()
    return ours, SimpleNamespace(recv=theirs.recv, send=theirs.send, close=lambda: None)


def test_the_benchmark_runs(cupy, monkeypatch, capsys, tmp_path):
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


# ------------------------------------------------------------------ what trainings may have


def deep(backend, dtype):
    """Return a net of all kinds of layers that the demo's have not, drawing as it is trained."""
    new = {"backend": backend, "dtype": dtype}
    first = diynn.Linear(6, 5, rng=1, **new)
    return diynn.Sequential(
        diynn.Conv1D(3, 2, 3, padding="same", rng=0, **new), diynn.MaxPool1D(3, 2, padding=1),
        diynn.LeakyReLU(), diynn.AvgPool1D(2, 1, padding="same"), diynn.Dropout(0.25, rng=5), diynn.GELU(),
        diynn.MaxPool1D(2), diynn.Flatten(), first, diynn.GaussianNoise(0.1, rng=6), diynn.Tanh(),
        diynn.Transposed(first), diynn.ReLU(), diynn.Linear(6, 3, rng=2, **new),
    )  # fmt: skip


def deep_data(size=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(size, 8, 2)), rng.normal(size=(size, 3)), rng.uniform(0, 2, size)


def values(net):
    return [to_numpy(each.value) for each in net.parameters()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_rule
def test_every_rule_takes_the_steps_of_numpy(rule, dtype, cupy):
    found = []
    for backend in ("numpy", "cupy"):
        net = deep(backend, dtype)
        optim = diynn.Optim(net, diynn.HuberLoss(0.5), 1e-2, rule=rule)
        batches = [[each.astype(dtype) for each in deep_data(seed=seed)] for seed in range(3)]
        costs = [optim.step(*batch) for batch in batches]
        assert {each.value.dtype for each in net.parameters()} == {np.dtype(dtype)} == {costs[-1].dtype}
        kept = [part for parts in optim.state()["rule"]["states"].values() for part in parts]
        assert {each.dtype for each in kept} <= {np.dtype(dtype)}
        found.append([*map(to_numpy, costs), *values(net), *kept])
    for one, other in zip(*found, strict=True):
        assert_close(other, one, dtype)


@pytest.mark.parametrize("execution", ["serial", "threads", "auto"])
def test_a_training_that_is_stopped_goes_on_to_the_bit(execution, cupy, tmp_path):
    def trained(epochs, path=None):
        net, (x, y, weights) = deep("cupy", "float64"), deep_data(40)
        history = diynn.SGD(
            net, diynn.L1Loss(), x, y, 16, epochs, diynn.cosine_decay(1e-2, steps=12), sample_weight=weights,
            rule=diynn.ClipNorm(diynn.RMSprop(), 5.0), rng=3, execution=execution, checkpoint=path,
            progress=False,
        )  # fmt: skip
        return [np.asarray(history.costs), *values(net)]

    trained(2, tmp_path / "run.npz")
    for one, other in zip(trained(4, tmp_path / "run.npz"), trained(4), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_state_restored_is_the_state_taken(cupy):
    net, data = deep("cupy", "float32"), deep_data()
    optim = diynn.Optim(net, diynn.MSELoss(), 1e-3, rule=diynn.Adam())
    optim.step(*data)
    state = pickle.loads(pickle.dumps(optim.state()))
    costs = to_numpy(optim.step(*data))
    optim.restore(state)
    np.testing.assert_array_equal(to_numpy(optim.step(*data)), costs)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net)), diynn.Module.copy]
)
def test_copies_are_on_the_device_and_apart(copied, cupy):
    net = deep("cupy", "float32")
    other = copied(net)
    before = values(net)
    diynn.Optim(other, diynn.MSELoss(), 1e-2).step(*deep_data())
    assert {type(each.value) for each in other.parameters()} == {cupy.ndarray}
    assert all(np.array_equal(one, two) for one, two in zip(values(net), before, strict=True))
    assert not np.array_equal(values(other)[0], before[0])


def test_batches_from_wherever_they_come_are_moved(cupy):
    x, y, _ = deep_data(20)  # of float64, for a net of float32
    on_device = asarray(x, "cupy", dtype="float32"), asarray(y, "cupy", dtype="float32")
    shown = []
    for batches in (
        [(x[:10], y[:10]), (x[10:], y[10:])],
        [tuple(each[rows] for each in on_device) for rows in (slice(10), slice(10, None))],
        lambda epoch: iter([(x[:10], y[:10]), tuple(each[10:] for each in on_device)]),
    ):
        net = deep("cupy", "float32")
        shown.append(diynn.SGD(net, diynn.MSELoss(), batches, epochs=2, progress=False).costs)
    assert shown[0] == shown[1] == shown[2]
    costs = diynn.Optim(deep("cupy", "float32"), diynn.MSELoss()).step(x, y)
    assert (type(costs), costs.dtype) == (cupy.ndarray, np.float32)


def test_data_may_be_on_the_device_or_moved_whole_or_batch_by_batch(cupy, monkeypatch):
    data, shown = deep_data(20), []
    for free, given in ((2**30, data), (100, data), (0, [asarray(each, "cupy") for each in data])):
        monkeypatch.setattr(diynn.arrays, "free_memory", lambda array, free=free: free)
        net, (x, y, weights) = deep("cupy", "float64"), given
        history = diynn.SGD(
            net, diynn.MSELoss(), x, y, 8, 2, sample_weight=weights, validation=0.25, rng=0, progress=False
        )
        shown.append([history.costs, history["validation_cost"]])
    assert shown[0] == shown[1] == shown[2]


def test_waiting_for_an_array_waits_for_its_device(cupy):
    before = runtime.WAITS["deviceSynchronize"]
    diynn.arrays.synchronize(cupy.ones(3))
    assert runtime.WAITS["deviceSynchronize"] == before + 1


@pytest.mark.parametrize("name", ["sigmoid_delta", "tanh_delta", "cross_entropy", "logistic_cross_entropy"])
def test_kernels_leave_mixed_dtypes_to_the_definition(name, cupy):
    from diynn.ops import OPERATIONS

    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(3, 4)).astype("float32"), rng.uniform(size=(3, 4))
    found = OPERATIONS[name](*(asarray(each, "cupy") for each in mixed))
    expected = OPERATIONS[name].reference(*mixed)
    pairs = zip(found, expected, strict=True) if type(found) is tuple else [(found, expected)]
    for one, other in pairs:
        assert one.dtype == other.dtype
        assert_close(one, other, "float32")


def test_accumulated_batches_are_one_step(cupy):
    found = []
    for backend in ("numpy", "cupy"):
        net, (x, y, _) = deep(backend, "float64"), deep_data(20)
        diynn.SGD(net, diynn.MSELoss(), x, y, 5, 2, accumulate=2, rng=0, progress=False)
        found.append(values(net))
    for one, other in zip(*found, strict=True):
        assert_close(other, one, "float64")


@pytest.mark.filterwarnings("ignore:NetClassifier. the cost was still falling")
def test_estimators_of_scikit_learn_train_there(cupy):
    from sklearn.datasets import load_iris

    from diynn.sklearn import NetClassifier

    x, y = load_iris(return_X_y=True)
    found = []
    for backend in ("numpy", "cupy"):
        model = NetClassifier((8,), backend=backend, max_iter=5, random_state=0).fit(x, y)
        found.append(to_numpy(model.predict_proba(x)))
    assert_close(found[1], found[0], "float32")


DISPATCHED = """
import os

os.environ["SCIPY_ARRAY_API"] = "1"
from tests.cuda_on_host import runtime

runtime.install()
import cupy
import sklearn
from sklearn.datasets import load_iris

import diynn
from diynn.sklearn import NetClassifier

x, y = load_iris(return_X_y=True)
model = NetClassifier((8,), max_iter=200, tol=1e-2, random_state=0)
expected = model.fit(x, y).predict_proba(x)
x, y = diynn.asarray(x, "cupy"), diynn.asarray(y, "cupy")
with sklearn.config_context(array_api_dispatch=True):
    model.fit(x, y)
    assert type(model.predict(x)) is type(model.predict_proba(x)) is cupy.ndarray
    assert abs(model.predict_proba(x).get() - expected).max() < 1e-9
    assert 0 < model.score(x, y) <= 1
"""


def test_estimators_take_and_give_arrays_of_a_device(cupy):
    words = {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", DISPATCHED],
        env=os.environ | words,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr


RANKS = """
import numpy as np
from mpi4py import MPI
from tests.cuda_on_host import runtime

runtime.install()
import diynn
from tests.test_cupy_on_host import deep_data, values

net = diynn.Sequential(*(diynn.Linear(*sizes, rng=0, backend="cupy") for sizes in ((16, 5), (5, 3))))
x, y, _ = deep_data(20)
diynn.SGD(net, diynn.MSELoss(), x.reshape(20, 16), y, 10, 2, execution="mpi", rng=0, progress=False)
if MPI.COMM_WORLD.rank == 0:
    print(MPI.COMM_WORLD.size, *(f"{each.sum():.9f}" for each in values(net)))
"""


def test_ranks_sum_through_the_host(cupy):
    from tests.test_mpi import LAUNCH

    printed = []
    for ranks in ("1", "2"):
        words = [*LAUNCH, "-n", ranks, sys.executable, "-c", RANKS]
        result = subprocess.run(
            words, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300
        )
        assert result.returncode == 0, result.stderr
        printed.append({line for line in result.stdout.splitlines() if line[:1] in "12"})
    assert [len(each) for each in printed] == [1, 1]
    one, two = (each.pop().split() for each in printed)
    assert (one[0], two[0]) == ("1", "2")
    assert one[1:] == two[1:]


# ------------------------------------------------------------------ kernels


def launch_all(cupy, dtype):
    """Take steps that launch every kernel of ``on_cupy.py``."""
    rng = np.random.default_rng(0)
    losses = {
        diynn.BCEWithLogitsLoss: rng.integers(0, 2, (4, 3)).astype(float),
        diynn.CrossEntropyLoss: np.eye(3)[[0, 1, 2, 0]],
    }
    x = asarray(rng.random((4, 9, 2)), "cupy", dtype=dtype)
    for loss, y in losses.items():
        net = diynn.Sequential(
            diynn.Conv1D(3, 2, 3, 2), diynn.MaxPool1D(2, 1), diynn.Conv1D(2, 3, 2), diynn.Sigmoid(),
            diynn.Flatten(), diynn.Linear(4, 4), diynn.Tanh(), diynn.Linear(4, 3),
        ).to("cupy", dtype=dtype)  # fmt: skip
        diynn.Optim(net, loss()).step(x, asarray(y, "cupy", dtype=dtype))


def test_every_kernel_of_the_engine_is_launched_in_both_dtypes(cupy):
    from diynn.ops import on_cupy

    own = [each for each in vars(on_cupy).values() if type(each).__name__.endswith("Kernel")]
    assert len(own) == 8
    for dtype, name in (("float32", "float"), ("float64", "double")):
        launch_all(cupy, dtype)
        for each in own:
            sources = kernels.LAUNCHED[each.name]
            assert any(f"CArray<{name}," in source for source in sources), (each.name, dtype)


def test_reductions_are_kept_as_cub_has_them(cupy):
    """By default CuPy reduces with CUB's templates, which the host cannot run: NVRTC has them to compile."""
    cupy._core.set_reduction_accelerators(["cub"])
    try:
        for reduce in (cupy.sum, cupy.argmax):
            reduce(cupy.ones((6, 40), dtype="float32"))
    finally:
        cupy._core.set_reduction_accelerators([])
    kept = {name for name, sources in kernels.LAUNCHED.items() if any("<cub/" in each for each in sources)}
    assert {f"cupy_cub_{name}_pass1" for name in ("sum", "argmax")} <= kept


def test_nvrtc_makes_code_of_what_was_launched(cupy):
    launch_all(cupy, "float32")
    [source] = [each for each in kernels.LAUNCHED["diynn_window_max"] if "CArray<float," in each]
    assert "CArray<float, 1, 1, 1>" in source
    assert "CArray<float, 1, 1, 0>" in nvrtc.large(source)
    for each in ([source, source], [nvrtc.large(source)]):
        code = nvrtc.compiled(each, "sm_75")
        assert code[:4] == b"\x7fELF"
        assert f"diynn_window_max_{len(each) - 1}".encode() in code


def test_a_kernel_that_is_wrong_compiles_nowhere(cupy, capsys, tmp_path):
    wrong = 'extern "C" __global__ void wrong() { undeclared(); }'
    with pytest.raises(RuntimeError, match=r"wrong-\w+\.so does not compile for the host(.|\n)*undeclared"):
        kernels.compiled("wrong", wrong)
    with pytest.raises(cupy.cuda.compiler.CompileException, match="undeclared"):
        nvrtc.compiled([f"//\n{wrong}"], "sm_90")
    with pytest.raises(RuntimeError, match="sm_90: no code for a kernel without a name"):
        nvrtc.compiled(["//\n"], "sm_90")
    assert nvrtc.main(tmp_path) == 1
    assert f"no kernels in {tmp_path}" in capsys.readouterr().out


def test_what_the_host_has_not_is_said(cupy):
    with pytest.raises(NotImplementedError, match=r"CUDA on the host has no mallocArray\(1,\)"):
        runtime.missing("mallocArray")(1)
    with pytest.raises(ImportError, match="this CuPy asks CUDA by other names: it has no malloc"):
        runtime.replace(SimpleNamespace(__pyx_capi__={}), {"malloc": runtime.malloc})
