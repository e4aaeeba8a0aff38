"""Grades files: a job for each class, in a pool of judge processes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from diynn.checking.contract.recognise import kind_name
from diynn.checking.files.pool import LOST, Content, Job, JudgePool, Limits
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.results import Result, Verdict

__all__ = ["Cache", "Job", "JudgePool", "Limits", "Plan", "Progress", "grade"]

#: Classes of one file that are judged at most.
_MOST_CLASSES = 200


class Cache(Protocol):
    """A cache of the classes of files and of verdicts."""

    def content(self, path: Path) -> Content | None:
        """Return the classes of a file, None if not cached."""

    def report(self, job: Job) -> Report | None:
        """Return the verdict on a class, None if not cached."""

    def note_content(self, path: Path, content: Content) -> None:
        """Cache the classes of a file."""

    def note_report(self, job: Job, report: Report) -> None:
        """Cache a verdict."""


class Progress(Protocol):
    """Receives the progress of a run."""

    def begin(self, job: Job) -> None:
        """Note that the judgement of a class begins; called by several threads."""

    def end(self, job: Job) -> None:
        """Note that it has ended."""

    def tick(self, done: int, total: int) -> None:
        """Show how many classes are judged; called twice a second and after each class."""


@dataclass(frozen=True)
class Plan:
    """Options of a run.

    Attributes
    ----------
    lang : str
        The language of the verdicts.
    limits : Limits
    draws : int
        Random inputs for each set of arguments.
    timing : bool
        Whether the time of classes is measured and compared with ours.
    names : dict
        Names of classes beside the usual ones, each with its kind.
    readable : dict
        The files and folders that the code of a file may read; by default its topmost folder for imports.
    """

    lang: str = "en"
    limits: Limits = field(default_factory=Limits)
    draws: int = 1
    timing: bool = True
    names: Mapping[str, str] = field(default_factory=dict)
    readable: Mapping[Path, tuple[Path, ...]] = field(default_factory=dict)


def grade(
    files: Mapping[Path, Path],
    plan: Plan | None = None,
    *,
    workers: int | None = None,
    cache: Cache | None = None,
    progress: Progress | None = None,
    each: Callable[[FileReport, Report | None], None] | None = None,
) -> list[FileReport]:
    """Judge every class of every file, several at a time, each in a process of its own.

    Parameters
    ----------
    files : dict
        Each file with its topmost folder for imports.
    plan : Plan, optional
    workers : int, optional
        Classes judged at a time; None for one per processor.
    cache : Cache, optional
        What it has is not judged again.
    progress : Progress, optional
    each : callable, optional
        Called with each class when it is judged, and with None when its file is done.

    Returns
    -------
    list of FileReport
        One per file, in their order.
    """
    plan = plan or Plan()
    count = workers or processors()
    found = [FileReport(path, name) for path, name in zip(files, _names(list(files)), strict=True)]
    with JudgePool(plan.limits, count) as pool, ThreadPoolExecutor(max_workers=count) as threads:
        run = _Grader(plan, pool, cache, progress)
        try:
            listed = threads.map(lambda report: run.list(report.path, files[report.path]), found)
            jobs: dict[Future[Report], tuple[FileReport, Report]] = {}
            left: Counter[Path] = Counter()
            for report, content in zip(found, listed, strict=True):
                for job in _jobs(report, content, files[report.path], plan):
                    place = Report(job.name, lang=plan.lang)
                    report.reports.append(place)
                    left[report.path] += 1
                    jobs[threads.submit(run.judge, job)] = (report, place)
                if each is not None and not left[report.path]:
                    each(report, None)
            total, pending = len(jobs), set(jobs)
            while True:
                if progress is not None:
                    progress.tick(total - len(pending), total)
                if not pending:
                    break
                done, pending = wait(pending, timeout=0.5, return_when="FIRST_COMPLETED")
                for future in done:
                    report, place = jobs[future]
                    vars(place).update(vars(future.result()))
                    left[report.path] -= 1
                    if each is not None:
                        each(report, place)
                        if not left[report.path]:
                            each(report, None)
        except BaseException:  # an interrupt ends the running jobs, too
            pool.stop()
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Grader:
    """The tasks of a run, for its threads."""

    def __init__(self, plan: Plan, pool: JudgePool, cache: Cache | None, progress: Progress | None) -> None:
        self.plan, self.pool, self.cache, self.progress = plan, pool, cache, progress
        self._timeouts: Counter[Path] = Counter()
        self._end = monotonic() + plan.limits.total

    def list(self, path: Path, top: Path) -> Content:
        known = self.cache.content(path) if self.cache is not None else None
        if known is not None:
            return known
        if monotonic() > self._end:
            return {"problems": [], "classes": {}, "broken": {}, "ended": [self._out_of_time(Verdict.FAILED)]}
        content = self.pool.list(path, top, list(self.plan.names), self.plan.readable.get(path, ()))
        if self.cache is not None and not content.get("ended"):
            self.cache.note_content(path, content)
        return content

    def judge(self, job: Job) -> Report:
        known = self.cache.report(job) if self.cache is not None else None
        if known is not None:
            self._note_timeout(job, known)
            return known
        if monotonic() > self._end:  # not cached: the next run begins with it
            return Report(job.name, job.kind, job.where, [self._out_of_time(Verdict.SKIPPED)], job.lang)
        if self._timeouts[job.path] >= self.plan.limits.patience:
            words = {"count": self.plan.limits.patience}
            spent = Result("run", Verdict.FAILED, "patience", words, where=job.where)
            return Report(job.name, job.kind, job.where, [spent], job.lang)
        if self.progress is not None:
            self.progress.begin(job)
        report = self.pool.judge(job)
        if self.progress is not None:
            self.progress.end(job)
        self._note_timeout(job, report)
        if self.cache is not None and not any(each.words.get("reason") == LOST for each in report.results):
            self.cache.note_report(job, report)
        return report

    def _out_of_time(self, verdict: Verdict) -> Result:
        return Result("run", verdict, "out_of_time", {"seconds": f"{self.plan.limits.total:g}"})

    def _note_timeout(self, job: Job, report: Report) -> None:
        self._timeouts[job.path] += any(each.message == "timeout" for each in report.results)


def _jobs(report: FileReport, content: Content, top: Path, plan: Plan) -> Iterator[Job]:
    """Add the problems of a file to its report; yield the jobs of its classes."""
    for key, line, text in content["problems"]:
        report.problems.append(_problem(key, line=line or report.name, text=text))
    report.problems += content.get("ended", [])
    for name, (key, line, text) in content["broken"].items():
        lost = Result("define", Verdict.FAILED, key, {"line": line, "text": text}, where=line)
        report.reports.append(Report(name, kind_name(name), line, [lost], plan.lang))
    classes = list(content["classes"].items())
    if len(classes) > _MOST_CLASSES:
        report.problems.append(_problem("too_many", count=len(classes), most=_MOST_CLASSES))
    for name, where in classes[:_MOST_CLASSES]:
        yield Job(
            report.path, top, name, where, plan.lang, plan.draws, timing=plan.timing,
            readable=plan.readable.get(report.path, ()), like=plan.names.get(name, ""),
        )  # fmt: skip


def _names(files: list[Path]) -> list[str]:
    """Return names of files: the shortest ends of their paths that are unique."""
    for depth in range(1, 6):
        names = ["/".join(path.parts[-depth:]) for path in files]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in files]


def _problem(key: str, **words: Any) -> Result:
    return Result("run", Verdict.FAILED, key, words)
