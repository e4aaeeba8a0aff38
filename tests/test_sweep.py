"""Many runs: kept one by one, resumed after a kill, failures among the rows."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import diynn
from diynn.execution.choice import at_most, cores
from diynn.plots import main_effects
from tests.sweep_programs import STUDY, autoencoder

joblib = pytest.importorskip("joblib", reason="no joblib: pip install 'diynn[sweep]'")

ROOT = Path(__file__).parent.parent
KILLS = int(os.environ.get("DIYNN_KILLS", "3"))  # CONTRIBUTING.md has the long run
GRID = {"number": [1, 2, 3], "scale": [0.5, 2.0]}


def times(number, scale=1.0):
    return {"product": number * scale, "name": f"{number} times {scale}"}


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# ------------------------------------------------------------------ rows


@pytest.mark.parametrize("workers", [1, 2])
def test_all_combinations_in_the_order_of_the_grid_with_a_line_each(tmp_path, workers):
    seen = []
    path = tmp_path / "study.jsonl"
    study = diynn.sweep(times, GRID, path, workers=workers, each=seen.append, progress=False)
    assert [row["configuration"] for row in study] == [
        {"number": number, "scale": scale} for number in (1, 2, 3) for scale in (0.5, 2.0)
    ]
    assert [row["result"]["product"] for row in study] == [0.5, 2.0, 1.0, 4.0, 1.5, 6.0]
    assert all(row["seconds"] > 0 for row in study)
    assert len({row["key"] for row in study}) == len(study) == 6
    assert study.failures == []
    assert seen == rows_of(path)  # as they end
    assert sorted(seen, key=str) == sorted(study, key=str)


def test_a_study_goes_on_where_it_was_and_grows(tmp_path):
    called = []

    def function(number):
        called.append(number)
        return float(number)

    path = tmp_path / "study.jsonl"
    settings = {"workers": 1, "progress": False}
    diynn.sweep(function, {"number": [1, 2]}, path, **settings)
    study = diynn.sweep(function, {"number": [3, 2]}, path, **settings)
    assert called == [1, 2, 3]
    assert [row["result"] for row in study] == [{"value": 3.0}, {"value": 2.0}]
    assert diynn.sweep(function, [{"number": 2}], path, **settings).rows == study[1:]
    with path.open("ab") as file:
        file.write(b'{"key": "half a li')
    assert diynn.sweep(function, {"number": [1, 2, 3, 4]}, path, **settings)[3]["result"] == {"value": 4.0}
    assert called == [1, 2, 3, 4]
    assert len(rows_of(path)) == 4


def test_without_a_file_and_with_numbers_of_numpy():
    study = diynn.sweep(
        lambda n: {"root": np.sqrt(n), "all": np.arange(n), "same": n.dtype == np.int64},
        {"n": np.arange(1, 3)}, workers=1, progress=False,
    )  # fmt: skip
    assert [row["configuration"] for row in study] == [{"n": 1}, {"n": 2}]
    assert study[1]["result"] == {"root": np.sqrt(2), "all": [0, 1], "same": True}


def test_of_a_history_the_last_values_are_kept():
    settings = {name: values[0] for name, values in STUDY.items()} | {"epochs": 2}
    row = diynn.sweep(autoencoder, [settings], workers=1, progress=False)[0]
    assert row["result"]["cost"] == autoencoder(**settings)["cost"][-1]


def test_a_failure_is_a_row_that_may_be_tried_again(tmp_path):
    def function(number):
        if number == 2 and not (tmp_path / "mended").exists():
            raise ValueError("two is not allowed")
        return number

    path, grid = tmp_path / "study.jsonl", {"number": [1, 2, 3]}
    for _ in range(2):
        study = diynn.sweep(function, grid, path, workers=1, progress=False)
        assert [row.get("error") for row in study] == [None, "ValueError: two is not allowed", None]
        assert "line" in study.failures[0]["traceback"]
        assert study.to_dict()["value"] == [1, None, 3]
        assert "two is not allowed" in repr(study)
    (tmp_path / "mended").touch()
    study = diynn.sweep(function, grid, path, workers=1, retry=True, progress=False)
    assert study.to_dict()["value"] == [1, 2, 3]
    assert len(rows_of(path)) == 4
    assert diynn.sweep(function, grid, path, workers=1, progress=False).failures == []


def test_what_cannot_be_kept_is_a_failure_of_the_run():
    row = diynn.sweep(lambda n: {"net": diynn.Tanh()}, {"n": [1]}, workers=1, progress=False)[0]
    wanted = "TypeError: sweep: numbers, words, None and lists of them can be kept, got "
    assert row["error"].startswith(wanted)


# ------------------------------------------------------------------ workers


def test_a_run_that_kills_its_worker_is_a_row_and_takes_no_other_with_it(tmp_path):
    def function(number):
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    study = diynn.sweep(function, {"number": range(6)}, tmp_path / "study.jsonl", workers=2, progress=False)
    assert study.to_dict()["value"] == [0, 1, 2, None, 4, 5]
    assert [row.get("error") for row in study.failures] == ["its worker died, twice"]
    assert len(rows_of(tmp_path / "study.jsonl")) == 6


def test_a_worker_that_is_killed_from_outside_costs_no_run(tmp_path):
    victim = tmp_path / "pid"

    def function(number):
        if number == 2 and not victim.exists():
            victim.write_text(str(os.getpid()), encoding="utf-8")
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    study = diynn.sweep(function, {"number": range(5)}, workers=2, progress=False)
    assert study.to_dict()["value"] == [0, 1, 2, 3, 4]


def test_a_run_has_one_thread_unless_it_asks_for_more():
    def threads(seed):
        from diynn.execution import Threads

        x = np.ones((8192, 256))
        net = diynn.Linear(256, 256, rng=seed)
        return {"auto": Threads().plan(net, x).shares, "asked": Threads(3).plan(net, x).shares}

    study = diynn.sweep(threads, {"seed": [0, 1]}, workers=2, progress=False)
    assert [row["result"] for row in study] == [{"auto": 1, "asked": 3}] * 2
    with at_most(1):
        assert cores() == 1


def test_a_large_array_of_the_function_may_be_written_to():
    values = np.zeros(300_000)  # joblib hands it on through a file

    def function(number):
        values[:] = number
        return float(values.sum())

    study = diynn.sweep(function, {"number": [1, 2]}, workers=2, progress=False)
    assert study.to_dict()["value"] == [300_000, 600_000]
    assert values.sum() == 0


def start(path, count=24):
    """Start a study of ``count`` runs."""
    command = [sys.executable, "-m", "tests.sweep_programs", "killed", str(path), str(count)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_killed_and_started_again_no_run_is_done_twice_or_lost(tmp_path):
    path, draw = tmp_path / "study.jsonl", random.Random(0)
    log, count, lines = path.with_suffix(".log"), 16 * KILLS, 0
    for kill in range(KILLS):
        done = {_name(row) for row in whole_rows(path)}
        process = start(path, count)
        while kill % 2 == 0 and len(whole_rows(path)) == len(done):  # every other time it gets somewhere
            time.sleep(0.02)
        time.sleep(draw.uniform(0, 0.4))
        assert process.poll() is None  # there is too much to do
        process.kill()
        process.wait()
        time.sleep(0.4)  # workers have ended by then, and begin nothing more
        begun = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        assert done.isdisjoint(begun[lines:])
        lines = len(begun)
    assert start(path, count).wait(timeout=60) == 0
    rows = rows_of(path)
    assert len({row["key"] for row in rows}) == len({_name(row) for row in rows}) == len(rows) == count


def _name(row):
    return f"{row['configuration']['number']} {row['configuration']['scale']}"


def whole_rows(path):
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def test_workers_end_with_their_parent(tmp_path):
    path = tmp_path / "study.jsonl"
    process = start(path)
    while not whole_rows(path):
        time.sleep(0.02)
    process.kill()
    process.wait()
    workers = {row["result"]["pid"] for row in whole_rows(path)}
    begin = time.monotonic()
    while any(Path(f"/proc/{each}").exists() and not _is_zombie(each) for each in workers):
        assert time.monotonic() - begin < 10
        time.sleep(0.05)


def _is_zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_two_sweeps_do_not_write_to_one_file(tmp_path):
    path = tmp_path / "study.jsonl"

    def function(number):
        with pytest.raises(RuntimeError, match=r"sweep: another sweep is writing to .*study\.jsonl"):
            diynn.sweep(times, GRID, path, workers=1, progress=False)
        return number

    assert not diynn.sweep(function, {"number": [1]}, path, workers=1, progress=False).failures


def test_a_dask_worker_that_is_killed_costs_its_run_alone(tmp_path):
    distributed = pytest.importorskip("distributed", reason="no dask: pip install 'dask[distributed]'")
    log = tmp_path / "log"

    def function(number):
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{number}\n")
        if number == 3 and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            time.sleep(0.5)  # what the worker did before has been fetched by then
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.1)
        return number

    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sockets that dask leaves to the garbage collector
        with distributed.Client(**settings), joblib.parallel_config("dask"):
            study = diynn.sweep(function, {"number": range(12)}, tmp_path / "study.jsonl", progress=False)
    assert study.to_dict()["value"] == list(range(12))
    begun = log.read_text(encoding="utf-8").split()
    assert sorted(begun, key=int) == sorted([*map(str, range(12)), "3"], key=int)


# ------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("function", "grid", "options", "error", "words"),
    [
        (times, {}, {}, ValueError, "`grid` must hold a configuration at least, got none"),
        (times, {"number": []}, {}, ValueError, "`grid` must hold a configuration at least, got none"),
        (times, {"number": "abc"}, {}, TypeError, r"`grid\['number'\]` must be a list of values, got 'abc'"),
        (times, {"number": 3}, {}, TypeError, r"`grid\['number'\]` must be a list of values, got 3"),
        (times, {"numbr": [3]}, {}, TypeError, "`function` must take the keywords numbr: missing a required"),
        (3, {"number": [3]}, {}, TypeError, "`function` must be a function, got 3"),
        (times, {"number": [diynn.Tanh]}, {}, TypeError, "numbers, words, None and lists of them can"),
        (times, GRID, {"workers": 0}, ValueError, "`workers` must be a positive integer, got 0"),
    ],
)  # fmt: skip
def test_what_is_refused(function, grid, options, error, words):
    with pytest.raises(error, match="sweep: " + words):
        diynn.sweep(function, grid, progress=False, **options)


def test_a_file_of_something_else_is_left_as_it_is(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text('{"key": "k"}\nsomething else\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"sweep: line 2 of .*notes\.txt is no row of a sweep"):
        diynn.sweep(times, GRID, path, progress=False)
    assert path.read_text(encoding="utf-8") == '{"key": "k"}\nsomething else\n'


def test_without_joblib(monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(ImportError, match=r'sweep needs joblib: pip install "diynn\[sweep\]"'):
        diynn.sweep(times, GRID, workers=1, progress=False)


def test_table_figure_and_bar(capsys):
    study = diynn.sweep(times, GRID, workers=1)
    assert "6/6" in capsys.readouterr().err
    lines = repr(study).splitlines()
    assert lines[0].split() == ["number", "scale", "product", "name", "seconds"]
    assert lines[2].split()[:3] == ["1", "0.5", "0.5"]
    assert study._repr_html_().count("<tr>") == 7
    ax = study.plot()
    assert ax.get_ylabel() == "product"
    assert [each.get_text() for each in ax.get_xticklabels()] == ["1", "2\nnumber", "3", "0.5\nscale", "2.0"]
    medians = [float(line.get_ydata()[0]) for line in ax.lines if line.get_marker() == "_"]
    assert medians == [1.25, 2.5, 3.75, 1.0, 4.0]
    with pytest.raises(ValueError, match=r"Sweep\.plot: `value` must be one of product, name, got 'cost'"):
        study.plot("cost")


def test_factors_of_one_level_are_not_drawn_unless_there_is_no_other():
    ax = main_effects({"a": [1, 2], "b": [3, 3]}, [0.1, 0.2])
    assert [each.get_text() for each in ax.get_xticklabels()] == ["1\na", "2"]
    ax = main_effects({"b": [3, 3]}, [0.1, 0.2], ax=ax)
    assert "3\nb" in [each.get_text() for each in ax.get_xticklabels()]
    with pytest.raises(
        ValueError, match=r"main_effects: `factors` and `values` must hold a factor and a run"
    ):
        main_effects({}, [])
    with pytest.raises(
        ValueError, match=r"main_effects: `factors\['a'\]` must hold a level for each of 2 runs, got 1"
    ):
        main_effects({"a": [1]}, [0.1, 0.2])
