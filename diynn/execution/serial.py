"""The definition of a batch's gradient: one forward pass, one backward pass."""

from __future__ import annotations

from typing import Any

from diynn.arrays import Array, namespace
from diynn.layers.order import delta_first
from diynn.layers.sequential import in_series
from diynn.losses import Loss


def serial(net: Any, loss: Any, x: Array, y: Array, weights: Array | None = None) -> Array:
    """Add the gradient of the costs of a batch to the gradients of ``net``, and return those costs.

    Parameters
    ----------
    net : Module
        A module of any origin with the methods of the course sheet.
    loss : Loss
        Likewise.
    x, y : arrays (batch, ...)
        The examples and their targets.
    weights : array (batch,), optional
        The weight of each example, by which its cost and its delta are multiplied.

    Returns
    -------
    array (batch,)
        The cost of each example, times its weight.

    Raises
    ------
    ValueError
        If there are weights, and the loss does not return one cost and one delta per example.
    """
    if not in_series(net):
        costs, delta = costs_and_delta(loss, y, net.forward(x), weights)
        if delta_first(net, x, delta):
            net.backward_delta(x, delta)
        net.backward_update_gradient(x, delta)
        return costs
    activations = net.activations(x)
    costs, delta = costs_and_delta(loss, y, activations[-1], weights)
    net.backpropagate(activations, delta)
    return costs


def costs_and_delta(loss: Any, y: Array, yhat: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Return the costs of a batch and their gradient, from one call where the loss has one for both."""
    if isinstance(loss, Loss) and vars(loss).keys().isdisjoint(("forward", "backward")):
        both = loss.costs_and_delta(y, yhat)
    else:
        both = loss.forward(y, yhat), loss.backward(y, yhat)
    return both if weights is None else (weighted(loss, weights, both[0]), weighted(loss, weights, both[1]))


def weighted(loss: Any, weights: Array, values: Array) -> Array:
    """Return the costs (batch,) of a loss, or its delta (batch, ...), times the weight of each example.

    Raises
    ------
    ValueError
        If there is not one value per example.
    """
    shape: tuple[int, ...] = getattr(values, "shape", ())
    if shape[:1] != weights.shape:
        raise ValueError(
            f"{type(loss).__name__}: `weights` multiply costs (batch,) and a delta (batch, ...) of "
            f"{weights.shape[0]} examples, got shape {tuple(shape)}"
        )
    return values * namespace(values).reshape(weights, (shape[0], *(1,) * (len(shape) - 1)))
