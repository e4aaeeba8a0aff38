"""The definition of a batch's gradient: one forward pass, one backward pass."""

from __future__ import annotations

from typing import Any

from diynn.arrays import Array
from diynn.layers.order import delta_first
from diynn.layers.sequential import in_series
from diynn.losses import Loss


def serial(net: Any, loss: Any, x: Array, y: Array) -> Array:
    """Add the gradient of the costs of a batch to the gradients of ``net``, and return those costs.

    Parameters
    ----------
    net : Module
        A module of any origin with the methods of the course sheet.
    loss : Loss
        Likewise.
    x, y : arrays (batch, ...)
        The examples and what is right for them.

    Returns
    -------
    array (batch,)
        The cost of each example.
    """
    if not in_series(net):
        costs, delta = costs_and_delta(loss, y, net.forward(x))
        if delta_first(net, x, delta):
            net.backward_delta(x, delta)
        net.backward_update_gradient(x, delta)
        return costs
    activations = net.activations(x)
    costs, delta = costs_and_delta(loss, y, activations[-1])
    net.backpropagate(activations, delta)
    return costs


def costs_and_delta(loss: Any, y: Array, yhat: Array) -> tuple[Array, Array]:
    """Return the costs of a batch and their gradient, from one call where the loss has one for both."""
    if isinstance(loss, Loss) and vars(loss).keys().isdisjoint(("forward", "backward")):
        return loss.costs_and_delta(y, yhat)
    return loss.forward(y, yhat), loss.backward(y, yhat)
