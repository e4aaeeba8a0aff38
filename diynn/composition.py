"""The structure of a net: modules that hold modules, and the one walk over all of them.

It relies only on the methods of the course sheet, so that it works for modules of any origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

# Types that hold no modules, and are not searched.
_NO_MODULES = {bool, int, float, str, bytes, type(None), np.ndarray}

#: The methods that compute, which ``per_example`` and ``pure`` describe.
COMPUTING = ("forward", "backward_delta", "backward_update_gradient")
#: The methods of the course sheet.
METHODS = (*COMPUTING, "zero_grad", "update_parameters")


def is_module(thing: Any) -> bool:
    """Say whether an object is a module: an instance, of any origin, with the sheet's computing methods."""
    cls: Any = type(thing)
    return _computes(cls) or (not isinstance(thing, type) and _all_callable(thing))


@cache
def _computes(cls: Any) -> bool:
    """Say whether the instances of a class are modules, whatever they hold."""
    return not issubclass(cls, type) and _all_callable(cls)


def _all_callable(thing: Any) -> bool:
    return all([callable(getattr(thing, name, None)) for name in COMPUTING])


def keeps_state(module: Any) -> bool:
    """Say whether a module says of itself what it keeps from step to step."""
    return callable(getattr(module, "state", None)) and callable(getattr(module, "restore", None))


def children(module: Any) -> list[Any]:
    """Return the modules that any module holds: what its method ``children`` returns, if it has one."""
    if callable(getattr(module, "children", None)):
        return [each for each in module.children() if is_module(each)]
    return held_modules(module)


def held_modules(owner: Any) -> list[Any]:
    """Return the modules among the attributes of an object, also in lists, tuples and dicts, each once."""
    found = [
        module
        for value in attributes(owner).values()
        if type(value) not in _NO_MODULES
        for module in modules_in(value)
    ]
    return list({id(module): module for module in found}.values())


def modules_in(value: Any, depth: int = 3) -> list[Any]:
    """Return the modules that a value is or contains, through at most ``depth`` nested containers."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple | set):
        return [module for each in value for module in modules_in(each, depth - 1)] if depth else []
    return [value] if is_module(value) else []


def walk(net: Any) -> list[Any]:
    """Return all modules of a net, the net itself first, each once: every other walk uses this one."""
    return [module for _, module in places(net)]


def places(net: Any) -> list[tuple[str, Any]]:
    """Return all modules of a net, each once, by place: ``"0.1."`` is the second child of the first one."""
    found: dict[int, tuple[str, Any]] = {}

    def visit(module: Any, place: str) -> None:
        if id(module) not in found:
            found[id(module)] = place, module
            for number, child in enumerate(children(module)):
                visit(child, f"{place}{number}.")

    visit(net, "")
    return list(found.values())


def per_example(net: Any) -> bool:
    """Say whether a net's batches may be split: whether all its modules state so."""
    return all(getattr(module, "per_example", False) for module in walk(net))


def attributes(thing: Any) -> dict[str, Any]:
    """Return the attributes of an instance itself, without those of its class."""
    return getattr(thing, "__dict__", {}) if not isinstance(thing, type) else {}


def forget_stated(
    cls: type, properties: Sequence[str], methods: Sequence[str], *, otherwise: Any = False
) -> None:
    """Reset what a class inherits of statements about methods that it overrides, unless it states it again.

    A statement such as ``per_example`` describes methods: it says nothing about an overridden ``forward``.
    """

    def first(name: str) -> int:
        return next((place for place, each in enumerate(cls.__mro__) if name in vars(each)), 0)

    defined = min(map(first, methods))
    for name in properties:
        if first(name) > defined:
            setattr(cls, name, otherwise)
