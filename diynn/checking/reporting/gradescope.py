"""The ``results.json`` of Gradescope for one student."""

from __future__ import annotations

import json
from typing import Any

from diynn.checking.reporting.messages import text
from diynn.checking.reporting.students import StudentReport


def results(student: StudentReport, lang: str) -> dict[str, Any]:
    """Return a test for each required class with its points, or for each class with one point."""
    tests: list[dict[str, Any]] = []
    for number, said in enumerate(student.remarks(lang), start=1):
        tests.append(_test(f"{text('word.remark', lang)} {number}", 0.0, 0.0, said, passed=False))
    for each in student.earned:
        right = each.report is not None and each.report.ok
        said = text("missing_classes", lang, names=each.kind) if each.report is None else str(each.report)
        tests.append(_test(each.kind, each.points, each.of, said, passed=right))
    if not student.earned:
        for report in student.reports:
            if report.judged or report.failed:
                tests.append(_test(report.name, float(report.ok), 1.0, str(report), passed=report.ok))
    if not any(each["max_score"] for each in tests):
        tests.append(_test("diynn check", 0.0, 1.0, text("no_classes", lang), passed=False))
    return {
        "output": "\n\n".join(str(report) for report in student.reports),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def to_json(student: StudentReport, lang: str) -> str:
    """Return the text of ``results.json``."""
    return json.dumps(results(student, lang), ensure_ascii=False, indent=1)


def _test(name: str, score: float, most: float, output: str, *, passed: bool) -> dict[str, Any]:
    return {
        "name": name,
        "score": score,
        "max_score": most,
        "status": "passed" if passed else "failed",
        "output": output,
        "visibility": "visible",
    }
