"""exp, tanh, log and log1p for compiled loops: the same sequence of operations for any value.

The C library's take ten times as long: a call and some branches for each value, where these become vector
instructions. Each brings its argument into a short interval, sums a power series there, and puts the power
of two back by adding to the exponent's bits. They are exact at ±0, ±inf and NaN, right for subnormal
numbers, and within two units in the last place elsewhere. `machine_code` reads them as it reads a lowered
step: ``one if condition else other`` computes both, and ``c`` holds the constants of a real type.

Sources: Cody and Waite, 1980 (the reduction); FDLIBM's e_log.c and s_log1p.c (the form of the logarithm).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from itertools import count
from math import factorial, sqrt
from typing import Any, NamedTuple

import numpy as np

_Real = Any  # a number of the type that the constants are for
_LN2 = Context(prec=50).ln(Decimal(2))


class Constants(NamedTuple):
    """The constants of a real type.

    Attributes
    ----------
    high, low : float
        log 2 as a sum, of which n · high is exact for any exponent n.
    magic : float
        x + magic has round(x) as its last bits.
    lowest, highest : float
        Bounds beyond which exp is 0 and inf.
    saturated : float
        The x from which on tanh(x / 2) is 1.
    smallest, lifting : float
        The smallest normal number, and the power of two that makes subnormal ones normal.
    growing, growing_far : tuple of float
        (e^r - 1 - r) / r² as a series, for r up to log 2 / 2 and log 2.
    bending : tuple of float
        (2 atanh s - 2 s) / s³ as a series in s².
    """

    mantissa: int
    bias: int
    sign: int
    magic_bits: int
    half_bits: int  # of √½
    lift: int
    log2: float
    log2e: float
    high: float
    low: float
    magic: float
    lowest: float
    highest: float
    saturated: float
    smallest: float
    lifting: float
    growing: tuple[float, ...]
    growing_far: tuple[float, ...]
    bending: tuple[float, ...]
    inf: float = float("inf")
    nan: float = float("nan")


def constants(real: type[np.floating[Any]]) -> Constants:
    """Return the constants of ``numpy.float32`` or ``numpy.float64``."""
    info, whole = np.finfo(real), np.dtype(f"i{real().itemsize}").type
    mantissa, precision, ln2 = info.nmant, float(info.eps) / 8, float(_LN2)
    grain = 2 ** (mantissa + 1 - info.nexp)
    high, magic = int(_LN2 * grain) / grain, 1.5 * 2**mantissa
    growth = [
        _series((1 / factorial(k + 2) for k in count()), largest, precision) for largest in (ln2 / 2, ln2)
    ]
    return Constants(
        mantissa=mantissa,
        bias=1 - int(info.minexp),
        sign=int(np.iinfo(whole).min),
        magic_bits=int(real(magic).view(whole)),
        half_bits=int(real(sqrt(0.5)).view(whole)),
        lift=mantissa + 2,
        log2=ln2,
        log2e=1 / ln2,
        high=high,
        low=float(_LN2 - Decimal(high)),
        magic=magic,
        lowest=(int(info.minexp) - mantissa - 2) * ln2,
        highest=(int(info.maxexp) + 1) * ln2,
        saturated=(mantissa + 4) * ln2,
        smallest=float(info.smallest_normal),
        lifting=2.0 ** (mantissa + 2),
        growing=growth[0],
        growing_far=growth[1],
        bending=_series((2 / (2 * k + 3) for k in count()), (sqrt(2) - 1) ** 4, precision),
    )


def _series(coefficients: Iterator[float], largest: float, precision: float) -> tuple[float, ...]:
    """Return the coefficients of a power series up to the precision of the type."""
    found: list[float] = []
    for coefficient in coefficients:
        found.append(coefficient)
        if coefficient * largest ** len(found) < precision:
            return tuple(found)
    raise ValueError("a series has no end")


# ------------------------------------------------------------------ building blocks


def bits(x: _Real) -> int:
    """Return a number's bits as an integer."""
    return int(x.view(f"i{x.itemsize}"))


