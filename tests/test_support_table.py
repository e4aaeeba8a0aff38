"""The table of what runs where."""

import re
import subprocess
import sys

import pytest

from tests import support_table
from tests.backends import BACKENDS
from tests.support_table import BEGIN, END, ROOT

REPORT = """<testsuites><testsuite>
{}
<testcase name="test_of_neither" />
<testcase name="test_of_one"><properties><property name="backend" value="numpy" /></properties></testcase>
</testsuite></testsuites>"""
TEST = """<testcase name="{}"><properties>
<property name="backend" value="{}" /><property name="{}" value="{}" /></properties>{}</testcase>"""


def table(text):
    """Return the cells of a table in Markdown, without the line of dashes."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [cells[0], *cells[2:]]


def test_cells_say_what_passed_failed_and_was_skipped():
    skipped = '<skipped type="pytest.skip" message="Skipped: no GPU">tests/x.py:1</skipped>'
    tests = [
        TEST.format("a", "numpy", "layer", "Tanh", ""),
        TEST.format("b", "numpy", "layer", "Tanh", ""),
        TEST.format("c", "numpy", "case", "MSELoss", ""),
        TEST.format("a", "torch", "layer", "Tanh", '<failure message="no">trace</failure>'),
        TEST.format("b", "torch", "layer", "Tanh", '<error message="no">trace</error>'),
        TEST.format("c", "torch", "layer", "Tanh", ""),
        TEST.format("a", "cupy", "layer", "Tanh", skipped),
        TEST.format("b", "cupy", "layer", "Tanh", skipped),
        TEST.format("a", "jax", "layer", "Tanh", ""),
        TEST.format("b", "jax", "layer", "Tanh", skipped),
    ]
    text = support_table.render(REPORT.format("\n".join(tests)))
    header, *lines = table(text)
    cells = {line[0]: dict(zip(header[1:], line[1:], strict=True)) for line in lines}
    assert header == ["", *BACKENDS]
    assert cells["`Tanh`"] == dict.fromkeys(BACKENDS, "not run") | {
        "numpy": "✓ 2",
        "torch": "✗ 2 of 3",
        "cupy": "skipped",
        "jax": "✓ 1",
    }
    assert cells["`MSELoss`"] == dict.fromkeys(BACKENDS, "not run") | {"numpy": "✓ 1"}
    assert "- jax: 1 skipped: no GPU\n- cupy: 2 skipped: no GPU" in text
    assert "5 passed in all" in text


def test_a_run_of_the_contract_fills_its_cells(tmp_path):
    report = tmp_path / "report.xml"
    command = ["-m", "pytest", "-n0", "-q", "tests/test_contract.py", f"--junitxml={report}"]
    chosen = ["--backend", "numpy,strict", "-k", "empty_batch and (Tanh or MSELoss)"]
    subprocess.run(
        [sys.executable, *command, *chosen], cwd=ROOT, check=True, capture_output=True, timeout=300
    )
    header, *lines = table(support_table.render(report.read_text(encoding="utf-8")))
    for name, *cells in lines:
        expected = "✓ 1" if name in ("`Tanh`", "`MSELoss`") else "not run"
        of_backend = dict(zip(header[1:], cells, strict=True))
        assert of_backend.pop("numpy") == of_backend.pop("strict") == expected
        assert set(of_backend.values()) == {"not run"}


def test_the_table_is_put_between_its_markers_and_nothing_else_changes():
    readme = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert support_table.write(readme, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    for text in ("", BEGIN, END, f"{END} {BEGIN}"):
        with pytest.raises(ValueError, match="the page must hold"):
            support_table.write(text, "new")


def test_the_page_has_rows_of_cases_alone_and_a_column_for_every_library():
    """A case added since has its row from the next run on; what is gone, or failed, must not stand there."""
    text = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    header, *lines = table(text[text.index(BEGIN) : text.index(END)])
    assert header[1:] == list(BACKENDS)
    rows = [line[0] for line in lines]
    assert len(rows) == len(set(rows)) > 20
    assert set(rows) <= {f"`{row}`" for row in support_table.rows()}
    for name, *cells in lines:
        assert all(re.fullmatch(r"✓ \d+|skipped", cell) for cell in cells), (name, cells)
