"""Selecting real numbers by a mask of bits, on NumPy.

A branch takes ten times as long, and multiplying an infinity by a mask gives NaN.
"""

from __future__ import annotations

import numpy as np

from diynn.arrays import Array

_INTEGERS = {4: np.int32, 8: np.int64}


def where_or_zero(values: Array, mask: Array, out: Array) -> Array:
    """Write ``values`` where ``mask`` is true, and 0 elsewhere; return ``out``."""
    bits = _INTEGERS[values.itemsize]
    np.multiply(values.view(bits), mask, out=out.view(bits))
    return out


def where_zero(values: Array, part: Array, out: Array) -> Array:
    """Write ``values`` where ``part``, which is ``values`` or 0, has 0, and 0 elsewhere; return ``out``."""
    bits = _INTEGERS[values.itemsize]
    np.bitwise_xor(values.view(bits), part.view(bits), out=out.view(bits))
    return out
