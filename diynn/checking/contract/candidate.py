"""What is to be judged, and what has been found of it so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from diynn.checking.contract.class_info import ClassInfo
from diynn.checking.contract.instance import HostInterface, Instance
from diynn.checking.contract.kinds import Kind, Setup
from diynn.checking.contract.paths import Path
from diynn.checking.reporting.results import Result


class Factory(Protocol):
    """What builds an instance for a setup, and sets its arrays."""

    def __call__(self, setup: Setup, values: Mapping[Path, np.ndarray] | None = None) -> Instance:
        """Build an instance."""


Watch = Callable[[str, "Result | None"], None]


@dataclass
class Partner:
    """Another class that its author wrote, and what builds it."""

    info: ClassInfo
    kind: Kind
    make: Factory


@dataclass
class Candidate:
    """What is to be judged, and how.

    Attributes
    ----------
    info : ClassInfo
        What is known of its class.
    host : Host, or its remote form
        Where its instances live.
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
    partners : dict
        By the name of their kind, other classes of the same author: nets are made of them.
    bases : tuple of str
        The base classes of modules in the same file: a net may ask its modules to derive from one.
    derived : tuple of str
        The classes of the same file that derive from it.
    zeroes : str
        The line outside all modules in which its author calls ``zero_grad``, empty if there is none.
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
        """Note which property is checked now, and call ``watch``."""
        self.stage = name
        if self.watch is not None:
            self.watch(name, None)

    def add(self, result: Result) -> None:
        """Keep a result, and pass it to ``watch``."""
        self.results.append(result)
        if self.watch is not None:
            self.watch(result.property, result)

    def where(self, method: str = "") -> str:
        """Return the file and line of a method, or of the class."""
        return self.info.place(method)
