"""Exceptions of foreign code, as keys and words of the message catalogue."""

from __future__ import annotations

import re
import traceback
from typing import Any

import numpy as np

_NUMPY = np.__file__.rpartition("__init__")[0]
_LIBRARY = __file__.rpartition("diynn")[0] + "diynn"
_SCALAR = re.compile(r"only (0-dimensional|length-1|size-1|0d) arrays can be converted")


class Raised(Exception):  # noqa: N818 - a finding, not an error of the checker
    """The foreign code raised, or returned something unusable.

    Parameters
    ----------
    method : str
        The method called.
    key : str
        The key of the message.
    """

    def __init__(self, method: str, key: str, **words: Any) -> None:
        super().__init__(method, key)
        self.method, self.key, self.words = method, key, words


class CannotBuild(Exception):  # noqa: N818 - a finding, not an error of the checker
    """A class cannot be constructed; ``key`` and ``words`` are for the catalogue."""

    def __init__(self, key: str, **words: Any) -> None:
        super().__init__(key)
        self.key, self.words = key, words


class ProcessEnded(BaseException):
    """The process with the foreign code has ended, or must be ended.

    A BaseException, so that no ``except Exception`` takes it for an error of one method.

    Parameters
    ----------
    key : str
        ``"timeout"``, ``"memory"`` or ``"killed"``.
    """

    def __init__(self, key: str, **words: Any) -> None:
        super().__init__(key)
        self.key, self.words = key, words


def raised(method: str, error: BaseException) -> Raised:
    """Convert an exception to the words of a message, with the line of foreign code that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((_LIBRARY, _NUMPY))]
    line = f"{own[-1].filename}:{own[-1].lineno}" if own else ""
    text = _said(error).strip().splitlines()
    # int(y[i]) for y of shape (n, 1): deprecated since NumPy 1.25, an error since 2.4.
    key = "numpy_scalar" if isinstance(error, TypeError) and _SCALAR.search(_said(error)) else "raises"
    words = {"error": type(error).__name__, "text": text[0][:200] if text else "", "line": line}
    return Raised(method, key, **words)


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # by its own __str__
        return ""
