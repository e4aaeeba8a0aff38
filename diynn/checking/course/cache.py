"""The cache of verdicts: a JSON-lines file, with a line for each file and each class."""

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
from diynn.checking.reporting.results import Result, jsonable, result_from
from diynn.version import __version__


class VerdictCache:
    """Verdicts, keyed by a hash of what they depend on: the readable code, the course file, versions.

    Parameters
    ----------
    path : Path
        The file, to which lines are appended; an incomplete line of an interrupted run is skipped.
    students : iterable of Student
    limits : Limits
    course : str
        A hash of the course file.
    again : bool
        Whether to start with an empty file.
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
        """The number of verdicts found in the cache."""
        return self._hits

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def content(self, path: Path) -> Content | None:
        """Return the classes of a file, None if not cached."""
        found = self._known.get((self._keys[path], ""))
        return None if found is None else {**found, "ended": [result_from(each) for each in found["ended"]]}

    def report(self, job: Job) -> Report | None:
        """Return the verdict on a class, None if not cached."""
        found = self._known.get((self._keys[job.path], job.name))
        if found is None:
            return None
        self._hits += 1
        results = [result_from(each) for each in found["results"]]
        return Report(job.name, found["kind"], job.where, results, job.lang)

    def note_content(self, path: Path, content: Content) -> None:
        """Cache the classes of a file, and the results that replace them."""
        ended = [_fields(each) for each in content.get("ended", [])]
        self._note(self._keys[path], "", {**content, "ended": ended})

    def note_report(self, job: Job, report: Report) -> None:
        """Cache a verdict."""
        results = [_fields(each) for each in report.results]
        self._note(self._keys[job.path], job.name, {"kind": report.kind, "results": results})

    def _note(self, key: str, name: str, found: dict[str, Any]) -> None:
        line = json.dumps({"key": key, "class": name, "found": found}, ensure_ascii=False)
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()


def _fields(result: Result) -> dict[str, Any]:
    return {name: jsonable(value) for name, value in asdict(result).items() if value not in ("", None, {})}


def _digest(student: Student, limits: Limits, course: str) -> str:
    """Return a hash of everything that the verdicts on a student's files depend on."""
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
