"""The benchmarks are fair: all contenders do the same work, and one that does not is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import end_to_end
import equality
import import_time
import layers
import machine
import numpy as np
import pytest
import report
import saving
import scaling
import starts
import training_step
import verdicts
from contenders import CONTENDERS, Contender, floor, traffic
from harness import STEPS, Cell, DisagreementError, Figure, Race, check, read
from worker import Seat
from workloads import WORKLOADS, Workload

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"

# ------------------------------------------------------------------ the same work


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=list(WORKLOADS))
@pytest.mark.parametrize("name", [name for name in CONTENDERS if name not in ("diynn", "floor", "traffic")])
def test_a_contender_finds_the_costs_that_diynn_finds(name, workload, monkeypatch):
    if name == "torch-compile":  # what is compiled is what is tested; the compiler itself takes minutes
        torch = pytest.importorskip("torch")
        monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    found = {}
    for each in ("diynn", name):
        seat = Seat(CONTENDERS[each], threads=1, backend="numpy")
        reason = seat.build(workload, 3)
        if reason is not None:
            pytest.skip(reason)
        found[each] = seat.costs(STEPS)
    check(workload.name, 3, found)


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=list(WORKLOADS))
def test_the_floor_makes_the_products_of_a_step(workload):
    products = workload.products()
    operations = [rows * k * n for rows, k, n in products]
    wanted = 3 * sum(operations) - operations[0]  # forward, gradient, delta; not the delta of the data
    step = floor.ProductStep(workload, 7, 2, 2, "numpy")
    step.step()
    made = sum(b.shape[0] * out.size for calls in step.shares for _, _, b, out in calls)
    assert made == wanted * 8  # two threads take four examples each


def test_the_traffic_is_that_of_all_arrays():
    # 256 inputs, and 100, 100, 10, 10, 100, 100, 256 values after the layers with as many deltas.
    parameters = 256 * 100 + 100 + 100 * 10 + 10 + 10 * 100 + 100 + 100 * 256 + 256
    assert traffic.values(WORKLOADS["a"], 2) == 2 * (256 + 2 * 676) + 2 * parameters


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=list(WORKLOADS))
def test_data_and_weights_are_the_same_for_everybody(workload):
    for first, second in zip(workload.data(4), workload.data(4), strict=True):
        np.testing.assert_array_equal(first, second)
    for first, second in zip(workload.weights(), workload.weights(), strict=True):
        assert all(np.array_equal(a, b) and a.dtype == np.float32 for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_split_batch_has_the_gradient_of_the_whole(dtype):
    whole, worst = equality.difference(WORKLOADS["b"], 64, dtype, threads=2)
    assert whole <= worst <= {"float32": 1e-5, "float64": 1e-13}[dtype]


# ------------------------------------------------------------------ refusal


@pytest.mark.parametrize(
    "other",
    [
        [10.0, 9.0, 8.1],  # another net
        [9.0, 8.9, 8.79],  # the same cost, and another gradient
        [9.0, float("nan"), 8.0],
    ],
)
def test_costs_that_differ_are_refused_with_the_numbers(other):
    with pytest.raises(
        DisagreementError, match=r"workload a at batch 8(.|\n)*right +9 +8(.|\n)*wrong"
    ) as error:
        check("a", 8, {"right": [9.0, 8.0, 7.0], "wrong": other})
    assert f"{other[0]:g}" in str(error.value)


def test_costs_that_do_not_fall_are_refused():
    with pytest.raises(DisagreementError, match="hardly fall"):
        check("a", 8, {"one": [9.0, 9.0], "other": [9.0, 9.0]})


MADE_UP = """
import os
from contenders import byhand
from contenders.byhand import available

class Wrong(byhand.HandStep):
    def step(self):
        self.eps *= 1.1  # every gradient is a little too large
        super().step()

class Mortal(byhand.HandStep):
    def seconds(self, steps):
        os._exit(3)

def build(workload, batch, threads, backend, kind):
    return {"wrong": Wrong, "mortal": Mortal}[kind](workload, batch)

def available(workload, backend, kind):
    return None
"""


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Contenders that are not what they should be."""
    (tmp_path / "made_up_contender.py").write_text(MADE_UP)
    monkeypatch.syspath_prepend(tmp_path)
    for kind in ("wrong", "mortal"):
        monkeypatch.setitem(CONTENDERS, kind, Contender("made_up_contender", {"kind": kind}))
    monkeypatch.setitem(CONTENDERS, "absent", Contender("no_such_module"))


