"""Numbers that change from step to step, such as the step size, in a recorded update.

A rule computes with them as with floats; its operations are kept as a formula, which gives the number at any
later step. Where such a number is combined with an array, the recording has an array of no dimensions for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, nan
from typing import Any, NoReturn


class UnrecordableError(Exception):
    """A result depends on the values of a batch, or was not computed by NumPy's operations alone."""


class Symbol:
    """A number with the formula that it comes from.

    It is no float, so that its present value does not become a constant: converting it, comparing it or
    testing its truth makes the update unrecordable.

    Parameters
    ----------
    text : str
        Python's text of the formula, of ``eps`` and ``step``.
    value : float
        What it is now.
    """

    __slots__ = ("text", "value")

    def __init__(self, text: str, value: float) -> None:
        self.text, self.value = text, value

    def __repr__(self) -> str:
        return self.text

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(hasattr(each, "recording") for each in inputs):
            return NotImplemented  # the recorded array handles it
        raise UnrecordableError(f"numpy.{ufunc.__name__} of a number that changes from step to step")

    def __neg__(self) -> Symbol:
        return Symbol(f"(-{self.text})", -self.value)

    def __add__(self, other: Any) -> Any:
        return _combined(self, "+", other)

    def __radd__(self, other: Any) -> Any:
        return _combined(other, "+", self)

    def __sub__(self, other: Any) -> Any:
        return _combined(self, "-", other)

    def __rsub__(self, other: Any) -> Any:
        return _combined(other, "-", self)

    def __mul__(self, other: Any) -> Any:
        return _combined(self, "*", other)

    def __rmul__(self, other: Any) -> Any:
        return _combined(other, "*", self)

    def __truediv__(self, other: Any) -> Any:
        return _combined(self, "/", other)

    def __rtruediv__(self, other: Any) -> Any:
        return _combined(other, "/", self)

    def __pow__(self, other: Any) -> Any:
        return _combined(self, "**", other)

    def __rpow__(self, other: Any) -> Any:
        return _combined(other, "**", self)

    def _refuse(self, *arguments: Any) -> NoReturn:
        raise UnrecordableError("a number that changes from step to step was looked at")

    __bool__ = __float__ = __int__ = __index__ = __round__ = __abs__ = __array__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refuse


def _combined(one: Any, sign: str, other: Any) -> Any:
    """Return a new symbol for an operation of two numbers of Python's."""
    numbers = []
    for each in (one, other):
        if not isinstance(each, Symbol) and type(each) not in (int, float):
            return NotImplemented  # arrays handle it
        numbers.append(each.value if isinstance(each, Symbol) else each)
    return Symbol(f"({one!r} {sign} {other!r})", _OPERATIONS[sign](*numbers))


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: one / other,
    "**": lambda one, other: one**other,
}


def evaluator(texts: Sequence[str]) -> Callable[[float, int], tuple[float, ...]]:
    """Return a function from ``eps`` and ``step`` to the numbers of some formulas."""
    body = "".join(f"{text}, " for text in texts)
    names = {"__builtins__": {}, "inf": inf, "nan": nan}
    function: Callable[[float, int], tuple[float, ...]] = eval(f"lambda eps, step: ({body})", names)
    return function
