"""Whose files are whose: folders, files, projects, and what a learning platform hands out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from diynn.checking.reporting.results import Result, Verdict, shown

SUFFIXES = (".py", ".ipynb")
#: Archives that are no zip files: told, not read.
_OTHER_ARCHIVES = (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")
#: What lies at the top of one project, and not of a folder of students.
_PROJECT = (
    "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "environment.yml", "__init__.py", ".git",
    "README.md", "README.rst", "README.txt", "README",
)  # fmt: skip
#: ``Durand Anne_123456_assignsubmission_file_``, as Moodle names a student's folder, and files without one.
_MOODLE = re.compile(r"^(?P<name>.+?)_\d+_assignsubmission_\w+?_(?P<file>.*)$")


@dataclass
class Student:
    """One student, and what was handed in.

    Attributes
    ----------
    name : str
    files : dict
        Each file of code, with the folder above which it imports nothing.
    readable : tuple of Path
        The files and folders that the code may read.
    folder : str
        What the student's folder is called where it came from.
    problems : list of Result
        What is wrong with it as a whole.
    loose : bool
        Whether it is a file that lies beside others, and may be a helper of theirs.
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
        Files are a student each. Of a folder each folder in it is a student, and each file in it; one that
        looks like a project, with a README or a ``pyproject.toml``, is the work of one student.
    arrangement : str
        ``"folders"``, ``"files"`` or ``"one"`` to say so: of ``"folders"`` loose files may be imported by
        everybody and are judged with nobody, ``"files"`` are a student each wherever they lie.

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
    _tell_apart(found)
    return found


def _of_file(path: Path) -> Student:
    # Its package may begin some folders above it: where those above are packages, too.
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
        yield Student(folder.name, files, (folder,), folder.name, list(_told(folder)))
        return
    loose = [each for each in sorted(folder.iterdir()) if each.suffix in SUFFIXES and _is_own(each, folder)]
    for inner in sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()):
        if inner.name.startswith((".", "__")):
            continue
        files = dict.fromkeys(code_in(inner), folder)
        problems = list(_told(inner))
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
    """Return the files of code below a folder, but for hidden ones and what lies outside it."""
    return [
        each
        for each in sorted(folder.rglob("*"))
        if each.suffix in SUFFIXES
        and not any(part.startswith((".", "__")) for part in each.relative_to(folder).parts)
        and _is_own(each, folder)
    ]


def _is_own(file: Path, folder: Path) -> bool:
    """Say whether it is a file, and one in this folder: a link may lead elsewhere."""
    return file.is_file() and file.resolve().is_relative_to(folder.resolve())


def _told(folder: Path) -> Iterator[Result]:
    """Yield what is wrong with a folder: archives that cannot be read."""
    for each in sorted(folder.rglob("*")):
        if each.suffix.lower() in (*_OTHER_ARCHIVES, ".zip") and each.is_file():
            words = {"line": shown(each.relative_to(folder).as_posix())}
            yield Result("run", Verdict.FAILED, "archive", words)


def _name(name: str) -> str:
    moodle = _MOODLE.match(name)
    return str(shown(moodle["name"] if moodle else name))


def _tell_apart(students: list[Student]) -> None:
    """Give students of one name the names of their folders, and numbers where these are the same."""
    for _ in range(2):
        names = [student.name for student in students]
        for student in students:
            if names.count(student.name) > 1 and student.folder != student.name:
                student.name = str(shown(student.folder))
    seen: dict[str, int] = {}
    for student in students:
        seen[student.name] = seen.get(student.name, 0) + 1
        if seen[student.name] > 1:
            student.name = f"{student.name} ({seen[student.name]})"
