"""The NumPy calls of a computation, recorded with their buffers and repeated without overhead.

On a small batch most of a step's time is overhead of Python: layers check shapes, operations look up their
twins, NumPy allocates each result. A recording keeps only the NumPy calls, each with the buffer of its first
result. Playing it copies the inputs in and repeats those calls: no layer is called, nothing is allocated,
and the result is the same to the bit, since the operations are. JAX traces a function and CUDA captures a
stream in the same way; here NumPy's own calls are recorded, through the protocols by which other array types
override them.

Sources: NumPy enhancement proposals 13 (``__array_ufunc__``) and 18 (``__array_function__``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import call as make_call
from typing import Any
from weakref import proxy

import numpy as np

from diynn.arrays import Array
from diynn.execution.symbols import Symbol, UnrecordableError
from diynn.ops import OPERATIONS, reference
from diynn.ops.bits import where_or_zero

_REDUCTIONS = ("__call__", "reduce")
# maximum and minimum are vectorised only for two arrays, and want `out` as a keyword.
_EXTREMES = (np.maximum, np.minimum)

#: One call of NumPy, its arguments and its buffer bound.
Call = Callable[[], Any]


class Recording:
    """The calls of NumPy that a function makes for arrays of these shapes and types.

    Parameters
    ----------
    function : callable
        From arrays to an array; it may write to ``given`` and add to ``sums`` as well.
    *arrays : numpy.ndarray
        The arguments for which it is called now, once.
    given : iterable of numpy.ndarray
        Other arrays that it reads or writes: their addresses are part of the recording, their values are not.
    sums : sequence of numpy.ndarray
        Among ``given``, arrays that it adds to, such as gradients.

    Attributes
    ----------
    result : numpy.ndarray
        What the function returned, overwritten whenever the recording is played.
    calls : list of callables
        The calls that add to ``sums``.
    generators : list of numpy.random.Generator
        The generators that it draws from.
    numbers : dict
        Arrays of no dimensions for the numbers that change from step to step, by formula and type; they are
        set before the recording is played.

    Raises
    ------
    UnrecordableError
        If the function does what cannot be repeated.
    """

    def __init__(
        self,
        function: Callable[..., Array],
        *arrays: Array,
        given: Iterable[Array] = (),
        sums: Sequence[Array] = (),
    ) -> None:
        self.inputs = [np.array(array, order="C") for array in arrays]
        self._known = {id(owner(array)): array for array in (*self.inputs, *given)}
        self.calls: list[Call] = []
        self.generators: list[Any] = []
        self.numbers: dict[tuple[str, Any], Array] = {}
        self.result = _plain(self._read(function(*map(self.watched, self.inputs))))
        self._known = {}
        self._anew = written_not_added(self.calls, sums, kept=self.result)

    def play(self, *arrays: Array, anew: bool = False) -> Array:
        """Repeat the calls for other arguments of the same shapes; return ``result``.

        With ``anew``, ``sums`` are overwritten instead of added to.
        """
        for own, array in zip(self.inputs, arrays):  # noqa: B905  # strict costs time
            np.copyto(own, array)
        # Without a line of Python between two calls: no signal is handled halfway.
        deque(map(make_call, self._anew if anew else self.calls), maxlen=0)
        return self.result

    def touches(self, array: Array) -> bool:
        """Say whether a call up to now reads or writes an array."""
        own = id(owner(array))
        return any(own in _owners(each) for each in self.calls)

    # -------------------------------------------------------------- what arrays report

    def call(self, function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Array:
        """Make a call that takes ``out``, and record it."""
        arguments = tuple(map(self._read, self._numbers(arguments)))
        target = options.pop("out", None)
        options = {name: self._read(value) for name, value in options.items()}
        if target is None:
            out = self._made(np.asarray(function(*arguments, **options)))
            target = self.watched(out)
        else:
            self._write(target)
            out = _plain(target)
            function(*arguments, out=out, **options)
        if isinstance(function, np.ufunc):
            arguments = tuple(_scalars(function, arguments, out))
        if function is np.matmul and {each.ndim for each in arguments} <= {1, 2} and out.flags.c_contiguous:
            function = np.dot  # the same product, called at less cost
        if function is np.dot or (isinstance(function, np.ufunc) and function not in _EXTREMES):
            self.calls.append(partial(function, *arguments, out, **options))  # a keyword costs more
        else:
            self.calls.append(partial(function, *arguments, out=out, **options))
        return target

    def copy_to(self, target: Array, value: Any, **options: Any) -> None:
        """Copy into an array, and record it."""
        target, value = self._read(target), self._read(self._number(value, target.dtype))
        options = {name: self._read(each) for name, each in options.items()}
        self._write(target)
        np.copyto(target, value, **options)
        self.calls.append(partial(np.copyto, target, value, **options))

    def choose(self, condition: Array, one: Any, other: Any) -> Array:
        """Do what ``numpy.where`` does, which takes no ``out``."""
        condition, one, other = self._numbers((condition, one, other))
        result = np.where(*map(_plain, (condition, one, other)))
        watched = self.watched(self._made(result))
        if isinstance(other, int | float) and other == 0 and _alike(one, condition, result):
            return where_or_zero(one, condition, watched)
        if isinstance(one, int | float) and one == 0 and _alike(other, condition, result):
            return where_or_zero(other, np.logical_not(condition), watched)
        self.copy_to(watched, other)
        self.copy_to(watched, one, where=condition)
        return watched

    def make(self, function: Callable[..., Any], like: Array, **options: Any) -> Array:
        """Make an array as ``numpy.empty_like``, ``zeros_like`` or ``ones_like`` does.

        The recording owns its memory. A constant, such as a factor of ones, is made once.
        """
        array = self._made(function(_plain(like), **(options | {"subok": False})))
        if function is np.ones_like:
            array.flags.writeable = False
        watched = self.watched(array)
        if function is np.zeros_like:  # to be added to
            self.copy_to(watched, 0)
        return watched

    def keep(self, constant: Array) -> Array:
        """Keep a constant array, the same at every call, such as the numbers of the classes."""
        constant.flags.writeable = False
        return self.watched(self._made(constant))

    def draw(self, like: Array, generator: Any, law: str) -> Array:
        """Draw numbers in the shape of an array by a method of a generator, and again at each play."""
        if like.dtype.char not in "fd":
            raise UnrecordableError(f"draws of {like.dtype}")
        array = self._made(np.empty(like.shape, dtype=like.dtype))
        method = getattr(generator, law)
        method(out=array, dtype=array.dtype)
        self.generators.append(generator)
        self.calls.append(partial(method, out=array, dtype=array.dtype))
        return self.watched(array)

    def _numbers(self, arguments: Sequence[Any]) -> Sequence[Any]:
        """Return arguments with arrays in place of numbers that change, of the others' type."""
        if not any(isinstance(each, Symbol) for each in arguments):
            return arguments
        kinds = {each.dtype for each in arguments if isinstance(each, np.ndarray | np.generic)}
        kinds -= {np.dtype(bool)} if len(kinds) > 1 else set()
        if len(kinds) != 1:
            raise UnrecordableError("a number that changes from step to step beside arrays of two types")
        return [self._number(each, *kinds) for each in arguments]

    def _number(self, value: Any, kind: Any) -> Any:
        if not isinstance(value, Symbol):
            return value
        if kind.kind != "f":
            raise UnrecordableError(f"a number that changes from step to step beside {kind}")
        key = (value.text, kind)
        if key not in self.numbers:
            self.numbers[key] = self._made(np.array(value.value, dtype=kind))
        return self.watched(self.numbers[key])

    def _made(self, array: Array) -> Array:
        self._known[id(owner(array))] = array
        return array

    def watched(self, array: Array) -> Array:
        """Return a view that reports what is done with it."""
        watched = array.view(Recorded)
        watched.recording = proxy(self)  # a strong reference would keep both alive
        return watched

    def _read(self, value: Any) -> Any:
        """Return an argument as NumPy takes it; refuse one that would be out of date at the next play."""
        if isinstance(value, list | tuple):
            return type(value)(map(self._read, value))
        if not isinstance(value, np.ndarray) or id(owner(value)) in self._known:
            return _plain(value)
        raise UnrecordableError("an array was not made by NumPy's recorded operations")

    def _write(self, target: Array) -> None:
        if id(owner(target)) not in self._known or not target.flags.writeable:
            raise UnrecordableError("an array from outside, or a constant, was written to")


