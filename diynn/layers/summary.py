"""The table that ``print(net)`` shows."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from diynn.arrays import asarray_like, namespace
from diynn.composition import walk
from diynn.module import Module
from diynn.parameter import own_parameters
from diynn.rendering import html_table, text_table
from diynn.shapes import Shape, fewest, fit, size, text
from diynn.sharing import count

_HEADER = ("place", "module", "output", "parameters")


@dataclass(frozen=True)
class Summary:
    """The modules of a net, with shapes and numbers of parameters.

    Attributes
    ----------
    rows : list of (place, module, shape of one output or None, number of parameters)
    parameters : int
        The number of parameters of the net; what occurs twice, or shares memory, is counted once.
    activations : int or None
        Bytes of the outputs of all modules for one example; None if a shape is not known.
    """

    rows: list[tuple[str, str, Shape | None, int]]
    parameters: int
    activations: int | None = None

    def cells(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the header and the lines of the table, as text."""
        return _HEADER, [
            (place, module, "?" if shape is None else text(shape), f"{count:,}")
            for place, module, shape, count in self.rows
        ]

    def total(self) -> str:
        """Return the line below the table; if a size is unknown, it says how to get it."""
        line = f"{self.parameters:,} parameters"
        if self.activations is not None:
            line += f", {self.activations:,} bytes of activations an example"
        if any(shape is None or None in shape for _, _, shape, _ in self.rows):
            line += "; ? depends on the input: net.summary((length, channels)) tells"
        return line

    def __str__(self) -> str:
        return f"{text_table(*self.cells(), numbers=1)}\n{self.total()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        return html_table(*self.cells(), 1, caption=self.total())


def summarise(leaves: list[tuple[str, Any]], input_shape: Shape | None = None) -> Summary:
    """Return the table of modules in series, for one input of ``input_shape`` if it is given.

    Raises
    ------
    ValueError
        If ``input_shape`` is given and does not fit a module.
    """
    rows = []
    series = {id(module) for _, module in leaves}  # these are not counted again where they are shared
    shape = input_shape
    values: int | None = 0
    handles = dict.fromkeys(handle for _, module in leaves for handle in _handles(module))
    arrays = [handle.value for handle in handles]
    counted = count([handle.value for handle in handles])
    for number, (place, module) in enumerate(leaves):
        wanted = getattr(module, "input_shape", None)
        if wanted is not None:
            fitting = wanted if shape is None else fit(shape, wanted)
            if fitting is None and input_shape is not None:
                raise ValueError(
                    f"layer {number + 1} of {len(leaves)}: {module!r} takes {text(fewest(wanted))}, "
                    f"got {text(shape or ())}"
                )
            shape = wanted if fitting is None else fitting
        shape = None if shape is None else _output_shape(module, shape, arrays)
        least = None if shape is None else fewest(shape)
        outputs = None if least is None else size(least)
        values = None if values is None or outputs is None else values + outputs
        own = [each for each in _handles(module) if each.owner is module or id(each.owner) not in series]
        rows.append((place, _name(module), least, sum(prod(each.value.shape) for each in own)))
    if values is None or not arrays:
        return Summary(rows, counted)
    bits = namespace(arrays[0]).finfo(arrays[0].dtype).bits
    return Summary(rows, counted, values * bits // 8)


def _output_shape(module: Any, shape: Shape, arrays: list[Any]) -> Shape | None:
    if isinstance(module, Module):
        return module.output_shape(shape)
    if None in shape:
        return None
    # A module without `output_shape` is called with an example of zeros.
    example = np.zeros((1, *(size or 0 for size in fewest(shape))))
    try:
        return tuple(module.forward(asarray_like(example, arrays[0]) if arrays else example).shape[1:])
    except Exception:
        return None


def _handles(module: Any) -> list[Any]:
    found = []
    for each in walk(module):
        try:
            found += own_parameters(each)
        except TypeError:  # parameters that cannot be counted
            continue
    return found


def _name(module: Any) -> str:
    plain: Any = object.__repr__
    return f"{type(module).__name__}()" if type(module).__repr__ is plain else repr(module)
