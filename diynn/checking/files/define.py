"""Runs the definitions of a student's file; missing imports get stand-ins.

This runs foreign code: only :mod:`diynn.checking.files.worker` calls it, in a process of its own.
"""

from __future__ import annotations

import ast
import linecache
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from diynn.checking.contract.recognise import normalise
from diynn.checking.files import skeleton
from diynn.checking.files.finding import Source
from diynn.checking.files.imports import ImportedFile
from diynn.checking.files.reading import Piece
from diynn.checking.files.statements import Statement


class Missing:
    """Stands in for a name that could not be imported: any use raises ImportError."""

    def __init__(self, name: str, module: str) -> None:
        self.__dict__["_told"] = f"{name} could not be imported from {module}"

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise ImportError(self.__dict__["_told"])

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Raise ImportError."""
        raise ImportError(self.__dict__["_told"])

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        raise ImportError(self.__dict__["_told"])


class Definitions:
    """The names that a file defines.

    Attributes
    ----------
    names : dict
        The values by name.
    errors : dict
        The exception of each class that could not be defined.
    stand_ins : set of str
        The names that could not be imported and are replaced by classes of diynn.
    """

    def __init__(
        self, source: Source, known: dict[str, Definitions] | None = None, *, everything: bool = False
    ) -> None:
        self.source = source
        self._known = {} if known is None else known
        self.names: dict[str, Any] = {
            "__name__": "student", "__builtins__": __builtins__,
            "Module": skeleton.Module, "Loss": skeleton.Loss,
        }  # fmt: skip
        self.errors: dict[str, BaseException] = {}
        self.stand_ins: set[str] = set()
        self._given = set(self.names)
        for piece in source.pieces:
            lines = piece.text.splitlines(keepends=True)
            linecache.cache[piece.name] = (len(piece.text), None, lines, piece.name)
        self._everything = everything

    def run(self) -> Definitions:
        """Run the definitions that the classes need, or all of a file that another one imports."""
        for statement in self.source.needed(everything=self._everything):
            self._run(statement)
        return self

    def module(self, name: str) -> ModuleType:
        """Return the names as a module, without the skeleton's classes that were provided."""
        module = ModuleType(name)
        provided_here = {
            each for each in self._given if self.names.get(each) is getattr(skeleton, each, self)
        }
        vars(module).update({each: value for each, value in self.names.items() if each not in provided_here})
        return module

    def _run(self, statement: Statement) -> None:
        node = statement.node
        try:
            if isinstance(node, ast.ImportFrom):
                self._import_from(node)
            elif isinstance(node, ast.Import):
                self._import(node)
            else:
                # Annotations are not evaluated: they may name what is missing.
                future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0, lineno=1, col_offset=0)
                module = ast.Module([ast.fix_missing_locations(future), node], [])
                code = compile(module, statement.piece.name, "exec", dont_inherit=True)
                exec(code, self.names)
        except (Exception, SystemExit) as error:
            if isinstance(node, ast.ClassDef):
                self.errors[node.name] = error
                self.names.pop(node.name, None)

    # ------------------------------------------------------------ imports

    def _import_from(self, node: ast.ImportFrom) -> None:
        name = node.module or ""
        if name == "__future__":
            return
        found = self._module(name, node.level)
        for alias in node.names:
            if alias.name == "*":
                self._take_all(found)
            else:
                picked = self._pick(found, alias.name, name, node.level)
                self.names[alias.asname or alias.name] = picked
                if name.partition(".")[0] != "diynn" and picked is our_own(alias.name) is not None:
                    self.stand_ins.add(alias.asname or alias.name)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            first = alias.name.partition(".")[0]
            if alias.asname is not None:
                found = self._module(alias.name)
                self.names[alias.asname] = _Provided(alias.name) if found is None else found
                continue
            top: Any = self._module(first)
            if top is None:
                top = _Provided(first)
            parts = alias.name.split(".")
            inner = top
            for depth in range(2, len(parts) + 1):  # `import pkg.core` makes core an attribute of pkg
                dotted = ".".join(parts[:depth])
                found = getattr(inner, parts[depth - 1], None) or self._module(dotted) or _Provided(dotted)
                setattr(inner, parts[depth - 1], found)
                inner = found
            self.names[first] = top

    def _module(self, name: str, level: int = 0) -> Any:
        """Return a module: a file next to this one, else an installed one, else a file of its last name."""
        found = self.source.find(name, level)
        if found is not None:
            return self._file(name, found)
        if level == 0:
            try:
                __import__(name)
                return sys.modules[name]
            except (Exception, SystemExit):
                found = self.source.find(name.rpartition(".")[2], 0) if "." in name else None
        return None if found is None else self._file(name, found)

    def _file(self, name: str, found: ImportedFile) -> ModuleType:
        if found.key not in self._known:
            pieces = [Piece(Path(found.key).name, found.text)]
            inner = Definitions(Source(found.key, pieces, found.find), self._known, everything=True)
            self._known[found.key] = inner  # before it runs: imports may be circular
            inner.run()
        return self._known[found.key].module(name)

    def _take_all(self, module: Any) -> None:
        names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
        self.names.update({name: getattr(module, name) for name in names if hasattr(module, name)})

    def _pick(self, module: Any, name: str, where: str, level: int) -> Any:
        if module is not None and hasattr(module, name):
            return getattr(module, name)
        found = (
            self._module(f"{where}.{name}" if where else name, level) if level or module is not None else None
        )
        return provided(name, where) if found is None else found


class _Provided(ModuleType):
    """Stands in for a missing module: has the skeleton's classes and those of the sheet."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return provided(name, self.__name__)


def provided(name: str, where: str) -> Any:
    """Return the stand-in for a name that cannot be imported."""
    word = normalise(name)
    if word in ("module", "layer", "couche"):
        return skeleton.Module
    if word in ("loss", "cost", "cout"):
        return skeleton.Loss
    return our_own(name) or Missing(name, where)


def our_own(name: str) -> Any:
    """Return the class of diynn with this name or spelling, else None."""
    import diynn.layers
    import diynn.losses
    from diynn.sheet import SPELLINGS

    name = next((canonical for canonical, others in SPELLINGS.items() if name in others), name)
    for place in (diynn.layers, diynn.losses):
        if name in getattr(place, "__all__", dir(place)):
            return getattr(place, name)
    return None
