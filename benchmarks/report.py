"""Write the measured figures into the two READMEs, from the newest results of each benchmark.

    python benchmarks/report.py

All stand in benchmarks/README.md, and the table of training steps in the project's README, each between two
markers; nothing else of the files is touched. The plots are drawn again from the same results, beside them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import machine
import verdicts
from drawing import file_name, step_times
from harness import Cell, read
from workloads import WORKLOADS

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
_PACKAGES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "scikit-learn": "scikit-learn"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=machine.RESULTS, help="where the JSON files lie")
    parser.add_argument("--readme", type=Path, default=machine.HERE.parent / "README.md")
    parser.add_argument("--page", type=Path, default=machine.HERE / "README.md", help="where all of them go")
    options = parser.parse_args(arguments)
    for page in (options.readme, options.page):
        if END not in page.read_text(encoding="utf-8").partition(BEGIN)[2]:
            print(f"{page} has no lines {BEGIN} and {END}", file=sys.stderr)
            return 1
    newest = newest_records(options.results)
    if not newest:
        print(f"no results in {options.results}: run the benchmarks with --json", file=sys.stderr)
        return 1
    blocks, short = [], []
    for recorded in newest:
        if recorded["script"] == "training_step":
            plot = options.results / file_name(recorded["results"]["backend"])
            cells = read(recorded["results"]["cells"])
            step_times(cells, recorded["machine"]).savefig(plot, dpi=150)
            blocks.append(training_steps(recorded, cells, _relative(plot, options.page.parent)))
            short += [in_short(recorded, cells), _where(recorded)]
    rows = [row for recorded in newest for row in _ROWS.get(recorded["script"], _no_rows)(recorded)]
    if rows:
        blocks.append("\n".join(["| what | figure | command |", "| --- | --- | --- |", *rows]))
    blocks += dict.fromkeys(_where(recorded) for recorded in newest)
    _write(options.page, blocks)
    _write(options.readme, short)
    return 0


def _write(page: Path, blocks: Sequence[str]) -> None:
    """Put blocks between the markers of a page."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    page.write_text(before + "\n\n".join([begin, *blocks, end]) + after, encoding="utf-8")
    print(f"wrote {page}")


def newest_records(folder: Path) -> list[dict[str, Any]]:
    """Return the newest record of each script and backend."""
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for file in sorted(folder.glob("*.json")):
        recorded = json.loads(file.read_text(encoding="utf-8"))
        results = recorded["results"]
        key = (recorded["script"], results.get("backend", "") if isinstance(results, dict) else "")
        if key not in newest or recorded["date"] >= newest[key]["date"]:
            newest[key] = recorded
    return [newest[key] for key in sorted(newest)]


def training_steps(recorded: dict[str, Any], cells: Sequence[Cell], plot: str) -> str:
    """Return the table of training steps: a row a batch size, a column a workload."""
    names = [name for name in WORKLOADS if any(cell.workload == name for cell in cells)]
    results = recorded["results"]
    titles = _titles(names)
    blocks = [
        f"One training step (forward, backward, update) in float32, backend `{results['backend']}`, "
        f"{results['threads']} threads: median in milliseconds, and the time of the fastest other "
        "framework, on all the threads or on one (@1), divided by it: above 1, diynn is faster. "
        f"{titles}. `{recorded['command']}`",
    ]
    for who, words in _WAYS.items():
        own = [cell for cell in cells if who in cell.figures and verdicts.best_peer(cell)]
        if own:
            leads = [lead for cell in own if cell.batch >= 8 and (lead := verdicts.lead(cell, who=who))]
            mean = f"{verdicts.geometric_mean(leads):.2f}" if leads else "-"
            blocks += [
                f"{words}; geometric mean of the ratios for batches of 8 and more: {mean}.",
                _table(who, names, own),
            ]
    blocks += [f"![Time of a training step as a multiple of diynn's]({plot})"]
    return "\n\n".join(blocks)


