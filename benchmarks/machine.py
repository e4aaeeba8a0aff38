"""Where a benchmark runs, and with what: what is written beside its figures."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
_PACKAGES = ("diynn", "numpy", "torch", "jax", "jaxlib", "scikit-learn", "cupy-cuda12x", "cupy-cuda13x")


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use, one for each that is a core of its own."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(os.cpu_count() or 1))
    siblings = {}
    for number in sorted(os.sched_getaffinity(0)):
        file = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
        siblings.setdefault(file.read_text() if file.exists() else number, number)
    return list(siblings.values())


@contextmanager
def confined(threads: int) -> Iterator[None]:
    """Let processes started within run on as many cores as they have threads, where the system can do that.

    Else a library that is told to use one thread may still use another core beside it.
    """
    if not hasattr(os, "sched_setaffinity") or threads >= len(cores()):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores()[:threads])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def describe() -> dict[str, Any]:
    """Return what the machine is."""
    described = {"cpu": cpu(), "cores": len(cores()), "system": f"{platform.system()} {platform.machine()}"}
    if name := gpu():
        described["gpu"] = name
    return described


def cpu() -> str:
    """Return the name of the processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    found = re.search(r"model name\s*: (.*)", text)
    return found[1] if found else platform.processor()


def gpu() -> str | None:
    """Return the name of the GPU as its driver knows it, or None."""
    try:
        command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() or None
    except (OSError, subprocess.CalledProcessError):
        return None


def versions() -> dict[str, str]:
    """Return the versions of Python, of what is measured, and of the commit that is checked out."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    try:
        command = ["git", "-C", str(HERE), "describe", "--always", "--dirty"]
        found["commit"] = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        pass
    return found


def record(results: Any, script: str, arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Return a script's results with all that is needed to measure them again."""
    return {
        "script": script,
        "command": command(script, sys.argv[1:] if arguments is None else arguments),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": describe(),
        "versions": versions(),
        "results": results,
    }


def command(script: str, arguments: Sequence[str]) -> str:
    """Return the command without files that it reads or writes, which may lie anywhere."""
    kept: list[str] = []
    skipping = False
    for word in arguments:
        skipping = word.startswith(("--best", "--json", "--plot")) or (skipping and not word.startswith("-"))
        if not skipping:
            kept.append(word)
    return shlex.join(["python", f"benchmarks/{script}.py", *kept])


def write(recorded: dict[str, Any], path: str | None) -> None:
    """Write a record as JSON; ``""`` for the path stands for a name by machine and date among the results."""
    if path is None:
        return
    target = Path(path) if path else RESULTS / default_name(recorded)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {target}")


def default_name(recorded: dict[str, Any]) -> str:
    """Return a file name such as ``training_step-amd-epyc-2-cores-2025-12-31.json``."""
    where = recorded["machine"]
    words = f"{where.get('gpu') or where['cpu']} {where['cores']} cores"
    slug = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    return f"{recorded['script']}-{slug}-{recorded['date'][:10]}.json"


def add_options(parser: argparse.ArgumentParser, *, threads: bool = True) -> None:
    """Add the options that benchmarks share."""
    if threads:
        parser.add_argument("--threads", type=int, default=len(cores()), help="default: one a core")
    parser.add_argument(
        "--json", nargs="?", const="", metavar="OUT", help="where to write (default: by machine and date)"
    )


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of words as a table: the first row a heading, the first column to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    form = "  ".join(f"{{:{'>' if number else '<'}{width}}}" for number, width in enumerate(widths))
    lines = [form.format(*row).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def digits(value: float) -> str:
    """Return a number with three digits that count, or all those before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"
