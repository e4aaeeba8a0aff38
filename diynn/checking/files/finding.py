"""From a file or notebook of a student to its classes and the few lines that they need.

A class is taken on its definition, with the imports, helpers and simple constants whose names it uses. The
rest of the file, its training loops and plots, is never run.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from pathlib import Path

from diynn.checking.contract.recognise import normalise, recognise
from diynn.checking.files.reading import Parsed, Piece, Problem, decode, parse, pieces_of
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

#: Whoever derives from these does the work all the same.
_BASES = frozenset(["Module", "Loss"])
_ABSTRACT = ("module", "loss", "layer", "couche", "cost", "cout")


@dataclass(frozen=True)
class Found:
    """A module that a file may import: another file, or a folder of them."""

    key: str
    text: str
    find: Find


#: Takes a module's dotted name and how many dots stood before it; returns the file that it is.
Find = Callable[[str, int], Found | None]


@dataclass
class Source:
    """A file of a student, taken apart.

    Attributes
    ----------
    name : str
        The name of the file.
    pieces : list of Piece
    find : callable
        Finds what it imports from other files.
    encoding : list of Problem
        What is wrong with the file as a whole.
    names : frozenset of str
        Classes that are to be judged whatever they look like.
    """

    name: str
    pieces: list[Piece]
    find: Find = lambda name, level: None
    encoding: list[Problem] = field(default_factory=list)
    names: frozenset[str] = frozenset()

    @functools.cached_property
    def parsed(self) -> list[tuple[Piece, Parsed]]:
        """Each piece, and what can be read of it."""
        return [(piece, parse(piece)) for piece in self.pieces]

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with it."""
        return [*self.encoding, *(problem for _, each in self.parsed for problem in each.problems)]

    @property
    def broken(self) -> dict[str, Problem]:
        """The classes that are lost with a line that is not Python."""
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
        """The statements at the top level, conditions and attempts laid flat.

        What stands in a function, a class or the part for the script alone counts where the top level does
        not define the same.
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
        """The classes by their name; of one that is defined again the last."""
        return {
            statement.node.name: statement.node
            for statement in self.statements
            if isinstance(statement.node, ast.ClassDef)
        }

    def classes(self) -> list[str]:
        """Return the classes to be judged, in order."""
        return [
            name
            for name, node in self.definitions.items()
            if name in self.names
            or (normalise(name) not in _ABSTRACT and (recognise(name) is not None or self._looks_right(node)))
        ]

    def derived(self) -> dict[str, list[str]]:
        """Return, by their name, the classes of this file that derive from a class."""
        found: dict[str, list[str]] = {}
        for name, node in self.definitions.items():
            for base in node.bases:
                found.setdefault(root(base), []).append(name)
        return found

    def classes_using(self, names: Set[str], modules: Set[str] = frozenset()) -> dict[str, list[str]]:
        """Return the classes that use any of these names, themselves or through helpers of the file.

        Parameters
        ----------
        names, modules : set of str
            Names that count, and those of modules, whose attributes count but ``Module`` and ``Loss``.
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
        """Return the classes that use what this file imports from diynn, but for its base classes."""
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
        """What binds each name at the top level, last: definitions and assignments."""
        return {
            name: statement.node
            for statement in self.statements
            if not isinstance(statement.node, ast.Import | ast.ImportFrom)
            for name in bound(statement.node)
        }

    def place(self, name: str) -> str:
        """Return the piece and line in which a class is defined."""
        places = [
            f"{statement.piece.name}:{statement.node.lineno}"
            for statement in self.statements
            if isinstance(statement.node, ast.ClassDef) and statement.node.name == name
        ]
        return places[-1] if places else self.name

    def zeroes_in_a_loop(self) -> str:
        """Return the line outside of modules and of ``step`` that calls ``zero_grad``, empty if none does."""
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
        """Return the statements that define the classes and what they use, in their order.

        With ``everything`` all imports, constants and helpers are kept: of a file that others import.
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
        """Return the names that a class may use and that only lines define which are not run."""
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
        """Say whether a class of no known name is a module or a loss by methods that do something."""
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
    """Return which of the names a statement reads, and which attributes of the modules."""
    taken = used(node) & names
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id in modules:
            name = each.value.id
            taken = taken - {name} if each.attr in _BASES else taken - {name} | {f"{name}.{each.attr}"}
    return taken


def read(path: Path, top: Path | None = None) -> Source:
    """Read a file of Python, or a notebook.

    Parameters
    ----------
    path : Path
    top : Path, optional
        The folder above which nothing is imported from; None for the file's own.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or is no notebook.
    """
    pieces, problems = pieces_of(path)
    return Source(path.name, pieces, beside(path, top or path.parent), problems)


def beside(path: Path, top: Path) -> Find:
    """Return what finds the modules that a file imports, in its folder and those above it, up to ``top``."""
    above = [path.parent, *(each for each in path.parent.parents if each == top or top in each.parents)]

    def find(name: str, level: int) -> Found | None:
        parts = [part for part in name.split(".") if part]
        for folder in above[level - 1 : level] if level else above:
            place = folder.joinpath(*parts)
            for file in (
                (place.with_suffix(".py"), place / "__init__.py") if parts else (place / "__init__.py",)
            ):
                if file.is_file() and file != path and file.stat().st_size < 1_000_000:
                    return Found(str(file), decode(file.read_bytes())[0], beside(file, top))
            if parts and place.is_dir():
                return Found(str(place), "", beside(place / "__init__.py", top))
        return None

    return find
