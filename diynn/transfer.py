"""Host arrays handed to a net by hand, where the script has named no library: they move to the net.

A script that names no backend runs under ``DIYNN_BACKEND=torch`` with its data on the host. Who named one,
for a layer or for data, is told about arrays of two libraries instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from diynn.arrays import alike, belongs, default_namespace, namespace
from diynn.calls import Arguments

_NUMPY = np.zeros(0)


def beside_the_net(owner: Any, /, *arguments: Any, **words: Any) -> Arguments | None:
    """Return the arguments of a method with NumPy's arrays beside the others, None if that is not to be done.

    It is done if a default library was set, other than NumPy, and the parameters, or else the first array
    that is not NumPy's, are of that library. Real numbers take the dtype found there, others keep theirs; so
    do those of that library where there are parameters, which a loss made of targets in double precision.
    """
    xp = default_namespace()
    if xp is None or xp is namespace(_NUMPY):
        return None
    held = (getattr(owner, name, None) for name in ("_parameters", "_bias"))
    parameters = next((each for each in held if belongs(each, xp)), None)
    given = (*arguments, *words.values())
    there = next((each for each in (parameters, *given) if belongs(each, xp)), None)
    if there is None:
        return None

    def beside(value: Any) -> Any:
        ours = type(value) is np.ndarray or (parameters is not None and belongs(value, xp))
        return alike(value, there) if ours else value

    return (owner, *map(beside, arguments)), {word: beside(value) for word, value in words.items()}
