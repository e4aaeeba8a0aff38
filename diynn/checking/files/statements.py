"""The names that statements bind and use, and which statements are safe to run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from diynn.checking.files.reading import Piece


@dataclass(frozen=True)
class Statement:
    """One statement, and the piece it stands in.

    Attributes
    ----------
    late : bool
        Whether it is in a function, in a class, or under ``if __name__ == "__main__"``.
    """

    node: ast.stmt
    piece: Piece
    late: bool = False


def flat(body: Iterable[ast.stmt], piece: Piece, late: bool = False) -> Iterator[Statement]:
    """Yield statements, also those in ``if`` and ``try`` blocks, and classes in functions and classes."""
    for node in body:
        if isinstance(node, ast.If):
            script = "__main__" in ast.dump(node.test)
            yield from flat(node.body, piece, late or script)
        elif isinstance(node, ast.Try) and not all(
            isinstance(each, ast.Import | ast.ImportFrom) for each in node.body
        ):
            yield from flat(node.body, piece, late)
        else:
            yield Statement(node, piece, late)
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and any(
                isinstance(each, ast.ClassDef) for each in node.body
            ):
                kept = ast.ClassDef | ast.Import | ast.ImportFrom | ast.Assign
                yield from flat([each for each in node.body if isinstance(each, kept)], piece, True)


def bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))
    elif isinstance(node, ast.Try | ast.For | ast.With | ast.While):
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.stmt):
                yield from bound(inner)


def used(node: ast.stmt) -> set[str]:
    """Return the names that a statement reads."""
    return {
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    }


def is_star(node: ast.stmt) -> bool:
    """Return whether it is ``from ... import *``."""
    return isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)


def imported(node: ast.stmt) -> list[str]:
    """Return the names that an import binds."""
    return list(bound(node)) if isinstance(node, ast.Import | ast.ImportFrom) else []


def root(node: ast.expr) -> str:
    """Return the name at the beginning of ``name.attribute[0](...)``, else an empty text."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def is_concrete(node: ast.FunctionDef) -> bool:
    """Return whether a method has a body: more than ``pass``, a docstring, or NotImplementedError."""
    for each in node.body:
        if isinstance(each, ast.Pass) or (
            isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
        ):
            continue
        if isinstance(each, ast.Raise) and "NotImplemented" in ast.dump(each):
            continue
        if isinstance(each, ast.Return) and each.value is None:
            continue
        return True
    return False


#: Functions whose calls are safe in a constant.
_CALLS = frozenset([
    "abs", "bool", "complex", "dict", "enumerate", "float", "frozenset", "int", "len", "list", "max", "min",
    "pow", "range", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "zip",
])  # fmt: skip
#: Parts of the names of functions that read or write files.
_LOADING = re.compile(
    r"load|read|open|save|fetch|genfromtxt|fromfile|memmap|input|system|download", re.IGNORECASE
)


def is_harmless(node: ast.stmt, modules: set[str]) -> bool:
    """Return whether a statement may be run: a definition, an import, or a simple constant."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Try):
        parts = [*node.body, *(each for handler in node.handlers for each in handler.body)]
        return all(is_harmless(each, modules) or isinstance(each, ast.Pass) for each in parts)
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    for each in ast.walk(node.value):
        if isinstance(each, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
        if isinstance(each, ast.Call):
            simple = isinstance(each.func, ast.Name) and each.func.id in _CALLS
            computed = isinstance(each.func, ast.Attribute) and (
                root(each.func) in modules or isinstance(each.func.value, ast.Constant)
            )
            if not (simple or (computed and not _LOADING.search(ast.unparse(each.func)))):
                return False
    return True
