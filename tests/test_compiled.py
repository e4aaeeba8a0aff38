"""Compiled steps compute what the definition does, on any number of threads; their code is kept on disk."""

from __future__ import annotations

import copy
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import diynn
from diynn.execution.lowering import lower
from diynn.execution.serial import serial
from diynn.module import parameters
from tests.backends import NUMPY
from tests.cases import each_layer, each_loss
from tests.cases.calls import layer_calls, loss_calls
from tests.recordings import compiled, record, train

pytest.importorskip("llvmlite")

from diynn.execution import compiled as code
from diynn.execution import instructions, native
from diynn.execution.native import Block, Step


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory):
    """Keep machine code for this module alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIYNN_CACHE", str(tmp_path_factory.mktemp("kept")))
        yield


def contiguous(*arrays):
    return [np.ascontiguousarray(each) for each in arrays]


def accurate(found, wanted, precise):
    """Compare to rounding, and where it is amplified, to what the definition itself gets from it."""
    scale = max(float(np.abs(each).max(initial=0.0)) for each in precise)
    for one, two, three in zip(found, wanted, precise, strict=True):
        tolerance = {"float32": 1e-6, "float64": 1e-12}[two.dtype.name] * scale
        amplified = 4 * float(np.abs(two - three).max(initial=0.0))
        np.testing.assert_allclose(one, three, rtol=0, atol=tolerance + amplified)


def gradients(net, loss, x, y):
    """Return the definition's gradients and costs."""
    for module in net.flat() if isinstance(net, diynn.Sequential) else [net]:
        module.zero_grad()
    costs = serial(net, loss, x, y)
    return [*(parameter.gradient for parameter in parameters(net)), costs]


# ------------------------------------------------------------------ the same values


@each_layer
@given(data=st.data())
def test_a_layer_compiled_has_the_gradient_of_the_definition(layer, data):
    call = data.draw(layer_calls(layer, NUMPY))
    net, x, target = call.on(NUMPY)
    if not x.size:
        return
    trained = train(net, diynn.MSELoss(), x, target)
    trained.spoil()
    compiled(trained.program)(*contiguous(x, target), np.zeros((), x.dtype))
    precise, x64, target64 = call.on(NUMPY, "float64")
    accurate(
        [*trained.gradients, trained.recording.result],
        gradients(net, diynn.MSELoss(), x, target),
        gradients(precise, diynn.MSELoss(), x64, target64),
    )


@each_loss
@given(data=st.data())
def test_a_loss_compiled_gives_its_costs_and_gradient(case, data):
    call = data.draw(loss_calls(case, NUMPY))
    y, yhat = call.on(NUMPY)
    if not yhat.size:
        return
    for number in range(2):
        recording, program = record(
            lambda a, b, n=number: case.loss.costs_and_delta(a, b)[n], y[::-1], yhat[::-1]
        )
        recording.result[...] = 0
        compiled(program)(*contiguous(y, yhat))
        precise = case.loss.costs_and_delta(*call.on(NUMPY, "float64"))[number]
        accurate([recording.result], [case.loss.costs_and_delta(y, yhat)[number]], [precise])


FUNCTIONS = (
    "sqrt",
    "expm1",
    "exp2",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "floor",
    "ceil",
    "trunc",
)
INVERSE = (
    "arcsin",
    "arccos",
    "arctan",
    "arcsinh",
    "arctanh",
    "rint",
    "square",
    "reciprocal",
    "negative",
    "absolute",
)
OF_TWO = ("power", "hypot", "arctan2", "minimum", "maximum", "add", "subtract", "multiply", "divide")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_of_numbers(dtype):
    one, two = np.random.default_rng(0).uniform(0.1, 0.9, (2, 37)).astype(dtype)
    for name in (*FUNCTIONS, *INVERSE, *OF_TWO):
        arrays = (one, two) if name in OF_TWO else (one,)
        recording, program = record(getattr(np, name), *(each / 2 for each in arrays))
        recording.result[...] = np.nan
        compiled(program)(*arrays)
        wanted = getattr(np, name)(*(each.astype("float64") for each in arrays))
        np.testing.assert_allclose(recording.result, wanted, rtol=4 * np.finfo(dtype).eps, err_msg=name)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"])