def test_a_contender_that_computes_something_else_is_refused(made_up):
    with Race(threads=1) as race, pytest.raises(DisagreementError, match="wrong"):
        race.cell(WORKLOADS["a"], 8, ["byhand", "wrong"], rounds=1, seconds=0.01)


def test_contenders_that_die_or_are_missing_are_reported_and_the_others_go_on(made_up):
    with Race(threads=1) as race:
        cell = race.cell(WORKLOADS["a"], 8, ["mortal", "byhand", "absent"], rounds=1, seconds=0.01)
    assert list(cell.figures) == ["byhand"]
    assert cell.missing == {
        "mortal": "its process ended with code 3",
        "absent": "no_such_module is not installed",
    }
    assert 0 < cell.figures["byhand"].minimum <= cell.figures["byhand"].median < 1


# ------------------------------------------------------------------ arithmetic


def cell(workload, batch, **milliseconds):
    """Make a cell of figures; an underscore stands for the @ of a label, two for a hyphen."""
    labels = {name.replace("__", "-").replace("_", "@"): value for name, value in milliseconds.items()}
    return Cell(workload, batch, {name: Figure(value, value, 9) for name, value in labels.items()})


def test_the_best_peer_is_the_fastest_framework_and_neither_diynn_nor_the_floor():
    one = cell("a", 8, diynn=2, diynn__serial=1, floor=1, torch=6, jax=5, jax_1=3, byhand_1=1)
    assert verdicts.best_peer(one) == ("jax@1", Figure(3, 3, 9))
    assert verdicts.lead(one) == 1.5
    assert verdicts.default_lead(one) == 2.5
    assert verdicts.over_floor(one) == 2
    assert verdicts.choice(one) == 2
    assert verdicts.lead(cell("a", 8, diynn=2, floor=1)) is None


def test_the_floor_is_the_larger_of_two():
    assert verdicts.over_floor(cell("a", 8, diynn=6, floor=2, traffic=3)) == 2


def test_verdicts_say_what_holds_and_what_falls_short():
    cells = [
        cell("a", 1, diynn=1, torch=3, torch__compile=1.5, jax=0.5),
        cell("a", 64, diynn=1.2, byhand_1=1),
        cell("a", 512, diynn=3, diynn__serial=3, floor=2, torch=6),
        cell("b", 2048, diynn=2, diynn__serial=1, diynn__threads=2, jax=1),
        cell("a", 2048, diynn=2, diynn_1=3.6, floor=1.9, jax=4),
    ]
    differences = {"float32": (5e-7, 2e-6), "float64": (1e-12, 1e-12)}
    judged = verdicts.on_cpu(cells, 2, differences)
    assert [(each.holds, each.measured) for each in judged] == [
        (False, "2 of 3, the worst 0.50; short: b/2048 0.50"),
        (False, "2 of 3, the worst 0.50; short: b/2048 0.50"),
        (False, "1.26 over 3 cells"),
        (False, "1.26 over 3 cells"),
        (True, "2 of 2, the worst 1.50"),
        (True, "1 of 1, the worst 1.80"),
        (True, "1 of 1, the worst 3.00"),
        (False, "0 of 1, the worst 1.50; short: a/1 1.50"),
        (None, "-"),
        (False, "0 of 1, the worst 2.00; short: a/1 2.00"),
        (False, "0 of 1, the worst 1.20; short: a/64 1.20"),
        (False, "1 of 2, the worst 2.00; short: b/2048 2.00"),
        (True, "5.0e-07 of the whole gradient, 2.0e-06 of the worst array"),
        (False, "1.0e-12 of the whole gradient, 1.0e-12 of the worst array"),
    ]
    assert str(judged[8]) == "not measured  batch 1: sklearn takes twice diynn's time: -"
    assert str(judged[9]).startswith("FALLS SHORT   batch 1: within 1.5 of jax: 0 of 1")


