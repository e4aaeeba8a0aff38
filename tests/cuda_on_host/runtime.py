"""CUDA's runtime and driver in the host's memory, and CuPy made to ask them.

CuPy's compiled modules call one another through tables of C functions, which ``cupy_backends.cuda.api`` keeps
by name with their signatures. `install` puts functions of Python into these tables before the rest of CuPy is
imported. A function that is not here fails when it is called.
"""

import ctypes
import mmap
import os
import re
import sys
import threading
from collections import Counter, defaultdict
from importlib import import_module
from itertools import count
from math import prod
from time import perf_counter

import numpy as np

from tests.cuda_on_host.kernels import COMPILER, Kernel, load_products

DEVICES = 2
WAITS = Counter()  # what the host waited for, by name
_MEMORY = {}  # all that is allocated, by address: how many bytes of pages, and their map
_FREE = defaultdict(list)  # maps by their bytes, to be used again
_HANDLES = {}  # what handles stand for
_NUMBERS = count(1)
_CURRENT = threading.local()


def handle(thing):
    number = next(_NUMBERS)
    _HANDLES[number] = thing
    return number


def waiting(name):
    def wait(*handles):
        WAITS[name] += 1

    return wait


def nothing(*given):
    return None


# ------------------------------------------------------------------ the runtime


def malloc(size):
    """Return memory full of NaN, and before a page that nothing may touch: what reads beyond it crashes."""
    pages = -(-max(size, 1) // mmap.PAGESIZE) * mmap.PAGESIZE
    begin, whole = _FREE[pages].pop() if _FREE[pages] else mapped(pages)
    pointer = begin + pages - -(-size // 16) * 16
    ctypes.memset(pointer, 0xFF, begin + pages - pointer)
    _MEMORY[pointer] = pages, (begin, whole)
    return pointer


def mapped(pages):
    whole = mmap.mmap(-1, pages + mmap.PAGESIZE)
    begin = ctypes.addressof(ctypes.c_char.from_buffer(whole))
    _PROTECT(begin + pages, mmap.PAGESIZE, 0)
    return begin, whole


_PROTECT = ctypes.CDLL(None).mprotect
_PROTECT.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int


def free(pointer):
    if pointer:
        pages, memory = _MEMORY.pop(pointer)
        _FREE[pages].append(memory)


def move(to, source, size, *how):
    ctypes.memmove(to, source, size)


def move_and_wait(to, source, size, kind):
    WAITS["memcpy"] += 1
    move(to, source, size)


def record(event, stream):
    _HANDLES[event] = perf_counter()


#: By CUDA's numbers, of an H100: what CuPy asks for.
ATTRIBUTES = {1: 1024, 8: 49152, 10: 32, 12: 65536, 16: 132, 39: 2048, 75: 9, 76: 0, 81: 233472, 97: 232448}

RUNTIME = {
    "_ensure_context": nothing,
    "runtimeGetVersion": lambda: 13000,
    "driverGetVersion": lambda: 13000,
    "getDevice": lambda: getattr(_CURRENT, "device", 0),
    "setDevice": lambda device: setattr(_CURRENT, "device", device),
    "getDeviceCount": lambda: DEVICES,
    "getDeviceProperties": lambda device: {"name": b"the host", "warpSize": 32, "multiProcessorCount": 132},
    "deviceGetAttribute": lambda attribute, device: ATTRIBUTES.get(attribute, 0),
    "deviceCanAccessPeer": lambda device, peer: 0,
    "memGetInfo": lambda: (2**30, 2**31),
    "pointerGetMemoryType": lambda pointer: 2 if pointer in _MEMORY else 0,
    "malloc": malloc,
    "free": free,
    "hostAlloc": lambda size, flags: malloc(size),
    "freeHost": free,
    "memcpy": move_and_wait,
    "memcpyAsync": move,
    "memcpyPeerAsync": lambda to, device, source, other, size, stream: move(to, source, size),
    "memset": ctypes.memset,
    "memsetAsync": lambda to, value, size, stream: ctypes.memset(to, value, size),
    "deviceSynchronize": waiting("deviceSynchronize"),
    "streamSynchronize": waiting("streamSynchronize"),
    "streamIsCapturing": lambda stream: 0,
    "streamCreate": lambda: handle("stream"),
    "streamCreateWithFlags": lambda flags: handle("stream"),
    "streamCreateWithPriority": lambda flags, priority: handle("stream"),
    "streamDestroy": nothing,
    "streamWaitEvent": nothing,
    "eventCreateWithFlags": lambda flags: handle("event"),
    "eventRecord": record,
    "eventQuery": nothing,
    "eventSynchronize": waiting("eventSynchronize"),
    "eventElapsedTime": lambda begin, end: 1e3 * (_HANDLES[end] - _HANDLES[begin]),
    "eventDestroy": nothing,
}


# ------------------------------------------------------------------ the driver


def launch(function, x, y, z, threads, *others):
    *_, arguments, _ = others
    _HANDLES[function](x, threads, arguments)


DRIVER = {
    "get_build_version": lambda: 13000,
    "moduleLoadData": lambda data: handle(bytes(data).decode()),
    "moduleUnload": nothing,
    "moduleGetFunction": lambda module, name: handle(Kernel(name, _HANDLES[module])),
    "funcGetAttribute": lambda attribute, function: 1024,
    "funcSetAttribute": nothing,
    "ctxGetCurrent": lambda: 1,
    "occupancyMaxActiveBlocksPerMultiprocessor": lambda function, threads, shared: 2,
    "launchKernel": launch,
}


# ------------------------------------------------------------------ Thrust, compiled for devices alone


def memory(pointer, dtype, shape):
    """Return the memory from a place on as an array of NumPy."""
    size = prod(shape) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(pointer), dtype).reshape(shape)


def sort(dtype, data, keys, shape):
    memory(data, dtype, shape).sort(axis=-1)


def argsort(dtype, places, data, keys, shape):
    memory(places, np.int64, shape)[...] = memory(data, dtype, shape).argsort(axis=-1, kind="stable")


# ------------------------------------------------------------------ CuPy's tables

_TYPES = {
    "int": ctypes.c_int, "unsigned int": ctypes.c_uint, "intptr_t": ctypes.c_ssize_t,
    "size_t": ctypes.c_size_t, "PyObject *": ctypes.py_object, "float": ctypes.c_float,
}  # fmt: skip
_TABLE = re.compile(rf"({'|'.join(map(re.escape, _TYPES))}) ?\((.*)\)")
_new_capsule, _name_of = ctypes.pythonapi.PyCapsule_New, ctypes.pythonapi.PyCapsule_GetName
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
_name_of.restype, _name_of.argtypes = ctypes.c_char_p, (ctypes.py_object,)


def replace(module, functions):
    """Let a module's table hold these functions, and for all others one that says what is missing."""
    unknown = functions.keys() - module.__pyx_capi__.keys()
    if unknown:
        raise ImportError(f"this CuPy asks CUDA by other names: it has no {', '.join(sorted(unknown))}")
    for name, capsule in list(module.__pyx_capi__.items()):
        signature = _name_of(capsule)
        found = _TABLE.fullmatch(signature.decode())
        if found is None:  # a number, or a function of structures
            continue
        words = [word.replace("__pyx_skip_dispatch", "").strip() for word in found[2].split(",")]
        types = [_TYPES.get(word, ctypes.c_void_p) for word in words if word != "void"]
        given = len([word for word in found[2].split(",") if "__pyx_" not in word])
        function = functions.get(name) or missing(name)
        table = ctypes.CFUNCTYPE(_TYPES[found[1]], *types)(answering(function, found[1], given))
        text = ctypes.create_string_buffer(signature)
        for each in (table, text):  # CuPy may ask to the last, when Python itself ends
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))
        module.__pyx_capi__[name] = _new_capsule(
            ctypes.cast(table, ctypes.c_void_p), ctypes.cast(text, ctypes.c_char_p), None
        )
        if hasattr(module, name):
            setattr(module, name, function)


