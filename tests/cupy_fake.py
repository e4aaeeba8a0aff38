"""CuPy where there is no GPU: the names and signatures of the real one, computed by NumPy.

`install` puts it where CuPy is imported from, and `array_api_compat` wraps it as it wraps CuPy. What is asked
of it is held against CuPy's own module, which has to be installed and needs no driver: a name that is not
there, an argument that a signature does not take, an attribute that its arrays lack, is an error here.

Where CuPy differs from NumPy it does as CuPy does: an array of NumPy is taken by `asarray` and `array` alone,
and none is made implicitly; a single value stays an array; there are devices, one of them the current one,
which makes new arrays and computes with no other's; there is none called "cpu". What makes the host wait for
a device is counted in `WAITS`, and what kernels are launched is kept in `LAUNCHED`.

What it cannot show is what only CUDA knows: its libraries, its speed, and its compiler, for which
`tests/test_cupy_kernels.py` asks NVRTC.
"""

import sys
import threading
from collections import Counter
from importlib import import_module
from time import perf_counter
from types import ModuleType, SimpleNamespace

import numpy as np

from tests import cupy_on_host
from tests.cupy_real import TAKES_HOST, check_first, real, replaced, signature

DEVICES = 2
WAITS = Counter()  # what the host waited for, by name
LAUNCHED = set()  # kernel and dtype
SINGLE = {"count_nonzero", "allclose", "array_equal"}  # of which NumPy makes numbers of Python
LIKE = {"zeros_like", "ones_like", "empty_like", "full_like"}  # look at no value of an array on any device
VIEWS = {"reshape", "ravel", "transpose", "squeeze", "swapaxes", "view"}  # on whatever device
METHODS = VIEWS | {"sum", "mean", "max", "min", "any", "all", "argmax", "argmin", "astype", "copy", "fill"}
OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "pow": "power",
    "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "floordiv": "floor_divide", "mod": "remainder",
}  # fmt: skip
COMPARISONS = {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal",
    "ne": "not_equal",
}  # fmt: skip


class Current(threading.local):
    """The devices that are current in a thread: the last one is, the others again after its block."""

    def __init__(self):
        self.stack = [0]

    @property
    def number(self):
        return self.stack[-1]


CURRENT = Current()


class Device:
    """A device as CuPy has them: a number, and the current one within its block."""

    def __init__(self, device=None):
        self.id = CURRENT.number if device is None else int(device)

    def __eq__(self, other):
        return isinstance(other, Device) and self.id == other.id

    __hash__ = None

    def __int__(self):
        return self.id

    def __str__(self):
        return f"<CUDA Device {self.id}>"

    __repr__ = __str__

    def __enter__(self):
        if not 0 <= self.id < DEVICES:
            raise RuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        CURRENT.stack.append(self.id)
        return self

    def __exit__(self, *error):
        CURRENT.stack.pop()

    def synchronize(self):
        WAITS["synchronize"] += 1

    @property
    def mem_info(self):
        return 2**30, 2**31


class Event:
    """A mark in the stream of work, with the time at which the host has set it."""

    def record(self):
        self.time = perf_counter()

    def synchronize(self):
        WAITS["synchronize"] += 1


# ------------------------------------------------------------------ functions


def bare(value, *, host=False, view=False):
    """Return what NumPy is to compute with; raise for what CuPy does not take."""
    if isinstance(value, ndarray):
        if value.device.id != CURRENT.number and not view:
            raise ValueError(
                f"Array device must be same as the current device: array device = {value.device.id} "
                f"while current = {CURRENT.number}"
            )
        return value.host
    if isinstance(value, np.ndarray) and not host:
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, list | tuple):
        return type(value)(bare(each, host=host, view=view) for each in value)
    return value


def wrapped(result, base=None):
    """Return results of NumPy as arrays on the current device: single values as well."""
    if isinstance(result, np.ndarray | np.generic):
        return ndarray(np.asarray(result), CURRENT.number if base is None else base.device.id, base)
    if type(result) in (list, tuple):
        return type(result)(wrapped(each) for each in result)
    return result


