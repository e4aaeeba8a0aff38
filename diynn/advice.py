"""Warnings of what is no error but rarely intended: a softmax before a loss that has one, saturated units."""

from __future__ import annotations

import warnings
from math import prod
from typing import Any

from diynn.arrays import Array, namespace, to_numpy
from diynn.layers import Conv1D, Linear, LogSoftmax, Sigmoid, Softmax, Tanh
from diynn.layers.sequential import flat, in_series
from diynn.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CategoricalCrossEntropyLoss,
    CrossEntropyLoss,
    NLLLoss,
)
from diynn.module import in_mode, parameters

_CONSTANT = 1e-3  # units whose values differ by less over all examples are saturated
_LAST_LAYER = "the net ends with its last linear layer then"


def warn_of_the_end(owner: str, net: Any, loss: Any) -> None:
    """Warn where the last layer and the loss both have, or both lack, a softmax or a sigmoid."""
    layers = flat(net)
    last = layers[-1] if layers else None
    words = None
    if isinstance(loss, CrossEntropyLoss) and isinstance(last, Softmax | LogSoftmax):
        words = (
            f"{last!r} before {loss!r}, which has a softmax itself: it is taken twice, and the net "
            "learns badly; leave "
            f"the layer out ({_LAST_LAYER}), or take CategoricalCrossEntropyLoss, on probabilities"
        )
    elif isinstance(loss, BCEWithLogitsLoss) and isinstance(last, Sigmoid):
        words = f"{last!r} before {loss!r}, which has a sigmoid itself; leave the layer out, or take BCELoss"
    elif isinstance(loss, NLLLoss) and isinstance(last, Linear | Conv1D):
        words = (
            f"{loss!r} takes log-probabilities, and {last!r} gives any numbers; put LogSoftmax() behind "
            "it, or take "
            "CrossEntropyLoss"
        )
    elif isinstance(loss, CategoricalCrossEntropyLoss) and isinstance(last, Linear | Conv1D | LogSoftmax):
        words = (
            f"{loss!r} takes probabilities, and {last!r} gives none; let Softmax() be the last layer, or "
            "take CrossEntropyLoss behind a Linear, NLLLoss behind a LogSoftmax"
        )
    elif isinstance(loss, BCELoss) and isinstance(last, Linear | Conv1D):
        words = (
            f"{loss!r} takes probabilities, and {last!r} gives any numbers; put Sigmoid() behind it, or take "
            "BCEWithLogitsLoss"
        )
    if words is not None:
        warnings.warn(f"{owner}: {words}", UserWarning, stacklevel=4)


def warn_of_no_gradient(owner: str, net: Any) -> None:
    """Warn if all gradients are zero after a step: nothing can be learnt."""
    try:
        handles = parameters(net)
        gradients = [to_numpy(each.gradient) for each in handles]
    except TypeError:
        return
    for handle, gradient in zip(handles, gradients, strict=True):
        if gradient.size != prod(handle.value.shape):
            warnings.warn(
                f"{owner}: `{handle.gradient_name}` of {type(handle.owner).__name__} has shape "
                f"{gradient.shape}, and `{handle.name}` {tuple(handle.value.shape)}: the update spreads it "
                "over all",
                RuntimeWarning,
                stacklevel=4,
            )
    if gradients and not any(each.any() for each in gradients):
        warnings.warn(
            f"{owner}: the gradient of all parameters is 0, so that nothing is learnt; a backward "
            "method may return "
            "zeros, or all units may be saturated",
            RuntimeWarning,
            stacklevel=4,
        )


def warn_of_saturation(owner: str, net: Any, x: Array) -> None:
    """Warn of units of a tanh or sigmoid layer that have one value, at a bound, for all examples."""
    if (
        not in_series(net)
        or x.shape[0] < 8
        or not any(isinstance(each, Tanh | Sigmoid) for each in flat(net))
    ):
        return
    with in_mode(net, training=False):
        values = net.activations(x)[1:]
    leaves = net.leaves()
    for number, ((_, layer), value) in enumerate(zip(leaves[:-1], values, strict=False)):
        if not isinstance(layer, Tanh | Sigmoid) or value.ndim != 2:
            continue
        xp = namespace(value)
        span = xp.max(value, axis=0) - xp.min(value, axis=0)
        high = xp.abs(value[0, ...]) > 0.99
        count = int(xp.count_nonzero((span < _CONSTANT) & high))
        if count:
            warnings.warn(
                f"{owner}: layer {number + 1} of {len(leaves)}, {layer!r}: {count} of {value.shape[1]} "
                "units are "
                "saturated, the same for all examples, and tell nothing of them; try a smaller `eps`, "
                "or smaller "
                "initial parameters",
                RuntimeWarning,
                stacklevel=4,
            )
