"""Main effects of the factors of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diynn.arguments import sequence
from diynn.arrays import host_numbers
from diynn.calls import spelled
from diynn.plots.canvas import PALETTE, axes, check_axes, ink
from diynn.wording import shown

_GAP = 0.8  # between two factors, in places of a level


@spelled()
def main_effects(
    factors: Mapping[str, Sequence[Any]], values: Sequence[float], name: str = "value", *, ax: Any = None
) -> Any:
    """Draw the value of every run above each level of each factor, and the median of each level.

    Parameters
    ----------
    factors : dict of str to sequence (runs,)
        The level that each run has of each factor. A factor of one level is left out, unless all are.
    values : sequence (runs,)
        The results of the runs.
    name : str
        The name of the values.
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
        If there is no run or no factor, or a factor does not have one level per run.
    """
    check_axes("main_effects", ax)
    if not isinstance(factors, Mapping):
        raise TypeError(f"main_effects: `factors` must be a dict of lists, got {shown(factors)}")
    if not isinstance(name, str):
        raise TypeError(f"main_effects: `name` must be a text, got {shown(name)}")
    heights = host_numbers("main_effects", "values", values)
    if heights.ndim != 1:
        raise ValueError(f"main_effects: `values` must have shape (runs,), got {heights.shape}")
    if not factors or not heights.size:
        raise ValueError("main_effects: `factors` and `values` must hold a factor and a run at least")
    for factor, given in factors.items():
        levels = sequence("main_effects", f"factors[{factor!r}]", given)
        if len(levels) != len(heights):
            raise ValueError(
                f"main_effects: `factors[{factor!r}]` must hold a level for each of {len(heights)} runs, "
                f"got {len(levels)}"
            )
    told = {factor: list(map(str, levels)) for factor, levels in factors.items()}
    several = {factor: levels for factor, levels in told.items() if len(set(levels)) > 1} or told
    count = sum(len(set(levels)) for levels in several.values())
    ax = axes("main_effects", ax, width=min(2 + 0.55 * count + 0.4 * len(several), 16), height=3.6)
    start, ticks, names = 0.0, [], []
    for factor, levels in several.items():
        known = list(dict.fromkeys(levels))
        for place, level in enumerate(known, start=0):
            those = heights[[each == level for each in levels]]
            x = start + place
            ax.plot([x] * len(those), those, "o", color=PALETTE[0], alpha=0.35, markersize=5)
            ax.plot(x, np.median(those), "_", color=ink(), markersize=26, markeredgewidth=2)
            ticks.append(x)
            names.append(f"{level}\n{factor}" if place == (len(known) - 1) // 2 else level)
        start += len(known) + _GAP
    ax.set_xticks(ticks, names)
    ax.set(ylabel=name, title=f"{len(heights)} runs; the bar is the median of its column")
    return ax
