"""Reads files: encodings, notebooks and their magics, syntax errors."""

from __future__ import annotations

import ast
import json
import re
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

_LARGEST = 32 << 20
#: Characters of code in one file, and in a line of a notebook that is searched for magics.
_MOST_CODE, _LONGEST_MAGIC = 1_000_000, 2_000
#: Cells with these magics are Python code.
_PYTHON_CELLS = re.compile(r"%%(time|timeit|capture|prun|writefile)\b")
_MAGIC = re.compile(r"(\s*)[%!?].*")
_ASSIGNED_MAGIC = re.compile(r"(\s*[\w.,\s\[\]'\"*()]+?=\s*)[%!][^=].*")
_HELP = re.compile(r"(\s*)\S[^#]*\?{1,2}\s*")
_PYTHON_2 = re.compile(
    r"Missing parentheses in call to '(print|exec)|multiple exception types must be|leading zeros in decimal"
)


@dataclass(frozen=True)
class Piece:
    """The code of a whole file, or of one cell of a notebook."""

    name: str
    text: str


class Problem(NamedTuple):
    """A problem of a file: the key of a message, with its line and text."""

    key: str
    line: str = ""
    text: str = ""


@dataclass
class Parsed:
    """The parsed part of a piece.

    Attributes
    ----------
    body : list of statements
    problems : list of Problem
        Its syntax errors.
    broken : dict
        The classes lost by them, each with its problem.
    """

    body: list[ast.stmt] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    broken: dict[str, Problem] = field(default_factory=dict)


def pieces_of(path: Path) -> tuple[list[Piece], list[Problem]]:
    """Read a Python file or a notebook; return its code, and the problems of its encoding.

    Raises
    ------
    OSError, ValueError
        If it cannot be read or is not a notebook.
    """
    size = path.stat().st_size
    if size > _LARGEST:
        raise ValueError(f"{size >> 20} MB")
    text, problems = decode(path.read_bytes())
    if path.suffix == ".ipynb":
        pieces = list(_cells(path.name, text))
    else:
        pieces = [Piece(path.name, text)]
        problems = [problem._replace(line=path.name) for problem in problems]
    length = sum(len(piece.text) for piece in pieces)
    if length > _MOST_CODE:
        raise ValueError(f"{length} characters of code, where {_MOST_CODE} are read")
    return pieces, problems


def decode(data: bytes) -> tuple[str, list[Problem]]:
    """Return the text of a source file, and a problem if Python would not decode it."""
    head = data[:400]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), [Problem("utf16")]
    if head.count(0) * 3 > len(head):  # UTF-16 without a byte order mark
        little = head[1::2].count(0) > head[::2].count(0)
        return data.decode("utf-16-le" if little else "utf-16-be", errors="replace"), [Problem("utf16")]
    problems = [Problem("null_bytes")] if b"\0" in data else []
    data = data.replace(b"\0", b"")
    try:
        encoding = tokenize.detect_encoding(BytesIO(data).readline)[0]
        return data.decode(encoding), problems
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return data.decode("cp1252", errors="replace"), problems


# ---------------------------------------------------------------- notebooks


def _cells(name: str, text: str) -> Iterator[Piece]:
    """Yield the code cells of a notebook, without magics."""
    notebook = json.loads(text)
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):
        sheets = [each for each in notebook["worksheets"] if isinstance(each, dict)]  # notebook format 3
        cells = [cell for each in sheets for cell in each.get("cells", ())]
    if not isinstance(cells, list):
        raise ValueError("no notebook: it has no cells")
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", cell.get("input", ""))
        code = "".join(map(str, source)) if isinstance(source, list) else str(source)
        first = code.lstrip().split("\n", 1)[0]
        if not first.startswith("%%") or _PYTHON_CELLS.match(first):  # else a cell of another language
            yield Piece(f"{name}[{number}]", without_magics(code))


