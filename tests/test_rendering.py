"""Tables in a notebook."""

from pathlib import Path

import pytest

import diynn
from diynn.history import History
from diynn.rendering import html_table, text_table

ROOT = str(Path(__file__).parent.parent)


def test_a_table_in_a_terminal_aligns_numbers_to_the_right():
    assert text_table(("name", "count"), [("a", "1"), ("long name", "1,000")], numbers=1).splitlines() == [
        "name       count",
        "---------  -----",
        "a              1",
        "long name  1,000",
    ]


def test_a_table_in_a_notebook_escapes_what_is_in_it():
    html = html_table(("<b>",), [("a < b & c",)], caption="<script>")
    assert "<td style='text-align:left'>a &lt; b &amp; c</td>" in html
    assert "&lt;b&gt;" in html
    assert "<script>" not in html


def test_a_summary_is_a_table_in_a_notebook():
    net = diynn.Sequential(diynn.Linear(3, 5), diynn.Tanh())
    html = net.summary((3,))._repr_html_()
    assert html.count("<tr>") == 3
    assert "<td style='text-align:left'>Linear(3, 5)</td>" in html
    assert "20 parameters" in html


@pytest.mark.parametrize(("epochs", "lines"), [(0, 0), (1, 1), (12, 12), (13, 13), (100, 13)])
def test_a_history_is_a_table_in_a_notebook(epochs, lines):
    history = History()
    for epoch in range(epochs):
        history.add(cost=float(epoch), seconds=0.5)
    html = history._repr_html_()
    assert html.count("<tr>") == 1 + lines
    assert ("…" in html) == (epochs > 12)
    if epochs:
        assert f"<td style='text-align:right'>{epochs}</td>" in html  # the last is there
        assert "epoch" in html


def test_an_unknown_size_says_how_to_learn_it():
    net = diynn.Sequential(diynn.Conv1D(3, 1, 4), diynn.Flatten())
    assert str(net).endswith("16 parameters; ? depends on the input: net.summary((length, channels)) tells")
    assert "?" not in str(net.summary((8, 1)))
    assert "?" not in str(diynn.Sequential(diynn.Linear(3, 4)))


# ------------------------------------------------------------------ in a notebook


def outputs(*cells):
    """Run cells in a fresh notebook; return the outputs of each."""
    nbclient = pytest.importorskip("nbclient", reason='notebooks need nbclient: pip install -e ".[examples]"')
    pytest.importorskip("ipykernel", reason='notebooks need ipykernel: pip install -e ".[examples]"')
    from nbformat.v4 import new_code_cell, new_notebook

    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": ROOT}}
    ).execute()
    return [[output.get("data", output) for output in cell.outputs] for cell in notebook.cells]


def test_figures_show_themselves_in_a_fresh_notebook(monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    history = "from diynn.history import History; h = History(); h.add(cost=1.0, seconds=0.1)"
    _, last, loop, table, ours = outputs(
        history,
        "h.plot()",
        "for _ in range(2):\n    h.plot()",
        "h",
        "import matplotlib.pyplot as plt; _, ax = plt.subplots(); _ = h.plot(ax=ax)",
    )
    assert [sum("image/png" in output for output in cell) for cell in (last, loop, ours)] == [1, 2, 1]
    assert "<table>" in table[0]["text/html"]


def test_a_training_without_a_bar_prints_nothing_in_a_notebook():
    """No warning of tqdm's either, that there are no ipywidgets."""
    _, training, net, trace = outputs(
        "import sys, numpy as np, diynn; sys.modules['ipywidgets'] = None; x = np.eye(4)",
        "net = diynn.Sequential(diynn.Linear(4, 4)); loss = diynn.MSELoss()\n"
        "h = diynn.SGD(net, loss, x, x, progress=False)",
        "net",
        "diynn.trace(net, loss, x, x)",
    )
    assert training == []
    assert "Linear(4, 4)" in net[0]["text/html"]
    assert "mean cost of an example" in trace[0]["text/html"]
