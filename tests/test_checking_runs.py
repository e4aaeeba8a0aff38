"""Runs of ``diynn check``: the cache of verdicts, interrupts, time limits, progress, options."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from diynn.checking.course.progress import ProgressBar
from diynn.checking.files.grade import Job, Limits, Plan, grade
from diynn.checking.reporting.report import FileReport
from diynn.cli import main
from tests import sixty_students
from tests.handed_in import MSE, TANH, WRONG, command, find, hand_in, run

#: Whether all sixty students are judged: ``DIYNN_SIXTY=1 pytest tests/test_checking_runs.py -k stopped -s``.
SIXTY = bool(os.environ.get("DIYNN_SIXTY"))


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
    """Interrupted by SIGINT and SIGKILL at random times, then run to the end."""
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


def test_the_bar_names_what_is_running_and_what_is_slow(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    bar = ProgressBar()
    slow = Job(Path("/c/anne/projet.py"), Path("/c"), "TanH")
    bar.begin(slow)
    now[0] = 107.0
    bar.begin(Job(Path("/c/bob/projet.py"), Path("/c"), "ReLU"))
    assert bar.running_jobs() == "anne/projet.py TanH 7 s, bob/projet.py ReLU"
    bar.end(slow)
    assert bar.running_jobs() == "bob/projet.py ReLU"


def test_students_are_told_as_they_come(tmp_path, capsys):
    """Before the table, and before a slow student is finished."""
    hand_in(tmp_path / "anne", projet=TANH)
    hand_in(tmp_path / "bob", projet=TANH.replace("return np.tanh(X)", "time.sleep(99)"))
    run(tmp_path, "--quiet", "--timeout", "2")
    printed = capsys.readouterr().out
    assert printed.index("✓ anne") < printed.index("✗ bob") < printed.index("student")


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
    """The clock is set forward when the first class is judged; its verdict is cached."""
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
    """The limit is processor time: waiting for a busy processor is not an endless loop."""
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
