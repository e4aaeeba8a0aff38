"""What `diynn.execution.graph` asks of CUDA: products that can be captured, and the capture itself.

CuPy 14 captures its own kernels, but refuses whatever it would hand to cuBLAS while a stream is capturing
(``setStream`` raises NotImplementedError, CuPy issue 6290). cuBLAS itself can be captured, so the products
of a captured step call it through nvmath-python's bindings, with a handle and a workspace of their own.

Sources: the CUDA C++ programming guide on graphs; the cuBLAS manual on their capture, and on
``cublasSetWorkspace``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from diynn.arrays import Array, address, describe

_WORKSPACE = 2**25  # bytes: what cuBLAS takes itself on the newest GPUs
_CUDA_R_32F, _CUDA_R_64F = 0, 1  # of cudaDataType


def refusal(x: Array) -> str | None:
    """Return why a step on ``x`` cannot be captured here, or None."""
    if address(x).partition(":")[0] != "cupy":
        return f"the batch is {describe(x)}, and CUDA graphs are captured on CuPy's alone"
    if find_spec("nvmath") is None:
        return (
            "CuPy cannot capture matrix products, and nvmath-python, which can, is not installed: "
            "pip install 'diynn[graph12]' or 'diynn[graph13]', whichever CUDA the driver has"
        )
    return None


class Products:
    """Matrix products by a cuBLAS handle of their own, on one stream.

    Parameters
    ----------
    stream : cupy.cuda.Stream
        Where they are computed, and may be captured. What is captured uses handle and workspace whenever it
        is replayed: keep this object as long.
    """

    def __init__(self, stream: Any) -> None:
        import cupy

        self._cupy, self._cublas = cupy, import_module("nvmath.bindings.cublas")
        self._workspace = cupy.empty(_WORKSPACE, dtype=cupy.uint8)
        self._handle = self._cublas.create()
        weakref.finalize(self, self._cublas.destroy, self._handle).atexit = False
        self._cublas.set_stream(self._handle, stream.ptr)  # which takes the workspace away: so it comes first
        self._cublas.set_workspace(self._handle, self._workspace.data.ptr, self._workspace.nbytes)
        self._kinds = {kind: self._kind(kind) for kind in ("float32", "float64")}

    def _kind(self, dtype: str) -> tuple[Any, ...]:
        """Return what cuBLAS wants to know of a dtype: 1 and 0, the type's number, how to compute in it."""
        numbers, compute = [np.full(1, value, dtype=dtype) for value in (1, 0)], self._cublas.ComputeType
        if dtype == "float64":
            return *numbers, _CUDA_R_64F, compute.COMPUTE_64F
        linalg = import_module("cupy._core._routines_linalg")
        tf32 = (
            linalg.get_compute_type(dtype) == linalg.COMPUTE_TYPE_TF32
        )  # set by `diynn.execution.precision`
        return *numbers, _CUDA_R_32F, compute.COMPUTE_32F_FAST_TF32 if tf32 else compute.COMPUTE_32F

    def __call__(self, a: Array, b: Array) -> Array:
        """Return a b, (m, k) and (k, n) → (m, n).

        cuBLAS counts down columns, so that it reads an array in C order as its transpose, and is asked for
        (a b)ᵀ = bᵀ aᵀ, which in turn is a b in C order.
        """
        if a.dtype != b.dtype or a.dtype.name not in self._kinds:
            raise NotImplementedError(f"a product of {a.dtype} and {b.dtype} is not captured")
        one, zero, kind, compute = self._kinds[a.dtype.name]
        (m, k), n = a.shape, b.shape[1]
        a, turn_a, step_a = self._laid(a)
        b, turn_b, step_b = self._laid(b)
        result = self._cupy.empty((m, n), dtype=a.dtype)
        self._cublas.gemm_ex(
            *(self._handle, turn_b, turn_a, n, m, k, one.ctypes.data),
            *(b.data.ptr, kind, step_b, a.data.ptr, kind, step_a, zero.ctypes.data),
            *(result.data.ptr, kind, n, compute, self._cublas.GemmAlgo.DEFAULT),
        )
        return result

    def _laid(self, matrix: Array) -> tuple[Array, Any, int]:
        """Return a matrix as cuBLAS can read it, whether to turn it, and the step between its lines."""
        turn = self._cublas.Operation
        if matrix.flags.c_contiguous:
            return matrix, turn.N, matrix.shape[1]
        if matrix.flags.f_contiguous:
            return matrix, turn.T, matrix.shape[0]
        return self._cupy.ascontiguousarray(matrix), turn.N, matrix.shape[1]


class Capture:
    """A function captured as a CUDA graph.

    Parameters
    ----------
    function : callable
        Makes arrays of arrays that stay where they are, by CuPy's kernels and products of `diynn.ops` alone.
        It is called twice: once to compile and load all that it needs, once to be captured.

    Attributes
    ----------
    results : list of arrays
        What it returned, written anew by each replay.
    """

    def __init__(self, function: Callable[[], list[Array]]) -> None:
        import cupy

        from diynn.ops.on_cupy import MULTIPLY

        pool = cupy.cuda.MemoryPool()
        kept: list[Any] = []  # all that is allocated under way: the graph has its addresses

        def keep(size: int) -> Any:
            kept.append(pool.malloc(size))
            return kept[-1]

        stream = cupy.cuda.Stream(non_blocking=True)
        cupy.cuda.Device().synchronize()  # what other streams still write is read on this one
        with stream, cupy.cuda.using_allocator(keep):
            products = Products(stream)
            before = MULTIPLY.set(products)
            try:
                function()
                stream.synchronize()
                kept.clear()
                self.results = _captured(stream, function)
                self._graph = stream.end_capture()
            finally:
                MULTIPLY.reset(before)
        self._kept = (pool, kept, products, stream)

    def replay(self) -> None:
        """Compute the results anew, in the current stream."""
        self._graph.launch()


def _captured(stream: Any, function: Callable[[], list[Array]]) -> list[Array]:
    """Call a function with a stream capturing, and leave it so only if all went well."""
    stream.begin_capture()
    try:
        return function()
    except BaseException:
        with suppress(Exception):  # a capture that failed ends with an error of its own
            stream.end_capture()
        raise
