"""Making, moving and describing arrays; and CuPy's ways, as far as they can be tested without a GPU."""

import sys
from types import ModuleType, SimpleNamespace

import array_api_compat
import numpy as np
import pytest

import diynn
from diynn import arrays, asarray, to_numpy
from tests.backends import find

STRICT, DEVICE1 = (find(name)[0] for name in ("strict", "strict-device1"))


# ------------------------------------------------------------------ any library


def test_an_address_finds_the_library_and_the_device_again(backend):
    dtype = backend.dtypes[0]
    array = backend.array([1.0], dtype)
    assert backend.holds(asarray([1.0], arrays.address(array), dtype=dtype), dtype)
    assert arrays.describe(array).split()[1] == arrays.address(array).split(":")[0]


def test_an_array_that_is_where_it_should_be_is_not_copied(backend):
    array = backend.array([1.0, 2.0])
    assert asarray(array, backend.where) is array
    assert asarray(array, backend.where, dtype=array.dtype) is array
    assert arrays.alike(array, array) is array


def test_a_copy_shares_no_memory_and_stays_where_it_is(backend):
    dtype = backend.dtypes[0]
    array = backend.array([1.0, 2.0], dtype)
    copied = arrays.copy(array)
    assert backend.holds(copied, dtype)
    array += 1
    np.testing.assert_array_equal(to_numpy(copied), [1.0, 2.0])


def test_alike_takes_library_and_device_and_real_dtype(backend):
    dtype = backend.dtypes[0]
    like = backend.array([1.0], dtype)
    for other in (np.asarray([1.5, 2.5]), DEVICE1.array([1.5, 2.5])):
        moved = arrays.alike(other, like)
        assert backend.holds(moved, dtype)
        np.testing.assert_array_equal(to_numpy(moved), [1.5, 2.5])
    assert arrays.kind(arrays.alike(np.asarray([3]), like)) == "integral"


def test_waiting_for_an_array_changes_nothing(backend):
    array = backend.array([1.0, 2.0])
    assert arrays.synchronize(array * 2) is None
    np.testing.assert_array_equal(to_numpy(array), [1.0, 2.0])


def test_waiting_for_a_jax_array_asks_jax(monkeypatch):
    library, reason = find("jax")
    if library is None:
        pytest.skip(reason)
    array, waited = library.array([1.0]), []
    monkeypatch.setattr(type(array), "block_until_ready", lambda array: waited.append(array))
    arrays.synchronize(array)
    assert [id(each) for each in waited] == [id(array)]


def test_waiting_for_a_torch_array_asks_its_device(monkeypatch):
    library, reason = find("torch")
    if library is None:
        pytest.skip(reason)
    torch, waited = sys.modules["torch"], []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    arrays.synchronize(library.array([1.0]))
    assert not waited

    class OnGPU(torch.Tensor):
        device = torch.device("cuda:1")

    arrays.synchronize(torch.ones(1).as_subclass(OnGPU))
    assert waited == [torch.device("cuda:1")]


@pytest.mark.parametrize("value", [np.float64(1.5), [1.5], 1.5])
def test_what_is_almost_an_array_becomes_one(value):
    assert type(asarray(value, "numpy")) is np.ndarray
    assert STRICT.holds(asarray(value, STRICT.where), "float64")


def test_a_dtype_may_be_given_in_any_way(backend):
    own = getattr(backend.where.xp, backend.dtypes[0])
    for dtype in (backend.dtypes[0], getattr(np, backend.dtypes[0]), np.dtype(backend.dtypes[0]), own):
        assert backend.holds(asarray([1.0], backend.where, dtype=dtype), backend.dtypes[0])
        assert asarray([1.0], "numpy", dtype=dtype).dtype == backend.dtypes[0]


@pytest.mark.parametrize("dtype", ["sum", "int32", "nonsense", np.int64, np.bool_])
def test_a_dtype_that_is_not_real_is_refused(backend, dtype):
    with pytest.raises(ValueError, match="`dtype` must be a real floating dtype of"):
        diynn.Linear(2, 2, backend=backend.where, dtype=dtype)


# ------------------------------------------------------------------ CuPy, without one


class FakeDevice:
    """A device as CuPy has them: equal by number, made without a look at whether it is there."""

    def __init__(self, number):
        self.id, self.waited = number, 0

    def __eq__(self, other):
        return isinstance(other, FakeDevice) and self.id == other.id

    __hash__ = None

    def __str__(self):
        return f"<CUDA Device {self.id}>"

    def synchronize(self):
        self.waited += 1


class FakeArray:
    """An array on a device, which as CuPy's becomes one of NumPy on demand alone."""

    def __init__(self, values, device):
        self.values, self.device, self.dtype = np.asarray(values), device, np.asarray(values).dtype

    def __array__(self, *arguments, **options):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def get(self):
        return self.values.copy()

    def astype(self, dtype, copy=True):
        return FakeArray(self.values.astype(dtype), self.device)


