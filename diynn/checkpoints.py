"""Snapshots of a net's parameters, in memory or in a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

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
from diynn.calls import spelled
from diynn.composition import is_module
from diynn.description import build, describe
from diynn.execution.interrupts import Deferred
from diynn.files.manifest import CheckpointError
from diynn.module import parameters
from diynn.parameter import Parameter
from diynn.torch_layout import Turned, from_torch, in_diynn, to_torch, turned_for
from diynn.wording import as_path, numbers_wanted, shown

if TYPE_CHECKING:
    from diynn.files.stored import Stored  # takes 10 ms to import, for `zipfile`

__all__ = ["CheckpointError", "load", "matched", "restore", "save", "snapshot"]

_IN_TRAINING = "optim/parameters/"  # before the names of a net's parameters in the file of a training


@spelled()
def snapshot(net: Any) -> dict[str, Array]:
    """Return copies of all parameters by their names in the net, in the library they are in."""
    raise_unless_module("snapshot", net)
    return {parameter.label: copy(parameter.value) for parameter in parameters(net)}


@spelled()
def restore(net: Any, values: Mapping[str, Array]) -> None:
    """Put parameters back, as :func:`snapshot` returned them or as read from a file: all or none.

    They are written into the existing arrays, where the library allows it, so that weights tied by assignment
    stay tied.

    Raises
    ------
    ValueError
        If the names or shapes are not those of the net.
    """
    raise_unless_module("restore", net)
    _write_all(
        [
            (handle, _prepared(values[label], handle.value))
            for label, handle in matched("restore", "values", net, values).items()
        ]
    )


def _prepared(value: Array, like: Array) -> Array:
    xp = namespace(like)
    if isinstance(value, np.ndarray):
        value = asarray_like(value.astype(to_numpy(like).dtype, copy=False), like)
    return xp.astype(value, like.dtype, copy=False)


def _write_all(prepared: list[tuple[Parameter, Array]]) -> None:
    with Deferred() as interrupts:  # Ctrl-C takes effect before or after
        interrupts.may_stop = False
        for handle, value in prepared:
            handle.value = write(handle.value, value)


def matched(owner: str, argument: str, net: Any, values: Mapping[str, Any]) -> dict[str, Parameter]:
    """Return the handles on the parameters of a net by their names, which must be those of ``values``.

    The error, if they are not, names ``owner`` and ``argument``. Of the values only shapes and dtypes are
    read.

    Raises
    ------
    ValueError
        If the names or shapes are not those of the net.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"{owner}: `{argument}` must be a dict of arrays, got {shown(values)}")
    for label, value in values.items():
        if not _has_numbers(value):
            raise TypeError(f"{numbers_wanted(owner, f'{argument}[{label!r}]')} {shown(value)}")
    handles = {parameter.label: parameter for parameter in parameters(net)}
    if words := _misfit(handles, values):
        raise ValueError(f"{owner}: `{argument}` must fit the net: {words}")
    return handles


def _misfit(handles: Mapping[str, Parameter], values: Mapping[str, Any]) -> str:
    """Say how values, or headers of a file, differ from a net's parameters."""
    if handles.keys() != values.keys():
        missing, unknown = sorted(handles.keys() - values.keys()), sorted(values.keys() - handles.keys())
        return f"the parameters are of another net: missing {missing}, unknown {unknown}"
    for label, parameter in handles.items():
        wanted, got = tuple(parameter.value.shape), tuple(values[label].shape)
        if got != wanted:
            return f"`{label}` must have shape {wanted}, got {got}"
    return ""


def _has_numbers(value: Any) -> bool:
    if isinstance(dtype := getattr(value, "dtype", None), np.dtype):
        return dtype.kind in "fiub"
    try:
        return kind(value) != "other"
    except (TypeError, AttributeError):  # no array
        return False


@spelled()
def save(net: Any, path: str | os.PathLike[str], *, layout: str | None = None) -> None:
    """Write the parameters of a net to a file: whole, or not at all.

    It is written to a temporary file, flushed to disk and renamed: after a full disk or a killed process
    there is the old file or the new one. It holds shapes, dtypes and checksums of all arrays, and a
    description of the net if that is made of diynn's own modules.

    Parameters
    ----------
    net : Module
    path : path
        A name that ends in ``.safetensors`` makes a file of that format, which other libraries read (extra
        ``safetensors``); any other, one of NumPy's ``npz``.
    layout : str, optional
        ``"torch"`` for the names and axes of a ``state_dict`` of PyTorch, as in :func:`load`.

    Raises
    ------
    OSError
        If it cannot be written.
    ImportError
        If the library of ``safetensors`` is not installed.
    TypeError
        If ``net`` is no module, or if its parameters cannot be reached; if a module is none of PyTorch's.
    """
    from diynn.files.stored import write_file

    raise_unless_module("save", net)
    path, turned = as_path("save", path), _layout("save", net, layout)
    handles = parameters(net)
    arrays = {each.label: to_numpy(each.value) for each in handles}
    if turned is not None:
        arrays = {turned[label].name: to_torch(array, turned[label]) for label, array in arrays.items()}
    write_file("save", path, "net", arrays, {"net": describe(net, handles), "layout": layout})


