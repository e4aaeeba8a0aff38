"""Elementwise statements as one loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from diynn.arrays import Array
from diynn.execution.statements import CannotLower, Statement, key

if TYPE_CHECKING:
    from diynn.execution.lowering import Lowering

SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
COMPARISONS = {
    **{"greater": ">", "greater_equal": ">=", "less": "<", "less_equal": "<="},
    **{"equal": "==", "not_equal": "!="},
}
OF_TRUTHS = {
    **{"multiply": "&", "logical_and": "&", "bitwise_and": "&", "minimum": "&"},
    **{"add": "|", "logical_or": "|", "bitwise_or": "|", "maximum": "|"},
}
#: Functions that have a name in the source for each real type, and those that keep NumPy's name.
VECTORISED = ("exp", "tanh", "log", "log1p")
FUNCTIONS = (
    *(
        "sqrt",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "arcsinh",
        "arccosh",
        "arctanh",
    ),
    *("expm1", "exp2", "log2", "log10", "power", "arctan2", "hypot", "floor", "ceil", "trunc", "rint"),
)
INDICES = "ijklmn"
_LONGEST = 60  # characters of an expression that is written into another


class Value(NamedTuple):
    """An expression and its type."""

    text: str
    kind: Any


class Dimension(NamedTuple):
    """A size, and for each view its stride in elements."""

    size: int
    strides: dict[Any, int]


class Loop:
    """A loop over the shape of its statements, all elementwise except for a sum over rows at the end."""

    def __init__(self, lowering: Lowering, group: list[Statement]) -> None:
        self.lowering, self.fold = lowering, group[-1] if group[-1].form == "fold" else None
        self.each = [statement for statement in group if statement.form == "each"]
        self.outs = {key(statement.out): statement.out for statement in self.each}
        self.stored = [place for place, out in self.outs.items() if lowering.needed(out, group)]
        self.uses = self._uses()
        self.dimensions = self._dimensions()
        self.parts: list[list[str]] = [[] for _ in range(len(self.dimensions) + 1)]  # by depth
        self.values: dict[Any, Value] = {}  # of each view, so far
        self.versions: dict[Any, Any] = {}

    def lines(self) -> list[str]:
        """Return the loop's lines."""
        for number, statement in enumerate(self.each):
            if self.uses[number]:
                value = Value(self._expression(statement), statement.out.dtype)
                self.values[key(statement.out)] = self._named(value, self.uses[number], len(self.dimensions))
        body = self.parts[-1]
        for place in self.stored:
            body.append(f"{self._element(self.outs[place], place)} = {bare(self.values[place].text)}")
        if self.fold is not None:
            self.parts[-2].append(f"total = {self.fold.out.dtype}(0)")
            body.append(f"total += {bare(self.values[key(self.fold.operands[0])].text)}")
        lines = nested(self.parts, [each.size for each in self.dimensions]) if body else []
        if self.fold is not None:
            store = f"{self._element(self._totals(), 'totals')} = total"
            lines.append("    " * (len(self.dimensions) - 1) + store)
        return lines

    # -------------------------------------------------------------- what it runs over

    def _totals(self) -> Array:
        """Return what the sums over rows are written to, in the shape of the loop but for the last size."""
        assert self.fold is not None
        array, out = self.fold.operands[0], self.fold.out
        return out if out.ndim == array.ndim else out[..., None]

    def _dimensions(self) -> list[Dimension]:
        shape = self.each[0].out.shape
        views: dict[Any, Array] = {
            key(array): array for each in self.each for array in (*each.reads, each.out)
        }
        if self.fold is not None:
            views["totals"] = self._totals()
        strides = {
            place: [step // array.itemsize for step in np.broadcast_to(array, shape).strides]
            for place, array in views.items()
        }
        dimensions = [
            Dimension(n, {place: s[axis] for place, s in strides.items()}) for axis, n in enumerate(shape)
        ]
        rows = dimensions.pop() if self.fold is not None else None
        dimensions = merged(dimensions)
        return dimensions if rows is None else [*dimensions, rows]

    def _element(self, array: Array, place: Any) -> str:
        return self.lowering.element(array, INDICES, [each.strides[place] for each in self.dimensions])

    # -------------------------------------------------------------- what it computes

    def _uses(self) -> Counter[Any]:
        """Count how often each statement's value, by number, and each view as it was, by key, is read."""
        uses: Counter[Any] = Counter()
        version: dict[Any, Any] = {}
        for number, statement in enumerate(self.each):
            uses.update(version.get(key(array), key(array)) for array in statement.reads)
            version[key(statement.out)] = number
        uses.update(version[place] for place in self.stored)
        if self.fold is not None:
            uses[version[key(self.fold.operands[0])]] += 1
        for number in reversed(range(len(self.each))):  # what is never read reads nothing either
            if not uses[number]:
                version = {key(each.out): k for k, each in enumerate(self.each[:number])}
                uses.subtract(version.get(key(array), key(array)) for array in self.each[number].reads)
        return uses

    def _expression(self, statement: Statement) -> str:
        """Return what a statement computes, in parentheses if it has several terms."""
        *kinds, result = statement.kinds
        operands = [self._read(each, kind) for each, kind in zip(statement.operands, kinds, strict=True)]
        text = converted(Value(formula(statement.name, operands, kinds[0]), result), statement.out.dtype)
        if statement.start == "add":
            text = f"({self._read(statement.out, statement.out.dtype)} + {text})"
        elif statement.start == "first":
            old = self._read(statement.out, statement.out.dtype)
            text = f"({text} + (0 if first else {old}))"
        if statement.where is not None:
            mask = self._read(statement.where, np.dtype(bool))
            text = f"({text} if {bare(mask)} else {self._read(statement.out, statement.out.dtype)})"
        return text

    def _read(self, array: Any, kind: Any) -> str:
        """Return a value as an operand of a type."""
        if not isinstance(array, np.ndarray):
            return literal(array, kind)
        constant = self.lowering.constant(array)
        if constant is not None:
            return literal(constant, kind)
        place = key(array)
        if place not in self.values:
            depth = max((d + 1 for d, each in enumerate(self.dimensions) if each.strides[place]), default=0)
            value = Value(self._element(array, place), array.dtype)
            often = self.uses[place] + (place in self.stored) + (depth < len(self.dimensions))
            self.values[place] = self._named(value, often, depth)
        return converted(self.values[place], kind)

    def _named(self, value: Value, uses: int, depth: int) -> Value:
        """Give a value a name of its own if it is used more than once, or is long."""
        if uses < 2 and len(value.text) < _LONGEST:
            return value
        name = f"v{sum(map(len, self.parts))}"
        self.parts[depth].append(f"{name} = {bare(value.text)}")
        return Value(name, value.kind)


# ------------------------------------------------------------------ expressions


def formula(name: str, operands: Sequence[str], kind: Any) -> str:
    """Return an elementwise function of operands of one type."""
    if name == "copy":
        return operands[0]
    if name == "where_or_zero":
        return f"({operands[0]} if {bare(operands[1])} else 0.0)"
    if name == "where_zero":
        return f"({operands[0]} if {operands[1]} == 0 else 0.0)"
    if kind.kind == "b" and name in OF_TRUTHS:
        return f"({operands[0]} {OF_TRUTHS[name]} {operands[1]})"
    if name in COMPARISONS:
        return f"({operands[0]} {COMPARISONS[name]} {operands[1]})"
    if kind.kind == "b":
        if name in ("logical_not", "invert"):
            return f"({operands[0]} == False)"
        raise CannotLower(f"numpy.{name} of truth values")
    if name in SIGNS:
        return f"({operands[0]} {SIGNS[name]} {operands[1]})"
    if name == "reciprocal" and kind.kind == "f":
        return f"(1 / {operands[0]})"
    if name == "sign" and kind.kind == "f":  # 0 and NaN are as they are
        return f"(1.0 if {operands[0]} > 0 else (-1.0 if {operands[0]} < 0 else {operands[0]}))"
    if name in ("negative", "absolute"):
        return f"(-{operands[0]})" if name == "negative" else f"abs({bare(operands[0])})"
    arguments = ", ".join(map(bare, operands))
    if name in ("maximum", "minimum"):
        return f"{name}({arguments})"
    if name in VECTORISED and kind.kind == "f":
        return f"{name}{8 * kind.itemsize}({arguments})"
    if name in FUNCTIONS and kind.kind == "f":
        return f"{name}({arguments})"
    raise CannotLower(f"numpy.{name} of {kind}")


def literal(value: Any, kind: Any) -> str:
    """Return a number."""
    if kind.kind == "b":
        return str(bool(value))
    return str(kind.type(value) if kind.kind == "f" else int(value))


def converted(value: Value, kind: Any) -> str:
    """Return a value in another type."""
    if value.kind == kind:
        return value.text
    return f"({value.text} != 0)" if kind.kind == "b" else f"{kind}({bare(value.text)})"


def bare(text: str) -> str:
    """Return an expression without its outer parentheses."""
    if not text.startswith("("):
        return text
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[1:-1] if place == len(text) - 1 else text
    return text


# ------------------------------------------------------------------ dimensions


def merged(dimensions: Sequence[Dimension]) -> list[Dimension]:
    """Merge neighbouring dimensions through which all views step as through one."""
    result: list[Dimension] = []
    for inner in reversed([each for each in dimensions if each.size != 1]):
        if result and all(
            inner.strides[place] == s * result[-1].size for place, s in result[-1].strides.items()
        ):
            result[-1] = Dimension(inner.size * result[-1].size, result[-1].strides)
        else:
            result.append(inner)
    if len(result) > len(INDICES):
        raise CannotLower(f"arrays of {len(dimensions)} dimensions")
    return result[::-1]


def nested(parts: Sequence[Sequence[str]], sizes: Sequence[int]) -> list[str]:
    """Return lines by depth, with the loop from each depth to the next."""
    lines = []
    for depth, part in enumerate(parts):
        lines += ["    " * depth + line for line in part]
        if depth < len(sizes):
            lines.append("    " * depth + f"for {INDICES[depth]} in range({sizes[depth]}):")
    return lines
