"""The array libraries that the suite runs on. To add one: a line in ``BACKENDS``."""

import os
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from diynn import asarray, to_numpy
from diynn.arrays import Backend, device, find_backend, namespace

#: How far results may differ that only rounding tells apart, relative to the largest, or to 1 where all
#: are smaller: what is drawn is of order one.
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


@dataclass(frozen=True)
class Library:
    """An array library on a device, as the tests see it."""

    name: str
    where: Backend
    readonly: bool = False  # whether what is passed in refuses to be written to
    shapes: tuple[int, ...] = ()  # seeds of the few sizes drawn, where each shape is compiled anew

    def __str__(self):
        return self.name

    @cached_property
    def dtypes(self):
        """The names of the real dtypes that the device has."""
        has = self.where.xp.__array_namespace_info__().dtypes(device=self.where.device, kind="real floating")
        return [name for name in ("float32", "float64") if name in has]

    def array(self, host, dtype=None):
        """Make an array of its own from host data."""
        return asarray(np.array(host), self.where, dtype=dtype)

    def given(self, host, dtype=None):
        """Make an array to be passed in, which nothing may change."""
        array = self.array(host, dtype)
        if self.readonly:
            array.flags.writeable = False
        return array

    def holds(self, array, dtype):
        """Say whether an array is of this library, on this device and of this dtype."""
        own = self.array(np.zeros(1), dtype)
        return (
            namespace(array) is namespace(own) and device(array) == device(own) and array.dtype == own.dtype
        )


def host(array):
    """Return the values of an array of any library in float64."""
    return to_numpy(array).astype(np.float64)


def assert_close(got, expected, dtype):
    """Raise unless two arrays, of any libraries, differ by no more than the rounding of ``dtype``."""
    got, expected = host(got), host(expected)
    assert got.shape == expected.shape
    scale = np.max(np.abs(expected), initial=1.0)
    assert np.max(np.abs(got - expected), initial=0.0) <= TOLERANCE[dtype] * scale


def _torch():
    where = find_backend("torch")
    import torch

    torch.set_num_threads(1)  # the suite runs one process a core
    return where


def _jax():
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # each shape is compiled
    where = find_backend("jax")
    import jax

    jax.config.update("jax_enable_x64", True)
    return where


def _cupy():
    where = find_backend("cupy")
    import cupy

    if not cupy.cuda.is_available():
        raise ImportError("CuPy finds no CUDA device")
    return where


def _cupy_host():
    from tests.cuda_on_host import runtime

    runtime.install()
    return find_backend("cupy")


BACKENDS = {
    "numpy": lambda name: Library(name, find_backend("numpy")),
    "numpy-readonly": lambda name: Library(name, find_backend("numpy"), readonly=True),
    "strict": lambda name: Library(name, find_backend("array_api_strict")),
    "strict-device1": lambda name: Library(name, find_backend("array_api_strict:device1")),
    "strict-no-float64": lambda name: Library(name, find_backend("array_api_strict:no_float64")),
    "torch": lambda name: Library(name, _torch()),
    "jax": lambda name: Library(name, _jax(), shapes=(24, 33)),
    "cupy": lambda name: Library(name, _cupy()),
}
#: Those that run alone, and asked for: what stands in CUDA's place does so for the whole process.
APART = {"cupy-host": lambda name: Library(name, _cupy_host())}


@cache
def find(name):
    """Return the library of a name and None, or None and the reason why it cannot be had."""
    try:
        return (BACKENDS | APART)[name](name), None
    except ImportError as error:
        return None, str(error)


NUMPY = find("numpy")[0]
