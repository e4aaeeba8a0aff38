"""The reports of one class and of one file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from diynn.checking.reporting.results import Result, Verdict, is_judged, jsonable, short_place


@dataclass
class Report:
    """The results of the judgement of a class.

    Prints as text in a terminal and as a table in a notebook.

    Attributes
    ----------
    name : str
        The class that was judged.
    kind : str
        Its kind, such as ``"Softmax"``; empty if it was not recognised.
    where : str
        The file and line of the class.
    results : list of Result
    lang : str or None
        The language in which it prints, ``"en"`` or ``"fr"``; None for that of the locale.
    parts : list of Report
        The reports of the layers of a net.
    """

    name: str
    kind: str = ""
    where: str = ""
    results: list[Result] = field(default_factory=list)
    lang: str | None = None
    parts: list[Report] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The class, with its file and line."""
        return self.name + (f"  ({short_place(self.where)})" if self.where else "")

    @property
    def ok(self) -> bool:
        """Whether nothing failed, and at least one property of its outputs was judged."""
        return not self.failed and self.judged and all(part.ok or not part.judged for part in self.parts)

    @property
    def judged(self) -> bool:
        """Whether anything could be judged."""
        return is_judged(self.results)

    @property
    def unseen(self) -> list[Result]:
        """The skipped results, except those skipped because of another failure."""
        return [each for each in self.results if each.verdict is Verdict.SKIPPED and each.message != "after"]

    @property
    def failed(self) -> list[Result]:
        """The results that failed, without those of its parts."""
        return [result for result in self.results if result.verdict is Verdict.FAILED]

    @property
    def mistakes(self) -> list[str]:
        """The keys of the mistakes that were recognised, the most telling first, each once."""
        own = [each for result in self.failed for each in (result.mistake, result.also) if each]
        return list(dict.fromkeys([*own, *(each for part in self.parts for each in part.mistakes)]))

    def __getitem__(self, name: str) -> Result:
        for result in self.results:
            if result.property == name:
                return result
        raise KeyError(name)

    def __str__(self) -> str:
        from diynn.checking.reporting.render import results_text  # only if something is printed

        wrong = sum(bool(part.failed) for part in self.parts)
        whole = [results_text(self.title, self.results, self.lang, wrong)]
        for part in self.parts:
            whole += ["  " + line for line in str(part).splitlines()]
        return "\n".join(whole)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from diynn.checking.reporting.render import results_html

        wrong = sum(bool(part.failed) for part in self.parts)
        whole = [results_html(self.title, self.results, self.lang, wrong)]
        whole += [part._repr_html_() for part in self.parts]
        return "".join(whole)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values, with the sentences of its messages."""
        results = []
        for result in self.results:
            each = {key: jsonable(value) for key, value in asdict(result).items()}
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
            **({"parts": [part.as_dict() for part in self.parts]} if self.parts else {}),
        }

    def to_json(self) -> str:
        """Return the report as JSON."""
        import json

        return json.dumps(self.as_dict(), ensure_ascii=False, indent=1)


@dataclass
class FileReport:
    """The reports of one file.

    Attributes
    ----------
    path : Path
    name : str
        Its name in tables: the end of its path that is unique.
    reports : list of Report
        One per class.
    problems : list of Result
        Problems of the file itself.
    """

    path: Path
    name: str
    reports: list[Report] = field(default_factory=list)
    problems: list[Result] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether it has no classes and no problems, as a file of helpers."""
        return not self.reports and not self.problems

    @property
    def complete(self) -> bool:
        """Whether no property of a judged class was skipped."""
        return not any(report.unseen for report in self.reports if report.judged)

    @property
    def ok(self) -> bool:
        """Whether something was judged, and everything judged is right."""
        judged = [report for report in self.reports if report.judged]
        return bool(judged) and all(report.ok for report in judged) and not self.problems

    def as_dict(self, lang: str) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "file": self.name,
            "ok": self.ok,
            "problems": [problem.say(lang) for problem in self.problems],
            "classes": [report.as_dict() for report in self.reports],
        }
