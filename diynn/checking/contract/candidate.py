"""The class under judgement, the options of its judgement, and the results so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from diynn.checking.contract.class_info import ClassInfo
from diynn.checking.contract.instance import HostInterface, Instance
from diynn.checking.contract.kinds import Kind, Setup
from diynn.checking.contract.paths import Path
from diynn.checking.contract.raised import Raised
from diynn.checking.reporting.results import Result


class Factory(Protocol):
    """A function that builds an instance for a setup and sets its arrays."""

    def __call__(self, setup: Setup, values: Mapping[Path, np.ndarray] | None = None) -> Instance:
        """Build an instance."""


Watch = Callable[[str, "Result | None"], None]


@dataclass
class Partner:
    """Another class of the same author, and its factory."""

    info: ClassInfo
    kind: Kind
    make: Factory


@dataclass
class Candidate:
    """A class under judgement, and how it is judged.

    Attributes
    ----------
    info : ClassInfo
        The description of its class.
    host : Host, or its remote form
        Where its instances live.
    make : callable
        Builds an instance for a setup.
    kind : Kind
        The kind that it is judged as.
    setups : tuple of Setup
    redraw : bool
        Whether its parameters may be replaced by random ones.
    preferred : str
        The reading of a loss that its name suggests.
    draws : int
        Inputs drawn for each setup.
    seed : int
    timing : bool
        Whether its time is measured and compared with ours.
    partners : dict
        Other classes of the same author by the name of their kind, to build nets from.
    bases : tuple of str
        The base classes of modules in the same file: a net may require them of its modules.
    derived : tuple of str
        The classes of the same file that derive from it.
    zeroes : str
        The line outside all modules that calls ``zero_grad``, empty if there is none.
    """

    info: ClassInfo
    host: HostInterface
    make: Factory
    kind: Kind
    setups: tuple[Setup, ...]
    redraw: bool = True
    preferred: str = ""
    draws: int = 1
    seed: int = 0
    timing: bool = True
    partners: Mapping[str, Partner] = field(default_factory=dict)
    bases: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    zeroes: str = ""
    results: list[Result] = field(default_factory=list)
    watch: Watch | None = None
    stage: str = "construct"

    @property
    def name(self) -> str:
        """The name of its class."""
        return self.info.name

    def begin(self, name: str) -> None:
        """Note that a property is being tested, and call ``watch``."""
        self.stage = name
        if self.watch is not None:
            self.watch(name, None)

    def add(self, result: Result) -> None:
        """Append a result, and call ``watch`` with it."""
        self.results.append(result)
        if self.watch is not None:
            self.watch(result.property, result)

    def where(self, method: str = "") -> str:
        """Return the file and line of a method, or of the class."""
        return self.info.place(method)

    def blame(self, result: Result, error: Raised) -> Result:
        """Return a result with the message and the place of an exception."""
        words = result.words | {"method": error.method, **error.words}
        where = str(error.words.get("line") or self.where(error.method))
        return replace(result, message=error.key, words=words, method=error.method, where=where)