def real_of(whole: int, like: _Real) -> _Real:
    """Return the number, of the type of ``like``, whose bits are the lowest of an integer."""
    kind = np.dtype(f"u{like.itemsize}").type
    return kind(whole % 2 ** (8 * like.itemsize)).view(like.dtype)


def real(whole: int, like: _Real) -> _Real:
    """Return an integer as a number of the type of ``like``."""
    return like.dtype.type(whole)


def polynomial(coefficients: tuple[float, ...], x: _Real) -> _Real:
    """Return Σ c_k x^k, by Horner's rule."""
    total = 0 * x + coefficients[-1]
    for each in coefficients[-2::-1]:
        total = total * x + each
    return total


# ------------------------------------------------------------------ the functions


def exp(x: _Real, c: Constants) -> _Real:
    """Return e^x."""
    y = c.highest if x > c.highest else x
    y = c.lowest if y < c.lowest else y
    shifted = y * c.log2e + c.magic
    turns = shifted - c.magic
    r = (y - turns * c.high) - turns * c.low
    part = bits(turns * 0.5 + c.magic) - c.magic_bits  # two factors: one power of two may be out of range
    rest = (bits(shifted) - c.magic_bits) - part
    scaled = (1.0 + (r + r * r * polynomial(c.growing, r))) * real_of((part + c.bias) << c.mantissa, x)
    return scaled * real_of((rest + c.bias) << c.mantissa, x)


def tanh(x: _Real, c: Constants) -> _Real:
    """Return tanh x, as (e^y - 1) / (e^y + 1) with y = 2 abs(x)."""
    y = 2.0 * abs(x)
    y = c.saturated if y > c.saturated else y
    shifted = (y * c.log2e - 0.5) + c.magic  # rounded down: nothing cancels below
    turns = shifted - c.magic
    r = (y - turns * c.high) - turns * c.low
    scale = real_of(((bits(shifted) - c.magic_bits) + c.bias) << c.mantissa, x)
    e = scale * (r + r * r * polynomial(c.growing_far, r)) + (scale - 1.0)  # e^y - 1
    t = e / (e + 2.0)
    t = 0.5 * e - 0.5 * e * t if y < c.log2 else t  # the same, with smaller roundings
    return real_of(bits(t) | (bits(x) & c.sign), x)


def log(x: _Real, c: Constants) -> _Real:
    """Return log x."""
    u = x * c.lifting if x < c.smallest else x
    exponent = (bits(u) - c.half_bits) >> c.mantissa
    f = real_of(bits(u) - (exponent << c.mantissa), x) - 1.0
    result = logarithm(f, real(exponent, x), c)
    result = result - c.lift * c.log2 if x < c.smallest else result
    result = result if x < c.inf else x
    result = result if x >= 0.0 else c.nan
    return -c.inf if x == 0.0 else result


def log1p(x: _Real, c: Constants) -> _Real:
    """Return log(1 + x)."""
    exponent = (bits(1.0 + x) - c.half_bits) >> c.mantissa
    scale = real_of(
        ((c.bias + 2) - exponent) << c.mantissa, x
    )  # 4 / 2^exponent: that itself may be subnormal
    f = 0.25 * (x * scale) + (0.25 * scale - 1.0)  # of x, so that nothing of it is lost in 1 + x
    result = logarithm(f, real(exponent, x), c)
    result = result if x < c.inf else x
    result = x if x == 0.0 else result  # the sign of a zero
    result = result if x >= -1.0 else c.nan
    return -c.inf if x == -1.0 else result


def logarithm(f: _Real, turns: _Real, c: Constants) -> _Real:
    """Return log(1 + f) + turns · log 2, for 1 + f from √½ to √2."""
    s = f / (2.0 + f)
    z = s * s
    return turns * c.high + (f - (s * (f - z * polynomial(c.bending, z)) - turns * c.low))


#: The functions above, by name.
WRITTEN = {function.__name__: function for function in (exp, tanh, log, log1p, logarithm)}
