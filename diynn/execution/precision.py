"""How exactly a GPU multiplies float32: in full, or in TF32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from diynn.arrays import Array, address, describe


def in_precision(precision: str | None, execution: Callable[..., Array]) -> Callable[..., Array]:
    """Return an execution whose matrix products are computed in some precision.

    Parameters
    ----------
    precision : str or None
        ``"tf32"``: on CuPy, from compute capability 8.0 on, factors of float32 are rounded to 10 bits of
        mantissa before they are multiplied, and products are added up in float32. float64 stays as it is.
        None leaves the library's own setting, which is full float32 unless ``CUPY_TF32=1`` is set.
    execution : Execution
        How the gradient of a batch is accumulated.

    Raises
    ------
    ValueError
        If there is no such precision; when called, if the batch is not one of CuPy's.
    """
    if precision is None:
        return execution
    if precision != "tf32":
        raise ValueError(f"Optim: `precision` must be None or 'tf32', got {precision!r}")

    def in_tf32(net: Any, loss: Any, x: Array, y: Array) -> Array:
        if address(x).partition(":")[0] != "cupy":
            raise ValueError(f"Optim: `precision` 'tf32' takes CuPy's arrays alone, got {describe(x)}")
        with _tf32():
            return execution(net, loss, x, y)

    return in_tf32


@contextmanager
def _tf32() -> Iterator[None]:
    """Let CuPy multiply float32 in TF32; the setting is the whole process's."""
    cupy = import_module("cupy._core._routines_linalg")  # where CUPY_TF32 leads as well
    before = cupy.get_compute_type("float32")
    cupy.set_compute_type("float32", cupy.COMPUTE_TYPE_TF32)
    try:
        yield
    finally:
        cupy.set_compute_type("float32", before)
