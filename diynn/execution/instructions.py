"""The functions that a lowered source calls, as LLVM instructions.

This file needs llvmlite, of the extra ``fast``: only what compiles imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir

WORD, FLAG = np.dtype("i8"), np.dtype("?")
TYPES: dict[Any, Any] = {np.dtype("f4"): ir.FloatType(), np.dtype("f8"): ir.DoubleType(), FLAG: ir.IntType(1)}
TYPES |= {np.dtype(f"{sign}{size}"): ir.IntType(8 * size) for sign in "iu" for size in (1, 2, 4, 8)}
KINDS = {kind.name: kind for kind in TYPES}
FUSED = ("contract",)  # a product and a sum may be rounded once

_ROW_MAJOR = 101
# LLVM's intrinsics, and the C library's functions, by NumPy's names.
_INTRINSIC = {
    "abs": "fabs",
    "sqrt": "sqrt",
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "rint": "rint",
}
_OF_C = {
    **{
        name: name
        for name in ("sin", "cos", "tan", "sinh", "cosh", "expm1", "exp2", "log2", "log10", "hypot")
    },
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
    "power": "pow",
}


class Typed(NamedTuple):
    """An LLVM value and its type; for a buffer, a pointer and the type of what it points to."""

    value: Any
    kind: Any


def typed(found: Any, kind: Any) -> Typed:
    """Give a plain number a type; a typed value keeps its own."""
    if isinstance(found, Typed):
        return found
    number = bool(found) if kind == FLAG else float(found) if kind.kind == "f" else int(found)
    return Typed(ir.Constant(TYPES[kind], number), kind)


def alike(one: Any, other: Any) -> tuple[Typed, Typed]:
    """Return two operands in one type."""
    kinds = [each.kind for each in (one, other) if isinstance(each, Typed)] or [WORD]
    if kinds[0] != kinds[-1]:
        raise TypeError(f"{kinds[0]} meets {kinds[-1]} in a lowered source")
    return typed(one, kinds[0]), typed(other, kinds[0])


def compare(builder: Any, sign: str, one: Typed, other: Typed) -> Any:
    """Compare two values of one type; NaN is unequal to everything."""
    if one.kind.kind == "f":
        make = builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
    else:
        make = builder.icmp_signed if one.kind.kind == "i" else builder.icmp_unsigned
    return make(sign, one.value, other.value)


def converted(builder: Any, found: Any, kind: Any) -> Typed:
    """Return a value in another type, as NumPy's ``astype`` does."""
    if not isinstance(found, Typed):
        return typed(found, kind)
    value, before, target = found.value, found.kind, TYPES[kind]
    if before == kind:
        return found
    if before.kind == "f":
        if kind.kind == "f":
            return Typed(
                (builder.fpext if kind.itemsize > before.itemsize else builder.fptrunc)(value, target), kind
            )
        return Typed((builder.fptosi if kind.kind == "i" else builder.fptoui)(value, target), kind)
    if kind.kind == "f":
        return Typed((builder.sitofp if before.kind == "i" else builder.uitofp)(value, target), kind)
    if TYPES[before].width >= target.width:
        return Typed(builder.trunc(value, target) if TYPES[before].width > target.width else value, kind)
    return Typed((builder.sext if before.kind == "i" else builder.zext)(value, target), kind)


def elsewhere(builder: Any, symbol: str, arguments: list[Any], result: Any = None) -> Any:
    """Call an external function by its symbol, declared in the module if it is not yet."""
    kind = ir.FunctionType(ir.VoidType() if result is None else result, [each.type for each in arguments])
    known = builder.module.globals
    function = known[symbol] if symbol in known else ir.Function(builder.module, kind, symbol)
    return builder.call(function, arguments)


def mathematical(builder: Any, name: str, arguments: list[Any]) -> Typed | None:
    """Return a function of reals by LLVM or by the C library, or None if neither has it."""
    values = [each.value for each in arguments]
    kind = arguments[0].kind
    if name == "abs" and kind.kind == "u":
        return Typed(values[0], kind)
    if name == "abs" and kind.kind == "i":
        negative = builder.icmp_signed("<", values[0], ir.Constant(TYPES[kind], 0))
        return Typed(builder.select(negative, builder.neg(values[0]), values[0]), kind)
    if name in _INTRINSIC:
        function = builder.module.declare_intrinsic(f"llvm.{_INTRINSIC[name]}", [TYPES[kind]])
        return Typed(builder.call(function, values), kind)
    if name in _OF_C:
        symbol = _OF_C[name] + ("f" if kind.itemsize == 4 else "")
        return Typed(elsewhere(builder, symbol, values, TYPES[kind]), kind)
    return None


# ------------------------------------------------------------------ of numbers


def _extreme(sign: str) -> Callable[..., Typed]:
    def extreme(builder: Any, one: Any, other: Any) -> Any:
        if not (isinstance(one, Typed) or isinstance(other, Typed)):  # two constants, such as padding
            return float(np.maximum(one, other) if sign == ">=" else np.minimum(one, other))
        a, b = alike(one, other)
        first = compare(builder, sign, a, b)
        if a.kind.kind == "f":  # NaN if either is
            first = builder.or_(first, builder.fcmp_unordered("uno", a.value, a.value))
        return Typed(builder.select(first, a.value, b.value), a.kind)

    return extreme


