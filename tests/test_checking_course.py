"""The course file, points, students and zip files."""

import os
import random
import re
import zipfile
from pathlib import Path

import pytest

from diynn.checking.course.archive import MOST_FILES, ArchiveError, unpack
from diynn.checking.course.course import Course, CourseError, Required, read_course
from diynn.checking.course.points import earned, share
from diynn.checking.course.students import students_of
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.results import Result, Verdict
from diynn.checking.reporting.students import StudentReport
from tests.handed_in import HEAD, MSE, TANH, hand_in, points_of, run

LAZY = TANH.replace("delta * (1 - np.tanh(input) ** 2)", "delta")
COURSE = 'language = "en"\n[classes]\nTanh = 4\nMSELoss = 2\n'


def results(**verdicts):
    return [Result(name, Verdict(verdict), message="after" if verdict == "skipped" else "")
            for name, verdict in verdicts.items()]  # fmt: skip


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


def test_a_class_earns_by_what_its_properties_weigh():
    """By hand: 1 + 3 of 1 + 3 + 6; the other properties earn nothing if the gradient is wrong."""
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
