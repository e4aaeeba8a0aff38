"""One run of ``diynn check``: from paths to a report for each student."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from diynn.checking.course.archive import gather, unpack
from diynn.checking.course.course import FILE, Course, read_course
from diynn.checking.course.points import earned
from diynn.checking.course.students import Student, code_in, students_of
from diynn.checking.files.grade import Cache, Plan, Progress, grade
from diynn.checking.files.pool import Limits
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.students import StudentReport


@dataclass(frozen=True)
class CourseRun:
    """The students of a run, and the course and limits by which they are graded.

    Attributes
    ----------
    students : list of Student
    course : Course
    limits : Limits
    lang : str
    """

    students: list[Student]
    course: Course
    limits: Limits
    lang: str

    def grade(
        self,
        *,
        workers: int | None = None,
        cache: Cache | None = None,
        progress: Progress | None = None,
        each: Callable[[StudentReport], None] | None = None,
    ) -> list[StudentReport]:
        """Grade all students; return a report for each, in their order.

        A loose file without classes is a helper, not a student, if there are others and no class is required.

        Parameters
        ----------
        workers : int, optional
            Classes judged at a time; None for one per processor.
        cache : Cache, optional
            What it has is not judged again.
        progress : Progress, optional
        each : callable, optional
            Called with each student when all files are judged.
        """
        owner = {file: number for number, student in enumerate(self.students) for file in student.files}
        left = [len(student.files) for student in self.students]
        done: dict[Path, FileReport] = {}
        reports: dict[int, StudentReport] = {}

        def finish(number: int) -> None:
            reports[number] = self._report(self.students[number], done)
            if each is not None and not self._is_helper(number, reports[number]):
                each(reports[number])

        def note(file: FileReport, report: Report | None) -> None:
            if report is None:
                number = owner[file.path]
                done[file.path] = file
                left[number] -= 1
                if not left[number]:
                    finish(number)

        for number, student in enumerate(self.students):
            if not student.files:
                finish(number)
        # Points must be reproducible: times are not measured.
        plan = Plan(
            self.lang, self.limits, timing=len(self.students) == 1 and not self.course.required,
            names=self.course.names,
            readable={file: each.readable for each in self.students for file in each.files},
        )  # fmt: skip
        files = {file: top for each in self.students for file, top in each.files.items()}
        grade(files, plan, workers=workers, cache=cache, progress=progress, each=note)
        found = [each for number, each in sorted(reports.items()) if not self._is_helper(number, each)]
        if not found and each is not None:
            each(reports[0])
        return found or [reports[0]]

    def _is_helper(self, number: int, found: StudentReport) -> bool:
        return (
            self.students[number].loose
            and not self.course.required
            and all(each.empty for each in found.files)
        )

    def _report(self, student: Student, done: dict[Path, FileReport]) -> StudentReport:
        files = [done[file] for file in student.files]
        for file in files:
            # File names are relative to the student's folder.
            top = next((each for each in student.readable if file.path.is_relative_to(each)), None)
            if len(files) > 1 and top is not None and top != file.path:
                file.name = file.path.relative_to(top).as_posix()
            elif len(self.students) > 1 or len(files) == 1:
                file.name = file.path.name
        return StudentReport(
            student.name, student.folder, files, earned(files, self.course), list(student.problems)
        )


@contextmanager
def prepare(
    paths: Iterable[Path],
    *,
    course: Path | None = None,
    students: str | None = None,
    lang: str,
    timeout: float | None = None,
    megabytes: int | None = None,
    total: float | None = None,
) -> Iterator[CourseRun]:
    """Read the course file, unpack zip files, and assign the files to students.

    Parameters
    ----------
    course : Path, optional
        The course file; None for that in a folder, if there is one.
    students : str, optional
        How files are assigned to students; None for the course file's setting.
    timeout, megabytes : optional
        Limits per class; None for the course file's.
    total : float, optional
        Seconds of the whole run; None for the course file's.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    CourseError, ArchiveError
        If the course file or a zip file cannot be read.
    """
    given = [Path(path) for path in paths]
    place = course or next((path / FILE for path in given if (path / FILE).is_file()), None)
    asked = read_course(place) if place is not None else Course()
    arrangement = students or asked.students
    with ExitStack() as stack:
        unpacked = []
        for path in given:
            packed = path.suffix.lower() == ".zip" and path.is_file()
            if packed or (path.is_dir() and any(path.rglob("*.zip"))):
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="diynn-course-")))
                (unpack if packed else gather)(path, folder / path.stem)
                path = _inner(folder / path.stem) if packed else folder / path.stem
                if place is None and (path / FILE).is_file():
                    asked = read_course(path / FILE)
                    arrangement = students or asked.students
            unpacked.append(path)
        limits = Limits(
            timeout or asked.timeout, megabytes or asked.memory, total=total or asked.total_timeout
        )
        found = students_of(unpacked, arrangement)
        yield CourseRun(found, asked, limits, asked.language or lang)


def _inner(folder: Path) -> Path:
    """Return the folder of the students: some zip files have a single folder at the top."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
    inner = [each for each in folder.iterdir() if each.name != FILE]
    nested = len(inner) == 1 and inner[0].is_dir() and len([*inner[0].iterdir()]) > 1
    return (
        inner[0]
        if nested and not any(each.suffix in (".py", ".ipynb") for each in inner[0].iterdir())
        else folder
    )


def inputs(run: CourseRun, paths: Iterable[Path]) -> list[Path]:
    """Return all input files, so that outputs do not overwrite them."""
    found = [file for student in run.students for file in student.files]
    return [*found, *(path for path in paths if path.is_file()), *(
        file for path in paths if path.is_dir() for file in code_in(path)
    )]  # fmt: skip
