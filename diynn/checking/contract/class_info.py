"""The description of a class: name, signatures, places. It can be sent between processes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Argument:
    """An argument of a function; ``default`` is kept if it is a number or a text, else it is None."""

    name: str
    required: bool
    positional: bool
    default: Any = None


@dataclass(frozen=True)
class ClassInfo:
    """The description of a class.

    Attributes
    ----------
    name : str
    where : str
        Its file and line.
    arguments : tuple of Argument
        Those of its constructor.
    methods : dict
        Name → file and line.
    takes : dict
        Name → how many arguments the method takes by position, without ``self``.
    own : frozenset of str
        The methods that it defines itself and does not inherit.
    bases : tuple of str
        Its base classes, the nearest first; those of diynn as ``"diynn.Tanh"``.
    """

    name: str
    where: str = ""
    arguments: tuple[Argument, ...] = ()
    methods: Mapping[str, str] = field(default_factory=dict)
    takes: Mapping[str, int] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    bases: tuple[str, ...] = ()

    def place(self, method: str = "") -> str:
        """Return the file and line of a method, or of the class."""
        return self.methods.get(method) or self.where

    @property
    def positional(self) -> list[str]:
        """The arguments that may be given by position."""
        return [each.name for each in self.arguments if each.positional]

    @property
    def needed(self) -> list[str]:
        """The arguments that must be given."""
        return [each.name for each in self.arguments if each.required]


def describe_class(cls: type) -> ClassInfo:
    """Describe a class."""
    names = [name for name in dir(cls) if not name.startswith("__") or name in ("__init__", "__call__")]
    methods = {name: each for name in names if inspect.isfunction(each := inspect.getattr_static(cls, name))}
    places = {name: _place(each) for name, each in methods.items()}
    own = [name for name, each in vars(cls).items() if callable(each) and not name.startswith("__")]
    takes = {name: each.__code__.co_argcount - 1 for name, each in methods.items()}
    return ClassInfo(cls.__name__, _place_of_class(cls), tuple(_arguments(cls)), places, takes,
                frozenset(own), tuple(_bases(cls)))  # fmt: skip


def _arguments(cls: type) -> Iterator[Argument]:
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return
    for each in parameters:
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            continue
        plain = isinstance(each.default, int | float | str | bool)
        positional = each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        default = each.default if plain else None
        yield Argument(each.name, each.default is each.empty, positional, default)


def _bases(cls: type) -> Iterator[str]:
    for base in cls.__mro__[1:-1]:
        yield f"diynn.{base.__name__}" if _is_ours(base) else base.__name__


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith("diynn.") and not cls.__module__.startswith("diynn.checking.")


def _place(function: Any) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else ""


def _place_of_class(cls: type) -> str:
    try:
        return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):  # executed from a text: take the place of its first method
        own = [each.__code__ for each in vars(cls).values() if inspect.isfunction(each)]
        first = min(own, key=lambda each: each.co_firstlineno, default=None)
        return f"{first.co_filename}:{first.co_firstlineno}" if first is not None else ""
