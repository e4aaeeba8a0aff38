"""Training over the ranks of MPI: what a step and its collective take, and what more ranks would give.

    mpiexec -n 2 python benchmarks/ranks.py --json
    python benchmarks/ranks.py --page

The first line measures and writes a record; the second writes the newest one into scaling.md, with what a
model of two networks makes of it. Steps of one rank and of all take turns, and the shortest counts: what
else the machine does makes a step longer, never shorter. While one rank is timed, the others sleep.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from math import inf, log2
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, NamedTuple

import machine
import numpy as np
from contenders.diynn_step import loss_of, net_of
from report import newest_records
from workloads import WORKLOADS

import diynn
from diynn.data import shard
from diynn.execution import MPI, Threads
from diynn.module import parameters

BATCHES = {
    "a": (8, 32, 128, 512, 2048),
    "b": (8, 32, 128, 512, 2048),
    "c": (8, 32, 128, 512),
    "d": (8, 32, 128, 512),
}
SIZES = tuple(4**power for power in range(2, 12))  # bytes of a collective
BEGIN, END = "<!-- ranks: begin -->", "<!-- ranks: end -->"


# ------------------------------------------------------------------ measuring


def compiled(execution: Any) -> Any:
    """Return an execution that compiles at the first chance, as in the other benchmarks."""
    threads = getattr(execution, "inner", execution)
    threads.compile_after, threads.compile_waits = 0.0, True
    return execution


def fastest(comm: Any, ways: dict[str, Callable[[], object]], turns: int, seconds: float) -> dict[str, float]:
    """Return the shortest time of each way, in seconds; ``"one"`` is rank 0's alone."""
    best = dict.fromkeys(ways, inf)
    for turn in range(turns + 1):  # the first one warms up
        for name, take in ways.items():
            comm.Barrier()
            if name == "one" and comm.rank > 0:
                while not comm.Iprobe(source=0):
                    sleep(1e-3)
                comm.recv(source=0)
                continue
            for _ in range(8 if turn == 0 else 2):
                take()
            start = perf_counter()
            take()
            count = max(3, int(seconds / (perf_counter() - start)))
            count = count if name == "one" else comm.bcast(count)
            for _ in range(count):
                start = perf_counter()
                take()
                if turn:
                    best[name] = min(best[name], perf_counter() - start)
            if name == "one":
                for other in range(1, comm.size):
                    comm.send(None, other)
    return best


def steps(comm: Any, name: str, batch: int, turns: int) -> dict[str, Any]:
    """Time a step by one rank, by all, and by all without the collective: each its share, as if alone."""
    from mpi4py import MPI as mpi  # noqa: N811

    workload = WORKLOADS[name]
    x, y = workload.data(batch)

    def way(execution: Any, x: Any, y: Any) -> Callable[[], object]:
        net = net_of(workload, "numpy")
        optim = diynn.Optim(net, loss_of(workload), workload.eps(batch), execution=compiled(execution))
        return lambda: optim.step(x, y)

    own = (shard(each, comm.rank, comm.size) for each in (x, y))
    alone = MPI(Threads(1))
    alone.comm, alone.rank, alone.size = mpi.COMM_SELF, 0, 1
    ways = {
        "one": way(Threads(1), x, y),
        "all": way(MPI(Threads(1)), x, y),
        "share": way(alone, *own),
    }
    numbers = sum(each.value.size for each in parameters(net_of(workload, "numpy")))
    found = fastest(comm, ways, turns, 0.1)
    slowest = comm.allreduce(found["share"], op=mpi.MAX)
    return {"net": name, "batch": batch, "bytes": 4 * (numbers + batch), **found, "share": slowest}


