"""A trace of one batch, module by module, forward and back: where signal or gradient vanish."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

from diynn.arrays import Array, copy, namespace
from diynn.assembly import check_loss, check_net
from diynn.calls import spelled
from diynn.data import array_namespace
from diynn.layers.sequential import in_series
from diynn.module import parameters, zero_grad
from diynn.parameter import Parameter
from diynn.rendering import html_table, text_table
from diynn.shapes import size, text

_FLAT = 0.05  # slope below which an activation is saturated: tanh beyond ±2.2

_HEADER = ("place", "module", "output", "|data|", "|delta|", "|gradient|", "saturated", "dead")


@dataclass(frozen=True)
class Row:
    """The measurements of one module.

    Attributes
    ----------
    place, module : str
        Its place in the net, such as ``"0.1"``, and its text form.
    shape : tuple
        The shape of its output, without the batch.
    data, delta : float
        Norms of its output, and of the gradient of the cost with respect to that output.
    gradient : float or None
        Norm of the gradient of its parameters, if it has any.
    saturated : float or None
        For an activation, the share of values at which its slope is below 0.05.
    dead : int or None
        For an activation, the number of units that are saturated for every example of the batch.
    """

    place: str
    module: str
    shape: tuple[int, ...]
    data: float
    delta: float
    gradient: float | None
    saturated: float | None
    dead: int | None

    @property
    def units(self) -> int:
        """The number of values of the output for one example."""
        return prod(self.shape)


@dataclass(frozen=True)
class Trace:
    """The result of :func:`trace`: a table, in a terminal and in a notebook.

    Attributes
    ----------
    rows : list of Row
        One per module, nested nets flattened.
    cost : float
        The mean cost of an example.
    """

    rows: list[Row]
    cost: float

    def _cells(self) -> list[list[str]]:
        def number(value: float | None, form: str) -> str:
            return "" if value is None else format(value, form)

        return [
            [
                row.place,
                row.module,
                text(row.shape),
                number(row.data, ".3g"),
                number(row.delta, ".3g"),
                number(row.gradient, ".3g"),
                number(row.saturated, ".0%"),
                "" if row.dead is None else f"{row.dead} of {row.units}",
            ]
            for row in self.rows
        ]

    def __str__(self) -> str:
        return f"{text_table(_HEADER, self._cells(), numbers=5)}\nmean cost of an example {self.cost:.4g}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        caption = f"mean cost of an example {self.cost:.4g}"
        return html_table(_HEADER, self._cells(), 5, caption=caption)


@spelled()
def trace(net: Any, loss: Any, x: Array, y: Array) -> Trace:
    """Send one batch through a net and back, and measure it at each module.

    The net and its gradients are unchanged.

    Parameters
    ----------
    net : Module
        A net, of modules of any origin, or one module.
    loss : Loss
        The loss it is trained on.
    x, y : arrays (batch, ...)
        The examples and their targets, at least one.

    Returns
    -------
    Trace
        A row per module: the shape and the norm of its output, the norm of the gradient of the cost with
        respect to it (delta) and to the parameters, and for activations of any origin, how many of the
        values are saturated and how many of the units dead.

    Raises
    ------
    TypeError
        If ``net`` is no module, ``loss`` no loss, or ``x`` or ``y`` no array.
    ValueError
        If there is no example.
    """
    check_net("trace", net)
    check_loss("trace", loss)
    for argument, values in (("x", x), ("y", y)):
        array_namespace("trace", argument, values)
    if not x.shape or x.shape[0] == 0:
        raise ValueError(
            f"trace: `x` must hold at least one example, got {'none' if x.shape else 'a number'}"
        )
    leaves = list(_leaves(net, ""))
    handles = parameters(net)
    kept = [copy(handle.gradient) for handle in handles]
    try:
        zero_grad(net)
        values = [x]
        for _, module in leaves:
            values.append(module.forward(values[-1]))
        costs = loss.forward(y, values[-1])
        deltas = [loss.backward(y, values[-1])]
        for (_, module), data in zip(reversed(leaves), reversed(values[:-1]), strict=True):
            module.backward_update_gradient(data, deltas[-1])
            deltas.append(module.backward_delta(data, deltas[-1]))
        deltas.reverse()
        series = {id(module) for _, module in leaves}
        rows = []
        for i, (place, module) in enumerate(leaves):
            # Parameters shared with an earlier module are counted there.
            own = [
                each for each in parameters(module) if each.owner is module or id(each.owner) not in series
            ]
            rows.append(_row(place, module, own, values[i], values[i + 1], deltas[i + 1]))
    finally:
        for handle, gradient in zip(handles, kept, strict=True):
            handle.gradient = gradient
    return Trace(rows, float(namespace(costs).mean(costs)))


def _leaves(module: Any, place: str) -> Iterator[tuple[str, Any]]:
    if not in_series(module):
        yield place, module
        return
    for number, part in enumerate(module):
        yield from _leaves(part, f"{place}.{number}" if place else str(number))


def _row(place: str, module: Any, own: list[Parameter], data: Array, output: Array, delta: Array) -> Row:
    gradient = sqrt(sum(_norm(handle.gradient) ** 2 for handle in own)) if own else None
    flat = None if own else _flat(module, data, output)
    saturated = dead = None
    if flat is not None:
        xp = namespace(data)
        saturated = float(xp.mean(xp.astype(flat, data.dtype)))
        dead = int(xp.count_nonzero(xp.all(flat, axis=0)))
    shape = tuple(output.shape[1:])
    return Row(place, repr(module), shape, _norm(output), _norm(delta), gradient, saturated, dead)


def _flat(module: Any, data: Array, output: Array) -> Array | None:
    """Return where an activation's slope is almost zero; None for a module that is no activation.

    An activation is recognised by its backward pass: each delta depends on one value alone.
    """
    if output.shape != data.shape or not size(tuple(data.shape[1:])):
        return None
    xp = namespace(data)
    ones = xp.ones_like(output)
    every_second = xp.astype(xp.cumulative_sum(xp.reshape(ones, (-1,))) % 2 == 0, output.dtype)
    mask = xp.reshape(every_second, output.shape)
    slope = module.backward_delta(data, ones)
    if not bool(xp.all(module.backward_delta(data, mask) == slope * mask)):
        return None
    return xp.abs(slope) < _FLAT


def _norm(array: Array) -> float:
    xp = namespace(array)
    return sqrt(float(xp.sum(array * array)))
