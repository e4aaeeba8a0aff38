"""The names that a lowered source calls, for Numba, and what turns one into an object file.

Buffers are bare pointers, so that nothing of Python or of NumPy's arrays is left in the compiled code: it is
machine code that needs BLAS and the C library alone, which is why `compiled` can keep it on disk and load it
without Numba.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from diynn.execution.loops import FUNCTIONS, VECTORISED
from diynn.execution.vector_math import functions

_WORD = ir.IntType(64)
_TABLE = types.CPointer(types.int64)
_ROW_MAJOR = 101
_OPTIONS = {"error_model": "numpy", "fastmath": {"contract"}}


class Object(tuple[bytes, str, list[str]]):
    """Machine code, the name of its function, and the symbols that it needs."""

    __slots__ = ()


# ------------------------------------------------------------------ pointers


def _pointer(kind: str) -> Any:
    target = types.CPointer(getattr(types, kind))

    @intrinsic
    def pointer(context: Any, address: Any) -> Any:
        def generate(base: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], base.get_value_type(target))

        return target(types.int64), generate

    return pointer


@intrinsic
def at(context: Any, pointer: Any, place: Any) -> Any:
    """Return a pointer to a later element."""

    def generate(base: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.int64), generate


# ------------------------------------------------------------------ choices without a branch


@intrinsic
def select(context: Any, condition: Any, one: Any, other: Any) -> Any:
    """Return one value or another; both are computed."""

    def generate(base: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(*arguments)

    return one(types.boolean, one, one), generate


def _extreme(sign: str) -> Any:
    @intrinsic
    def extreme(context: Any, one: Any, other: Any) -> Any:
        def generate(base: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, b = arguments
            if isinstance(one, types.Float):  # NaN if either is
                first = builder.or_(builder.fcmp_ordered(sign, a, b), builder.fcmp_unordered("uno", a, a))
            elif one.signed:
                first = builder.icmp_signed(sign, a, b)
            else:
                first = builder.icmp_unsigned(sign, a, b)
            return builder.select(first, a, b)

        return one(one, one), generate

    return extreme


@intrinsic
def plus(context: Any, total: Any, value: Any) -> Any:
    """Add to a sum whose order does not matter, so that it is several sums side by side."""

    def generate(base: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=["contract", "reassoc"])

    return total(total, total), generate


# ------------------------------------------------------------------ BLAS


def _blas(name: str, real: Any, builder: Any, arguments: list[Any]) -> None:
    """Call a function of BLAS in C's interface, which returns nothing."""
    letter = {types.float32: "s", types.float64: "d"}[real]
    kind = ir.FunctionType(ir.VoidType(), [each.type for each in arguments])
    symbol = f"diynn_{letter}{name}"
    function = builder.module.globals.get(symbol) or ir.Function(builder.module, kind, symbol)
    builder.call(function, arguments)


