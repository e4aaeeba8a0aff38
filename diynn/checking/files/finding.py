"""Finds the classes of a file or notebook, and the statements that they need.

These are the definitions of the classes, and the imports, helpers and simple constants that they use. The
rest of the file, its training loops and plots, is never run.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path

from diynn.checking.contract.recognise import normalise, recognise
from diynn.checking.files.imports import Find, finder
from diynn.checking.files.reading import Parsed, Piece, Problem, parse, pieces_of
from diynn.checking.files.statements import (
    Statement,
    bound,
    flat,
    imported,
    is_concrete,
    is_harmless,
    is_star,
    root,
    used,
)

#: Deriving from these base classes of diynn is allowed.
_BASES = frozenset(["Module", "Loss"])
_ABSTRACT = ("module", "loss", "layer", "couche", "cost", "cout")


@dataclass
class Source:
    """A parsed file of a student.

    Attributes
    ----------
    name : str
        The name of the file.
    pieces : list of Piece
    find : callable
        Finds other files that it imports.
    encoding : list of Problem
        Problems of the file as a whole.
    names : frozenset of str
        Classes to judge whatever they look like.
    """

    name: str
    pieces: list[Piece]
    find: Find = lambda name, level: None
    encoding: list[Problem] = field(default_factory=list)
    names: frozenset[str] = frozenset()

    @functools.cached_property
    def parsed(self) -> list[tuple[Piece, Parsed]]:
        """Each piece with its syntax tree."""
        return [(piece, parse(piece)) for piece in self.pieces]

    @property
    def problems(self) -> list[Problem]:
        """The problems of the file and of its lines."""
        return [*self.encoding, *(problem for _, each in self.parsed for problem in each.problems)]

    @property
    def broken(self) -> dict[str, Problem]:
        """The classes lost by a syntax error, each with its problem."""
        whole = {
            statement.node.name for statement in self.statements if isinstance(statement.node, ast.ClassDef)
        }
        lost = {name: problem for _, each in self.parsed for name, problem in each.broken.items()}
        return {
            name: problem
            for name, problem in lost.items()
            if name not in whole and recognise(name) is not None
        }

    @functools.cached_property
    def statements(self) -> list[Statement]:
        """The statements at the top level and in its ``if`` and ``try`` blocks.

        Those in functions, classes and ``if __name__ == "__main__"`` are used for names that the top level
        does not define.
        """
        found = [statement for piece, each in self.parsed for statement in flat(each.body, piece)]
        modules = {name for statement in found for name in imported(statement.node)}
        early = {
            name
            for statement in found
            if not statement.late and is_harmless(statement.node, modules)
            for name in bound(statement.node)
        }
        return [
            statement for statement in found if not statement.late or not early & set(bound(statement.node))
        ]

    @functools.cached_property
    def definitions(self) -> dict[str, ast.ClassDef]:
        """The classes by name; the last definition of each."""
        return {
            statement.node.name: statement.node
            for statement in self.statements
            if isinstance(statement.node, ast.ClassDef)
        }

    def classes(self) -> list[str]:
        """Return the names of the classes to judge, in order."""
        return [
            name
            for name, node in self.definitions.items()
            if name in self.names
            or (normalise(name) not in _ABSTRACT and (recognise(name) is not None or self._looks_right(node)))
        ]

    def derived(self) -> dict[str, list[str]]:
        """Return the classes of this file that derive from each class, by the name of the base."""
        found: dict[str, list[str]] = {}
        for name, node in self.definitions.items():
            for base in node.bases:
                found.setdefault(root(base), []).append(name)
        return found

    def classes_using(self, names: Set[str], modules: Set[str] = frozenset()) -> dict[str, list[str]]:
        """Return the classes that use any of these names, directly or through helpers of the file.

        Parameters
        ----------
        names, modules : set of str
            Names, and modules whose attributes count, except ``Module`` and ``Loss``.
        """
        direct = {
            bound_name: _taken(statement.node, names, modules)
            for statement in self.statements
            if not isinstance(statement.node, ast.Import | ast.ImportFrom)
            for bound_name in bound(statement.node)
        }
        calls = {name: used(node) for name, node in self._nodes.items()}
        found: dict[str, list[str]] = {}
        for name in self.definitions:
            reached, line = {name}, [name]
            while line:
                more = calls.get(line.pop(), set()) & set(calls) - reached
                reached |= more
                line += more
            taken = sorted({each for part in reached for each in direct.get(part, ())})
            if taken:
                found[name] = taken
        return found

    def ours(self) -> dict[str, list[str]]:
        """Return the classes that use imports from diynn, except its base classes."""
        names: set[str] = set()
        modules: set[str] = set()
        for statement in self.statements:
            node = statement.node
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "diynn":
                for alias in node.names:
                    if alias.name not in _BASES:
                        names.add(alias.asname or alias.name)
                        modules.add(alias.asname or alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.partition(".")[0] == "diynn":
                        modules.add(alias.asname or "diynn")
        return self.classes_using(names, modules) if names | modules else {}

    @functools.cached_property
    def _nodes(self) -> dict[str, ast.stmt]:
        """The last definition or assignment of each name at the top level."""
        return {
            name: statement.node
            for statement in self.statements
            if not isinstance(statement.node, ast.Import | ast.ImportFrom)
            for name in bound(statement.node)
        }

    def place(self, name: str) -> str:
        """Return the piece and line of a class."""
        places = [
            f"{statement.piece.name}:{statement.node.lineno}"
            for statement in self.statements
            if isinstance(statement.node, ast.ClassDef) and statement.node.name == name
        ]
        return places[-1] if places else self.name

    def zeroes_in_a_loop(self) -> str:
        """Return the line that calls ``zero_grad`` outside of modules and of ``step``, empty if none does."""
        for piece, parsed in self.parsed:
            for node in parsed.body:
                parts: list[ast.AST] = [node]
                if isinstance(node, ast.ClassDef):
                    methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
                    module = any(each.name == "forward" for each in methods)
                    parts = (
                        [] if module else [each for each in methods if each.name not in ("step", "zero_grad")]
                    )
                for each in (inner for part in parts for inner in ast.walk(part)):
                    if isinstance(each, ast.Call) and getattr(each.func, "attr", "") == "zero_grad":
                        return f"{piece.name}:{each.lineno}"
        return ""

    def needed(self, *, everything: bool = False) -> list[Statement]:
        """Return the statements that define the classes and what they use, in order.

        With ``everything``, for a file that others import, also all other imports, constants and helpers.
        """
        statements = self.statements
        modules = {name for statement in statements for name in imported(statement.node)}
        harmless = [is_harmless(statement.node, modules) for statement in statements]
        if everything:
            return [statement for statement, fine in zip(statements, harmless, strict=True) if fine]
        kept = {
            place
            for place, statement in enumerate(statements)
            if isinstance(statement.node, ast.ClassDef) or is_star(statement.node)
        }
        while True:
            names = {name for place in kept for name in used(statements[place].node)}
            more = {
                place
                for place, statement in enumerate(statements)
                if place not in kept and harmless[place] and names & set(bound(statement.node))
            }
            if not more:
                return [statements[place] for place in sorted(kept)]
            kept |= more

    def not_run(self) -> dict[str, int]:
        """Return the names that needed statements use and that only lines define which are not run."""
        needed = self.needed()
        kept = {id(statement.node) for statement in needed}
        given = {name for statement in needed for name in bound(statement.node)}
        names = {name for statement in needed for name in used(statement.node)} - given
        return {
            name: statement.node.lineno
            for statement in self.statements
            if id(statement.node) not in kept
            for name in bound(statement.node)
            if name in names
        }

    def _looks_right(self, node: ast.ClassDef) -> bool:
        """Return whether a class of unknown name is a module or a loss, by its concrete methods."""
        methods: set[str] = set()
        seen: set[str] = set()
        line = [node]
        while line:
            each = line.pop()
            if each.name in seen:
                continue
            seen.add(each.name)
            methods |= {
                inner.name for inner in each.body if isinstance(inner, ast.FunctionDef) and is_concrete(inner)
            }
            line += [self.definitions[root(base)] for base in each.bases if root(base) in self.definitions]
        own = any(isinstance(inner, ast.FunctionDef) for inner in node.body)
        return own and "forward" in methods and bool(methods & {"backward_delta", "backward"})


def _taken(node: ast.stmt, names: Set[str], modules: Set[str]) -> set[str]:
    """Return the names and the attributes of modules that a statement reads."""
    taken = used(node) & names
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id in modules:
            name = each.value.id
            taken = taken - {name} if each.attr in _BASES else taken - {name} | {f"{name}.{each.attr}"}
    return taken


def read(path: Path, top: Path | None = None) -> Source:
    """Read a Python file or a notebook.

    Parameters
    ----------
    path : Path
    top : Path, optional
        The topmost folder for imports; None for the file's own.

    Raises
    ------
    OSError, ValueError
        If it cannot be read or is not a notebook.
    """
    pieces, problems = pieces_of(path)
    return Source(path.name, pieces, finder(path, top or path.parent), problems)
