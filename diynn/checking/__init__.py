"""Judging somebody else's module: is it right, and if not, what was done wrong.

>>> from diynn.checking import check
>>> report = check(MyTanh)               # doctest: +SKIP
>>> report.ok, report.mistakes           # doctest: +SKIP
(False, ['tanh.no_square'])

It sees a module by the methods of the course sheet alone, and asks nothing else of it.
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
    """Judge a module or a loss, an instance or a class, ours or anybody's.

    Parameters
    ----------
    target : object or type
        What is to be judged. It needs only the methods of the course sheet. An instance is copied, and
        left as it is; a class is built with several sets of arguments. Of a net its layers are judged too.
    like : type, object or str, optional
        What it is meant to be, such as ``diynn.Conv1D``. None to tell by its name and its methods.
    input_shape : tuple of int, optional
        The shape of one example, without the batch; needed for an instance of a kind that is not known,
        unless it takes vectors of any size.
    lang : str, optional
        ``"en"`` or ``"fr"``; None for the language of the locale.
    draws : int
        Inputs drawn for each set of arguments and each shape, at least 1.
    seed : int
        Where they are drawn from.
    timing : bool
        Whether its time is compared with ours.
    beside : type, optional
        For an optimiser, the class of net that it was written for.
    watch : callable, optional
        Called with the name of each property, and None before it is looked at, its result after.

    Returns
    -------
    Report

    Raises
    ------
    TypeError
        If ``target`` is no module or loss: a function, a number, a list. If ``like`` is no kind of module
        or loss that is known.
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
