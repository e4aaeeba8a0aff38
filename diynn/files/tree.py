"""States of dicts, lists, numbers and arrays, packed into JSON and named arrays, and back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from diynn.arrays import to_numpy
from diynn.wording import shown

Arrays: TypeAlias = dict[str, np.ndarray[Any, Any]]
_PLAIN = {type(None), bool, int, float, str}
_ARRAY, _SCALAR, _FLOATS = "$array", "$scalar", "$floats"  # in the JSON, for what is stored among the arrays


def pack(owner: str, tree: Any) -> tuple[Any, Arrays]:
    """Return a state with names in place of its arrays, and the arrays by those names.

    Raises
    ------
    TypeError
        If it contains anything else than dicts, lists, tuples, text, numbers, None and arrays.
    """
    arrays: Arrays = {}

    def keep(name: str, array: np.ndarray[Any, Any]) -> str:
        arrays[name] = array
        return name

    return take_apart(owner, tree, keep), arrays


def take_apart(owner: str, tree: Any, keep: Callable[[str, np.ndarray[Any, Any]], Any]) -> Any:
    """Return a state with, in the place of each array, what ``keep`` returns for its name and its values.

    These are in C order and little-endian. It raises what :func:`pack` does.
    """

    def visit(value: Any, name: str) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is not np.ndarray:
            if kind is dict or isinstance(value, Mapping):
                if not set(map(type, value)) <= {str} or "$" in "".join(value):
                    _raise_unless_keys(owner, name, value)
                return {
                    key: each if type(each) in _PLAIN else visit(each, f"{name}/{key}" if name else key)
                    for key, each in value.items()
                }
            if isinstance(value, list) and set(map(type, value)) == {float}:  # such as a column of a history
                return {_FLOATS: keep(name, as_plain(np.array(value)))}
            if isinstance(value, list | tuple):
                return [visit(each, f"{name}/{place}") for place, each in enumerate(value)]
            if isinstance(value, int | float | str) and not isinstance(value, np.generic):
                return value
        host = to_numpy(value) if hasattr(value, "dtype") and hasattr(value, "shape") else None
        if host is None or host.dtype.kind not in "fiub":
            raise TypeError(
                f"{owner}: `{name}` must be made of dicts, lists, text, numbers and arrays of them, "
                f"got {shown(value)}"
            )
        return {_SCALAR if isinstance(value, np.generic) else _ARRAY: keep(name, as_plain(host))}

    return visit(tree, "")


def _raise_unless_keys(owner: str, name: str, keys: Iterable[Any]) -> None:
    for key in keys:
        if not isinstance(key, str) or key.startswith("$"):
            raise TypeError(f"{owner}: `{name}` must have keys of text, without $, got {shown(key)}")


def unpack(text: Any, arrays: Any) -> Any:
    """Return the state that :func:`pack` has packed, with NumPy arrays, and lists for tuples.

    ``arrays[kept]`` is the array for which ``kept`` is in the JSON; they are asked for in its order.
    """
    if isinstance(text, list):
        return [unpack(each, arrays) for each in text]
    if isinstance(text, dict):
        if set(text) == {_ARRAY}:
            return arrays[text[_ARRAY]]
        if set(text) == {_FLOATS}:
            return arrays[text[_FLOATS]].tolist()
        if set(text) == {_SCALAR}:
            return arrays[text[_SCALAR]][()]
        return {key: unpack(each, arrays) for key, each in text.items()}
    return text


def as_plain(array: Any) -> np.ndarray[Any, Any]:
    """Return an array in C order, little-endian, without a copy where it is so already."""
    host: np.ndarray[Any, Any] = np.asarray(array)
    if host.flags.c_contiguous and host.dtype.isnative and sys.byteorder == "little":
        return host
    return np.asarray(host, order="C", dtype=host.dtype.newbyteorder("<"))
