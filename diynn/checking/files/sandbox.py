"""Judging one class in a process of its own, so that whatever it does costs one verdict and not the run.

The process has no environment but a few harmless variables, a temporary working directory, limits on time,
memory, files and processes, and is killed with all it started. That stops accidents and carelessness: an
endless loop, a crash, a runaway allocation, a forgotten ``os.remove``. It is no wall against malice: the
code runs as the same user, may read what that user may read, and may forge its own verdict. Against that,
run the whole in a container or a virtual machine without network.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diynn.checking.files.finding import Source
from diynn.checking.reporting.report import Report, Result, Verdict, result_from

_LONGEST = 8 << 20


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
    """One class of one file."""

    source: Source
    name: str
    beside: str = ""
    lang: str = "en"
    draws: int = 1
    seed: int = 0


def judge(job: Job, limits: Limits) -> Report:
    """Judge a class in a process of its own.

    Parameters
    ----------
    job : Job
    limits : Limits

    Returns
    -------
    Report
        Whatever happens: a class that hangs or crashes has that for a verdict.
    """
    lines, ending = _run(job, limits)
    results: list[Result] = []
    kind = ""
    stage, done = "define", False
    memory: Any = None
    for line in lines:
        stage = str(line.get("begin", stage))
        with contextlib.suppress(TypeError, KeyError, ValueError):
            if "result" in line:
                results.append(result_from(line["result"]))
        kind = str(line.get("kind", kind))
        memory = line.get("memory", memory)
        if "problem" in line:
            error, text = [*map(str, line["problem"]), "", ""][:2]
            results.append(_ended("killed", stage, reason=f"{error}: {text}"))
        done = done or line.get("done") is True
    if memory:
        results.append(_ended("memory", stage, text=f"{limits.megabytes} MB"))
    elif ending == "timeout":
        results.append(_ended("timeout", stage, seconds=f"{limits.timeout:g}"))
    elif not done:
        results.append(_ended("killed", stage, reason=ending))
    return Report(job.name, kind or _kind(job.name), job.source.place(job.name), results, job.lang)


def _kind(name: str) -> str:
    from diynn.checking.files.building import recognise

    kind = recognise(name)
    return kind.name if kind is not None else ""


def _ended(key: str, stage: str, **words: Any) -> Result:
    return Result("run", Verdict.FAILED, key, {"property": stage, **words})


def _run(job: Job, limits: Limits) -> tuple[list[dict[str, Any]], str]:
    """Run the worker; return its lines, and how it ended."""
    root = str(Path(__file__).resolve().parents[3])
    order = json.dumps(
        {
            "root": root, "file": job.source.name, "class": job.name, "beside": job.beside, "lang": job.lang,
            "draws": job.draws, "seed": job.seed, "timeout": limits.timeout, "megabytes": limits.megabytes,
            "pieces": [[piece.name, piece.text] for piece in job.source.pieces],
            "siblings": job.source.siblings,
        }
    ).encode()  # fmt: skip
    script = str(Path(__file__).with_name("worker.py"))
    with (
        tempfile.TemporaryDirectory(prefix="diynn-check-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as answers,
        tempfile.TemporaryFile() as question,
    ):
        question.write(order)
        question.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-I", "-X", "faulthandler=0", script],
            stdin=question,
            stdout=answers,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        try:
            process.wait(limits.timeout)
            ending = _reason(process.returncode)
        except subprocess.TimeoutExpired:
            ending = "timeout"
        finally:
            _kill(process)
        answers.seek(0)
        return list(_lines(answers.read(_LONGEST))), ending


def _environment(folder: str) -> dict[str, str]:
    """Return an environment without anything of the user's: no tokens, no paths."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return kept | threads | {
        "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": folder, "DIYNN_BACKEND": "numpy",
    }  # fmt: skip


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all it started, which share its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()


def _lines(written: bytes) -> Iterator[dict[str, Any]]:
    """Yield the lines that are JSON objects; foreign code may have written others between them."""
    for line in written.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield found
