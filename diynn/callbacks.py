"""Callbacks: hooks into a training, which may also stop it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any

from diynn.arguments import flag, number_from_0, optional_text
from diynn.arrays import Array
from diynn.calls import spelled
from diynn.checkpoints import restore, snapshot
from diynn.history import History
from diynn.schedules import scaled
from diynn.shapes import fraction, positive, positive_number
from diynn.wording import shown

__all__ = ["Callback", "EarlyStopping", "KeepBest", "ReduceOnPlateau", "Run"]


@dataclass
class Run:
    """A training in progress, as callbacks see it.

    Attributes
    ----------
    net, loss, optim
        The net that is trained, and the loss and the `Optim` that train it.
    history : History
        The metrics up to now.
    epochs, epoch : int
        Number of epochs in all, and of those done.
    stopped : str or None
        Set it to a reason, as text, to end the training after this epoch.
    """

    net: Any
    loss: Any
    optim: Any
    epochs: int
    epoch: int = 0
    history: History = field(default_factory=History)

    @property
    def stopped(self) -> str | None:
        """Why the training is to end early."""
        return self.history.stopped

    @stopped.setter
    def stopped(self, reason: str) -> None:
        self.history.stopped = reason


class Callback:
    """Hooks that a training calls; each does nothing until it is overridden.

    ``epoch`` is the former name of ``epoch_end``: a class that defines either has both.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for former, name in (("epoch", "epoch_end"), ("epoch_end", "epoch")):
            if former in vars(cls) and name not in vars(cls):
                setattr(cls, name, vars(cls)[former])

    def start(self, run: Run) -> None:
        """Before the first epoch."""

    def step(self, run: Run, costs: Array) -> None:
        """After each step, with the costs (batch,) before it."""

    def epoch_end(self, run: Run) -> None:
        """After each epoch, its values in ``run.history``."""

    def end(self, run: Run) -> None:
        """After the last epoch, also when stopped or interrupted."""

    def state(self) -> Any:
        """Return its state for a checkpoint: dicts, lists, text, numbers and arrays."""
        return None

    def restore(self, state: Any) -> None:
        """Restore what ``state`` returned: called after ``start`` if a training resumes from a checkpoint."""


class _Best(Callback):
    """Base of the callbacks that monitor a metric: a column of the history and its best value."""

    def __init__(self, column: str | None, largest: bool | None) -> None:
        owner = type(self).__name__
        self.column = optional_text(owner, "column", column)
        self.largest = None if largest is None else flag(owner, "largest", largest)

    def start(self, run: Run) -> None:
        """Reset the best value."""
        self.best, self.best_epoch = inf, 0

    def state(self) -> dict[str, Any]:
        """Return the best value and its epoch."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore them."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]

    def improved(self, run: Run, by: float = 0.0) -> bool:
        """Say whether the last epoch is the best so far; if so, remember its value.

        Raises
        ------
        ValueError
            If the history has no such column.
        """
        columns = run.history.columns
        column = self.column or ("validation_cost" if "validation_cost" in columns else "cost")
        if column not in columns:
            raise ValueError(
                f"{type(self).__name__}: `column` must be one of {', '.join(columns)}, got {column!r}"
            )
        largest = not column.endswith(("cost", "seconds")) if self.largest is None else self.largest
        value = -columns[column][-1] if largest else columns[column][-1]
        if not value < self.best - by:
            return False
        self.best, self.best_epoch = value, run.epoch
        return True


class EarlyStopping(_Best):
    """Stop when a metric has not improved for ``patience`` epochs.

    Parameters
    ----------
    patience : int
        Number of epochs without improvement to wait for.
    column : str, optional
        The metric's column; None for the validation cost, or the cost if there is no validation.
    by : float
        Smallest change that counts as an improvement.
    largest : bool, optional
        Whether large is good; None for yes, except for costs.
    """

    @spelled()
    def __init__(
        self, patience: int = 5, *, column: str | None = None, by: float = 0.0, largest: bool | None = None
    ) -> None:
        super().__init__(column, largest)
        self.patience = positive("EarlyStopping", "patience", patience)
        self.by = number_from_0("EarlyStopping", "by", by)

    def epoch_end(self, run: Run) -> None:
        """Stop if the metric has not improved."""
        if not self.improved(run, self.by) and run.epoch - self.best_epoch >= self.patience:
            run.stopped = f"no better for {self.patience} epochs"


class ReduceOnPlateau(_Best):
    """Reduce the step size whenever a metric has not improved for ``patience`` epochs.

    Parameters
    ----------
    factor : float
        In (0, 1): multiplies the step size ``eps``, or all later values of a schedule.
    patience : int
        Number of epochs to wait before each reduction.
    column, by, largest : optional
        As in :class:`EarlyStopping`.

    Raises
    ------
    ValueError
        If ``factor`` is not in (0, 1), or ``patience`` not positive.
    """

    @spelled()
    def __init__(
        self,
        factor: float = 0.1,
        patience: int = 5,
        *,
        column: str | None = None,
        by: float = 0.0,
        largest: bool | None = None,
    ) -> None:
        super().__init__(column, largest)
        self.factor = fraction(
            "ReduceOnPlateau", "factor", positive_number("ReduceOnPlateau", "factor", factor)
        )
        self.patience = positive("ReduceOnPlateau", "patience", patience)
        self.by = number_from_0("ReduceOnPlateau", "by", by)

    def start(self, run: Run) -> None:
        """Reset the best value, and keep the schedule."""
        super().start(run)
        self.optim, self.schedule, self.times, self.reduced_epoch = run.optim, run.optim.schedule, 0, 0

    def epoch_end(self, run: Run) -> None:
        """Reduce the step size if the metric has not improved."""
        if self.improved(run, self.by):
            return
        if run.epoch - max(self.best_epoch, self.reduced_epoch) >= self.patience:
            self.times, self.reduced_epoch = self.times + 1, run.epoch
            self.optim.schedule = scaled(self.schedule, self.factor**self.times)

    def state(self) -> dict[str, Any]:
        """Return the best value and its epoch, the number of reductions, and the epoch of the last one."""
        return super().state() | {"times": self.times, "reduced_epoch": self.reduced_epoch}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore them."""
        super().restore(state)
        self.times, self.reduced_epoch = state["times"], state["reduced_epoch"]
        self.optim.schedule = scaled(self.schedule, self.factor**self.times)


