"""The work of a class of students: points, the cache of verdicts, files written, interrupted runs."""

import csv
import io
import os
import random
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from diynn.checking.course.archive import MOST_FILES, ArchiveError, unpack
from diynn.checking.course.course import Course, CourseError, Required, read_course
from diynn.checking.course.outputs import OutputError, Outputs
from diynn.checking.course.points import earned, share
from diynn.checking.course.progress import ProgressBar
from diynn.checking.course.students import students_of
from diynn.checking.files.grade import Job, Limits, Plan, grade
from diynn.checking.reporting.exports import to_csv
from diynn.checking.reporting.page import file_names, overview, student_page
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.results import Result, Verdict, shown
from diynn.checking.reporting.students import StudentReport, number
from diynn.checking.reporting.tables import student_table
from diynn.checking.reporting.terminal import fitted
from diynn.cli import main
from tests import sixty_students
from tests.handed_in import find
from tests.test_checking_command import HEAD, TANH, run

WRONG = TANH.replace(" ** 2", "")
LAZY = TANH.replace("delta * (1 - np.tanh(input) ** 2)", "delta")
MSE = (
    "class MSELoss:\n    def forward(self, y, yhat):\n        assert y.shape == yhat.shape\n"
    "        return np.sum((y - yhat) ** 2, axis=1)\n    def backward(self, y, yhat):\n"
    "        assert y.shape == yhat.shape\n        return 2 * (yhat - y)\n"
)
#: Whether the whole class is judged: ``DIYNN_SIXTY=1 pytest tests/test_checking_course.py -k stopped -s``.
SIXTY = bool(os.environ.get("DIYNN_SIXTY"))
COURSE = 'language = "en"\n[classes]\nTanh = 4\nMSELoss = 2\n'


