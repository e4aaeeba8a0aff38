"""NumPy arrays passed to a net or a loss by a script that names no library: they are moved to the net's.

A script that names no backend runs under ``DIYNN_BACKEND=torch`` with its data on the host. Where a layer or
data name one, arrays of two libraries are an error instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from diynn.arrays import alike, belongs, default_namespace, namespace
from diynn.calls import Arguments

_NUMPY = np.zeros(0)
_HELD = ("_parameters", "_bias", "_gradient", "_bias_gradient")


def beside_the_net(owner: Any, /, *arguments: Any, **words: Any) -> Arguments | None:
    """Return a method's arguments with NumPy arrays moved to the library of the others, or None.

    They are moved if a default library other than NumPy is set, and the parameters, or else the first array
    that is not NumPy's, are of it. Real numbers take the dtype found there, others keep theirs. If there are
    parameters, reals of that library take it too: a loss may have made them from targets in double precision.
    """
    xp = default_namespace()
    if xp is None or xp is namespace(_NUMPY):
        return None
    held = {name: getattr(owner, name, None) for name in _HELD}
    parameters = next((held[name] for name in _HELD[:2] if belongs(held[name], xp)), None)
    for name, value in held.items():
        if parameters is not None and type(value) is np.ndarray:  # assigned by hand, to one of the two
            setattr(owner, name, alike(value, parameters))
    given = (*arguments, *words.values())
    there = next((each for each in (parameters, *given) if belongs(each, xp)), None)
    if there is None:
        return None

    def beside(value: Any) -> Any:
        ours = type(value) is np.ndarray or (parameters is not None and belongs(value, xp))
        return alike(value, there) if ours else value

    return (owner, *map(beside, arguments)), {word: beside(value) for word, value in words.items()}
