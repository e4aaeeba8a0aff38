"""One training step of diynn beside that of other frameworks: the same work, on the same machine.

    python benchmarks/training_step.py
    python benchmarks/training_step.py --workload a,c --batch 32,512 --peers torch,jax,floor
    python benchmarks/training_step.py --backend cupy --json --plot

Each contender runs in a process of its own, on the same cores, in turn, round by round. Before anything is
timed their costs over a few steps are compared, and if they differ the benchmark refuses. Peers run on all
the threads, which is their default, and at small batches on one as well, in a row of its own (torch@1).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

import machine
import verdicts
from contenders import CONTENDERS, on_gpu
from harness import Cell, DisagreementError, Figure, Race
from workloads import GPU_BATCHES, WORKLOADS, Workload

OURS = ("diynn", "diynn-played", "diynn-serial", "diynn-threads")
PEERS = ("torch", "torch-channels-last", "torch-compile", "jax", "sklearn", "floor")
GPU_OURS = ("diynn", "diynn-serial", "diynn-numpy")
GPU_PEERS = ("torch", "torch-compile", "jax", "floor", "traffic")
_HOW = ("rounds", "seconds", "singly")  # options that Race.cell takes as well
_SMALL = 128  # up to which batch a peer may be faster on one thread
_OVERHEAD_BATCH = 64  # at which diynn is compared with the step written by hand


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    options = _parser().parse_args(arguments)
    gpu = on_gpu(options.backend)
    if gpu and machine.gpu() is None:
        print(f"skipped: --backend {options.backend} needs a CUDA GPU, and there is none here")
        return 0
    peers = options.peers or (GPU_PEERS if gpu else PEERS)
    cells: list[Cell] = []
    try:
        with Race(options.threads, options.backend) as race:
            for name in options.workload:
                cells += _workload(race, WORKLOADS[name], peers, options)
            kernels = race["diynn"].ask("kernels")
    except DisagreementError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    print(f"BLAS of diynn: {', '.join(kernels)}", end="\n\n")
    differences = {}
    if not gpu and options.threads > 1:
        from equality import differences as measure  # diynn itself: not needed before

        differences = measure([WORKLOADS[name] for name in options.workload], options.threads)
    judged = verdicts.on_gpu(cells) if gpu else verdicts.on_cpu(cells, options.threads, differences)
    print("\n".join(map(str, judged)), end="\n\n")
    for name in options.workload if gpu else ():
        print(f"workload {name}: faster than NumPy here from batch {verdicts.break_even(cells, name) or '-'}")
    results = {
        "backend": options.backend,
        "threads": options.threads,
        **{name: getattr(options, name) for name in _HOW},
        "blas": kernels,
        "cells": [asdict(cell) for cell in cells],
        "differences": differences,
        "verdicts": [asdict(verdict) for verdict in judged],
    }
    machine.write(machine.record(results, "training_step", arguments), options.json)
    if options.plot is not None:
        from drawing import file_name, step_times

        path = Path(options.plot or machine.RESULTS / file_name(options.backend))
        path.parent.mkdir(parents=True, exist_ok=True)
        step_times(cells, machine.describe()).savefig(path, dpi=150)
        print(f"wrote {path}")
    return 0


def _workload(
    race: Race, workload: Workload, peers: Sequence[str], options: argparse.Namespace
) -> list[Cell]:
    """Measure one workload at its batch sizes, and print its table."""
    gpu = on_gpu(options.backend)
    batches = options.batch or (GPU_BATCHES if gpu else workload.batches)
    plans = {batch: labels(workload.name, batch, peers, options.threads, gpu=gpu) for batch in batches}
    if workload.name == "a" and not options.batch and not gpu:
        plans[_OVERHEAD_BATCH] = ["diynn", "byhand@1"]
    how = {name: getattr(options, name) for name in _HOW}
    cells = []
    for batch, plan in sorted(plans.items()):
        start = perf_counter()
        cells.append(race.cell(workload, batch, plan, **how))
        print(f"{workload.name}/{batch}: {perf_counter() - start:.0f} s", file=sys.stderr)
    print(table(workload, cells), end="\n\n")
    return cells


def labels(workload: str, batch: int, peers: Sequence[str], threads: int, *, gpu: bool = False) -> list[str]:
    """Return who runs in a cell."""
    if gpu:
        return [*GPU_OURS, *peers]
    found = [*OURS, "diynn@1"] if workload == "a" and batch >= 2048 and threads > 1 else [*OURS]
    for name in peers:
        found.append(name)
        if threads > 1 and batch <= _SMALL and "@" not in name and CONTENDERS[name].peer:
            found.append(f"{name}@1")
    return list(dict.fromkeys(found))


def table(workload: Workload, cells: Sequence[Cell]) -> str:
    """Return the figures of one workload: a row a contender, a column a batch size."""
    names = dict.fromkeys(label for cell in cells for label in cell.figures)
    rows = [["ms, median/minimum", *(f"batch {cell.batch}" for cell in cells)]]
    for name in names:
        figures = [cell.figures.get(name) for cell in cells]
        rows.append([name, *(_both(each) if each else "" for each in figures)])
    ratios = {"best peer / diynn": verdicts.lead, "diynn / floor": verdicts.over_floor}
    for name, ratio in ratios.items():
        rows.append([name, *("" if (value := ratio(cell)) is None else f"{value:.2f}" for cell in cells)])
    lines = [f"{workload.name}  {workload.title}", "", machine.aligned(rows)]
    for cell in cells:
        lines += [f"missing: {label}, {reason}" for label, reason in cell.missing.items()]
    return "\n".join(dict.fromkeys(lines))


def _both(figure: Figure) -> str:
    return f"{machine.digits(figure.median * 1e3)}/{machine.digits(figure.minimum * 1e3)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", default="numpy", help="diynn's; with cupy everybody runs on the GPU")
    parser.add_argument("--workload", type=_names(WORKLOADS), default=list(WORKLOADS), help="such as a,c")
    parser.add_argument("--batch", type=_numbers, help="such as 32,512 (default: the workload's own)")
    parser.add_argument(
        "--peers", type=_names(CONTENDERS), help=f"of {', '.join(CONTENDERS)}; @1 for one thread"
    )
    parser.add_argument("--rounds", type=int, default=10, help="turns of each contender (default: 10)")
    parser.add_argument("--seconds", type=float, default=0.25, help="of a turn (default: 0.25)")
    parser.add_argument(
        "--singly", action="store_true", help="wait for each step, instead of several in a row"
    )
    machine.add_options(parser)
    parser.add_argument("--plot", nargs="?", const="", metavar="OUT", help="PNG, SVG or PDF")
    return parser


def _names(known: dict[str, object]):
    def names(words: str) -> list[str]:
        found = words.split(",")
        unknown = [word for word in found if word.partition("@")[0] not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are {', '.join(known)}")
        return found

    return names


def _numbers(words: str) -> list[int]:
    return [int(word) for word in words.split(",")]


if __name__ == "__main__":
    sys.exit(main())
