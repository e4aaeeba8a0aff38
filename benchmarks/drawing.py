"""The figures, by matplotlib, which is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness import Cell
from workloads import WORKLOADS

# Okabe and Ito's colours, which colour-blind readers can tell apart; the marker says the same again.
_STYLES = {
    "torch": ("PyTorch eager", "#D55E00", "o"),
    "torch-channels-last": ("PyTorch eager, channels last", "#E69F00", "s"),
    "torch-compile": ("torch.compile", "#CC79A7", "^"),
    "jax": ("jax.jit", "#009E73", "D"),
    "sklearn": ("scikit-learn", "#56B4E9", "v"),
    "diynn-numpy": ("diynn on NumPy, on the CPU", "#0072B2", "P"),
    "floor": ("floor: the matrix products alone", "0.45", ""),
    "traffic": ("floor: the bytes copied", "0.45", ""),
}
_DASHES = {"floor": (4, 2), "traffic": (1, 1.5)}
_OURS = "#0072B2"


def file_name(backend: str) -> str:
    """Return the name under which the figure of a backend's run is kept."""
    return f"training_step-{backend.replace(':', '-')}.png"


def step_times(cells: Sequence[Cell], machine: dict[str, Any]) -> Any:
    """Draw the time of a step over diynn's own, a panel a workload.

    Parameters
    ----------
    cells : list of Cell
        A peer that ran on one thread as well is drawn with the better of the two.
    machine : dict
        What the machine is, for the title.

    Returns
    -------
    matplotlib Figure
    """
    from matplotlib.figure import Figure

    names = [name for name in WORKLOADS if any(cell.workload == name for cell in cells)]
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4.6 * columns, 0.9 + 2.9 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    handles: dict[str, Any] = {}
    for panel, name in zip(panels, names, strict=False):
        drawn = [cell for cell in cells if cell.workload == name and _STYLES.keys() & cell.figures.keys()]
        handles |= _panel(panel, name, [cell for cell in drawn if "diynn" in cell.figures])
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    order = [words for words in ("diynn", *(words for words, *_ in _STYLES.values())) if words in handles]
    lines = [handles[words] for words in order]
    figure.legend(lines, order, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    where = machine.get("gpu") or f"{machine['cpu']}, {machine['cores']} cores"
    figure.supxlabel(f"batch size ({where}, float32)", fontsize=9, color="0.3")
    figure.supylabel("time of a training step, as a multiple of diynn's", fontsize=9, color="0.3")
    return figure


def _panel(panel: Any, name: str, cells: Sequence[Cell]) -> dict[str, Any]:
    """Draw one workload; return the lines by their legends."""
    places = range(len(cells))
    handles = {"diynn": panel.axhline(1, color=_OURS, linewidth=3, solid_capstyle="butt")}
    for label, (words, colour, marker) in _STYLES.items():
        ratios = [_ratio(cell, label) for cell in cells]
        if all(ratio is None for ratio in ratios):
            continue
        heights = [float("nan") if ratio is None else ratio for ratio in ratios]
        (line,) = panel.plot(places, heights, color=colour, marker=marker, markersize=5, linewidth=1.4)
        if label in _DASHES:
            line.set_dashes(_DASHES[label])
        handles[words] = line
    panel.set_yscale("log", base=2)
    low, high = panel.get_ylim()
    panel.set_ylim(min(low, 0.4), max(high, 5))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    panel.set_xticks(places, [f"{cell.batch:,}" for cell in cells])
    panel.set_title(f"({name}) {_SHORT[name]}", fontsize=10, loc="left")
    panel.grid(axis="y", color="0.9", linewidth=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8, color="0.6")
    return handles


_SHORT = {
    "a": "autoencoder 256-100-10-100-256",
    "b": "classifier 256-128-64-10",
    "c": "the sheet's conv net, length 256",
    "d": "two convolutions of 64 channels",
}


def _ratio(cell: Cell, label: str) -> float | None:
    found = [cell.figures[each].median for each in (label, f"{label}@1") if each in cell.figures]
    return min(found) / cell.figures["diynn"].median if found else None
