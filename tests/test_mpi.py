"""Training over the ranks of MPI: on two of them, or as many as ``DIYNN_RANKS=2,3,4`` names."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
RANKS = [int(each) for each in os.environ.get("DIYNN_RANKS", "2").split(",")]
BESIDE = Path(sys.executable).parent / "mpiexec"
#: How ranks are started; with Open MPI such as ``DIYNN_MPIEXEC="mpirun --oversubscribe"``.
LAUNCH = shlex.split(
    os.environ.get("DIYNN_MPIEXEC") or (str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec") or "")
)
SECONDS = 120
JOBS = int(os.environ.get("DIYNN_JOBS", "2"))  # CONTRIBUTING.md has the long run
# BLAS's kernels may raise a flag at random: see tests/conftest.py.
FLAG = "ignore:invalid value encountered in matmul:RuntimeWarning"
PATHS = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}", "PYTHONWARNINGS": f"error,{FLAG}"}

pytest.importorskip("mpi4py", reason="no mpi4py: pip install 'diynn[mpi]'")
if not LAUNCH:
    pytest.skip("no mpiexec: pip install 'diynn[mpi]'", allow_module_level=True)


def ended(ranks, *words):
    """Run a program on some ranks; return its exit status and what it printed."""
    command = [*LAUNCH, "-n", str(ranks), sys.executable, *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=os.environ | PATHS, **pipes) as process:
        try:
            printed, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()  # which the launcher hands on to its ranks
            raise
    return process.returncode, printed


def run(ranks, *words):
    """Run a program that has to end well; return what it printed."""
    status, printed = ended(ranks, *words)
    assert status == 0, printed
    return printed


# Several programs a start, because a start takes a second.
@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize(
    "programs",
    [
        ["bits"],
        ["uneven", "dropout", "weighted", "weighted_rules", "close", "accumulates", "settings"],
        ["messages", "in_turn", "whole", "unseeded", "another_batch", "other_parameters", "scalar_costs"],
    ],
    ids=lambda programs: programs[0],
)
def test_ranks(ranks, programs):
    printed = run(ranks, "-m", "tests.mpi_programs", *programs)
    for name in programs:
        assert f"{name} passed on {ranks}" in printed


def test_one_rank_alone():
    assert "uneven passed on 1" in run(1, "-m", "tests.mpi_programs", "uneven", "dropout", "whole")


@pytest.mark.parametrize("ranks", RANKS)
def test_compiled_gradients(ranks):
    pytest.importorskip("llvmlite", reason="no llvmlite: pip install 'diynn[fast]'")
    assert f"compiled passed on {ranks}" in run(ranks, "-m", "tests.mpi_programs", "compiled")


@pytest.mark.skipif("ulfm" in LAUNCH, reason="the others would go on")
@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("fails", "ValueError: this rank has had enough"),
        ("another_size", "RuntimeError: MPI: rank {last} has another batch than rank 0"),
    ],
)
def test_an_exception_on_one_rank_ends_all_with_its_message(ranks, program, said):
    begin = time.monotonic()
    status, printed = ended(ranks, "-m", "tests.mpi_programs", program)
    assert status != 0
    assert said.format(last=ranks - 1) in printed
    assert time.monotonic() - begin < 30  # with the start of Python on a machine that is busy


@pytest.mark.parametrize("ranks", RANKS)
def test_whole_trainings(ranks, tmp_path):
    programs = [
        "sgd",
        "unseeded",
        "weighted",
        "accumulated",
        "share",
        "loader",
        "interrupted",
        "clock",
        "shown",
    ]
    printed = run(ranks, "-m", "tests.mpi_training", *programs, "resumed", str(tmp_path / "checkpoint"))
    for name in (*programs, "resumed"):
        assert f"{name} passed on {ranks}" in printed


def test_the_benchmark_measures_and_the_page_shows_the_newest_record(tmp_path):
    import ranks

    words = ["--nets", "b", "--batches", "8", "--turns", "1", "--json", str(tmp_path / "ranks.json")]
    assert "(b)" in run(2, str(ROOT / "benchmarks" / "ranks.py"), *words)
    recorded = json.loads((tmp_path / "ranks.json").read_text(encoding="utf-8"))
    (row,) = recorded["results"]["nets"]
    assert row["bytes"] == 4 * (256 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10 + 8)
    assert 0 < row["share"] <= row["one"] * 10
    assert f"| (b) | 8 | {row['bytes'] / 1e3:.0f} |" in ranks.page(recorded)
    assert ranks.page(ranks.newest()) in (ROOT / "benchmarks" / "scaling.md").read_text(encoding="utf-8")


def test_the_model_of_a_network():
    import ranks

    network = ranks.Network("some", latency=1e-3, rate=1e6)
    assert ranks.travel(network, 2, 1e6) == pytest.approx(2e-3 + 1)
    assert ranks.travel(network, 4, 1e6) == pytest.approx(4e-3 + 1.5)
    assert ranks.travel(network, 4, 1e6, "rank") == pytest.approx(6e-3 + 1.5)
    rows = [{"net": "a", "batch": batch, "one": batch / 1e3} for batch in (8, 16)]
    assert [ranks.alone(rows, "a", each) for each in (1, 8, 12, 64)] == pytest.approx(
        [8e-3, 8e-3, 12e-3, 64e-3]
    )
    assert ranks.enough(rows, "a", 8e-3, 0.8) == 32  # four times as long as the sum


# ------------------------------------------------------------------ killed


def launch(ranks, path):
    """Start a training that writes a checkpoint."""
    command = [*LAUNCH, "-n", str(ranks), sys.executable, "-m", "tests.mpi_training", "job", str(path)]
    with open(f"{path}.said", "a", encoding="utf-8") as said:
        return subprocess.Popen(command, env=os.environ | PATHS, stdout=said, stderr=said)


def steps_of(path):
    """Return how many steps a training has noted."""
    file = Path(f"{path}.steps")
    return len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0


@pytest.mark.skipif("ulfm" in LAUNCH, reason="the others would go on")
@pytest.mark.parametrize("ranks", RANKS)
def test_a_killed_rank_ends_all_and_what_is_started_again_ends_as_the_undisturbed(ranks, tmp_path):
    assert launch(ranks, tmp_path / "whole").wait(timeout=SECONDS) == 0
    undisturbed, most = (tmp_path / "whole.net").read_bytes(), steps_of(tmp_path / "whole")
    draw, longest = random.Random(0), 0.0
    for job in range(JOBS):
        path, last = tmp_path / f"job{job}", draw.randrange(1, most // 2)
        process = launch(ranks, path)
        while steps_of(path) < last:
            assert process.poll() is None, Path(f"{path}.said").read_text(encoding="utf-8")
            time.sleep(0.005)
        victim = draw.randrange(ranks)
        os.kill(int(Path(f"{path}.process{victim}").read_text(encoding="utf-8")), signal.SIGKILL)
        begin = time.monotonic()
        assert process.wait(timeout=5) != 0
        longest = max(longest, time.monotonic() - begin)
        assert not Path(f"{path}.net").exists()
        assert launch(ranks, path).wait(timeout=SECONDS) == 0
        assert Path(f"{path}.net").read_bytes() == undisturbed
    print(f"{JOBS} jobs of {most} steps on {ranks} ranks; the longest took {longest:.2f} s to end")


@pytest.mark.parametrize("ranks", RANKS)
def test_a_training_goes_on_with_another_number_of_ranks(ranks, tmp_path):
    import diynn

    path = tmp_path / "job"
    process = launch(ranks, path)
    while steps_of(path) < 12:
        assert process.poll() is None
        time.sleep(0.005)
    process.terminate()  # which the launcher hands on to its ranks
    process.wait(timeout=SECONDS)
    assert launch(ranks + 1, path).wait(timeout=SECONDS) == 0
    assert launch(1, tmp_path / "alone").wait(timeout=SECONDS) == 0
    found, wanted = (diynn.load(tmp_path / name) for name in ("job.net", "alone.net"))
    for one, other in zip(found.parameters(), wanted.parameters(), strict=True):
        np.testing.assert_allclose(one.value, other.value, rtol=0, atol=1e-4)


@pytest.mark.skipif("ulfm" not in LAUNCH, reason="DIYNN_MPIEXEC must be an `mpirun --with-ft ulfm`")
@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("how", ["killed", "raising"])
def test_survivors_go_on(ranks, how):
    printed = run(ranks, "-m", "tests.mpi_programs", "survives", how)
    assert f"survives passed on {ranks}" in printed
    assert ("this rank has had enough" in printed) == (how == "raising")
