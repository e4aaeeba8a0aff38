"""Host arrays handed to a net by hand, where the script has named no library: they move to the net.

A script that names no backend runs under ``DIYNN_BACKEND=torch`` with its data on the host. Who named one,
for a layer or for data, is told about arrays of two libraries instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from diynn.arrays import alike, belongs, default_namespace
from diynn.calls import Arguments


def beside_the_net(owner: Any, /, *arguments: Any, **words: Any) -> Arguments | None:
    """Return the arguments of a method with NumPy's arrays beside the others, None if that is not to be done.

    It is done if a default library was set, other than NumPy, and the parameters, or else the first array
    that is not NumPy's, are of that library. Real numbers take the dtype found there, others keep theirs.
    """
    xp = default_namespace()
    given = (*arguments, *words.values())
    found = (each for each in (getattr(owner, "_parameters", None), *given) if type(each) is not np.ndarray)
    there = next((each for each in found if xp is not None and belongs(each, xp)), None)
    if there is None or not any(type(each) is np.ndarray for each in given):
        return None

    def beside(value: Any) -> Any:
        return alike(value, there) if type(value) is np.ndarray else value

    return (owner, *map(beside, arguments)), {word: beside(value) for word, value in words.items()}
