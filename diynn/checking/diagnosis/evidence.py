"""What the properties saw: the material that a diagnosis is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Finding:
    """What a property saw in one trial.

    Attributes
    ----------
    got : array, dict of arrays, or plain value
    right : the same, or a callable that returns it
        A callable where it is dear: it is asked only when something is wrong.
    fine : bool or None
        The verdict; None if this trial says nothing, for the reason that ``message`` gives.
    mistake : str
        The mistake, where the property itself knows it.
    extra : dict
        More for the formulas of the known mistakes.
    words : dict
        For the sentence of the report.
    remark : bool
        Whether it is worth a remark only, where it is not fine.
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
        """Return what is right."""
        if callable(self.right):
            self.right = self.right()
        return self.right


@dataclass
class Evidence:
    """What one property saw in one trial: a finding, or what was raised instead."""

    trial: Any
    finding: Finding | None = None
    raised: Any = None

    @property
    def failed(self) -> bool:
        """Whether it speaks against the module."""
        return self.raised is not None or (self.finding is not None and self.finding.fine is False)
