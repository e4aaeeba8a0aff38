"""Training data of any kind, lists, frames, integers, memory-mapped files, converted for a net."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from diynn.arrays import (
    Array,
    Backend,
    alike,
    asarray,
    asarray_like,
    belongs,
    default_dtype,
    default_namespace,
    device_beside,
    kind,
    namespace,
    near,
    to_numpy,
    together,
)
from diynn.data import share_of
from diynn.initializers import Seed, as_generator
from diynn.shapes import apart
from diynn.wording import no_numbers, numbers_on_host, numbers_wanted, shown, special

_CHUNK = 2**22  # values checked at a time
_TOGETHER = 2**18  # bytes of shuffled examples that are gathered at once, and are in the cache when needed


def as_array(owner: str, argument: str, value: Any) -> Array:
    """Return data as an array of real numbers: arrays of any library, lists, frames and series of pandas.

    A subclass of NumPy's array that is plain memory, such as ``np.memmap``, is not copied.

    Raises
    ------
    TypeError, ValueError
        If ``value`` is anything else; the message says what to write.
    """
    what = numbers_wanted(owner, argument)
    if isinstance(value, list | tuple):
        value = numbers_on_host(owner, argument, value)
    elif words := special(argument, value):
        raise TypeError(f"{what} {words}")
    elif not isinstance(value, np.ndarray) and callable(getattr(value, "to_numpy", None)):
        value = value.to_numpy()  # pandas and the like
    if isinstance(value, np.ndarray):
        value = np.asarray(value)
        if words := no_numbers(value):
            raise TypeError(f"{what} {words}")
    try:
        namespace(value)
    except TypeError:
        raise TypeError(f"{what} {shown(value)}") from None
    if kind(value) == "other":
        raise TypeError(f"{what} {value.dtype}")
    if value.ndim == 0:
        raise ValueError(f"{what} a single number: examples are counted along the first axis")
    return value


def as_weights(owner: str, argument: str, value: Any, x: Any) -> Array:
    """Return the weights of examples as an array (batch,) of a real floating dtype.

    Raises
    ------
    TypeError, ValueError
        If they are no array of real numbers, one per example.
    """
    weights = as_array(owner, argument, value)
    if weights.shape != x.shape[:1]:
        raise ValueError(
            f"{owner}: `{argument}` must have shape {tuple(x.shape[:1])}, one weight an example, "
            f"got {tuple(weights.shape)}"
        )
    if kind(weights) != "real floating":
        xp = namespace(weights)
        weights = xp.astype(weights, default_dtype(xp, device_beside(weights)))
    return weights


def moved(values: Array, like: Array | None, *, real: bool) -> Array:
    """Return values in the library and on the device of ``like``, and if ``real`` in its dtype.

    Only NumPy arrays are moved, and to NumPy those of the default library: others stay where the caller put
    them. Real numbers that are moved take that dtype in any case, so that any loss can combine them with the
    output.
    """
    if like is None or isinstance(values, Rows):
        return values
    if isinstance(like, np.ndarray) and not isinstance(values, np.ndarray):
        xp = default_namespace()
        if xp is not None and belongs(values, xp):  # made there, in a script that named no library
            values = to_numpy(values)
    if real and kind(values) != "real floating":
        values = namespace(values).astype(values, _default_like(values, like))
    if isinstance(values, np.ndarray) and not isinstance(like, np.ndarray):
        where = Backend(namespace(like), device_beside(like))
        return asarray(values, where, dtype=like.dtype if values.dtype.kind == "f" else None)
    if real and namespace(values) is namespace(like) and values.dtype != like.dtype:
        return namespace(values).astype(values, like.dtype)
    return values


def _default_like(values: Array, like: Array) -> Any:
    """Return the dtype to which integers are converted: that of ``like``, in their own library."""
    xp = namespace(values)
    return (
        like.dtype if xp is namespace(like) else getattr(xp, str(like.dtype).rpartition(".")[2], xp.float32)
    )


@dataclass(frozen=True)
class Rows:
    """Examples of an array in some order: a slice is read only when it is asked for."""

    values: Array
    order: np.ndarray[Any, Any]
    like: Array | None
    real: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all the examples."""
        return (len(self.order), *self.values.shape[1:])

    def __getitem__(self, key: tuple[slice, Any]) -> Array:
        part = asarray_like(self.order[key[0]], self.values)
        return moved(namespace(self.values).take(self.values, part, axis=0), self.like, real=self.real)


