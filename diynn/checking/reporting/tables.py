"""FileReport as tables: one for a file, one for a class of students."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import combining, east_asian_width

from diynn.checking.reporting.messages import text
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.results import Verdict

#: The kinds that are counted, in the order of the columns, and how they are headed.
_SHORT = {
    "Linear": "Lin", "Conv1D": "Conv", "MaxPool1D": "MaxP", "AvgPool1D": "AvgP", "Flatten": "Flat",
    "Tanh": "Tanh", "Sigmoid": "Sigm", "ReLU": "ReLU", "Softmax": "Soft", "LogSoftmax": "LSoft",
    "MSELoss": "MSE", "CrossEntropyLoss": "CE", "BCELoss": "BCE", "BCEWithLogitsLoss": "BCEL",
    "Sequential": "Seq", "Optim": "Opt",
}  # fmt: skip


def file_table(verdicts: FileReport, lang: str) -> str:
    """Write a line for each class of a file: its verdict, what failed, and the likely mistake."""
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
    """Return the first likely mistake, else what was seen, cut to a line."""
    told = next((result.explain(lang) for result in report.failed if result.mistake), "")
    told = told or next((result.say(lang) for result in report.failed), "")
    remarks = [result for result in report.results if result.verdict is Verdict.REMARK]
    if not told and remarks:
        told = text("told", lang, name=text("word.remark", lang), what=remarks[0].say(lang))
    if not told and report.unseen:
        unseen = report.unseen[0]
        told = text("told", lang, name=text(f"property.{unseen.property}", lang), what=unseen.say(lang))
    return told if len(told) <= 90 else told[:89] + "…"


def mark(report: Report) -> str:
    """Return one sign for a report."""
    return "✓" if report.ok else "✗" if report.failed else "·"


def class_table(found: Sequence[FileReport], lang: str) -> str:
    """Write a line for each file and a column for each kind: ✓ right, ✗ wrong, else nothing."""
    present = {report.kind for verdicts in found for report in verdicts.reports}
    kinds = [name for name in _SHORT if name in present]
    head = [text("word.file", lang), *(_SHORT[name] for name in kinds)]
    rows = []
    for verdicts in found:
        signs = []
        for name in kinds:
            reports = [report for report in verdicts.reports if report.kind == name]
            signs.append("✗" if any(report.failed for report in reports) else "✓" if reports else "")
        rows.append([verdicts.name + (" ✗" if verdicts.problems else ""), *signs])
    columns = list(zip(*(row[1:] for row in rows), strict=True)) if rows else []
    share = [f"{column.count('✓')}/{len(column) - column.count('')}" for column in columns]
    right = sum(verdicts.ok for verdicts in found)
    summary = text("class_summary", lang, right=right, files=len(found))
    return "\n".join([*_table([head, *rows, [text("word.right", lang), *share]]), summary])


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
