"""Classes as students write them: wrong ones, each with the mistake it makes, and right ones.

They are written for these tests, after the mistakes counted in some forty public solutions of the sheet.
"""

from collections.abc import Callable
from typing import NamedTuple


class Animal(NamedTuple):
    cls: type
    kind: str  # what it is meant to be; empty where its name and its methods are to tell
    mistake: str  # or the message that says what is wrong; empty for a right one
    verdict: str  # "right", "wrong", or "mild": worth a remark, and no failure

    def __str__(self) -> str:
        return f"{self.cls.__module__.rpartition('.')[2]}.{self.cls.__name__}"


ANIMALS: list[Animal] = []


def _put(kind: str, mistake: str, verdict: str) -> Callable[[type], type]:
    def add(cls: type) -> type:
        ANIMALS.append(Animal(cls, kind, mistake, verdict))
        return cls

    return add


def wrong(kind: str, mistake: str) -> Callable[[type], type]:
    """Put a class into the zoo that is meant to be a ``kind`` and makes a mistake."""
    return _put(kind, mistake, "wrong")


def mild(kind: str, mistake: str) -> Callable[[type], type]:
    """Put a class into the zoo that is right in the sheet's loop, and worth a remark."""
    return _put(kind, mistake, "mild")


def right(kind: str) -> Callable[[type], type]:
    """Put a class into the zoo that is right."""
    return _put(kind, "", "right")


def load() -> list[Animal]:
    """Return the whole zoo."""
    from tests.zoo import (  # noqa: F401
        new_losses,
        new_modules,
        right_layers,
        right_losses,
        right_more,
        right_windows,
        wrong_activations,
        wrong_layers,
        wrong_losses,
        wrong_more,
        wrong_windows,
    )

    return ANIMALS
