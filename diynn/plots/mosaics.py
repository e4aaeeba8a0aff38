"""Grids of images: the data, their reconstructions, the weights of a first layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from diynn.arguments import image_shape, interval, sequence
from diynn.arrays import host_numbers
from diynn.calls import spelled
from diynn.plots.canvas import SIGNED, axes, check_axes, text_width

_CELL = 0.72  # inches that an image is wide
_WIDEST = 12.0  # inches of a figure
_GAP = 0.12  # between two images, in widths of one


@spelled()
def images(
    rows: Sequence[Any],
    *,
    shape: tuple[int, int] = (8, 8),
    titles: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
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
        One per row, written to its left.
    limits : tuple of float, optional
        The values that are drawn white and black; those of the first row by default, so that a
        reconstruction that goes beyond the originals does not make all of them grey.
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
        If there is no image at all, a row is not of shape (n, height * width), or there are not as many
        titles as rows.
    """
    check_axes("images", ax)
    height, width = image_shape("images", "shape", shape)
    grids = [host_numbers("images", "rows", row) for row in sequence("images", "rows", rows)]
    for i, grid in enumerate(grids):
        if grid.ndim != 2 or grid.shape[1] != height * width:
            raise ValueError(
                f"images: `rows` must be a sequence of arrays (n, {height * width}) for images of shape "
                f"{(height, width)}, got {grid.shape} at {i}"
            )
    if sum(len(grid) for grid in grids) == 0:
        raise ValueError("images: `rows` must hold at least one image, got none")
    titles = None if titles is None else sequence("images", "titles", titles)
    if titles is not None and not all(isinstance(title, str) for title in titles):
        raise TypeError(f"images: `titles` must be a list of texts, got {titles}")
    if titles is not None and len(titles) != len(grids):
        raise ValueError(
            f"images: `titles` must have one title a row, got {len(titles)} titles for {len(grids)} rows"
        )
    pictures = [grid.reshape(-1, height, width) for grid in grids]
    margin = 0.0 if titles is None else 0.2 + max(map(text_width, titles))
    low, high = _range(grids) if limits is None else interval("images", "limits", limits)
    ax = _draw("images", ax, pictures, "gray_r", low, high, margin=margin)
    if titles is not None:
        step = height + _gap(width)
        ax.set_yticks([i * step + (height - 1) / 2 for i in range(len(grids))], titles)
    return ax


def _range(grids: Sequence[Any]) -> tuple[float, float]:
    """Return the range of the first row that has two different values, or of all rows."""
    first = next((grid for grid in grids if grid.size and np.ptp(grid) > 0), None)
    values = first if first is not None else np.concatenate([grid.ravel() for grid in grids])
    return float(values.min()), float(values.max())


@spelled()
def weights(parameters: Any, shape: tuple[int, int] | None = None, *, ax: Any = None) -> Any:
    """Draw the weights of a first layer: the pattern that each output responds to.

    Zero is grey, positive weights are lighter and yellow, negative ones darker and blue.

    Parameters
    ----------
    parameters : array (in, out) or (k_size, chan_in, chan_out)
        Of a `Linear`: one image per output. Of a `Conv1D`: one column per output channel, one row per step
        of the window, one block of rows per input channel.
    shape : tuple of int, optional
        Height and width of an image, for a `Linear`; a square by default.
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
        If `parameters` has neither shape, has no weight, or its inputs do not make images of `shape`.
    """
    check_axes("weights", ax)
    parameters = host_numbers("weights", "parameters", parameters)
    if parameters.ndim not in (2, 3) or parameters.size == 0:
        raise ValueError(
            f"weights: `parameters` must have shape (in, out) or (k_size, chan_in, chan_out), none of them "
            f"zero, got {parameters.shape}"
        )
    largest = float(np.abs(parameters).max()) or 1.0
    if parameters.ndim == 3:
        ax = _filters(parameters, largest, ax)
    else:
        pixels, out = parameters.shape
        height, width = (math.isqrt(pixels),) * 2 if shape is None else image_shape("weights", "shape", shape)
        if height * width != pixels:
            expected = (
                f"{height} * {width} = {height * width}" if shape else "a square number of (or give `shape`)"
            )
            raise ValueError(f"weights: `parameters` must have {expected} inputs, got {pixels}")
        pictures = parameters.T.reshape(out, height, width)
        columns = _columns(out)
        rows = [pictures[start : start + columns] for start in range(0, out, columns)]
        ax = _draw("weights", ax, rows, SIGNED, -largest, largest, margin=1.0)
    ax.figure.colorbar(ax.images[0], ax=ax, label="weight", shrink=0.9, aspect=15)
    return ax


def _filters(parameters: Any, largest: float, ax: Any) -> Any:
    """Draw the filters of a convolution, each a column; input channels one below the other."""
    k_size, chan_in, chan_out = parameters.shape
    table = np.full((chan_in * (k_size + 1) - 1, chan_out), np.nan)
    for channel in range(chan_in):
        table[channel * (k_size + 1) :][:k_size] = parameters[:, channel]
    cell = min(0.3, _WIDEST / chan_out)
    ax = axes("weights", ax, width=2.2 + cell * chan_out, height=1.3 + min(cell * len(table), _WIDEST))
    ax.imshow(table, cmap=SIGNED, vmin=-largest, vmax=largest, interpolation="nearest")
    steps = [row for row in range(len(table)) if (row + 1) % (k_size + 1)]
    ax.set_yticks(steps, [str(row % (k_size + 1)) for row in steps], fontsize=8)
    ax.set_xticks(range(0, chan_out, max(1, chan_out // 16)))
    ax.tick_params(length=0)
    of_input = f" (of each of {chan_in} input channels)" if chan_in > 1 else ""
    ax.set(xlabel="output channel", ylabel=f"step of the window{of_input}")
    ax.spines[:].set_visible(False)
    return ax


def _columns(count: int) -> int:
    """Return the columns of a grid of `count` cells, wider than high, with as few empty ones as may be."""
    root = math.ceil(math.sqrt(count))
    return min(range(root, 2 * root + 1), key=lambda columns: -count % columns)


def _gap(width: int) -> float:
    return max(1.0, _GAP * width)


def _draw(
    owner: str, ax: Any, rows: Sequence[Any], cmap: str, low: float, high: float, *, margin: float
) -> Any:
    """Show rows of images (n, height, width), each with a thin frame, in inches that fit them."""
    from matplotlib.image import AxesImage
    from matplotlib.patches import Rectangle

    height, width = rows[0].shape[1:]
    columns = max(len(row) for row in rows)
    gap = _gap(width)
    wide, high_ = columns * (width + gap) - gap, len(rows) * (height + gap) - gap
    cell = min(_CELL, (_WIDEST - margin) / columns) / (width + gap)
    ax = axes(owner, ax, width=wide * cell + margin + 0.2, height=high_ * cell + 0.2)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            left, top = j * (width + gap) - 0.5, i * (height + gap) - 0.5
            image = AxesImage(
                ax,
                cmap=cmap,
                interpolation="nearest",
                origin="upper",
                extent=(left, left + width, top + height, top),
            )
            image.set_data(picture)
            image.set_clim(low, high)
            ax.add_image(image)
            ax.add_patch(
                Rectangle(
                    (left, top), width, height, fill=False, edgecolor="0.6", linewidth=0.6, clip_on=False
                )
            )
    ax.set(xlim=(-0.5, wide - 0.5), ylim=(high_ - 0.5, -0.5), aspect="equal", xticks=[], yticks=[])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.patch.set_visible(False)
    return ax
