"""What was found of one student: the files, and what they earn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from diynn.checking.reporting.messages import text
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.results import Result, Verdict

#: The message of what was not begun when the time of a run was over.
OUT_OF_TIME = "out_of_time"


@dataclass
class Earned:
    """What a student earned by one class.

    Attributes
    ----------
    kind : str
    report : Report or None
        The class that counts: of several of one kind the best; None if there is none.
    points, of : float
    unsure : list of Result
        What could not be looked at, and so counts neither way.
    """

    kind: str
    report: Report | None
    points: float
    of: float
    unsure: list[Result] = field(default_factory=list)


@dataclass
class StudentReport:
    """What was found of one student.

    Attributes
    ----------
    name : str
    folder : str
        What the student's folder is called where it came from.
    files : list of FileReport
    earned : list of Earned
        A line for each class that is asked for; empty where nothing is said to be.
    problems : list of Result
        What is wrong with what was handed in as a whole.
    """

    name: str
    folder: str = ""
    files: list[FileReport] = field(default_factory=list)
    earned: list[Earned] = field(default_factory=list)
    problems: list[Result] = field(default_factory=list)

    @property
    def files_shown(self) -> list[FileReport]:
        """The files with something to tell; where there is none, those without a class."""
        return [each for each in self.files if not each.empty] or self.files[:1]

    @property
    def reports(self) -> list[Report]:
        """The classes of all files."""
        return [report for file in self.files for report in file.reports]

    @property
    def points(self) -> float:
        """What was earned."""
        return round(sum(each.points for each in self.earned), 2)

    @property
    def of(self) -> float:
        """What could be."""
        return round(sum(each.of for each in self.earned), 2)

    @property
    def missing(self) -> list[str]:
        """The kinds that are asked for and not there."""
        return [each.kind for each in self.earned if each.report is None]

    @property
    def complete(self) -> bool:
        """Whether all that was judged was looked at from all sides."""
        return all(file.complete for file in self.files)

    @property
    def unfinished(self) -> bool:
        """Whether the run was over before all was looked at, and nothing seen by then is wrong."""
        results = [each for report in self.reports for each in report.results]
        results += [each for file in self.files for each in file.problems]
        failed = [each for each in (*results, *self.problems) if each.verdict is Verdict.FAILED]
        return any(each.message == OUT_OF_TIME for each in results) and all(
            each.message == OUT_OF_TIME for each in failed
        )

    @property
    def ok(self) -> bool:
        """Whether something was judged, all of it is right, and nothing is missing."""
        found = [each for each in self.files if not each.empty]
        return bool(found) and all(each.ok for each in found) and not self.missing and not self.problems

    def remarks(self, lang: str) -> list[str]:
        """Return, a sentence each, what is wrong beside the classes: files, archives, classes missing."""
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
    """Say what was not looked at: the property, or that the time was over."""
    return result.say(lang) if result.message == OUT_OF_TIME else text(f"property.{result.property}", lang)


def number(value: float, lang: str) -> str:
    """Write points: two decimals at most, a comma in French."""
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return written.replace(".", ",") if lang == "fr" else written


def sign_of(reports: Sequence[Report]) -> str:
    """Return one sign for the classes of one kind: of several, that of the best."""
    if not reports:
        return ""
    if any(report.ok for report in reports):
        return "✓"
    return "✗" if any(report.failed for report in reports) else "·"
