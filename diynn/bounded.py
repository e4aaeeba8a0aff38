"""A bounded cache: the oldest entry is evicted."""

from __future__ import annotations

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Bounded(dict[Key, Value]):
    """A dict of so many entries at most: the one that was added first makes room for a new one.

    Parameters
    ----------
    most : int
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def __setitem__(self, key: Key, value: Value) -> None:
        if key not in self and len(self) >= self.most:
            self.pop(next(iter(self)), None)
        super().__setitem__(key, value)
