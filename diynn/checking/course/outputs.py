"""The output files of a run, CSV and others: tested before the work begins, written at its end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from diynn.checking.reporting.exports import feedback, to_csv
from diynn.checking.reporting.gradescope import to_json
from diynn.checking.reporting.page import file_names, overview, student_page
from diynn.checking.reporting.students import StudentReport


class OutputError(ValueError):
    """A path to which results cannot be written."""


@dataclass(frozen=True)
class Outputs:
    """The paths of the output files; None for those not wanted.

    Attributes
    ----------
    json, csv, html : Path or None
        Files.
    feedback : Path or None
        A folder, with a folder per student.
    gradescope : Path or None
        A file for one student; for several a folder, with a folder per student.
    kept : Path or None
        The cache of verdicts, which is only tested here.
    """

    json: Path | None = None
    csv: Path | None = None
    html: Path | None = None
    feedback: Path | None = None
    gradescope: Path | None = None
    kept: Path | None = None

    def try_out(self, inputs: Iterable[Path], students: int) -> None:
        """Test whether all paths can be written, and none is an input.

        Raises
        ------
        OutputError
            If one cannot be written, or is an input.
        """
        taken = {path.resolve() for path in inputs}
        folders = [self.feedback, *([self.gradescope] if students > 1 else []), self._pages]
        files = [self.json, self.csv, self.html, self.kept, *([self.gradescope] if students == 1 else [])]
        for path in files:
            if path is not None:
                _try_file(path, taken)
        for path in folders:
            if path is not None:
                _try_folder(path)
        if self.kept is not None and self.kept.is_file() and not _begins_with_brace(self.kept):
            raise OutputError(f"diynn check: `{self.kept}` must be a file of verdicts, and is something else")

    @property
    def _pages(self) -> Path | None:
        return None if self.html is None else self.html.with_name(self.html.stem + "_students")

    def write(self, found: Sequence[StudentReport], lang: str) -> list[Path]:
        """Write the files; return their paths."""
        if self.json is not None:
            everything = {"students": [_as_dict(student, lang) for student in found]}
            _write(self.json, json.dumps(everything, ensure_ascii=False, indent=1) + "\n")
        if self.csv is not None:
            # With a byte order mark, for spreadsheets.
            _write(self.csv, "\ufeff" + to_csv(found, lang))
        names = [name.removesuffix(".html") for name in file_names(found)]
        if self.html is not None and self._pages is not None:
            _write(self.html, overview(found, lang, self._pages.name))
            for student, name in zip(found, names, strict=True):
                _write(self._pages / f"{name}.html", student_page(student, lang, f"../{self.html.name}"))
        if self.feedback is not None:
            for student, name in zip(found, _folders(found, names), strict=True):
                _write(self.feedback / name / "feedback.txt", feedback(student, lang))
        if self.gradescope is not None:
            for student, name in zip(found, names, strict=True):
                many = self.gradescope / name / "results.json"
                _write(self.gradescope if len(found) == 1 else many, to_json(student, lang))
        every = (self.json, self.csv, self.html, self.feedback, self.gradescope)
        return [path for path in every if path is not None]


def _as_dict(student: StudentReport, lang: str) -> dict[str, object]:
    return {
        "student": student.name, "ok": student.ok,
        **({"points": student.points, "of": student.of} if student.earned else {}),
        "classes": {each.kind: {"points": each.points, "of": each.of} for each in student.earned},
        "remarks": student.remarks(lang), "files": [file.as_dict(lang) for file in student.files_shown],
    }  # fmt: skip


def _folders(found: Sequence[StudentReport], names: Sequence[str]) -> list[str]:
    """Return a folder name for each student: the original one, which learning platforms match."""
    folders = [student.folder for student in found]
    plain = all(name and not set(name) & set('/\\:*?"<>|') and name not in (".", "..") for name in folders)
    return folders if plain and len(set(folders)) == len(folders) else list(names)


def _begins_with_brace(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(100).strip()[:1] in (b"{", b"")


def _try_file(path: Path, taken: set[Path]) -> None:
    if path.resolve() in taken:
        raise OutputError(f"diynn check: `{path}` is judged, and must not be written to")
    if path.is_dir():
        raise OutputError(f"diynn check: `{path}` must be a file to write to, and is a folder")
    if path.suffix in (".py", ".ipynb", ".zip", ".toml") and path.exists():
        raise OutputError(f"diynn check: `{path}` is no file of results, and must not be overwritten")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.exists()
        with path.open("a", encoding="utf-8"):
            pass
        if not there:
            path.unlink()
    except OSError as error:
        raise OutputError(f"diynn check: `{path}` cannot be written: {error.strerror or error}") from error


def _try_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"diynn check: `{path}` must be a folder to write into: {error.strerror or error}"
        ) from error
    if not os.access(path, os.W_OK):
        raise OutputError(f"diynn check: `{path}` must be a folder to write into: Permission denied")


def _write(path: Path, content: str) -> None:
    """Write a file atomically: readers find the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    half.write_text(content, encoding="utf-8", newline="\n")
    half.replace(path)
