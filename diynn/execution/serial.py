"""The definition of a batch's gradient: one forward pass, one backward pass."""

from __future__ import annotations

from typing import Any

from diynn.arrays import Array
from diynn.layers import Sequential


def accumulate(net: Any, loss: Any, x: Array, y: Array) -> Array:
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
        yhat = net.forward(x)
        costs = loss.forward(y, yhat)
        net.backward_update_gradient(x, loss.backward(y, yhat))
        return costs
    record = net.record(x)
    costs = loss.forward(y, record[-1])
    net.backward(record, loss.backward(y, record[-1]))
    return costs
