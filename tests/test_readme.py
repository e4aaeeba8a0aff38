"""The programs of the READMEs run, and print what they say, but for the digits of figures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "benchmarks/README.md")]
PROGRAM = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
EXAMPLES = [each for page in PAGES for each in PROGRAM.findall(page)]


@pytest.mark.parametrize(("program", "printed"), EXAMPLES)
def test_an_example_prints_what_is_below_it(program, printed, tmp_path):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert figureless(result.stdout) == figureless(printed)


def test_the_examples_are_found():
    assert len(EXAMPLES) >= 2


def figureless(text):
    """Mask the digits behind a decimal point and exponents: times and last digits differ between machines."""
    return re.sub(r"\d+(\.\d+)?e-\d+|\d+\.\d+", "#", text)
