"""The ranks that take part in a training: one, unless MPI splits its batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from diynn.arrays import Array, asarray_like, to_numpy
from diynn.data import shard
from diynn.execution.data_parallel import DataParallel


class Ranks:
    """The ranks of an execution; methods that exchange values have to be called by all ranks.

    Parameters
    ----------
    execution : Execution
        A :class:`diynn.execution.MPI` may lose ranks while it runs.
    """

    def __init__(self, execution: Any) -> None:
        while not isinstance(execution, DataParallel) and hasattr(execution, "inner"):
            execution = execution.inner
        self._ranks = execution if isinstance(execution, DataParallel) else None

    @property
    def rank(self) -> int:
        """The number of this rank; rank 0 prints, writes and warns."""
        return 0 if self._ranks is None else self._ranks.rank

    @property
    def size(self) -> int:
        """How many ranks there are."""
        return 1 if self._ranks is None else self._ranks.size

    def first(self, value: Any) -> Any:
        """Return rank 0's value."""
        return value if self._ranks is None else self._ranks.first(value)

    def any(self, value: Any) -> Any:
        """Return the value of the first rank whose value is true, or else this rank's."""
        values = [value] if self._ranks is None else self._ranks.all(value)
        return next(filter(None, values), value)

    def share(self, values: Any) -> Any:
        """Return this rank's share of an array."""
        return shard(values, self.rank, self.size)

    def joined(self, values: Array) -> Array:
        """Return the values of all ranks, one after another."""
        if self._ranks is None or self.size == 1:
            return values
        return asarray_like(np.concatenate(self._ranks.all(to_numpy(values))), values)
