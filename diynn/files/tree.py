"""States of dicts, lists, numbers and arrays, packed into JSON and named arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from diynn.arrays import to_numpy
from diynn.wording import shown

Arrays: TypeAlias = dict[str, np.ndarray[Any, Any]]
_ARRAY, _SCALAR, _FLOATS = "$array", "$scalar", "$floats"  # in the JSON, for what is stored among the arrays


def pack(owner: str, tree: Any) -> tuple[Any, Arrays]:
    """Return a state with names in place of its arrays, and the arrays by those names.

    Raises
    ------
    TypeError
        If it contains anything else than dicts, lists, tuples, text, numbers, None and arrays.
    """
    arrays: Arrays = {}

    def visit(value: Any, name: str) -> Any:
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int | float) and not isinstance(value, np.generic):
            return value
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str) or key.startswith("$"):
                    raise TypeError(f"{owner}: `{name}` must have keys of text, without $, got {shown(key)}")
            return {key: visit(each, f"{name}/{key}" if name else key) for key, each in value.items()}
        if isinstance(value, list) and set(map(type, value)) == {float}:  # such as a column of a history
            arrays[name] = np.array(value)
            return {_FLOATS: name}
        if isinstance(value, list | tuple):
            return [visit(each, f"{name}/{place}") for place, each in enumerate(value)]
        host = to_numpy(value) if hasattr(value, "dtype") and hasattr(value, "shape") else None
        if host is None or host.dtype.kind not in "fiub":
            raise TypeError(
                f"{owner}: `{name}` must be made of dicts, lists, text, numbers and arrays of them, "
                f"got {shown(value)}"
            )
        arrays[name] = host
        return {_SCALAR if isinstance(value, np.generic) else _ARRAY: name}

    return visit(tree, ""), arrays


def unpack(text: Any, arrays: Mapping[str, Any]) -> Any:
    """Return the state that :func:`pack` has packed, with NumPy arrays, and lists for tuples."""
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