class Recorded(np.ndarray):
    """An array that reports to its recording what is done with it."""

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
        return super().__array_function__(function, types, arguments, options)  # built from those above

    def __getitem__(self, index: Any) -> Any:
        index = index if isinstance(index, tuple) else (index,)
        return super().__getitem__(
            index if any(each is ... for each in index) else (*index, ...)
        )  # no scalar

    def __setitem__(self, index: Any, value: Any) -> None:
        target = self[index]
        if not _same(target, value):  # `a[i] += b` ends by setting it to itself
            self.recording.copy_to(target, value, casting="unsafe")

    def astype(self, dtype: Any, *arguments: Any, **options: Any) -> Any:
        """Return a copy of another type, and report it: a method of NumPy's own would not."""
        result = self.recording.make(np.empty_like, self, dtype=dtype)
        self.recording.copy_to(result, self, casting="unsafe")
        return result

    def _refuse(self, *arguments: Any) -> Any:
        raise UnrecordableError("a value was looked at")

    __bool__ = __float__ = __int__ = __index__ = item = tolist = _refuse


def recorded_buffer(array: Any) -> Array:
    """Return the buffer of a recorded result, which holds it whenever the recording is played.

    Raises
    ------
    UnrecordableError
        If the result was not recorded.
    """
    if not isinstance(array, Recorded):
        raise UnrecordableError("a result was not made by NumPy's recorded operations")
    return array.view(np.ndarray)


