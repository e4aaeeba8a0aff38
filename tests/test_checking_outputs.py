"""The output files of ``diynn check``: paths, pages, tables, encodings."""

import re
from pathlib import Path

import pytest

from diynn.checking.course.outputs import OutputError, Outputs
from diynn.checking.reporting.exports import to_csv
from diynn.checking.reporting.page import file_names, overview, student_page
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.results import Result, Verdict, sanitised
from diynn.checking.reporting.students import StudentReport, number
from diynn.checking.reporting.tables import student_table
from diynn.checking.reporting.terminal import fitted
from tests.handed_in import TANH, WRONG, command, hand_in, run


@pytest.mark.parametrize("option", ["--csv", "--html", "--json", "--gradescope", "--keep"])
def test_an_input_is_never_overwritten(tmp_path, capsys, option):
    path = hand_in(tmp_path, projet=TANH) / "projet.py"
    text = path.read_text()
    assert run(path, option, path) == 2
    assert "is judged, and must not be written to" in capsys.readouterr().err
    assert path.read_text() == text


def test_what_cannot_be_written_is_told_before_anything_is_judged(tmp_path, capsys):
    path = hand_in(tmp_path, projet=TANH) / "projet.py"
    (tmp_path / "other.py").write_text("x = 1")
    (tmp_path / "text").write_text("a letter")
    for option, where, told in [
        ("--csv", tmp_path, "must be a file to write to, and is a folder"),
        ("--html", tmp_path / "other.py", "is no file of results, and must not be overwritten"),
        ("--json", tmp_path / "text" / "x.json", "cannot be written"),
        ("--feedback", tmp_path / "text", "must be a folder to write into"),
        ("--keep", tmp_path / "text", "must be a file of verdicts, and is something else"),
    ]:
        assert run(path, option, where) == 2
        printed = capsys.readouterr()
        assert told in printed.err
        assert not printed.out
    assert (tmp_path / "text").read_text() == "a letter"


def test_trying_out_leaves_nothing_behind(tmp_path):
    Outputs(csv=tmp_path / "new" / "points.csv").try_out([], 1)
    assert not (tmp_path / "new" / "points.csv").exists()
    with pytest.raises(OutputError, match="is judged"):
        Outputs(csv=tmp_path / "a").try_out([tmp_path / "a"], 1)


def foreign(name="<img src=x onerror=alert(1)>"):
    """Return the report of a student whose names and errors are markup."""
    raised = Result("forward", Verdict.FAILED, "raises", {"method": "f", "error": "E", "text": "<b>'\"&"})
    report = Report("T<i>", "Tanh", "<u>.py:3", [raised])
    return StudentReport(name, "f", [FileReport(Path("a.py"), "<s>.py", [report])])


def test_pages_escape_what_is_foreign_and_need_no_network():
    for page in (overview([foreign()], "en", "pages"), student_page(foreign(), "en", "../index.html")):
        body = page.partition("<body>")[2].partition("<script>")[0]
        assert not re.search(r"<(img|b>'|i>|u>|s>)", body)
        assert not re.search(r"(src|href)=['\"]?(https?:)?//", page)
        assert "default-src 'none'" in page
        assert "prefers-color-scheme: dark" in page
    assert "&lt;img src=x onerror" in page


def test_each_student_has_a_page_of_another_name():
    names = file_names([StudentReport(name) for name in ("A b", "A_b", "a B", "..", "é/ü", "é\\ü")])
    assert len({name.casefold() for name in names}) == 6
    assert not any(set(name) & set("/\\") for name in names)


def test_a_table_holds_no_formulas_and_is_what_spreadsheets_of_the_language_expect():
    sheet = to_csv([foreign("=cmd()")], "en")
    assert sheet.splitlines()[1].startswith("'=cmd(),")
    french = to_csv([foreign("Anne")], "fr").splitlines()[0]
    assert french == "étudiant;points;sur;Tanh;remarque"
    assert number(12.5, "fr") == "12,5"
    assert number(12.0, "en") == "12"


def test_a_table_fits_the_terminal():
    passed = [Result("forward", Verdict.PASSED)]
    reports = [Report("x", kind, results=passed) for kind in ("Linear", "Tanh", "Softmax")]
    student = StudentReport(
        "a name that is much longer than that", files=[FileReport(Path("a"), "a", reports)]
    )
    narrow = student_table([student, student], "en", 30)
    lines = narrow.splitlines()
    assert all(len(line) <= 30 for line in lines[:-2])
    assert "1 column does not fit here" in narrow
    assert len(student_table([student], "en", None).splitlines()[0]) > 30


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_every_encoding_gets_a_text_that_it_can_take(encoding):
    line = "✓ ✗ é · → … ─ δ² «a» ’ 日本"
    said = fitted(line, encoding, "en")
    said.encode(encoding)
    if encoding == "utf-8":
        assert said == line
    else:
        assert said.startswith("ok NO " + ("é" if encoding == "cp1252" else "e"))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_that_cannot_take_signs_gets_words_and_every_file_is_written(tmp_path, encoding):
    hand_in(tmp_path / "c" / "Élise", projet=TANH)
    hand_in(tmp_path / "c" / "bob", projet=WRONG)
    done = command(
        tmp_path, "c", "--lang", "fr", "--html", "p.html", "--csv", "p.csv", "--feedback", "f",
        environment={"PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    printed = done.stdout.decode(encoding)
    assert "NON bob" in printed
    assert "1 étudiant sur 2 a tout juste" in printed.replace("etudiant", "étudiant")
    assert "✗" in (tmp_path / "p.html").read_text(encoding="utf-8")
    assert (tmp_path / "f" / "Élise" / "feedback.txt").exists()


def test_what_foreign_code_says_is_fit_to_be_shown():
    assert sanitised("a\x1b[2J\r\n\u202eb") == "a [2J   b"
    assert sanitised("<object at 0x7f00aa>") == "<object>"
    assert len(sanitised("x" * 5000)) == 300
    assert sanitised({"a": ["\x07", 3]}) == {"a": [" ", 3]}
