"""Whether two recordings are the same computation: the same calls, in one order, with the same constants.

Equal results do not prove it. The effect of hidden state, such as a counter in a list, may be masked for a
batch by a ReLU behind it; the recorded constants differ all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.execution.recording import Recording, owner


def same_computation(one: Recording, other: Recording) -> bool:
    """Say whether two recordings, made of arrays of the same shapes, make the same calls."""
    if len(one.calls) != len(other.calls):
        return False
    same = _same_argument(one, other)
    calls: Iterable[tuple[Any, Any]] = zip(one.calls, other.calls, strict=True)
    return all(
        first.func == second.func
        and first.keywords.keys() == second.keywords.keys()
        and same(first.args, second.args)
        and all(same(first.keywords[name], second.keywords[name]) for name in first.keywords)
        for first, second in calls
    )


def _same_argument(one: Recording, other: Recording) -> Callable[[Any, Any], bool]:
    """Return a function that compares an argument of each: arrays by their role, all else by value."""
    there = {id(own): id(its) for own, its in zip(one.inputs, other.inputs, strict=True)}
    back = {its: own for own, its in there.items()}
    varying = {*there, *map(_written, one.calls)}

    def same(first: Any, second: Any) -> bool:
        if type(first) is not type(second):
            return False
        if isinstance(first, list | tuple):
            return len(first) == len(second) and all(map(same, first, second))
        if not isinstance(first, np.ndarray):
            return first is second or bool(first == second) or bool(first != first and second != second)
        own, its = owner(first), owner(second)
        if _layout(first, own) != _layout(second, its):
            return False
        if own is not its and id(own) not in varying:  # a constant
            return np.array_equal(own, its, equal_nan=True)
        place = there.setdefault(id(own), id(its)), back.setdefault(id(its), id(own))
        return place == (id(its), id(own))

    return same


def _written(call: Any) -> int:
    """Return the id of the array whose memory a call writes to."""
    if "out" in call.keywords:
        return id(owner(call.keywords["out"]))
    return id(owner(call.args[0] if call.func is np.copyto else call.args[-1]))


def _layout(view: Array, whole: Array) -> tuple[Any, ...]:
    begin = view.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return view.shape, view.strides, view.dtype, begin