class KeepBest(_Best):
    """Leave the net, at the end, with the parameters of its best epoch.

    Parameters
    ----------
    column : str, optional
        The metric's column; None for the validation cost, or the cost if there is no validation.
    largest : bool, optional
        Whether large is good; None for yes, except for costs.
    """

    @spelled()
    def __init__(self, *, column: str | None = None, largest: bool | None = None) -> None:
        super().__init__(column, largest)

    def start(self, run: Run) -> None:
        """Keep the initial parameters."""
        super().start(run)
        self.parameters = snapshot(run.net)

    def epoch_end(self, run: Run) -> None:
        """Keep the parameters if they are the best so far."""
        if self.improved(run):
            self.parameters = snapshot(run.net)

    def end(self, run: Run) -> None:
        """Put the best parameters back."""
        restore(run.net, self.parameters)

    def state(self) -> dict[str, Any]:
        """Return the best value, its epoch and its parameters."""
        return super().state() | {"parameters": self.parameters}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore them."""
        super().restore(state)
        self.parameters = state["parameters"]


class _Function(Callback):
    """A plain function of the run, called after each epoch."""

    def __init__(self, function: Callable[[Run], None]) -> None:
        self.function = function

    def epoch_end(self, run: Run) -> None:
        self.function(run)


def as_callbacks(owner: str, callbacks: Any) -> list[Callback]:
    """Return a list of callbacks, functions among them wrapped as callbacks.

    Raises
    ------
    TypeError
        If ``callbacks`` is no list of callbacks and functions; the message names ``owner``.
    """
    if isinstance(callbacks, Callback) or not isinstance(callbacks, list | tuple):
        raise TypeError(
            f"{owner}: `callbacks` must be a list, such as [EarlyStopping()], got {shown(callbacks)}"
        )
    for each in callbacks:
        if isinstance(each, type):
            raise TypeError(
                f"{owner}: `callbacks` must hold instances, got the class {each.__name__}; write "
                f"{each.__name__}()"
            )
        if not isinstance(each, Callback) and not callable(each):
            raise TypeError(
                f"{owner}: `callbacks` must hold callbacks, or functions of the run, got {shown(each)}"
            )
    return [each if isinstance(each, Callback) else _Function(each) for each in callbacks]
