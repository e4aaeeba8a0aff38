"""What goes wrong in foreign code, in words of the catalogue."""

from __future__ import annotations

import re
import traceback
from typing import Any

import numpy as np

_NUMPY = np.__file__.rpartition("__init__")[0]
_LIBRARY = __file__.rpartition("diynn")[0] + "diynn"
_SCALAR = re.compile(r"only (0-dimensional|length-1|size-1|0d) arrays can be converted")


class Raised(Exception):  # noqa: N818 - it says what happened, and is no error of ours
    """The code under examination raised, or returned nothing that can be used.

    Parameters
    ----------
    method : str
        What was called.
    key : str
        The message in the catalogue.
    """

    def __init__(self, method: str, key: str, **words: Any) -> None:
        super().__init__(method, key)
        self.method, self.key, self.words = method, key, words


class CannotBuild(Exception):  # noqa: N818 - a finding about the class, not an error of ours
    """A class cannot be constructed; ``key`` and ``words`` are for the catalogue."""

    def __init__(self, key: str, **words: Any) -> None:
        super().__init__(key)
        self.key, self.words = key, words


class ProcessEnded(BaseException):
    """The process that holds the foreign code has ended, or must end: nothing more can be asked of it.

    No ``except Exception`` of ours may take it for a fault of one method.

    Parameters
    ----------
    key : str
        ``"timeout"``, ``"memory"`` or ``"killed"``.
    """

    def __init__(self, key: str, **words: Any) -> None:
        super().__init__(key)
        self.key, self.words = key, words


def raised(method: str, error: BaseException) -> Raised:
    """Say in words of the catalogue what an exception was, and where in the code it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((_LIBRARY, _NUMPY))]
    line = f"{own[-1].filename}:{own[-1].lineno}" if own else ""
    text = _said(error).strip().splitlines()
    # NumPy 2.4 made an error of what had been a warning since 1.25: int(y[i]) for y of shape (n, 1).
    key = "numpy_scalar" if isinstance(error, TypeError) and _SCALAR.search(_said(error)) else "raises"
    words = {"error": type(error).__name__, "text": text[0][:200] if text else "", "line": line}
    return Raised(method, key, **words)


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a __str__ of their own
        return ""
