"""Keeping the parameters of a net, in memory or in a file."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from diynn.arrays import (
    Array,
    BackendLike,
    asarray_like,
    copy,
    find_backend,
    kind,
    namespace,
    to_numpy,
    write,
)
from diynn.composition import is_module
from diynn.module import parameters
from diynn.parameter import Parameter
from diynn.wording import as_path, shown


def snapshot(net: Any) -> dict[str, Array]:
    """Return copies of all parameters by their names in the net, in the library where they are."""
    raise_unless_module("snapshot", net)
    return {parameter.label: copy(parameter.value) for parameter in parameters(net)}


def restore(net: Any, values: dict[str, Array]) -> None:
    """Put parameters back, as :func:`snapshot` returned them or as read from a file.

    They are written into the arrays that are there, where the library allows it, so that weights tied by
    assignment stay tied.

    Raises
    ------
    ValueError
        If the names or shapes are not those of the net.
    """
    raise_unless_module("restore", net)
    _put_back(matched("restore", "values", net, values), values)


def _put_back(handles: dict[str, Parameter], values: dict[str, Array]) -> None:
    for label, parameter in handles.items():
        xp, value = namespace(parameter.value), values[label]
        if isinstance(value, np.ndarray):
            value = asarray_like(value.astype(to_numpy(parameter.value).dtype, copy=False), parameter.value)
        parameter.value = write(parameter.value, xp.astype(value, parameter.value.dtype, copy=False))


def matched(owner: str, argument: str, net: Any, values: dict[str, Array]) -> dict[str, Parameter]:
    """Return the handles on the parameters of a net by their names, which must be those of ``values``.

    ``owner`` is whose error it is if they are not, and ``argument`` where they came from.

    Raises
    ------
    ValueError
        If the names or shapes are not those of the net.
    """
    if not isinstance(values, dict):
        raise TypeError(f"{owner}: `{argument}` must be a dict of arrays, got {shown(values)}")
    handles = {parameter.label: parameter for parameter in parameters(net)}
    if handles.keys() != values.keys():
        missing, unknown = sorted(handles.keys() - values.keys()), sorted(values.keys() - handles.keys())
        raise ValueError(
            f"{owner}: `{argument}` must have the parameters of this net, got those of another: "
            f"missing {missing}, unknown {unknown}"
        )
    for label, parameter in handles.items():
        try:
            numbers = kind(values[label]) != "other"
        except (TypeError, AttributeError):  # no array
            numbers = False
        if not numbers:
            raise TypeError(f"{owner}: `{argument}[{label!r}]` must be an array of numbers, "
                            f"got {shown(values[label])}")  # fmt: skip
        if tuple(values[label].shape) != tuple(parameter.value.shape):
            wanted, got = tuple(parameter.value.shape), tuple(values[label].shape)
            raise ValueError(f"{owner}: `{argument}[{label!r}]` must have shape {wanted}, got {got}")
    return handles


def save(net: Any, path: str | os.PathLike[str]) -> None:
    """Write the parameters of a net to a file of NumPy's format ``npz``.

    Raises
    ------
    TypeError
        If ``net`` is no module, or if its parameters cannot be reached.
    """
    raise_unless_module("save", net)
    path = as_path("save", path)
    arrays: dict[str, Any] = {each.label: to_numpy(each.value) for each in parameters(net)}
    with open(path, "wb") as file:  # given a name, savez would add ".npz" to it
        np.savez(file, **arrays)


def load(net: Any, path: str | os.PathLike[str], *, backend: BackendLike = None) -> None:
    """Read the parameters of a net of the same make from a file that :func:`save` wrote.

    Parameters
    ----------
    net : Module
    path : path
    backend : str or namespace, optional
        Where to move the net; None leaves it where it is.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is of another net.
    TypeError
        If ``net`` is no module, or if its parameters cannot be reached.
    """
    raise_unless_module("load", net)
    path = as_path("load", path)
    if backend is not None:
        net.to(find_backend(backend, owner="load"))
    with open(path, "rb") as file:
        if file.read(2) != b"PK":  # what every zip file begins with
            raise ValueError(f"load: `path` must be a file that diynn.save wrote, and {path!r} is none")
    with np.load(path, allow_pickle=False) as held:
        values = dict(held)
    _put_back(matched("load", "path", net, values), values)


def raise_unless_module(owner: str, net: Any) -> None:
    """Raise TypeError if ``net`` is no module, of any origin."""
    if not is_module(net):
        raise TypeError(f"{owner}: `net` must be a module, got {shown(net)}")
