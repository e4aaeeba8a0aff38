"""What is to be judged, and what has been found of it so far."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from diynn.checking.contract.kinds import Kind, Setup
from diynn.checking.reporting.report import Result

Make = Callable[[Setup], Any]
Watch = Callable[[str, Result | None], None]


@dataclass
class Target:
    """What is to be judged, and how.

    Attributes
    ----------
    name : str
        The name of the class.
    cls : type
    make : callable
        Builds an instance for a setup.
    kind : Kind
        What it is judged as.
    setups : tuple of Setup
    redraw : bool
        Whether its parameters may be replaced by random ones.
    preferred : str
        The reading of a loss that its name suggests.
    draws : int
        Inputs drawn for each setup.
    seed : int
    timing : bool
        Whether its time is compared with ours.
    beside : type, optional
        The net that an optimiser was written for, where it comes with one.
    """

    name: str
    cls: type
    make: Make
    kind: Kind
    setups: tuple[Setup, ...]
    redraw: bool = True
    preferred: str = ""
    draws: int = 1
    seed: int = 0
    timing: bool = True
    beside: type | None = None
    results: list[Result] = field(default_factory=list)
    watch: Watch | None = None
    stage: str = "construct"

    def begin(self, name: str) -> None:
        """Note what is looked at now, and tell who watches."""
        self.stage = name
        if self.watch is not None:
            self.watch(name, None)

    def add(self, result: Result) -> None:
        """Keep a result, and tell who watches."""
        self.results.append(result)
        if self.watch is not None:
            self.watch(result.property, result)

    def where(self, method: str = "") -> str:
        """Return the file and line of a method, or of the class."""
        thing = inspect.unwrap(getattr(self.cls, method, self.cls)) if method else self.cls
        code = getattr(thing, "__code__", None)
        if code is not None:
            return f"{code.co_filename}:{code.co_firstlineno}"
        with contextlib.suppress(OSError, TypeError):
            return f"{inspect.getsourcefile(self.cls)}:{inspect.getsourcelines(self.cls)[1]}"
        # A class that was run from text has no file; its methods know theirs.
        own = [each.__code__ for each in vars(self.cls).values() if hasattr(each, "__code__")]
        first = min(own, key=lambda each: each.co_firstlineno, default=None)
        return f"{first.co_filename}:{first.co_firstlineno}" if first is not None else ""
