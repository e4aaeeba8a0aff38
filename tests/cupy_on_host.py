"""CuPy's elementwise kernels on the host: their bodies compiled by a C++ compiler and run on NumPy arrays.

With it in CuPy's place `diynn/ops/on_cupy.py` runs where there is no GPU: the same Python, the same kernel
bodies, one after the other. What it cannot show is what only CUDA knows: its compiler, its types, its speed.
"""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

import diynn.ops

COMPILER = shutil.which(os.environ.get("CXX", "c++"))
_TYPES = {"float32": "float", "float64": "double"}
_SOURCE = """
#include <cmath>
#include <cstddef>
using std::abs; using std::exp; using std::log; using std::log1p; using std::max;
typedef {type} T;
typedef long long int64;
extern "C" void kernel(ptrdiff_t size, void** arrays, int64* numbers) {{
{declarations}
    for (ptrdiff_t i = 0; i < size; ++i) {{
{elements}
{body};
    }}
}}
"""


class ElementwiseKernel:
    """As ``cupy.ElementwiseKernel``: for arrays and numbers of one real ``T``, raw or not, and integers."""

    def __init__(self, inputs, outputs, body, name, no_return=False):
        self.inputs, self.outputs = ([each.split() for each in text.split(",")] for text in (inputs, outputs))
        self.body, self.name, self.no_return = body, name, no_return

    def __call__(self, *given, size=None):
        parameters = self.inputs + self.outputs
        dtype = next(each.dtype for each in given if isinstance(each, np.ndarray))
        given = [np.full(size, each, dtype) if isinstance(each, float) else each for each in given]
        arrays = {name: np.ascontiguousarray(value) for (*_, name), value in self._arrays(given)}
        plain = [arrays[name] for kind, *_, name in parameters if kind == "T" and name in arrays]
        for _, name in self.outputs if len(given) == len(self.inputs) else ():
            arrays[name] = np.empty_like(plain[0])
        assert len({array.dtype for array in arrays.values()}) == 1  # as CuPy demands of one T
        assert len({array.shape for array in plain}) == 1
        numbers = [value for value in given if not isinstance(value, np.ndarray)]
        function = self.compiled(dtype.name)
        pointers = (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays.values()))
        function(
            plain[0].size if size is None else size, pointers, (ctypes.c_longlong * len(numbers))(*numbers)
        )
        if self.no_return:
            return None
        results = [arrays[name] for *_, name in self.outputs]
        return results[0] if len(results) == 1 else tuple(results)

    def _arrays(self, given):
        pairs = zip(self.inputs + self.outputs, given, strict=False)
        return [pair for pair in pairs if isinstance(pair[1], np.ndarray)]

    def compiled(self, dtype):
        """Return the kernel as a C function for a dtype."""
        declarations, elements, arrays, numbers = [], [], 0, 0
        for *kind, name in self.inputs + self.outputs:
            if "T" not in kind:
                declarations.append(f"{kind[0]} {name} = numbers[{numbers}];")
                numbers += 1
                continue
            whole = name if "raw" in kind else f"_raw_{name}"
            declarations.append(f"T* {whole} = (T*)arrays[{arrays}];")
            arrays += 1
            if whole != name:
                elements.append(f"T& {name} = {whole}[i];")
        code = {"declarations": "\n".join(declarations), "elements": "\n".join(elements), "body": self.body}
        return _compile(_SOURCE.format(type=_TYPES[dtype], **code))


@cache
def _compile(source):
    folder = Path(tempfile.mkdtemp())
    (folder / "kernel.cpp").write_text(source, encoding="utf-8")
    command = [COMPILER, "-O1", "-fPIC", "-shared", "-o", "kernel.so", "kernel.cpp"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    kernel = ctypes.CDLL(str(folder / "kernel.so")).kernel
    shutil.rmtree(folder)
    return kernel


def load(cupy):
    """Return ``diynn/ops/on_cupy.py``, imported with a module in CuPy's place, and its twins by name."""
    place = Path(diynn.ops.__file__).with_name("on_cupy.py")
    spec = importlib.util.spec_from_file_location("on_cupy_on_host", place)
    module, before = importlib.util.module_from_spec(spec), sys.modules.get("cupy")
    sys.modules["cupy"] = cupy
    operations = diynn.ops.OPERATIONS.values()
    kept = [each.twins.get(cupy.ndarray) for each in operations]
    try:
        spec.loader.exec_module(module)
        found = {
            each.__name__: each.twins.pop(cupy.ndarray) for each in operations if cupy.ndarray in each.twins
        }
    finally:
        for each, twin in zip(operations, kept, strict=True):  # CuPy itself may be in use
            if twin is not None:
                each.twins[cupy.ndarray] = twin
        if before is None:
            del sys.modules["cupy"]
        else:
            sys.modules["cupy"] = before
    return module, found


@cache
def on_cupy():
    """Return ``diynn/ops/on_cupy.py`` with this in CuPy's place, and its twins by name."""
    cupy = ModuleType("cupy")
    cupy.ndarray, cupy.ElementwiseKernel = type("ndarray", (), {}), ElementwiseKernel
    cupy.empty, cupy.ones, cupy.lib = np.empty, np.ones, SimpleNamespace(stride_tricks=np.lib.stride_tricks)
    return load(cupy)


def twins():
    """Return the twins of ``on_cupy.py`` by name, on NumPy arrays."""
    return on_cupy()[1]
