"""The sheet's plain step of all modules at once, in whichever way the arrays allow."""

from __future__ import annotations

from operator import is_
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.execution.recording import Recording
from diynn.layers.sequential import flat
from diynn.module import NAMES, ours, update_parameters
from diynn.ops import DESCENTS


class Descent:
    """``update_parameters(net, eps)`` of diynn's own modules, without asking each of them.

    On NumPy it is played from a recording, for as long as the net's arrays stay where they are; where there
    is a kernel for all arrays at once, that is launched.
    """

    def __init__(self) -> None:
        self._modules: list[Any] = []
        self._places: list[tuple[dict[str, Any], str]] = []
        self._arrays: list[Array] = []
        self._recording: Recording | None = None

    def __call__(self, net: Any, eps: float) -> None:
        """Take one step against the gradient."""
        modules = flat(net)
        arrays = [attributes.get(name) for attributes, name in self._places]
        if modules == self._modules:
            if all(map(is_, arrays, self._arrays)):
                if self._recording is not None:
                    self._recording.play(eps)
                    return
                if self._record(net, eps):
                    return
            if self._at_once(arrays, eps):
                return
        update_parameters(net, eps)
        if not all(map(ours, (net, *modules))):
            return
        self._modules, self._recording = modules, None
        self._places = [
            (vars(module), name)
            for module in dict.fromkeys(modules)
            if module._parameters is not None
            for pair in NAMES
            for name in pair
        ]
        self._arrays = [attributes.get(name) for attributes, name in self._places]

    def __getstate__(self) -> dict[str, Any]:
        return vars(Descent())  # a copy begins anew: a recording is bound to its memory

    def _record(self, net: Any, eps: float) -> bool:
        """Take the step and record it, if all arrays are NumPy's, of one dtype; say whether they are."""
        arrays = [array for array in self._arrays if array is not None]
        kinds = {(type(array), array.dtype) for array in arrays}
        if len(kinds) != 1 or not all(type(array) is np.ndarray for array in arrays):
            return False

        def step(size: Array) -> Array:
            update_parameters(net, size)
            return size

        eps_array = np.asarray(eps, dtype=arrays[0].dtype)  # an array, so that its value may change
        self._recording = Recording(step, eps_array, given=arrays)
        return True

    def _at_once(self, arrays: list[Array], eps: float) -> bool:
        """Take the step in one kernel where there is one for these arrays, and say so."""
        pairs = [pair for pair in zip(arrays[::2], arrays[1::2], strict=True) if pair[0] is not None]
        kinds = {type(array) for pair in pairs for array in pair}
        take = DESCENTS.get(kinds.pop()) if len(kinds) == 1 else None
        if take is None:
            return False
        values, gradients = zip(*pairs, strict=True)
        return take(values, gradients, eps)