def test_verdicts_on_a_gpu():
    cells = [
        cell("a", 32, diynn=4, torch=6, jax=2, torch__compile=8, floor=1, diynn__numpy=1),
        cell("a", 512, diynn=4, torch=6, jax=8, torch__compile=4, floor=3, traffic=2, diynn__numpy=5),
        cell("a", 2048, diynn=4, torch=6, jax=8, torch__compile=4, floor=1, traffic=3, diynn__numpy=50),
    ]
    assert [verdict.holds for verdict in verdicts.on_gpu(cells)] == [True, True, True, True]
    assert verdicts.break_even(cells, "a") == 512
    assert verdicts.break_even(cells, "b") is None
    assert verdicts.break_even(cells[:1], "a") is None


def test_peers_run_on_one_thread_as_well_where_batches_are_small():
    assert training_step.labels("a", 8, ["torch", "floor"], threads=2)[4:] == ["torch", "torch@1", "floor"]
    assert training_step.labels("a", 2048, ["torch"], threads=2)[4:] == ["diynn@1", "torch"]
    assert training_step.labels("b", 2048, ["jax@1"], threads=2)[4:] == ["jax@1"]
    assert training_step.labels("a", 8, ["torch"], threads=1)[4:] == ["torch"]


def test_a_sweep_of_threads_ends_at_all_of_them():
    assert [point.size for point in scaling.points("threads", 6)] == [1, 2, 4, 6]
    for sweep in scaling.SWEEPS:
        assert all(isinstance(point.workload, Workload) for point in scaling.points(sweep, 2))


# ------------------------------------------------------------------ the scripts


