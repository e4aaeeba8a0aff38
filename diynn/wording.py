"""How values are shown in messages, and checks of what is given for an array of numbers."""

from __future__ import annotations

import os
from typing import Any

import numpy as np


def shown(value: Any) -> str:
    """Return a value as one line for a message: arrays are not printed."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and hasattr(value, "dtype"):
        return f"an array of shape {tuple(shape)}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    written = (
        repr(value) if isinstance(value, str | int | float | complex | bool | bytes | type(None)) else ""
    )
    return written if 0 < len(written) <= 60 else f"{_article(type(value).__name__)} {type(value).__name__}"


def _article(noun: str) -> str:
    return "an" if noun[:1].lower() in "aeiou" else "a"


def as_path(owner: str, path: Any) -> str:
    """Return a path as text; raise TypeError if ``path`` is no path."""
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"{owner}: `path` must be the path of a file, got {shown(path)}")
    return os.fsdecode(path)


def special(argument: str, value: Any) -> str:
    """Describe a masked array, a matrix or a sparse array, and what to write; empty for other arrays."""
    if isinstance(value, np.ma.MaskedArray):
        return f"a masked array; {argument}.filled(0) has a value for what is masked"
    if isinstance(value, np.matrix):
        return f"a np.matrix, whose products are others; np.asarray({argument}) makes an array"
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        return f"a sparse {type(value).__name__}; {argument}.toarray() makes an array"
    return ""


def no_numbers(value: np.ndarray[Any, Any]) -> str:
    """Describe the contents of a NumPy array that are no numbers, and what to write; empty for numbers."""
    if value.dtype.kind in "US" or (value.dtype == object and any(isinstance(v, str) for v in value.flat)):
        return "text; sklearn.preprocessing.LabelEncoder numbers labels that are text"
    if value.dtype == object and value.ndim == 0:
        return shown(value[()])
    if value.dtype == object:
        return "an array of objects; np.stack or .astype(float) makes one of numbers"
    return "" if value.dtype.kind in "fiubc" else str(value.dtype)


def numbers_wanted(owner: str, argument: str) -> str:
    """Return the begin of the message about an argument that is no array of numbers; what was got follows."""
    return f"{owner}: `{argument}` must be an array of numbers, got"


def numbers_on_host(owner: str, argument: str, value: Any, *, real: bool = True) -> np.ndarray[Any, Any]:
    """Return host data, such as lists and frames, as a NumPy array of numbers, by default of real ones.

    Raises
    ------
    TypeError, ValueError
        If they are no numbers; the message says what to write.
    """
    what = numbers_wanted(owner, argument)
    if words := special(argument, value):
        raise TypeError(f"{what} {words}")
    try:
        values = np.asarray(value)
    except (ValueError, TypeError):
        raise ValueError(f"{what} lists of several lengths or kinds") from None
    if words := no_numbers(values):
        raise TypeError(f"{what} {words}")
    if real and values.dtype.kind == "c":
        raise TypeError(f"{what} {values.dtype}, which are not real")
    return values
