"""Reports as text for a terminal and as tables for a notebook."""

from __future__ import annotations

from html import escape
from textwrap import wrap
from typing import Any

import numpy as np

from diynn.checking.reporting.messages import text
from diynn.checking.reporting.results import Result, Verdict, is_judged, short_place

MARKS = {Verdict.PASSED: "✓", Verdict.FAILED: "✗", Verdict.REMARK: "!", Verdict.SKIPPED: "·"}
_COLOURS = {
    Verdict.PASSED: "#2e7d32", Verdict.FAILED: "#c62828",
    Verdict.REMARK: "#b26a00", Verdict.SKIPPED: "#757575",
}  # fmt: skip
_LIMIT = 12


def array_text(value: Any) -> str:
    """Return an array as a few lines of text; a list is an array read from JSON."""
    if isinstance(value, list):
        try:
            value = np.array(value)
            value = value.astype(float) if value.dtype.kind == "U" else value  # not finite
        except (ValueError, TypeError):
            return str(value)
    if isinstance(value, np.ndarray):
        return np.array2string(
            value, precision=5, suppress_small=True, threshold=24, edgeitems=2, max_line_width=88
        )
    return str(value)


def results_text(title: str, results: list[Result], lang: str | None, wrong: int = 0) -> str:
    """Return results as text under a title; ``wrong`` is the number of layers that failed."""
    lines = [heading(title, results, lang, wrong)]
    passed = [text(f"property.{each.property}", lang) for each in results if each.verdict is Verdict.PASSED]
    if passed:
        lines += _wrapped(f"  {MARKS[Verdict.PASSED]} ", ", ".join(passed))
    explained: set[str] = set()
    after: dict[str, list[str]] = {}
    for result in results:
        if result.verdict is Verdict.SKIPPED and result.message == "after":
            after.setdefault(result.say(lang), []).append(text(f"property.{result.property}", lang))
        elif result.verdict is not Verdict.PASSED:
            lines += _result_lines(result, lang, explained)
    for reason, names in after.items():
        lines += _wrapped(
            f"  {MARKS[Verdict.SKIPPED]} ", text("told", lang, name=", ".join(names), what=reason)
        )
    return "\n".join(lines)


def heading(title: str, results: list[Result], lang: str | None, wrong: int = 0) -> str:
    """Return the title with a mark and the counts of results."""
    counts = {verdict: sum(each.verdict is verdict for each in results) for verdict in Verdict}
    if is_judged(results):
        summary = text("summary", lang, failed=counts[Verdict.FAILED], passed=counts[Verdict.PASSED])
        if counts[Verdict.REMARK]:
            summary += ", " + text("summary.remarks", lang, remarks=counts[Verdict.REMARK])
        if counts[Verdict.SKIPPED]:
            summary += ", " + text("summary.skipped", lang, skipped=counts[Verdict.SKIPPED])
        if wrong:
            summary += ", " + text("summary.layers", lang, layers=wrong)
        mark = "✗" if counts[Verdict.FAILED] or wrong else "✓"
    else:
        summary, mark = text("summary.nothing", lang), "·"
    return f"{mark} {text('told', lang, name=title, what=summary)}"


def _result_lines(result: Result, lang: str | None, explained: set[str]) -> list[str]:
    name = text(f"property.{result.property}", lang)
    place = f"   [{short_place(result.where)}]" if result.where else ""
    lines = [f"  {MARKS[result.verdict]} {text('told', lang, name=name, what=result.say(lang))}{place}"]
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
        key = result.explain(lang)
        said = text("same_as_above", lang) if key in explained else result.explain(lang)
        word = "word.remark" if result.verdict is Verdict.REMARK else "word.mistake"
        lines += _arrow(word, said, lang)
        explained.add(key)
    return lines + (_arrow("word.should", result.should, lang) if result.should else [])


def _arrow(word: str, said: str, lang: str | None) -> list[str]:
    return _wrapped(f"      → {text('told', lang, name=text(word, lang), what='')}", said)


def _wrapped(head: str, body: str, width: int = 100) -> list[str]:
    return wrap(body, width, initial_indent=head, subsequent_indent=" " * len(head)) or [head]


def results_html(title: str, results: list[Result], lang: str | None, wrong: int = 0) -> str:
    """Return results as an HTML table for a notebook; foreign texts are escaped."""
    rows = []
    for result in results:
        details = [] if result.verdict is Verdict.PASSED else [escape(result.say(lang))]
        if result.where and details:
            details.append(f"<code>{escape(short_place(result.where))}</code>")
        if result.mistake:
            details.append(f"<b>{escape(text('word.mistake', lang))}</b>: {escape(result.explain(lang))}")
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
    caption = escape(heading(title, results, lang, wrong))
    return f"<table><caption>{caption}</caption><tbody>{''.join(rows)}</tbody></table>"
