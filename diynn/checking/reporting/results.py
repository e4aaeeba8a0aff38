"""The result of one property of one class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np


class Verdict(StrEnum):
    """The outcome of one property."""

    PASSED = "passed"
    FAILED = "failed"
    #: No failure, but worth mentioning: slow, or broadcasts silently.
    REMARK = "remark"
    #: Not judged, for the reason that the message gives.
    SKIPPED = "skipped"


@dataclass
class Result:
    """The result of one property of one class.

    Attributes
    ----------
    property : str
        Its name, such as ``"delta"``.
    verdict : Verdict
    message : str
        The key of the sentence about what happened, with its ``words``; empty for the property's own.
    mistake : str
        The key of the likely mistake, empty if none is known.
    also : str
        The key of a second mistake.
    should : str
        The right formula.
    method, where : str
        The method to blame, and its file and line, ``"tanh.py:12"``.
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
        """Return the explanation of the likely mistake, empty if none is known."""
        from diynn.checking.reporting.messages import text

        both = [text(f"mistake.{each}", lang, **self.words) for each in (self.mistake, self.also) if each]
        return text("word.and_also", lang, one=both[0], other=both[1]) if len(both) == 2 else "".join(both)

    def say(self, lang: str | None = None) -> str:
        """Return the sentence about what happened."""
        from diynn.checking.reporting.messages import text  # only if a sentence is asked for

        words = dict(self.words)
        if "property" in words:
            words["property"] = text(f"property.{words['property']}", lang)
        return text(self.message or f"fails.{self.property}", lang, **words)


#: Properties that prove nothing if they pass.
_PREPARATION = ("construct", "derived", "own_work", "methods", "parameters")


def is_judged(results: Sequence[Result]) -> bool:
    """Return whether results contain a failure, or a judged property beyond the preparation."""
    return any(
        each.verdict is Verdict.FAILED
        or (each.verdict is not Verdict.SKIPPED and each.property not in _PREPARATION)
        for each in results
    )


def result_from(fields: Mapping[str, Any]) -> Result:
    """Return a result from its JSON form; its texts may come from foreign code and are sanitised."""
    known = {key: sanitised(fields[key]) for key in Result.__dataclass_fields__ if key in fields}
    known["verdict"] = Verdict(known["verdict"])
    return Result(**known)


_LONGEST = 300
#: What is not reproducible in texts: addresses, and the temporary folder of the process.
_PASSING = re.compile(r" at 0x[0-9a-fA-F]+|\S*diynn-(?:check|judge)-\w+/?")


def sanitised(value: Any) -> Any:
    """Return texts cut to a length, without control characters and irreproducible parts."""
    if isinstance(value, dict):
        return {sanitised(str(key)): sanitised(each) for key, each in value.items()}
    if isinstance(value, list):
        return [sanitised(each) for each in value]
    if not isinstance(value, str):
        return value
    kept = _PASSING.sub("", "".join(sign if sign.isprintable() else " " for sign in value[: 4 * _LONGEST]))
    return kept if len(kept) <= _LONGEST else kept[: _LONGEST - 1] + "…"


def jsonable(value: Any) -> Any:
    """Return a JSON value: arrays become lists, and numbers that are not finite texts."""
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist() if value.size <= 1000 else value.ravel()[:1000].tolist())
    if isinstance(value, dict):
        return {str(key): jsonable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else str(float(value))
    if isinstance(value, np.integer | np.bool_):
        return value.item()
    return value if isinstance(value, str | int | bool) or value is None else str(value)


def short_place(place: str) -> str:
    """Return ``file.py:12`` without the folders."""
    return place.replace("\\", "/").rpartition("/")[2]
