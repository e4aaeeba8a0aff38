"""The engine on CuPy itself, whose CUDA is the host: by ``--backend cupy-host``. See `tests/cuda_on_host`."""

import copy
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
from tests.backends import assert_close
from tests.cases import each_rule
from tests.cuda_on_host import kernels, nvrtc, runtime
from tests.test_readme import ROOT


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
