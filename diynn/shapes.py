"""Checks of shapes and dtypes for modules and losses, with all error messages about them.

Shapes are written as they are on the course sheet: ``(batch, features)`` for vectors,
``(batch, length, channels)`` for sequences. None stands for any size, ``AXES`` for any number
of axes.
"""

from __future__ import annotations

from math import inf, prod
from typing import Any, Protocol, TypeAlias, overload

import numpy as np

from diynn.arguments import any_number, integer_from
from diynn.arrays import (
    Array,
    Namespace,
    address,
    describe,
    extremes,
    kind,
    namespace,
    promoted,
    seen_outside,
    together,
    within,
)
from diynn.bounded import Bounded
from diynn.calls import ApartError
from diynn.wording import shown

Shape: TypeAlias = tuple[int | None, ...]

#: First in a shape: any number of axes, or none.
AXES: Any = ...

_ABSENT: Array = object()  # no delta: None may be given by mistake
_REMEMBERED = 32  # shapes and dtypes that a module caches as accepted

_WORDS = {1: ("features",), 2: ("length", "channels")}


class Shaped(Protocol):
    """What the checks need to know of a module."""

    _parameters: Array
    _bias: Array
    _fits: Bounded[Any, bool]

    @property
    def input_shape(self) -> Shape | None:
        """The shape of one example that ``forward`` takes."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of one output for one input of ``shape``."""


def text(shape: Shape, words: tuple[str, ...] = ()) -> str:
    """Write the shape of a batch: ``(batch, 3)``, ``(batch, length, 2)``, ``(batch, ?)``."""
    sizes = ["?" if size is None else "..." if size is AXES else str(size) for size in shape]
    if words:
        sizes = [word if size is None else str(size) for size, word in zip(shape, words, strict=True)]
    return f"({', '.join(['batch', *sizes])}{'' if sizes else ','})"


def positive(owner: str, argument: str, value: Any) -> int:
    """Return ``value`` as an int; raise TypeError if it is no integer, ValueError if it is below 1."""
    return integer_from(1, owner, argument, value, "a positive integer")


def positive_number(owner: str, argument: str, value: Any) -> float:
    """Return ``value`` as a float; raise TypeError if it is none, ValueError unless positive and finite."""
    number = any_number(owner, argument, value, "a positive number")
    if not 0 < number < inf:
        raise ValueError(f"{owner}: `{argument}` must be a positive number, got {shown(value)}")
    return number


def fraction(owner: str, argument: str, value: Any) -> float:
    """Return ``value`` as a float; raise TypeError if it is no number, ValueError if it is not in [0, 1)."""
    number = any_number(owner, argument, value, "in [0, 1)")
    if not 0 <= number < 1:
        raise ValueError(f"{owner}: `{argument}` must be in [0, 1), got {value!r}")
    return number


@overload
def window_count(length: int, k_size: int, stride: int) -> int: ...
@overload
def window_count(length: None, k_size: int, stride: int) -> None: ...
@overload
def window_count(length: int | None, k_size: int, stride: int) -> int | None: ...
def window_count(length: int | None, k_size: int, stride: int) -> int | None:
    """Return the number of windows of ``k_size`` steps, ``stride`` apart, that fit into ``length``."""
    return None if length is None else (length - k_size) // stride + 1


def size(shape: Shape) -> int | None:
    """Return the number of values of one example, None if a size is not known."""
    return None if None in shape or AXES in shape else prod(shape)  # type: ignore[arg-type]


def fewest(shape: Shape) -> Shape:
    """Return a shape without its optional axes."""
    return shape[1:] if shape[:1] == (AXES,) else shape


def fit(shape: Shape, wanted: Shape) -> Shape | None:
    """Fill in the unknown sizes of each shape from the other; None if they contradict one another."""
    one, other = _stretched(shape, wanted), _stretched(wanted, shape)
    if len(one) != len(other) or any(
        None not in (got, want) and got != want for got, want in zip(one, other, strict=True)
    ):
        return None
    return tuple(want if got is None else got for got, want in zip(one, other, strict=True))


def _stretched(shape: Shape, other: Shape) -> Shape:
    """Return a shape with its optional axes replaced by as many as the other shape has more."""
    known = fewest(shape)
    if known is shape:
        return shape
    missing = (None,) * (len(fewest(other)) - len(known))
    return (*missing, *known) if fewest(other) is other else (AXES, *missing, *known)


