"""Parameters as PyTorch lays them out: names of a ``state_dict``, ``(out, in)``, channels before length.

``torch.nn.Linear`` keeps its weight (out, in), and ``torch.nn.Conv1d`` (out, in, k); diynn (in, out) and
(k, in, out). PyTorch's sequences are (batch, channels, length), so that its ``Flatten`` gives another
order: the rows of the first linear layer after a `Flatten` are permuted accordingly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from diynn.composition import places
from diynn.files.manifest import Header
from diynn.layers import Conv1D, Flatten, Linear
from diynn.layers.sequential import flat
from diynn.parameter import own_parameters

HostArray = np.ndarray[Any, Any]
_SUFFIXES = {"_parameters": "weight", "_bias": "bias"}


class Turned(NamedTuple):
    """The name, axes and row order of one parameter in PyTorch's layout."""

    name: str  # in a ``state_dict``: "0.weight"
    axes: tuple[int, ...]  # the permutation of diynn's axes to PyTorch's
    chan: int | None  # for a linear layer after a `Flatten`: the channels of its sequence


def turned_for(owner: str, net: Any) -> dict[str, Turned]:
    """Return PyTorch's layout of the parameters of a net, by diynn's names.

    Places are the same: those of a ``torch.nn.Sequential`` of the same modules.

    Raises
    ------
    TypeError
        If a module has parameters for which no layout of PyTorch's is known.
    """
    chans = _channels(net)
    found = {}
    for place, module in places(net):
        for parameter in own_parameters(module, place):
            if type(module) not in (Linear, Conv1D):
                raise TypeError(
                    f"{owner}: `layout` 'torch' is known of Linear and Conv1D, and `{parameter.label}` is of "
                    f"{type(module).__name__}"
                )
            axes = tuple(reversed(range(parameter.value.ndim)))
            name = f"{place}{_SUFFIXES[parameter.name]}"
            chan = chans.get(id(module)) if axes == (1, 0) else None
            found[parameter.label] = Turned(name, axes, chan)
    return found


def _channels(net: Any) -> dict[int, int]:
    """Return the number of channels for each linear layer that follows a `Flatten`, by the layer."""
    chan, flattened, found = None, False, {}
    for module in flat(net):
        if isinstance(module, Conv1D):
            chan, flattened = module.chan_out, False
        elif isinstance(module, Flatten):
            flattened = True
        elif isinstance(module, Linear):
            if flattened and chan is not None:
                found[id(module)] = chan
            chan, flattened = None, False
    return found


def from_torch(value: HostArray, turned: Turned) -> HostArray:
    """Return PyTorch's array in diynn's layout."""
    value = np.transpose(value, turned.axes)
    if turned.chan is not None:  # rows (chan, length) → (length, chan)
        value = _rows(value, turned.chan, value.shape[0] // turned.chan)
    return np.ascontiguousarray(value)


def to_torch(value: HostArray, turned: Turned) -> HostArray:
    """Return diynn's array in PyTorch's layout."""
    if turned.chan is not None:  # rows (length, chan) → (chan, length)
        value = _rows(value, value.shape[0] // turned.chan, turned.chan)
    return np.ascontiguousarray(np.transpose(value, turned.axes))


def _rows(value: HostArray, first: int, second: int) -> HostArray:
    return value.reshape(first, second, -1).swapaxes(0, 1).reshape(first * second, -1)


def in_diynn(headers: dict[str, Header], turned: Mapping[str, Turned]) -> tuple[dict[str, Header], str]:
    """Return the headers of PyTorch's arrays by diynn's names, with diynn's shapes.

    And a text that names missing or unknown arrays, if there are any; the headers are unchanged then.
    """
    names = {each.name for each in turned.values()}
    if names != headers.keys():
        missing, unknown = sorted(names - headers.keys()), sorted(headers.keys() - names)
        return headers, f"the parameters are of another net: missing {missing}, unknown {unknown}"
    found = {}
    for label, each in turned.items():
        header = headers[each.name]
        fits = len(header.shape) == len(each.axes)
        shape = tuple(header.shape[axis] for axis in each.axes) if fits else header.shape
        found[label] = Header(shape, header.dtype)
    return found, ""