def test_whole_numbers(kind):
    info = np.iinfo(kind)
    one, two = np.array([[info.min, info.max, 3, 100], [5, 7, info.max, 2]], kind)
    functions = [
        lambda a, b: a + b, lambda a, b: a * b - a, np.maximum, np.minimum, lambda a, b: (a > b) * a,
        lambda a, b: np.abs(a), lambda a, b: a.astype("float32"), lambda a, b: a / b,
        lambda a, b: a.astype("int16"),
        lambda a, b: a.astype("int64") - b.astype("int64"), lambda a, b: (a >= b).astype("float64"),
    ]  # fmt: skip
    for function in functions:
        recording, program = record(function, two, two)
        recording.result[...] = 1
        compiled(program)(one, two)
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(recording.result, function(one, two))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_infinity_pass_through(dtype):
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -1.0, 3.0] * 4, dtype)
    for function in (
        lambda x: np.maximum(x, 0.0),
        lambda x: np.minimum(0.5, x),
        lambda x: np.where(x > 0, x, 0.0),
        lambda x: np.sum(x.reshape(-1, 6), axis=1),
        lambda x: np.max(x.reshape(-1, 6), axis=1),
        lambda x: (x - x) + x,
        lambda x: x != x,
    ):
        recording, program = record(function, np.ones_like(values))
        compiled(program)(values)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(recording.result, function(values))


# ------------------------------------------------------------------ shares, blocks and the update


class Training:
    """A step on ``threads`` shares of ``blocks`` blocks each, compiled, and the definition beside it."""

    def __init__(self, threads, blocks, dtype="float64", batch=24, seed=0):
        rng = np.random.default_rng(seed)
        new = {"rng": rng, "dtype": dtype}
        self.net = diynn.Sequential(diynn.Linear(7, 5, **new), diynn.Tanh(), diynn.Linear(5, 3, **new))
        self.loss = diynn.BCEWithLogitsLoss()
        self.x = rng.normal(size=(batch, 7)).astype(dtype)
        self.y = rng.integers(0, 2, (batch, 3)).astype(dtype)
        self.rate = np.array(0.01, dtype)
        size = batch // (threads * blocks)
        self.shares = [train(self.net, self.loss, self.x[:size], self.y[:size]) for _ in range(threads)]
        plans = []
        for number, share in enumerate(self.shares):
            source = lower(share.program)
            starts = [(number * blocks + block) * size for block in range(blocks)]
            plans.append(
                [
                    Block(
                        source,
                        [(0, s * self.x.strides[0]), (1, s * self.y.strides[0]), (2, 0)],
                        s == starts[0],
                    )
                    for s in starts
                ]
            )
        self.step = Step(plans, [[Block(lower(self.update()), [(2, 0)])]], arguments=3)

    def update(self):
        """Return the sum of the shares' gradients and the plain step as a program."""
        from diynn.execution.lowering import Program
        from diynn.execution.recording import Recording

        values = [parameter.value for parameter in parameters(self.net)]
        memory = [*values, *(gradient for share in self.shares for gradient in share.gradients)]

        def update(eps):
            recording = eps.recording
            first, *others = [share.gradients for share in self.shares]
            for number, value in enumerate(values):
                for other in others:
                    recording.call(np.add, (first[number], other[number]), {"out": first[number]})
                recording.call(
                    np.subtract,
                    (value, recording.call(np.multiply, (eps, first[number]), {})),
                    {"out": value},
                )
            return eps

        before = [each.copy() for each in memory]
        recording = Recording(update, self.rate, given=memory)
        for each, old in zip(memory, before, strict=True):
            each[...] = old
        return Program(recording.calls, recording.inputs, memory)

    def __call__(self):
        self.step(self.x, self.y, self.rate)

    def values(self):
        return [parameter.value.copy() for parameter in parameters(self.net)]


