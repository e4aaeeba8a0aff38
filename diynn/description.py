"""Descriptions of nets as data: saved with the parameters, to build the net again.

Only diynn's own modules are described and built: by name from one table, with numbers as arguments. Nothing
in a file is imported or run.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from diynn import layers
from diynn.arrays import BackendLike
from diynn.composition import METHODS
from diynn.files.manifest import CheckpointError
from diynn.initializers import HostArray
from diynn.layers import Sequential
from diynn.module import Module, parameters
from diynn.parameter import Parameter
from diynn.sharing import tied

#: The classes that a net may be built of, by name.
CLASSES: dict[str, type[Module]] = {
    name: value
    for name, value in vars(layers).items()
    if isinstance(value, type) and issubclass(value, Module) and not name.startswith("_")
}
_LAWS = ("init", "bias_init")  # not needed: the parameters are in the file
_ELSEWHERE = (*_LAWS, "rng", "backend")
_MOST = 10_000  # modules at most


def describe(net: Any, handles: Sequence[Parameter] | None = None) -> dict[str, Any]:
    """Return ``{"modules": [...]}``, children first and the net last; or why not, as ``{"why": ...}``.

    A module is described by its class and the arguments of its constructor, which it has as attributes of
    the same names; a module among them by its number. ``handles`` are the net's, to avoid a second walk.
    """
    modules: list[dict[str, Any]] = []
    numbers: dict[int, int] = {}
    handles = parameters(net) if handles is None else handles
    ties = tied([each.value for each in handles])
    if ties:
        return {"why": f"`{handles[ties[0][0]].label}` shares its memory with another array"}

    def visit(module: Any) -> int:
        if id(module) not in numbers:
            if CLASSES.get(type(module).__name__) is not type(module) or not vars(module).keys().isdisjoint(
                METHODS
            ):
                raise TypeError(f"{type(module).__name__} is no class of diynn's own, or was changed")
            arguments = _arguments(module)
            held: dict[str, Any] = {
                name: _number(visit(each)) for name, each in arguments.items() if isinstance(each, Module)
            }
            if isinstance(module, Sequential):
                held["modules"] = [_number(visit(each)) for each in module.modules]
            modules.append({"class": type(module).__name__, **arguments, **held})
            numbers[id(module)] = len(modules) - 1
        return numbers[id(module)]

    try:
        visit(net)
    except (AttributeError, TypeError, RecursionError) as error:
        return {"why": str(error)}
    return {"modules": modules}


@cache
def _taken(name: str) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(CLASSES[name]).parameters


def _number(place: int) -> dict[str, int]:
    return {"module": place}


def _arguments(module: Module) -> dict[str, Any]:
    """Return the constructor's arguments of a module, from its attributes."""
    found: dict[str, Any] = {}
    for name in _told(type(module).__name__):
        if name == "dtype":
            if module._parameters is not None:
                found[name] = str(module._parameters.dtype).rpartition(".")[2]
            continue
        value = module._bias is not None if name == "bias" else getattr(module, name)
        if not isinstance(value, bool | int | float | str | None | Module):
            raise TypeError(f"`{name}` of {type(module).__name__} is a {type(value).__name__}")
        found[name] = value
    return found


@cache
def _told(name: str) -> list[str]:
    """Return the names of the arguments that are described."""
    return [
        argument
        for argument, parameter in _taken(name).items()
        if argument not in _ELSEWHERE and parameter.kind is not parameter.VAR_POSITIONAL
    ]


def build(description: Any, room: int, *, backend: BackendLike = None) -> Any:
    """Build the net of a description, its parameters zero.

    Parameters
    ----------
    description : dict
        What :func:`describe` returned.
    room : int
        The most numbers that its parameters may have: as many as there are in the file.
    backend : optional
        The backend of the parameters.

    Raises
    ------
    CheckpointError
        If it is no description, names a class that diynn does not have, or does not fit its file.
    """
    description = description if isinstance(description, dict) else {}
    modules = description.get("modules")
    if not isinstance(modules, list) or not 0 < len(modules) <= _MOST:
        why = description.get("why", "there is none")
        raise CheckpointError(
            f"it does not say what the net is made of ({why}); build the net, and load(net, path)"
        )
    built: list[Any] = []
    law = _Zeros(room)
    sizes: dict[int, int] = {}
    for number, each in enumerate(modules):
        if (
            not isinstance(each, dict)
            or not isinstance(each.get("class"), str)
            or each["class"] not in CLASSES
        ):
            raise CheckpointError(f"module {number + 1} of its description is of no class of diynn's")
        try:
            built.append(_build(each, built, law, backend))
        except (TypeError, ValueError, LookupError, OverflowError, MemoryError) as error:
            raise CheckpointError(f"module {number + 1} of its description: {error}") from None
        # A module twice in one that is twice in another, and so on, would grow exponentially.
        sizes[id(built[-1])] = _layers(built[-1], sizes)
        if sizes[id(built[-1])] > _MOST:
            raise CheckpointError(f"its description has more than {_MOST} layers in series")
    return built[-1]


def _build(described: Mapping[str, Any], built: list[Any], law: _Zeros, backend: BackendLike) -> Any:
    arguments = {name: _found(value, built) for name, value in described.items() if name != "class"}
    cls = CLASSES[described["class"]]
    taken = _taken(described["class"])
    if cls is Sequential:
        return Sequential(*arguments["modules"])
    unknown = arguments.keys() - taken.keys() | arguments.keys() & {"rng", "backend", *_LAWS}
    if unknown:
        raise TypeError(f"{cls.__name__} is not described by {', '.join(sorted(unknown))}")
    given: dict[str, Any] = {name: law for name in _LAWS if name in taken}
    return cls(**arguments, **given, **({"backend": backend} if "backend" in taken else {}))


def _layers(module: Any, known: Mapping[int, int]) -> int:
    return sum(known[id(each)] for each in module.modules) if isinstance(module, Sequential) else 1


def _found(value: Any, built: list[Any]) -> Any:
    """Return an argument, with numbers of modules replaced by the modules."""
    if isinstance(value, list):
        return [_found(each, built) for each in value]
    if not isinstance(value, dict):
        return value
    number = value.get("module")
    if type(number) is not int or not 0 <= number < len(built):
        raise ValueError(f"there is no module {number!r} before it")
    return built[number]


class _Zeros:
    """An initial law that returns zeros, as long as the file has room for them."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(
        self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int
    ) -> HostArray:
        self.room -= prod(shape)
        if self.room < 0:
            raise ValueError("it describes more parameters than there are in the file")
        return np.zeros(shape)
