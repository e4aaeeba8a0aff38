"""The host: it builds instances of foreign classes, calls them, and answers with arrays and plain values.

The code that judges holds no foreign object, only a :class:`Handle` for each. So a host may be in the same
process, or in another one behind a socket.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from diynn.checking.contract.class_info import ClassInfo, describe_class
from diynn.checking.contract.paths import Attribute, Path
from diynn.checking.contract.raised import Raised, raised

#: Arrays to set, with their paths.
Values: TypeAlias = Sequence[tuple[Path, np.ndarray]]
#: Lists are cut to this length.
_LONGEST = 256


@dataclass(frozen=True)
class Handle:
    """The number of an object in a host."""

    number: int


@dataclass(frozen=True)
class ClassName:
    """The name of a class in a host.

    A class of the file; ``"diynn.Linear"``; or ``"diynn.Linear as Module"``, ours with the base class
    ``Module`` of the file as a second base.
    """

    name: str


@dataclass(frozen=True)
class Opaque:
    """An answer that is no array of numbers: only the name of its type is kept."""

    type: str


class Host:
    """Foreign classes and their instances.

    Parameters
    ----------
    classes : dict
        Name → class.
    prototype : object, optional
        An instance that :meth:`copy` copies.
    """

    def __init__(self, classes: Mapping[str, type], prototype: Any = None) -> None:
        self.classes = dict(classes)
        self.prototype = prototype
        self._objects: dict[int, Any] = {}
        self._answers: dict[int, list[Any]] = {}
        self._given: dict[int, Sequence[Any]] = {}

    # ------------------------------------------------------------ making and dropping

    def class_info(self, name: str) -> ClassInfo:
        """Describe a class."""
        return describe_class(self.classes[name])

    def build(
        self, number: int, name: str, arguments: Sequence[Any], named: Mapping[str, Any], values: Values = ()
    ) -> bool:
        """Construct an instance under the handle ``number`` and set its arrays.

        Return False if it lacks one of the arrays.
        """
        cls: Any = self._resolve(ClassName(name))
        given = {key: self._resolve(value) for key, value in named.items()}
        try:
            instance = cls(*map(self._resolve, arguments), **given)
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:
            raise raised("__init__", error) from error
        self._objects[number] = settle(instance)
        return self.write(number, values)

    def copy(self, number: int, values: Values = ()) -> bool:
        """Copy the prototype and set the arrays of the copy."""
        self._objects[number] = settle(copy.deepcopy(self.prototype))
        return self.write(number, values)

    def drop(self, numbers: Sequence[int]) -> None:
        """Delete instances."""
        for number in numbers:
            for kept in (self._objects, self._answers, self._given):
                kept.pop(number, None)

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, Handle):
            return self._objects[value.number]
        if isinstance(value, ClassName):
            ours, _, base = value.name.partition(" as ")
            library, _, name = ours.rpartition(".")
            if library != "diynn":
                return self.classes[value.name]
            return type(name, (our_class(name), self.classes[base]), {}) if base else our_class(name)
        return [self._resolve(each) for each in value] if isinstance(value, list) else value

    # ------------------------------------------------------------ calling

    def call(self, number: int, method: str, arguments: Sequence[Any]) -> Any:
        """Call a method; return its answer by :func:`describe`.

        Raises
        ------
        Raised
            If there is no such method, or it raises.
        """
        function = getattr(self._objects[number], method, None)
        if not callable(function):
            raise Raised(method, "no_method")
        given = [self._resolve(each) for each in arguments]
        self._given[number] = given
        try:
            answer = function(*given)
        except MemoryError:  # ends the judgement
            raise
        except (Exception, SystemExit) as error:
            raise raised(method, error) from error
        self._answers[number] = [*self._answers.get(number, ())[-1:], answer]
        return describe(answer)

    def answer_now(self, number: int, back: int) -> Any:
        """Return the current values of the last answer, or with ``back`` 1 of the one before it."""
        return describe(self._answers[number][-1 - back])

    def arguments_now(self, number: int) -> list[Any]:
        """Return the current values of the arguments of the last call."""
        return [describe(each) for each in self._given.get(number, ())]

    def missing_methods(self, number: int, names: Sequence[str]) -> list[str]:
        """Return which of the names are not methods of an instance."""
        return [name for name in names if not callable(getattr(self._objects[number], name, None))]

    def has(self, number: int, name: str) -> bool:
        """Return whether an instance has an attribute that is not None."""
        return getattr(self._objects[number], name, None) is not None

    def sizes(self, number: int) -> dict[str, int]:
        """Return the integer attributes of an instance."""
        return {
            name: int(value)
            for name, value in vars(self._objects[number]).items()
            if isinstance(value, int | np.integer) and not isinstance(value, bool)
        }

    # ------------------------------------------------------------ its arrays

    def arrays(self, number: int) -> list[tuple[Path, np.ndarray]]:
        """Return the arrays of real numbers in its attributes, dicts, lists and inner modules."""
        return list(_walk(self._objects[number], (), 0))

    def overlaps(self, number: int) -> list[tuple[int, int]]:
        """Return the pairs of arrays that share memory, by their indices in :meth:`arrays`."""
        arrays = [array for _, array in self.arrays(number)]
        return [
            (i, j) for i in range(len(arrays)) for j in range(i) if np.shares_memory(arrays[i], arrays[j])
        ]

    def read(self, number: int, path: Path) -> np.ndarray:
        """Return the array at ``path``."""
        return np.asarray(_follow(self._objects[number], path))

    def write(self, number: int, values: Values) -> bool:
        """Set arrays, in place if shape and dtype are equal, since they may have views.

        Return False if one is missing.
        """
        return all([_write(self._objects[number], path, value) for path, value in values])


# ---------------------------------------------------------------- answers


def describe(value: Any, depth: int = 0) -> Any:
    """Return an answer as None, an array, a list of such, or :class:`Opaque`."""
    if value is None:
        return None
    if isinstance(value, list | tuple) and depth < 3 and any(isinstance(each, np.ndarray) for each in value):
        return [describe(each, depth + 1) for each in value[:_LONGEST]]
    try:
        array = np.array(value)
    except MemoryError:
        raise
    except Exception:  # a ragged list, or an object whose __array__ raises
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "fiub":
        return Opaque(type(value).__name__)
    return array.astype(float) if array.dtype.itemsize > 8 else array


# ---------------------------------------------------------------- our own


def our_class(name: str) -> Any:
    """Return a layer or loss of diynn by its name."""
    import diynn.layers
    import diynn.losses

    return getattr(diynn.layers, name, None) or getattr(diynn.losses, name)


def settle(instance: Any) -> Any:
    """Move a module of diynn to NumPy in float64; return any other object unchanged."""
    from diynn.module import Module

    if not isinstance(instance, Module):
        return instance
    try:
        return instance.to("numpy", dtype="float64")
    except (TypeError, ValueError, AttributeError):  # a net that holds foreign modules
        return instance


# ---------------------------------------------------------------- arrays by their paths


def _walk(thing: Any, path: Path, depth: int) -> Iterator[tuple[Path, np.ndarray]]:
    if isinstance(thing, np.ndarray):
        if thing.dtype.kind in "fiu":
            yield path, thing
    elif depth > 3:
        return
    elif isinstance(thing, dict):
        for key in [each for each in thing if isinstance(each, str | int)]:
            yield from _walk(thing[key], (*path, key), depth + 1)
    elif isinstance(thing, list | tuple):
        for place, each in enumerate(thing[:64]):
            yield from _walk(each, (*path, place), depth + 1)
    elif depth == 0 or hasattr(thing, "forward"):
        for name, value in list(getattr(thing, "__dict__", {}).items()):
            yield from _walk(value, (*path, Attribute(name)), depth + 1)


def _write(thing: Any, path: Path, value: np.ndarray) -> bool:
    try:
        holder, last = _follow(thing, path[:-1]), path[-1]
        old = _item(holder, last)
    except (AttributeError, LookupError, TypeError):
        return False
    if not isinstance(old, np.ndarray):
        return False
    if old.flags.writeable and old.dtype == value.dtype and old.shape == value.shape:
        old[...] = value
    elif len(path) == 1 or hasattr(holder, "__dict__"):
        setattr(holder, last, value.copy())
    elif isinstance(holder, tuple):
        changed = [value.copy() if place == last else each for place, each in enumerate(holder)]
        above, name = _follow(thing, path[:-2]), path[-2]
        if len(path) == 2 or hasattr(above, "__dict__"):
            setattr(above, name, tuple(changed))
        else:
            above[name] = tuple(changed)
    else:
        holder[last] = value.copy()
    return True


def _follow(thing: Any, path: Path) -> Any:
    for step in path:
        thing = _item(thing, step)
    return thing


def _item(thing: Any, step: Any) -> Any:
    return getattr(thing, step) if isinstance(step, Attribute) else thing[step]
