"""From a file or notebook of a student to its classes and the few lines that they need.

A class is taken on its definition, with the imports, helpers and simple constants whose names it uses. The
rest of the file, its training loops and plots, is never run.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from diynn.checking.files.building import normalise, recognise


@dataclass(frozen=True)
class Piece:
    """A stretch of code: a whole file, or one cell of a notebook."""

    name: str
    text: str


@dataclass(frozen=True)
class Chosen:
    """One statement that is kept, and the piece it stands in."""

    node: ast.stmt
    piece: Piece

    @property
    def place(self) -> tuple[Piece, int, int]:
        """Return where it stands, which stays the same each time the file is parsed."""
        return self.piece, self.node.lineno, self.node.col_offset


@dataclass
class Source:
    """A file of a student, taken apart.

    Attributes
    ----------
    name : str
        The name of the file.
    pieces : list of Piece
    siblings : dict
        The text of the Python files beside it, by module name: it may import from them.
    problems : list of (int, str)
        Lines that are not Python.
    """

    name: str
    pieces: list[Piece]
    siblings: dict[str, str] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def statements(self) -> list[Chosen]:
        """Return the statements at the top level, conditions and attempts laid flat."""
        found: list[Chosen] = []
        self.problems.clear()
        for piece in self.pieces:
            try:
                body = ast.parse(piece.text).body
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                line = f"{piece.name}:{getattr(error, 'lineno', None) or 1}"
                self.problems.append((line, getattr(error, "msg", None) or type(error).__name__))
                continue
            found += [Chosen(node, piece) for node in _flat(body)]
        return found

    def classes(self) -> list[str]:
        """Return the classes to be judged, in order; one that is defined again counts once."""
        definitions = {
            chosen.node.name: chosen.node
            for chosen in self.statements()
            if isinstance(chosen.node, ast.ClassDef)
        }
        bases = {_root(base) for node in definitions.values() for base in node.bases}
        return [
            name
            for name, node in definitions.items()
            if normalise(name) not in ("module", "loss", "layer", "couche", "cost", "cout")
            and (recognise(name) is not None or (name not in bases and _looks_right(node, definitions)))
        ]

    def place(self, name: str) -> str:
        """Return the piece and line in which a class is defined."""
        places = [
            f"{chosen.piece.name}:{chosen.node.lineno}"
            for chosen in self.statements()
            if isinstance(chosen.node, ast.ClassDef) and chosen.node.name == name
        ]
        return places[-1] if places else self.name

    def needed(self, *, everything: bool = False) -> list[Chosen]:
        """Return the statements that define the classes and what they use, in their order.

        With ``everything`` all constants and helpers are kept: of a file that others import.
        """
        statements = self.statements()
        kept = {
            place
            for place, chosen in enumerate(statements)
            if isinstance(chosen.node, ast.ClassDef) or _is_star(chosen.node)
        }
        modules = {name for chosen in statements for name in _imported(chosen.node)}
        if everything:
            kept |= {
                place
                for place, chosen in enumerate(statements)
                if isinstance(chosen.node, ast.Assign | ast.AnnAssign | ast.FunctionDef)
                and _is_harmless(chosen.node, modules)
            }
        while True:
            names = {name for place in kept for name in _used(statements[place].node)}
            more = {
                place
                for place, chosen in enumerate(statements)
                if place not in kept
                and names & set(_bound(chosen.node))
                and _is_harmless(chosen.node, modules)
            }
            if not more:
                return [statements[place] for place in sorted(kept)]
            kept |= more

    def not_run(self) -> dict[str, int]:
        """Return the names that a class may use and that only lines define which are not run."""
        needed = self.needed()
        kept = {chosen.place for chosen in needed}
        names = {name for chosen in needed for name in _used(chosen.node)}
        return {
            name: chosen.node.lineno
            for chosen in self.statements()
            if chosen.place not in kept
            for name in _bound(chosen.node)
            if name in names
        }


def read(path: Path) -> Source:
    """Read a file of Python, or a notebook.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or is no notebook.
    """
    text = path.read_text(encoding="utf-8", errors="replace").lstrip("\ufeff")
    pieces = list(_cells(path.name, text)) if path.suffix == ".ipynb" else [Piece(path.name, text)]
    siblings = {}
    for each in sorted(path.parent.glob("*.py"))[:200]:
        if each != path and each.is_file() and each.stat().st_size < 1_000_000:
            siblings[each.stem] = each.read_text(encoding="utf-8", errors="replace")
    wanted = _reachable("\n".join(piece.text for piece in pieces), siblings)
    return Source(path.name, pieces, {name: siblings[name] for name in sorted(wanted)})


def _reachable(text: str, siblings: dict[str, str]) -> set[str]:
    """Return the siblings whose names occur in import lines, of the file or of one another."""
    found: set[str] = set()
    texts = [text]
    while texts:
        lines = re.findall(r"^\s*(?:from|import)\s.*$", texts.pop(), flags=re.MULTILINE)
        for name in set(re.findall(r"\w+", " ".join(lines))) & set(siblings) - found:
            found.add(name)
            texts.append(siblings[name])
    return found


def _cells(name: str, text: str) -> Iterator[Piece]:
    """Yield the code of a notebook, a cell at a time, without its magics."""
    notebook = json.loads(text)
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("no notebook: it has no cells")
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        code = "".join(map(str, source)) if isinstance(source, list) else str(source)
        first = code.lstrip().split("\n", 1)[0]
        if first.startswith("%%") and not re.match(r"%%(time|timeit|capture|prun)\b", first):
            continue  # a cell of another language
        # A magic becomes `pass`, so that a block does not lose its only line and lines keep their numbers.
        kept = re.sub(r"^([ \t]*)(?:[%!?].*|\S[^\n#]*\?{1,2}[ \t]*)$", r"\1pass", code, flags=re.MULTILINE)
        yield Piece(f"{name}[{number}]", kept)


# ---------------------------------------------------------------- statements


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If):
            if "__main__" not in ast.dump(node.test):
                yield from _flat(node.body)
        elif isinstance(node, ast.Try) and not all(
            isinstance(each, ast.Import | ast.ImportFrom) for each in node.body
        ):
            yield from _flat(node.body)
        else:
            yield node


def _bound(node: ast.stmt) -> Iterator[str]:
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
                yield from _bound(inner)


def _used(node: ast.stmt) -> set[str]:
    return {
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    }


def _is_star(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)


def _imported(node: ast.stmt) -> list[str]:
    return list(_bound(node)) if isinstance(node, ast.Import | ast.ImportFrom) else []


_CALLS = frozenset(
    [
        "abs",
        "bool",
        "complex",
        "dict",
        "float",
        "frozenset",
        "int",
        "len",
        "list",
        "max",
        "min",
        "pow",
        "range",
        "round",
        "set",
        "slice",
        "sorted",
        "str",
        "sum",
        "tuple",
    ]
)
_LOADING = re.compile(
    r"load|read|open|save|fetch|genfromtxt|fromfile|memmap|input|system|download", re.IGNORECASE
)


def _is_harmless(node: ast.stmt, modules: set[str]) -> bool:
    """Say whether a statement may be run: a definition, an import, or a constant made of simple things."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Try):
        parts = [*node.body, *(each for handler in node.handlers for each in handler.body)]
        return all(_is_harmless(each, modules) or isinstance(each, ast.Pass) for each in parts)
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    for each in ast.walk(node.value):
        if isinstance(
            each, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr | ast.ListComp | ast.GeneratorExp
        ):
            return False
        if isinstance(each, ast.Call):
            root = _root(each.func)
            simple = isinstance(each.func, ast.Name) and root in _CALLS
            computed = isinstance(each.func, ast.Attribute) and root in modules
            if not (simple or (computed and not _LOADING.search(ast.unparse(each.func)))):
                return False
    return True


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _looks_right(node: ast.ClassDef, definitions: dict[str, ast.ClassDef]) -> bool:
    """Say whether a class of no known name is a module or a loss by its methods."""
    methods: set[str] = set()
    seen: set[str] = set()
    line = [node]
    while line:
        each = line.pop()
        if each.name in seen:
            continue
        seen.add(each.name)
        methods |= {inner.name for inner in each.body if isinstance(inner, ast.FunctionDef)}
        line += [definitions[_root(base)] for base in each.bases if _root(base) in definitions]
    own = {inner.name for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return bool(own) and "forward" in methods and bool(methods & {"backward_delta", "backward"})
