"""What became of one property of one class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np


class Verdict(StrEnum):
    """What became of one property."""

    PASSED = "passed"
    FAILED = "failed"
    #: Worth saying, and no failure: it is slow, or broadcasts silently.
    REMARK = "remark"
    #: Not looked at, for a reason that the message gives.
    SKIPPED = "skipped"


@dataclass
class Result:
    """What became of one property of one class.

    Attributes
    ----------
    property : str
        Its name, such as ``"delta"``.
    verdict : Verdict
    message : str
        The key of the sentence that says what was seen, with its ``words``; empty for the property's own.
    mistake : str
        The key of the likely mistake, empty if it is none that is known.
    also : str
        A second mistake, made beside the first.
    should : str
        The line of mathematics that should stand there.
    method, where : str
        The method in which to look, and its place, ``"tanh.py:12"``.
    inputs : dict
        The smallest input found that fails, by name.
    expected, got : array, str or None
    """

    property: str
    verdict: Verdict
    message: str = ""
    words: dict[str, Any] = field(default_factory=dict)
    mistake: str = ""
    also: str = ""
    should: str = ""
    method: str = ""
    where: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    expected: Any = None
    got: Any = None

    def explain(self, lang: str | None = None) -> str:
        """Return the likely mistake in words, empty if none is known."""
        from diynn.checking.reporting.messages import text

        told = [text(f"mistake.{each}", lang, **self.words) for each in (self.mistake, self.also) if each]
        return text("word.and_also", lang, one=told[0], other=told[1]) if len(told) == 2 else "".join(told)

    def say(self, lang: str | None = None) -> str:
        """Return what was seen in words."""
        from diynn.checking.reporting.messages import text  # only where something is said

        words = dict(self.words)
        if "property" in words:
            words["property"] = text(f"property.{words['property']}", lang)
        return text(self.message or f"fails.{self.property}", lang, **words)


#: What says nothing yet about whether a class is right, unless it fails.
_PREPARATION = ("construct", "derived", "own_work", "methods", "parameters")


def is_judged(results: Sequence[Result]) -> bool:
    """Say whether results are a judgement: more than that a class can be built."""
    return any(
        each.verdict is Verdict.FAILED
        or (each.verdict is not Verdict.SKIPPED and each.property not in _PREPARATION)
        for each in results
    )


def result_from(fields: Mapping[str, Any]) -> Result:
    """Make a result of its JSON form; what foreign code wrote in it is made fit to be shown."""
    known = {key: shown(fields[key]) for key in Result.__dataclass_fields__ if key in fields}
    known["verdict"] = Verdict(known["verdict"])
    return Result(**known)


_LONGEST = 300
#: What differs between two runs of the same code: addresses, and the folder that the code runs in.
_PASSING = re.compile(r" at 0x[0-9a-fA-F]+|\S*diynn-(?:check|judge)-\w+/?")


def shown(value: Any) -> Any:
    """Return texts without control characters and without what differs from run to run, and cut."""
    if isinstance(value, dict):
        return {shown(str(key)): shown(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shown(each) for each in value]
    if not isinstance(value, str):
        return value
    kept = _PASSING.sub("", "".join(sign if sign.isprintable() else " " for sign in value[: 4 * _LONGEST]))
    return kept if len(kept) <= _LONGEST else kept[: _LONGEST - 1] + "…"


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: arrays as lists, and what is not finite as text."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist() if value.size <= 1000 else value.ravel()[:1000].tolist())
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else str(float(value))
    if isinstance(value, np.integer | np.bool_):
        return value.item()
    return value if isinstance(value, str | int | bool) or value is None else str(value)