# ------------------------------------------------------------------ modules


def check_batch(module: Shaped, data: Array, delta: Array = _ABSENT) -> None:
    """Raise unless ``module`` accepts ``data``, and ``delta`` if it is given.

    Raises
    ------
    TypeError
        If one of them is no array, or not of a real floating dtype.
    ValueError
        If a shape does not fit, or if the arrays are of two libraries or devices.
    """
    key = None
    if type(data) is np.ndarray and (delta is _ABSENT or type(delta) is np.ndarray):
        # Every batch is checked: the cached answer takes a fifth of the time.
        key = (
            data.shape,
            data.dtype,
            type(module._parameters),
            delta is not _ABSENT and (delta.shape, delta.dtype),
        )
        try:
            fitting = module._fits
        except AttributeError:  # it is the first question
            fitting = module._fits = Bounded(_REMEMBERED)
        if key in fitting:
            return
    _check_batch(module, data, delta)
    if key is not None:
        fitting[key] = True


def _check_batch(module: Shaped, data: Array, delta: Array) -> None:
    _check_array(module, "data", data)
    shape = data.shape
    wanted = module.input_shape
    if wanted is None:
        if not shape:
            raise ValueError(f"{module!r}: `data` must have shape (batch, ...), got ()")
    elif not shape or fit(tuple(shape[1:]), wanted) is None:
        wanted = wanted if len(shape) > 2 else fewest(wanted)  # vectors are what is usually meant
        words = () if AXES in wanted else _WORDS.get(len(wanted), ())
        raise ValueError(f"{module!r}: `data` must have shape {text(wanted, words)}, got {tuple(shape)}")
    both = module._parameters, module._bias
    # An empty dict counts as none, and a flag that there is a bias.
    held = [each for each in both if not isinstance(each, dict | list | tuple | bool | None)]
    parameters = held[0] if held else None
    if len(held) == 2 and namespace(held[0]) is not namespace(held[1]):  # one of them was assigned by hand
        raise ApartError(apart(repr(module), "_parameters", held[0], "`_bias`", held[1]))
    if parameters is not None:
        if not together(data, parameters):
            raise ApartError(
                apart(repr(module), "data", data, "the parameters", parameters)
                + f", .to({address(data)!r}) the module"
            )
        _raise_unless_promoted(module, "data", data, parameters)
    output_shape = module.output_shape(tuple(shape[1:]))
    if delta is not _ABSENT:
        _check_array(module, "delta", delta)
        expected = (shape[0], *output_shape)
        if tuple(delta.shape) != expected:
            raise ValueError(
                f"{module!r}: `delta` must have the shape of the output, {expected}, got {tuple(delta.shape)}"
            )
        if not together(data, delta):
            raise ApartError(apart(repr(module), "delta", delta, "`data`", data))
        if parameters is not None:
            _raise_unless_promoted(module, "delta", delta, parameters)


def _raise_unless_promoted(module: Any, argument: str, value: Array, parameters: Array) -> None:
    if not promoted(value, parameters):
        raise ApartError(
            f"{module!r}: `{argument}` must have the dtype of the parameters, {parameters.dtype}, got "
            f"{value.dtype}; diynn.asarray({argument}, {address(parameters)!r}, "
            f"dtype={str(parameters.dtype).rpartition('.')[2]!r}) converts it"
        )


def check_scores(module: Any, shape: Shape) -> None:
    """Raise ValueError if an example of ``shape`` has no scores to take a softmax of."""
    if not shape or shape[-1] == 0:
        raise ValueError(f"{module!r}: `data` must have shape (batch, ..., classes), got {text(shape)}")


def namespace_of(owner: str, argument: str, value: Any) -> Namespace:
    """Return the namespace of ``value``; raise TypeError, naming the owner, if it is no array."""
    try:
        return namespace(value)
    except TypeError:
        raise TypeError(
            f"{owner}: `{argument}` must be an array, got {type(value).__name__}; "
            "diynn.asarray makes an array of it"
        ) from None


