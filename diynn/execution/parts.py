"""An update in parts, one per thread: each has some of the rows of every array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.execution.lowering import Program
from diynn.execution.statements import key, owner


def parts(program: Program, count: int) -> list[Program]:
    """Split a program into ``count`` that together do the same, in any order; some may be empty.

    Each takes its rows of all arrays, so that a thread keeps the gradients that it sums, the parameters that
    it updates and their states in its core's cache. Where rows depend on one another, as in the norm of a
    gradient, the first program does it all.
    """
    if count == 1 or not _rows_are_independent(program.calls):
        return [program, *[replace(program, calls=[])] * (count - 1)]
    return [
        replace(program, calls=[each for call in program.calls for each in _rows(call, number, count)])
        for number in range(count)
    ]


def _rows_are_independent(calls: Sequence[Any]) -> bool:
    """Whether all calls are elementwise, and no array that is written is accessed through two views."""
    seen: dict[int, Any] = {}
    written: set[int] = set()
    for call in calls:
        ufunc = isinstance(call.func, np.ufunc) and call.func.nout == 1 and call.func.signature is None
        if not (ufunc or call.func is np.copyto) or not call.keywords.keys() <= {"out", "dtype"}:
            return False
        *arrays, out = _arrays(call)
        if out.ndim == 0:
            return False
        written.add(id(owner(out)))
        for array in (*arrays, out):
            view = key(array)
            if seen.setdefault(id(owner(array)), view) != view:
                seen[id(owner(array))] = None
    return all(seen[each] is not None for each in written)


def _arrays(call: Any) -> list[Array]:
    """Return the arrays of a call, the one that is written last."""
    given = [each for each in call.args if isinstance(each, np.ndarray)]
    if call.func is np.copyto:
        return given[::-1]
    return [*given, call.keywords["out"]] if "out" in call.keywords else given


def _rows(call: Any, number: int, count: int) -> list[Any]:
    """Return a call for some of the rows, if there are any."""
    out = _arrays(call)[-1]
    begin, end = (len(out) * place // count for place in (number, number + 1))

    def some(value: Any) -> Any:
        along = isinstance(value, np.ndarray) and value.ndim == out.ndim and len(value) == len(out)
        return value[begin:end] if along else value

    keywords = {name: some(value) for name, value in call.keywords.items()}
    return [partial(call.func, *map(some, call.args), **keywords)] if end > begin else []
