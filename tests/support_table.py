"""Write the table of what runs where, in tests/README.md, from the results of the contract tests.

``python -m tests.support_table`` runs them on every array library that is installed;
``python -m tests.support_table report.xml`` takes a run of ``pytest --junitxml=report.xml``.
"""

import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from xml.etree import ElementTree

from tests.backends import BACKENDS
from tests.cases import LAYERS, LOSSES

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- support table: begin -->", "<!-- support table: end -->"
LIBRARIES = ("numpy", "array-api-strict", "torch", "jax", "cupy-cuda12x", "cupy-cuda13x")


def rows():
    """Return the names of the cases, in the order of the registry."""
    return [str(case) for case in (*LAYERS, *LOSSES)]


def run():
    """Run the contract tests; return their report."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "tests/test_contract.py", f"--junitxml={report}"]
        subprocess.run(command, cwd=ROOT, check=False)  # failures stand in the table
        return report.read_text(encoding="utf-8")


def read(report):
    """Return how often each outcome came, by case and backend, and why tests were skipped, by backend."""
    outcomes, reasons = defaultdict(Counter), defaultdict(Counter)
    for test in ElementTree.fromstring(report).iter("testcase"):
        properties = {each.get("name"): each.get("value") for each in test.iter("property")}
        backend, case = properties.get("backend"), properties.get("layer") or properties.get("case")
        if backend is None or case is None:
            continue
        skipped = test.find("skipped")
        if skipped is not None:
            outcomes[case, backend]["skipped"] += 1
            reasons[backend][skipped.get("message", "").removeprefix("Skipped: ")] += 1
        elif test.find("failure") is not None or test.find("error") is not None:
            outcomes[case, backend]["failed"] += 1
        else:
            outcomes[case, backend]["passed"] += 1
    return outcomes, reasons


def render(report):
    """Return the table, the reasons below it and the versions, in Markdown."""
    outcomes, reasons = read(report)
    lines = [["", *BACKENDS], ["---"] * (len(BACKENDS) + 1)]
    lines += [[f"`{row}`", *(_cell(outcomes[row, backend]) for backend in BACKENDS)] for row in rows()]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    notes = [
        f"- {backend}: {count} skipped: {reason}"
        for backend in BACKENDS
        for reason, count in sorted(reasons[backend].items())
    ]
    total = sum(count["passed"] for count in outcomes.values())
    legend = f"✓: so many tests passed, ✗: so many of them failed; {total} passed in all. {_versions()}"
    return "\n".join([*text, "", legend, "", *notes]).rstrip()


def _cell(count):
    if count["failed"]:
        return f"✗ {count['failed']} of {count['failed'] + count['passed']}"
    if count["passed"]:
        return f"✓ {count['passed']}"
    return "skipped" if count["skipped"] else "not run"


def _versions():
    found = [f"Python {python_version()}"]
    for library in LIBRARIES:
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            continue
    return f"Run with {', '.join(found)}."


def write(readme, table):
    """Return the text of a page with the table between its two markers."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page must hold {BEGIN} and, behind it, {END}")
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def main(arguments):
    """Write the table into tests/README.md."""
    report = Path(arguments[0]).read_text(encoding="utf-8") if arguments else run()
    readme = ROOT / "tests" / "README.md"
    readme.write_text(write(readme.read_text(encoding="utf-8"), render(report)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
