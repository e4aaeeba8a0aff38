"""The history of a training: one value per epoch of each metric."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any, overload

import numpy as np

from diynn.calls import worded
from diynn.files.atomic import replacing
from diynn.rendering import html_table
from diynn.sheet import elsewhere
from diynn.wording import as_path

_SHOWN = 12  # epochs of a table in a notebook; of a longer training, the first and the last ones


@worded
class History(dict[str, list[float]]):
    """The history of a training, one value per epoch.

    As a sequence it is its costs: ``history[-1]``, ``list(history)``, ``plt.plot(history)``; added to another
    or to a list it is the list of both.
    ``history["cost"]`` is the list of one column; ``cost`` and ``seconds`` are always there,
    ``validation_cost`` where there was validation data, and one column per metric, with ``validation_``
    before its name for the validation data. It is a dict of these columns: ``pandas.DataFrame(history)`` is
    their table.

    Attributes
    ----------
    stopped : str or None
        Why the training ended before its last epoch; None if it did not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stopped: str | None = None

    def __repr__(self) -> str:
        if not len(self):
            return f"History(no epoch{self._why()})"
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.columns.items())
        return f"History({len(self)} epoch{'s' * (len(self) > 1)}{self._why()}; last: {last})"

    def _why(self) -> str:
        return "" if self.stopped is None else f", stopped: {self.stopped}"

    def __getattr__(self, name: str) -> Any:
        raise elsewhere(self, name)

    def __len__(self) -> int:
        return len(self.costs)

    @overload
    def __getitem__(self, place: str | slice) -> list[float]: ...
    @overload
    def __getitem__(self, place: int) -> float: ...
    def __getitem__(self, place: str | slice | int) -> list[float] | float:
        if isinstance(place, str):
            if place not in self:
                known = ", ".join(self.columns) or "none yet"
                raise KeyError(f"History: no column {place!r}; there are {known}")
            return super().__getitem__(place)
        return self.costs[place]

    def __iter__(self) -> Iterator[float]:  # type: ignore[override]  # of costs, not of columns
        return iter(self.costs)

    def __reversed__(self) -> Iterator[float]:  # type: ignore[override]
        return reversed(self.costs)

    def __contains__(self, thing: object) -> bool:
        return super().__contains__(thing) if isinstance(thing, str) else thing in self.costs

    def __add__(self, others: Iterable[float]) -> list[float]:
        return [*self.costs, *others]

    def __radd__(self, others: Iterable[float]) -> list[float]:
        return [*others, *self.costs]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self.costs, dtype=dtype)

    @property
    def columns(self) -> dict[str, list[float]]:
        """The lists of all columns, by name."""
        return dict(self.items())

    @property
    def costs(self) -> list[float]:
        """The mean cost of an example in each epoch."""
        return self.get("cost", [])

    @property
    def seconds(self) -> list[float]:
        """The seconds that the steps of each epoch took, without the metrics."""
        return self.get("seconds", [])

    def add(self, **values: float) -> None:
        """Append one epoch's values."""
        for name, value in values.items():
            self.setdefault(name, []).append(value)

    def to_dict(self) -> dict[str, list[float]]:
        """Return a copy of the columns and the numbers of the epochs, as ``pandas.DataFrame`` takes them."""
        epochs = [float(number) for number in range(1, len(self) + 1)]
        return {"epoch": epochs} | {name: list(values) for name, values in self.columns.items()}

    def rows(self) -> list[list[str]]:
        """Return the table as text, the names first, and numbers with all digits."""
        numbers = map(str, range(1, len(self) + 1))
        lines = zip_longest(numbers, *(map(repr, column) for column in self.values()), fillvalue="")
        return [["epoch", *self.columns], *map(list, lines)]

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a file of comma-separated values, whole or not at all.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        with replacing("History.to_csv", as_path("History.to_csv", path)) as file:
            file.write(csv_text(self.rows()).encode())

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the curve of :func:`diynn.plots.learning_curve` and return its axes (extra ``demo``)."""
        from diynn.plots import learning_curve

        return learning_curve(self.to_dict(), ax=ax)

    def _repr_html_(self) -> str:
        """Return a table of all metrics by epoch; of a long training, the first and the last epochs."""
        columns, count = self.to_dict(), len(self)
        shown: list[int | None] = list(range(count))
        if count > _SHOWN:
            shown[_SHOWN // 2 : -_SHOWN // 2] = [None]
        rows = [
            ["…" if epoch is None else f"{values[epoch]:.4g}" for values in columns.values()]
            for epoch in shown
        ]
        return html_table(list(columns), rows, len(columns), caption=repr(self))


def csv_text(rows: list[list[str]]) -> str:
    """Return rows as comma-separated values; a name with a comma in it is quoted."""
    import csv
    import io

    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