def owner(array: Array) -> Array:
    """Return the array that owns the memory of a view."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, Recorded) else value


def _alike(values: Any, condition: Any, result: Array) -> bool:
    """Say whether a choice between ``values`` and 0 can be made on bits: reals of one shape and type."""
    return (
        isinstance(values, np.ndarray)
        and isinstance(condition, Recorded)
        and values.dtype == result.dtype
        and values.dtype.char in "fd"
        and values.shape == condition.shape == result.shape
    )


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


def written_not_added(calls: Sequence[Call], sums: Sequence[Array], kept: Array) -> list[Call]:
    """Return the calls, changed to overwrite ``sums`` instead of adding to them.

    Where the first call that touches a sum adds a part that nothing else reads, the call that made the part
    writes to the sum instead. ``kept`` is read afterwards.
    """
    result = list(calls)
    owners = {id(each): _owners(each) for each in result}

    def users_of(array: Array) -> list[int]:
        own = id(owner(array))
        return [number for number, each in enumerate(result) if own in owners[id(each)]]

    for total in sums:
        touching = users_of(total)
        part = _added(result[touching[0]], total) if touching else None
        if part is None:
            result.insert(0, partial(np.copyto, total, 0))
            owners[id(result[0])] = _owners(result[0])
            continue
        users = users_of(part)
        alone = len(users) == 2 and owner(part) is not owner(kept)
        maker = _into(result[users[0]], part, total) if alone else None
        place = touching[0] if maker is None else users[0]
        result[place] = partial(np.copyto, total, part) if maker is None else maker
        owners[id(result[place])] = _owners(result[place])
        if maker is not None:
            del result[touching[0]]
    return result


def _owners(call: Any) -> set[int]:
    """Return who owns what a call reads and writes, as identities."""
    arguments = (*call.args, *call.keywords.values())
    return {id(owner(each)) for each in arguments if isinstance(each, np.ndarray)}


def _added(call: Any, total: Array) -> Array | None:
    """Return what a call adds to ``total``, if that is what it does."""
    if call.func is np.add and len(call.args) == 3 and not call.keywords:
        one, other, out = call.args
        if _same(total, out) and _same(total, one) and getattr(other, "shape", None) == total.shape:
            return other if owner(other) is not owner(total) else None
    return None


def _into(call: Any, part: Array, total: Array) -> Call | None:
    """Return the call that made ``part``, changed to write to ``total``, which must have the same layout."""
    if (part.dtype, part.shape, part.strides) != (total.dtype, total.shape, total.strides):
        return None
    if call.args and _same(part, call.args[-1]) and not call.keywords:
        return partial(call.func, *call.args[:-1], total)
    if _same(part, call.keywords.get("out")):
        return partial(call.func, *call.args, **call.keywords | {"out": total})
    return None


for _operation in OPERATIONS.values():
    if np.ndarray in _operation.twins:
        _operation.twin(Recorded)(_operation.twins[np.ndarray])


@reference.class_numbers.twin(Recorded)
def _class_numbers(scores: Recorded) -> Array:
    return scores.recording.keep(np.arange(scores.shape[1]))


@reference.draw.twin(Recorded)
def _draw(data: Recorded, generator: Any, law: str) -> Array:
    return data.recording.draw(data, generator, law)
