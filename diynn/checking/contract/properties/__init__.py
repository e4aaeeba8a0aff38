"""The properties of the contract, one small function each, and the registry that holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diynn.checking.contract.trial import close


@dataclass
class Finding:
    """What a property saw in one trial.

    Attributes
    ----------
    got : array, dict of arrays, or plain value
    right : the same, or a callable that returns it
        A callable where it is dear: it is asked only when something is wrong.
    fine : bool or None
        The verdict; None if this trial says nothing.
    mistake : str
        The mistake, where the property itself knows it.
    extra : dict
        More for the formulas of the known mistakes.
    words : dict
        For the sentence of the report.
    remark : bool
        Whether it is worth a remark only, where it is not fine.
    """

    got: Any
    right: Any
    fine: bool | None
    mistake: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    words: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    remark: bool = False

    def expected(self) -> Any:
        """Return what is right."""
        if callable(self.right):
            self.right = self.right()
        return self.right


Look = Callable[[Any], "Finding | None"]


@dataclass(frozen=True)
class Property:
    """One property of the contract.

    Attributes
    ----------
    name : str
        Also the key of its messages.
    look : callable
        Takes a trial, returns what it saw, or None where the property says nothing about it.
    method : str
        Where to look when it fails.
    after : tuple of str
        Properties without which it makes no sense: if one of them failed, this one is skipped.
    runs : tuple of str
        Properties that may fail, but must not raise.
    remark : bool
        Whether a failure is only worth a remark.
    """

    name: str
    look: Look
    method: str
    after: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    remark: bool = False


MODULE_PROPERTIES: list[Property] = []
LOSS_PROPERTIES: list[Property] = []


def module_property(name: str, method: str, **options: Any) -> Callable[[Look], Look]:
    """Register a property of modules."""
    return _register(MODULE_PROPERTIES, name, method, options)


def loss_property(name: str, method: str, **options: Any) -> Callable[[Look], Look]:
    """Register a property of losses."""
    return _register(LOSS_PROPERTIES, name, method, options)


def _register(registry: list[Property], name: str, method: str, options: Any) -> Callable[[Look], Look]:
    def add(look: Look) -> Look:
        registry.append(Property(name, look, method, **options))
        return look

    return add


#: Two ways to compute the same may differ by rounding alone.
ROUNDING = 1e-8


def same(got: np.ndarray, right: np.ndarray, *, size: float = 0.0) -> Finding:
    """Return the finding that two arrays are the same up to rounding, or are not."""
    return Finding(got, right, close(got, right, ROUNDING, size=size))


def load() -> tuple[list[Property], list[Property]]:
    """Return the properties of modules and of losses."""
    from diynn.checking.contract.properties import losses, modules, protocol  # noqa: F401 - they register themselves

    return MODULE_PROPERTIES, LOSS_PROPERTIES
