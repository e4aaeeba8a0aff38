"""A pool of judge processes, and the jobs that they do."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

from diynn.checking.contract.recognise import kind_name
from diynn.checking.files.processes import interpreter
from diynn.checking.reporting.report import Report
from diynn.checking.reporting.results import result_from, sanitised

#: The reason for a missing verdict if the judge process died: not the class's fault.
LOST = "the judge itself"
#: The classes of a file, its problems, and the classes lost by syntax errors.
Content = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """Limits of one class, and of a run.

    Attributes
    ----------
    timeout : float
        Seconds of processor time; four times as many of wall-clock time.
    megabytes : int
        Address space.
    patience : int
        Classes of one file that may time out before the rest of it is skipped.
    total : float
        Seconds of a whole run, after which no class is begun.
    """

    timeout: float = 20.0
    megabytes: int = 3072
    patience: int = 3
    total: float = inf


@dataclass(frozen=True)
class Job:
    """The judgement of one class of one file.

    Attributes
    ----------
    path, top : Path
        The file, and its topmost folder for imports.
    name, where : str
        The class, and its file and line.
    readable : tuple of Path
        The files and folders that the code may read; empty for ``top``.
    like : str
        The kind that it is judged as; empty to recognise it by name and methods.
    timing : bool
        Whether its time is measured and compared with ours, which is not reproducible.
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

    @property
    def kind(self) -> str:
        """The kind that it is judged as, by ``like`` or by its name; empty if unknown."""
        return self.like or kind_name(self.name)

    def order(self) -> dict[str, Any]:
        """Return the order for the judge process, as JSON values."""
        readable = [str(self.path), *map(str, self.readable or (self.top,))]
        return {
            "path": str(self.path), "top": str(self.top), "class": self.name, "draws": self.draws,
            "seed": self.seed, "readable": readable, "like": self.like, "timing": self.timing,
        }  # fmt: skip


class JudgePool:
    """A pool of judge processes; each of them runs the foreign code in a worker process.

    Parameters
    ----------
    limits : Limits
    count : int
        Processes at most; they start when needed.
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
        """Kill all processes; none is started any more."""
        self._stopped = True
        for judge in list(self._running):
            judge.kill()

    def list(
        self, path: Path, top: Path, names: Sequence[str] = (), readable: Sequence[Path] = ()
    ) -> Content:
        """Return the classes of a file with their places, and its problems.

        Parameters
        ----------
        names : sequence of str
            Classes to judge whatever they look like.
        """
        order = {**Job(path, top, "", readable=tuple(readable)).order(), "names": list(names)}
        order.pop("class")
        lines = list(self._ask(order))
        found = next((line for line in lines if "classes" in line), None)
        if found is not None:
            return dict(sanitised(found))
        why = [result_from({**line["result"], "verdict": "failed"}) for line in lines if "result" in line]
        return {"problems": [], "classes": {}, "broken": {}, "ended": why}

    def judge(self, job: Job) -> Report:
        """Judge a class; return a report whatever the class does."""
        report = Report(job.name, job.kind, job.where, lang=job.lang)
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
    """A judge process has ended during an order."""


class _JudgeProcess:
    """One judge process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="diynn-judge-", ignore_cleanup_errors=True)
        code = "from diynn.checking.files.judge import main; main()"
        self._process = interpreter(code, self._folder.name, subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def ask(self, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Send an order; yield the lines of its answer."""
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
        """Kill the process; its children end with it."""
        self._process.kill()

    def close(self) -> None:
        """Close the process's input, and wait for its end."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()
        self._folder.cleanup()
