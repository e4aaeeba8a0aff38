"""Steps replayed as CUDA graphs: on a stand-in that calls again what was captured, and on a GPU."""

import copy
import ctypes
import operator
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import diynn
from diynn.execution import Graphs, cuda, graph, in_precision, precision, serial
from tests.backends import find, host

LOSS = diynn.MSELoss()


class StandIn:
    """In place of a capture: a replay calls the function again, and writes into the arrays there are."""

    made = 0

    def __init__(self, function):
        StandIn.made += 1
        function()  # to compile
        self.function, self.results = function, function()

    def replay(self):
        for old, new in zip(self.results, self.function(), strict=True):
            old[...] = new


@pytest.fixture
def graphs(monkeypatch):
    monkeypatch.setattr(graph, "Capture", StandIn)
    monkeypatch.setattr(graph, "refusal", lambda x: None)
    monkeypatch.setattr(StandIn, "made", 0)
    return Graphs()


def net_and_batches(number=4, batch=5):
    rng = np.random.default_rng(0)
    shared = diynn.Linear(3, 3, rng=0)
    net = diynn.Sequential(shared, diynn.Tanh(), diynn.Sequential(shared, diynn.Linear(3, 2, rng=1)))
    return net, [(rng.normal(size=(batch, 3)), rng.normal(size=(batch, 2))) for _ in range(number)]


def gradients(net):
    return [each.gradient.copy() for each in net.parameters()]


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def trained(execution):
    """Return the costs of some steps on batches of two shapes, and the parameters after them."""
    net, batches = net_and_batches()
    batches += net_and_batches(batch=2)[1] + batches
    optim = diynn.Optim(net, LOSS, 0.01, rule=diynn.Momentum(), execution=execution)
    costs = [optim.step(*batch) for batch in batches]
    return [*costs, *(each.value for each in net.parameters())]


def test_a_replayed_step_is_the_step(graphs):
    assert_equal(trained(graphs), trained("serial"))
    assert graphs.reason is None
    assert StandIn.made == 2  # once a shape


def test_gradients_add_up_and_costs_stay(graphs):
    net, batches = net_and_batches()
    costs = [graphs(net, LOSS, *batch) for batch in batches]
    found, expected_net = gradients(net), net_and_batches()[0]
    expected = [serial(expected_net, LOSS, *batch) for batch in batches]
    assert_equal(costs, expected)
    for one, other in zip(found, gradients(expected_net), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_capturing_leaves_what_was_accumulated(graphs):
    net, ((x, y), *_) = net_and_batches()
    serial(net, LOSS, x, y)
    before = gradients(net)
    graphs(net, LOSS, x, y)
    for one, other in zip(gradients(net), before, strict=True):
        np.testing.assert_allclose(one, 2 * other, rtol=1e-13)


def test_parameters_that_were_replaced_are_captured_anew(graphs):
    net, ((x, y), *_) = net_and_batches()
    graphs(net, LOSS, x, y)
    net[0]._parameters = np.zeros((3, 3))
    np.testing.assert_array_equal(graphs(net, LOSS, x, y), serial(net, LOSS, x, y))
    assert StandIn.made == 2


def test_only_so_many_graphs_are_kept(graphs, monkeypatch):
    monkeypatch.setattr(graph, "_MOST", 2)
    net, ((x, y), *_) = net_and_batches()
    for rows in (1, 2, 3, 2, 1):
        graphs(net, LOSS, x[:rows], y[:rows])
    assert StandIn.made == 4  # 1 was given up for 3
    assert len(graphs._steps) == 2


class Foreign(diynn.Tanh):
    pass


class ForeignLoss(diynn.MSELoss):
    pass


@pytest.mark.parametrize("where", ["module", "loss"])
def test_what_is_not_our_own_is_not_captured(graphs, where):
    net, ((x, y), *_) = net_and_batches()
    loss = LOSS if where == "module" else ForeignLoss()
    net = net if where == "loss" else net.add(Foreign())
    expected = loss.forward(y, net(x))
    np.testing.assert_array_equal(graphs(net, loss, x, y), expected)
    name = "Foreign" if where == "module" else "ForeignLoss"
    assert graphs.reason == f"{name} is not one of diynn's own: a graph could miss what it does"
    assert StandIn.made == 0


def test_a_copy_begins_anew(graphs):
    net, (batch, *_) = net_and_batches()
    graphs(net, LOSS, *batch)
    copied = copy.deepcopy(graphs)
    np.testing.assert_array_equal(copied(net, LOSS, *batch), graphs(net, LOSS, *batch))
    assert StandIn.made == 2


def test_an_empty_batch_is_not_captured(graphs):
    net, _ = net_and_batches()
    assert graphs(net, LOSS, np.ones((0, 3)), np.ones((0, 2))).shape == (0,)
    assert graphs.reason == "the batch is empty"


def test_a_capture_that_fails_is_told_and_not_tried_again(graphs, monkeypatch):
    tried = []

    def fail(function):
        tried.append(function)
        raise NotImplementedError("not on a Tuesday")

    monkeypatch.setattr(graph, "Capture", fail)
    net, ((x, y), *_) = net_and_batches()
    for _ in range(2):
        graphs(net, LOSS, x, y)
        assert graphs.reason == "the step could not be captured: NotImplementedError: not on a Tuesday"
    assert len(tried) == 1
    expected = net_and_batches()[0]
    for _ in range(2):
        serial(expected, LOSS, x, y)
    assert_equal(gradients(net), gradients(expected))


def test_without_a_gpu_it_says_so_and_trains():
    graphs = Graphs()
    assert_equal(trained(graphs), trained("serial"))
    assert graphs.reason == "the batch is a numpy array, and CUDA graphs are captured on CuPy's alone"
    assert isinstance(diynn.Optim(net_and_batches()[0], LOSS, execution="graph").execution, Graphs)


def test_without_nvmath_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(cuda, "address", lambda x: "cupy:0")
    for found, expected in ((None, "nvmath-python, which can, is not installed: pip"), (object(), None)):
        monkeypatch.setattr(cuda, "find_spec", lambda name, found=found: found)
        reason = cuda.refusal(None)
        assert (reason is None) if expected is None else (expected in reason)


# ------------------------------------------------------------------ products


class OnHost(np.ndarray):
    """A NumPy array that tells its address as CuPy's do."""

    data = property(lambda self: SimpleNamespace(ptr=self.ctypes.data))


def column_major(address, rows, columns, step, kind, turned):
    """Return the matrix that cuBLAS reads at an address: (rows, columns) once it is turned."""
    if turned:
        rows, columns = columns, rows
    scalar = (ctypes.c_float, ctypes.c_double)[kind]
    assert step >= max(1, rows)
    flat = np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(scalar)), ((columns - 1) * step + rows,))
    read = np.lib.stride_tricks.as_strided(
        flat, (rows, columns), (flat.itemsize, step * flat.itemsize), writeable=True
    )
    return read.T if turned else read


