"""The worker process: it parses a file of foreign code, runs its definitions, and serves requests.

It enters its limits and the sandbox before it parses the file. It decides nothing: it sends arrays, names and
places in files.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import sys
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from diynn.checking.contract.class_info import ClassInfo, describe_class
from diynn.checking.contract.host import Host
from diynn.checking.contract.raised import Raised
from diynn.checking.contract.recognise import is_base
from diynn.checking.files.define import Definitions
from diynn.checking.files.finding import Source, read
from diynn.checking.files.wire import ConnectionClosed, MalformedMessage, receive, send
from diynn.checking.sandbox import enter

_FORBIDDEN = (
    "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn",
    "os.kill", "os.killpg", "os.chown", "os.startfile", "ctypes.dlopen",
    "socket.connect", "socket.bind", "socket.sendto",
)  # fmt: skip
_CHANGING = (
    "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.truncate", "os.mkdir",
    "shutil.rmtree", "shutil.move",
)  # fmt: skip


class FileHost(Host):
    """The host of the classes of one file."""

    def __init__(self) -> None:
        super().__init__({})
        self.source: Source | None = None
        self._infos: dict[str, ClassInfo] = {}

    def open(self, path: str, top: str, names: list[str]) -> dict[str, Any]:
        """Parse a file; return its classes with their places, and its problems.

        Classes called ``names`` are included, whatever they look like.

        Raises
        ------
        Raised
            If it cannot be read.
        """
        try:
            self.source = read(Path(path), Path(top))
            self.source.names = frozenset(names)
            found = {name: self.source.place(name) for name in self.source.classes()}
        except (OSError, ValueError, RecursionError) as error:
            raise Raised("open", "unreadable", text=str(error) or type(error).__name__) from error
        return {
            "classes": found, "problems": [list(each) for each in self.source.problems],
            "broken": {name: list(each) for name, each in self.source.broken.items()},
            "bases": self.source.derived(), "ours": self.source.ours(),
            "zeroes": self.source.zeroes_in_a_loop(),
        }  # fmt: skip

    def define(self) -> dict[str, Any]:
        """Run the definitions; return the classes, the errors, and the names that were not defined."""
        assert self.source is not None
        definitions = Definitions(self.source).run()
        self.classes = {name: each for name, each in definitions.names.items() if isinstance(each, type)}
        errors = {
            name: [type(error).__name__, str(error)[:300], str(getattr(error, "name", "") or "")]
            for name, error in definitions.errors.items()
        }
        names = [name for name in self.source.classes() if name in self.classes]
        bases = [name for name in self.classes if is_base(name)]
        stand_ins = self.source.classes_using(definitions.stand_ins)
        return {
            "classes": names, "bases": bases, "errors": errors, "not_run": self.source.not_run(),
            "stand_ins": stand_ins,
        }  # fmt: skip

    def class_info(self, name: str) -> ClassInfo:
        """Describe a class; the description is cached."""
        if name not in self._infos:
            self._infos[name] = describe_class(self.classes[name])
        return self._infos[name]


_ASKED = frozenset(
    ["open", "define", "class_info", "build", "copy", "call", "answer_now", "arguments_now",
     "missing_methods", "has", "sizes", "arrays", "overlaps", "read", "write"]
)  # fmt: skip


def serve(connection: socket.socket) -> None:
    """Answer requests until the judge closes the socket."""
    host = FileHost()
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - foreign code draws from it
    with np.errstate(all="ignore"), contextlib.suppress(ConnectionClosed, MalformedMessage):
        while True:
            what, arguments, dropped = receive(connection)
            host.drop(dropped)
            send(connection, _answer(host, what, arguments))


def _answer(host: FileHost, what: str, arguments: list[Any]) -> list[Any]:
    if what == "limit":
        limit(*arguments)
        return ["answer", None]
    if what not in _ASKED:
        return ["raised", [what, "raises", {"error": "LookupError", "text": what, "line": ""}]]
    try:
        return ["answer", getattr(host, what)(*arguments)]
    except Raised as error:
        return ["raised", [error.method, error.key, error.words]]
    except MemoryError:
        return ["memory", None]
    except Exception as error:  # any access to a foreign object may raise
        words = {"error": type(error).__name__, "text": str(error)[:200], "line": ""}
        return ["raised", [what, "raises", words]]


def limit(timeout: float, megabytes: int, readable: list[str]) -> None:
    """Set the limits of this process, enter the sandbox, and add an audit hook.

    The sandbox protects against malice; the audit hook gives clearer messages.
    """
    sys.setrecursionlimit(3000)
    sys.dont_write_bytecode = True
    try:
        import resource
    except ImportError:  # not Unix: only the deadline by the wall clock
        pass
    else:
        _set(resource, "RLIMIT_CORE", 0)
        _set(resource, "RLIMIT_CPU", ceil(timeout), 1)  # SIGXCPU tells the reason; then SIGKILL
        _set(resource, "RLIMIT_FSIZE", 16 << 20)
        _set(resource, "RLIMIT_NOFILE", 64)
        _set(resource, "RLIMIT_AS", megabytes << 20)
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

    enter(readable, here)
    sys.addaudithook(refuse)


def _set(resource: Any, name: str, value: int, more: int = 0) -> None:
    kind = getattr(resource, name, None)
    if kind is not None:
        hard = resource.getrlimit(kind)[1]
        values = value, value + more
        if hard != resource.RLIM_INFINITY:
            values = min(value, hard), min(value + more, hard)
        with contextlib.suppress(ValueError, OSError):  # not supported by this system
            resource.setrlimit(kind, values)