def without_magics(code: str) -> str:
    """Return a cell without the syntax of IPython.

    A magic becomes `pass`, so that blocks are not empty and line numbers stay. A continuation line may begin
    with `%` without being a magic.
    """
    if _parses(code):
        return code
    kept: list[str] = []
    state = _State()
    continued = False
    for line in code.split("\n"):
        bare = line
        if continued:
            bare = ""
        elif state.begins and len(line) <= _LONGEST_MAGIC:  # the patterns take quadratic time
            bare = _ASSIGNED_MAGIC.sub(r"\1None", line) if _ASSIGNED_MAGIC.fullmatch(line) else line
            for magic in (_MAGIC, _HELP):
                if magic.fullmatch(bare):
                    bare = magic.sub(r"\1pass", bare)
        continued = (continued or bare != line) and line.rstrip().endswith("\\")
        state.read(bare)
        kept.append(bare)
    return "\n".join(kept)


class _State:
    """Tracks whether the next line begins a statement: no open bracket, string or backslash."""

    def __init__(self) -> None:
        self.depth, self.quote, self.slash = 0, "", False

    @property
    def begins(self) -> bool:
        return self.depth == 0 and not self.quote and not self.slash

    def read(self, line: str) -> None:
        """Read one line."""
        for found in re.finditer(r"\\.|'''|\"\"\"|['\"]|[#()\[\]{}]", line):
            sign = found[0]
            if self.quote:
                self.quote = "" if sign == self.quote else self.quote
            elif sign == "#":
                break
            elif sign[0] in "'\"":
                self.quote = sign
            elif sign in "([{":
                self.depth += 1
            elif sign in ")]}":
                self.depth = max(self.depth - 1, 0)
        self.quote = self.quote if len(self.quote) == 3 else ""
        self.slash = line.endswith("\\")


def _parses(code: str) -> bool:
    try:
        parse_text(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def parse_text(code: str) -> ast.Module:
    """Parse code, without SyntaxWarnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


# ---------------------------------------------------------------- broken lines


def parse(piece: Piece) -> Parsed:
    """Parse a piece; statements with syntax errors are removed and reported."""
    lines = piece.text.splitlines()
    found = Parsed()
    for _ in range(50):
        try:
            found.body = parse_text("\n".join(lines)).body
            break
        except SyntaxError as error:
            problem, start, stop = _fault(piece, lines, error)
            found.problems.append(problem)
            name = re.match(r"class\s+(\w+)", lines[start])
            if name:
                found.broken[name[1]] = problem
            if not any(lines[start:stop]):
                break
            lines[start:stop] = [""] * (stop - start)
        except (ValueError, RecursionError, MemoryError) as error:
            found.problems.append(Problem("syntax", f"{piece.name}:1", type(error).__name__))
            break
    return found


def _fault(piece: Piece, lines: list[str], error: SyntaxError) -> tuple[Problem, int, int]:
    """Return a syntax error as a problem, and the lines of its top-level statement."""
    message = error.msg or "invalid syntax"
    number = error.lineno or 1
    place = re.search(r"expected an indented block after .* on line (\d+)", message)
    if place:
        number = int(place[1])
    at = min(max(number - 1, 0), max(len(lines) - 1, 0))
    if not lines:
        lines.append("")
    start = at
    while start > 0 and not _begins(lines[start]):
        start -= 1
    stop = at + 1
    while stop < len(lines) and not _begins(lines[stop]):
        stop += 1
    key = "python2" if _PYTHON_2.search(message) or _is_python_2(lines[at]) else "syntax"
    return Problem(key, f"{piece.name}:{number}", message), start, stop


def _begins(line: str) -> bool:
    return bool(re.match(r"[^\s#)\]}]", line)) and not re.match(r"(else|elif|except|finally)\b", line)


def _is_python_2(line: str) -> bool:
    return bool(
        re.search(r"^\s*print\s+[\"'\w]|<>|^\s*except\s+\w+\s*,\s*\w+\s*:|^\s*raise\s+\w+\s*,|`", line)
    )
