"""Time and memory of a training step as batch, width, length and threads grow.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --sweep threads --peers diynn,torch,jax

Each point has a process of its own, so that its peak of memory is its own. The memory is what the process
takes beyond the library with one step on a single example behind it; the data are in it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import machine
from harness import LostError, Racer
from workloads import Workload, autoencoder, classifier, conv_net

_TURNS, _SECONDS = 3, 0.3


@dataclass(frozen=True)
class Point:
    """One size of a sweep: the workload, the batch and the threads; None for as many as asked for."""

    size: int
    workload: Workload
    batch: int
    threads: int | None = None


def points(sweep: str, most_threads: int) -> Iterator[Point]:
    """Yield the sizes of a sweep."""
    if sweep == "batch":
        yield from (Point(size, autoencoder(), size) for size in (32, 128, 512, 2048, 8192, 32768))
    elif sweep == "width":
        yield from (Point(size, classifier(size), 256) for size in (32, 64, 128, 256, 512, 1024, 2048))
    elif sweep == "length":
        yield from (Point(size, conv_net(size), 64) for size in (64, 128, 256, 512, 1024, 2048))
    else:
        counts = sorted({*(2**power for power in range(most_threads.bit_length())), most_threads})
        yield from (Point(size, autoencoder(), 4096, size) for size in counts)


SWEEPS = {
    "batch": "autoencoder 256-100-10-100-256",
    "width": "classifier 256-width-width/2-10, batch 256",
    "length": "conv net of the sheet, batch 64",
    "threads": "autoencoder 256-100-10-100-256, batch 4096",
}


def measure(point: Point, name: str, threads: int) -> dict[str, float]:
    """Return the median seconds of a step and the bytes that it takes."""
    racer = Racer(name, point.threads or threads, "numpy")
    try:
        for workload, batch in ((autoencoder(), 1), (point.workload, point.batch)):
            if (reason := racer.ask("build", workload, batch)) is not None:
                raise LostError(reason)
            racer.ask("costs", 1)
            if batch == 1:
                before = racer.ask("peak")
        samples = [each for _ in range(_TURNS) for each in racer.ask("turn", _SECONDS)]
        return {"seconds": statistics.median(samples), "bytes": racer.ask("peak") - before}
    finally:
        racer.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sweep", default=",".join(SWEEPS), help=f"of {', '.join(SWEEPS)} (default: all)")
    parser.add_argument("--peers", default="diynn", help="such as diynn,torch,jax (default: diynn)")
    machine.add_options(parser)
    options = parser.parse_args(arguments)
    results = {}
    for sweep in options.sweep.split(","):
        results[sweep] = []
        for point in points(sweep, options.threads):
            for name in options.peers.split(","):
                try:
                    measured = measure(point, name, options.threads)
                except LostError as reason:
                    print(f"missing: {name} at {sweep} {point.size}, {reason}", file=sys.stderr)
                    continue
                row = {"size": point.size, "batch": point.batch, "contender": name, **measured}
                results[sweep].append(row)
        print(f"{sweep}: {SWEEPS[sweep]}\n\n{table(sweep, results[sweep])}\n")
    machine.write(machine.record(results, "scaling", arguments), options.json)
    return 0


def table(sweep: str, rows: Sequence[dict[str, float]]) -> str:
    """Return one sweep as a table."""
    words = [["contender", sweep, "ms a step", "µs an example", "MB"]]
    for row in rows:
        seconds = row["seconds"]
        words.append(
            [
                str(row["contender"]),
                f"{row['size']:,}",
                machine.digits(seconds * 1e3),
                machine.digits(seconds / row["batch"] * 1e6),
                f"{row['bytes'] / 1e6:.1f}",
            ]
        )
    return machine.aligned(words)


if __name__ == "__main__":
    sys.exit(main())
