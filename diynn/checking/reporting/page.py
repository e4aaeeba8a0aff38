"""HTML pages of results: one of all students with a search field, and one per student.

They need no network and no other file, follow the browser's light or dark scheme, and can be read without
scripts. Foreign texts are escaped, and a content security policy allows only our script.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from diynn.checking.reporting.messages import text
from diynn.checking.reporting.render import MARKS, array_text
from diynn.checking.reporting.report import Report
from diynn.checking.reporting.results import Result, Verdict, short_place
from diynn.checking.reporting.students import Earned, StudentReport, number
from diynn.checking.reporting.tables import SHORT, kinds_of, mark, right_of, sign, summary

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #fff; --raised: #f6f8fa;
  --line: #d1d9e0; --right: #1a7f37; --wrong: #c62828; --remark: #8a5a00; --link: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --paper: #0d1117;
  --raised: #161b22; --line: #3d444d; --right: #56d364; --wrong: #ff7b72; --remark: #e3b341;
  --link: #79c0ff; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
a { color: var(--link); }
h1 { font-size: 1.6rem; margin: .5rem 0; } h2 { font-size: 1.15rem; margin: 1.5rem 0 .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: center; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
td.points, th.points { text-align: right; font-weight: 600; }
thead th { position: sticky; top: 0; background: var(--raised); font-size: .85rem; }
tbody tr:hover { background: var(--raised); }
input { font: inherit; width: min(30rem, 100%); padding: .45rem .7rem; margin: .8rem 0; color: inherit;
  background: var(--raised); border: 1px solid var(--line); border-radius: 6px; box-sizing: border-box; }
.right { color: var(--right); } .wrong { color: var(--wrong); } .remark { color: var(--remark); }
.soft { color: var(--soft); }
section { border: 1px solid var(--line); border-radius: 8px; padding: .2rem 1rem .8rem; margin: 1rem 0; }
pre { background: var(--raised); padding: .6rem .8rem; border-radius: 6px; overflow-x: auto;
  margin: .4rem 0; }
ul.results { list-style: none; padding: 0; margin: 0; } ul.results > li { margin: .5rem 0; }
.badge { font-size: 1.6rem; font-weight: 600; }
footer { color: var(--soft); margin: 2rem 0; font-size: .9rem; }
@media print { input { display: none; } section { break-inside: avoid; } }
"""
_SCRIPT = """
const field = document.querySelector('input'), rows = [...document.querySelectorAll('tbody tr')];
const plain = word => word.normalize('NFD').replace(/[\\u0300-\\u036f]/g, '').toLowerCase();
field.hidden = false;
field.addEventListener('input', () => {
  const words = plain(field.value).split(/\\s+/);
  let shown = 0;
  for (const row of rows) {
    row.hidden = !words.every(word => plain(row.dataset.words).includes(word));
    shown += !row.hidden;
  }
  document.querySelector('#nobody').hidden = shown > 0;
});
"""
_CLASSES = {"✓": "right", "✗": "wrong", "!": "remark", "·": "soft", "–": "wrong", "": "soft"}


def file_names(found: Sequence[StudentReport]) -> list[str]:
    """Return the file name of each student's page: unique, and valid on every system."""
    names: list[str] = []
    taken: set[str] = set()
    for place, student in enumerate(found, start=1):
        name = re.sub(r"[^\w.-]+", "_", student.name).strip("._")[:80] or "student"
        name += f"-{place}" if name.casefold() in taken else ""
        taken.add(name.casefold())
        names.append(f"{name}.html")
    return names


def overview(found: Sequence[StudentReport], lang: str, folder: str) -> str:
    """Return the page of all students.

    Parameters
    ----------
    folder : str
        The folder of the students' pages, relative to this page.
    """
    kinds = kinds_of(found)
    points = any(student.earned for student in found)
    head = f"<th>{_word('student', lang)}</th>"
    head += f"<th class='points'>{_word('points', lang)}</th>" if points else ""
    head += "".join(f"<th title='{escape(kind)}'>{escape(SHORT.get(kind, kind))}</th>" for kind in kinds)
    rows = []
    for student, name in zip(found, file_names(found), strict=True):
        link = f"<a href='{quote(folder)}/{quote(name)}'>{escape(student.name)}</a>"
        cells = "".join(_cell(sign(student, kind)) for kind in kinds)
        words = " ".join([student.name, *_words(student, lang)])
        said = "; ".join(student.remarks(lang))
        flag = f" <span class='wrong' title='{escape(said)}'>✗</span>" if said else ""
        total = f"<td class='points'>{number(student.points, lang)}</td>" if points else ""
        rows.append(f"<tr data-words='{escape(words)}'><td>{link}{flag}</td>{total}{cells}</tr>")
    most = f"<th class='points'>/{number(max(each.of for each in found), lang)}</th>" if points else ""
    last = "".join(f"<th>{right_of([sign(student, kind) for student in found])}</th>" for kind in kinds)
    title, search = escape(text("page.title", lang)), escape(text("page.search", lang))
    nothing, similar = escape(text("page.nothing", lang)), escape(text("similar", lang))
    body = (
        f"<h1>{title}</h1><p>{escape(summary(found, lang))}</p>"
        f"<input type='search' hidden placeholder='{search}…' aria-label='{search}'>"
        f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
        f"<tfoot><tr><th>{_word('right', lang)}</th>{most}{last}</tr></tfoot></table></div>"
        f"<p id='nobody' hidden>{nothing}</p>"
        f"<footer>{similar}</footer>"
    )
    return _page(text("page.title", lang), body, lang, _SCRIPT)


