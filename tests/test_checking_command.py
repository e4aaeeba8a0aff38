"""The command on hostile and broken files, and on folders of students."""

import json
import os
import re
import sys
from pathlib import Path
from time import perf_counter

import pytest

from diynn.checking.files.grade import Job, JudgePool, Limits, grade
from tests.handed_in import HEAD, TANH, find, run

SOLUTION = Path(__file__).parent / "zoo" / "files" / "solution.py"


def verdict(tmp_path, body, timeout=60.0):
    """Judge a ReLU whose forward is ``body``, in a file with a right TanH."""
    path = tmp_path / "student.py"
    inner = "\n".join(f"        {line}" for line in body.splitlines())
    path.write_text(
        f"{HEAD}{TANH}class ReLU(Module):\n    def forward(self, X):\n{inner}\n"
        "        return np.maximum(X, 0)\n"
        "    def backward_delta(self, input, delta):\n        return delta * (input > 0)\n"
    )
    with JudgePool(Limits(timeout)) as pool:
        bad = pool.judge(Job(path, tmp_path, "ReLU"))
    with JudgePool(Limits(60)) as pool:
        good = pool.judge(Job(path, tmp_path, "TanH"))
    assert good.ok, str(good)
    return bad


# ---------------------------------------------------------------- what costs one verdict and not the run


def test_nothing_is_wrong_with_a_class_that_behaves(tmp_path):
    assert verdict(tmp_path, "pass").ok


def test_an_endless_loop_costs_one_verdict(tmp_path):
    start = perf_counter()
    report = verdict(tmp_path, "while True: pass", timeout=3.0)
    assert "stopped after 3 s" in report["run"].say("en")
    assert perf_counter() - start < 15


