"""Figures and axes to draw into, and the colours."""

from __future__ import annotations

import sys
from typing import Any

from diynn.wording import shown

# Colours that colour-blind readers can distinguish (six of Okabe and Ito's), then four more for ten classes.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00",
    "#56B4E9", "#7F7F7F", "#8C564B", "#BCBD22", "#6A3D9A",
)  # fmt: skip
#: One per class, so that points can be distinguished in black and white.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
#: From dark blue through grey to light yellow: the sign is visible in black and white as well.
SIGNED = "cividis"


def new_figure(width: float, height: float) -> Any:
    """Return a new figure of that size in inches: pyplot's if it would be shown, else a free one.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('figures need matplotlib: pip install "diynn[demo]"') from error
    if _watched():
        from matplotlib import pyplot

        figure = pyplot.figure(figsize=(width, height), layout="compressed")
    else:
        figure = Figure(figsize=(width, height), layout="compressed")
    engine: Any = figure.get_layout_engine()
    if engine is not None:  # it may have been turned off
        engine.set(w_pad=0.07, h_pad=0.06)
    return figure


def _watched() -> bool:
    """Say whether pyplot is in use, or the session is one of a notebook or a prompt."""
    ipython = sys.modules.get("IPython")
    notebook = ipython is not None and ipython.get_ipython() is not None
    return notebook or "matplotlib.pyplot" in sys.modules or hasattr(sys, "ps1")


def close(figure: Any) -> None:
    """Close a figure that has been saved: pyplot would keep it otherwise, and show it later."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)


def axes(owner: str, ax: Any, width: float, height: float) -> Any:
    """Return the axes given, or those of a new figure."""
    check_axes(owner, ax)
    return new_figure(width, height).subplots() if ax is None else ax


def check_axes(owner: str, ax: Any) -> None:
    """Raise TypeError unless ``ax`` is None or axes of matplotlib."""
    if ax is not None and not callable(getattr(ax, "add_patch", None)):
        raise TypeError(f"{owner}: `ax` must be axes of matplotlib, got {shown(ax)}; plt.gca() are some")


def colour(label: int) -> str:
    """Return the colour of a class."""
    return PALETTE[label % len(PALETTE)]


def ink() -> str:
    """Return the text colour of matplotlib's style: dark on light, or light on dark."""
    from matplotlib import rcParams

    return str(rcParams["text.color"])


def text_width(text: str) -> float:
    """Return the width in inches of a text as a tick label."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not text.strip():
        return 0.0
    font = FontProperties(size="medium")
    return float(TextPath((0, 0), text, prop=font).get_extents().width) / 72
