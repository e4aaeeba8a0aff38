"""A NumPy computation recorded once and played again: the same operations, into the same memory.

On a small batch a step's time is Python's: layers look at shapes, operations find their twins, NumPy
makes an array for each result. A recording keeps only the calls of NumPy, each with the memory that its
result had the first time. To play it is to copy the inputs in and make those calls: no layer is asked
again, nothing is allocated, and the result is the same to the bit, since the operations are. JAX traces
a function and CUDA captures a stream in the same way; here the definitions are as readable as before,
and what is recorded is NumPy itself, by the protocols with which it lets arrays of other types take over.

Sources: NumPy enhancement proposals 13 (``__array_ufunc__``) and 18 (``__array_function__``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any
from weakref import proxy

import numpy as np

from diynn.arrays import Array
from diynn.ops import OPERATIONS

_REDUCTIONS = ("__call__", "reduce")
# Their vector loops want two arrays, and they their `out` by name.
_EXTREMES = (np.maximum, np.minimum)


class UnrecordableError(Exception):
    """Something depends on the values of a batch, or was made by other means than NumPy's operations."""


class Recording:
    """The calls of NumPy that a function makes for arrays of these shapes and types.

    Parameters
    ----------
    function : callable
        From arrays to an array; it may write to ``given`` as well.
    *arrays : numpy.ndarray
        The arguments for which it is called now, once.
    given : iterable of numpy.ndarray
        Other arrays that it reads or writes: where they lie is part of the recording, their values are not.

    Attributes
    ----------
    result : numpy.ndarray
        What the function returned, written anew whenever the recording is played.

    Raises
    ------
    UnrecordableError
        If the function does what cannot be played again.
    """

    def __init__(self, function: Callable[..., Array], *arrays: Array, given: Iterable[Array] = ()) -> None:
        self._inputs = [np.array(array, order="C") for array in arrays]
        self._known = {id(_owner(array)): array for array in (*self._inputs, *given)}
        self._calls: list[Callable[[], Any]] = []
        self.result = _plain(self._read(function(*map(self._watched, self._inputs))))
        self._known = {}

    def play(self, *arrays: Array) -> Array:
        """Make the calls for other arguments of the same shapes; return ``result``."""
        for own, array in zip(self._inputs, arrays, strict=True):
            np.copyto(own, array)
        for call in self._calls:
            call()
        return self.result

    # -------------------------------------------------------------- what an array reports

    def call(self, function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Array:
        """Make a call that takes ``out``, and write it down."""
        arguments = tuple(map(self._read, arguments))
        target = options.pop("out", None)
        options = {name: self._read(value) for name, value in options.items()}
        if target is None:
            out = self._made(np.asarray(function(*arguments, **options)))
            target = self._watched(out)
        else:
            self._write(target)
            out = _plain(target)
            function(*arguments, out=out, **options)
        if isinstance(function, np.ufunc):
            arguments = tuple(_scalars(function, arguments, out))
        if function is np.matmul and {each.ndim for each in arguments} <= {1, 2} and out.flags.c_contiguous:
            function = np.dot  # the same product, called at less cost
        if function is np.dot or (isinstance(function, np.ufunc) and function not in _EXTREMES):
            self._calls.append(partial(function, *arguments, out, **options))  # a name is slower than a place
        else:
            self._calls.append(partial(function, *arguments, out=out, **options))
        return target

    def copy_to(self, target: Array, value: Any, **options: Any) -> None:
        """Copy into an array, and write it down."""
        target, value = self._read(target), self._read(value)
        self._write(target)
        np.copyto(target, value, **options)
        self._calls.append(partial(np.copyto, target, value, **options))

    def choose(self, condition: Array, one: Any, other: Any) -> Array:
        """Do what ``numpy.where`` does, which takes no ``out``."""
        result = np.where(*map(_plain, (condition, one, other)))
        watched = self._watched(self._made(result))
        self.copy_to(watched, other)
        self.copy_to(watched, one, where=self._read(condition))
        return watched

    def make(self, function: Callable[..., Any], like: Array, **options: Any) -> Array:
        """Make an array as ``numpy.empty_like``, ``zeros_like`` or ``ones_like`` does.

        The recording keeps its memory. What stays as it is, such as a factor of ones, is made once.
        """
        array = self._made(function(_plain(like), **(options | {"subok": False})))
        if function is np.ones_like:
            array.flags.writeable = False
        watched = self._watched(array)
        if function is np.zeros_like:  # to be added to
            self.copy_to(watched, 0)
        return watched

    def _made(self, array: Array) -> Array:
        self._known[id(_owner(array))] = array
        return array

    def _watched(self, array: Array) -> Array:
        watched = array.view(Recorded)
        watched.recording = proxy(self)  # or neither would ever be freed
        return watched

    def _read(self, value: Any) -> Any:
        """Return an argument as NumPy is to see it, if it is one that will be right the next time."""
        if isinstance(value, list | tuple):
            return type(value)(map(self._read, value))
        if not isinstance(value, np.ndarray) or id(_owner(value)) in self._known:
            return _plain(value)
        if type(value) is np.ndarray and value.dtype.kind in "iu":
            return value  # numbers of classes and the like, counted off; reals come from a batch
        raise UnrecordableError("an array was not made by NumPy's recorded operations")

    def _write(self, target: Array) -> None:
        if id(_owner(target)) not in self._known or not target.flags.writeable:
            raise UnrecordableError("an array from outside, or a constant, was written to")


class Recorded(np.ndarray):
    """An array that reports what is done with it."""

    has_values = False  # a recording must not depend on them
    recording: Recording

    def __array_finalize__(self, source: Any) -> None:
        self.recording = getattr(source, "recording", None)  # type: ignore[assignment]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method not in _REDUCTIONS or ufunc.nout > 1:
            raise UnrecordableError(f"{ufunc.__name__}.{method}")
        if "out" in options:
            (options["out"],) = options["out"]
        return self.recording.call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        if function in (np.dot, np.concatenate):
            return self.recording.call(function, arguments, options)
        if function is np.where:
            return self.recording.choose(*arguments)
        if function is np.copyto:
            return self.recording.copy_to(*arguments, **options)
        if function in (np.empty_like, np.zeros_like, np.ones_like):
            return self.recording.make(function, *arguments, **options)
        if function is np.broadcast_to:
            options = options | {"subok": True}  # a view that still reports
        return super().__array_function__(function, types, arguments, options)  # made of those above

    def __getitem__(self, index: Any) -> Any:
        index = index if isinstance(index, tuple) else (index,)
        return super().__getitem__(
            index if any(each is ... for each in index) else (*index, ...)
        )  # no scalar

    def __setitem__(self, index: Any, value: Any) -> None:
        target = self[index]
        if not _same(target, value):  # `a[i] += b` ends with it
            self.recording.copy_to(target, value, casting="unsafe")

    def astype(self, dtype: Any, *arguments: Any, **options: Any) -> Any:
        """Return a copy of another type, and report it: a method of NumPy's own would not."""
        result = self.recording.make(np.empty_like, self, dtype=dtype)
        self.recording.copy_to(result, self, casting="unsafe")
        return result

    def _refuse(self, *arguments: Any) -> Any:
        raise UnrecordableError("a value was looked at")

    __bool__ = __float__ = __int__ = __index__ = item = tolist = _refuse


def _owner(array: Array) -> Array:
    """Return what owns the memory of a view."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, Recorded) else value


def _same(one: Any, other: Any) -> bool:
    return isinstance(other, np.ndarray) and one.__array_interface__ == other.__array_interface__


def _scalars(function: Any, arguments: tuple[Any, ...], out: Array) -> Iterator[Any]:
    """Return arguments with numbers as arrays, of the type that NumPy would give them at each call."""
    kinds = {each.dtype for each in arguments if isinstance(each, np.ndarray)}
    for argument in arguments:
        if isinstance(argument, int | float) and len(kinds) == 1:
            argument = np.asarray(argument, dtype=next(iter(kinds)))
            if function in _EXTREMES:
                argument = np.full(out.shape, argument)
        yield argument


for _operation in OPERATIONS.values():
    if np.ndarray in _operation.twins:
        _operation.twin(Recorded)(_operation.twins[np.ndarray])
