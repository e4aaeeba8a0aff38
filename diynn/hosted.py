"""Nets that hold somebody's NumPy arrays, in a script that has named no library and is run with another one.

A layer of one's own makes its parameters by ``np.random``, and computes with them by NumPy. PyTorch and CuPy
refuse to meet them, so such a net stays on NumPy as a whole, and it is said.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from diynn.arrays import Array, address, asarray, belongs, default_dtype, default_namespace, namespace
from diynn.composition import attributes, walk
from diynn.module import move
from diynn.parameter import Parameter, own_parameters

_NUMPY = np.zeros(0)


def stay_on_numpy(owner: str, net: Any) -> None:
    """Move a net to NumPy if a module that is not diynn's holds NumPy arrays and others are elsewhere.

    It is done where another default library was set, and of what was made there. Parameters of that library's
    default real dtype get NumPy's, as if no library had been set.

    Warns
    -----
    UserWarning
        If it is done.
    """
    xp = default_namespace()
    if xp is None or xp is namespace(_NUMPY):
        return
    modules = walk(net)
    theirs = next((each for each in modules if not _is_ours(each) and _holds_numpy(each)), None)
    if theirs is None:
        return
    handles = [each for module in modules for each in _handles(module) if belongs(each.value, xp)]
    if not handles:
        return
    library, default = address(handles[0].value), default_dtype(xp)
    move(handles, lambda array: asarray(array, "numpy", dtype="float64" if array.dtype == default else None))
    warnings.warn(
        f"{owner}: {type(theirs).__name__} holds NumPy arrays, and other modules were made on {library!r}; "
        "all of the net was moved to NumPy, and is computed there",
        UserWarning,
        stacklevel=4,
    )


def _is_ours(module: Any) -> bool:
    return type(module).__module__.startswith("diynn.")


def _holds_numpy(module: Any) -> bool:
    """Say whether a module has arrays of real numbers of NumPy among its attributes, or in a dict or list."""
    held: list[Array] = []
    for value in attributes(module).values():
        if isinstance(value, dict):
            held += value.values()
        elif isinstance(value, list | tuple):
            held += value
        else:
            held.append(value)
    return any(type(each) is np.ndarray and each.dtype.kind == "f" for each in held)


def _handles(module: Any) -> Iterable[Parameter]:
    try:
        return own_parameters(module)
    except TypeError:  # parameters of a kind that cannot be reached
        return []
