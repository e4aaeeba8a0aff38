"""The process in which one foreign class is judged; run as a script, with its job on standard input.

It gives up what it does not need, sets its limits, and only then runs foreign code. What it finds goes to
the file that it was given as standard output, a line of JSON each: what comes before a crash is not lost.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

_FORBIDDEN = (
    "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn",
    "os.kill", "os.killpg", "os.chown", "os.startfile", "ctypes.dlopen",
    "socket.connect", "socket.bind", "socket.sendto",
)  # fmt: skip
_CHANGING = (
    "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.truncate", "os.mkdir",
    "shutil.rmtree", "shutil.move",
)  # fmt: skip


def main() -> None:
    """Read the job, judge the class, write what was found."""
    job = json.loads(sys.stdin.buffer.read())
    out = os.dup(1)
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)

    def tell(**line: Any) -> None:
        os.write(out, (json.dumps(line, ensure_ascii=False) + "\n").encode())

    sys.path.append(job["root"])
    judge = _prepare()
    tell(begin="define")
    _limit(job)
    sys.setrecursionlimit(3000)
    try:
        judge(job, tell)
    except MemoryError:
        tell(memory=True)
    except (Exception, SystemExit) as error:
        tell(problem=[type(error).__name__, str(error)[:300]])
    tell(done=True)
    os._exit(0)  # no destructor of foreign objects, no exit handler


def _prepare() -> Any:
    """Import what is needed before the limits, and return what judges."""
    import numpy as np

    from diynn.checking import check
    from diynn.checking.files.finding import Piece, Source
    from diynn.checking.files.define import Definitions
    from diynn.checking.diagnosis.mistakes import load as load_mistakes
    from diynn.checking.contract.properties import load as load_properties
    from diynn.checking.reporting.report import Result, plain

    load_mistakes()
    load_properties()
    np.ones((2, 2)) @ np.ones((2, 2))  # starts BLAS

    def judge(job: dict[str, Any], tell: Any) -> None:
        pieces = [Piece(name, text) for name, text in job["pieces"]]
        definitions = Definitions(Source(job["file"], pieces, job["siblings"]))
        name = job["class"]
        cls = definitions.names.get(name)
        if not isinstance(cls, type):
            error = definitions.errors.get(name, NameError(name))
            missing = getattr(error, "name", None)
            line = definitions.source.not_run().get(str(missing))
            key = "not_run" if line else "not_defined"
            words = {"error": type(error).__name__, "text": str(error)[:300], "names": missing}
            tell(result={"property": "construct", "verdict": "failed", "message": key, "words": words})
            return

        def watch(what: str, result: Result | None) -> None:
            if result is None:
                tell(begin=what)
            else:
                _point_out(result, definitions.source.not_run(), job["lang"])
                fields = {key: plain(getattr(result, key)) for key in Result.__dataclass_fields__}
                tell(result=fields)

        beside = definitions.names.get(job["beside"] or "")
        report = check(
            cls, lang=job["lang"], draws=job["draws"], seed=job["seed"], watch=watch,
            beside=beside if isinstance(beside, type) else None,
        )  # fmt: skip
        tell(kind=report.kind)

    return judge


def _point_out(result: Any, not_run: dict[str, int], lang: str) -> None:
    """Say of a name that is missing that its line is not run."""
    from diynn.checking.reporting.messages import text

    if result.words.get("error") == "NameError":
        for name in not_run:
            if f"'{name}'" in str(result.words.get("text")):
                result.words["text"] = f"{result.words['text']} ({text('not_run', lang, names=name)})"


def _limit(job: dict[str, Any]) -> None:
    """Set the limits of this process, and refuse what no module needs."""
    try:
        import resource
    except ImportError:  # not a Unix: the wall clock is all there is
        pass
    else:
        _set(resource, "RLIMIT_CORE", 0)
        _set(resource, "RLIMIT_CPU", int(job["timeout"]) + 1)
        _set(resource, "RLIMIT_FSIZE", 16 << 20)
        _set(resource, "RLIMIT_NOFILE", 64)
        _set(resource, "RLIMIT_AS", int(job["megabytes"]) << 20)
        _set(resource, "RLIMIT_NPROC", 0)
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    here = os.path.realpath(os.getcwd()) + os.sep

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN:
            raise PermissionError(f"{event} is not allowed in a check")
        changes = event in _CHANGING or (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & writing
        )
        if changes and arguments[0] != os.devnull:
            path = arguments[0]
            if not isinstance(path, str | os.PathLike) or not os.path.realpath(path).startswith(here):
                raise PermissionError("files may not be changed in a check")

    sys.addaudithook(refuse)


def _set(resource: Any, name: str, value: int) -> None:
    limit = getattr(resource, name, None)
    if limit is not None:
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(limit, (value, value))
        except (ValueError, OSError):  # not in this system's power
            return


if __name__ == "__main__":
    main()
