"""The report of one student: files and points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from diynn.checking.reporting.messages import text
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.results import Result, Verdict

#: The message of a class that was not begun before the time limit of the run.
OUT_OF_TIME = "out_of_time"


@dataclass
class Earned:
    """The points of a student for one class.

    Attributes
    ----------
    kind : str
    report : Report or None
        The class that counts, the best of its kind; None if there is none.
    points, of : float
    unsure : list of Result
        Skipped results, which count neither way.
    """

    kind: str
    report: Report | None
    points: float
    of: float
    unsure: list[Result] = field(default_factory=list)


@dataclass
class StudentReport:
    """The report of one student.

    Attributes
    ----------
    name : str
    folder : str
        The original name of the student's folder.
    files : list of FileReport
    earned : list of Earned
        One for each required class.
    problems : list of Result
        Problems of the work as a whole.
    """

    name: str
    folder: str = ""
    files: list[FileReport] = field(default_factory=list)
    earned: list[Earned] = field(default_factory=list)
    problems: list[Result] = field(default_factory=list)

    @property
    def files_shown(self) -> list[FileReport]:
        """The files with classes or problems; the first file if there are none."""
        return [each for each in self.files if not each.empty] or self.files[:1]

    @property
    def reports(self) -> list[Report]:
        """The classes of all files."""
        return [report for file in self.files for report in file.reports]

    @property
    def points(self) -> float:
        """The points earned."""
        return round(sum(each.points for each in self.earned), 2)

    @property
    def of(self) -> float:
        """The maximum of points."""
        return round(sum(each.of for each in self.earned), 2)

    def points_text(self, lang: str) -> str:
        """Return the sentence with the points and their maximum."""
        return text("points_of", lang, points=number(self.points, lang), of=number(self.of, lang))

    def of_kind(self, kind: str) -> list[Report]:
        """Return the reports of the classes of a kind."""
        return [report for report in self.reports if report.kind == kind]

    @property
    def missing(self) -> list[str]:
        """The required kinds that were not handed in."""
        return [each.kind for each in self.earned if each.report is None]

    @property
    def complete(self) -> bool:
        """Whether no property of a judged class was skipped."""
        return all(file.complete for file in self.files)

    @property
    def unfinished(self) -> bool:
        """Whether the time limit of the run cut something off, and nothing judged before is wrong."""
        results = [each for report in self.reports for each in report.results]
        results += [each for file in self.files for each in file.problems]
        failed = [each for each in (*results, *self.problems) if each.verdict is Verdict.FAILED]
        return any(each.message == OUT_OF_TIME for each in results) and all(
            each.message == OUT_OF_TIME for each in failed
        )

    @property
    def ok(self) -> bool:
        """Whether something was judged, everything judged is right, and nothing is missing."""
        found = [each for each in self.files if not each.empty]
        return bool(found) and all(each.ok for each in found) and not self.missing and not self.problems

    def remarks(self, lang: str) -> list[str]:
        """Return a sentence for each problem beside the classes: files, archives, missing classes."""
        said = [each.say(lang) for each in self.problems]
        said += [each.say(lang) for file in self.files for each in file.problems]
        if not any(file.reports for file in self.files) and not said:
            said.append(text("no_classes", lang))
        if self.missing:
            said.append(text("missing_classes", lang, names=", ".join(self.missing)))
        said += [
            text(
                "unsure",
                lang,
                name=each.kind,
                what=", ".join(_unseen(result, lang) for result in each.unsure),
            )
            for each in self.earned
            if each.unsure
        ]
        return said


def _unseen(result: Result, lang: str) -> str:
    """Return a skipped property, or the sentence that the time was over."""
    return result.say(lang) if result.message == OUT_OF_TIME else text(f"property.{result.property}", lang)


def number(value: float, lang: str) -> str:
    """Return points as text: two decimals at most, a comma in French."""
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return written.replace(".", ",") if lang == "fr" else written


def sign_of(reports: Sequence[Report]) -> str:
    """Return the sign of the best class of one kind."""
    if not reports:
        return ""
    if any(report.ok for report in reports):
        return "✓"
    return "✗" if any(report.failed for report in reports) else "·"
