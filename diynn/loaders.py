"""Batches from a loader: data larger than memory, read or generated as needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import islice
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.dataset import Examples, examples
from diynn.sheet import ELSEWHERE
from diynn.wording import shown

_EXPECTED = "must be pairs (x, y), or (x, y, weights), of one batch each"


def raise_unless_loader(owner: str, x: Any) -> None:
    """Raise TypeError unless ``x``, given without ``y``, is a loader of batches."""
    if not _is_loader(x):
        raise TypeError(
            f"{owner}: `y` is not given, and `x` alone must be batches (x, y), or a function of the epoch's "
            f"number that makes them, got {shown(x)}; SGD takes (net, loss, x, y, batch_size, epochs, eps); "
            f"{ELSEWHERE['update']}"
        )


def _is_loader(x: Any) -> bool:
    if isinstance(x, type) or hasattr(x, "shape") or hasattr(x, "to_numpy"):
        return False
    if isinstance(x, list | tuple):
        return bool(x) and all(isinstance(each, list | tuple) and len(each) in (2, 3) for each in x)
    return callable(x) or (isinstance(x, Iterable) and not isinstance(x, str | bytes | dict))


def examples_or_loader(
    owner: str, like: Array | None, x: Any, y: Any, weights: Any = None, share: tuple[int, int] = (0, 1)
) -> Examples | Loader:
    """Return data as arrays of examples, or as batches from a loader if ``y`` is None.

    With ``share``, a rank and the number of ranks, each rank reads only its share of a batch.

    Raises
    ------
    TypeError, ValueError
        If they are neither.
    """
    if y is not None:
        return examples(owner, like, x, y, weights=weights, share=share)
    if weights is not None:
        raise TypeError(f"{owner}: `weights` of batches come with them: let `x` make (x, y, weights)")
    raise_unless_loader(owner, x)
    return Loader(owner, like, x)


class Loader:
    """The batches of each epoch, in the order in which they come.

    Parameters
    ----------
    owner : str
        The name in the errors.
    like : array or None
        Batches are moved to its backend.
    source : iterable of (x, y) or (x, y, weights), or function of an epoch's number
        A sequence of batches, or anything that can be iterated over once per epoch; or a function from the
        number of epochs done to such an iterable.

    Raises
    ------
    TypeError
        If it can be iterated over only once.
    """

    def __init__(self, owner: str, like: Array | None, source: Any) -> None:
        if isinstance(source, Iterator):
            raise TypeError(
                f"{owner}: `x` must make its batches anew in each epoch, got {shown(source)}, which is "
                "used up after one; pass a function of the epoch's number that returns it"
            )
        self.owner, self.like = owner, like
        self._source: Iterable[Any] | Callable[[int], Iterable[Any]] = source
        self._first: Array | None = None

    def steps(self, batch_size: int) -> int | None:
        """Return the number of batches in an epoch, None if it is not known."""
        return len(self._source) if isinstance(self._source, Sized) else None

    def identity(self) -> list[str]:
        """Return what identifies the data: only that they come from a loader."""
        return ["x of a loader"]

    def batches(
        self, epoch: int, batch_size: int, rng: np.random.Generator, skip: int = 0
    ) -> Iterator[tuple[Array, ...]]:
        """Yield the batches of an epoch without the first ``skip``, on the net's backend.

        Raises
        ------
        TypeError, ValueError
            If an item is no pair of arrays of one length, or not finite; if there is no batch, or none with
            an example in it: some may be empty.
        """
        made = self._source(epoch) if callable(self._source) else self._source
        if not isinstance(made, Iterable):
            raise TypeError(f"{self.owner}: what `x` returns {_EXPECTED}, got {shown(made)}")
        number, examples_seen = skip, skip > 0
        for number, pair in enumerate(islice(made, skip, None), skip + 1):
            batch = self._batch(number, pair)
            examples_seen = examples_seen or len(batch) > 0
            if self._first is None and len(batch):
                self._first = batch.x
            yield (batch.x, batch.y) if batch.weights is None else (batch.x, batch.y, batch.weights)
        if number == 0:
            raise ValueError(f"{self.owner}: `x` must make at least one batch in each epoch, got none")
        if not examples_seen:
            raise ValueError(
                f"{self.owner}: `x` must make a batch with an example in each epoch, got {number} without any"
            )

    def _batch(self, number: int, pair: Any) -> Examples:
        if not isinstance(pair, list | tuple) or len(pair) not in (2, 3):
            raise TypeError(f"{self.owner}: batch {number} of `x` {_EXPECTED}, got {shown(pair)}")
        (x, y), weights = pair[:2], pair[2] if len(pair) == 3 else None
        names = tuple(f"{name}, batch {number}" for name in ("x", "y", "weights"))
        return examples(self.owner, self.like, x, y, weights, names=names, mapped=False, empty=True)

    def sample(self, count: int) -> Array | None:
        """Return the first examples seen, on the net's backend; None before the first batch."""
        return None if self._first is None else self._first[: min(count, self._first.shape[0]), ...]
