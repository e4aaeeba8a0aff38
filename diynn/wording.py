"""How a value is written in a message, and what is refused of whatever may stand for an array of numbers."""

from __future__ import annotations

import os
from typing import Any

import numpy as np


def shown(value: Any) -> str:
    """Write a value for a message, in one line: no array is printed out."""
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
    """Return the path of a file as text; raise TypeError if ``path`` is none."""
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"{owner}: `path` must be the path of a file, got {shown(path)}")
    return os.fsdecode(path)


def special(argument: str, value: Any) -> str:
    """Name an array whose values are not what its memory holds, and its mend; an empty text for any other."""
    if isinstance(value, np.ma.MaskedArray):
        return f"a masked array; {argument}.filled(0) has a value for what is masked"
    if isinstance(value, np.matrix):
        return f"a np.matrix, whose products are others; np.asarray({argument}) makes an array"
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        return f"a sparse {type(value).__name__}; {argument}.toarray() makes an array"
    return ""


def no_numbers(value: np.ndarray[Any, Any]) -> str:
    """Name what an array of NumPy holds that are no numbers, and its mend; an empty text for numbers."""
    if value.dtype.kind in "US" or (value.dtype == object and any(isinstance(v, str) for v in value.flat)):
        return "text; sklearn.preprocessing.LabelEncoder numbers labels that are text"
    if value.dtype == object and value.ndim == 0:
        return shown(value[()])
    if value.dtype == object:
        return "an array of objects; np.stack or .astype(float) makes one of numbers"
    return "" if value.dtype.kind in "fiubc" else str(value.dtype)


def numbers_on_host(owner: str, argument: str, value: Any, *, real: bool = True) -> np.ndarray[Any, Any]:
    """Return host data, such as lists and frames, as an array of numbers, of real ones if not told otherwise.

    Raises
    ------
    TypeError, ValueError
        If they are none; the message says what to write.
    """
    what = f"{owner}: `{argument}` must be an array of numbers, got"
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
