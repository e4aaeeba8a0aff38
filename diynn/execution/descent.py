"""The sheet's plain step of all parameters, recorded: the same operations without Python's overhead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diynn.arrays import Array
from diynn.execution.recording import Recording


class Descent:
    """``value -= step * gradient`` for arrays that stay where they are.

    Parameters
    ----------
    values, gradients : sequences of numpy.ndarray
        Of one dtype.
    """

    def __init__(self, values: Sequence[Array], gradients: Sequence[Array]) -> None:
        pairs = list(zip(values, gradients, strict=True))
        kept = [value.copy() for value in values]

        def descend(step: Array) -> Array:
            for value, gradient in pairs:
                value -= step * gradient
            return step

        step = np.asarray(0, dtype=values[0].dtype)  # an array, so that its value may change
        self._recording = Recording(descend, step, given=[*values, *gradients])
        for value, before in zip(values, kept, strict=True):
            np.copyto(value, before)

    def __call__(self, step: float) -> None:
        """Take a step."""
        self._recording.play(step)
