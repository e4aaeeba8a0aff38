"""The confusion matrix of a classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

from diynn.calls import spelled
from diynn.metrics import count_pairs
from diynn.plots.canvas import axes, check_axes


@spelled()
def confusion_matrix(labels: Any, predictions: Any, classes: int | None = None, *, ax: Any = None) -> Any:
    """Draw the confusion matrix: one row per true class, one column per predicted class.

    The colour of a cell is its share of its row, so that a rare class reads like a frequent one.

    Parameters
    ----------
    labels, predictions : integer arrays (batch,)
        True and predicted classes.
    classes : int, optional
        Number of classes; the largest class present plus one by default.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        As `diynn.metrics.confusion_counts`.
    """
    check_axes("confusion_matrix", ax)
    counts = count_pairs("confusion_matrix", labels, predictions, classes)
    side = min(2.4 + 0.38 * len(counts), 12)
    ax = axes("confusion_matrix", ax, width=side, height=side)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        # The cells are light or dark in any style.
        colour = "white" if shares[row, column] > 0.5 else "black" if count else "0.65"
        ax.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=9)
    right = int(np.trace(counts))
    ax.set(
        title=f"{right} right of {counts.sum()}",
        xlabel="predicted class",
        ylabel="true class",
        xticks=range(len(counts)),
        yticks=range(len(counts)),
    )
    ax.tick_params(length=0)
    ax.spines[:].set_color("0.8")
    return ax
