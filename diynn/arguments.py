"""Checks of single arguments: numbers, flags, text, sequences; each error names owner and argument."""

from __future__ import annotations

import operator
from math import inf
from sys import maxsize
from typing import Any

import numpy as np

from diynn.wording import shown


def integer_from(least: int, owner: str, argument: str, value: Any, what: str) -> int:
    """Return ``value`` as an int; raise TypeError if it is no integer, ValueError if it is out of range."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{owner}: `{argument}` must be {what}, got {shown(value)}") from None
    if number < least or isinstance(value, bool):
        raise ValueError(f"{owner}: `{argument}` must be {what}, got {shown(value)}")
    if number > maxsize:
        raise ValueError(f"{owner}: `{argument}` must be an integer of 64 bits, got {shown(value)}")
    return number


def check_number(owner: str, argument: str, value: Any, kind: str = "a number") -> None:
    """Raise TypeError if ``value`` is no real number, or an array of one."""
    if isinstance(value, bool | str) or not hasattr(value, "__float__") or np.ndim(value):
        raise TypeError(f"{owner}: `{argument}` must be {kind}, got {shown(value)}")


def any_number(owner: str, argument: str, value: Any, kind: str = "a number") -> float:
    """Return ``value`` as a float; raise TypeError if it is no real number, ValueError if it is NaN."""
    check_number(owner, argument, value, kind)
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        number = inf if value > 0 else -inf
    if number != number:
        raise ValueError(f"{owner}: `{argument}` must be {kind}, got {shown(value)}")
    return number


def number_from_0(owner: str, argument: str, value: Any) -> float:
    """Return ``value`` as a float; raise TypeError if it is none, ValueError unless 0 or more and finite."""
    number = any_number(owner, argument, value, "a number, 0 or more")
    if not 0 <= number < inf:
        raise ValueError(f"{owner}: `{argument}` must be a number, 0 or more, got {shown(value)}")
    return number


def interval(owner: str, argument: str, value: Any) -> tuple[float, float]:
    """Return the two numbers of ``value`` as floats; raise TypeError or ValueError unless low < high."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise TypeError(f"{owner}: `{argument}` must be (low, high), got {shown(value)}")
    low, high = (any_number(owner, argument, each, "two numbers, low and high") for each in value)
    if not low < high:
        raise ValueError(f"{owner}: `{argument}` must be (low, high) with low < high, got {value}")
    return low, high


def flag(owner: str, argument: str, value: Any) -> bool:
    """Return a bool or an integer as a bool; raise TypeError for anything else."""
    if not isinstance(value, bool | int | np.bool_):
        raise TypeError(f"{owner}: `{argument}` must be True or False, got {shown(value)}")
    return bool(value)


def optional_text(owner: str, argument: str, value: Any) -> str | None:
    """Return ``value``; raise TypeError if it is neither a string nor None."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{owner}: `{argument}` must be a text or None, got {shown(value)}")
    return value


def sequence(owner: str, argument: str, value: Any) -> list[Any]:
    """Return the items of a list, a tuple or an array; raise TypeError for anything else."""
    single = getattr(value, "ndim", 1) == 0
    if single or isinstance(value, str | dict | set) or not hasattr(value, "__len__"):
        raise TypeError(f"{owner}: `{argument}` must be a list, got {shown(value)}")
    return [value[place] for place in range(len(value))]


def example_shape(owner: str, argument: str, shape: Any) -> tuple[int, ...]:
    """Return the shape of one example as a tuple; raise TypeError or ValueError if it is none."""
    if isinstance(shape, int | np.integer):
        raise TypeError(f"{owner}: `{argument}` must be a tuple, such as (256, 1), got {shown(shape)}; "
                        f"write ({shape},)")  # fmt: skip
    if not isinstance(shape, list | tuple):
        raise TypeError(f"{owner}: `{argument}` must be a tuple, such as (256, 1), got {shown(shape)}")
    return tuple(integer_from(1, owner, argument, size, "a positive integer") for size in shape)


def image_shape(owner: str, argument: str, shape: Any) -> tuple[int, int]:
    """Return the height and the width of an image; raise TypeError or ValueError if they are none."""
    sizes = example_shape(owner, argument, shape)
    if len(sizes) != 2:
        raise ValueError(f"{owner}: `{argument}` must be (height, width), got {sizes}")
    return sizes[0], sizes[1]
