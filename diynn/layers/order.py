"""Which of the two backward methods of a user's container has to be called first.

The sheet does not say. Some containers compute the deltas of their modules in ``backward_delta``, and use
them in ``backward_update_gradient``; others do all they need in each.
"""

from __future__ import annotations

import copy
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from diynn.arrays import Array, alike, namespace, to_numpy
from diynn.composition import children
from diynn.module import parameters, zero_grad

_known: WeakKeyDictionary[type, bool] = WeakKeyDictionary()

_CLOSE = 1e-2  # relative: the wrong order is off by far more


def delta_first(module: Any, data: Array, delta: Array) -> bool:
    """Say whether a module's ``backward_delta`` has to be called before ``backward_update_gradient``.

    It is determined once per class, with the data of its first ``forward``: the order is the one whose
    gradient is the derivative of that ``forward``. Without children, or if neither is, the answer is no.
    A module that is ``pure`` keeps nothing from one call to the next, so that any order serves it.
    """
    if getattr(module, "pure", False):
        return False
    kind = type(module)
    if kind not in _known:
        _known[kind] = bool(children(module)) and _found(module, data, delta)
    return _known[kind]


def _found(module: Any, data: Array, delta: Array) -> bool:
    try:
        slope, direction = _slope(copy.deepcopy(module), data, delta)
        if slope is None:
            return False
        return not _agrees(module, data, delta, slope, direction, first=False) and _agrees(
            module, data, delta, slope, direction, first=True
        )
    except Exception:  # it cannot be copied or called this way: keep the default order
        return False


def _slope(module: Any, data: Array, delta: Array) -> tuple[float | None, list[Any]]:
    """Return the derivative of ⟨δ, forward(x)⟩ along a direction in the parameters, by differences."""
    handles, rng = parameters(module), np.random.default_rng(0)
    if not handles:
        return None, []
    direction = [alike(rng.normal(size=tuple(each.value.shape)), each.value) for each in handles]
    step = 1e-3 if str(handles[0].value.dtype).endswith("32") else 1e-5
    start, costs = [each.value for each in handles], []
    for sign in (step, -step):
        for handle, value, along in zip(handles, start, direction, strict=True):
            handle.value = value + sign * along
        costs.append(float(namespace(delta).sum(delta * module.forward(data))))
    return (costs[0] - costs[1]) / (2 * step), direction


def _agrees(
    module: Any, data: Array, delta: Array, slope: float, direction: list[Any], *, first: bool
) -> bool:
    twin = copy.deepcopy(module)
    zero_grad(twin)
    try:
        if first:
            twin.backward_delta(data, delta)
        twin.backward_update_gradient(data, delta)
    except Exception:  # it needs what the other method leaves
        return False
    gradients = [to_numpy(each.gradient) for each in parameters(twin)]
    pairs = zip(gradients, map(to_numpy, direction), strict=True)
    found = sum(float((gradient * along).sum()) for gradient, along in pairs)
    return abs(found - slope) <= _CLOSE * max(abs(slope), 1e-8)
