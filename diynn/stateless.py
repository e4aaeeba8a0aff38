"""A net as pure functions: parameters are an argument, gradients a result, and no state is kept.

``jax.jit`` and other function transformations take such functions::

    step = jax.jit(stateless.gradient(net, loss))
    parameters = snapshot(net)                              # of diynn.checkpoints
    costs, gradients = step(parameters, x, y)
    parameters = {label: parameters[label] - 1e-3 * gradients[label] for label in parameters}
    restore(net, parameters)

Parameters and gradients are dicts of arrays by the labels of their handles, such as ``"0._parameters"``.
While such a function runs, its net holds the arrays passed in: two threads need two nets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from diynn.arrays import Array, zeros_like
from diynn.assembly import check_loss
from diynn.calls import spelled
from diynn.checkpoints import matched, raise_unless_module
from diynn.composition import walk
from diynn.dataset import as_weights
from diynn.execution.serial import serial  # other executions keep buffers between calls
from diynn.parameter import Parameter

Arrays: TypeAlias = dict[str, Array]


@spelled()
def forward(net: Any) -> Callable[[Arrays, Array], Array]:
    """Return the function ``(parameters, x) → outputs`` of a net.

    Parameters
    ----------
    net : Module
        A module of any origin. Its own parameters are neither used nor changed.

    Returns
    -------
    function
        It takes a dict of arrays as :func:`diynn.checkpoints.snapshot` returns one, and ``x`` (batch, ...).
        It raises ValueError if the names or shapes are not those of the net.
    """
    raise_unless_module("forward", net)

    @spelled("forward")
    def outputs(parameters: Arrays, x: Array) -> Array:
        with substituted("forward", net, parameters):
            return net.forward(x)

    return outputs


@spelled()
def gradient(net: Any, loss: Any) -> Callable[..., tuple[Array, Arrays]]:
    """Return the function ``(parameters, x, y, weights=None) → costs, gradients`` of a net and a loss.

    Parameters
    ----------
    net : Module
        A module of any origin. Its own parameters and gradients are neither used nor changed.
    loss : Loss
        Likewise.

    Returns
    -------
    function
        It takes a dict of arrays as :func:`diynn.checkpoints.snapshot` returns one, ``x`` (batch, ...) and
        ``y``, and ``weights`` (batch,), which multiply the costs. It returns the costs (batch,) and the
        gradient of their sum with respect to each array, by the same names; parameters that were tied by
        assignment count as two arrays. It raises ValueError if the names or shapes are not those of the net.
    """
    raise_unless_module("gradient", net)
    check_loss("gradient", loss)

    @spelled("gradient")
    def costs_and_gradients(
        parameters: Arrays, x: Array, y: Array, weights: Array | None = None
    ) -> tuple[Array, Arrays]:
        if weights is not None:
            weights = as_weights("gradient", "weights", weights, x)
        with substituted("gradient", net, parameters, loss) as handles:
            costs = serial(net, loss, x, y, weights)
            return costs, {label: handle.gradient for label, handle in handles.items()}

    return costs_and_gradients


@contextmanager
def substituted(owner: str, net: Any, values: Arrays, *others: Any) -> Iterator[dict[str, Parameter]]:
    """Give a net other parameters, and gradients of zero, within the block; restore its own afterwards.

    All attributes that its modules, or ``others``, set within the block are restored too: under
    ``jax.jit`` they would be tracers.

    Raises
    ------
    ValueError
        If the names or shapes of ``values`` are not those of the net; the message names ``owner``.
    """
    handles = matched(owner, "parameters", net, values)
    attributes = [vars(each) for each in (*walk(net), *others)]
    held = [value for each in attributes for value in each.values() if isinstance(value, dict)]
    before = [(each, dict(each)) for each in (*attributes, *held)]
    try:
        for label, handle in handles.items():
            handle.value = values[label]
            handle.gradient = zeros_like(values[label])
        yield handles
    finally:
        for each, kept in before:
            each.clear()
            each.update(kept)
