"""The output of a run on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from diynn.checking.course.progress import ProgressBar
from diynn.checking.reporting.messages import text
from diynn.checking.reporting.students import StudentReport
from diynn.checking.reporting.tables import file_table, student_table
from diynn.checking.reporting.terminal import say
from diynn.checking.sandbox import missing_features


class Console:
    """Prints each student when all files are judged, and the table at the end.

    Parameters
    ----------
    lang : str
    students : int
        Their number.
    bar : ProgressBar
        It is cleared while something is printed.
    quiet : bool
        Whether to print a line per student instead of reports.
    """

    def __init__(self, lang: str, students: int, bar: ProgressBar, *, quiet: bool) -> None:
        self.lang, self.students, self.bar, self.quiet = lang, students, bar, quiet

    def student(self, student: StudentReport) -> None:
        """Print the results of one student."""
        self.bar.pause()
        if self.quiet and self.students > 1:
            self._say(self._line(student))
            return
        if self.students > 1:
            self._say(self._line(student))
        for said in student.remarks(self.lang):
            self._say(f"  ✗ {said}")
        for file in student.files_shown:
            if not file.reports:
                continue
            self._say(file_table(file, self.lang) + "\n")
            if not self.quiet:
                for report in file.reports:
                    if report.failed:
                        self._say(f"{report}\n")

    def end(self, found: Sequence[StudentReport], width: int | None, helpers: Sequence[str] = ()) -> None:
        """Print the table of all students and notes about the run; ``helpers`` are files without classes."""
        if len(found) > 1:
            self._say("\n" + student_table(found, self.lang, width))
        elif found[0].earned:
            self._say(found[0].points_text(self.lang))
        if len(found) == 1 and found[0].reports:
            helpers = [*helpers, *(file.name for file in found[0].files if file.empty)]
        if helpers:
            self._say(text("helpers", self.lang, names=", ".join(helpers)))
        if missing_features():
            self._say(text("no_sandbox", self.lang, names=missing_features()))

    def _line(self, student: StudentReport) -> str:
        wrong = [report.name for report in student.reports if report.failed]
        said = [*([", ".join(wrong)] if wrong else []), *student.remarks(self.lang)]
        points = f" {student.points_text(self.lang)}" if student.earned else ""
        mark = " ; " if self.lang == "fr" else "; "
        return f"{'✓' if student.ok else '✗'} {student.name}{points}" + (
            f"  {mark.join(said)}" if said else ""
        )

    def _say(self, line: str) -> None:
        say(line, sys.stdout, self.lang)
