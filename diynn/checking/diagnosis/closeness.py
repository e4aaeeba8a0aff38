"""When two arrays count as equal."""

from __future__ import annotations

import numpy as np

#: A claimed derivative may differ from the measured one by this share of the largest one.
RELATIVE = 1e-5


def close(got: np.ndarray, right: np.ndarray, relative: float = RELATIVE, *, size: float = 0.0) -> bool:
    """Say whether two arrays have one shape and the same values, to a share of the largest.

    Or to a share of ``size``, where that is larger: of the terms of sums that nearly cancel.
    """
    if got.shape != right.shape:
        return False
    if got.dtype.kind == "f" and got.dtype.itemsize < 8:
        relative = max(relative, 1e-4)
    with np.errstate(all="ignore"):
        size = max(size, np.max(np.abs(right), initial=0.0))
        near = np.abs(got - right) <= relative * size + 1e-12
    return bool(np.all(near | (got == right) | (np.isnan(got) & np.isnan(right))))
