"""Judging the files of a student, or of a whole class of students."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diynn.checking.files.finding import Source, read
from diynn.checking.files.building import recognise
from diynn.checking.reporting.report import Report, Result, Verdict
from diynn.checking.files.sandbox import Job, Limits, judge

_SUFFIXES = (".py", ".ipynb")
_LARGEST = 32 << 20


@dataclass
class Verdicts:
    """What was found in one file.

    Attributes
    ----------
    path : Path
    name : str
        What it is called in tables: the file, with as much of its path as tells it from the others.
    reports : list of Report
        One a class.
    problems : list of Result
        What is wrong with the file itself.
    """

    path: Path
    name: str
    reports: list[Report] = field(default_factory=list)
    problems: list[Result] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether something was judged, and all of it is right."""
        judged = [report for report in self.reports if report.judged]
        return bool(judged) and all(report.ok for report in judged) and not self.problems

    def as_dict(self, lang: str) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {
            "file": self.name,
            "ok": self.ok,
            "problems": [problem.say(lang) for problem in self.problems],
            "classes": [report.as_dict() for report in self.reports],
        }


def find(paths: Iterable[Path]) -> list[Path]:
    """Return the files to be judged: those named, and all Python and notebooks in the folders named.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inner = (each for each in sorted(path.rglob("*")) if each.suffix in _SUFFIXES and each.is_file())
            for each in inner:
                parts = each.relative_to(path).parts
                if not any(part.startswith((".", "__")) for part in parts):
                    found[each] = None
        elif path.is_file():
            found[path] = None
        else:
            raise FileNotFoundError(f"diynn check: `{path}` must be a file or a folder, and is neither")
    return list(found)


def grade(
    files: list[Path],
    *,
    lang: str = "en",
    limits: Limits | None = None,
    workers: int | None = None,
    draws: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Verdicts]:
    """Judge every class of every file, several at a time, each in a process of its own.

    Parameters
    ----------
    files : list of Path
    lang : str
        The language of the verdicts.
    limits : Limits, optional
        What one class may use.
    workers : int, optional
        Classes judged at a time; None for one a processor.
    draws : int
        Inputs drawn for each set of arguments.
    progress : callable, optional
        Called with how many classes are judged, of how many.

    Returns
    -------
    list of Verdicts
        One a file, in their order.
    """
    limits = limits or Limits()
    found = [Verdicts(path, name) for path, name in zip(files, _names(files), strict=True)]
    jobs: list[tuple[Verdicts, Job]] = []
    for verdicts in found:
        jobs += [(verdicts, job) for job in _jobs(verdicts, lang, draws)]
    if progress is not None:
        progress(0, len(jobs))
    with ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1) as pool:
        running: dict[Future[Report], int] = {
            pool.submit(judge, job, limits): place for place, (_, job) in enumerate(jobs)
        }
        reports: dict[int, Report] = {}
        for done, future in enumerate(as_completed(running), start=1):
            reports[running[future]] = future.result()
            if progress is not None:
                progress(done, len(jobs))
    for place, (verdicts, _) in enumerate(jobs):
        verdicts.reports.append(reports[place])
    return found


def _names(files: list[Path]) -> list[str]:
    """Return names for files: the shortest ends of their paths that tell them apart."""
    for depth in range(1, 6):
        names = ["/".join(path.parts[-depth:]) for path in files]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in files]


def _jobs(verdicts: Verdicts, lang: str, draws: int) -> list[Job]:
    """Return a job for each class of a file; note what is wrong with the file."""
    try:
        if verdicts.path.stat().st_size > _LARGEST:
            raise ValueError(f"{verdicts.path.stat().st_size >> 20} MB")
        source = read(verdicts.path)
        classes = source.classes()
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        verdicts.problems.append(_problem("unreadable", text=str(error) or type(error).__name__))
        return []
    for line, text in dict(source.problems).items():
        verdicts.problems.append(_problem("syntax", line=line, text=text))
    if not classes and not source.problems:
        verdicts.problems.append(_problem("no_classes"))
    return [Job(source, name, _beside(source, name, classes), lang, draws) for name in classes]


def _beside(source: Source, name: str, classes: list[str]) -> str:
    """Return the net that an optimiser of this file was written for."""
    kinds = {each: recognise(each) for each in classes}
    kind = kinds[name]
    if kind is None or kind.name != "Optim":
        return ""
    nets = [each for each, other in kinds.items() if other is not None and other.name == "Sequential"]
    return nets[-1] if nets else ""


def _problem(key: str, **words: Any) -> Result:
    return Result("run", Verdict.FAILED, key, words)
