"""Matrix products as calls of BLAS, on flat buffers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from diynn.arrays import Array
from diynn.execution.statements import CannotLower, Start, Statement, owner

if TYPE_CHECKING:
    from diynn.execution.lowering import Lowering

#: BLAS's ``beta``: whether a product overwrites its target or adds to it.
BETA: dict[Start, str] = {"new": "0", "add": "1", "first": "0 if first else 1"}
_INDICES = "ijklmn"


def product(lowering: Lowering, statement: Statement) -> list[str]:
    """Return the lines of a product: one call, or a loop of calls over the leading dimensions.

    Raises
    ------
    CannotLower
        If the arrays are not of one real type, or have a memory layout that BLAS does not take.
    """
    one, other = statement.operands
    if {one.dtype, other.dtype, statement.out.dtype} not in ({np.dtype("f4")}, {np.dtype("f8")}):
        raise CannotLower(f"a product of {one.dtype} and {other.dtype}")
    left, right, out = _matrices(one, other, statement.out)
    beta = BETA[statement.start]
    *batch, _, _ = out.shape
    if len(batch) > len(_INDICES):
        raise CannotLower(f"a product of {out.ndim} dimensions")
    lines = [f"{'    ' * depth}for {_INDICES[depth]} in range({size}):" for depth, size in enumerate(batch)]
    left, right = (np.broadcast_to(each, (*batch, *each.shape[-2:])) for each in (left, right))
    if _layout(out)[0] == "T":  # outᵀ = rightᵀ leftᵀ
        left, right, out = (each.swapaxes(-1, -2) for each in (right, left, out))
    (rows, inner), columns = left.shape[-2:], right.shape[-1]
    first, second = (f"{_layout(each)[0]}" for each in (left, right))
    arguments = [first, second, rows, columns, inner]
    for each, _ in ((left, 0), (right, 0)):
        arguments += [_begin(lowering, each, len(batch)), _layout(each)[1]]
    arguments += [beta, _begin(lowering, out, len(batch)), _layout(out)[1]]
    names = [
        lowering.place(each)[0] + ".T" * (flag == "T") for each, flag in ((left, first), (right, second))
    ]
    sign = {"new": "=", "add": "+=", "first": "= or +="}[statement.start]
    comment = f"  # {lowering.place(out)[0]} {sign} {names[0]} @ {names[1]}"
    return [*lines, "    " * len(batch) + f"gemm({', '.join(map(str, arguments))})" + comment]


def _matrices(one: Array, other: Array, out: Array) -> tuple[Array, Array, Array]:
    """Return a product's arrays with at least two dimensions, and with two where one product is enough."""
    if other.ndim == 1:
        other, out = other[:, None], out[..., None]
    if one.ndim == 1:
        one, out = one[None, :], out[..., None, :]
    if other.ndim == 2 and one.ndim > 2:
        rows, whole = (each.reshape(-1, each.shape[-1]) for each in (one, out))
        if owner(rows) is owner(one) and owner(whole) is owner(out):  # views, not copies
            return rows, other, whole
    return one, other, out


def _layout(matrix: Array) -> tuple[str, int]:
    """Return whether the last two dimensions lie in C's order, "N", or not, "T"; and the leading one."""
    (rows, columns), (down, right) = (
        matrix.shape[-2:],
        (each // matrix.itemsize for each in matrix.strides[-2:]),
    )
    if (right == 1 or columns == 1) and (down >= columns or rows == 1):
        return "N", max(down if rows > 1 else 0, columns, 1)
    if (down == 1 or rows == 1) and (right >= rows or columns == 1):
        return "T", max(right if columns > 1 else 0, rows, 1)
    raise CannotLower("a product of a matrix whose rows and columns both have gaps")


def _begin(lowering: Lowering, array: Array, dimensions: int) -> str:
    """Return the address of a matrix, by the indices of the loops around it."""
    name, offset = lowering.place(array)
    strides: Sequence[int] = [each // array.itemsize for each in array.strides[:dimensions]]
    terms = [f"{stride} * {_INDICES[depth]}" for depth, stride in enumerate(strides) if stride]
    place = " + ".join([*[str(offset)] * bool(offset), *terms])
    return f"at({name}, {place})" if place else name
