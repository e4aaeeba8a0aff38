"""Known mistakes: each is a wrong formula in a few lines.

A mistake is diagnosed if its formula gives the wrong answers of all trials. The list was collected from some
forty public solutions of the sheet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from diynn.checking.diagnosis.formulas import right_line

Facts = SimpleNamespace
Formula = Callable[[Any], Any]


@dataclass(frozen=True)
class Mistake:
    """One known mistake.

    Attributes
    ----------
    name : str
        ``"mistake." + name`` is its explanation in the catalogue.
    kinds : tuple of str
        The kinds of module or loss that it applies to; empty for any.
    property : str
        The property whose failure it explains.
    formula : callable
        Takes the variables of a trial; returns the wrong answer. A dict may hold some of several arrays:
        the others are right.
    should : str
        The right formula.
    """

    name: str
    kinds: tuple[str, ...]
    property: str
    formula: Formula
    should: str

    def applies(self, kind: str, name: str) -> bool:
        """Return whether it applies to this property of this kind."""
        return name == self.property and (not self.kinds or kind in self.kinds)


MISTAKES: list[Mistake] = []


def mistake(
    name: str, kinds: str, where: str, formula: Formula | None = None, *, should: str = ""
) -> Callable[[Formula], Formula]:
    """Register a known mistake with its formula, or as a decorator of it.

    Parameters
    ----------
    name : str
        Its key.
    kinds : str
        The kinds that it applies to, separated by spaces; ``""`` for any.
    where : str
        The property whose failure it explains.
    should : str
        The right formula, if another than that of kind and property.
    """

    def add(function: Formula) -> Formula:
        names = tuple(kinds.split())
        line = should or right_line(names[0] if len(names) == 1 else "", where)
        MISTAKES.append(Mistake(name, names, where, function, line))
        return function

    if formula is not None:
        add(formula)
    return add


def load() -> list[Mistake]:
    """Return all known mistakes, those of some kinds before those of any."""
    if not MISTAKES:
        from diynn.checking.diagnosis.mistakes import (  # noqa: F401
            activations,
            convolution,
            general,
            images,
            linear,
            losses,
        )

        MISTAKES.sort(key=lambda each: not each.kinds)
    return MISTAKES
