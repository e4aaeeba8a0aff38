"""The learning curve of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diynn.calls import spelled
from diynn.plots.canvas import check_axes, colour, new_figure
from diynn.wording import shown

_MARKED = 20  # points: fewer have markers, since a line of one point is invisible


@spelled()
def learning_curve(history: Mapping[str, Sequence[float]], *, ax: Any = None) -> Any:
    """Draw the cost at every epoch, and the metrics beside it if there are any.

    Parameters
    ----------
    history : mapping of str to a sequence of float
        One value per epoch. "cost" is required; "validation_cost" is drawn in the same panel. All other
        names are metrics, drawn in the right panel, each with its "validation_..." if it has one, except
        "seconds", which is not drawn, and "epoch", which numbers the epochs (default: from 1).
    ax : matplotlib Axes, optional
        Where to draw the costs alone; a new figure, with a second panel for the metrics, by default.

    Returns
    -------
    matplotlib Axes
        The panel of the costs; ``ax.figure`` has both.

    Raises
    ------
    TypeError
        If it is no mapping of sequences, such as a `History` itself.
    ValueError
        If "cost" is missing, or the sequences are not all as long as it.
    """
    if not isinstance(history, Mapping):
        raise TypeError(
            f"learning_curve: `history` must be a dict of columns, got {shown(history)}; the history of a "
            "training has one, history.to_dict()"
        )
    check_axes("learning_curve", ax)
    if "cost" not in history:
        raise ValueError(f"learning_curve: `history` must hold 'cost', got {sorted(history)}")
    for name, values in history.items():
        if not isinstance(values, list | tuple | range) and np.ndim(values) != 1:
            raise TypeError(
                f"learning_curve: `history` must hold lists of numbers, got {shown(values)} as {name!r}"
            )
        if len(values) != len(history["cost"]):
            raise ValueError(
                f"learning_curve: `history` must hold one value an epoch under each name, got "
                f"{len(history['cost'])} of 'cost' and {len(values)} of {name!r}"
            )
    epochs = history.get("epoch", range(1, len(history["cost"]) + 1))
    # An ordered set of the metrics' names, training and validation under one name.
    metrics = dict.fromkeys(
        name.removeprefix("validation_") for name in history if name not in ("epoch", "seconds")
    )
    del metrics["cost"]

    beside = None
    if ax is None:
        figure = new_figure(width=9 if metrics else 5, height=3.6)
        ax, beside = figure.subplots(1, 2) if metrics else (figure.subplots(), None)
    _draw(ax, epochs, history, ["cost"])
    ax.set(title="Cost", ylabel="mean cost of an example")
    if beside is not None:
        _draw(beside, epochs, history, list(metrics))
        name = _words(*metrics) if len(metrics) == 1 else "metrics"
        beside.set(title=name.capitalize(), ylabel=name)
    return ax


def _draw(
    ax: Any, epochs: Sequence[float], history: Mapping[str, Sequence[float]], names: Sequence[str]
) -> None:
    """Draw the training series, solid, and the validation series, dashed, of `names` in one panel."""
    single = len(names) == 1
    for i, name in enumerate(names):
        for j, series in enumerate(("training", "validation")):
            key = name if series == "training" else f"validation_{name}"
            if key in history:
                ax.plot(
                    epochs,
                    history[key],
                    label=series if single else f"{_words(name)}, {series}",
                    color=colour(i + j if single else i),
                    linestyle="-" if series == "training" else "--",
                    marker="o" if len(epochs) <= _MARKED else "",
                    markersize=3.5,
                )
    ax.set_xlabel("epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)


def _words(name: str) -> str:
    return name.replace("_", " ")
