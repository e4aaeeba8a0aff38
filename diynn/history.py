"""What a training leaves behind: one value an epoch of everything that was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

from diynn.rendering import html_table
from diynn.sheet import elsewhere

_SHOWN = 12  # epochs of a table in a notebook: of a longer training the first and the last


class History:
    """The course of a training, one value an epoch.

    As a sequence it is its costs: ``history[-1]``, ``list(history)``, ``plt.plot(history)``.
    ``history["cost"]`` is the list of one column; ``cost`` and ``seconds`` are always there,
    ``validation_cost`` where there was validation data, and a column a metric, also with
    ``validation_`` before its name.

    Attributes
    ----------
    columns : dict of str to list of float
    stopped : str or None
        Why the training ended before its last epoch, in words; None if it did not.
    """

    def __init__(self) -> None:
        self.columns: dict[str, list[float]] = {}
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
        return len(self.columns.get("cost", ()))

    @overload
    def __getitem__(self, place: str | slice) -> list[float]: ...
    @overload
    def __getitem__(self, place: int) -> float: ...
    def __getitem__(self, place: str | slice | int) -> list[float] | float:
        if isinstance(place, str):
            if place not in self.columns:
                known = ", ".join(self.columns) or "none yet"
                raise KeyError(f"History: no column {place!r}; there are {known}")
            return self.columns[place]
        return self.costs[place]

    def __iter__(self) -> Iterator[float]:
        return iter(self.costs)

    @property
    def costs(self) -> list[float]:
        """The mean cost of an example in each epoch."""
        return self.columns.get("cost", [])

    @property
    def seconds(self) -> list[float]:
        """The seconds that the steps of each epoch took, without the measuring."""
        return self.columns.get("seconds", [])

    def add(self, **values: float) -> None:
        """Append one epoch's values."""
        for name, value in values.items():
            self.columns.setdefault(name, []).append(value)

    def to_dict(self) -> dict[str, list[float]]:
        """Return a copy of the columns, with the epochs' numbers, such as a table of pandas takes."""
        epochs = [float(number) for number in range(1, len(self) + 1)]
        return {"epoch": epochs} | {name: list(values) for name, values in self.columns.items()}

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the curve of :func:`diynn.plots.learning_curve` and return its axes (extra ``demo``)."""
        from diynn.plots import learning_curve

        return learning_curve(self.to_dict(), ax=ax)

    def _repr_html_(self) -> str:
        """Return a line an epoch of everything measured; of a long training the first and the last epochs."""
        columns, count = self.to_dict(), len(self)
        shown: list[int | None] = list(range(count))
        if count > _SHOWN:
            shown[_SHOWN // 2 : -_SHOWN // 2] = [None]
        rows = [
            ["…" if epoch is None else f"{values[epoch]:.4g}" for values in columns.values()]
            for epoch in shown
        ]
        return html_table(list(columns), rows, len(columns), caption=repr(self))