def test_a_sleep_without_end_costs_one_verdict(tmp_path):
    assert "stopped after 2 s" in verdict(tmp_path, "time.sleep(1000)", timeout=2.0)["run"].say("en")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("os._exit(0)", "exit 0"),
        ("os.abort()", "SIGABRT"),
        ("sys.exit(3)", "SystemExit"),
        ("return self.forward(X)", "RecursionError"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("np.ones((10 << 30) // 8)", "more memory is asked for"),
        ("a = [0]\nwhile True: a = a + a", "more memory is asked for"),
        ("raise KeyboardInterrupt", "SIGINT"),
        ("os.close(3); os.closerange(3, 50)", ""),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the names of signals, and limits of memory")
def test_a_crash_or_a_large_allocation_costs_one_verdict(tmp_path, body, told):
    report = verdict(tmp_path, body)
    assert not report.ok
    assert told in str(report)


def test_what_was_found_before_a_crash_is_kept(tmp_path):
    report = verdict(tmp_path, "self.n = getattr(self, 'n', 0) + 1\nif X.max() > 500: os._exit(1)")
    assert "delta" in [result.property for result in report.results]
    assert "finite at extremes" in report["run"].say("en")


@pytest.mark.parametrize(
    "body",
    ["import subprocess; subprocess.run(['true'])", "os.system('true')", "os.fork()",
     "import socket; socket.create_connection(('127.0.0.1', 9))", "open('/tmp/diynn-escaped', 'w')",
     "os.remove('/tmp/diynn-escaped')", "os.kill(os.getppid(), 0)"],
)  # fmt: skip
def test_what_no_module_needs_is_refused(tmp_path, body):
    assert "PermissionError" in str(verdict(tmp_path, body))


def test_files_may_be_written_in_the_folder_of_the_check_and_are_gone_after(tmp_path):
    report = verdict(tmp_path, "open('mine', 'w').write(os.getcwd())")
    assert report.ok, str(report)
    assert not (tmp_path / "mine").exists()


def test_the_environment_holds_no_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("DIYNN_SECRET_TOKEN", "hush")
    report = verdict(tmp_path, "assert not {'DIYNN_SECRET_TOKEN', 'PATH'} & set(os.environ), os.environ")
    assert report.ok, str(report)


def test_prints_and_lines_that_are_no_results_do_no_harm(tmp_path):
    body = """
print('{"result": 3}')
for i in range(3, 9):
    try: os.write(i, b'{"result": {"property": 1}}\\n[]\\nx')
    except OSError: pass
""".strip()
    report = verdict(tmp_path, body)
    assert report.results


def test_what_a_class_leaves_running_is_killed(tmp_path):
    report = verdict(tmp_path, "import threading\nthreading.Thread(target=time.sleep, args=(1000,)).start()")
    assert report.name == "ReLU"  # with or without a thread, the worker has ended


def test_a_line_that_is_not_run_is_named(tmp_path):
    path = tmp_path / "student.py"
    path.write_text(HEAD + "data = np.load('x.npy')\n" + TANH.replace("np.tanh(X)", "np.tanh(X) + data"))
    (found,) = grade(find([path]))
    assert "`data` is defined by a line that is not run" in str(found.reports[0])


# ---------------------------------------------------------------- files and folders


def test_one_class_takes_less_than_two_seconds():
    with JudgePool() as pool:
        for name in ("Conv1D", "Softmax", "Linear"):
            start = perf_counter()
            assert pool.judge(Job(SOLUTION, SOLUTION.parent, name)).ok
            assert perf_counter() - start < 2 * SLACK


#: Continuous integration may be slow, and runs other tests beside this one.
SLACK = float(os.environ.get("DIYNN_SLACK", "2"))


def test_all_of_the_sheet_is_right_in_less_than_twenty_seconds(capsys):
    start = perf_counter()
    assert run(SOLUTION) == 0
    assert perf_counter() - start < 20 * SLACK
    printed = capsys.readouterr().out
    assert printed.count("✓") == 15
    assert "✗" not in printed


@pytest.fixture
def folder(tmp_path):
    """Return a folder of forty students: one is wrong, one has a syntax error."""
    for number in range(40):
        (tmp_path / f"student{number:02}").mkdir()
        (tmp_path / f"student{number:02}" / "projet.py").write_text(HEAD + TANH)
    (tmp_path / "student07" / "projet.py").write_text(HEAD + TANH.replace("** 2", ""))
    (tmp_path / "student08" / "projet.py").write_text("class TanH(:\n")
    return tmp_path


def test_a_folder_of_forty_students_is_judged_in_parallel(folder, tmp_path_factory, capsys):
    out = tmp_path_factory.mktemp("out")
    assert run(folder, "--quiet", "--json", out / "all.json", "--gradescope", out / "scores") == 1
    printed = capsys.readouterr().out
    assert "38 of 40 students are right in everything" in printed
    assert re.search(r"student07 +✗", printed)
    assert "projet.py:1 is not Python" in printed
    everything = json.loads((out / "all.json").read_text())
    assert [each["ok"] for each in everything["students"]].count(True) == 38
    assert everything["students"][7]["files"][0]["classes"][0]["mistakes"] == ["tanh.no_square"]
    (test,) = json.loads((out / "scores" / "student07" / "results.json").read_text())["tests"]
    assert (test["name"], test["status"], test["score"], test["max_score"]) == ("TanH", "failed", 0, 1)
    assert "1 - tanh(x) where 1 - tanh(x)² is due" in test["output"]
    (test,) = json.loads((out / "scores" / "student09" / "results.json").read_text())["tests"]
    assert (test["status"], test["score"]) == ("passed", 1)


class Recorder:
    """Records the progress of a run."""

    def __init__(self):
        self.steps, self.begun, self.ended = [], [], []

    def begin(self, job):
        self.begun.append(job.name)

    def end(self, job):
        self.ended.append(job.name)

    def tick(self, done, total):
        self.steps.append((done, total))


def test_progress_is_told_class_by_class(folder):
    progress = Recorder()
    grade(dict(list(find([folder]).items())[:6]), progress=progress)
    assert progress.steps[0] == (0, 6)
    assert progress.steps[-1] == (6, 6)
    assert progress.begun == progress.ended == ["TanH"] * 6


def test_a_notebook_and_french(tmp_path, capsys):
    path = tmp_path / "n.ipynb"
    cells = ["%matplotlib inline\nimport numpy as np", TANH.replace("(1 - np.tanh(input) ** 2)", "1")]
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]}))
    assert run(path, "--lang", "fr") == 1
    printed = capsys.readouterr().out
    assert "`delta` est renvoyé tel quel" in printed
    assert "[n.ipynb[2]:4]" in printed


def test_a_file_without_classes_does_not_pass(tmp_path, capsys):
    path = tmp_path / "student.py"
    path.write_text("x = 1\n")
    assert run(path) == 1
    assert "no class of a module or a loss is found" in capsys.readouterr().out


def test_a_class_of_another_subject_neither_passes_nor_fails(tmp_path):
    path = tmp_path / "student.py"
    path.write_text(
        HEAD + TANH + "class Attention(Module):\n    def __init__(self, heads, width): pass\n"
        "    def forward(self, X): return X\n    def backward_delta(self, input, delta): return delta\n"
    )
    assert run(path) == 0


def test_a_path_that_is_not_there_is_an_error(tmp_path, capsys):
    assert run(tmp_path / "nothing.py") == 2
    assert "must be a file or a folder" in capsys.readouterr().err


def test_a_folder_without_files_is_an_error(tmp_path, capsys):
    assert run(tmp_path) == 2
    assert "no .py file or notebook" in capsys.readouterr().err
