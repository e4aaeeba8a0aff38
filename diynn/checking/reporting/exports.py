"""Results as files for spreadsheets and for students: CSV, and one text a student."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from diynn.checking.reporting.messages import text
from diynn.checking.reporting.students import Earned, StudentReport, number
from diynn.checking.reporting.tables import file_table, kinds_of, mark


def to_csv(found: Sequence[StudentReport], lang: str) -> str:
    """Write a line for each student: points a class and in all, and what is to be looked at.

    Where nothing is said to be asked for, a class is worth 1 if it is right and 0 if not. In French the
    fields are separated by semicolons and decimals by commas, as spreadsheets there expect.
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
    reports = [report for report in student.reports if report.kind == kind]
    return str(int(any(report.ok for report in reports))) if reports else ""


def _safe(cell: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return "'" + cell if cell.startswith(("=", "+", "-", "@")) else cell


def feedback(student: StudentReport, lang: str) -> str:
    """Write what a student is to read: points, what is missing, and a report of each class."""
    lines = [student.name, "=" * len(student.name), ""]
    if student.earned:
        total = text("points_of", lang, points=number(student.points, lang), of=number(student.of, lang))
        lines += [total, "", *(_line(each, lang) for each in student.earned), ""]
    lines += [f"✗ {said}" for said in student.remarks(lang)]
    for file in student.files_shown:
        if file.reports:
            lines += ["", file_table(file, lang), ""]
            lines += [f"{report}\n" for report in file.reports if report.judged or report.failed]
    return "\n".join(lines).rstrip() + "\n"


def _line(each: Earned, lang: str) -> str:
    sign = "–" if each.report is None else mark(each.report)
    return f"  {sign} {each.kind:<20} {number(each.points, lang):>6} / {number(each.of, lang)}"
