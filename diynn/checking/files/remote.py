"""A host in a worker process: requests over a socket, with a deadline and checked answers."""

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

_BY_THE_CLOCK = 1 if sys.platform == "win32" else 4  # Windows has no limit of processor time


class RemoteHost:
    """A client of the :class:`diynn.checking.contract.host.Host` in a worker, with the same methods.

    Parameters
    ----------
    connection : socket
        To the worker (:mod:`diynn.checking.files.worker`).
    seconds : float
        Processor time of all calls together, to which the worker itself is limited. The deadline is a few
        times later by the wall clock, since other processes may take the processors.
    """

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self.connection, self.seconds = connection, seconds
        self.deadline = time.monotonic() + _BY_THE_CLOCK * seconds
        self._dropped: list[int] = []

    def ask(self, what: str, *arguments: Any) -> Any:
        """Send a request and return the answer.

        Raises
        ------
        Raised
            If the foreign code raised.
        ProcessEnded
            If the time or memory is used up, or the process has ended.
        """
        dropped, self._dropped = self._dropped, []
        self.connection.settimeout(max(self.deadline - time.monotonic(), 1e-3))
        try:
            send(self.connection, [what, list(arguments), dropped])
            status, answer = receive(self.connection)
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
        return _typed(self.ask("class_info", name), ClassInfo)

    def build(
        self, number: int, name: str, arguments: Sequence[Any], named: Mapping[str, Any], values: Values = ()
    ) -> bool:
        """Construct an instance and set its arrays."""
        return bool(self.ask("build", number, name, list(arguments), dict(named), list(values)))

    def copy(self, number: int, values: Values = ()) -> bool:
        """Copy the prototype; the host of a file has none."""
        return bool(self.ask("copy", number, list(values)))

    def drop(self, numbers: Sequence[int]) -> None:
        """Delete instances, with the next request."""
        self._dropped += numbers

    def call(self, number: int, method: str, arguments: Sequence[Any]) -> Any:
        """Call a method."""
        return self.ask("call", number, method, list(arguments))

    def answer_now(self, number: int, back: int) -> Any:
        """Return the current values of the last answer, or of the one before it."""
        return self.ask("answer_now", number, back)

    def arguments_now(self, number: int) -> list[Any]:
        """Return the current values of the arguments of the last call."""
        return _typed(self.ask("arguments_now", number), list)

    def missing_methods(self, number: int, names: Sequence[str]) -> list[str]:
        """Return which of the names are not methods."""
        return [str(each) for each in _typed(self.ask("missing_methods", number, list(names)), list)]

    def has(self, number: int, name: str) -> bool:
        """Return whether there is an attribute that is not None."""
        return bool(self.ask("has", number, name))

    def sizes(self, number: int) -> dict[str, int]:
        """Return the integer attributes."""
        return {str(name): int(each) for name, each in _typed(self.ask("sizes", number), dict).items()}

    def arrays(self, number: int) -> list[tuple[Path, np.ndarray]]:
        """Return the arrays in it."""
        pairs = _typed(self.ask("arrays", number), list)
        return [(_typed(path, tuple), _typed(array, np.ndarray)) for path, array in pairs]

    def overlaps(self, number: int) -> list[tuple[int, int]]:
        """Return the pairs of arrays that share memory."""
        return [(int(one), int(other)) for one, other in _typed(self.ask("overlaps", number), list)]

    def read(self, number: int, path: Path) -> np.ndarray:
        """Return the array at ``path``."""
        return _typed(self.ask("read", number, path), np.ndarray)

    def write(self, number: int, values: Values) -> bool:
        """Set arrays."""
        return bool(self.ask("write", number, list(values)))


def _typed(answer: Any, wanted: type[Kind]) -> Kind:
    """Return an answer of the expected type; anything else ends the judgement."""
    if not isinstance(answer, wanted):
        raise ProcessEnded("killed", reason="an answer of another type")
    return answer