def in_short(recorded: dict[str, Any], cells: Sequence[Cell]) -> str:
    """Return the table of training steps for the project's README: diynn at its fastest."""
    names = [name for name in WORKLOADS if any(cell.workload == name for cell in cells)]
    own = [cell for cell in cells if "diynn" in cell.figures and verdicts.best_peer(cell)]
    threads = recorded["results"]["threads"]
    return (
        f"One training step in float32 on {threads} threads: median in milliseconds, and the time of the "
        "fastest other framework divided by it (above 1, diynn is faster; @1: on one thread). "
        f"{_titles(names)}. `{recorded['command']}`\n\n" + _table("diynn", names, own)
    )


def _titles(names: Sequence[str]) -> str:
    return "; ".join(f"({name}) {WORKLOADS[name].title}" for name in names)


_WAYS = {"diynn": "With the extra `fast`", "diynn-played": "Without it"}


def _table(who: str, names: Sequence[str], cells: Sequence[Cell]) -> str:
    """Return one way's figures: a row a batch size, a column a workload."""
    rows = [f"| batch | {' | '.join(f'({name})' for name in names)} |", "| ---: " * (len(names) + 1) + "|"]
    at = {(cell.workload, cell.batch): cell for cell in cells}
    for batch in sorted({batch for _, batch in at}):
        words = [_step(at[name, batch], who) if (name, batch) in at else "" for name in names]
        rows.append(f"| {batch:,} | {' | '.join(words)} |")
    return "\n".join(rows)


def _step(cell: Cell, who: str) -> str:
    label, _ = verdicts.best_peer(cell) or ("", None)
    lead = verdicts.lead(cell, who=who)
    if lead is None:
        return ""
    return f"{machine.digits(cell.figures[who].median * 1e3)}, {lead:.2f} × {label}"


def _end_to_end(recorded: dict[str, Any]) -> list[str]:
    results = recorded["results"]
    words = [
        f"{name} {statistics.median(run['seconds'] for run in runs):.2f} s, "
        f"{statistics.median(run['peak'] for run in runs) / 1e6:.0f} MB"
        for name, runs in results["runs"].items()
        if runs
    ]
    what = f"seconds to {results['target']:.0%} on the test digits, and peak memory"
    return [f"| {what} | {'; '.join(words)} | `{recorded['command']}` |"]


def _scaling(recorded: dict[str, Any]) -> list[str]:
    own = [row for row in recorded["results"].get("threads", []) if row["contender"] == "diynn"]
    if len(own) < 2:
        return []
    first, last = own[0], own[-1]
    what = f"{last['size']} threads against {first['size']}, autoencoder, batch {last['batch']}"
    return [f"| {what} | {first['seconds'] / last['seconds']:.2f} times as fast | `{recorded['command']}` |"]


def _import_time(recorded: dict[str, Any]) -> list[str]:
    milliseconds = recorded["results"]["diynn"] * 1e3
    return [f"| `import diynn`, beyond NumPy | {milliseconds:.0f} ms | `{recorded['command']}` |"]


def _no_rows(recorded: dict[str, Any]) -> list[str]:
    return []


_ROWS = {"end_to_end": _end_to_end, "scaling": _scaling, "import_time": _import_time}


def _where(recorded: dict[str, Any]) -> str:
    """Return where and with what a record was measured."""
    place, versions = recorded["machine"], recorded["versions"]
    name = place.get("gpu") or f"{place['cpu']}, {place['cores']} cores"
    used = ", ".join(f"{words} {versions[key]}" for key, words in _PACKAGES.items() if key in versions)
    return f"Measured on {name}, {recorded['date'][:10]}, with Python {versions['python']}, {used}."


def _relative(path: Path, folder: Path) -> str:
    return path.resolve().relative_to(folder.resolve()).as_posix()


if __name__ == "__main__":
    sys.exit(main())
