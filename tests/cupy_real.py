"""CuPy's own module, which needs no driver to be asked what there is and what it takes."""

import inspect
import re
import sys
from functools import cache
from importlib import import_module

TAKES_HOST = {"array", "asarray"}  # of NumPy
TAKES_ANY = TAKES_HOST | {"ndim", "shape", "size", "isscalar"}


@cache
def real():
    """Return CuPy's own module, also once something else stands where it is imported from."""
    return import_module("cupy")


def replaced():
    """Say whether something else stands there."""
    return sys.modules["cupy"] is not real()


def in_words(documentation):
    """Return the signature that a compiled function has in the first line of its documentation."""
    inside = re.match(r"[\w.]+\((.*?)\)(?: ->|\s|$)", documentation.replace("\\", ""), re.DOTALL)
    words = [each.strip() for each in inside[1].split(",")]
    untyped = ", ".join(re.sub(r"^(?:bool|int|str|tuple|_\w+) (?=\w)", "", word) for word in words)
    scope = {}
    exec(f"def function({untyped}): pass", scope)
    return inspect.signature(scope["function"])


@cache
def signature(name, of_array=False):
    """Return the signature of a function of CuPy, or of a method of its arrays."""
    function = getattr(real().ndarray if of_array else real(), name)
    try:
        return inspect.signature(function)
    except ValueError:
        return in_words(function.__doc__)


def check_first(name, value, ndarray):
    """Raise unless a function takes a value as its first: lists and numbers are no arrays to CuPy.

    ``ndarray`` is what stands for its arrays.
    """
    several = isinstance(value, list | tuple)
    if type(getattr(real(), name)).__name__ == "ufunc":
        refused = several
    else:
        is_array = next(iter(signature(name).parameters)) in ("a", "x") and name not in TAKES_ANY
        refused = is_array and not isinstance(value, ndarray)
    if refused and not (several and value and all(isinstance(each, ndarray) for each in value)):
        raise TypeError(f"{name}: unsupported type {type(value)}")
