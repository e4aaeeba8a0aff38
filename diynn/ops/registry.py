"""Operations, and the dispatch to a twin by the type of the first array."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: All operations by name, with their twins, for the tests and the benchmarks.
OPERATIONS: dict[str, Operation[Any, Any]] = {}

_enabled = os.environ.get("DIYNN_TWINS", "1") != "0"


class Operation(Generic[P, R]):
    """A function whose definition may have faster twins for single array types.

    Parameters
    ----------
    reference : function
        The definition, in pure Array API; its first argument is an array.
    """

    def __init__(self, reference: Callable[P, R]) -> None:
        self.reference = reference
        self.twins: dict[type, Callable[P, R]] = {}
        self.__doc__, self.__name__ = reference.__doc__, reference.__name__
        self._active: dict[type, Callable[P, R]] = {}
        OPERATIONS[reference.__name__] = self

    def __call__(self, *arguments: P.args, **options: P.kwargs) -> R:
        """Call the twin for the type of the first argument, or the definition if there is none."""
        return self._active.get(type(arguments[0]), self.reference)(*arguments, **options)

    def twin(self, kind: type) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Register a function as the twin for arrays of type ``kind``."""

        def register(function: Callable[P, R]) -> Callable[P, R]:
            self.twins[kind] = function
            self.switch(_enabled)
            return function

        return register

    def switch(self, on: bool) -> None:
        """Turn the use of the twins on or off."""
        self._active = self.twins if on else {}


@contextmanager
def twins(on: bool) -> Iterator[None]:
    """Turn all twins on or off within a ``with`` block; ``DIYNN_TWINS=0`` starts with them off."""
    global _enabled
    before, _enabled = _enabled, on
    try:
        for operation in OPERATIONS.values():
            operation.switch(on)
        yield
    finally:
        _enabled = before
        for operation in OPERATIONS.values():
            operation.switch(before)