def missing(name):
    def call(*given):
        raise NotImplementedError(f"CUDA on the host has no {name}{given}")

    return call


class Unraisable:
    """Raises when it goes, which is at once: Python's way to report what nobody can catch."""

    def __init__(self, error):
        self.error = error

    def __del__(self):
        raise self.error


def answering(function, result, given):
    """Return a function for C. No exception passes through it: it is reported, which fails a test."""
    ending = sys.is_finalizing

    def answer(*values):
        found = None
        if not ending():
            try:
                found = function(*values[:given])
            except BaseException as error:
                Unraisable(error)
        return found if result == "PyObject *" else found or 0

    return answer


def source_instead(source, options=(), *others):
    """Stand where CuPy compiles by NVRTC: keep what it would compile, with its options."""
    return f"// {' '.join(options)}\n{source}".encode(), None


def install():
    """Import CuPy so that this is its CUDA, for all of this process.

    Raises
    ------
    ImportError
        If CuPy is not installed, is another one than this was written for, or imported already; if there is
        no C++ compiler.
    """
    if COMPILER is None:
        raise ImportError("no C++ compiler to run kernels with")
    if "cupy" in sys.modules:
        if hasattr(sys.modules["cupy"], "on_host"):
            return
        raise ImportError("CuPy is imported already")
    from cupy_backends.cuda.api import driver, runtime

    os.environ["CUPY_CACHE_IN_MEMORY"] = "1"  # what is kept here is no machine code
    replace(runtime, RUNTIME)
    replace(driver, DRIVER)
    load_products()
    import_module("cupy_backends.cuda.libs.cublas")  # by itself CuPy would look for NVIDIA's first
    import cupy
    from cupy.cuda import compiler

    compiler._compile_using_nvrtc_no_warning = source_instead
    cupy.cuda.thrust.sort, cupy.cuda.thrust.argsort = sort, argsort
    cupy._core.set_routine_accelerators([])  # which are compiled for devices alone
    cupy._core.set_reduction_accelerators([])
    cupy.cuda.set_allocator(None)  # each array a memory of its own: see `malloc`
    cupy.on_host = True
