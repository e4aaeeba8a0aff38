"""The definition of a batch's gradient: one forward pass, one backward pass."""

from __future__ import annotations

from typing import Any

from diynn.arrays import Array
from diynn.layers import Sequential
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
    if not isinstance(net, Sequential):
        costs, delta = _costs_and_delta(loss, y, net.forward(x))
        net.backward_update_gradient(x, delta)
        return costs
    record = net.record(x)
    costs, delta = _costs_and_delta(loss, y, record[-1])
    net.backward(record, delta)
    return costs


def _costs_and_delta(loss: Any, y: Array, yhat: Array) -> tuple[Array, Array]:
    if isinstance(loss, Loss):
        return loss.costs_and_delta(y, yhat)
    return loss.forward(y, yhat), loss.backward(y, yhat)
