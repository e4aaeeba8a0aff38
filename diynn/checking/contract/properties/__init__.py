"""The properties of the contract, one small function each, and the registry that holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from diynn.checking.diagnosis.closeness import close
from diynn.checking.diagnosis.evidence import Finding

PropertyFunction = Callable[[Any], "Finding | None"]


@dataclass(frozen=True)
class Property:
    """One property of the contract.

    Attributes
    ----------
    name : str
        Also the key of its messages.
    run : callable
        Takes a trial, returns what it saw, or None where the property says nothing about it.
    method : str
        Where to look when it fails.
    requires : tuple of str
        Properties without which it makes no sense: if one of them failed, this one is skipped.
    requires_run : tuple of str
        Properties that may fail, but must not raise.
    remark : bool
        Whether a failure is only worth a remark.
    """

    name: str
    run: PropertyFunction
    method: str
    requires: tuple[str, ...] = ()
    requires_run: tuple[str, ...] = ()
    remark: bool = False


MODULE_PROPERTIES: list[Property] = []
LOSS_PROPERTIES: list[Property] = []


def module_property(name: str, method: str, **options: Any) -> Callable[[PropertyFunction], PropertyFunction]:
    """Register a property of modules."""
    return _register(MODULE_PROPERTIES, name, method, options)


def loss_property(name: str, method: str, **options: Any) -> Callable[[PropertyFunction], PropertyFunction]:
    """Register a property of losses."""
    return _register(LOSS_PROPERTIES, name, method, options)


def _register(
    registry: list[Property], name: str, method: str, options: Any
) -> Callable[[PropertyFunction], PropertyFunction]:
    def add(run: PropertyFunction) -> PropertyFunction:
        registry.append(Property(name, run, method, **options))
        return run

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
