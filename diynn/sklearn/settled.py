"""The stopping criterion of an estimator's training, as in scikit-learn."""

from __future__ import annotations

from math import inf
from typing import Any

from diynn.callbacks import Callback, Run


class Settled(Callback):
    """Stop after more than ``patience`` consecutive epochs that did not improve the best cost by ``tol``.

    Unlike :class:`diynn.EarlyStopping` it compares with the best cost of all: many improvements of less than
    ``tol`` do not count, whatever their sum.

    Parameters
    ----------
    column : str
        The cost to monitor.
    patience : int
    tol : float
    """

    def __init__(self, column: str, patience: int, tol: float) -> None:
        self.column, self.patience, self.tol = column, patience, tol

    def start(self, run: Run) -> None:
        """Reset the best cost."""
        self.best, self.waited = inf, 0

    def epoch_end(self, run: Run) -> None:
        """Stop if the cost has not improved."""
        cost = run.history[self.column][-1]
        self.waited = self.waited + 1 if cost > self.best - self.tol else 0
        self.best = min(self.best, cost)
        if self.waited > self.patience:
            run.stopped = f"not better by {self.tol:g} for {self.patience} epochs"

    def state(self) -> dict[str, Any]:
        """Return the best cost and the epochs since."""
        return {"best": self.best, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore them."""
        self.best, self.waited = state["best"], state["waited"]