def test_the_command_line_times_a_cell_and_writes_it(tmp_path):
    out = tmp_path / "out.json"
    command = ["training_step.py", "--workload", "a", "--batch", "8", "--rounds", "1", "--seconds", "0.01"]
    result = subprocess.run(
        [sys.executable, "-W", "error", *command, "--peers", "floor", "--json", str(out)],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert "autoencoder 256-100-10-100-256" in result.stdout
    assert "diynn / floor" in result.stdout
    assert "BLAS of diynn: openblas" in result.stdout
    written = json.loads(out.read_text())
    assert str(tmp_path) not in json.dumps(written)
    assert set(written) == {"script", "command", "date", "machine", "versions", "results"}
    (only,) = read(written["results"]["cells"])
    assert set(only.figures) == {"diynn", "diynn-played", "diynn-serial", "diynn-threads", "floor"}
    assert only.missing == {}


def test_a_run_without_a_gpu_is_skipped_with_a_reason(monkeypatch, capsys):
    monkeypatch.setattr(machine, "gpu", lambda: None)
    assert training_step.main(["--backend", "cupy"]) == 0
    assert "skipped: --backend cupy needs a CUDA GPU" in capsys.readouterr().out


def test_unknown_names_are_refused(capsys):
    with pytest.raises(SystemExit):
        training_step.main(["--workload", "e"])
    assert "no e; there are a, b, c, d" in capsys.readouterr().err


def test_each_module_is_timed_with_its_twin_and_without(capsys):
    assert layers.main(["--batch", "2", "--rounds", "1", "--module", "ReLU,CrossEntropyLoss"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]] == [
        "ReLU",
        "ReLU",
        "CrossEntropyLoss",
    ]


def test_starts_are_compared_at_the_step_size_that_serves_each_best(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(starts, "SEEDS", (0, 1))
    monkeypatch.setitem(starts.NETS, "xor", replace(starts.NETS["xor"], steps=200, sizes=(1e-9, 0.1, 1e9)))
    out = tmp_path / "out.json"
    assert starts.main(["--nets", "xor", "--laws", "glorot", "--threads", "1", "--json", str(out)]) == 0
    assert "xor  glorot        0.1" in capsys.readouterr().out
    [found] = json.loads(out.read_text())["results"]
    assert [len(found[when]) for when in ("early", "end")] == [2, 2]
    assert found["end"][0]["cost"] < found["early"][0]["cost"]


@pytest.mark.parametrize("name", starts.NETS)
def test_nets_start_from_each_law_and_follow_their_rule(name, monkeypatch):
    monkeypatch.setattr(starts, "EARLY", 1)
    monkeypatch.setitem(starts.NETS, name, replace(starts.NETS[name], steps=5))
    for law in starts.LAWS:
        early, before, end = starts.train(name, law, starts.NETS[name].sizes[0], 0)
        assert early.cost != before.cost != end.cost
        assert np.isnan(end.accuracy) == name.startswith("code")
    assert (starts.NETS[name].rule is not None) == name.endswith("Adam")


def test_starts_refuse_unknown_names(capsys):
    for option in ("--nets", "--laws"):
        with pytest.raises(SystemExit):
            starts.main([option, "e"])
        assert f"{option}: no e; there are" in capsys.readouterr().err


def test_an_import_is_timed():
    numpy, own = import_time.once()
    assert numpy > 0
    assert own > 0
    assert "diynn.module" in dict(import_time.modules())


@pytest.mark.parametrize("name", end_to_end.TRAININGS)
def test_trainings_to_an_accuracy_learn(name):
    pytest.importorskip("sklearn")
    pytest.importorskip(end_to_end.TRAININGS[name].library)
    split = import_module("diynn").data.digits()
    data = end_to_end.Digits(
        split.x_train.astype("f4"), split.y_train, split.x_test.astype("f4"), split.y_test
    )
    training = end_to_end.TRAININGS[name].training(data, 0)
    assert [next(training) for _ in range(2)][-1] > 0.6


def test_options_that_name_files_are_left_out_of_the_command():
    arguments = ["--batch", "8", "--json", "/tmp/x.json", "--plot", "--peers", "floor", "--json=y"]
    assert machine.command("scaling", arguments) == "python benchmarks/scaling.py --batch 8 --peers floor"


def test_results_are_named_by_machine_and_date():
    recorded = {
        "script": "layers",
        "machine": {"cpu": "Some CPU @ 2.0GHz", "cores": 4},
        "date": "2030-01-02 03:04 UTC",
    }
    assert machine.default_name(recorded) == "layers-some-cpu-2-0ghz-4-cores-2030-01-02.json"


def test_the_report_writes_the_newest_figures_between_its_markers(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    place = {"machine": {"cpu": "Some CPU", "cores": 2}, "versions": {"python": "3.13.0", "numpy": "2.3.0"}}
    figures = {"diynn": {"median": 1e-3, "minimum": 1e-3, "samples": 9}}
    for date, seconds in (("2030-01-01 00:00 UTC", 9e-3), ("2030-01-02 00:00 UTC", 2e-3)):
        figures["torch"] = {"median": seconds, "minimum": seconds, "samples": 9}
        cells = [{"workload": "a", "batch": 8, "figures": figures, "missing": {}, "costs": {}}]
        results = {"backend": "numpy", "threads": 2, "cells": cells}
        recorded = {"script": "training_step", "command": "the command", "date": date, "results": results}
        (tmp_path / f"{date[:10]}.json").write_text(json.dumps(recorded | place))
    imported = {"script": "import_time", "command": "another", "date": "2030-01-02 00:00 UTC"}
    (tmp_path / "import.json").write_text(json.dumps(imported | place | {"results": {"diynn": 0.03}}))
    readme, page = tmp_path / "README.md", tmp_path / "page.md"
    page.write_text("before\n")
    empty = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    readme.write_text(empty)
    arguments = ["--results", str(tmp_path), "--readme", str(readme), "--page", str(page)]
    assert report.main(arguments) == 1
    assert "page.md has no lines" in capsys.readouterr().err
    page.write_text(empty)
    for _ in range(2):  # the second time it finds what it wrote
        assert report.main(arguments) == 0
    for each in (readme, page):
        text = each.read_text()
        assert text.startswith("before\n")
        assert text.endswith("after\n")
        assert "old" not in text
        assert "| 8 | 1.00, 2.00 × torch |" in text
        assert "Measured on Some CPU, 2 cores, 2030-01-02" in text
    assert "import diynn" not in readme.read_text()
    assert "| `import diynn`, beyond NumPy | 30 ms | `another` |" in text
    assert text.count("Measured on Some CPU, 2 cores, 2030-01-02, with Python 3.13.0, NumPy 2.3.0.") == 1
    assert (tmp_path / "training_step-numpy.png").stat().st_size > 1000


def test_saving_is_timed_beside_numpys(capsys, tmp_path):
    assert saving.main(["--rounds", "2", "--demos", "1", "--bare"]) == 0
    printed = capsys.readouterr().out
    assert "numpy.savez            " in printed
    assert "1.00 × numpy.savez" in printed
    for net in ("conv", "mlp", "autoencoder"):
        assert re.search(rf"demo, {net} +\d+\.\d checkpoints in \d+ epochs, [+-]\d+\.\d% of its", printed)