@overload
def load(net: str | os.PathLike[str], /, *, backend: BackendLike = ...) -> Any: ...
@overload
def load(
    net: Any,
    path: str | os.PathLike[str] | Mapping[str, Any],
    *,
    layout: str | None = ...,
    backend: BackendLike = ...,
) -> Any: ...
@spelled()
def load(net: Any, path: Any = None, *, layout: str | None = None, backend: BackendLike = None) -> Any:
    """Read the parameters of a net from a file that :func:`save` wrote, and return the net.

    The whole file is checked before the net is changed. Files of version 0.1 are read as well,
    other files of ``npz`` and ``safetensors``, and the checkpoint of a training.

    Parameters
    ----------
    net : Module, optional
        A net of the same structure; without it, ``load(path)`` builds the net that the file describes, of
        diynn's own modules: nothing in a file is run.
    path : path, or dict of arrays
        A dict holds the arrays by name, such as a ``state_dict`` of PyTorch.
    layout : str, optional
        ``"torch"`` for arrays that PyTorch has named and laid out. Those of ``Linear``, (out, in), and of
        ``Conv1D``, (out, in, k), are transposed; the rows of a ``Linear`` after a ``Flatten`` of a sequence
        are reordered, since diynn has length before channels.
    backend : str or namespace, optional
        Where to move the net; None leaves it where it is.

    Returns
    -------
    Module
        The net.

    Raises
    ------
    OSError
        If the file cannot be read.
    CheckpointError
        If it is damaged, of another format or of another net, a ValueError that names the file, the array and
        the cause: the net is as it was.
    ImportError
        If the library of ``safetensors`` is not installed.
    TypeError
        If ``net`` is no module, or if its parameters cannot be reached; if a module is none of PyTorch's.
    """
    from diynn.files.stored import given, reading

    if path is None and isinstance(net, str | os.PathLike):
        with reading("load", net) as stored:
            return _built(stored, backend)
    raise_unless_module("load", net)
    _layout("load", net, layout)
    path = path if isinstance(path, Mapping) else as_path("load", path)
    where = None if backend is None else find_backend(backend, owner="load")
    with given("load", path) if isinstance(path, Mapping) else reading("load", path) as stored:
        prepared = _read(stored, net, layout)
    if where is None:
        _write_all(prepared)
        return net
    net.to(where)
    _write_all([(handle, asarray_like(value, handle.value)) for handle, value in prepared])
    return net


def _layout(owner: str, net: Any, layout: str | None) -> dict[str, Turned] | None:
    if layout not in (None, "torch"):
        raise ValueError(f"{owner}: `layout` must be 'torch' or None, got {shown(layout)}")
    return None if layout is None else turned_for(owner, net)


def _built(stored: Stored, backend: BackendLike) -> Any:
    manifest = stored.manifest
    room = sum(header.nbytes // header.dtype.itemsize for header in stored.headers.values())
    net = build(manifest.about.get("net") if manifest else None, room, backend=backend)
    _write_all(_read(stored, net, None))
    return net


def _read(stored: Stored, net: Any, layout: str | None) -> list[tuple[Parameter, Array]]:
    """Return the handles on the parameters of a net, each with its new value.

    Raises
    ------
    CheckpointError
        If the file is of another net, or has other values than were written.
    """
    inside = _IN_TRAINING if stored.manifest is not None and stored.manifest.kind == "training" else ""
    headers = {
        name.removeprefix(inside): header
        for name, header in stored.headers.items()
        if name.startswith(inside)
    }
    told = stored.manifest.about.get("layout") if stored.manifest is not None else None
    turned = turned_for("load", net) if "torch" in (layout, told) else None
    handles = {parameter.label: parameter for parameter in parameters(net)}
    headers, words = (headers, "") if turned is None else in_diynn(headers, turned)
    if words := words or _misfit(handles, headers):
        raise CheckpointError(words)
    for label, header in headers.items():
        if header.dtype.kind != "f":
            raise CheckpointError(f"`{label}` must hold real numbers with a point, got {header.dtype}")
    prepared = []
    for label, handle in handles.items():
        if turned is None:
            value = stored.read(inside + label)
        else:
            value = from_torch(stored.read(turned[label].name), turned[label])
        prepared.append((handle, _fitting(label, value, handle.value)))
    return prepared


def _fitting(label: str, value: np.ndarray[Any, Any], like: Array) -> Array:
    """Return an array in the library and dtype of another, if all its numbers are in the range of that."""
    with np.errstate(over="ignore"):
        narrowed = value.astype(to_numpy(like).dtype, copy=False)
    if narrowed.dtype.itemsize < value.dtype.itemsize and (np.isinf(narrowed) & ~np.isinf(value)).any():
        raise CheckpointError(f"`{label}` has numbers that are out of the range of {narrowed.dtype}")
    return asarray_like(narrowed, like)


def raise_unless_module(owner: str, net: Any) -> None:
    """Raise TypeError if ``net`` is no module, of any origin."""
    if not is_module(net):
        raise TypeError(f"{owner}: `net` must be a module, got {shown(net)}")