@pytest.mark.parametrize(("threads", "blocks"), [(1, 1), (1, 3), (2, 1), (2, 4), (3, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_are_those_of_the_definition(threads, blocks, dtype):
    training = Training(threads, blocks, dtype)
    net = copy.deepcopy(training.net)
    optim = diynn.Optim(net, training.loss, float(training.rate), execution="serial")
    for _ in range(20):
        training()
        optim.step(training.x, training.y)
    for one, two in zip(training.values(), parameters(net), strict=True):
        np.testing.assert_allclose(one, two.value, rtol={"float32": 2e-5, "float64": 1e-12}[dtype])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_to_the_bit_from_run_to_run(threads):
    first, second = Training(threads, 2, "float32"), Training(threads, 2, "float32")
    for pause in (0, 0, 0.02, 0, 0.02):  # helpers that are awake, and that have to be woken
        time.sleep(pause)
        first()
        second()
        for one, two in zip(first.values(), second.values(), strict=True):
            np.testing.assert_array_equal(one, two)


def test_helpers_that_somebody_else_has_are_not_waited_for():
    first, second = Training(2, 1), Training(2, 1)
    first()
    with native._pool().lock:
        second()  # alone
    for one, two in zip(first.values(), second.values(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_four_threads_train_four_nets():
    trainings = [Training(2, 2, seed=seed) for seed in range(4)]
    alone = [Training(2, 2, seed=seed) for seed in range(4)]
    workers = [threading.Thread(target=lambda t=t: [t() for _ in range(300)]) for t in trainings]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, two in zip(trainings, alone, strict=True):
        for _ in range(300):
            two()
        for a, b in zip(one.values(), two.values(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # JAX, if there, warns of forks
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_has_helpers_of_its_own():
    training, wanted = Training(2, 2), Training(2, 2)
    for each in (training, training, wanted, wanted, wanted):
        each()
    child = os.fork()
    if child == 0:
        training()
        same = all(np.array_equal(a, b) for a, b in zip(training.values(), wanted.values(), strict=True))
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    training()
    for one, two in zip(training.values(), wanted.values(), strict=True):
        np.testing.assert_array_equal(one, two)


def forever(function):
    while True:
        function()


def test_an_interrupt_leaves_whole_steps():
    training = Training(2, 1)
    training()
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            forever(training)
    finally:
        signal.signal(signal.SIGINT, before)
        timer.join()
    found = training.values()
    other = Training(2, 1)
    for _ in range(1_000_000):
        if np.array_equal(other.values()[0], found[0]):
            break
        other()
    for one, two in zip(found, other.values(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no affinity to ask for")
def test_nobody_is_pinned():
    before = os.sched_getaffinity(0)
    training = Training(2, 1)
    for _ in range(3):
        time.sleep(0.01)
        training()
    assert os.sched_getaffinity(0) == before


def unaligned(array):
    """Return an array with these values that begins between two of them."""
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    found = memory.view(array.dtype).reshape(array.shape)
    found[...] = array
    return found


@pytest.mark.parametrize("layout", ["seen", "unseen"])
@pytest.mark.parametrize("threads", [1, 2, "busy"])
def test_arguments_must_lie_as_they_were_recorded(threads, layout, monkeypatch):
    if layout == "unseen":  # as on an interpreter whose arrays are laid out otherwise
        monkeypatch.setattr(native, "_LAYOUT", None)
    training, wanted = (Training(1 if threads == 1 else 2, 1) for _ in range(2))
    with native._pool().lock if threads == "busy" else nullcontext():
        for wrong in (training.x[:, ::-1], np.asfortranarray(training.x), unaligned(training.x)):
            with pytest.raises(ValueError, match="Step: an argument must be aligned and in C order"):
                training.step(wrong, training.y, training.rate)
        training()
    wanted()
    for one, two in zip(training.values(), wanted.values(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_code_stays_in_memory_as_long_as_its_step(monkeypatch):
    monkeypatch.setattr(code._recent, "most", 1)
    code._recent.clear()
    first, wanted = Training(1, 1), Training(1, 1)
    engine = weakref.ref(first.step._codes[0].engine)
    other = Training(1, 2, "float32")  # makes room for its own
    gc.collect()
    for training in (first, other, wanted):
        training()
    for one, two in zip(first.values(), wanted.values(), strict=True):
        np.testing.assert_array_equal(one, two)
    del first, wanted, training
    gc.collect()
    assert engine() is None


# ------------------------------------------------------------------ what is kept

STEP = """
import sys
sys.path.insert(0, {root!r})
import numpy as np
from tests.recordings import compiled, record
recording, program = record(lambda x: np.tanh(x) * 3, np.ones((5, 7), "float32"))
compiled(program)(np.full((5, 7), 0.5, "float32"))
assert np.allclose(recording.result, 3 * np.tanh(0.5))
print("compiled" if "diynn.execution.machine_code" in sys.modules else "kept")
"""


def begin(text=STEP, **environment):
    """Start Python on its own, where warnings are errors."""
    command = [sys.executable, "-W", "error", "-c", text.format(root=str(Path(__file__).parents[1]))]
    environment = {**os.environ, **environment}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def ended(process):
    """Return what a process printed, and its last error."""
    output, errors = process.communicate()
    return output.strip(), (errors.strip().splitlines() or [""])[-1]


def test_code_is_compiled_once_and_kept(tmp_path):
    kept = {"DIYNN_CACHE": str(tmp_path / "deep" / "kept")}
    assert ended(begin(**kept)) == ("compiled", "")
    assert ended(begin(**kept)) == ("kept", "")
    assert sorted(each.suffix for each in (tmp_path / "deep" / "kept").iterdir()) == [".bin", ".bin"]


def test_processes_that_compile_at_once(tmp_path):
    processes = [begin(DIYNN_CACHE=str(tmp_path)) for _ in range(3)]
    for process in processes:
        assert ended(process)[0] in ("compiled", "kept")
        assert process.returncode == 0
    assert sorted(each.suffix for each in tmp_path.iterdir()) == [".bin", ".bin"]


def test_a_file_that_is_not_whole_is_made_anew(tmp_path):
    kept = {"DIYNN_CACHE": str(tmp_path)}
    ended(begin(**kept))
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-100])
    assert ended(begin(**kept)) == ("compiled", "")
    for file in tmp_path.iterdir():
        file.write_bytes(b"")
    assert ended(begin(**kept)) == ("compiled", "")
    assert ended(begin(**kept)) == ("kept", "")


def test_what_it_was_made_for_is_part_of_its_name(monkeypatch):
    functions = {"step": code.Function("def step(x):\n    x[0] = 1.0\n", [np.dtype("f8")])}
    names = {code._key(functions)}
    other = {"step": code.Function("def step(x):\n    x[0] = 2.0\n", [np.dtype("f8")])}
    names.add(code._key(other))
    for change in ({"name": "OpenBLAS 9"}, {"width": 16}):
        with monkeypatch.context() as patch:
            blas = code.blas()._replace(**change)
            patch.setattr(code, "blas", lambda blas=blas: blas)
            names.add(code._key(functions))
    with monkeypatch.context() as patch:
        patch.setattr(code._llvm(), "get_host_cpu_name", lambda: "another")
        names.add(code._key(functions))
    assert len(names) == 5


@pytest.mark.parametrize("place", ["/dev/null/kept", "/dev/full"])
def test_a_directory_that_cannot_be_written_is_told_once(monkeypatch, place):
    monkeypatch.setenv("DIYNN_CACHE", place)
    code._tell.cache_clear()
    text = f"def step(x):\n    x[0] = {len(place)}.5\n"
    with pytest.warns(
        RuntimeWarning, match=r"compiled steps are not kept.*DIYNN_CACHE names another directory"
    ):
        code.load({"step": code.Function(text, [np.dtype("f8")])})
    code.load({"step": code.Function(text + "    x[1] = 0.0\n", [np.dtype("f8")])})  # no second warning


def test_where_it_is_kept(monkeypatch):
    monkeypatch.delenv("DIYNN_CACHE")
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("LOCALAPPDATA", "local")
    for platform, place in (
        ("linux", "cache/diynn"),
        ("darwin", "home/Library/Caches/diynn"),
        ("win32", "local/diynn"),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        assert code.directory() == Path(place)


# ------------------------------------------------------------------ where nothing can be compiled


def test_it_may_be_turned_off(monkeypatch):
    code.available()
    monkeypatch.setenv("DIYNN_COMPILE", "0")
    with pytest.raises(code.CannotCompile, match="DIYNN_COMPILE=0"):
        code.available()


def test_without_llvmlite(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    code._llvm.cache_clear()
    try:
        with pytest.raises(code.CannotCompile, match=r"llvmlite is not installed: pip install diynn\[fast\]"):
            code.available()
    finally:
        code._llvm.cache_clear()


def test_without_openblas(monkeypatch):
    import threadpoolctl

    class Nothing:
        def __init__(self):
            self.lib_controllers = []

        def select(self, **_):
            return self

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", Nothing)
    code.blas.cache_clear()
    code._llvm.cache_clear()
    try:
        with pytest.raises(code.CannotCompile, match="NumPy computes without OpenBLAS"):
            code.available()
    finally:
        code.blas.cache_clear()
        code._llvm.cache_clear()


def test_a_function_that_the_c_library_lacks():
    with pytest.raises(code.CannotCompile, match="this machine's C library has no diynn_nowhere"):
        code._linked(b"", ["diynn_nowhere"], [])


def test_what_is_compiled_later():
    def make():
        assert started.wait(10)
        return compiled(record(lambda x: x * 5, np.ones(3))[1])

    started = threading.Event()
    later = code.Later(make)
    assert later.result() is None
    started.set()
    assert isinstance(later.result(wait=True), Step)
    assert later.result() is later.result()


def test_what_cannot_be_compiled_later(monkeypatch):
    monkeypatch.setenv("DIYNN_COMPILE", "0")
    later = code.Later(code.available)
    with pytest.raises(code.CannotCompile, match="DIYNN_COMPILE=0"):
        later.result(wait=True)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # JAX, if there, warns of forks
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_something_is_compiled():
    later = code.Later(lambda: compiled(record(lambda x: np.tanh(x) + np.exp(x), np.ones((33, 7)))[1]))
    child = os.fork()
    if child == 0:
        recording, program = record(lambda x: x * 7, np.ones(3))
        compiled(program)(np.ones(3))
        os._exit(int(recording.result.sum()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 21
    assert isinstance(later.result(wait=True), Step)


def test_the_import_loads_no_compiler():
    text = "import diynn, sys; print([name for name in ('llvmlite', 'numba') if name in sys.modules])"
    assert ended(begin("import sys; sys.path.insert(0, {root!r}); " + text))[0] == "[]"


@pytest.mark.parametrize(("name", "larger"), [("maximum", True), ("minimum", False)])
def test_the_larger_of_two_constants_is_one(name, larger):
    """Of two steps of padding, both -inf, no type is known."""
    extreme = instructions.CALLS[name]
    assert extreme(None, 1.0, 2.0) == extreme(None, 2.0, 1.0) == (2.0 if larger else 1.0)
    assert extreme(None, -np.inf, -np.inf) == -np.inf
    assert np.isnan(extreme(None, np.nan, 1.0))
