"""The judge process: it draws inputs, compares outputs and decides, and holds no object of foreign code.

It reads orders from standard input, a line of JSON each, and writes the results, one a line. The foreign code
of each order runs in a worker process of its own (:mod:`diynn.checking.files.processes`).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NoReturn

from diynn.checking.contract.examine import examine
from diynn.checking.contract.raised import ProcessEnded, Raised
from diynn.checking.files.candidates import candidate_of
from diynn.checking.files.processes import Launcher, make_launcher
from diynn.checking.files.remote import RemoteHost
from diynn.checking.reporting.results import Result, Verdict, jsonable

Emit = Callable[..., None]


def main(*, forks: bool | None = None) -> NoReturn:
    """Serve orders until standard input ends."""
    launcher = make_launcher() if forks is None else make_launcher(forks=forks)
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def emit(**line: Any) -> None:
        answers.write(json.dumps(line, ensure_ascii=False) + "\n")
        answers.flush()

    waiting: SimpleQueue[bytes] = SimpleQueue()

    def read() -> None:
        for line in orders:
            waiting.put(line)
        os._exit(0)  # the parent is gone: end, and the worker with it

    threading.Thread(target=read, daemon=True).start()
    while True:
        execute(launcher, json.loads(waiting.get()), emit)
        emit(done=True)


def execute(launcher: Launcher, order: dict[str, Any], emit: Emit) -> None:
    """Execute an order: list the classes of a file, or judge one of them.

    Parameters
    ----------
    order : dict
        From :meth:`diynn.checking.files.pool.Job.order`, with ``timeout`` and ``megabytes``; without
        ``class`` to list the classes of the file.
    """
    with tempfile.TemporaryDirectory(prefix="diynn-check-", ignore_cleanup_errors=True) as folder:
        pid, connection = launcher.start(folder)
        host = RemoteHost(connection, order["timeout"])
        stage = ["define"]

        def watch(what: str, result: Result | None) -> None:
            stage[0] = what
            if result is not None:
                emit(result={key: jsonable(getattr(result, key)) for key in Result.__dataclass_fields__})

        patience = 0.0
        ended: ProcessEnded | None = None
        try:
            _execute(host, order, emit, watch)
        except ProcessEnded as error:
            ended, patience = error, 1.0 if error.key == "closed" else 0.0
        except Exception as error:  # the worker's answers cannot even be compared
            ended = ProcessEnded("killed", reason=f"{type(error).__name__}: {error}"[:200])
        finally:
            connection.close()
            ending = launcher.end(pid, patience)
        if ended is not None:
            watch(stage[0], _ended(ended, ending, stage[0], order))


def _ended(ended: ProcessEnded, ending: str, stage: str, order: dict[str, Any]) -> Result:
    """Return the verdict on a class whose worker has ended, or was killed."""
    words: dict[str, Any] = {"property": stage, **ended.words}
    key = ended.key
    if key == "memory":
        words["text"] = f"{order['megabytes']} MB"
    elif ending == "SIGXCPU":
        key, words["seconds"] = "timeout", f"{order['timeout']:g}"
    elif key == "closed":
        key, words["reason"] = "killed", ending or "?"
    return Result("run", Verdict.FAILED, key, words)


def _execute(host: RemoteHost, order: dict[str, Any], emit: Emit, watch: Callable[..., None]) -> None:
    host.ask("limit", float(order["timeout"]), int(order["megabytes"]), order.get("readable", [order["top"]]))
    try:
        found = host.ask("open", order["path"], order["top"], order.get("names", []))
    except Raised as error:
        emit(problems=[[error.key, "", str(error.words.get("text", ""))]], classes={}, broken={})
        return
    if "class" not in order:
        emit(**{name: jsonable(found[name]) for name in ("problems", "classes", "broken")})
        return
    candidate = candidate_of(host, found, order, watch)
    if candidate is not None:
        report = examine(candidate)
        emit(kind=report.kind)


if __name__ == "__main__":
    main()