class Cublas(ModuleType):
    """cuBLAS's part in a product, as its manual defines it, on the host."""

    Operation, GemmAlgo = SimpleNamespace(N=0, T=1), SimpleNamespace(DEFAULT=-1)
    ComputeType = SimpleNamespace(COMPUTE_32F=68, COMPUTE_32F_FAST_TF32=77, COMPUTE_64F=70)

    def __init__(self):
        self.calls = []

    def create(self):
        return 7

    def destroy(self, handle):
        self.calls.append("destroy")

    def set_stream(self, handle, stream):
        self.calls.append("set_stream")

    def set_workspace(self, handle, address, size):
        self.calls.append("set_workspace")

    def gemm_ex(self, handle, turn_a, turn_b, m, n, k, alpha, a, a_kind, a_step, b, b_kind, b_step, beta, c, c_kind, c_step, compute, algorithm):  # fmt: skip  # noqa: E501
        assert handle == 7
        result = column_major(c, m, n, c_step, c_kind, False)
        result[...] = column_major(a, m, k, a_step, a_kind, turn_a) @ column_major(
            b, k, n, b_step, b_kind, turn_b
        )
        self.calls.append(compute)


@pytest.fixture
def cublas(monkeypatch):
    """Put NumPy in CuPy's place and the above in cuBLAS's."""
    library = Cublas()
    cupy, core = ModuleType("cupy"), SimpleNamespace(COMPUTE_TYPE_TF32=7, compute_type=1)
    core.get_compute_type = lambda dtype: core.compute_type
    cupy.empty = lambda shape, dtype: np.empty(shape, dtype).view(OnHost)
    cupy.uint8, cupy.ascontiguousarray = np.uint8, lambda array: array.copy().view(OnHost)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    modules = {"nvmath.bindings.cublas": library, "cupy._core._routines_linalg": core}
    monkeypatch.setattr(cuda, "import_module", modules.__getitem__)
    library.core = core
    return library


def layouts(matrix):
    """Return a matrix in every layout: C, Fortran, neither."""
    spread = np.repeat(np.repeat(matrix, 2, axis=0), 2, axis=1)[::2, ::2]
    return [each.view(OnHost) for each in (matrix, np.asfortranarray(matrix), spread)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("m", "k", "n"), [(2, 3, 4), (1, 3, 4), (5, 1, 4), (2, 3, 1), (1, 1, 1)])
def test_cublas_is_asked_for_the_right_product(cublas, m, k, n, dtype):
    rng = np.random.default_rng(0)
    products = cuda.Products(SimpleNamespace(ptr=1))
    assert cublas.calls == ["set_stream", "set_workspace"]  # in this order: the first undoes the second
    a, b = (rng.integers(-9, 9, shape).astype(dtype) for shape in ((m, k), (k, n)))
    for one in layouts(a):
        for other in layouts(b):
            found = products(one, other)
            np.testing.assert_array_equal(found, a @ b)
            assert found.flags.c_contiguous
            assert found.dtype == dtype
    assert set(cublas.calls[2:]) == {68 if dtype == "float32" else 70}
    del products
    assert cublas.calls[-1] == "destroy"