def hand_in(folder, **files):
    """Write a student's files; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.py").write_text(HEAD + content, encoding="utf-8")
    return folder


def points_of(folder, *options, out):
    """Judge a folder and return, by student, the row of the table that is written."""
    run(folder, "--quiet", "--csv", out / "points.csv", *options)
    text = (out / "points.csv").read_text(encoding="utf-8-sig")
    return {row["student"]: row for row in csv.DictReader(io.StringIO(text))}


# ---------------------------------------------------------------- the course file


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[classes]\nTnah = 1", "an entry of [classes] must be one of Linear, "),
        ("[classes]\nTanh = -1", "`classes.Tanh` must be a number, at least 0, got -1"),
        ("[classes]\nTanh = true", "`classes.Tanh` must be a number, at least 0, got True"),
        (
            "[classes]\nTanh = { point = 1 }",
            "an entry of classes.Tanh must be one of points, names, got 'point'",
        ),
        ("[classes]\nTanh = { names = ['a b'] }", "`classes.Tanh.names` must be names of classes, got 'a b'"),
        ("[classes]\nTanh = { names = 'a' }", "`classes.Tanh.names` must be a list of names, got 'a'"),
        ("classes = 3", "`classes` must be a table, got 3"),
        ("[weights]\ndelat = 1", "an entry of [weights] must be one of "),
        ("remarks = ['tiem']", "an entry of `remarks` must be one of "),
        ("remarks = 'dtype'", "`remarks` must be a list of properties, got 'dtype'"),
        ("language = 'de'", "`language` must be one of en, fr, got 'de'"),
        ("students = 'all'", "`students` must be one of auto, folders, files, one, got 'all'"),
        ("timeout = 0", "`timeout` must be a number, at least 0.1, got 0"),
        ("memory = 3", "`memory` must be a number, at least 256, got 3"),
        ("tiemout = 3", "a setting must be one of "),
        ("= 3", "must be TOML: "),
    ],
)
def test_a_course_file_that_cannot_be_meant_is_refused(tmp_path, content, told):
    path = tmp_path / "diynn.toml"
    path.write_text(content)
    with pytest.raises(CourseError, match=re.escape(told)) as error:
        read_course(path)
    assert str(path) in str(error.value)


def test_the_course_file_that_is_written_can_be_read_and_is_not_overwritten(tmp_path, capsys):
    assert run("--init", tmp_path, "--gradescope", tmp_path / "grade") == 0
    course = read_course(tmp_path / "diynn.toml")
    assert course.required["Linear"] == Required(3.0)
    assert course.weights == Course().weights
    assert course.total == 20
    assert "results.json" in (tmp_path / "grade" / "run_autograder").read_text()
    assert os.access(tmp_path / "grade" / "setup.sh", os.X_OK) or os.name == "nt"
    assert run("--init", tmp_path) == 2
    assert "is there already, and is left as it is" in capsys.readouterr().err


# ---------------------------------------------------------------- points


def results(**verdicts):
    return [Result(name, Verdict(verdict), message="after" if verdict == "skipped" else "")
            for name, verdict in verdicts.items()]  # fmt: skip


def test_a_class_earns_by_what_its_properties_weigh():
    """By hand: 1 + 3 of 1 + 3 + 6, and nothing for what it does besides, where its gradient is wrong."""
    right = {"shapes": "passed", "forward": "passed"}
    report = Report(
        "T", "Tanh", results=results(**right, delta="failed", linearity="passed", unchanged="passed")
    )
    assert share(report, Course()) == pytest.approx(4 / 11)
    report = Report(
        "T", "Tanh", results=results(**right, delta="passed", linearity="passed", unchanged="failed")
    )
    assert share(report, Course()) == pytest.approx(10.5 / 11)
    assert share(report, Course(remarks=frozenset(["unchanged"]))) == 1
    assert share(Report("T", "Tanh", results=results(run="failed")), Course()) == 0
    assert share(Report("T", "Tanh", results=results(**right, run="failed")), Course()) == pytest.approx(0.4)
    own = Report("T", "Tanh", results=results(**right, delta="passed", own_work="failed"))
    assert share(own, Course()) == 0


def test_what_could_not_be_looked_at_counts_neither_way_and_is_told():
    seen = results(shapes="passed", forward="passed")
    report = Report("T", "Tanh", results=[*seen, Result("delta", Verdict.SKIPPED, "kinks")])
    assert share(report, Course()) == 1
    (line,) = earned([FileReport(Path("t.py"), "t.py", [report])], Course({"Tanh": Required(2)}))
    assert [each.property for each in line.unsure] == ["delta"]
    student = StudentReport("anne", files=[FileReport(Path("t.py"), "t.py", [report])], earned=[line])
    assert "Tanh: to be looked at by a person, as it could not be judged: delta" in student.remarks("en")


def test_what_is_not_handed_in_costs_its_points(tmp_path):
    hand_in(tmp_path / "c" / "anne", projet=TANH + MSE)
    hand_in(tmp_path / "c" / "bob", projet=MSE)
    hand_in(tmp_path / "c" / "carl", projet=LAZY + MSE, helpers="def read(): pass\n")
    hand_in(tmp_path / "c" / "dan", projet="x = 1\n")
    (tmp_path / "c" / "diynn.toml").write_text(COURSE)
    rows = points_of(tmp_path / "c", out=tmp_path)
    assert [rows[name]["points"] for name in ("anne", "bob", "dan")] == ["6", "2", "0"]
    assert 2 < float(rows["carl"]["points"]) < 4  # its forward is right
    assert rows["bob"]["remark"] == "not handed in: Tanh"
    assert "no class of a module or a loss is found" in rows["dan"]["remark"]
    assert rows["carl"]["remark"] == ""  # a helper costs nothing


def test_another_name_is_allowed_where_the_course_says_so(tmp_path):
    hand_in(tmp_path / "c" / "anne", projet=TANH.replace("TanH", "Courbe"))
    (tmp_path / "c" / "diynn.toml").write_text('language = "en"\n[classes]\nTanh = { names = ["Courbe"] }\n')
    assert points_of(tmp_path / "c", out=tmp_path)["anne"]["points"] == "1"


OURS = {
    "derived": ("import diynn\nclass TanH(diynn.Tanh): pass\n", "diynn's own diynn.Tanh under another name"),
    "derived, of another name": ("from diynn import Tanh as T\nclass TanH(T): pass\n", "under another name"),
    "called": (
        "import diynn\n" + TANH.replace("return np.tanh(X)", "return diynn.Tanh().forward(X)"),
        "diynn's own diynn.Tanh do the work",
    ),
    "in a helper": (
        "from diynn.layers import Tanh\ndef f(X): return Tanh().forward(X)\n"
        + TANH.replace("np.tanh(X)", "f(X)"),
        "diynn's own Tanh do the work",
    ),
    "its methods": (
        "import diynn as d\nclass TanH(d.Module):\n    forward = d.Tanh.forward\n"
        "    backward_delta = d.Tanh.backward_delta\n", "do the work"),
    "not there": ("from nowhere import Tanh\nclass TanH(Tanh): pass\n", "under another name"),
}  # fmt: skip


@pytest.mark.parametrize("name", OURS)
def test_our_own_work_under_another_name_is_told_and_earns_nothing(tmp_path, capsys, name):
    code, told = OURS[name]
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "diynn.toml").write_text(COURSE)
    hand_in(tmp_path / "c" / "anne", projet=code)
    assert points_of(tmp_path / "c", out=tmp_path)["anne"]["points"] == "0"
    run(tmp_path / "c")
    assert told in capsys.readouterr().out


def test_who_derives_from_our_base_class_does_the_work(tmp_path):
    hand_in(tmp_path, projet="import diynn\n" + TANH.replace("(Module)", "(diynn.Module)"))
    assert run(tmp_path / "projet.py") == 0


# ---------------------------------------------------------------- students


def test_students_are_folders_files_or_one(tmp_path):
    hand_in(tmp_path / "anne" / "src", projet=TANH)
    hand_in(tmp_path / "bob", projet=TANH)
    hand_in(tmp_path, carl=TANH, skeleton="")
    assert [each.name for each in students_of([tmp_path])] == ["anne", "bob", "carl.py", "skeleton.py"]
    assert [each.name for each in students_of([tmp_path], "folders")] == ["anne", "bob"]
    assert len(students_of([tmp_path], "files")) == 4
    assert [each.readable for each in students_of([tmp_path], "files")] == [
        tuple(each.files) for each in students_of([tmp_path], "files")
    ]
    (one,) = students_of([tmp_path], "one")
    assert len(one.files) == 4
    (tmp_path / "README.md").touch()
    assert len(students_of([tmp_path])) == 1
    bob = students_of([tmp_path], "folders")[1]
    assert bob.readable == (tmp_path / "bob", tmp_path / "carl.py", tmp_path / "skeleton.py")


def test_students_of_one_name_are_told_apart(tmp_path):
    for folder in ("one/Anne_1_assignsubmission_file_", "one/Anne_2_assignsubmission_file_", "two/Anne"):
        hand_in(tmp_path / folder, projet=TANH)
    names = [each.name for each in students_of([tmp_path / "one", tmp_path / "two"], "folders")]
    assert len(set(names)) == 3
    assert names[-1] == "Anne"


@pytest.mark.skipif(os.name == "nt", reason="no links there")
def test_a_link_out_of_a_folder_is_not_followed(tmp_path):
    secret = hand_in(tmp_path / "other", projet=TANH) / "projet.py"
    folder = hand_in(tmp_path / "c" / "anne")
    (folder / "projet.py").symlink_to(secret)
    (folder / "more").symlink_to(tmp_path / "other")
    assert [each.files for each in students_of([tmp_path / "c"], "folders")] == [{}]


# ---------------------------------------------------------------- zip files


def zipped(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_file_writes_nothing_outside(tmp_path):
    members = ["../../out.py", "/abs.py", "..\\..\\win.py", "C:\\drive.py", "a/../../../b.py"]
    zipped(tmp_path / "c.zip", **dict.fromkeys(members, "x = 1"))
    unpack(tmp_path / "c.zip", tmp_path / "in" / "here")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c.zip", "in"]
    assert [each.name for each in (tmp_path / "in").iterdir()] == ["here"]
    assert len(list((tmp_path / "in").rglob("*.py"))) == 5


def test_zip_files_within_are_unpacked_and_what_cannot_be_is_told(tmp_path):
    inner = zipped(tmp_path / "inner.zip", **{"src/projet.py": TANH}).read_bytes()
    zipped(
        tmp_path / "c.zip", **{"anne/rendu.zip": inner, "bob/rendu.zip": b"PK no", "carl/rendu.rar": b"Rar!"}
    )
    unpack(tmp_path / "c.zip", tmp_path / "c")
    anne, bob, carl = students_of([tmp_path / "c"])
    assert [file.name for file in anne.files] == ["projet.py"]
    for student, name in ((bob, "rendu.zip"), (carl, "rendu.rar")):
        assert f"{name} is an archive that cannot be read" in student.problems[0].say("en")


@pytest.mark.parametrize("method", ["STORED", "DEFLATED", "BZIP2", "LZMA"])
def test_a_damaged_zip_file_is_refused_in_our_words(tmp_path, method):
    whole, damaged, draw = tmp_path / "whole.zip", tmp_path / "damaged.zip", random.Random(0)
    with zipfile.ZipFile(whole, "w", getattr(zipfile, f"ZIP_{method}")) as archive:
        for name in ("ada", "bob"):
            archive.writestr(f"{name}/projet.py", (HEAD + TANH + name) * 20)
    told = []
    for flip in range(200):
        content = bytearray(whole.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        damaged.write_bytes(content)
        try:
            unpack(damaged, tmp_path / str(flip))
        except ArchiveError as error:
            told.append(str(error))
    assert len(told) > 20
    assert all(each.startswith("damaged.zip: ") for each in told)


def test_a_damaged_zip_file_of_one_student_costs_nobody_else_a_verdict(tmp_path, capsys):
    hand_in(tmp_path / "ada", a=TANH)
    inner = tmp_path / "bob" / "projet.zip"
    inner.parent.mkdir()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("projet.py", (HEAD + TANH) * 20)
    content = bytearray(inner.read_bytes())
    start = 30 + len("projet.py")
    content[start : start + 8] = bytes([0xFF] * 8)  # no block of that kind
    inner.write_bytes(content)
    rows = points_of(tmp_path, out=tmp_path)
    assert rows["ada"]["Tanh"] == "1"
    assert "projet.zip" in rows["bob"]["remark"]


def test_a_zip_file_that_fills_the_disk_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w") as archive:
        for place in range(MOST_FILES + 1):
            archive.writestr(str(place), "")
    with pytest.raises(ArchiveError, match=f"{MOST_FILES + 1} files"):
        unpack(tmp_path / "bomb.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "no.zip").write_bytes(b"PK")
    with pytest.raises(ArchiveError, match=r"no\.zip: File is not a zip file"):
        unpack(tmp_path / "no.zip", tmp_path / "out")


def test_a_folder_with_zip_files_is_left_as_it_is(tmp_path):
    folder = hand_in(tmp_path / "c" / "bob", projet=TANH).parent
    zipped(folder / "anne.zip", **{"projet.py": HEAD + TANH})
    before = sorted(folder.rglob("*"))
    rows = points_of(folder, out=tmp_path)
    assert sorted(rows) == ["anne", "bob"]
    assert sorted(folder.rglob("*")) == before


# ---------------------------------------------------------------- what is written


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
    """Return what was found of a student whose names and errors are markup."""
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
    reports = [Report("x", kind, results=results(forward="passed")) for kind in ("Linear", "Tanh", "Softmax")]
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


def command(folder, *arguments, environment=None, start=subprocess.run, **options):
    code = "import sys; from diynn.cli import main; sys.exit(main())"
    root = str(Path(__file__).parent.parent)
    whole = {**os.environ, "PYTHONPATH": root, **(environment or {})}
    return start(
        [sys.executable, "-c", code, "check", *map(str, arguments)], cwd=folder, env=whole,
        **({"capture_output": True, "check": False} if start is subprocess.run else {}), **options,
    )  # fmt: skip


def test_what_foreign_code_says_is_fit_to_be_shown():
    assert shown("a\x1b[2J\r\n\u202eb") == "a [2J   b"
    assert shown("<object at 0x7f00aa>") == "<object>"
    assert len(shown("x" * 5000)) == 300
    assert shown({"a": ["\x07", 3]}) == {"a": [" ", 3]}


# ---------------------------------------------------------------- results as they come


def test_an_unchanged_file_is_not_judged_again(tmp_path, capsys):
    folder = hand_in(tmp_path / "c" / "anne", projet=TANH + MSE).parent
    hand_in(folder / "bob", projet=TANH)
    kept = tmp_path / "kept.jsonl"
    run(folder, "--keep", kept, "--csv", tmp_path / "a.csv")
    assert "known already" not in capsys.readouterr().out
    run(folder, "--keep", kept, "--csv", tmp_path / "b.csv")
    assert "3 verdicts were known already" in capsys.readouterr().out
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    hand_in(folder / "bob", projet=WRONG)
    run(folder, "--keep", kept, "--csv", tmp_path / "b.csv")
    assert "2 verdicts were known already" in capsys.readouterr().out
    assert (tmp_path / "a.csv").read_bytes() != (tmp_path / "b.csv").read_bytes()
    run(folder, "--keep", kept, "--timeout", "30")  # other limits may give other verdicts
    assert "known already" not in capsys.readouterr().out
    run(folder, "--keep", kept, "--again")
    assert "known already" not in capsys.readouterr().out


def test_a_line_that_was_cut_is_skipped(tmp_path, capsys):
    folder = hand_in(tmp_path / "c" / "anne", projet=TANH).parent
    kept = tmp_path / "kept.jsonl"
    run(folder, "--keep", kept)
    kept.write_text(kept.read_text()[:-40])
    assert run(folder, "--keep", kept) == 0
    assert run(folder, "--keep", kept) == 0
    assert "1 verdict was known already" in capsys.readouterr().out


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_run_that_is_stopped_goes_on_to_the_same_bytes_and_leaves_nothing(tmp_path):
    """Stopped by Ctrl-C, by a kill that it cannot catch, at random; then run to its end."""
    count = range(60) if SIXTY else [0, 1, 23, 35]
    sixty_students.write(tmp_path, count)
    everything = ["course.zip", "--course", "diynn.toml", "--quiet", "--csv", "out/p.csv", "--html"]
    everything += ["out/p.html", "--feedback", "out/f", "--gradescope", "out/g", "--json", "out/all.json"]
    start = time.perf_counter()
    done = command(tmp_path, *everything, "--keep", "whole.jsonl")
    first = time.perf_counter() - start
    assert done.returncode == 1, done.stderr
    whole = contents(tmp_path / "out")
    draw = random.Random(7)
    for ended in (signal.SIGINT, signal.SIGKILL, signal.SIGINT):
        process = command(
            tmp_path, *everything, start=subprocess.Popen, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        time.sleep(draw.uniform(1.0, max(2.0, first / 2)))
        below = descendants(process.pid)
        process.send_signal(ended)
        _, said = process.communicate(timeout=20)
        if process.returncode == 130:
            assert (
                "the same command goes on from there" in said.decode() or "la même commande" in said.decode()
            )
        for _ in range(100):
            left = [each for each in below if Path(f"/proc/{each}").exists() and not is_zombie(each)]
            if not left:
                break
            time.sleep(0.05)
        assert not left
    start = time.perf_counter()
    command(tmp_path, *everything)
    assert contents(tmp_path / "out") == whole
    start = time.perf_counter()
    command(tmp_path, *everything)
    again = time.perf_counter() - start
    assert contents(tmp_path / "out") == whole
    print(f"whole {first:.1f} s, again {again:.1f} s")
    if SIXTY:
        assert first <= 60
        assert again <= 3
    assert not Path("/tmp/diynn-sixty-escaped").exists()


def contents(folder):
    return {
        each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()
    }


def descendants(number):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == str(number):
            found += [int(path.parent.name), *descendants(int(path.parent.name))]
    return found


def is_zombie(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_file_that_runs_out_of_time_again_and_again_is_given_up(tmp_path):
    loop = TANH.replace("return np.tanh(X)", "while True: pass")
    classes = "".join(
        loop.replace("TanH", name) for name in ("TanH", "Sigmoid", "ReLU", "Softmax", "Flatten")
    )
    hand_in(tmp_path, projet=classes)
    start = time.perf_counter()
    run(tmp_path / "projet.py", "--timeout", "1", "--jobs", "1", "--json", tmp_path / "all.json")
    assert time.perf_counter() - start < 20
    said = (tmp_path / "all.json").read_text()
    assert said.count("stopped after 1 s") >= 3
    assert "not tried: 3 other classes of the file have run out of time" in said


def test_a_file_of_a_thousand_classes_is_cut(tmp_path, capsys):
    from diynn.checking.files import grade

    names = [f"TanH{place}" for place in range(grade._MOST_CLASSES + 1)]
    content = {"problems": [], "classes": dict.fromkeys(names, ""), "broken": {}}
    report = FileReport(tmp_path / "a.py", "a.py")
    jobs = list(grade._jobs(report, content, tmp_path, grade.Plan()))
    assert len(jobs) == grade._MOST_CLASSES
    assert "201 classes are found, of which the first 200 are judged" in report.problems[0].say("en")


def test_the_bar_names_what_is_under_way_and_what_is_slow(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    bar = ProgressBar()
    slow = Job(Path("/c/anne/projet.py"), Path("/c"), "TanH")
    bar.begin(slow)
    now[0] = 107.0
    bar.begin(Job(Path("/c/bob/projet.py"), Path("/c"), "ReLU"))
    assert bar.under_way() == "anne/projet.py TanH 7 s, bob/projet.py ReLU"
    bar.end(slow)
    assert bar.under_way() == "bob/projet.py ReLU"


def test_students_are_told_as_they_come(tmp_path, capsys):
    """Before the table, and before a slow one is done."""
    hand_in(tmp_path / "anne", projet=TANH)
    hand_in(tmp_path / "bob", projet=TANH.replace("return np.tanh(X)", "time.sleep(99)"))
    run(tmp_path, "--quiet", "--timeout", "2")
    printed = capsys.readouterr().out
    assert printed.index("✓ anne") < printed.index("✗ bob") < printed.index("student")


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize("options", [["--jobs", "0"], ["--timeout", "-1"], ["--students", "all"]])
def test_options_that_cannot_be_meant_are_refused(tmp_path, options):
    with pytest.raises(SystemExit):
        run(tmp_path, *options)


def test_a_system_without_the_sandbox_is_told(tmp_path, monkeypatch, capsys):
    from diynn.checking.course import console

    monkeypatch.setattr(console, "missing_features", lambda: "Landlock")
    hand_in(tmp_path, projet=TANH)
    run(tmp_path / "projet.py")
    assert "this system lacks Landlock" in capsys.readouterr().out


def test_what_is_not_begun_when_the_time_of_the_run_is_over_is_told_and_left_to_the_next(
    tmp_path, monkeypatch, capsys
):
    """The clock leaps when the first class is judged: the run goes to its end, and keeps what it has seen."""
    clock = [0.0]
    monkeypatch.setattr("diynn.checking.files.grade.monotonic", lambda: clock[0])
    monkeypatch.setattr(ProgressBar, "begin", lambda self, job: clock.__setitem__(0, clock[0] + 1000))
    monkeypatch.chdir(tmp_path)
    for name in ("ada", "bob"):
        hand_in(tmp_path / "work" / name, a=TANH)
    (tmp_path / "diynn.toml").write_text('language = "en"\ntotal_timeout = 600\n[classes]\nTanh = 4\n')
    options = ["work", "--course", "diynn.toml", "--csv", "points.csv", "--jobs", "1", "--quiet"]
    assert main(["check", *options]) == 3
    said = capsys.readouterr().out
    assert "not looked at: the 600 s of the whole run were over" in said.replace("\n", " ")
    assert main(["check", *options]) == 0
    assert "2 of 2 students" in capsys.readouterr().out
    rows = (tmp_path / "points.csv").read_text(encoding="utf-8-sig").splitlines()[1:]
    assert [row.split(",")[1] for row in rows] == ["4", "4"]


@pytest.mark.skipif(os.name == "nt", reason="there the clock alone limits a class")
def test_a_busy_machine_takes_no_points(tmp_path):
    """A class has a processor's time: to wait, as for others at work, is no endless loop."""
    waits = "import time\n" + TANH.replace("(Module):", "(Module):\n    slept = time.sleep(1.5)")
    hand_in(tmp_path / "ada", a=waits)
    hand_in(tmp_path / "bob", a=TANH.replace("return np.tanh(X)", "while True: pass"))
    one, other = grade(find([tmp_path]), Plan(limits=Limits(1.0)))
    assert one.ok, one.reports
    (ended,) = [each for each in other.reports[0].failed if each.property == "run"]
    assert ended.message == "timeout"
    assert ended.words["seconds"] == "1"


def test_a_file_that_is_not_listed_in_time_is_told(tmp_path, capsys):
    hand_in(tmp_path / "ada", a=TANH)
    hand_in(tmp_path / "bob", a=TANH)
    (found, other) = grade(find([tmp_path]), Plan(limits=Limits(total=-1.0)))
    assert "not looked at" in found.problems[0].say("en")
    assert not found.ok
    assert other.problems
