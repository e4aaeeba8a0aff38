"""Judging the files of a student, or of a whole class of students."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

from diynn.checking.contract.recognise import recognise
from diynn.checking.files.processes import environment
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.results import Result, Verdict, result_from, shown

_SUFFIXES = (".py", ".ipynb")


@dataclass(frozen=True)
class Limits:
    """What one class may use.

    Attributes
    ----------
    timeout : float
        Seconds, by the wall clock.
    megabytes : int
        Address space.
    """

    timeout: float = 20.0
    megabytes: int = 3072


@dataclass(frozen=True)
class Job:
    """One class of one file, and how it is judged.

    Attributes
    ----------
    path, top : Path
        The file, and the folder above which it may import nothing.
    name, where : str
        The class, and its place.
    """

    path: Path
    top: Path
    name: str
    where: str = ""
    lang: str = "en"
    draws: int = 1
    seed: int = 0


class Judges:
    """Processes that judge, several at a time; each lets foreign code run in yet another.

    Parameters
    ----------
    limits : Limits
    count : int
        How many, at most: they start when they are needed.
    """

    def __init__(self, limits: Limits | None = None, count: int = 1) -> None:
        self.limits = limits or Limits()
        self._free: SimpleQueue[_Judge | None] = SimpleQueue()
        for _ in range(count):
            self._free.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        while not self._free.empty():
            judge = self._free.get()
            if judge is not None:
                judge.close()

    def list(self, path: Path, top: Path) -> dict[str, Any]:
        """Return the classes of a file with their places, and what is wrong with it."""
        lines = list(self._ask({"path": str(path), "top": str(top)}))
        found = next((line for line in lines if "classes" in line), None)
        if found is not None:
            return dict(shown(found))
        why = [Result(**{**line["result"], "verdict": Verdict.FAILED}) for line in lines if "result" in line]
        return {"problems": [], "classes": {}, "broken": {}, "ended": why}

    def judge(self, job: Job) -> Report:
        """Judge a class; a report comes back whatever it does."""
        order = {
            "path": str(job.path), "top": str(job.top),
            "class": job.name, "draws": job.draws, "seed": job.seed,
        }  # fmt: skip
        kind = recognise(job.name)
        report = Report(job.name, kind.name if kind is not None else "", job.where, lang=job.lang)
        for line in self._ask(order):
            if "result" in line:
                report.results.append(result_from(line["result"]))
            report.kind = line.get("kind", report.kind)
        return report

    def _ask(self, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
        judge = self._free.get()
        try:
            if judge is None:
                judge = _Judge()
            limits = {"timeout": self.limits.timeout, "megabytes": self.limits.megabytes}
            yield from judge.ask({**order, **limits})
        except _JudgeGone:
            if judge is not None:
                judge.close()
            judge = None
            words = {"property": "run", "reason": "the judge itself"}
            yield {"result": {"property": "run", "verdict": "failed", "message": "killed", "words": words}}
        finally:
            self._free.put(judge)


class _JudgeGone(Exception):  # noqa: N818 - what happened
    """A judge has ended in the middle of its work."""


class _Judge:
    """One process that judges."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="diynn-judge-", ignore_cleanup_errors=True)
        root = str(Path(__file__).resolve().parents[3])
        code = f"import sys; sys.path.append({root!r})\nfrom diynn.checking.files.judge import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", "faulthandler=0", "-c", code],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=self._folder.name, env=environment(self._folder.name),
        )  # fmt: skip

    def ask(self, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Give an order; yield what is found, line by line."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(json.dumps(order).encode() + b"\n")
            stdin.flush()
            for line in stdout:
                found = json.loads(line)
                if "done" in found:
                    return
                yield found
        except (OSError, ValueError) as error:
            raise _JudgeGone from error
        raise _JudgeGone

    def close(self) -> None:
        """Let the process end."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]
        self._folder.cleanup()


def find(paths: Iterable[Path]) -> dict[Path, Path]:
    """Return the files to be judged, each with the folder above which it imports nothing.

    They are those named, and all Python and notebooks in the folders named.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            inner = (each for each in sorted(path.rglob("*")) if each.suffix in _SUFFIXES and each.is_file())
            for each in inner:
                parts = each.relative_to(path).parts
                if not any(part.startswith((".", "__")) for part in parts):
                    found[each.absolute()] = path.absolute()
        elif path.is_file():
            # Its package may begin some folders above it.
            found[path.absolute()] = [path.absolute().parent, *path.absolute().parents][:4][-1]
        else:
            raise FileNotFoundError(f"diynn check: `{path}` must be a file or a folder, and is neither")
    return found


def grade(
    files: dict[Path, Path],
    *,
    lang: str = "en",
    limits: Limits | None = None,
    workers: int | None = None,
    draws: int = 1,
    progress: Callable[[int, int], None] | None = None,
    each: Callable[[FileReport, Report], None] | None = None,
) -> list[FileReport]:
    """Judge every class of every file, several at a time, each in a process of its own.

    Parameters
    ----------
    files : dict
        Each file with the folder above which it imports nothing, as :func:`find` gives them.
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
    each : callable, optional
        Called with every class as soon as it is judged.

    Returns
    -------
    list of FileReport
        One a file, in their order.
    """
    count = workers or os.cpu_count() or 1
    found = [FileReport(path, name) for path, name in zip(files, _names(list(files)), strict=True)]
    with Judges(limits, count) as judges, ThreadPoolExecutor(max_workers=count) as pool:
        listed = list(pool.map(lambda report: judges.list(report.path, files[report.path]), found))
        jobs: dict[Future[Report], tuple[FileReport, Report]] = {}
        for report, content in zip(found, listed, strict=True):
            for name, where in _note(report, content, lang).items():
                job = Job(report.path, files[report.path], name, where, lang, draws)
                place = Report(name, lang=lang)
                report.reports.append(place)
                jobs[pool.submit(judges.judge, job)] = (report, place)
        if progress is not None:
            progress(0, len(jobs))
        for done, future in enumerate(as_completed(jobs), start=1):
            report, place = jobs[future]
            vars(place).update(vars(future.result()))
            if each is not None:
                each(report, place)
            if progress is not None:
                progress(done, len(jobs))
    return found


def _note(report: FileReport, content: dict[str, Any], lang: str) -> dict[str, str]:
    """Note what is wrong with a file; return its classes."""
    for key, line, text in content["problems"]:
        report.problems.append(_problem(key, line=line or report.name, text=text))
    report.problems += content.get("ended", [])
    for name, (key, line, text) in content["broken"].items():
        kind = recognise(name)
        lost = Result("define", Verdict.FAILED, key, {"line": line, "text": text}, where=line)
        report.reports.append(Report(name, kind.name if kind is not None else "", line, [lost], lang))
    return dict(content["classes"])


def _names(files: list[Path]) -> list[str]:
    """Return names for files: the shortest ends of their paths that tell them apart."""
    for depth in range(1, 6):
        names = ["/".join(path.parts[-depth:]) for path in files]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in files]


def _problem(key: str, **words: Any) -> Result:
    return Result("run", Verdict.FAILED, key, words)
