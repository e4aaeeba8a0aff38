"""Tables: one for a file, one for a class of students."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import combining, east_asian_width

from diynn.checking.reporting.messages import text
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.results import Verdict
from diynn.checking.reporting.students import StudentReport, number, sign_of

#: The kinds in the order of the columns, with their headings.
SHORT = {
    "Linear": "Lin", "Conv1D": "Conv", "MaxPool1D": "MaxP", "AvgPool1D": "AvgP", "Flatten": "Flat",
    "Tanh": "Tanh", "Sigmoid": "Sigm", "ReLU": "ReLU", "Softmax": "Soft", "LogSoftmax": "LSoft",
    "MSELoss": "MSE", "CrossEntropyLoss": "CE", "BCELoss": "BCE", "BCEWithLogitsLoss": "BCEL",
    "Sequential": "Seq", "Optim": "Opt", "Conv2D": "Conv2", "MaxPool2D": "MaxP2", "AvgPool2D": "AvgP2",
    "Flatten2D": "Flat2", "UpSampling2D": "UpS2",
}  # fmt: skip


def file_table(verdicts: FileReport, lang: str) -> str:
    """Return a line for each class of a file: verdict, failures, likely mistake."""
    head = [
        "",
        text("word.class", lang),
        text("word.kind", lang),
        text("word.failed", lang),
        text("word.mistake", lang),
    ]
    rows = [_row(report, lang) for report in verdicts.reports]
    lines = [verdicts.name]
    lines += [f"  ✗ {problem.say(lang)}" for problem in verdicts.problems]
    return "\n".join([*lines, *_table([head, *rows])]) if rows else "\n".join(lines)


def _row(report: Report, lang: str) -> list[str]:
    failed = ", ".join(text(f"property.{result.property}", lang) for result in report.failed)
    if not report.judged and not report.failed:
        return ["·", report.name, text("word.unknown", lang), "", ""]
    return [mark(report), report.name, report.kind or "–", failed, _headline(report, lang)]


def _headline(report: Report, lang: str) -> str:
    """Return the first likely mistake, failure, remark or skipped property, cut to a line."""
    headline = next((result.explain(lang) for result in report.failed if result.mistake), "")
    headline = headline or next((result.say(lang) for result in report.failed), "")
    remarks = [result for result in report.results if result.verdict is Verdict.REMARK]
    if not headline and remarks:
        headline = text("told", lang, name=text("word.remark", lang), what=remarks[0].say(lang))
    if not headline and report.unseen:
        unseen = report.unseen[0]
        headline = text("told", lang, name=text(f"property.{unseen.property}", lang), what=unseen.say(lang))
    return headline if len(headline) <= 90 else headline[:89] + "…"


def mark(report: Report) -> str:
    """Return the sign of a report."""
    return "✓" if report.ok else "✗" if report.failed else "·"


def student_table(found: Sequence[StudentReport], lang: str, width: int | None = None) -> str:
    """Return a line for each student, with a column for each kind, and the points if there are any.

    Parameters
    ----------
    width : int, optional
        The terminal's: names are cut, and if that is not enough, columns are left out.
    """
    kinds = kinds_of(found)
    points = any(student.earned for student in found)
    head = [text("word.student", lang), *(SHORT.get(name, name[:5]) for name in kinds)]
    rows = []
    for student in found:
        signs = [sign(student, kind) for kind in kinds]
        mark = " ✗" if student.problems or any(file.problems for file in student.files) else ""
        rows.append([student.name + mark, *signs, *([number(student.points, lang)] if points else [])])
    columns = [[row[place] for row in rows] for place in range(1, len(kinds) + 1)]
    last = [right_of(column) for column in columns]
    if points:
        head.append(text("word.points", lang))
        last.append("/" + number(max(student.of for student in found), lang))
    lines = _fitted([head, *rows, [text("word.right", lang), *last]], points, width, lang)
    return "\n".join([*lines, summary(found, lang)])


def summary(found: Sequence[StudentReport], lang: str) -> str:
    """Return the sentence with the number of students that are right in everything."""
    return text("class_summary", lang, right=sum(student.ok for student in found), students=len(found))


def right_of(signs: Sequence[str]) -> str:
    """Return the number of right classes and of all, such as ``3/5``, by their signs."""
    return f"{signs.count('✓')}/{len(signs) - signs.count('')}"


def kinds_of(found: Sequence[StudentReport]) -> list[str]:
    """Return the kinds that are required or present, in the order of the columns."""
    present = {report.kind for student in found for report in student.reports}
    present |= {each.kind for student in found for each in student.earned}
    return [name for name in SHORT if name in present]


def sign(student: StudentReport, kind: str) -> str:
    """Return the sign of a student for a kind; a dash if it is required and missing."""
    for each in student.earned:
        if each.kind == kind:
            return "–" if each.report is None else mark(each.report)
    return sign_of(student.of_kind(kind))


def _fitted(rows: list[list[str]], points: bool, width: int | None, lang: str) -> list[str]:
    """Return a table of at most ``width`` characters; the number of hidden columns is added below."""
    longest = max(16, (width or 1000) // 3)
    rows = [[row[0] if len(row[0]) <= longest else row[0][: longest - 1] + "…", *row[1:]] for row in rows]
    hidden = 0
    while width is not None and len(rows[0]) > 2 + points and _width(max(_table(rows), key=_width)) > width:
        rows = [[*row[: -1 - points], *row[len(row) - points :]] for row in rows]
        hidden += 1
    return [*_table(rows), *([text("hidden", lang, columns=hidden)] if hidden else [])]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  "
        + "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return [lines[0], "  " + "─" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]]


def _width(cell: str) -> int:
    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in cell)
