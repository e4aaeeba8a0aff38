"""A recording lowered to one straight-line function in Python.

Consecutive elementwise calls of one shape are fused into one loop, with a sum over rows that follows them. A
value is stored only if it is read before it is overwritten, and products are calls of BLAS that set or add.
`compiled` compiles the source; it also runs as plain Python, with :func:`plain_names`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from diynn.arrays import Array
from diynn.bounded import Bounded
from diynn.execution.loops import FUNCTIONS, VECTORISED, Loop
from diynn.execution.products import product
from diynn.execution.reductions import reduction
from diynn.execution.signature import Signature
from diynn.execution.statements import (
    CannotLower,
    Statement,
    address,
    overlap,
    owner,
    same,
    simplified,
    statements,
)

__all__ = ["CannotLower", "Program", "Source", "lower", "plain_names"]

_REMEMBERED = 64  # sources: to write one down takes as long as some trainings, and folds have the same
_lowered: Bounded[Any, tuple[Source, list[int | Array]]] = Bounded(_REMEMBERED)


@dataclass(frozen=True)
class Program:
    """What is to be lowered.

    Parameters
    ----------
    calls : sequence of functools.partial
        Calls of NumPy's functions, each with its ``out``, in order.
    inputs : sequence of arrays
        The arguments of each call, in C order: at other addresses, with other values.
    kept : sequence of arrays
        What is read or written between two calls: parameters, gradients, states, results. Anything else
        that is written is scratch, and anything else that is read is a constant.
    sums : sequence of arrays
        Those of ``kept`` that are set to zero only by a call that says it is the ``first``: gradients, to
        which the blocks of a batch add.
    names : mapping
        Names of arrays in the source; the others are numbered.
    """

    calls: Sequence[Any]
    inputs: Sequence[Array]
    kept: Sequence[Array]
    sums: Sequence[Array] = ()
    names: Mapping[str, Array] = field(default_factory=dict)


class Source(NamedTuple):
    """A function as text.

    Attributes
    ----------
    lines : list of str
        Its body.
    arguments : dict
        The name of each flat buffer that it is given, in order, with its dtype.
    buffers : list of arrays
        The arrays that own their memory, without the inputs, which come first: keep them while it may run.
    inputs : int
        How many inputs there are.
    """

    lines: list[str]
    arguments: dict[str, np.dtype[Any]]
    buffers: list[Array]
    inputs: int

    @property
    def text(self) -> str:
        """A whole function of ``first`` and flat arrays, to read, or to run with `plain_names`."""
        return f"def step(first, {', '.join(self.arguments)}):\n" + "".join(
            f"    {line}\n" for line in self.lines
        )


def lower(program: Program) -> Source:
    """Return the source of what a recording does.

    Raises
    ------
    CannotLower
        If there is no source for a call.
    """
    signature = Signature(program)
    if signature.key not in _lowered:
        source = Lowering(program).source()
        _lowered[signature.key] = source._replace(buffers=[]), signature.places(source.buffers)
        return source
    source, places = _lowered[signature.key]
    return source._replace(buffers=signature.buffers(places))


class Lowering:
    """The state of one lowering: which arrays are known, and the lines so far."""

    def __init__(self, program: Program) -> None:
        self.inputs = [owner(each) for each in program.inputs]
        self.kept = {id(owner(each)) for each in program.kept}
        self.names = {id(owner(array)): name for name, array in program.names.items()}
        found = statements(program.calls)
        self.written = {id(owner(each.out)) for each in found}
        sums = {id(owner(each)) for each in program.sums}
        self.statements = simplified(found, self.constant, self.kept, sums)
        self.buffers: dict[str, Array] = {}
        self._known: dict[int, str] = {}  # their names, by the owner's id
        for number, array in enumerate(self.inputs):
            self._name(array, f"x{number}")
        self.lines: list[str] = []
        self._ones: dict[tuple[int, Any], Array] = {}

    def source(self) -> Source:
        """Write down all statements."""
        for group in self._groups():
            if group[0].form == "product":
                self.lines += product(self, group[0])
            elif group[0].form == "fold":
                self.lines += reduction(self, group[0])
            else:
                self.lines += Loop(self, group).lines()
        arguments = {name: array.dtype for name, array in self.buffers.items()}
        count = len(self.inputs)
        return Source(self.lines, arguments, list(self.buffers.values())[count:], count)

    def constant(self, array: Array) -> Any:
        """Return the value that an array always holds, the same everywhere, or None."""
        own = owner(array)
        if id(own) in self.written | self.kept or any(own is each for each in self.inputs) or not array.size:
            return None
        value = array.flat[0]
        return value if (array == value).all() else None

    def place(self, array: Array) -> tuple[str, int]:
        """Return the name of the flat buffer that a view lies in, and where in it, in elements."""
        own = owner(array)
        if id(own) not in self._known:
            self._name(own, f"t{len(self.buffers) - len(self.inputs)}")
        return self._known[id(own)], (address(array) - address(own)) // array.itemsize

    def _name(self, own: Array, otherwise: str) -> None:
        """Give a buffer the name that the program has for it, or another."""
        name = self.names.get(id(own), otherwise)
        while name in self.buffers:
            name += "_"
        self._known[id(own)] = name
        self.buffers[name] = own

    def pointer(self, array: Array) -> str:
        """Return the address of a view, as an argument."""
        name, offset = self.place(array)
        return f"at({name}, {offset})" if offset else name

    def element(self, array: Array, indices: Sequence[str], strides: Sequence[int]) -> str:
        """Return one element of a view, by indices and their strides in elements."""
        name, offset = self.place(array)
        terms = []
        for index, step in zip(indices, strides, strict=False):
            if index.isdigit():
                offset += step * int(index)
            elif step:
                terms.append(index if step == 1 else f"{step} * {index}")
        return f"{name}[{' + '.join([*terms, *[str(offset)] * bool(offset or not terms)])}]"

    def ones(self, count: int, kind: Any) -> Array:
        """Return a vector of ones, to sum with."""
        array = self._ones.setdefault((count, kind), np.ones(count, kind))
        self.names.setdefault(id(array), f"ones{count}")
        return array

    def needed(self, out: Array, group: list[Statement]) -> bool:
        """Whether what a group of statements has written is read before it is overwritten."""
        own = owner(out)
        if id(own) in self.kept:
            return True
        last = group[-1] if group[-1].form == "each" else group[-2]
        for later in self.statements[self.statements.index(last) + 1 :]:
            if later in group:
                continue  # the sum that is fused into the loop reads no memory
            if any(owner(read) is own for read in later.reads):
                return True
            if same(later.out, out):
                return False
        return False

    # -------------------------------------------------------------- fusing into one loop

    def _groups(self) -> Iterator[list[Statement]]:
        group: list[Statement] = []
        for statement in self.statements:
            if group and self._joins(group, statement):
                group.append(statement)
            else:
                if group:
                    yield group
                group = [statement]
            if statement.form != "each":
                yield group
                group = []
        if group:
            yield group

    def _joins(self, group: list[Statement], statement: Statement) -> bool:
        shape = group[0].out.shape
        if statement.form == "fold":  # over the rows of what the loop makes
            (array,) = statement.operands
            rows = (
                statement.name == "sum" and statement.axes == (array.ndim - 1,) and statement.start == "new"
            )
            return rows and array.shape == shape and any(same(array, each.out) for each in group)
        if statement.form == "product" or statement.out.shape != shape:
            return False
        return not any(
            overlap(one, each.out) or overlap(statement.out, other)
            for each in group
            for one in (*statement.reads, statement.out)
            for other in each.reads
        )


# ------------------------------------------------------------------ running it as plain Python


def plain_names() -> dict[str, Any]:
    """Return the functions that a source calls, in NumPy: with them its text runs without being compiled."""
    real = {f"{name}{bits}": getattr(np, name) for name in VECTORISED for bits in (32, 64)}
    kinds = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
    return {
        **real,
        **{name: getattr(np, name) for name in (*FUNCTIONS, *kinds, "maximum", "minimum", "inf", "nan")},
        **{"N": False, "T": True, "at": lambda array, place: array[place:], "gemm": _gemm, "gemv": _gemv},
    }


def _matrix(turned: bool, rows: int, columns: int, array: Array, leading: int) -> Array:
    """Return a matrix (rows, columns) in a flat array; transposed (``turned``), it is stored by columns."""
    steps = (array.itemsize, leading * array.itemsize)
    return np.lib.stride_tricks.as_strided(array, (rows, columns), steps if turned else steps[::-1])


def _gemm(*arguments: Any) -> None:
    turned, other_turned, rows, columns, inner, one, leading, other, other_leading, beta, out, out_leading = (
        arguments
    )
    left = _matrix(turned, rows, inner, one, leading)
    right = _matrix(other_turned, inner, columns, other, other_leading)
    target = _matrix(False, rows, columns, out, out_leading)
    target[...] = left @ right + (target if beta else 0)


def _gemv(
    turned: bool, rows: int, columns: int, matrix: Array, leading: int, vector: Array, beta: int, out: Array
) -> None:
    whole = _matrix(False, rows, columns, matrix, leading)
    whole = whole.T if turned else whole
    target = out[: whole.shape[0]]
    target[...] = whole @ vector[: whole.shape[1]] + (target if beta else 0)
