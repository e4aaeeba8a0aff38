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


def start(ranks, *words, **options):
    """Start a program on some ranks, each with a core of its own as far as BLAS is concerned."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}",
        "PYTHONWARNINGS": "error",
    }
    command = [*LAUNCH, "-n", str(ranks), sys.executable, *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=environment, **pipes, **options)


def run(ranks, *words):
    """Run a program and return what it printed."""
    process = start(ranks, *words)
    try:
        printed, _ = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, printed
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


@pytest.mark.parametrize("ranks", RANKS)
def test_an_exception_on_one_rank_ends_all_with_its_message(ranks):
    begin = time.monotonic()
    process = start(ranks, "-m", "tests.mpi_programs", "fails")
    printed, _ = process.communicate(timeout=SECONDS)
    assert process.returncode != 0
    assert "ValueError: this rank has had enough" in printed
    assert time.monotonic() - begin < 30  # with the start of Python on a machine that is busy
