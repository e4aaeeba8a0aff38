"""What the source of a program depends on: two programs of one signature have one text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from diynn.arrays import Array
from diynn.execution.statements import address, owner

if TYPE_CHECKING:
    from diynn.execution.lowering import Program


class Signature:
    """A program without the places of its arrays: each is known by the number of what owns its memory.

    Attributes
    ----------
    key : tuple
        Equal for programs whose sources differ in their buffers alone.
    owners : list of arrays
        What owns the memory, by number.
    """

    def __init__(self, program: Program) -> None:
        self.owners: list[Array] = []
        self._numbers: dict[int, int] = {}
        changing = [owner(each) for each in (*program.inputs, *program.kept, *map(_target, program.calls))]
        self._changing = set(map(id, changing))
        groups = (program.inputs, program.kept, program.sums, program.names.values())
        arrays = tuple(tuple(map(self._number, map(owner, group))) for group in groups)
        calls = tuple(
            (each.func, self._of(each.args), *((name, self._of(own)) for name, own in each.keywords.items()))
            for each in program.calls
        )
        memory = tuple((each.shape, each.strides, each.dtype) for each in self.owners)
        self.key = calls, arrays, tuple(program.names), memory

    def places(self, buffers: list[Array]) -> list[int | Array]:
        """Return the numbers of buffers; an array itself where the program has none such."""
        return [self._numbers.get(id(each), each) for each in buffers]

    def buffers(self, places: list[int | Array]) -> list[Array]:
        """Return the buffers of this program that are of these numbers."""
        return [self.owners[each] if isinstance(each, int) else each for each in places]

    def _number(self, own: Array) -> int:
        if id(own) not in self._numbers:
            self._numbers[id(own)] = len(self.owners)
            self.owners.append(own)
        return self._numbers[id(own)]

    def _of(self, value: Any) -> Any:
        """Return an argument of a call, arrays by their memory, to be compared."""
        if isinstance(value, list | tuple):
            return tuple(map(self._of, value))
        if not isinstance(value, np.ndarray):
            return type(value), repr(value)  # a NaN as well, which does not equal itself
        own = owner(value)
        layout = self._number(own), address(value) - address(own), value.shape, value.strides, value.dtype
        if id(own) in self._changing:
            return layout
        return *layout, value.tobytes()  # of a constant, whose values the source may rest on


def _target(call: Any) -> Array:
    """Return what a call writes to."""
    if "out" in call.keywords:
        out: Array = call.keywords["out"]
        return out
    return call.args[0] if call.func is np.copyto else call.args[-1]
