"""What a check found: one result a property, and the report that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np


class Verdict(StrEnum):
    """What became of one property."""

    PASSED = "passed"
    FAILED = "failed"
    #: Worth saying, and no failure: it is slow, or broadcasts silently.
    REMARK = "remark"
    #: Not judged, for a reason that the message gives.
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
    should: str = ""
    method: str = ""
    where: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    expected: Any = None
    got: Any = None

    def explain(self, lang: str | None = None) -> str:
        """Return the likely mistake in words, empty if none is known."""
        from diynn.checking.reporting.messages import text

        return text(f"mistake.{self.mistake}", lang, **self.words) if self.mistake else ""

    def say(self, lang: str | None = None) -> str:
        """Return what was seen in words."""
        from diynn.checking.reporting.messages import text

        words = dict(self.words)
        if "property" in words:
            words["property"] = text(f"property.{words['property']}", lang)
        return text(self.message or f"fails.{self.property}", lang, **words)


@dataclass
class Report:
    """What a check found.

    Prints as text in a terminal and as a table in a notebook.

    Attributes
    ----------
    name : str
        The class that was checked.
    kind : str
        What it was taken for, such as ``"Softmax"``; empty if it was not recognised.
    where : str
        The place of the class.
    results : list of Result
    lang : str or None
        The language in which it prints, ``"en"`` or ``"fr"``; None for that of the locale.
    """

    name: str
    kind: str = ""
    where: str = ""
    results: list[Result] = field(default_factory=list)
    lang: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing failed, and something was judged."""
        return not self.failed and any(result.verdict is Verdict.PASSED for result in self.results)

    @property
    def judged(self) -> bool:
        """Whether anything could be judged at all."""
        return any(result.verdict in (Verdict.PASSED, Verdict.FAILED) for result in self.results)

    @property
    def failed(self) -> list[Result]:
        """The results that failed."""
        return [result for result in self.results if result.verdict is Verdict.FAILED]

    @property
    def mistakes(self) -> list[str]:
        """The keys of the mistakes that were recognised, the most telling first, each once."""
        return list(dict.fromkeys(result.mistake for result in self.results if result.mistake))

    def __getitem__(self, name: str) -> Result:
        for result in self.results:
            if result.property == name:
                return result
        raise KeyError(name)

    def __str__(self) -> str:
        from diynn.checking.reporting.render import report_text

        return report_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from diynn.checking.reporting.render import report_html

        return report_html(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as what JSON can hold, with its sentences written out."""
        results = []
        for result in self.results:
            each = {key: plain(value) for key, value in asdict(result).items()}
            each["explanation"] = result.explain(self.lang)
            each["text"] = "" if result.verdict is Verdict.PASSED else result.say(self.lang)
            results.append(each)
        return {
            "name": self.name,
            "kind": self.kind,
            "where": self.where,
            "ok": self.ok,
            "mistakes": self.mistakes,
            "results": results,
        }

    def to_json(self) -> str:
        """Return the report as JSON."""
        import json

        return json.dumps(self.as_dict(), ensure_ascii=False, indent=1)


def result_from(fields: Mapping[str, Any]) -> Result:
    """Make a result of its JSON form, believing nothing of it but its shape."""
    known = {key: fields[key] for key in Result.__dataclass_fields__ if key in fields}
    known["verdict"] = Verdict(known["verdict"])
    for key in ("property", "message", "mistake", "should", "method", "where"):
        known[key] = str(known.get(key, ""))
    for key in ("words", "inputs"):
        known[key] = dict(known.get(key) or {})
    return Result(**known)


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
