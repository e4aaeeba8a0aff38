"""The comparison of arrays."""

from __future__ import annotations

import numpy as np

#: Tolerance of a derivative, relative to the largest one.
RELATIVE = 1e-5


def close(got: np.ndarray, right: np.ndarray, relative: float = RELATIVE, *, size: float = 0.0) -> bool:
    """Return whether two arrays have equal shapes, and values equal relative to the largest.

    Or relative to ``size``, if that is larger: the size of the terms, where sums nearly cancel.
    """
    if got.shape != right.shape:
        return False
    if got.dtype.kind == "f" and got.dtype.itemsize < 8:
        relative = max(relative, 1e-4)
    with np.errstate(all="ignore"):
        size = max(size, np.max(np.abs(right), initial=0.0))
        near = np.abs(got - right) <= relative * size + 1e-12
    return bool(np.all(near | (got == right) | (np.isnan(got) & np.isnan(right))))