def function(name):
    """Return a function of CuPy's, computed by NumPy's of that name."""

    def call(*arguments, **options):
        signature(name).bind(*arguments, **options)
        if arguments:
            check_first(name, arguments[0], ndarray)
        how = {"host": name in TAKES_HOST, "view": name in LIKE}
        values = bare(arguments, **how)
        options = {word: bare(value, **how) for word, value in options.items()}
        result = getattr(np, name)(*values, **options)
        return wrapped(np.asarray(result) if name in SINGLE else result)

    call.__name__ = name
    return call


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    """Return data on the current device: as they are where they lie there already, moved otherwise."""
    if isinstance(a, ndarray):
        here = a.device.id == CURRENT.number
        host = a.host.astype(a.dtype if dtype is None else dtype, copy=bool(copy) or not here)
        return a if host is a.host and here else wrapped(host)
    if not isinstance(a, np.ndarray | np.generic | int | float | list | tuple):
        raise TypeError(f"Unsupported type {type(a)}")
    return wrapped(np.array(bare(a, host=True), dtype=dtype))


def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    """Return data on the current device, copied unless told otherwise."""
    return asarray(obj, dtype, copy=copy)


# ------------------------------------------------------------------ arrays


class ndarray:  # noqa: N801  # as in CuPy
    """An array on a device: what CuPy's has, and nothing else."""

    __slots__ = ("__weakref__", "base", "device", "host")
    __array_priority__ = 100

    def __init__(self, host, device, base=None):
        self.host, self.device = host, Device(device)
        self.base = base if base is None or base.base is None else base.base

    def __array__(self, dtype=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        if method != "__call__" or "out" in options:
            return NotImplemented
        return function(ufunc.__name__)(*inputs, **options)

    def __array_function__(self, called, types, arguments, options):
        return function(called.__name__)(*arguments, **options)

    def get(self, stream=None, order="C", out=None, blocking=True):
        WAITS["get"] += 1
        return self.host.copy()

    @property
    def T(self):  # noqa: N802  # as in CuPy
        return self.transpose()

    @property
    def __cuda_array_interface__(self):
        return {"data": self.host.__array_interface__["data"], "version": 3}

    def __len__(self):
        return len(self.host)

    def __iter__(self):
        return (self[place] for place in range(len(self)))

    def __getitem__(self, place):
        found = self.host[bare(place)]
        shares = isinstance(found, np.ndarray) and np.may_share_memory(found, self.host)
        return wrapped(found, self) if shares else ndarray(np.asarray(found), self.device.id)

    def __setitem__(self, place, value):
        self.host[bare(place)] = bare(value)

    def __repr__(self):
        WAITS["repr"] += 1
        return repr(self.host)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memory):
        with self.device:
            return self.copy()

    def __reduce__(self):
        return sys.modules["cupy"].array, (self.get(),)


def of_host(name):
    return property(lambda self: getattr(self.host, name))


def waiting(name):
    def convert(self, *words):
        WAITS[name] += 1
        return getattr(self.host, name)(*words)

    return convert


def method(name):
    def call(self, *arguments, **options):
        signature(name, of_array=True).bind(self, *arguments, **options)
        view = name in VIEWS
        options = {word: bare(value) for word, value in options.items()}
        result = getattr(bare(self, view=view), name)(*bare(arguments), **options)
        if result is self.host:  # such as astype without a copy
            return self
        shares = isinstance(result, np.ndarray) and np.may_share_memory(result, self.host)
        return wrapped(result, self) if view and shares else wrapped(result)

    return call


def operator(name, *, swapped=False, inplace=False):
    def call(self, other):
        if not isinstance(other, ndarray | np.ndarray | np.generic | bool | int | float):
            return NotImplemented
        first, second = bare(self), bare(other)
        if inplace:
            getattr(np, name)(first, second, out=first, casting="same_kind")
            return self
        return wrapped(getattr(np, name)(*((second, first) if swapped else (first, second))))

    return call