def test_cublas_computes_in_tf32_where_cupy_does(cublas):
    cublas.core.compute_type = 7
    products = cuda.Products(SimpleNamespace(ptr=1))
    for dtype in ("float32", "float64"):
        (a, *_), (b, *_) = layouts(np.ones((2, 3), dtype)), layouts(np.ones((3, 2), dtype))
        products(a, b)
    assert cublas.calls[-2:] == [77, 70]


def test_products_of_other_dtypes_are_not_captured(cublas):
    products = cuda.Products(SimpleNamespace(ptr=1))
    for first, second in (("float16", "float16"), ("float32", "float64")):
        with pytest.raises(NotImplementedError, match=f"a product of {first} and {second}"):
            products(np.ones((2, 2), first), np.ones((2, 2), second))


# ------------------------------------------------------------------ precision


@pytest.fixture
def linalg(monkeypatch):
    """Put in CuPy's place what knows how it multiplies."""
    setting = {"float32": 1}
    module = SimpleNamespace(
        COMPUTE_TYPE_TF32=7, get_compute_type=setting.get, set_compute_type=setting.__setitem__
    )
    monkeypatch.setattr(precision, "import_module", {"cupy._core._routines_linalg": module}.__getitem__)
    monkeypatch.setattr(precision, "address", lambda x: "cupy:0")
    return setting


def test_tf32_holds_for_a_step_and_no_longer(linalg):
    step = in_precision("tf32", lambda *arguments: (dict(linalg), arguments))
    assert step(1, 2, 3, 4) == ({"float32": 7}, (1, 2, 3, 4))
    assert linalg == {"float32": 1}
    with pytest.raises(ZeroDivisionError):
        in_precision("tf32", lambda *arguments: 1 / 0)(1, 2, 3, 4)
    assert linalg == {"float32": 1}


def test_full_precision_is_what_there_is_by_default():
    assert in_precision(None, serial) is serial


def test_precisions_that_cannot_be_had():
    net, (batch, *_) = net_and_batches()
    with pytest.raises(ValueError, match="`precision` must be None or 'tf32', got 'tf31'"):
        in_precision("tf31", serial)
    with pytest.raises(ValueError, match="`precision` must be None or 'tf32'"):
        diynn.Optim(net, LOSS, precision="tf31")
    with pytest.raises(ValueError, match="takes CuPy's arrays alone"):
        diynn.SGD(net, LOSS, *batch, precision="tf32", progress=False)
    with pytest.raises(ValueError, match="'tf32' takes CuPy's arrays alone, got a numpy array"):
        in_precision("tf32", serial)(net, LOSS, *batch)


# ------------------------------------------------------------------ the libraries themselves, without a GPU

TAKEN = {
    "cupy": "empty ones uint8 ascontiguousarray ElementwiseKernel lib.stride_tricks.as_strided "
    "cuda.MemoryPool.malloc cuda.Stream.begin_capture cuda.Stream.end_capture cuda.Graph.launch "
    "cuda.using_allocator cuda.Device.synchronize",
    "cupy._core._routines_linalg": "get_compute_type set_compute_type COMPUTE_TYPE_TF32",
    "nvmath.bindings.cublas": "create destroy set_stream set_workspace gemm_ex Operation.N Operation.T "
    "ComputeType.COMPUTE_32F ComputeType.COMPUTE_32F_FAST_TF32 ComputeType.COMPUTE_64F GemmAlgo.DEFAULT",
}


@pytest.mark.parametrize("library", TAKEN)
def test_the_libraries_have_what_the_stand_ins_have(library):
    """Both can be imported where there is no GPU."""
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    for name in TAKEN[library].split():
        operator.attrgetter(name)(module)


# ------------------------------------------------------------------ on a GPU


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_a_graph_on_a_gpu_is_the_step(kind):
    library, reason = find("cupy")
    if reason:
        pytest.skip(reason)
    if cuda.find_spec("nvmath") is None:
        pytest.skip("nvmath-python is not installed")

    def costs(execution):
        rng = np.random.default_rng(0)
        layers = {
            "mlp": [diynn.Linear(6, 5, rng=0), diynn.Sigmoid(), diynn.Linear(5, 3, rng=1)],
            "conv": [
                *(diynn.Conv1D(3, 2, 4, rng=0), diynn.ReLU(), diynn.MaxPool1D(3, 2)),
                *(diynn.AvgPool1D(2), diynn.Flatten(), diynn.Linear(4, 3, rng=1)),
            ],
        }[kind]
        net = diynn.Sequential(layers).to(library.where)
        optim = diynn.Optim(net, diynn.CrossEntropyLoss(), 0.01, rule=diynn.Momentum(), execution=execution)
        shape = {"mlp": (6,), "conv": (9, 2)}[kind]
        found = []
        for batch in (8, 8, 3, 8, 3):
            x, y = rng.normal(size=(batch, *shape)), rng.integers(0, 3, batch)
            found.append(host(optim.step(library.array(x), library.array(y))))
        return found

    graphs = Graphs()
    for one, other in zip(costs(graphs), costs("serial"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11)
        assert graphs.reason is None