def _check_array(owner: Any, argument: str, value: Array) -> None:
    namespace_of(repr(owner), argument, value)
    _raise_unless_plain(owner, argument, value)
    if kind(value) != "real floating":
        raise TypeError(
            f"{owner!r}: `{argument}` must have a real floating dtype, got {value.dtype}; "
            f"diynn.asarray({argument}, dtype='float32') converts it"
        )


def _raise_unless_plain(owner: Any, argument: str, value: Array) -> None:
    if isinstance(value, np.ma.MaskedArray | np.matrix):
        raise TypeError(
            f"{owner!r}: `{argument}` must be an array, got a {type(value).__name__}, which computes in "
            f"ways of its own; np.asarray({argument}) makes an array of it"
        )


def apart(owner: str, first: str, one: Array, second: str, other: Array) -> str:
    """Return the message about two arrays of different libraries or devices, with what to write."""
    return (
        f"{owner}: `{first}` is {describe(one)} and {second} {describe(other)}; "
        f"diynn.asarray({first}, {address(other)!r}) moves `{first}`"
    )


# ------------------------------------------------------------------ losses


def check_values(loss: Any, y: Array, yhat: Array) -> None:
    """Raise unless ``y`` has the shape of ``yhat``, (batch, ...), and both are numbers of one library."""
    _check_target(loss, y, yhat)
    if tuple(y.shape) == tuple(yhat.shape) and len(yhat.shape) > 0:
        return
    mend = ""
    if tuple(y.shape) == tuple(yhat.shape[:-1]) and tuple(yhat.shape[-1:]) == (1,):
        mend = "; y[:, None] has it"
    elif tuple(y.shape[:-1]) == tuple(yhat.shape) and tuple(y.shape[-1:]) == (1,):
        mend = "; y[:, 0] has it"
    raise ValueError(
        f"{loss!r}: `y` must have the shape of `yhat`, {tuple(yhat.shape)}, got {tuple(y.shape)}{mend}"
    )


def check_classes(loss: Any, y: Array, yhat: Array) -> None:
    """Raise unless ``yhat`` is (batch, classes), and ``y`` class indices (batch,) or weights of classes."""
    _check_target(loss, y, yhat)
    if len(yhat.shape) != 2:
        raise ValueError(f"{loss!r}: `yhat` must have shape (batch, classes), got {tuple(yhat.shape)}")
    batch, classes = yhat.shape
    if tuple(y.shape) == (batch, classes):
        return
    expected = f"class indices ({batch},) or one-hot ({batch}, {classes})"
    if tuple(y.shape) != (batch,):
        mend = "; y[:, 0] has the first shape" if tuple(y.shape) == (batch, 1) else ""
        raise ValueError(f"{loss!r}: `y` must be {expected}, got shape {tuple(y.shape)}{mend}")
    if kind(y) != "integral":
        raise TypeError(f"{loss!r}: `y` of shape ({batch},) must be integer class indices, got {y.dtype}")


def check_indices(owner: str, argument: str, indices: Array, classes: int) -> None:
    """Raise unless ``indices`` are integers in 0..classes - 1."""
    if kind(indices) != "integral":
        raise TypeError(f"{owner}: `{argument}` must be integer class indices, got {indices.dtype}")
    if not within(indices, classes - 1):
        low, high = map(int, extremes(indices))
        raise ValueError(
            f"{owner}: `{argument}` must be in 0..{classes - 1} for {classes} classes, got {low}..{high}"
        )


def check_probabilities(loss: Any, argument: str, values: Array, *, nan: bool = False) -> None:
    """Raise ValueError unless all values are in [0, 1], if that can be read without a transfer.

    With ``nan``, an array that contains NaN passes.
    """
    if not seen_outside(values, 1):
        return
    low, high = map(float, extremes(values))
    if not (nan and low != low):
        raise ValueError(f"{loss!r}: `{argument}` must be in [0, 1], got {low:g}..{high:g}")


def _check_target(loss: Any, y: Array, yhat: Array) -> None:
    _check_array(loss, "yhat", yhat)
    namespace_of(repr(loss), "y", y)
    _raise_unless_plain(loss, "y", y)
    if kind(y) == "other":
        raise TypeError(f"{loss!r}: `y` must hold real numbers, got {y.dtype}")
    if not together(y, yhat):
        raise ApartError(apart(repr(loss), "y", y, "`yhat`", yhat))