def _bits(builder: Any, x: Typed) -> Typed:
    kind = np.dtype(f"i{x.kind.itemsize}")
    return Typed(builder.bitcast(x.value, TYPES[kind]), kind)


def _real_of(builder: Any, whole: Typed, like: Typed) -> Typed:
    return Typed(builder.bitcast(whole.value, TYPES[like.kind]), like.kind)


def _real(builder: Any, whole: Typed, like: Typed) -> Typed:
    return converted(builder, whole, like.kind)


def _polynomial(builder: Any, coefficients: tuple[float, ...], x: Typed) -> Typed:
    total = typed(coefficients[-1], x.kind).value
    for each in coefficients[-2::-1]:
        product = builder.fmul(total, x.value, flags=FUSED)
        total = builder.fadd(product, typed(each, x.kind).value, flags=FUSED)
    return Typed(total, x.kind)


# ------------------------------------------------------------------ of buffers


def _at(builder: Any, buffer: Typed, place: Any) -> Typed:
    return Typed(builder.gep(buffer.value, [typed(place, WORD).value], inbounds=True), buffer.kind)


def _blas(builder: Any, name: str, out: Typed, flags: list[int], sizes: list[int], rest: list[Any]) -> None:
    """Call a function of BLAS; ``width`` of the module's BLAS decides how wide its sizes are."""
    letter = "s" if out.kind.itemsize == 4 else "d"
    symbol = f"diynn_{letter}{name}"
    order = [ir.Constant(ir.IntType(32), each) for each in (_ROW_MAJOR, *flags)]
    elsewhere(builder, symbol, [*order, *sizes, *rest])


def products(width: int) -> dict[str, Callable[..., None]]:
    """Return ``gemm`` and ``gemv`` for a BLAS whose integers have that many bits."""

    def size(value: int) -> Any:
        return ir.Constant(ir.IntType(width), value)

    def beta_of(builder: Any, beta: Any, out: Typed) -> Any:
        return converted(builder, beta, out.kind).value

    def gemm(builder: Any, ta: int, tb: int, m: int, n: int, k: int, a: Typed, lda: int, b: Typed, ldb: int,
             beta: Any, c: Typed, ldc: int) -> None:  # fmt: skip
        one = typed(1.0, c.kind).value
        rest = [one, a.value, size(lda), b.value, size(ldb), beta_of(builder, beta, c), c.value, size(ldc)]
        _blas(builder, "gemm", c, [ta, tb], [size(m), size(n), size(k)], rest)

    def gemv(
        builder: Any, ta: int, m: int, n: int, a: Typed, lda: int, x: Typed, beta: Any, y: Typed
    ) -> None:
        one = typed(1.0, y.kind).value
        rest = [one, a.value, size(lda), x.value, size(1), beta_of(builder, beta, y), y.value, size(1)]
        _blas(builder, "gemv", y, [ta], [size(m), size(n)], rest)

    return {"gemm": gemm, "gemv": gemv}


# ------------------------------------------------------------------ of threads


def _load(builder: Any, buffer: Typed) -> Typed:
    """Read a word that another thread may write."""
    return Typed(builder.load_atomic(buffer.value, "seq_cst", 8), buffer.kind)


def _store(builder: Any, buffer: Typed, value: Any) -> None:
    """Write a word that another thread may read, after all that was written before."""
    builder.store_atomic(typed(value, WORD).value, buffer.value, "seq_cst", 8)


def _claim(builder: Any, buffer: Typed, before: Typed) -> Typed:
    """Increment a word if it equals ``before``, which only one thread can do; return its old value."""
    after = builder.add(before.value, ir.Constant(TYPES[WORD], 1))
    result = builder.cmpxchg(buffer.value, before.value, after, "seq_cst", "seq_cst")
    return Typed(builder.extract_value(result, 0), buffer.kind)


def _run(builder: Any, function: Typed, table: Typed) -> None:
    """Call a compiled function by its address, with the address of its table."""
    table_type = TYPES[WORD].as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [table_type])
    builder.call(
        builder.inttoptr(function.value, kind.as_pointer()), [builder.inttoptr(table.value, table_type)]
    )


def _buffer(builder: Any, address: Typed) -> Typed:
    """Return the words at an address."""
    return Typed(builder.inttoptr(address.value, TYPES[WORD].as_pointer()), WORD)


def _address(builder: Any, words: Typed) -> Typed:
    """Return where words begin."""
    return Typed(builder.ptrtoint(words.value, TYPES[WORD]), WORD)


def _number_from(symbol: str) -> Callable[[Any], Typed]:
    """Return a call of a C function without arguments that returns an int."""
    return lambda builder: converted(
        builder, Typed(elsewhere(builder, symbol, [], ir.IntType(32)), KINDS["int32"]), WORD
    )


CALLS: dict[str, Callable[..., Any]] = {
    **{"maximum": _extreme(">="), "minimum": _extreme("<=")},
    **{"bits": _bits, "real_of": _real_of, "real": _real, "polynomial": _polynomial},
    **{"at": _at, "load": _load, "store": _store, "claim": _claim, "run": _run},
    **{"buffer": _buffer, "address": _address},
    **{"pause": _number_from("diynn_yield"), "core": _number_from("diynn_core")},
}
