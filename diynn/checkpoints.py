"""Keeping the parameters of a net, in memory or in a file."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from diynn.arrays import Array, BackendLike, asarray_like, copy, namespace, to_numpy, write
from diynn.composition import is_module
from diynn.module import parameters
from diynn.parameter import Parameter
from diynn.shapes import shown


def snapshot(net: Any) -> dict[str, Array]:
    """Return copies of all parameters by their names in the net, in the library where they are."""
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
    handles = matched("restore", net, values)
    for label, parameter in handles.items():
        xp, value = namespace(parameter.value), values[label]
        if isinstance(value, np.ndarray):
            value = asarray_like(value.astype(to_numpy(parameter.value).dtype, copy=False), parameter.value)
        parameter.value = write(parameter.value, xp.astype(value, parameter.value.dtype, copy=False))


def matched(owner: str, net: Any, values: dict[str, Array]) -> dict[str, Parameter]:
    """Return the handles on the parameters of a net by their names, which must be those of ``values``.

    ``owner`` is whose error it is if they are not.

    Raises
    ------
    ValueError
        If the names or shapes are not those of the net.
    """
    handles = {parameter.label: parameter for parameter in parameters(net)}
    if handles.keys() != values.keys():
        missing, unknown = sorted(handles.keys() - values.keys()), sorted(values.keys() - handles.keys())
        raise ValueError(f"{owner}: the parameters are of another net: missing {missing}, unknown {unknown}")
    for label, parameter in handles.items():
        if tuple(values[label].shape) != tuple(parameter.value.shape):
            raise ValueError(f"{owner}: `{label}` must have shape {tuple(parameter.value.shape)}, "
                             f"got {tuple(values[label].shape)}")  # fmt: skip
    return handles


def save(net: Any, path: str | os.PathLike[str]) -> None:
    """Write the parameters of a net to a file of NumPy's format ``npz``.

    Raises
    ------
    TypeError
        If ``net`` is no module, or if its parameters cannot be reached.
    """
    _raise_unless_module("save", net)
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
    _raise_unless_module("load", net)
    if backend is not None:
        net.to(backend)
    with np.load(path, allow_pickle=False) as values:
        restore(net, dict(values))


def _raise_unless_module(owner: str, net: Any) -> None:
    if not is_module(net):
        raise TypeError(f"{owner}: `net` must be a module, got {shown(net)}")
