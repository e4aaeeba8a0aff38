"""FileReport as Gradescope's autograder reads them: ``results.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from diynn.checking.reporting.messages import text
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.results import Result, Verdict


def results(found: Sequence[FileReport], lang: str) -> dict[str, Any]:
    """Return one test for each property of each class; a remark passes, what could not be judged does not.

    Parameters
    ----------
    found : sequence of FileReport
    lang : str
        The language of the feedback.
    """
    tests: list[dict[str, Any]] = []
    for verdicts in found:
        before = text("told", lang, name=verdicts.name, what="") if len(found) > 1 else ""
        for number, problem in enumerate(verdicts.problems, start=1):
            tests.append(_test(f"{before}{verdicts.name} ({number})", False, problem.say(lang)))
        for report in verdicts.reports:
            if report.judged or report.failed:
                tests += [_of(before, report, result, lang) for result in report.results]
    return {
        "output": "\n\n".join(str(report) for verdicts in found for report in verdicts.reports),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests or [_test("diynn check", False, text("no_classes", lang))],
    }


def to_json(found: Sequence[FileReport], lang: str) -> str:
    """Return the text of ``results.json``."""
    return json.dumps(results(found, lang), ensure_ascii=False, indent=1)


def _of(before: str, report: Report, result: Result, lang: str) -> dict[str, Any]:
    alone = Report(report.name, report.kind, report.where, [result], lang)
    property = text(f"property.{result.property}", lang)
    name = before + text("told", lang, name=report.name, what=property)
    passed = result.verdict in (Verdict.PASSED, Verdict.REMARK)
    return _test(name, passed, "" if result.verdict is Verdict.PASSED else str(alone))


def _test(name: str, passed: bool, output: str) -> dict[str, Any]:
    return {
        "name": name,
        "score": float(passed),
        "max_score": 1.0,
        "status": "passed" if passed else "failed",
        "output": output,
        "visibility": "visible",
    }