DEVICES = [FakeDevice(0), FakeDevice(1)]


def make(values, /, *, dtype=None, device=None, copy=None):
    assert isinstance(values, np.ndarray | FakeArray)
    values = values.get() if isinstance(values, FakeArray) else values
    return FakeArray(np.array(values, dtype=dtype), device or DEVICES[0])  # 0 is the current device


CUPY, WRAPPED = ModuleType("cupy"), ModuleType("array_api_compat.cupy")
CUPY.ndarray, CUPY.cuda = FakeArray, SimpleNamespace(Device=FakeDevice)
WRAPPED.float32, WRAPPED.float64 = np.dtype("float32"), np.dtype("float64")
WRAPPED.asarray, WRAPPED.isdtype = make, np.isdtype
WRAPPED.__array_namespace_info__ = lambda: SimpleNamespace(
    devices=lambda: DEVICES,
    dtypes=lambda device=None, kind=None: {"float32": WRAPPED.float32, "float64": WRAPPED.float64},
    default_dtypes=lambda device=None: {"real floating": WRAPPED.float64},
)


@pytest.fixture
def cupy(monkeypatch):
    """Put a fake with two devices where CuPy would be."""
    monkeypatch.setitem(sys.modules, "cupy", CUPY)
    monkeypatch.setitem(sys.modules, "array_api_compat.cupy", WRAPPED)
    monkeypatch.setattr(array_api_compat, "cupy", WRAPPED, raising=False)
    monkeypatch.setattr(arrays, "_NAMESPACES", {})
    monkeypatch.setattr(arrays, "_COMPANIONS", {})  # twins need the true one
    return DEVICES


def test_cupy_arrays_reach_the_host_by_get_alone(cupy):
    array = asarray(np.asarray([1.0, 2.0]), "cupy")
    with pytest.raises(TypeError, match="Implicit"):
        np.asarray(array)
    for host in (to_numpy(array), asarray(array, "numpy")):
        assert type(host) is np.ndarray
        np.testing.assert_array_equal(host, [1.0, 2.0])


def test_cupy_devices_are_numbered_and_must_be_there(cupy):
    for backend, device in (("cupy:1", None), ("cupy", 1), ("cupy", "1"), ("cupy", cupy[1])):
        array = asarray(np.asarray([1.0]), backend, device=device)
        assert array.device is cupy[1]
        assert arrays.address(array) == "cupy:1"
        assert arrays.describe(array) == "a cupy array on 1"
        assert not arrays.on_host(array)
    for device in ("7", 7, "cpu", "cuda:0", -1):
        with pytest.raises(ValueError, match=f"^asarray: `device` {device!r} is not known to cupy"):
            asarray(np.asarray([1.0]), "cupy", device=device)


def test_cupy_copies_stay_on_their_device(cupy):
    array = asarray(np.asarray([1.0]), "cupy:1")
    for copied in (arrays.copy(array), arrays.asarray_like(np.asarray([2.0]), array)):
        assert copied.device is cupy[1]
    assert not arrays.together(array, asarray(np.asarray([1.0]), "cupy:0"))
    assert not arrays.together(array, np.asarray([1.0]))


def test_a_cupy_array_never_seen_before_does_not_go_through_the_host(cupy, monkeypatch):
    array = FakeArray([1.0, 2.0], cupy[1])
    monkeypatch.setattr(FakeArray, "get", None)
    assert asarray(array, "cupy") is array


def test_what_waits_for_a_library_is_imported_when_an_array_of_it_is_first_seen(cupy, monkeypatch):
    imported = []
    monkeypatch.setattr(arrays, "import_module", imported.append)
    arrays.when_seen("cupy", "its.twins")
    array = FakeArray([1.0], cupy[0])
    assert [arrays.namespace(array), arrays.namespace(array)] == [WRAPPED, WRAPPED]
    arrays.namespace(np.ones(1))
    assert imported == ["its.twins"]


def test_waiting_for_a_cupy_array_asks_its_device(cupy):
    before = [device.waited for device in cupy]
    arrays.synchronize(asarray(np.asarray([1.0]), "cupy:1"))
    assert [device.waited for device in cupy] == [before[0], before[1] + 1]


def test_cupy_parameters_are_made_on_their_device(cupy):
    numbers = np.random.default_rng(0).normal(size=(3, 2))
    parameter = asarray(numbers, "cupy", device=1, dtype="float32")
    assert parameter.dtype == np.float32
    assert parameter.device is cupy[1]
    np.testing.assert_array_equal(asarray(parameter, "numpy"), numbers.astype("float32"))
    layer = diynn.Linear(3, 2, bias=False)
    layer._parameters = parameter
    with pytest.raises(ValueError, match=r"a numpy array and the parameters a cupy array on 1; .*'cupy:1'"):
        layer(np.ones((4, 3)))
