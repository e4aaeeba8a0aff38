"""Reports as text for a terminal and as tables for a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from diynn.checking.reporting.messages import text
from diynn.checking.reporting.report import Verdict

if TYPE_CHECKING:
    from diynn.checking.reporting.report import Report, Result

MARKS = {Verdict.PASSED: "✓", Verdict.FAILED: "✗", Verdict.REMARK: "!", Verdict.SKIPPED: "·"}
_COLOURS = {
    Verdict.PASSED: "#2e7d32", Verdict.FAILED: "#c62828",
    Verdict.REMARK: "#b26a00", Verdict.SKIPPED: "#757575",
}  # fmt: skip
_LIMIT = 12


def array_text(value: Any) -> str:
    """Write an array in a few lines; a list is one that came through JSON."""
    if isinstance(value, list):
        try:
            value = np.array(value, dtype=float)
        except (ValueError, TypeError):
            return str(value)
    if isinstance(value, np.ndarray):
        return np.array2string(
            value, precision=5, suppress_small=True, threshold=24, edgeitems=2, max_line_width=88
        )
    return str(value)


def short_place(place: str) -> str:
    """Return ``file.py:12`` of a whole path."""
    return place.replace("\\", "/").rpartition("/")[2]


def report_text(report: Report) -> str:
    """Write a report for a terminal."""
    lang = report.lang
    lines = [_title(report)]
    passed = [
        text(f"property.{each.property}", lang) for each in report.results if each.verdict is Verdict.PASSED
    ]
    if passed:
        lines += _wrapped(f"  {MARKS[Verdict.PASSED]} ", ", ".join(passed))
    told: set[str] = set()
    after: dict[str, list[str]] = {}
    for result in report.results:
        if result.verdict is Verdict.SKIPPED and result.message == "after":
            after.setdefault(result.say(lang), []).append(text(f"property.{result.property}", lang))
        elif result.verdict is not Verdict.PASSED:
            lines += _result_lines(result, lang, told)
    for reason, names in after.items():
        lines += _wrapped(f"  {MARKS[Verdict.SKIPPED]} ", f"{', '.join(names)}: {reason}")
    return "\n".join(lines)


def _title(report: Report) -> str:
    counts = {verdict: sum(each.verdict is verdict for each in report.results) for verdict in Verdict}
    summary = text("summary", report.lang, failed=counts[Verdict.FAILED], passed=counts[Verdict.PASSED])
    if counts[Verdict.REMARK]:
        summary += ", " + text("summary.remarks", report.lang, remarks=counts[Verdict.REMARK])
    place = f"  ({short_place(report.where)})" if report.where else ""
    return f"{'✓' if report.ok else '✗'} {report.name}{place}: {summary}"


def _result_lines(result: Result, lang: str | None, told: set[str]) -> list[str]:
    name = text(f"property.{result.property}", lang)
    place = f"   [{short_place(result.where)}]" if result.where else ""
    lines = [f"  {MARKS[result.verdict]} {name}: {result.say(lang)}{place}"]
    if result.verdict is Verdict.SKIPPED:
        return lines
    values = dict(result.inputs)
    seen = {text("word.expected", lang): result.expected, text("word.got", lang): result.got}
    values |= {label: value for label, value in seen.items() if value is not None}
    width = max(map(len, values), default=0)
    for label, value in values.items():
        first, *rest = array_text(value).splitlines() or [""]
        lines.append(f"      {label:<{width}}  {first}")
        lines += [f"      {'':<{width}}  {line}" for line in rest[:_LIMIT]]
    if result.mistake:
        key = f"{result.mistake} {result.explain(lang)}"
        said = text("same_as_above", lang) if key in told else result.explain(lang)
        lines += _wrapped(f"      → {text('word.mistake', lang)}: ", said)
        told.add(key)
    if result.should:
        lines += _wrapped(f"      → {text('word.should', lang)}: ", result.should)
    return lines


def _wrapped(head: str, body: str, width: int = 100) -> list[str]:
    from textwrap import wrap

    return wrap(body, width, initial_indent=head, subsequent_indent=" " * len(head)) or [head]


def report_html(report: Report) -> str:
    """Write a report as a table for a notebook; everything foreign in it is escaped."""
    lang = report.lang
    rows = []
    for result in report.results:
        details = [] if result.verdict is Verdict.PASSED else [escape(result.say(lang))]
        if result.where and details:
            details.append(f"<code>{escape(short_place(result.where))}</code>")
        if result.mistake:
            details.append(f"<b>{escape(text('word.mistake', lang))}:</b> {escape(result.explain(lang))}")
        if result.should and details:
            details.append(
                f"<b>{escape(text('word.should', lang))}:</b> <code>{escape(result.should)}</code>"
            )
        if result.verdict in (Verdict.FAILED, Verdict.REMARK):
            shown = {
                **result.inputs,
                text("word.expected", lang): result.expected,
                text("word.got", lang): result.got,
            }
            listed = "".join(
                f"{escape(str(label))} = {escape(array_text(value))}\n"
                for label, value in shown.items()
                if value is not None
            )
            details.append(f"<pre style='margin:0'>{listed}</pre>")
        rows.append(
            f"<tr><td style='color:{_COLOURS[result.verdict]}'>{MARKS[result.verdict]}</td>"
            f"<td style='text-align:left'>{escape(text(f'property.{result.property}', lang))}</td>"
            f"<td style='text-align:left'>{'<br>'.join(details)}</td></tr>"
        )
    return f"<table><caption>{escape(_title(report))}</caption><tbody>{''.join(rows)}</tbody></table>"
