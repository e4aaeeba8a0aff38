"""Scatter plots by class, and the decision regions of a classifier of the plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diynn.arguments import any_number, integer_from
from diynn.arrays import asarray_like, host_numbers
from diynn.calls import spelled
from diynn.plots.canvas import MARKERS, axes, check_axes, colour, ink, new_figure
from diynn.shapes import positive_number
from diynn.wording import shown

_LARGER = {"*": 2.2, "P": 1.6, "X": 1.6}  # markers that look smaller than others


@spelled()
def scatter(points: Any, labels: Any, *, size: float = 22, ax: Any = None) -> Any:
    """Draw points with a colour and a marker for each class.

    Parameters
    ----------
    points : array (n, 2) or (n, 3)
        Their coordinates, in the plane or in space.
    labels : integer array (n,)
        Their classes.
    size : float
        Area of a marker, in points squared.
    ax : matplotlib Axes, optional
        Where to draw, with the projection "3d" for three coordinates; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If an argument is of another kind than above.
    ValueError
        If a shape is none of the above.
    """
    check_axes("scatter", ax)
    points = host_numbers("scatter", "points", points)
    labels, size = host_numbers("scatter", "labels", labels), positive_number("scatter", "size", size)
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise ValueError(f"scatter: `points` must have shape (n, 2) or (n, 3), got {points.shape}")
    if labels.shape != points.shape[:1]:
        raise ValueError(f"scatter: `labels` must have shape {points.shape[:1]}, got {labels.shape}")
    if ax is None:
        projection = "3d" if points.shape[1] == 3 else None
        ax = new_figure(5.6, 4.6).add_subplot(projection=projection)
    _mark(ax, points, labels, size, prefix="")
    ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, handletextpad=0)
    return ax


def _mark(ax: Any, points: Any, labels: Any, size: float, prefix: str) -> None:
    for label in np.unique(labels):
        marker = MARKERS[int(label) % len(MARKERS)]
        ax.scatter(
            *points[labels == label].T,
            color=colour(int(label)),
            marker=marker,
            label=f"{prefix}{int(label)}",
            s=size * _LARGER.get(marker, 1),
            edgecolors="white",
            linewidths=0.4,
        )


@spelled()
def decision_frontier(
    predict: Callable[[Any], Any],
    x: Any,
    y: Any,
    *,
    resolution: int = 200,
    threshold: float = 0.5,
    ax: Any = None,
) -> Any:
    """Draw the output of a classifier over the plane, with data points.

    Parameters
    ----------
    predict : callable
        From points (n, 2), in the library, type and device of `x`, to scores of shape (n,) or (n, 1), drawn
        as shades with the line where they cross `threshold`, or (n, classes), drawn as the region where
        each class has the largest score. A net is such a callable.
    x : array (batch, 2)
        The points.
    y : array (batch,), (batch, 1) or (batch, classes)
        Their labels: class indices, 0/1 or -1/+1 in a binary problem, or one-hot.
    resolution : int
        Points of the grid along each axis.
    threshold : float
        Score between the two classes of a binary problem: 0.5 for a probability, 0 for a logit.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If an argument is of another kind than above.
    ValueError
        If a shape is none of the above, there is no point, or a score is not finite.
    """
    owner = "decision_frontier"
    check_axes(owner, ax)
    resolution = integer_from(2, owner, "resolution", resolution, "an integer, 2 or more")
    threshold = any_number(owner, "threshold", threshold)
    points, labels = host_numbers(owner, "x", x), host_numbers(owner, "y", y)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"decision_frontier: `x` must have shape (batch, 2), batch > 0, got {points.shape}")
    if labels.ndim not in (1, 2) or len(labels) != len(points):
        raise ValueError(
            f"decision_frontier: `y` must have shape (batch,), (batch, 1) or (batch, classes) with "
            f"batch = {len(points)}, got {labels.shape}"
        )
    if isinstance(predict, type) or not callable(predict):
        raise TypeError(
            f"{owner}: `predict` must be a function of points, such as a net, got {shown(predict)}"
        )
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, 0.08 * (high - low), 1.0)
    horizontal, vertical = np.linspace(low - margin, high + margin, resolution, axis=1)
    grid = np.stack(np.meshgrid(horizontal, vertical), axis=-1).reshape(-1, 2)
    scores = host_numbers(owner, "predict", predict(asarray_like(grid, x)))
    if scores.ndim not in (1, 2) or len(scores) != len(grid):
        raise ValueError(
            f"decision_frontier: `predict` must return shape (n,), (n, 1) or (n, classes) with "
            f"n = {len(grid)}, got {scores.shape}"
        )
    if not np.isfinite(scores).all():
        raise ValueError("decision_frontier: `predict` must return finite scores, got NaN or infinity")
    binary = scores.ndim == 1 or scores.shape[1] == 1
    scores = scores.reshape(resolution, resolution, -1)

    ax = axes(owner, ax, width=5.2, height=4.7)
    if binary:
        _draw_binary(ax, horizontal, vertical, scores[..., 0], threshold)
    else:
        _draw_regions(ax, horizontal, vertical, scores)
    if labels.ndim == 2:
        labels = labels[:, 0] if labels.shape[1] == 1 else labels.argmax(axis=1)
    if binary:
        labels = labels > 0
    _mark(ax, points, labels, 18, prefix="class ")
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    _legend_below(ax)
    return ax


def _legend_below(ax: Any) -> None:
    """Put the legend below the name of the axis, where it hides neither a point nor the title."""
    from matplotlib.transforms import ScaledTranslation

    below = ax.transAxes + ScaledTranslation(0, -32 / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=below,
        ncols=5,
        frameon=False,
        handletextpad=0,
    )


def _draw_binary(ax: Any, horizontal: Any, vertical: Any, scores: Any, threshold: float) -> None:
    """Draw the shades of a score, white at the threshold, and the line where it is crossed."""
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("diynn", ["#66AAD1", "white", "#E69E66"])
    reach = np.abs(scores - threshold).max() or 1.0
    # Rounded up to two digits, so that the scale of a probability ends at 0 and 1.
    unit = 10.0 ** (np.floor(np.log10(reach)) - 1)
    reach = np.ceil(reach / unit) * unit
    levels = np.linspace(threshold - reach, threshold + reach, 21)
    filled = ax.contourf(horizontal, vertical, scores, levels, cmap=shades)
    if scores.min() < threshold < scores.max():
        ax.contour(horizontal, vertical, scores, [threshold], colors="black", linewidths=1.2)
    ax.figure.colorbar(filled, ax=ax, label="score", ticks=levels[::5], format="%.3g")


def _draw_regions(ax: Any, horizontal: Any, vertical: Any, scores: Any) -> None:
    """Draw the region where each class has the largest score."""
    # A class wins where its lead over the others is positive. Contours of the index of the best class would
    # draw, between classes 0 and 2, a sliver of class 1.
    best_two = np.sort(scores, axis=-1)[..., -2:]
    for label in range(scores.shape[-1]):
        score = scores[..., label]
        lead = score - np.where(score == best_two[..., 1], best_two[..., 0], best_two[..., 1])
        if lead.max() > 0:
            ax.contourf(horizontal, vertical, lead, [0, lead.max()], colors=[colour(label)], alpha=0.3)
            if lead.min() < 0:
                ax.contour(horizontal, vertical, lead, [0], colors=[ink()], linewidths=0.8)
