"""What was found, kept as it is found: a line of JSON for each file and each class."""

from __future__ import annotations

import hashlib
import json
import platform
import threading
from collections.abc import Iterable
from dataclasses import asdict, replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from diynn.checking.course.students import Student
from diynn.checking.files.pool import Content, Job, Limits
from diynn.checking.reporting.report import Report
from diynn.checking.reporting.results import Result, plain, result_from
from diynn.version import __version__


class VerdictCache:
    """Verdicts by what they depend on: the code that can be read, the course file, the version.

    Parameters
    ----------
    path : Path
        A file of lines of JSON, which are added to; a line that was cut when a run was stopped is skipped.
    students : iterable of Student
    limits : Limits
    course : str
        A hash of the course file.
    again : bool
        Whether to use nothing of what is there.
    """

    def __init__(
        self, path: Path, students: Iterable[Student], limits: Limits, course: str, *, again: bool = False
    ) -> None:
        self._keys: dict[Path, str] = {}
        for student in students:
            digest = _digest(student, limits, course)
            for number, file in enumerate(sorted(student.files)):
                self._keys[file] = f"{digest}-{number}"
        self._known: dict[tuple[str, str], dict[str, Any]] = {}
        if path.is_file() and not again:
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    found = json.loads(line)
                    self._known[found["key"], found["class"]] = found["found"]
                except (ValueError, KeyError, TypeError):
                    continue
        self._lock = threading.Lock()
        self._file = path.open("w" if again else "a", encoding="utf-8", newline="\n")
        self._file.write("\n" if not again and path.stat().st_size else "")
        self._hits = 0

    @property
    def hits(self) -> int:
        """How many verdicts were known already."""
        return self._hits

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def content(self, path: Path) -> Content | None:
        """Return the classes of a file, if they are known."""
        found = self._known.get((self._keys[path], ""))
        return None if found is None else {**found, "ended": [result_from(each) for each in found["ended"]]}

    def report(self, job: Job) -> Report | None:
        """Return the verdict on a class, if it is known."""
        found = self._known.get((self._keys[job.path], job.name))
        if found is None:
            return None
        self._hits += 1
        results = [result_from(each) for each in found["results"]]
        return Report(job.name, found["kind"], job.where, results, job.lang)

    def note_content(self, path: Path, content: Content) -> None:
        """Keep the classes of a file, and why they could not be found."""
        ended = [_fields(each) for each in content.get("ended", [])]
        self._note(self._keys[path], "", {**content, "ended": ended})

    def note_report(self, job: Job, report: Report) -> None:
        """Keep a verdict."""
        results = [_fields(each) for each in report.results]
        self._note(self._keys[job.path], job.name, {"kind": report.kind, "results": results})

    def _note(self, key: str, name: str, found: dict[str, Any]) -> None:
        line = json.dumps({"key": key, "class": name, "found": found}, ensure_ascii=False)
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()


def _fields(result: Result) -> dict[str, Any]:
    return {name: plain(value) for name, value in asdict(result).items() if value not in ("", None, {})}


def _digest(student: Student, limits: Limits, course: str) -> str:
    """Return a hash of all that the verdicts on a student's files depend on."""
    whole = hashlib.sha256()
    versions = (
        __version__,
        np.__version__,
        platform.python_version(),
        repr(replace(limits, total=inf)),
        course,
    )
    whole.update("\0".join(versions).encode())
    files = {*student.files, *(each for each in student.readable if each.is_file())}
    for file in sorted(files):
        top = student.files.get(file, file.parent)
        whole.update(f"\0{file.relative_to(top).as_posix()}\0".encode(errors="replace"))
        size = file.stat().st_size
        whole.update(hashlib.sha256(file.read_bytes()).digest() if size < 1 << 26 else str(size).encode())
    return whole.hexdigest()[:32]
