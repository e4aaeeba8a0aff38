"""Findings of the properties, from which verdicts and diagnoses are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Finding:
    """The finding of a property in one trial.

    Attributes
    ----------
    got : array, dict of arrays, or plain value
    right : the same, or a callable that returns it
        A callable if it is expensive: it is called only for a failure.
    fine : bool or None
        The verdict; None if this trial is inconclusive, for the reason ``message``.
    mistake : str
        The mistake, if the property itself knows it.
    extra : dict
        More variables for the formulas of known mistakes.
    words : dict
        For the sentence of the report.
    remark : bool
        Whether a failure is only a remark.
    """

    got: Any
    right: Any
    fine: bool | None
    mistake: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    words: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    remark: bool = False

    def expected(self) -> Any:
        """Return the right value, computed at the first call."""
        if callable(self.right):
            self.right = self.right()
        return self.right


@dataclass
class Evidence:
    """The finding of a property in one trial, or the exception raised instead."""

    trial: Any
    finding: Finding | None = None
    raised: Any = None

    @property
    def failed(self) -> bool:
        """Whether the property failed in this trial."""
        return self.raised is not None or (self.finding is not None and self.finding.fine is False)
