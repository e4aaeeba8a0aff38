"""Tables and progress bars for a terminal and for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> str:
    """Return a table in columns, the last ``numbers`` of them aligned to the right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    left = len(header) - numbers
    cells = [f"{{:<{width}}}" if column < left else f"{{:>{width}}}" for column, width in enumerate(widths)]
    lines = ["  ".join(cells).format(*row).rstrip() for row in [header, *rows]]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def html_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0, *, caption: str = ""
) -> str:
    """Return the same table in HTML, all text escaped; colours are left to the notebook's theme."""
    from html import escape  # rarely used

    left = len(header) - numbers

    def line(cells: Sequence[str], tag: str) -> str:
        aligned = ["left" if column < left else "right" for column in range(len(cells))]
        inner = (
            f"<{tag} style='text-align:{side}'>{escape(cell)}</{tag}>"
            for cell, side in zip(cells, aligned, strict=True)
        )
        return f"<tr>{''.join(inner)}</tr>"

    title = f"<caption style='text-align:left'>{escape(caption)}</caption>" if caption else ""
    body = "".join(line(row, "td") for row in rows)
    return f"<table>{title}<thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"


def progress_bar(*, disable: bool, **options: Any) -> Any:
    """Return a bar of tqdm, in a notebook as a widget; ``disable`` shows none."""
    if disable:
        from tqdm import tqdm  # the other one warns in a notebook that has no ipywidgets
    else:
        from tqdm.auto import tqdm  # takes 40 ms to import
    return tqdm(disable=disable, **options)