def products(width: int) -> dict[str, Any]:
    """Return ``gemm`` and ``gemv`` for a BLAS whose sizes are integers of 32 or of 64 bits."""
    size, flag, whole = ir.IntType(width), ir.IntType(32), types.int64

    def sizes(builder: Any, *values: Any) -> list[Any]:
        return list(values) if width == 64 else [builder.trunc(value, size) for value in values]

    @intrinsic
    def gemm(context: Any, ta: Any, tb: Any, m: Any, n: Any, k: Any, a: Any, lda: Any, b: Any, ldb: Any,
             beta: Any, c: Any, ldc: Any) -> Any:  # fmt: skip
        def generate(base: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            ta, tb, m, n, k, one, lda, other, ldb, beta, out, ldc = arguments
            real = base.get_value_type(c.dtype)
            m, n, k, lda, ldb, ldc = sizes(builder, m, n, k, lda, ldb, ldc)
            flags = [ir.Constant(flag, _ROW_MAJOR), builder.trunc(ta, flag), builder.trunc(tb, flag)]
            values = [ir.Constant(real, 1.0), one, lda, other, ldb, builder.sitofp(beta, real), out, ldc]
            _blas("gemm", c.dtype, builder, [*flags, m, n, k, *values])
            return base.get_dummy_value()

        return types.void(*[whole] * 5, a, whole, b, whole, whole, c, whole), generate

    @intrinsic
    def gemv(context: Any, ta: Any, m: Any, n: Any, a: Any, lda: Any, x: Any, beta: Any, y: Any) -> Any:
        def generate(base: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            ta, m, n, matrix, lda, vector, beta, out = arguments
            real = base.get_value_type(y.dtype)
            m, n, lda = sizes(builder, m, n, lda)
            step = ir.Constant(size, 1)
            flags = [ir.Constant(flag, _ROW_MAJOR), builder.trunc(ta, flag)]
            values = [ir.Constant(real, 1.0), matrix, lda, vector, step, builder.sitofp(beta, real), out, step]
            _blas("gemv", y.dtype, builder, [*flags, m, n, *values])
            return base.get_dummy_value()

        return types.void(*[whole] * 3, a, whole, x, whole, y), generate

    return {"gemm": gemm, "gemv": gemv, "N": 111, "T": 112}


# ------------------------------------------------------------------ threads


@intrinsic
def load(context: Any, address: Any) -> Any:
    """Read a word that another thread may write."""

    def generate(base: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], _WORD.as_pointer())
        return builder.load_atomic(place, "seq_cst", 8, typ=_WORD)

    return types.int64(types.int64), generate


@intrinsic
def store(context: Any, address: Any, value: Any) -> Any:
    """Write a word that another thread may read, after all that was written before."""

    def generate(base: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[1], builder.inttoptr(arguments[0], _WORD.as_pointer()), "seq_cst", 8)
        return base.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def call(context: Any, function: Any, table: Any) -> Any:
    """Call a compiled function by its address, with the address of its table."""

    def generate(base: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        nothing = [builder.alloca(byte), builder.alloca(byte)]  # what Numba returns by: a result, an error
        kind = ir.FunctionType(ir.IntType(32), [each.type for each in nothing] + [_WORD.as_pointer()])
        target = builder.inttoptr(arguments[0], kind.as_pointer())
        builder.call(target, [*nothing, builder.inttoptr(arguments[1], _WORD.as_pointer())])
        return base.get_dummy_value()

    return types.void(types.int64, types.int64), generate


def _without_arguments(symbol: str, result: Any) -> Any:
    return types.ExternalFunction(symbol, result())


# ------------------------------------------------------------------ compilation


def names(width: int) -> dict[str, Any]:
    """Return what the names in a source stand for, with a BLAS whose integers have that width."""
    found: dict[str, Any] = {name: getattr(np, name) for name in (*FUNCTIONS, "inf", "nan")}
    for kind in ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"):
        found[kind] = getattr(types, kind)
        found[f"{kind}_at"] = _pointer(kind)
    for real in (np.float32, np.float64):
        made = functions(real)
        found |= {f"{name}{8 * real().itemsize}": getattr(made, name) for name in VECTORISED}
    found |= {"maximum": _extreme(">="), "minimum": _extreme("<="), "select": select, "plus": plus, "at": at}
    found |= {"load": load, "store": store, "call": call}
    found |= {"pause": _without_arguments("diynn_yield", types.int32)}
    found |= {"core": _without_arguments("diynn_core", types.int32)}
    return found | products(width)


def compile_text(text: str, name: str, known: Mapping[str, Any]) -> tuple[bytes, list[str]]:
    """Compile a function of one table of words.

    Parameters
    ----------
    text : str
        Its definition, under the name ``step``.
    name : str
        The symbol that it gets.
    known : mapping
        What `names` returned.

    Returns
    -------
    bytes, list of str
        An object file, and the symbols that it needs.
    """
    namespace = dict(known)
    exec(compile(text, f"<{name}>", "exec"), namespace)
    function = numba.cfunc(types.void(_TABLE), **_OPTIONS)(namespace["step"])
    inner = function.native_name.removeprefix("cfunc.")
    # The wrapper for C reports Python's errors, of which there are none here: without it nothing needs Python.
    code = re.sub(rf'^define [^\n]*@"?cfunc\.{inner}.*?^}}$', "", function.inspect_llvm(), flags=re.M | re.S)
    code = code.replace(inner, name)
    module = llvm.parse_assembly(code)
    needs = [each.name for each in module.functions if each.is_declaration and code.count(f"@{each.name}(") > 1]
    return target_machine().emit_object(module), [each for each in needs if not each.startswith("llvm.")]


def target_machine() -> Any:
    """Return LLVM's target: this machine."""
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True)
