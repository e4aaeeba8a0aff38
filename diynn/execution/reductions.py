"""Sums and extremes over some axes, as loops of their own."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from diynn.execution.loops import INDICES, Dimension, merged
from diynn.execution.products import BETA
from diynn.execution.statements import CannotLower, Statement

if TYPE_CHECKING:
    from diynn.execution.lowering import Lowering

_MANY_ROWS = 512  # from here on BLAS sums faster, as a product with ones
_FEW_ROWS = 8  # that are added up in one expression
_AT_ONCE = 4  # rows that are added to the sum at a time, otherwise


def reduction(lowering: Lowering, statement: Statement) -> list[str]:
    """Return the lines of a reduction.

    Raises
    ------
    CannotLower
        If it converts its values, or runs over axes that do not lie side by side.
    """
    (array,), out, kind = statement.operands, statement.out, statement.out.dtype
    axes = sorted(statement.axes)
    if array.dtype != kind or kind.kind == "b":
        raise CannotLower(f"a reduction of {array.dtype} to {kind}")
    if any(one + 1 != two for one, two in pairwise(axes)):
        raise CannotLower("a reduction over axes that do not lie side by side")
    if out.ndim != array.ndim:
        out = np.expand_dims(out, tuple(axes))
    steps = [
        [step // array.itemsize for step in each.strides]
        for each in (array, np.broadcast_to(out, array.shape))
    ]
    every = [Dimension(n, {"in": a, "out": b}) for n, a, b in zip(array.shape, *steps, strict=True)]
    outer, inner = merged(every[: axes[0]]), merged(every[axes[-1] + 1 :])
    rows = merged(every[axes[0] : axes[-1] + 1]) or [Dimension(1, {"in": 0, "out": 0})]
    if len(rows) > 1 or len(outer) + len(inner) >= len(INDICES):
        raise CannotLower("a reduction over axes with gaps between them")
    (count, strides), kept = rows[0], [*outer, *inner]
    index = INDICES[len(kept)]

    def element(row: str | int) -> str:
        places = [*INDICES[: len(kept)], str(row)]
        return lowering.element(array, places, [*(each.strides["in"] for each in kept), strides["in"]])

    target = lowering.element(out, INDICES, [each.strides["out"] for each in kept])
    before = {"new": "", "add": f"{target} + ", "first": f"(0 if first else {target}) + "}[statement.start]
    around, within = _loops(outer, 0), _loops(inner, len(outer))
    if not inner:
        begin = f"{kind}(0)" if statement.name == "sum" else element(0)
        step = (
            f"+= {element(index)}"
            if statement.name == "sum"
            else f"= {statement.name}(total, {element(index)})"
        )
        lines = [
            f"total = {begin}",
            f"for {index} in range({'' if statement.name == 'sum' else '1, '}{count}):",
            f"    total {step}",
            f"{target} = {before}total",
        ]
    elif statement.name != "sum":
        lines = [*_within(within, f"{target} = {element(0)}"), f"for {index} in range(1, {count}):"]
        lines += _within(["", *within], f"{target} = {statement.name}({target}, {element(index)})")[1:]
    elif count > _MANY_ROWS and not outer and len(inner) == 1 and inner[0].strides == {"in": 1, "out": 1}:
        ones = lowering.pointer(lowering.ones(count, kind))
        matrix, vector = f"{lowering.pointer(array)}, {strides['in']}", lowering.pointer(out)
        arguments = f"T, {count}, {inner[0].size}, {matrix}, {ones}, {BETA[statement.start]}, {vector}"
        lines = [f"gemv({arguments})  # the sum of {count} rows"]
    else:
        few = count if count <= _FEW_ROWS else count % _AT_ONCE or _AT_ONCE
        lines = _within(within, f"{target} = {before}{' + '.join(element(row) for row in range(few))}")
        if count > few:
            a, b, c, d = (element(f"({index} + {row})" if row else index) for row in range(_AT_ONCE))
            lines.append(f"for {index} in range({few}, {count}, {_AT_ONCE}):")
            lines += _within(["", *within], f"{target} += ({a} + {b}) + ({c} + {d})")[1:]
    return _within(around, *lines)


def _loops(dimensions: list[Dimension], begin: int) -> list[str]:
    return [f"for {INDICES[begin + depth]} in range({each.size}):" for depth, each in enumerate(dimensions)]


def _within(loops: list[str], *lines: str) -> list[str]:
    """Return lines within loops."""
    heads = ["    " * depth + loop for depth, loop in enumerate(loops)]
    return [*heads, *("    " * len(loops) + line for line in lines)]
