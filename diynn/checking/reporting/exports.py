"""Results as the text of a CSV file, and as one for each student: `course/outputs.py` writes the files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from diynn.checking.reporting.messages import text
from diynn.checking.reporting.students import Earned, StudentReport, number
from diynn.checking.reporting.tables import file_table, kinds_of, mark


def to_csv(found: Sequence[StudentReport], lang: str) -> str:
    """Return CSV with a line for each student: points per class, their sum, remarks.

    If no classes are required, a class counts 1 if it is right and 0 if not. In French the separator is a
    semicolon and the decimal mark a comma, as French spreadsheets expect.
    """
    kinds = kinds_of(found)
    sheet = io.StringIO()
    rows = csv.writer(sheet, delimiter=";" if lang == "fr" else ",", lineterminator="\n")
    names = ("student", "points", "of")
    rows.writerow([*(text(f"word.{name}", lang) for name in names), *kinds, text("word.remark", lang)])
    for student in found:
        points = [_points(student, kind, lang) for kind in kinds]
        total = [number(student.points, lang), number(student.of, lang)] if student.earned else ["", ""]
        rows.writerow([_safe(student.name), *total, *points, _safe(" | ".join(student.remarks(lang)))])
    return sheet.getvalue()


def _points(student: StudentReport, kind: str, lang: str) -> str:
    for each in student.earned:
        if each.kind == kind:
            return number(each.points, lang)
    reports = student.of_kind(kind)
    return str(int(any(report.ok for report in reports))) if reports else ""


def _safe(cell: str) -> str:
    """Return a text that spreadsheets do not read as a formula."""
    return "'" + cell if cell.startswith(("=", "+", "-", "@")) else cell


def feedback(student: StudentReport, lang: str) -> str:
    """Return the text for a student: points, missing classes, reports."""
    lines = [student.name, "=" * len(student.name), ""]
    if student.earned:
        lines += [student.points_text(lang), "", *(_line(each, lang) for each in student.earned), ""]
    lines += [f"✗ {said}" for said in student.remarks(lang)]
    for file in student.files_shown:
        if file.reports:
            lines += ["", file_table(file, lang), ""]
            lines += [f"{report}\n" for report in file.reports if report.judged or report.failed]
    return "\n".join(lines).rstrip() + "\n"


def _line(each: Earned, lang: str) -> str:
    sign = "–" if each.report is None else mark(each.report)
    return f"  {sign} {each.kind:<20} {number(each.points, lang):>6} / {number(each.of, lang)}"
