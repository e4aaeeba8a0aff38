"""Running the definitions of a student's file, with what they import found or provided.

This runs foreign code: only :mod:`diynn.checking.files.worker` calls it, in a process of its own.
"""

from __future__ import annotations

import ast
import linecache
from types import ModuleType
from typing import Any

from diynn.checking.files import skeleton
from diynn.checking.files.finding import Chosen, Piece, Source
from diynn.checking.files.building import normalise


class Missing:
    """What could not be imported: using it says so."""

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
        What its definitions made.
    errors : dict
        For each class that could not be defined, why.
    """

    def __init__(
        self,
        source: Source,
        known: dict[str, Definitions | None] | None = None,
        *,
        everything: bool = False,
    ) -> None:
        self.source = source
        self._known = {} if known is None else known
        self.names: dict[str, Any] = {
            "__name__": "student", "__builtins__": __builtins__,
            "Module": skeleton.Module, "Loss": skeleton.Loss,
        }  # fmt: skip
        self.errors: dict[str, BaseException] = {}
        for piece in source.pieces:
            lines = piece.text.splitlines(keepends=True)
            linecache.cache[piece.name] = (len(piece.text), None, lines, piece.name)
        for chosen in source.needed(everything=everything):
            self._run(chosen)

    def _run(self, chosen: Chosen) -> None:
        node = chosen.node
        try:
            if isinstance(node, ast.ImportFrom):
                self._import_from(node)
            elif isinstance(node, ast.Import):
                self._import(node)
            else:
                # Annotations are not evaluated: what they name need not be there.
                future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0, lineno=1, col_offset=0)
                module = ast.Module([ast.fix_missing_locations(future), node], [])
                exec(compile(module, chosen.piece.name, "exec", dont_inherit=True), self.names)
        except (Exception, SystemExit) as error:
            if isinstance(node, ast.ClassDef):
                self.errors[node.name] = error
                self.names.pop(node.name, None)

    # ------------------------------------------------------------ imports

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if module == "__future__":
            return
        found = self._module(module, relative=node.level > 0)
        for alias in node.names:
            if alias.name == "*":
                self._everything(found)
                continue
            self.names[alias.asname or alias.name] = self._pick(found, alias.name, module)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            found = self._module(alias.name)
            if found is None:
                found = _Provided(alias.name)
            if alias.asname is None and "." in alias.name and not isinstance(found, _Provided):
                found = self._module(alias.name.partition(".")[0])
            self.names[alias.asname or alias.name.partition(".")[0]] = found

    def _module(self, name: str, *, relative: bool = False) -> Any:
        """Return a module: a file beside this one, else an installed one, else None."""
        last = name.rpartition(".")[2]
        if last in self.source.siblings:
            return self._sibling(last)
        if relative:
            return None
        try:
            __import__(name)
            import sys

            return sys.modules[name]
        except (Exception, SystemExit):
            return None

    def _sibling(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = None  # files that import one another
            text = self.source.siblings[name]
            inner = Source(f"{name}.py", [Piece(f"{name}.py", text)], self.source.siblings)
            self._known[name] = Definitions(inner, self._known, everything=True)
        definitions = self._known[name]
        module = ModuleType(name)
        vars(module).update(definitions.names if definitions is not None else {})
        return module

    def _everything(self, module: Any) -> None:
        if module is not None:
            self.names.update(
                {name: each for name, each in vars(module).items() if not name.startswith("__")}
            )

    def _pick(self, module: Any, name: str, where: str) -> Any:
        if module is not None and hasattr(module, name):
            return getattr(module, name)
        found = self._module(f"{where}.{name}") if where and module is not None else None
        if found is None and name in self.source.siblings:  # `from . import module`
            found = self._sibling(name)
        return provided(name, where) if found is None else found


class _Provided(ModuleType):
    """A module that is not there: it has the skeleton's classes, and whatever else the sheet names."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return provided(name, self.__name__)


def provided(name: str, where: str) -> Any:
    """Return what stands in for a name that cannot be imported."""
    word = normalise(name)
    if word in ("module", "layer", "couche"):
        return skeleton.Module
    if word in ("loss", "cost", "cout"):
        return skeleton.Loss
    import diynn

    return getattr(diynn, name, None) or Missing(name, where)
