"""The properties of the contract: a small function each, in a registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diynn.checking.contract.instance import Instance
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
        Takes a trial; returns a finding, or None if the property does not apply.
    method : str
        The method to blame if it fails.
    requires : tuple of str
        Properties that must have passed, or this one is skipped.
    requires_run : tuple of str
        Properties that must not have raised, or this one is skipped.
    remark : bool
        Whether a failure is only a remark.
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


#: Relative tolerance for two computations of the same value, which differ by rounding.
ROUNDING = 1e-8


def same(got: np.ndarray, right: np.ndarray, *, size: float = 0.0) -> Finding:
    """Return the finding that two arrays are, or are not, equal up to rounding."""
    return Finding(got, right, close(got, right, ROUNDING, size=size))


def mutated(
    instance: Instance, method: str, names: Sequence[str], before: Sequence[np.ndarray]
) -> Finding | None:
    """Return the finding that the last call changed one of its arguments, None if it did not."""
    for name, now, old in zip(names, instance.arguments_now(), before, strict=False):
        if not np.array_equal(now, old):
            return Finding(now, old, False, "any.mutates", words={"method": method, "argument": name})
    return None


def load() -> tuple[list[Property], list[Property]]:
    """Return the properties of modules and of losses."""
    from diynn.checking.contract.properties import losses, modules, protocol  # noqa: F401 - they register their properties

    return MODULE_PROPERTIES, LOSS_PROPERTIES