def one(name):
    return lambda self: wrapped(getattr(np, name)(bare(self)))


for _name in ("shape", "dtype", "ndim", "size", "itemsize", "nbytes", "strides", "flags"):
    setattr(ndarray, _name, of_host(_name))
for _name in ("__float__", "__int__", "__bool__", "__complex__", "__format__", "item", "tolist"):
    setattr(ndarray, _name, waiting(_name))
for _name in METHODS:
    setattr(ndarray, _name, method(_name))
for _name, _function in OPERATORS.items():
    setattr(ndarray, f"__{_name}__", operator(_function))
    setattr(ndarray, f"__r{_name}__", operator(_function, swapped=True))
    if _name != "matmul":
        setattr(ndarray, f"__i{_name}__", operator(_function, inplace=True))
for _name, _function in COMPARISONS.items():
    setattr(ndarray, f"__{_name}__", operator(_function))
for _name, _function in {"neg": "negative", "abs": "absolute", "invert": "invert", "pos": "positive"}.items():
    setattr(ndarray, f"__{_name}__", one(_function))
ndarray.__hash__ = None
ndarray.__module__ = "cupy"


# ------------------------------------------------------------------ kernels


class ElementwiseKernel(cupy_on_host.ElementwiseKernel):
    """A kernel whose body runs on the host; one that NVRTC has not been asked about is refused."""

    def __call__(self, *given, size=None):
        from tests.cupy_kernels import DTYPES, check_call, kernels

        dtype = next(each.dtype for each in given if isinstance(each, ndarray))
        assert self in vars(import_module("diynn.ops.on_cupy")).values(), f"{self.name} is in no list"
        assert self.name in kernels(), f"{self.name} is not compiled by tests/test_cupy_kernels.py"
        assert dtype.name in DTYPES, f"{self.name} is not compiled for {dtype}"
        check_call(kernels()[self.name], [getattr(each, "dtype", None) for each in given])
        LAUNCHED.add((self.name, dtype.name))
        return wrapped(super().__call__(*bare(given), size=size))


# ------------------------------------------------------------------ the module


def as_strided(x, shape=None, strides=None):
    return wrapped(np.lib.stride_tricks.as_strided(x.host, shape, strides), x)


def make():
    """Return the module: all that CuPy's has of NumPy's names, and what else the engine asks for."""
    module = ModuleType("cupy")
    module.__path__ = list(real().__path__)
    for name in dir(real()):
        value, host = getattr(real(), name), getattr(np, name, None)
        if name.startswith("_") or host is None:
            continue
        constant = isinstance(value, type | int | float | None) or value is host
        setattr(module, name, value if constant else function(name) if callable(value) else value)
    module.ndarray, module.ElementwiseKernel = ndarray, ElementwiseKernel
    module.array, module.asarray = array, asarray
    module.asnumpy = lambda a: a.get()
    module.lib = SimpleNamespace(stride_tricks=SimpleNamespace(as_strided=as_strided))
    module.cuda = SimpleNamespace(
        Device=Device, Event=Event, is_available=lambda: True,
        get_elapsed_time=lambda begin, end: 1e3 * (end.time - begin.time),
        runtime=SimpleNamespace(getDeviceCount=lambda: DEVICES),
    )  # fmt: skip
    module.get_default_memory_pool = lambda: SimpleNamespace(free_all_blocks=lambda: None)
    return module


def install():
    """Put it where CuPy would be imported from, for all of this process.

    Raises
    ------
    ImportError
        If CuPy itself is not installed, or in use already.
    """
    real()
    if replaced():
        return
    if "diynn.ops.on_cupy" in sys.modules:
        raise ImportError("CuPy itself is in use in this process")
    sys.modules["cupy"] = make()
    for name in [name for name in sys.modules if name.startswith("array_api_compat.cupy")]:
        del sys.modules[name]
