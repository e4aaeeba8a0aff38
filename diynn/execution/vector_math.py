"""exp, tanh, log and log1p for compiled loops: a fixed sequence of operations, the same for any value.

Numba calls the C library for each value, which takes ten times as long as a loop without calls and branches
that LLVM turns into vector instructions. Each function brings its argument into a short interval, sums a
power series there, and puts the power of two back by adding to the exponent's bits. They are exact at ±0,
±inf and NaN, right for subnormal numbers, and within two units in the last place elsewhere.

This file needs Numba: only what compiles imports it.

Sources: Cody and Waite, 1980 (the reduction); FDLIBM's e_log.c and s_log1p.c (the form of the logarithm).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Context, Decimal
from itertools import count, takewhile
from math import factorial
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_WIDTH = {types.float32: 32, types.float64: 64}
_INTEGER = {32: types.int32, 64: types.int64}
_REAL = {32: types.float32, 64: types.float64}


@intrinsic
def bits(context: Any, value: Any) -> Any:
    """Return a real number's bits as an integer."""

    def generate(_: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(_WIDTH[value]))

    return _INTEGER[_WIDTH[value]](value), generate


@intrinsic
def real_of(context: Any, integer: Any, like: Any) -> Any:
    """Return the number, of the type of ``like``, whose bits the lowest ones of an integer are."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        short = ir.IntType(_WIDTH[like])
        kept = arguments[0] if arguments[0].type == short else builder.trunc(arguments[0], short)
        return builder.bitcast(kept, target.get_value_type(like))

    return like(integer, like), generate


def series(coefficients: list[float]) -> Any:
    """Return a function that sums Σ c_k x^k by Horner's rule, in one expression whatever its length."""

    @intrinsic
    def total(context: Any, value: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = target.get_value_type(value)
            result = ir.Constant(kind, float(coefficients[-1]))
            for each in reversed(coefficients[:-1]):
                product = builder.fmul(result, arguments[0], flags=["contract"])
                result = builder.fadd(product, ir.Constant(kind, float(each)), flags=["contract"])
            return result

        return value(value), generate

    return total


class Functions(NamedTuple):
    """The functions for one real type, each from a number to a number, for use in compiled code."""

    exp: Callable[..., Any]
    tanh: Callable[..., Any]
    log: Callable[..., Any]
    log1p: Callable[..., Any]


def functions(real: type[np.floating[Any]]) -> Functions:
    """Return the functions for ``numpy.float32`` or ``numpy.float64``."""
    info = np.finfo(real)
    mantissa, precision = info.nmant, float(info.eps) / 8
    ln2 = Context(prec=50).ln(Decimal(2))
    grain = 2 ** (mantissa + 1 - info.nexp)  # n · high is exact for any exponent n
    high = real(int(ln2 * grain) / grain)
    low = real(ln2 - Decimal(float(high)))
    log2e, magic = real(1 / ln2), real(1.5 * 2**mantissa)  # x + magic has round(x) as its last bits
    whole = np.dtype(f"i{real().itemsize}").type
    bias, magic_bits, half_bits = 1 - int(info.minexp), int(magic.view(whole)), int(np.sqrt(real(0.5)).view(whole))
    sign = np.iinfo(whole).min

    lowest, highest = real((info.minexp - mantissa - 2) * ln2), real((info.maxexp + 1) * ln2)
    saturated = real((mantissa + 4) * ln2)  # from here on tanh(x / 2) is 1
    turn = real(ln2)
    smallest, lift = real(info.smallest_normal), mantissa + 2
    lifting = real(2.0**lift)
    zero, half, one, two, infinity, nan = map(real, (0, 0.5, 1, 2, np.inf, np.nan))

    # (e^r - 1) / r for |r| ≤ ln 2 / 2, and (atanh s / s - 1) · 2 / s² for |s| ≤ (√2 - 1) / (√2 + 1)
    growing, growing_far = (
        series(_until(precision, (1 / factorial(k + 2) for k in count()), largest))
        for largest in (float(ln2) / 2, float(ln2))
    )
    bending = series(_until(precision, (2 / (2 * k + 3) for k in count()), (np.sqrt(2) - 1) ** 4))
    compiled = njit(error_model="numpy", fastmath={"contract"})

    @compiled
    def power(n: Any) -> Any:
        return real_of((n + bias) << mantissa, one)

    @compiled
    def exp(x: Any) -> Any:
        y = highest if x > highest else x
        y = lowest if y < lowest else y
        shifted = y * log2e + magic
        turns = shifted - magic
        r = (y - turns * high) - turns * low
        part = bits(turns * half + magic) - magic_bits  # in two: a subnormal's power of two is no number
        rest = (bits(shifted) - magic_bits) - part
        return (one + (r + r * r * growing(r))) * power(part) * power(rest)

    @compiled
    def tanh(x: Any) -> Any:
        y = two * abs(x)
        y = saturated if y > saturated else y
        shifted = (y * log2e - half) + magic  # rounded down: nothing cancels below
        turns = shifted - magic
        r = (y - turns * high) - turns * low
        scale = power(bits(shifted) - magic_bits)
        e = scale * (r + r * r * growing_far(r)) + (scale - one)  # e^y - 1
        t = e / (e + two)
        t = half * e - half * e * t if y < turn else t  # the same, with smaller roundings
        return real_of(bits(t) | (bits(x) & sign), one)

    @compiled
    def logarithm(u: Any, rest: Any, lifted: Any) -> Any:
        """log(u) - lifted log 2, with what u lacks as its share ``rest``."""
        exponent = whole(bits(u) - half_bits) >> mantissa
        f = real_of(bits(u) - (exponent << mantissa), one) - one
        s = f / (two + f)
        turns = real(np.int32(exponent - lifted))
        z = s * s
        return turns * high + (f - (s * (f - z * bending(z)) - (rest + turns * low)))

    @compiled
    def log(x: Any) -> Any:
        tiny = x < smallest
        result = logarithm(x * lifting if tiny else x, zero, lift if tiny else 0)
        result = result if x < infinity else x  # NaN as well
        return result if x > zero or x != x else (-infinity if x == zero else nan)

    @compiled
    def log1p(x: Any) -> Any:
        u = one + x
        lost = one - (u - x) if x > one else x - (u - one)
        result = logarithm(u, lost / u, 0)
        result = result if x < infinity else x
        result = x if x == zero else result  # the sign of a zero
        return result if x > -one or x != x else (-infinity if x == -one else nan)

    return Functions(exp, tanh, log, log1p)


def _until(precision: float, coefficients: Iterator[float], largest: float) -> list[float]:
    """Return the coefficients of a series up to where its terms do not count any more."""
    return [
        each for _, each in takewhile(lambda pair: pair[1] * largest ** pair[0] > precision, enumerate(coefficients))
    ]
