"""The process that judges: it draws, compares and decides, and never holds an object of foreign code.

It reads orders from its standard input, a line of JSON each, and writes what it finds, result by result.
Each order gets a process of its own for the foreign code (:mod:`diynn.checking.files.processes`).
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
from diynn.checking.files.processes import Launcher, launcher
from diynn.checking.files.remote import RemoteHost
from diynn.checking.reporting.results import Result, Verdict, plain

Tell = Callable[..., None]


def main(*, forks: bool | None = None) -> NoReturn:
    """Serve orders until the standard input ends."""
    place = launcher() if forks is None else launcher(forks=forks)
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**line: Any) -> None:
        answers.write(json.dumps(line, ensure_ascii=False) + "\n")
        answers.flush()

    waiting: SimpleQueue[bytes] = SimpleQueue()

    def read() -> None:
        for line in orders:
            waiting.put(line)
        os._exit(0)  # who gave the orders is gone: what runs for them ends, too

    threading.Thread(target=read, daemon=True).start()
    while True:
        serve(place, json.loads(waiting.get()), tell)
        tell(done=True)


def serve(place: Launcher, order: dict[str, Any], tell: Tell) -> None:
    """Do what an order says: list the classes of a file, or judge one of them.

    Parameters
    ----------
    order : dict
        As :meth:`diynn.checking.files.pool.Job.order` makes it, with ``timeout`` and ``megabytes``;
        without ``class`` the classes of the file are listed.
    """
    with tempfile.TemporaryDirectory(prefix="diynn-check-", ignore_cleanup_errors=True) as folder:
        number, wire = place.start(folder)
        host = RemoteHost(wire, order["timeout"])
        stage = ["define"]

        def watch(what: str, result: Result | None) -> None:
            stage[0] = what
            if result is not None:
                tell(result={key: plain(getattr(result, key)) for key in Result.__dataclass_fields__})

        patience = 0.0
        ended: ProcessEnded | None = None
        try:
            _serve(host, order, tell, watch)
        except ProcessEnded as error:
            ended, patience = error, 1.0 if error.key == "closed" else 0.0
        except Exception as error:  # what came over the wire was so odd that it cannot even be compared
            ended = ProcessEnded("killed", reason=f"{type(error).__name__}: {error}"[:200])
        finally:
            wire.close()
            how = place.end(number, patience)
        if ended is not None:
            watch(stage[0], _ended(ended, how, stage[0], order))


def _ended(ended: ProcessEnded, how: str, stage: str, order: dict[str, Any]) -> Result:
    """Return the verdict on a class whose process has ended, or was ended."""
    words: dict[str, Any] = {"property": stage, **ended.words}
    key = ended.key
    if key == "memory":
        words["text"] = f"{order['megabytes']} MB"
    elif how == "SIGXCPU":
        key, words["seconds"] = "timeout", f"{order['timeout']:g}"
    elif key == "closed":
        key, words["reason"] = "killed", how or "?"
    return Result("run", Verdict.FAILED, key, words)


def _serve(host: RemoteHost, order: dict[str, Any], tell: Tell, watch: Callable[..., None]) -> None:
    host.ask("limit", float(order["timeout"]), int(order["megabytes"]), order.get("readable", [order["top"]]))
    try:
        found = host.ask("open", order["path"], order["top"], order.get("names", []))
    except Raised as error:
        tell(problems=[[error.key, "", str(error.words.get("text", ""))]], classes={}, broken={})
        return
    if "class" not in order:
        tell(**{name: plain(found[name]) for name in ("problems", "classes", "broken")})
        return
    candidate = candidate_of(host, found, order, watch)
    if candidate is not None:
        report = examine(candidate)
        tell(kind=report.kind)


if __name__ == "__main__":
    main()