@dataclass(frozen=True)
class Examples:
    """Examples and their targets.

    Attributes
    ----------
    x, y : arrays (examples, ...)
    like : array or None
        Its backend is that of the batches, its dtype that of ``x``; None to leave both as they are.
    shared : bool
        Whether batches are :class:`Rows`, so that a rank of MPI reads only its share of them.
    weights : array (examples,) or None
        Weights of the examples, on the net's backend.
    """

    x: Array
    y: Array
    like: Array | None
    shared: bool = False
    weights: Array | None = None

    def __len__(self) -> int:
        return int(self.x.shape[0])

    def steps(self, batch_size: int) -> int:
        """Return the number of batches in an epoch."""
        return ceil(len(self) / batch_size)

    def batches(self, epoch: int, batch_size: int, rng: Seed, skip: int = 0) -> Iterator[tuple[Array, ...]]:
        """Return shuffled batches of `data.batches` without the first ``skip``, on the backend of the net.

        Raises
        ------
        ValueError
            If the arrays are of two libraries or devices.
        """
        for name, each in {"y": self.y, "weights": self.weights}.items():
            if each is not None and not together(self.x, each):
                raise ValueError(apart("SGD", name, each, "`x`", self.x))
        order = as_generator("SGD", rng).permutation(len(self))
        if not self.shared:
            return self._shuffled(order, batch_size, skip)
        parts = [order[start : start + batch_size] for start in range(0, len(self), batch_size)][skip:]
        return map(self._rows, parts)

    def _shuffled(
        self, order: np.ndarray[Any, Any], batch_size: int, skip: int
    ) -> Iterator[tuple[Array, ...]]:
        """Yield batches of which several are gathered at once, where that costs less than one by one."""
        count = batch_size
        if isinstance(self.x, np.ndarray) and (self.like is None or isinstance(self.like, np.ndarray)):
            example = max(1, self.x[:1].nbytes)
            count *= max(1, _TOGETHER // (example * batch_size))
        for start in range(skip * batch_size, len(order), count):
            part = self._moved(self._taken(order[start : start + count]))
            if count == batch_size:
                yield part
                continue
            for place in range(0, part[0].shape[0], batch_size):
                yield tuple([each[place : place + batch_size, ...] for each in part])

    def _rows(self, part: Any) -> tuple[Any, ...]:
        pair = Rows(self.x, part, self.like, True), Rows(self.y, part, self.like, False)
        if self.weights is None:
            return pair
        weights = namespace(self.weights).take(self.weights, asarray_like(part, self.weights), axis=0)
        return *pair, moved(weights, self.like, real=True)

    def _moved(self, batch: tuple[Array, ...]) -> tuple[Array, ...]:
        x, y, *weights = batch
        others = (moved(each, self.like, real=True) for each in weights)
        return moved(x, self.like, real=True), moved(y, self.like, real=False), *others

    def _taken(self, order: Any) -> tuple[Array, ...]:
        xp, order = namespace(self.x), asarray_like(order, self.x)
        arrays = (self.x, self.y) if self.weights is None else (self.x, self.y, self.weights)
        return tuple([xp.take(each, order, axis=0) for each in arrays])

    def some(self, order: Any) -> Examples:
        """Return the examples of these numbers, in this order."""
        x, y, *weights = self._taken(order)
        return Examples(x, y, self.like, self.shared, *weights)

    def identity(self) -> list[str]:
        """Return the shape, dtype and checksum of each array, to recognise other data."""
        weights = [] if self.weights is None else [_summed("weights", self.weights)]
        return [_summed("x", self.x), _summed("y", self.y), *weights]

    def sample(self, count: int) -> Array:
        """Return the first examples, on the net's backend."""
        return moved(self.x[: min(count, len(self)), ...], self.like, real=True)


def examples(
    owner: str,
    like: Array | None,
    x: Any,
    y: Any,
    weights: Any = None,
    *,
    names: Sequence[str] = ("x", "y", "weights"),
    mapped: bool = True,
    share: tuple[int, int] = (0, 1),
    empty: bool = False,
) -> Examples:
    """Return data converted for a net with parameters such as ``like``; raise unless they fit and are finite.

    They are converted and moved once, except data mapped from a file, unless ``mapped`` is false, and data
    that do not fit into half of a GPU's free memory: these are converted batch by batch. With ``share``, a
    rank and the number of ranks, each rank checks that its own share is finite. With ``empty`` there may be
    no example: a batch of a loader of which a filter left nothing.

    Raises
    ------
    TypeError, ValueError
        If something is no array of numbers, or not finite; if the numbers of examples differ, or are 0; if
        a weight is negative, or all are 0.
    """
    x_name, y_name, weights_name = names
    x, y = as_array(owner, x_name, x), as_array(owner, y_name, y)
    for name, values in ((x_name, x), (y_name, y)):
        _raise_unless_finite(owner, name, values, share_of(values.shape[0], *share))
    if x.shape[0] != y.shape[0] or (x.shape[0] == 0 and not empty):
        least = "" if empty else ", at least one"
        raise ValueError(
            f"{owner}: `{x_name}` and `{y_name}` must hold the same number of examples{least}, "
            f"got {x.shape[0]} and {y.shape[0]}"
        )
    if weights is not None:
        weights = as_weights(owner, weights_name, weights, x)
        xp = namespace(weights)
        fit = xp.isfinite(weights) & (weights >= 0)
        if weights.shape[0] and not (bool(xp.all(fit)) and bool(xp.any(weights > 0))):
            raise ValueError(
                f"{owner}: `{weights_name}` must be finite numbers, 0 or more, and one above 0 at least"
            )
    (x, y), later = near(like, x, y)
    if later is None and not (mapped and (_is_mapped(x) or _is_mapped(y))):
        x, y = moved(x, like, real=True), moved(y, like, real=False)
    if weights is not None and not isinstance(x, np.ndarray):
        weights = moved(weights, like, real=True) if like is not None else beside(weights, x)
    return Examples(x, y, like, shared=share[1] > 1, weights=weights)


def _raise_unless_finite(owner: str, name: str, values: Array, share: slice) -> None:
    if kind(values) != "real floating" or values.shape[0] == 0:
        return
    xp = namespace(values)
    rows = max(1, _CHUNK * values.shape[0] // max(1, values.size)) if isinstance(values, np.ndarray) else None
    for start in range(share.start, share.stop, rows or values.shape[0]):
        part = values if rows is None else values[start : min(start + rows, share.stop)]
        finite = xp.isfinite(part)
        if not bool(xp.all(finite)):
            bad = to_numpy(~finite).reshape(part.shape[0], -1)
            raise ValueError(
                f"{owner}: `{name}` must be finite, got values that are not, "
                f"the first in example {start + int(bad.any(axis=1).argmax())}"
            )


def _summed(name: str, values: Array) -> str:
    """Return the shape, dtype and checksum of an array, which may lie in a file."""
    from hashlib import sha256  # takes 3 ms to import

    total, count = sha256(), values.shape[0]
    rows = max(1, _CHUNK * count // max(1, values.size)) if isinstance(values, np.ndarray) else count
    for start in range(0, count, rows):
        total.update(np.ascontiguousarray(to_numpy(values[start : start + rows, ...])).data)
    return f"{name} {tuple(values.shape)} {values.dtype} of the sum {total.hexdigest()[:16]}"


def _is_mapped(array: Array) -> bool:
    """Say whether an array of NumPy lies in a file."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def home(array: Array | None) -> Backend | None:
    """Return the library and device of an array."""
    return None if array is None else Backend(namespace(array), device_beside(array))


def beside(values: Array, other: Array) -> Array:
    """Return values moved to the backend of another array: targets may still be on the host."""
    return alike(values, other) if isinstance(values, np.ndarray) else values
