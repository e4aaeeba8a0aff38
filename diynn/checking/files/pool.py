"""Processes that judge, and the orders that they are given."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

from diynn.checking.contract.recognise import recognise
from diynn.checking.files.processes import environment
from diynn.checking.reporting.report import Report
from diynn.checking.reporting.results import result_from, shown

#: Why there is no verdict, where it is not the class's fault.
LOST = "the judge itself"
#: The classes of a file, what is wrong with it, and the classes lost with that.
Content = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """What one class may use.

    Attributes
    ----------
    timeout : float
        Seconds of a processor's time; four times as many by the wall clock.
    megabytes : int
        Address space.
    patience : int
        How many classes of one file may run out of time before its others are not tried.
    total : float
        Seconds of a whole run, after which no further class is begun.
    """

    timeout: float = 20.0
    megabytes: int = 3072
    patience: int = 3
    total: float = inf


@dataclass(frozen=True)
class Job:
    """One class of one file, and how it is judged.

    Attributes
    ----------
    path, top : Path
        The file, and the folder above which it may import nothing.
    name, where : str
        The class, and its place.
    readable : tuple of Path
        The files and folders that the code may read; none for ``top`` and all that is in it.
    like : str
        The kind that it is judged as; empty to tell by its name and its methods.
    timing : bool
        Whether its time is compared with ours: that differs from run to run.
    """

    path: Path
    top: Path
    name: str
    where: str = ""
    lang: str = "en"
    draws: int = 1
    seed: int = 0
    readable: tuple[Path, ...] = ()
    like: str = ""
    timing: bool = True

    def order(self) -> dict[str, Any]:
        """Return what the judge is told."""
        readable = [str(self.path), *map(str, self.readable or (self.top,))]
        return {
            "path": str(self.path), "top": str(self.top), "class": self.name, "draws": self.draws,
            "seed": self.seed, "readable": readable, "like": self.like, "timing": self.timing,
        }  # fmt: skip


class JudgePool:
    """Processes that judge, several at a time; each lets foreign code run in yet another.

    Parameters
    ----------
    limits : Limits
    count : int
        How many, at most: they start when they are needed.
    """

    def __init__(self, limits: Limits | None = None, count: int = 1) -> None:
        self.limits = limits or Limits()
        self._free: SimpleQueue[_JudgeProcess | None] = SimpleQueue()
        for _ in range(count):
            self._free.put(None)
        self._running: set[_JudgeProcess] = set()
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        while not self._free.empty():
            judge = self._free.get()
            if judge is not None:
                judge.close()

    def stop(self) -> None:
        """End all of them at once, whatever they are at; none starts any more."""
        self._stopped = True
        for judge in list(self._running):
            judge.kill()

    def list(
        self, path: Path, top: Path, names: Sequence[str] = (), readable: Sequence[Path] = ()
    ) -> Content:
        """Return the classes of a file with their places, and what is wrong with it.

        Parameters
        ----------
        names : sequence of str
            Classes that are to be judged though nothing about them says so.
        """
        order = {**Job(path, top, "", readable=tuple(readable)).order(), "names": list(names)}
        order.pop("class")
        lines = list(self._ask(order))
        found = next((line for line in lines if "classes" in line), None)
        if found is not None:
            return dict(shown(found))
        why = [result_from({**line["result"], "verdict": "failed"}) for line in lines if "result" in line]
        return {"problems": [], "classes": {}, "broken": {}, "ended": why}

    def judge(self, job: Job) -> Report:
        """Judge a class; a report comes back whatever it does."""
        kind = recognise(job.name)
        report = Report(job.name, job.like or (kind.name if kind else ""), job.where, lang=job.lang)
        for line in self._ask(job.order()):
            if "result" in line:
                report.results.append(result_from(line["result"]))
            report.kind = line.get("kind", report.kind)
        return report

    def _ask(self, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
        judge = self._free.get()
        try:
            if judge is None:
                judge = _JudgeProcess()
                self._running.add(judge)
            if self._stopped:
                raise _GoneError
            limits = {"timeout": self.limits.timeout, "megabytes": self.limits.megabytes}
            yield from judge.ask({**order, **limits})
        except _GoneError:
            if judge is not None:
                judge.close()
                self._running.discard(judge)
            judge = None
            words = {"property": "run", "reason": LOST}
            yield {"result": {"property": "run", "verdict": "failed", "message": "killed", "words": words}}
        finally:
            self._free.put(judge)


class _GoneError(Exception):
    """A judge has ended in the middle of its work."""


class _JudgeProcess:
    """One process that judges."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="diynn-judge-", ignore_cleanup_errors=True)
        root = str(Path(__file__).resolve().parents[3])
        code = f"import sys; sys.path.append({root!r})\nfrom diynn.checking.files.judge import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-X", "faulthandler=0", "-c", code],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=self._folder.name, env=environment(self._folder.name), start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def ask(self, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Give an order; yield what is found, line by line."""
        try:
            self._stdin.write(json.dumps(order).encode() + b"\n")
            self._stdin.flush()
            for line in self._stdout:
                found = json.loads(line)
                if "done" in found:
                    return
                yield found
        except (OSError, ValueError) as error:
            raise _GoneError from error
        raise _GoneError

    def kill(self) -> None:
        """End the process now: those that it started end with it."""
        self._process.kill()

    def close(self) -> None:
        """Let the process end."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()
        self._folder.cleanup()
