"""The checker: is a module or a loss right, and if not, which mistake is it.

>>> from diynn.checking import check
>>> report = check(MyTanh)               # doctest: +SKIP
>>> report.ok, report.mistakes           # doctest: +SKIP
(False, ['tanh.no_square'])

It uses only the methods of the course sheet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diynn.calls import spelled
from diynn.checking.reporting.report import Report
from diynn.checking.reporting.results import Result, Verdict

__all__ = ["Report", "Result", "Verdict", "check"]


@spelled()
def check(
    target: Any,
    *,
    like: Any = None,
    input_shape: tuple[int, ...] | None = None,
    lang: str | None = None,
    draws: int = 1,
    seed: int = 0,
    timing: bool = True,
    beside: type | None = None,
    watch: Callable[[str, Result | None], None] | None = None,
) -> Report:
    """Judge a module or a loss: a class or an instance, of diynn or anybody's.

    Parameters
    ----------
    target : object or type
        The module or loss to judge. It needs only the methods of the course sheet. An instance is copied and
        not changed; a class is built with several sets of arguments. The layers of a net are judged too.
    like : type, object or str, optional
        The kind that it is judged as, such as ``diynn.Conv1D``; None to recognise it by name and methods.
    input_shape : tuple of int, optional
        The shape of one example, without the batch; needed for an instance of an unknown kind, unless it
        takes vectors of any size.
    lang : str, optional
        ``"en"`` or ``"fr"``; None for the language of the locale.
    draws : int
        Random inputs for each set of arguments and each shape, at least 1.
    seed : int
        Their seed.
    timing : bool
        Whether its time is measured and compared with diynn's.
    beside : type, optional
        For an optimiser, the class of net that it was written for.
    watch : callable, optional
        A callback: called with the name of each property, and None before it is tested, its result after.

    Returns
    -------
    Report

    Raises
    ------
    TypeError
        If ``target`` is no module or loss, but a function, a number, a list; if ``like`` is no known kind of
        module or loss.
    ValueError
        If ``draws`` is less than 1, ``input_shape`` no shape, or ``lang`` no language of the reports.

    Examples
    --------
    >>> import diynn
    >>> check(diynn.Tanh).ok
    True
    """
    from diynn.checking.local import check_in_process

    return check_in_process(
        target, like=like, input_shape=input_shape, lang=lang, draws=draws, seed=seed, timing=timing,
        beside=beside, watch=watch,
    )  # fmt: skip
