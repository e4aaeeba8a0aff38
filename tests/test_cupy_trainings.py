"""What trainings may have, on CuPy itself, whose CUDA is the host: by ``--backend cupy-host``."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import diynn
from diynn import asarray, to_numpy
from tests.backends import assert_close
from tests.cases import each_rule
from tests.cuda_on_host import runtime
from tests.test_readme import ROOT


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


def test_a_stream_of_the_caller_is_taken(cupy):
    costs = []
    for stream in (cupy.cuda.Stream.null, cupy.cuda.Stream(non_blocking=True)):
        with stream:
            optim = diynn.Optim(deep("cupy", "float64"), diynn.MSELoss(), rule=diynn.Adam())
            optim.step(*deep_data())
            costs.append(to_numpy(optim.step(*deep_data())))
    np.testing.assert_array_equal(*costs)


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
from tests.test_cupy_trainings import deep_data, values

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