def student_page(student: StudentReport, lang: str, back: str) -> str:
    """Return the page of one student, with a link ``back`` to the page of all."""
    everybody = escape(text("page.back", lang))
    parts = [f"<p><a href='{quote(back)}'>← {everybody}</a></p><h1>{escape(student.name)}</h1>"]
    if student.earned:
        parts.append(f"<p class='badge'>{escape(student.points_text(lang))}</p><table><tbody>")
        parts += [_earned(each, lang) for each in student.earned]
        parts.append("</tbody></table>")
    said = "".join(f"<li class='wrong'>{escape(each)}</li>" for each in student.remarks(lang))
    parts.append(f"<ul>{said}</ul>" if said else "")
    for file in student.files_shown:
        parts.append(f"<h2>{escape(file.name)}</h2>" if file.reports else "")
        # Failures come first.
        parts += [_report(report, lang) for report in sorted(file.reports, key=lambda each: not each.failed)]
    return _page(student.name, "".join(parts), lang)


def _earned(each: Earned, lang: str) -> str:
    shown = "–" if each.report is None else mark(each.report)
    points = f"{number(each.points, lang)} / {number(each.of, lang)}"
    return f"<tr><td>{escape(each.kind)}</td>{_cell(shown)}<td class='points'>{points}</td></tr>"


def _report(report: Report, lang: str) -> str:
    seen = mark(report)
    passed = [
        text(f"property.{each.property}", lang) for each in report.results if each.verdict is Verdict.PASSED
    ]
    items = [f"<li class='right'>✓ {escape(', '.join(passed))}</li>"] if passed else []
    items += [_result(each, lang) for each in report.results if each.verdict is not Verdict.PASSED]
    place = f" <span class='soft'>{escape(short_place(report.where))}</span>" if report.where else ""
    return (
        f"<section><h2><span class='{_CLASSES[seen]}'>{seen}</span> {escape(report.name)}{place}</h2>"
        f"<ul class='results'>{''.join(items)}</ul></section>"
    )


def _result(result: Result, lang: str) -> str:
    seen = MARKS[result.verdict]
    name = text(f"property.{result.property}", lang)
    said = text("told", lang, name=name, what=result.say(lang))
    place = f" <code class='soft'>{escape(short_place(result.where))}</code>" if result.where else ""
    lines = [f"<span class='{_CLASSES[seen]}'>{seen} {escape(said)}</span>{place}"]
    if result.verdict is Verdict.SKIPPED:
        return f"<li>{lines[0]}</li>"
    values = dict(result.inputs)
    values |= {text(f"word.{key}", lang): getattr(result, key) for key in ("expected", "got")}
    shown = [f"{label} = {array_text(value)}" for label, value in values.items() if value is not None]
    if shown:
        lines.append(f"<pre>{escape(chr(10).join(shown))}</pre>")
    word = "remark" if result.verdict is Verdict.REMARK else "mistake"
    written = {word: escape(result.explain(lang)), "should": f"<code>{escape(result.should)}</code>"}
    for key in ([word] if result.mistake else []) + (["should"] if result.should else []):
        label = text("told", lang, name=text(f"word.{key}", lang), what="")
        lines.append(f"<div><b>{escape(label)}</b>{written[key]}</div>")
    return f"<li>{''.join(lines)}</li>"


def _cell(shown: str) -> str:
    return f"<td class='{_CLASSES[shown]}'>{shown}</td>"


def _words(student: StudentReport, lang: str) -> list[str]:
    """Return the texts by which a student is found: names, wrong classes, mistakes."""
    failed = [report for report in student.reports if report.failed]
    said = [each.explain(lang) or each.say(lang) for report in failed for each in report.failed]
    return [*(f"{report.name} {report.kind}" for report in failed), *said, *student.missing]


def _word(name: str, lang: str) -> str:
    return escape(text(f"word.{name}", lang))


def _page(title: str, body: str, lang: str, script: str = "") -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"'sha256-{digest}'" if script else "'none'"
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}"
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>{body}"
        + (f"<script>{script}</script>" if script else "")
        + "</body></html>\n"
    )
