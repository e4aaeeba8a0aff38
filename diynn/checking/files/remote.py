"""A host in another process: asked over a wire, under a deadline, and believed nothing but what it sends."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from diynn.checking.contract.class_info import ClassInfo
from diynn.checking.contract.host import Values
from diynn.checking.contract.paths import Path
from diynn.checking.contract.raised import ProcessEnded, Raised
from diynn.checking.files.wire import ConnectionClosed, MalformedMessage, receive, send

Kind = TypeVar("Kind")

_BY_THE_CLOCK = 1 if sys.platform == "win32" else 4  # Windows limits no process's time


class RemoteHost:
    """The far end of a :class:`diynn.checking.contract.host.Host`, with the same methods.

    Parameters
    ----------
    wire : socket
        To the process that :mod:`diynn.checking.files.worker` runs in.
    seconds : float
        What all calls together may take of a processor's time, which the process itself is limited to; a few
        times as much by the wall clock, for one that waits, and since other work may have the processors.
    """

    def __init__(self, wire: socket.socket, seconds: float) -> None:
        self.wire, self.seconds = wire, seconds
        self.deadline = time.monotonic() + _BY_THE_CLOCK * seconds
        self._dropped: list[int] = []

    def ask(self, what: str, *arguments: Any) -> Any:
        """Let the other side do something and return its answer.

        Raises
        ------
        Raised
            If the foreign code raised.
        ProcessEnded
            If the time is over, the memory spent or the process gone.
        """
        dropped, self._dropped = self._dropped, []
        self.wire.settimeout(max(self.deadline - time.monotonic(), 1e-3))
        try:
            send(self.wire, [what, list(arguments), dropped])
            status, answer = receive(self.wire)
        except TimeoutError:
            raise ProcessEnded("timeout", seconds=f"{self.seconds:g}") from None
        except (MalformedMessage, ValueError, TypeError) as error:
            raise ProcessEnded("killed", reason=f"{type(error).__name__}: {error}") from error
        except ConnectionClosed as error:
            raise ProcessEnded("closed") from error
        if status == "raised":
            method, key, words = answer
            raise Raised(str(method), str(key), **{str(name): value for name, value in words.items()})
        if status == "memory":
            raise ProcessEnded("memory")
        return answer

    # ------------------------------------------------------------ the methods of a host

    def class_info(self, name: str) -> ClassInfo:
        """Describe a class."""
        return _checked(self.ask("class_info", name), ClassInfo)

    def build(
        self, number: int, name: str, arguments: Sequence[Any], named: Mapping[str, Any], values: Values = ()
    ) -> bool:
        """Construct an instance and set its arrays."""
        return bool(self.ask("build", number, name, list(arguments), dict(named), list(values)))

    def copy(self, number: int, values: Values = ()) -> bool:
        """Copy the prototype: there is none of a file."""
        return bool(self.ask("copy", number, list(values)))

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget instances, with the next question."""
        self._dropped += numbers

    def call(self, number: int, method: str, arguments: Sequence[Any]) -> Any:
        """Call a method."""
        return self.ask("call", number, method, list(arguments))

    def answer_now(self, number: int, back: int) -> Any:
        """Return what the last answer, or one before it, holds by now."""
        return self.ask("answer_now", number, back)

    def arguments_now(self, number: int) -> list[Any]:
        """Return what the arguments of the last call hold by now."""
        return _checked(self.ask("arguments_now", number), list)

    def missing_methods(self, number: int, names: Sequence[str]) -> list[str]:
        """Return which of the names are no methods."""
        return [str(each) for each in _checked(self.ask("missing_methods", number, list(names)), list)]

    def has(self, number: int, name: str) -> bool:
        """Say whether there is an attribute that is not None."""
        return bool(self.ask("has", number, name))

    def sizes(self, number: int) -> dict[str, int]:
        """Return the whole numbers among the attributes."""
        return {str(name): int(each) for name, each in _checked(self.ask("sizes", number), dict).items()}

    def arrays(self, number: int) -> list[tuple[Path, np.ndarray]]:
        """Return every array it holds."""
        pairs = _checked(self.ask("arrays", number), list)
        return [(_checked(path, tuple), _checked(array, np.ndarray)) for path, array in pairs]

    def overlaps(self, number: int) -> list[tuple[int, int]]:
        """Return which of them share memory."""
        return [(int(one), int(other)) for one, other in _checked(self.ask("overlaps", number), list)]

    def read(self, number: int, path: Path) -> np.ndarray:
        """Return the array at ``path``."""
        return _checked(self.ask("read", number, path), np.ndarray)

    def write(self, number: int, values: Values) -> bool:
        """Set arrays."""
        return bool(self.ask("write", number, list(values)))


def _checked(answer: Any, wanted: type[Kind]) -> Kind:
    """Return an answer of the type that the question asks for; anything else is the end."""
    if not isinstance(answer, wanted):
        raise ProcessEnded("killed", reason="an answer of another type")
    return answer
