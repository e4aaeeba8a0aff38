"""What ``import diynn`` takes beyond ``import numpy``.

    python benchmarks/import_time.py

Each import is made by a fresh interpreter. The first is thrown away: it may have to compile.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence

import machine

_PROGRAM = """
from time import perf_counter
start = perf_counter()
import numpy
middle = perf_counter()
import diynn
print(middle - start, perf_counter() - middle)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20, help="interpreters (default: 20)")
    parser.add_argument("--most", type=int, default=8, help="modules to list (default: 8)")
    machine.add_options(parser, threads=False)
    options = parser.parse_args(arguments)
    pairs = [once() for _ in range(options.runs + 1)][1:]
    numpy, diynn = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(f"import numpy {numpy * 1e3:.0f} ms, import diynn {diynn * 1e3:.0f} ms more\n")
    slowest = modules()[: options.most]
    rows = [["module", "ms of its own"], *([name, f"{own * 1e3:.1f}"] for name, own in slowest)]
    print(machine.aligned(rows))
    results = {"numpy": numpy, "diynn": diynn, "modules": dict(slowest)}
    machine.write(machine.record(results, "import_time", arguments), options.json)
    return 0


def once() -> tuple[float, float]:
    """Return the seconds of both imports in a fresh interpreter."""
    numpy, diynn = map(float, _python("-c", _PROGRAM).stdout.split())
    return numpy, diynn


def modules() -> list[tuple[str, float]]:
    """Return the modules that diynn imports beyond NumPy's, with the seconds of each, the slowest first."""
    told = _python("-X", "importtime", "-c", "import numpy\nimport sys\nprint(file=sys.stderr)\nimport diynn")
    _, _, beyond = told.stderr.partition("\n\n")
    found = re.findall(r"import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)", beyond)
    return sorted(((name, int(own) * 1e-6) for own, name in found), key=lambda each: -each[1])


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)


if __name__ == "__main__":
    sys.exit(main())
