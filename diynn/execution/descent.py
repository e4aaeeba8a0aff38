"""The sheet's plain step of all modules, recorded like the gradient that it follows."""

from __future__ import annotations

from operator import is_
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.execution.recording import Recording
from diynn.layers.sequential import flat
from diynn.module import ours, parameters, update_parameters


class Descent:
    """``update_parameters(net, eps)``, played for as long as the net's arrays stay where they are."""

    def __init__(self) -> None:
        self._modules: list[Any] = []
        self._places: list[tuple[dict[str, Any], str]] = []
        self._arrays: list[Array] = []
        self._recording: Recording | None = None

    def __call__(self, net: Any, eps: float) -> None:
        """Take one step against the gradient."""
        modules = flat(net)
        arrays = [attributes.get(name) for attributes, name in self._places]
        if modules == self._modules and all(map(is_, arrays, self._arrays)):
            if self._recording is not None:
                self._recording.play(eps)
            elif not self._record(net, eps):
                update_parameters(net, eps)
            return
        update_parameters(net, eps)
        if not all(map(ours, modules)):
            return
        self._modules, self._recording = modules, None
        self._places = [
            (vars(handle.owner), name)
            for handle in parameters(net)
            for name in (handle.name, handle.gradient_name)
        ]
        self._arrays = [attributes.get(name) for attributes, name in self._places]

    def __getstate__(self) -> dict[str, Any]:
        return vars(Descent())  # a copy begins anew: a recording is bound to its memory

    def _record(self, net: Any, eps: float) -> bool:
        """Take the step and record it, if all arrays are NumPy's, of one dtype; say whether they are."""
        kinds = {(type(array), array.dtype) for array in self._arrays}
        if len(kinds) != 1 or not all(type(array) is np.ndarray for array in self._arrays):
            return False

        def step(size: Array) -> Array:
            update_parameters(net, size)
            return size

        eps_array = np.asarray(eps, dtype=self._arrays[0].dtype)  # an array, so that its value may change
        self._recording = Recording(step, eps_array, given=self._arrays)
        return True
