"""Figures of what a net learns; matplotlib is imported when a figure is drawn, not before.

Every function takes arrays of any library and returns a `matplotlib.figure.Figure` that belongs to nobody:
pyplot is never touched, so the functions work without a display and change no global state. Save the figure
with ``figure.savefig("name.png")``, or draw into one of pyplot's own::

    images([x, net(x)], ax=plt.gca())
    plt.show()
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from diynn.arrays import asarray_like, to_numpy
from diynn.metrics import confusion_counts

# Colours that stay apart for colour-blind readers (six of Okabe and Ito's), then four more for ten classes.
_PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00",
    "#56B4E9", "#7F7F7F", "#8C564B", "#BCBD22", "#6A3D9A",
)  # fmt: skip


def learning_curve(history: Mapping[str, Sequence[float]], *, figure: Any = None) -> Any:
    """Draw the cost at every epoch, and the metrics beside it if there are any.

    Parameters
    ----------
    history : mapping of str to a sequence of float
        One value an epoch. "cost" is required; "validation_cost" is drawn in the same panel. All other
        names are metrics and go to the right panel, each with its "validation_..." if it has one, except
        "seconds", which is not drawn, and "epoch", which numbers the epochs (default: from 1).
    figure : matplotlib Figure, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Figure
        One panel or two.

    Raises
    ------
    ValueError
        If "cost" is missing, or the sequences are not all as long as it.
    """
    if "cost" not in history:
        raise ValueError(f"learning_curve: `history` must hold 'cost', got {sorted(history)}")
    for name, values in history.items():
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

    figure = _figure(figure, width=9 if metrics else 5, height=3.6)
    axes = figure.subplots(1, 2 if metrics else 1, squeeze=False)[0]
    _draw_series(axes[0], epochs, history, ["cost"])
    if metrics:
        _draw_series(axes[1], epochs, history, list(metrics))
    return figure


def _draw_series(
    ax: Any, epochs: Sequence[float], history: Mapping[str, Sequence[float]], names: Sequence[str]
) -> None:
    """Draw the training and validation series of `names` in one panel."""
    single = len(names) == 1
    # A single epoch would make an invisible line: few points are marked.
    marker = "o" if len(epochs) <= 20 else ""
    for i, name in enumerate(names):
        for j, series in enumerate(("training", "validation")):
            key = name if series == "training" else f"validation_{name}"
            if key in history:
                ax.plot(
                    epochs,
                    history[key],
                    label=series if single else f"{_words(name)}, {series}",
                    color=_PALETTE[(i + j if single else i) % len(_PALETTE)],
                    linestyle="-" if single or series == "training" else "--",
                    marker=marker,
                    markersize=3.5,
                )
    title = _words(names[0]) if single else "metrics"
    ax.set(title=title.capitalize(), xlabel="epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)


def confusion_matrix(labels: Any, predictions: Any, classes: int | None = None, *, ax: Any = None) -> Any:
    """Draw the counts of each class taken for each other: one row a true class, one column a predicted one.

    The colour of a cell is its share of its row, so that a rare class reads like a frequent one.

    Parameters
    ----------
    labels, predictions : integer arrays (batch,)
        True and predicted classes.
    classes : int, optional
        Number of classes; the largest class met plus one by default.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError, TypeError
        As `diynn.metrics.confusion_counts`.
    """
    counts = confusion_counts(labels, predictions, classes)
    side = min(2.4 + 0.38 * len(counts), 12)
    ax = _axes(ax, width=side, height=side)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black" if count else "0.75"
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
    return ax.figure


def images(
    rows: Sequence[Any],
    *,
    shape: tuple[int, int] = (8, 8),
    titles: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """Draw a grid of images, all on one grey scale; such as originals above their reconstructions.

    Parameters
    ----------
    rows : sequence of arrays (n, pixels)
        The images of each row of the grid, flattened in C order. A row may be shorter than another.
    shape : tuple of int
        Height and width of an image.
    titles : sequence of str, optional
        One a row, written at its left.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If there is no image at all, a row is not of shape (n, height * width), or there are not as many
        titles as rows.
    """
    height, width = shape
    grids = [to_numpy(row) for row in rows]
    for i, grid in enumerate(grids):
        if grid.ndim != 2 or grid.shape[1] != height * width:
            raise ValueError(
                f"images: `rows` must be a sequence of arrays (n, {height * width}) for images of shape "
                f"{(height, width)}, got {grid.shape} at {i}"
            )
    if sum(len(grid) for grid in grids) == 0:
        raise ValueError("images: `rows` must hold at least one image, got none")
    if titles is not None and len(titles) != len(grids):
        raise ValueError(
            f"images: `titles` must have one title a row, got {len(titles)} titles for {len(grids)} rows"
        )
    columns = max(len(grid) for grid in grids)
    ax = _axes(ax, width=min(1 + 0.8 * columns, 14), height=min(0.4 + 0.8 * len(grids) * height / width, 14))
    _draw_mosaic(ax, [grid.reshape(-1, height, width) for grid in grids], cmap="gray_r")
    if titles is not None:
        ax.set_yticks([i * (height + 1) + (height - 1) / 2 for i in range(len(grids))], titles)
    return ax.figure


def weights(parameters: Any, shape: tuple[int, int] | None = None, *, figure: Any = None) -> Any:
    """Draw the weights of a first layer: what each output looks for in the input.

    Parameters
    ----------
    parameters : array (in, out) or (k_size, chan_in, chan_out)
        Of a `Linear`: one image an output, red where the weight is positive and blue where it is negative.
        Of a `Conv1D`: one panel an output channel, one curve an input channel.
    shape : tuple of int, optional
        Height and width of an image, for a `Linear`; a square by default.
    figure : matplotlib Figure, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If `parameters` has neither shape, has no weight, or its inputs do not make images of `shape`.
    """
    parameters = to_numpy(parameters)
    if parameters.ndim not in (2, 3) or parameters.size == 0:
        raise ValueError(
            f"weights: `parameters` must have shape (in, out) or (k_size, chan_in, chan_out), none of them "
            f"zero, got {parameters.shape}"
        )
    if parameters.ndim == 3:
        return _filters(parameters, figure)

    pixels, out = parameters.shape
    height, width = shape or (math.isqrt(pixels),) * 2
    if height * width != pixels:
        expected = (
            f"{height} * {width} = {height * width}" if shape else "a square number of (or give `shape`)"
        )
        raise ValueError(f"weights: `parameters` must have {expected} inputs, got {pixels}")
    columns, rows = _grid(out)
    figure = _figure(figure, width=1.2 + 0.8 * columns, height=0.4 + 0.8 * rows * height / width)
    ax = figure.subplots()
    pictures = parameters.T.reshape(out, height, width)
    # Zero is white: the scale is symmetric.
    largest = np.abs(parameters).max() or 1.0
    image = _draw_mosaic(
        ax,
        [pictures[start : start + columns] for start in range(0, out, columns)],
        cmap="RdBu_r",
        vmin=-largest,
        vmax=largest,
    )
    figure.colorbar(image, ax=ax, label="weight", shrink=0.8)
    return figure


def _filters(parameters: Any, figure: Any) -> Any:
    """Draw one panel an output channel, with the filter (k_size,) of every input channel as a curve."""
    k_size, chan_in, chan_out = parameters.shape
    columns, rows = _grid(chan_out)
    figure = _figure(figure, width=1.2 + 1.3 * columns, height=1.0 + 1.1 * rows)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for channel, ax in enumerate(axes[:chan_out]):
        ax.axhline(0, color="0.8", linewidth=0.8)
        for source in range(chan_in):
            ax.plot(
                range(k_size),
                parameters[:, source, channel],
                color=_PALETTE[source % len(_PALETTE)],
                label=f"input {source}",
                marker="o",
                markersize=3,
            )
        ax.set_title(f"{channel}", fontsize=8, pad=2)
        ax.tick_params(labelsize=7)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[max(chan_out - columns, 0) : chan_out]:
        ax.tick_params(labelbottom=True)
    for ax in axes[chan_out:]:
        ax.remove()
    figure.supxlabel("tap", fontsize=9)
    figure.supylabel("weight", fontsize=9)
    if 1 < chan_in <= len(_PALETTE):
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8
        )
    return figure


def decision_frontier(
    predict: Callable[[Any], Any],
    x: Any,
    y: Any,
    *,
    resolution: int = 200,
    threshold: float = 0.5,
    ax: Any = None,
) -> Any:
    """Draw what a classifier of the plane answers everywhere, with the points it is judged on.

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
    matplotlib Figure

    Raises
    ------
    ValueError
        If a shape is none of the above, there is no point, or a score is not finite.
    """
    points, labels = to_numpy(x), to_numpy(y)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"decision_frontier: `x` must have shape (batch, 2), batch > 0, got {points.shape}")
    if labels.ndim not in (1, 2) or len(labels) != len(points):
        raise ValueError(
            f"decision_frontier: `y` must have shape (batch,), (batch, 1) or (batch, classes) with "
            f"batch = {len(points)}, got {labels.shape}"
        )
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, 0.08 * (high - low), 1.0)
    horizontal, vertical = np.linspace(low - margin, high + margin, resolution, axis=1)
    grid = np.stack(np.meshgrid(horizontal, vertical), axis=-1).reshape(-1, 2)
    scores = to_numpy(predict(asarray_like(grid, x)))
    if scores.ndim not in (1, 2) or len(scores) != len(grid):
        raise ValueError(
            f"decision_frontier: `predict` must return shape (n,), (n, 1) or (n, classes) with "
            f"n = {len(grid)}, got {scores.shape}"
        )
    if not np.isfinite(scores).all():
        raise ValueError("decision_frontier: `predict` must return finite scores, got NaN or infinity")
    binary = scores.ndim == 1 or scores.shape[1] == 1
    scores = scores.reshape(resolution, resolution, -1)

    ax = _axes(ax, width=5.2, height=4.5)
    if binary:
        _draw_binary(ax, horizontal, vertical, scores[..., 0], threshold)
    else:
        _draw_regions(ax, horizontal, vertical, scores)
    if labels.ndim == 2:
        labels = labels[:, 0] if labels.shape[1] == 1 else labels.argmax(axis=1)
    if binary:
        labels = labels > 0
    for label in np.unique(labels):
        ax.scatter(
            *points[labels == label].T,
            color=_PALETTE[int(label) % len(_PALETTE)],
            label=f"class {int(label)}",
            s=18,
            edgecolors="white",
            linewidths=0.5,
        )
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    # Above the panel, where it hides no point.
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=5, frameon=False, handletextpad=0)
    return ax.figure


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
            colour = _PALETTE[label % len(_PALETTE)]
            ax.contourf(horizontal, vertical, lead, [0, lead.max()], colors=[colour], alpha=0.3)
            if lead.min() < 0:
                ax.contour(horizontal, vertical, lead, [0], colors="black", linewidths=0.8)


def _grid(count: int) -> tuple[int, int]:
    """Return the columns and rows of the most nearly square grid of `count` cells, wider than high."""
    columns = math.ceil(math.sqrt(count))
    return columns, math.ceil(count / columns)


def _draw_mosaic(ax: Any, rows: Sequence[Any], cmap: str, **limits: float) -> Any:
    """Show rows of images (n, height, width), each with a thin frame; return matplotlib's own image."""
    from matplotlib.patches import Rectangle

    height, width = rows[0].shape[1:]
    columns = max(len(row) for row in rows)
    # What stays NaN, between images and after the last of a row, is not drawn.
    canvas = np.full((len(rows) * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            top, left = i * (height + 1), j * (width + 1)
            canvas[top : top + height, left : left + width] = picture
            corner = (left - 0.5, top - 0.5)
            ax.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="0.75", linewidth=0.6))
    # Any smoothing would spread the NaN.
    image = ax.imshow(canvas, cmap=cmap, interpolation="nearest", **limits)
    ax.set(xticks=[], yticks=[])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return image


def _words(name: str) -> str:
    return name.replace("_", " ")


def _figure(figure: Any, width: float, height: float) -> Any:
    """Return the figure given, or a new one of that size in inches, known to no window."""
    if figure is not None:
        return figure
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('figures need matplotlib: pip install "diynn[demo]"') from error
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.07, h_pad=0.06)
    return figure


def _axes(ax: Any, width: float, height: float) -> Any:
    """Return the axes given, or those of a new figure."""
    return _figure(None, width, height).subplots() if ax is None else ax
