"""The calls of a recording as statements: what each reads and writes, and which can be left out.

A statement is elementwise, a product or a reduction. Here they are put in their simplest form: a sum written
as a product with ones is a sum, one of a column and a row is elementwise, a concatenation is copies, and "set
to zero, make a product, add it" is one product that either overwrites its target or adds to it. `lowering`
writes them down as source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from diynn.arrays import Array

#: Whether a statement overwrites its target, adds to it, or, where gradients of several blocks are summed,
#: overwrites it in the ``first`` call and adds to it in later ones.
Start: TypeAlias = Literal["new", "add", "first"]

_KINDS = {np.dtype(code) for code in "f4 f8 i1 i2 i4 i8 u1 u2 u4 ?".split()}  # noqa: SIM905  # as a line
_OF_BITS = {np.multiply: "where_or_zero", np.bitwise_xor: "where_zero"}
_FOLDS = {np.add: "sum", np.maximum: "maximum", np.minimum: "minimum"}


class CannotLower(Exception):  # noqa: N818  # a reason, which `choice` reports
    """A recording has a call for which there is no source; the message says which."""


@dataclass(frozen=True, eq=False)
class Statement:
    """One call of NumPy.

    Attributes
    ----------
    name : str
        The function's; ``"copy"`` for an assignment.
    form : str
        ``"each"``: values one by one, over the shape of ``out``; ``"product"``: a matrix product;
        ``"fold"``: a reduction by ``name`` over ``axes``.
    out : array
        What is written, a view of a buffer.
    operands : tuple of arrays and numbers
        What is read.
    kinds : tuple of dtypes
        The types to which the operands of an elementwise function are converted, and last its result's.
    where : array, optional
        The mask of the values that are written.
    axes : tuple of int
        What a reduction runs over.
    start : str
        See `Start`.
    """

    name: str
    form: Literal["each", "product", "fold"]
    out: Array
    operands: tuple[Any, ...]
    kinds: tuple[Any, ...] = ()
    where: Array = None
    axes: tuple[int, ...] = ()
    start: Start = "new"

    @property
    def reads(self) -> list[Array]:
        """The arrays whose values are used: ``out`` as well, where it is added to or partly written."""
        partly = self.start != "new" or self.where is not None
        found = (*self.operands, self.where, self.out if partly else None)
        return [each for each in found if isinstance(each, np.ndarray)]


def statements(calls: Sequence[Any]) -> list[Statement]:
    """Return what the calls of a recording do.

    Parameters
    ----------
    calls : sequence of functools.partial
        Calls of NumPy's functions, each with its ``out``.

    Raises
    ------
    CannotLower
        If one of them is of no known form.
    """
    found = [statement for call in calls for statement in _read(call)]
    for statement in found:
        for array in (*statement.reads, statement.out):
            if array.dtype not in _KINDS:
                raise CannotLower(f"a {statement.name} of {array.dtype}")
            if owner(array).dtype != array.dtype:
                raise CannotLower("memory that is seen as two types")
        if statement.out.size and any(array.size == 0 for array in statement.reads):
            raise CannotLower("an empty batch")
    return [statement for statement in found if statement.out.size]


def _read(call: Any) -> Iterator[Statement]:
    function, options, arguments = call.func, dict(call.keywords), list(call.args)
    where = options.pop("where", True)
    mask = None if where is True else where
    if function is np.copyto:
        out, value = arguments
        kinds = (out.dtype, out.dtype)
        yield Statement("copy", "each", out, (value,), kinds, mask)
        return
    out = options.pop("out") if "out" in options else arguments.pop()
    if function is np.concatenate:
        yield from _copies(arguments[0], options.get("axis", 0), out)
    elif function is np.dot or function is np.matmul:
        yield Statement("product", "product", out, tuple(arguments))
    elif function in _OF_BITS and owner(out).dtype.kind == "f" and out.dtype.kind == "i":
        yield _of_bits(_OF_BITS[function], out, arguments)
    elif isinstance(function, np.ufunc) and function.nout == 1 and function.signature is None:
        kinds = _kinds(function, arguments)
        if function is np.square:
            yield Statement("multiply", "each", out, (*arguments, *arguments), (kinds[0], *kinds), mask)
        else:
            name = "copy" if function is np.positive else function.__name__
            yield Statement(name, "each", out, tuple(arguments), kinds, mask)
    elif getattr(function, "__name__", "") == "reduce" and function.__self__ in _FOLDS and mask is None:
        (array,) = arguments
        yield Statement(
            _FOLDS[function.__self__], "fold", out, (array,), axes=_axes(options.get("axis", 0), array)
        )
    else:
        part_of = getattr(function, "__self__", None)
        method = f"{part_of.__name__}." if isinstance(part_of, np.ufunc) else ""
        raise CannotLower(f"numpy.{method}{function.__name__}")


def _of_bits(name: str, out: Array, arguments: list[Any]) -> Statement:
    """Return what `ops.bits` does to the bits of real numbers, as what it means for the numbers."""
    kind = owner(out).dtype
    out, *operands = (
        each.view(kind) if each.dtype.kind == "i" and each.itemsize == kind.itemsize else each
        for each in (out, *arguments)
    )
    return Statement(name, "each", out, tuple(operands), (*(each.dtype for each in operands), kind))


def _copies(parts: Sequence[Array], axis: int, out: Array) -> Iterator[Statement]:
    """Yield a concatenation part by part."""
    place = 0
    for part in parts:
        index = [slice(None)] * out.ndim
        index[axis] = slice(place, place + part.shape[axis])
        yield Statement("copy", "each", out[tuple(index)], (part,), (out.dtype, out.dtype))
        place += part.shape[axis]


def _kinds(function: Any, arguments: list[Any]) -> tuple[Any, ...]:
    """Return the types that NumPy would compute with."""
    weak = (int, float)  # Python numbers, which take the other operand's type
    given = [type(each) if type(each) in weak else np.asarray(each).dtype for each in arguments]
    kinds: tuple[Any, ...] = function.resolve_dtypes((*given, None))
    for kind in kinds:
        if kind not in _KINDS:
            raise CannotLower(f"numpy.{function.__name__} of {kind}")
    return kinds


def _axes(axis: Any, array: Array) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(array.ndim))
    return tuple(each % array.ndim for each in (axis if isinstance(axis, tuple) else (axis,)))


# ------------------------------------------------------------------ simplification


def simplified(
    found: list[Statement], constant: Callable[[Array], Any], kept: set[int], sums: set[int]
) -> list[Statement]:
    """Return statements that do the same, and fewer.

    Parameters
    ----------
    found : list of Statement
        What a recording does.
    constant : callable
        From an array to the one value that it always holds everywhere, or None.
    kept, sums : set of int
        The ids of the owners of what is read afterwards, and of what is set to zero only in the first
        block.
    """
    found = [_as_it_is(each, constant) for each in found]
    return _late(_merged(_accumulating(found, sums), kept))


def _as_it_is(statement: Statement, constant: Callable[[Array], Any]) -> Statement:
    """Return a product with ones as the sum that it is, one of a column and a row as elementwise."""
    if statement.form != "product":
        return statement
    one, other = statement.operands
    kind = statement.out.dtype
    if one.ndim == other.ndim == 2 and one.shape[1] == 1 and one.dtype == other.dtype == kind:
        return replace(statement, name="multiply", form="each", kinds=(kind, kind, kind))
    if one.ndim == 1 and other.ndim == 2 and constant(one) == 1:
        return replace(statement, name="sum", form="fold", operands=(other,), axes=(0,))
    if one.ndim == 2 and other.ndim == 1 and constant(other) == 1:
        return replace(statement, name="sum", form="fold", operands=(one,), axes=(1,))
    return statement


def _accumulating(found: list[Statement], sums: set[int]) -> list[Statement]:
    """Write ``add(a, b, out=a)`` as a copy that adds, and leave out the zeros to which it would be added."""
    result: list[Statement] = []
    zeros: dict[int, Statement] = {}  # by the array: set to zero, and not touched since
    for statement in found:
        target = id(owner(statement.out))
        if statement.name == "add" and statement.where is None and same(statement.out, statement.operands[0]):
            _, part = statement.operands
            alike = isinstance(part, np.ndarray) and part.dtype == statement.out.dtype
            if alike and id(owner(part)) != target and part.shape == statement.out.shape:
                start: Start = "add"
                if target in zeros and same(zeros[target].out, statement.out):
                    result.remove(zeros.pop(target))
                    start = "first" if target in sums else "new"
                kind = statement.out.dtype
                statement = replace(statement, name="copy", operands=(part,), kinds=(kind, kind), start=start)
        for array in (*statement.reads, statement.out):
            zeros.pop(id(owner(array)), None)
        result.append(statement)
        if _is_zero(statement):
            zeros[target] = statement
    return [
        replace(each, start="first") if _is_zero(each) and id(owner(each.out)) in sums else each
        for each in result
    ]


def _is_zero(statement: Statement) -> bool:
    """Whether an array is set to zero."""
    value = statement.operands[0]
    return (
        statement.name == "copy"
        and statement.where is None
        and not isinstance(value, np.ndarray)
        and value == 0
    )


def _merged(found: list[Statement], kept: set[int]) -> list[Statement]:
    """Let a product or a sum write to where its result is copied or added, if nothing else reads it."""
    result = list(found)
    for copy in found:
        if copy.name != "copy" or copy.where is not None or not isinstance(copy.operands[0], np.ndarray):
            continue
        part = copy.operands[0]
        if id(owner(part)) in kept:
            continue
        makers = [each for each in result if owner(each.out) is owner(part)]
        readers = [each for each in result if any(owner(array) is owner(part) for array in each.reads)]
        if len(makers) != 1 or readers != [copy] or makers[0].start != "new":
            continue
        if makers[0].form == "each" and not _spreads(makers[0]):  # they become one loop
            continue
        (maker,) = makers
        out = _through(copy, maker)
        between = result[result.index(maker) + 1 : result.index(copy)]
        touched = any(
            owner(array) is owner(copy.out) for each in between for array in (*each.reads, each.out)
        )
        if out is None or touched:
            continue
        result.remove(copy)
        result[result.index(maker)] = replace(maker, out=out, start=copy.start)
    return result


def _late(found: list[Statement]) -> list[Statement]:
    """Move the product of a column and a row next to the loop that reads it, such as the update."""
    result = list(found)
    for statement in reversed(found):
        if not _spreads(statement):
            continue
        place = result.index(statement)
        for later, other in enumerate(result[place + 1 :], place):
            touched = any(owner(each) is owner(statement.out) for each in (*other.reads, other.out))
            if touched or any(owner(each) is owner(other.out) for each in statement.reads):
                if other.form == "each" and other.out.shape == statement.out.shape:
                    result.insert(later, result.pop(place))
                break
    return result


def _spreads(statement: Statement) -> bool:
    """Whether an elementwise statement reads less than it writes."""
    return statement.form == "each" and all(each.size < statement.out.size for each in statement.reads)


def _through(copy: Statement, maker: Statement) -> Array | None:
    """Return the target of a copy in the shape of what is copied, if it has such a view."""
    part, whole = copy.operands[0], maker.out
    contiguous = part.flags.c_contiguous and whole.flags.c_contiguous and copy.out.flags.c_contiguous
    if (
        not contiguous
        or part.size != whole.size
        or address(part) != address(whole)
        or part.dtype != copy.out.dtype
    ):
        return None
    return copy.out.reshape(whole.shape)


# ------------------------------------------------------------------ arrays and their memory


def owner(array: Array) -> Array:
    """Return the array whose memory a view lies in."""
    below: Any = array
    while (below := getattr(below, "base", None)) is not None:  # NumPy may have others between two
        if isinstance(below, np.ndarray):
            array = below
    return array


def address(array: Array) -> int:
    """Return the address of an array's first value."""
    begin: int = array.__array_interface__["data"][0]
    return begin


def key(array: Array) -> tuple[Any, ...]:
    """Return a key that is the same for views of the same values at the same addresses."""
    steps = (step if size > 1 else 0 for size, step in zip(array.shape, array.strides, strict=True))
    return address(array), array.shape, tuple(steps), array.dtype


def same(one: Any, other: Any) -> bool:
    """Whether both are the same values at the same addresses."""
    return isinstance(other, np.ndarray) and key(one) == key(other)


def overlap(one: Array, other: Array) -> bool:
    """Whether two views share memory, without being the same."""
    if owner(one) is not owner(other) or same(one, other):
        return False
    return np.may_share_memory(one, other) and np.shares_memory(one, other)
