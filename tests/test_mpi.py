"""Training over the ranks of MPI: on two of them, or as many as ``DIYNN_RANKS=2,3,4`` names."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RANKS = [int(each) for each in os.environ.get("DIYNN_RANKS", "2").split(",")]
BESIDE = Path(sys.executable).parent / "mpiexec"
#: How ranks are started; with Open MPI such as ``DIYNN_MPIEXEC="mpirun --oversubscribe"``.
LAUNCH = shlex.split(
    os.environ.get("DIYNN_MPIEXEC") or (str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec") or "")
)
SECONDS = 120

pytest.importorskip("mpi4py", reason="no mpi4py: pip install 'diynn[mpi]'")
if not LAUNCH:
    pytest.skip("no mpiexec: pip install 'diynn[mpi]'", allow_module_level=True)


def ended(ranks, *words):
    """Run a program on some ranks; return its exit status and what it printed."""
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}", "PYTHONWARNINGS": "error"}
    command = [*LAUNCH, "-n", str(ranks), sys.executable, *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=os.environ | paths, **pipes) as process:
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
        ["uneven", "dropout", "close", "accumulates", "settings"],
        ["whole", "unseeded", "another_batch", "other_parameters", "scalar_costs"],
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
def test_an_exception_on_one_rank_ends_all_with_its_message(ranks):
    begin = time.monotonic()
    status, printed = ended(ranks, "-m", "tests.mpi_programs", "fails")
    assert status != 0
    assert "ValueError: this rank has had enough" in printed
    assert time.monotonic() - begin < 30  # with the start of Python on a machine that is busy


@pytest.mark.skipif("ulfm" not in LAUNCH, reason="DIYNN_MPIEXEC must be an `mpirun --with-ft ulfm`")
@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("how", ["killed", "raising"])
def test_survivors_go_on(ranks, how):
    printed = run(ranks, "-m", "tests.mpi_programs", "survives", how)
    assert f"survives passed on {ranks}" in printed
    assert ("this rank has had enough" in printed) == (how == "raising")
