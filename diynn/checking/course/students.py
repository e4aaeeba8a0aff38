"""Assigns files to students: folders, loose files, projects, downloads of a learning platform."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from diynn.checking.reporting.results import Result, Verdict, sanitised

SUFFIXES = (".py", ".ipynb")
#: Archives that are reported, not read.
OTHER_ARCHIVES = (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")
#: Files at the top of a project, which is the work of one student.
_PROJECT = (
    "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "environment.yml", "__init__.py", ".git",
    "README.md", "README.rst", "README.txt", "README",
)  # fmt: skip
#: Moodle's names of folders and files: ``Durand Anne_123456_assignsubmission_file_``.
_MOODLE = re.compile(r"^(?P<name>.+?)_\d+_assignsubmission_\w+?_(?P<file>.*)$")


@dataclass
class Student:
    """One student, and the files handed in.

    Attributes
    ----------
    name : str
    files : dict
        Each file of code, with its topmost folder for imports.
    readable : tuple of Path
        The files and folders that the code may read.
    folder : str
        The original name of the student's folder.
    problems : list of Result
        Problems of the work as a whole.
    loose : bool
        Whether it is a loose file next to others, which may be their helper.
    """

    name: str
    files: dict[Path, Path] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()
    folder: str = ""
    problems: list[Result] = field(default_factory=list)
    loose: bool = False


def students_of(paths: Iterable[Path], arrangement: str = "auto") -> list[Student]:
    """Return the students of files and folders, by name within each path.

    Parameters
    ----------
    paths : iterable of Path
        A file is a student. In a folder, each folder and each file is a student; a folder that looks like
        a project, with a README or a ``pyproject.toml``, is one student.
    arrangement : str
        ``"folders"``: each folder is a student, and loose files are helpers for all; ``"files"``: each file
        at any depth is a student; ``"one"``: everything is one student; ``"auto"``: as above.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    """
    found: list[Student] = []
    for path in paths:
        path = path.absolute()
        if path.is_dir():
            found += _of_folder(path, arrangement)
        elif path.is_file():
            found.append(_of_file(path))
        else:
            raise FileNotFoundError(f"diynn check: `{path}` must be a file or a folder, and is neither")
    _make_unique(found)
    return found


def _of_file(path: Path) -> Student:
    # Its package may begin some folders above it.
    top = path.parent
    for above in list(path.parents)[1:4]:
        if not (top / "__init__.py").is_file():
            break
        top = above
    return Student(path.name, {path: top}, (path.parent, top) if top != path.parent else (top,), path.name)


def _of_folder(folder: Path, arrangement: str) -> Iterator[Student]:
    if arrangement == "files":
        for file in code_in(folder):
            yield Student(_name(file.relative_to(folder).as_posix()), {file: file.parent}, (file,), file.name)
        return
    if arrangement == "one" or (arrangement == "auto" and any((folder / name).exists() for name in _PROJECT)):
        files = dict.fromkeys(code_in(folder), folder)
        yield Student(folder.name, files, (folder,), folder.name, list(_unreadable(folder)))
        return
    loose = [each for each in sorted(folder.iterdir()) if each.suffix in SUFFIXES and _is_own(each, folder)]
    for inner in sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()):
        if inner.name.startswith((".", "__")):
            continue
        files = dict.fromkeys(code_in(inner), folder)
        problems = list(_unreadable(inner))
        if files or problems or arrangement == "folders" or _MOODLE.match(inner.name):
            readable = (inner, *(each for each in loose if each.suffix == ".py"))
            yield Student(_name(inner.name), files, readable, inner.name, problems)
    if arrangement == "folders":
        return
    by_name: dict[str, Student] = {}
    for file in loose:
        student = by_name.setdefault(
            _name(file.name), Student(_name(file.name), folder=file.name, loose=True)
        )
        student.files[file] = folder
        student.readable = tuple(loose)
    yield from by_name.values()


def code_in(folder: Path) -> list[Path]:
    """Return the code files below a folder, except hidden ones and links that lead outside."""
    return [
        each
        for each in sorted(folder.rglob("*"))
        if each.suffix in SUFFIXES
        and not any(part.startswith((".", "__")) for part in each.relative_to(folder).parts)
        and _is_own(each, folder)
    ]


def _is_own(file: Path, folder: Path) -> bool:
    """Return whether it is a file inside the folder: a link may lead elsewhere."""
    return file.is_file() and file.resolve().is_relative_to(folder.resolve())


def _unreadable(folder: Path) -> Iterator[Result]:
    """Yield a problem for each archive that cannot be read."""
    for each in sorted(folder.rglob("*")):
        if each.suffix.lower() in (*OTHER_ARCHIVES, ".zip") and each.is_file():
            words = {"line": sanitised(each.relative_to(folder).as_posix())}
            yield Result("run", Verdict.FAILED, "archive", words)


def _name(name: str) -> str:
    moodle = _MOODLE.match(name)
    return str(sanitised(moodle["name"] if moodle else name))


def _make_unique(students: list[Student]) -> None:
    """Make names unique: by the names of their folders, then by numbers."""
    for _ in range(2):
        names = [student.name for student in students]
        for student in students:
            if names.count(student.name) > 1 and student.folder != student.name:
                student.name = str(sanitised(student.folder))
    seen: dict[str, int] = {}
    for student in students:
        seen[student.name] = seen.get(student.name, 0) + 1
        if seen[student.name] > 1:
            student.name = f"{student.name} ({seen[student.name]})"