def collectives(comm: Any, turns: int) -> list[dict[str, float]]:
    """Time a sum of some bytes: as MPI adds up, and in the order of the ranks, as a step does."""
    from mpi4py import MPI as mpi  # noqa: N811

    rows, execution = [], MPI(Threads(1))
    for size in SIZES:
        count = size // 4
        flat = np.zeros(count, np.float32)
        length = -(-count // comm.size) * comm.size
        shared = execution.shared(length, flat.dtype)
        own = np.empty(length, flat.dtype) if shared is None else shared
        own.fill(0)

        def in_rank_order(own: Any = own) -> None:
            execution.exchange(own)

        ways = {"fast": lambda flat=flat: comm.Allreduce(mpi.IN_PLACE, flat), "rank": in_rank_order}
        rows.append({"bytes": size, **fastest(comm, ways, turns, 0.02)})
    return rows


def shorter(rows: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with the shorter of two times: on a machine that others use, of its quiet moments."""
    pairs = zip(rows, others, strict=True)
    return [
        {key: min(value, other[key]) if isinstance(value, float) else value for key, value in row.items()}
        for row, other in pairs
    ]


# ------------------------------------------------------------------ the model


class Network(NamedTuple):
    """What a message takes: seconds before the first byte, and bytes a second. Assumed, not measured."""

    name: str
    latency: float
    rate: float


NETWORKS = (Network("10 GbE", 30e-6, 1.1e9), Network("RDMA, 100 Gb/s", 2e-6, 11e9))
RANKS = (2, 4, 16, 64, 256, 1024)


def travel(network: Network, ranks: int, size: float, order: str = "fast") -> float:
    """Return the seconds of a sum over ranks: a reduce-scatter and an allgather.

    By halving and doubling, as MPI's own order allows, it has 2 log₂ n messages in a row, in the order of
    the ranks 2 (n - 1); either way 2 (n - 1) / n of the bytes pass through each rank.
    """
    messages = 2 * log2(ranks) if order == "fast" else 2 * (ranks - 1)
    return messages * network.latency + 2 * (ranks - 1) / ranks * size / network.rate


def alone(rows: Sequence[dict[str, Any]], name: str, examples: float) -> float:
    """Return the seconds of one rank's step: between the measured batches by a straight line, and beyond."""
    batches, seconds = zip(*((row["batch"], row["one"]) for row in rows if row["net"] == name), strict=True)
    if examples > batches[-1]:
        return float(seconds[-1] * examples / batches[-1])
    return float(np.interp(examples, batches, seconds))  # below the smallest batch: as long as that


def enough(rows: Sequence[dict[str, Any]], name: str, comm: float, efficiency: float) -> int:
    """Return the examples, a power of two, that a rank needs between two sums to be so efficient."""
    examples = 1
    while alone(rows, name, examples) < efficiency * (alone(rows, name, examples) + comm):
        examples *= 2
    return examples


# ------------------------------------------------------------------ the page


def page(recorded: dict[str, Any]) -> str:
    """Return the tables of a record."""
    results, where = recorded["results"], recorded["machine"]
    rows, count = results["nets"], results["ranks"]
    names = list(dict.fromkeys(row["net"] for row in rows))
    header = [
        "net",
        "batch",
        "KB in the buffer",
        "one rank, ms",
        f"{count} ranks, ms",
        "times as fast",
        "sum, µs",
    ]
    parts = [
        f"Measured on {where['cpu']}, {where['cores']} cores, {recorded['date']}, float32, by "
        f"`{recorded['command']}`, {results['library']}; the load average was {results['load']:.1f} when it "
        "began, and the shortest times of several runs count.",
        _table(header, [_measured(row) for row in rows]),
        f"A sum of some bytes over {count} ranks by shared memory, in µs:",
        _table(
            ["bytes", *(f"{row['bytes']:,}" for row in results["collectives"])],
            [
                [title, *(machine.digits(row[way] * 1e6) for row in results["collectives"])]
                for title, way in (("MPI's order", "fast"), ("the ranks' order", "rank"))
            ],
        ),
    ]
    for network in NETWORKS:
        heading = ["net", *(f"{ranks:,}" for ranks in RANKS), "at least half as fast as it could be, up to"]
        parts += [
            f"**{network.name}** ({network.latency * 1e6:g} µs a message, {network.rate / 1e9:g} GB/s): "
            "times as fast as one rank, with 8,192 examples a step.",
            _table(heading, [_speedups(rows, name, network) for name in names]),
        ]
    cells = [(network, ranks) for network in NETWORKS for ranks in (4, 64, 1024)]
    needs = [
        [f"({name})", *(f"{enough(rows, name, travel(*cell, _bytes(rows, name)), 0.8):,}" for cell in cells)]
        for name in names
    ]
    parts += [
        "Examples that each rank needs between two sums, to spend four fifths of its time on them:",
        _table(["net", *(f"{network.name.partition(',')[0]}, {ranks:,}" for network, ranks in cells)], needs),
        "What would move that, for 64 ranks on 10 GbE with 32 examples each: times as fast as one rank.",
        _table(["net", *_REMEDIES], [_remedied(rows, name) for name in names]),
    ]
    return "\n\n".join(parts)


def _measured(row: dict[str, Any]) -> list[str]:
    times = [machine.digits(row[way] * 1e3) for way in ("one", "all")]
    sums = f"{max(0, row['all'] - row['share']) * 1e6:.0f}"
    return [
        f"({row['net']})", f"{row['batch']:,}", f"{row['bytes'] / 1e3:.0f}", *times,
        f"{row['one'] / row['all']:.2f}", sums,
    ]  # fmt: skip


def _bytes(rows: Sequence[dict[str, Any]], name: str) -> int:
    return min(row["bytes"] for row in rows if row["net"] == name)


def _speedups(rows: Sequence[dict[str, Any]], name: str, network: Network) -> list[str]:
    whole, size = alone(rows, name, 8192), _bytes(rows, name) + 4 * 8192
    found = {n: whole / (alone(rows, name, 8192 / n) + travel(network, n, size)) for n in RANKS}
    most = max((n for n in RANKS if found[n] >= n / 2), default=1)
    return [f"({name})", *(machine.digits(each) for each in found.values()), f"{most:,}"]


_REMEDIES = (
    "as it is", "in the ranks' order", "4 batches to a sum", "16 batches to a sum", "half the bytes",
    "behind the walk back",
)  # fmt: skip


def _remedied(rows: Sequence[dict[str, Any]], name: str) -> list[str]:
    ranks, examples, network = 64, 32, NETWORKS[0]
    step, size = alone(rows, name, examples), _bytes(rows, name)
    once, comm = alone(rows, name, ranks * examples), travel(network, ranks, size)
    times = [
        step + comm,
        step + travel(network, ranks, size, "rank"),
        step + comm / 4,
        step + comm / 16,
        step + travel(network, ranks, size / 2),
        step + max(0.0, comm - 2 / 3 * step),  # of a step two thirds are the walk back
    ]
    return [f"({name})", *(machine.digits(once / each) for each in times)]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def newest() -> dict[str, Any]:
    """Return the newest record of this script among the results."""
    return next(each for each in newest_records(machine.RESULTS) if each["script"] == "ranks")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or write the page; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nets", default="a,b,c,d", help="default: a,b,c,d")
    parser.add_argument("--batches", help="such as 128,2048 (default: several, by the net)")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--best", metavar="JSON", help="keep what was shorter in this earlier record")
    parser.add_argument("--page", action="store_true", help="write the newest results into scaling.md")
    machine.add_options(parser, threads=False)
    options = parser.parse_args(arguments)
    if options.page:
        target = machine.HERE / "scaling.md"
        before, begin, rest = target.read_text(encoding="utf-8").partition(BEGIN)
        _, end, after = rest.partition(END)
        target.write_text(f"{before}{begin}\n\n{page(newest())}\n\n{end}{after}", encoding="utf-8")
        return 0
    from mpi4py import MPI as mpi  # noqa: N811

    comm, load = mpi.COMM_WORLD, os.getloadavg()[0]
    nets = []
    for name in options.nets.split(","):
        chosen = map(int, options.batches.split(",")) if options.batches else BATCHES[name]
        for batch in chosen:
            row = steps(comm, name, batch, options.turns)
            nets.append(row)
            if comm.rank == 0:
                print("  ".join(_measured(row)), flush=True)
    sums = collectives(comm, options.turns)
    if options.best:
        earlier = json.loads(Path(options.best).read_text(encoding="utf-8"))["results"]
        nets, sums = (shorter(*each) for each in ((nets, earlier["nets"]), (sums, earlier["collectives"])))
    if comm.rank == 0:
        library = mpi.Get_library_version().splitlines()[0].replace("\t", " ").strip("\0 ")
        results = {
            "ranks": comm.size,
            "load": load,
            "library": " ".join(library.split()),
            "nets": nets,
            "collectives": sums,
        }
        recorded = machine.record(results, "ranks", arguments)
        recorded["command"] = f"mpiexec -n {comm.size} {recorded['command']}"
        machine.write(recorded, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
