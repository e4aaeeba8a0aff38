"""Judging somebody else's module: is it right, and if not, what was done wrong.

>>> from diynn.checking import check
>>> report = check(MyTanh)               # doctest: +SKIP
>>> report.ok, report.mistakes           # doctest: +SKIP
(False, ['tanh.no_square'])

It sees a module by the methods of the course sheet alone, and asks nothing else of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from diynn.checking.kinds import KINDS, UNKNOWN, UNKNOWN_LOSS, Kind, Setup
from diynn.checking.report import Report, Result, Verdict

__all__ = ["Report", "Result", "Verdict", "check"]


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
        left as it is; a class is built with several sets of arguments.
    like : type, object or str, optional
        What it is meant to be, such as ``diynn.Conv1D``. None to tell by the name of its class.
    input_shape : tuple of int, optional
        The shape of one example, without the batch; needed for an instance of a kind that is not known,
        unless it takes vectors of any size.
    lang : str, optional
        ``"en"`` or ``"fr"``; None for the language of the locale.
    draws : int
        Inputs drawn for each set of arguments and each shape.
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
        If ``like`` is no kind of module or loss that is known, or ``target`` none at all.
    ValueError
        If ``draws`` or a size of ``input_shape`` is not positive.

    Examples
    --------
    >>> import diynn
    >>> check(diynn.Tanh).ok
    True
    """
    from diynn.checking.examine import examine
    from diynn.checking.messages import language
    from diynn.checking.recognise import preferred_variant, recognise
    from diynn.checking.target import Target

    draws, input_shape = _asked(target, draws, input_shape)
    cls = target if isinstance(target, type) else type(target)
    kind = _kind_of(like) if like is not None else recognise(cls.__name__)
    if kind is None:
        kind = UNKNOWN_LOSS if _is_loss(cls) else UNKNOWN
    name = like if isinstance(like, str) else getattr(like, "__name__", type(like).__name__)
    make, setups, known = _how_to_build(target, cls, kind, input_shape)
    judged = Target(
        cls.__name__,
        cls,
        make,
        known,
        setups,
        redraw=bool(known.name) or isinstance(target, type),
        preferred=preferred_variant(cls.__name__ if like is None else name),
        draws=draws,
        seed=seed,
        timing=timing,
        beside=beside,
        watch=watch,
    )
    return examine(judged, language(lang))


def _asked(target: Any, draws: Any, input_shape: Any) -> tuple[int, tuple[int, ...] | None]:
    """Return the numbers that are asked with; raise TypeError or ValueError for what cannot be judged."""
    from diynn.shapes import example_shape, positive
    from diynn.wording import shown

    if not isinstance(target, type) and not callable(getattr(target, "forward", getattr(target, "step", None))):
        raise TypeError(f"check: `target` must be a module, a loss or an optimiser, got {shown(target)}")
    shape = None if input_shape is None else example_shape("check", "input_shape", input_shape)
    return positive("check", "draws", draws), shape


def _how_to_build(
    target: Any, cls: type, kind: Kind, input_shape: tuple[int, ...] | None
) -> tuple[Callable[[Setup], Any], tuple[Setup, ...], Kind]:
    """Return what builds it, for which setups, and as what it is judged."""
    from diynn.checking.recognise import CannotBuild, builder, settle, setups_of

    if isinstance(target, type):
        setups = kind.setups
        if input_shape is not None and not kind.roles:
            setups = tuple(Setup({}, (batch, *input_shape)) for batch in (2, 1, 4))
        return builder(cls, kind), _runnable(builder(cls, kind), kind, setups), kind

    def make(setup: Setup) -> Any:
        return settle(copy.deepcopy(target))

    try:
        setups = setups_of(target, kind, input_shape)
    except CannotBuild:
        kind = UNKNOWN
        setups = setups_of(target, kind, input_shape)
    return make, _runnable(make, kind, setups), kind


def _runnable(make: Callable[[Setup], Any], kind: Kind, setups: tuple[Setup, ...]) -> tuple[Setup, ...]:
    """Return the setups an unknown module runs on: it may take vectors only, or sequences, or one size."""
    if kind.name or kind.loss:
        return setups
    import numpy as np

    from diynn.checking.recognise import CannotBuild
    from diynn.checking.subject import Raised, Subject

    def runs(setup: Setup) -> bool:
        try:
            with np.errstate(all="ignore"):
                Subject(make(setup)).array("forward", np.ones(setup.shape))
        except (CannotBuild, Raised):
            return False
        return True

    kept = tuple(setup for setup in setups if runs(setup))
    # One feature last: it broadcasts against any number of parameters.
    for size in () if kept else (*range(2, 33), 1):
        kept = tuple(Setup({}, (batch, size)) for batch in (2, 1, 4) if runs(Setup({}, (batch, size))))
        if kept:
            break
    return kept or setups


def _kind_of(like: Any) -> Kind:
    from diynn.checking.recognise import recognise

    name = like if isinstance(like, str) else getattr(like, "__name__", type(like).__name__)
    kind = KINDS.get(name) or recognise(name)
    if kind is None:
        raise TypeError(f"check: `like` must be one of {', '.join(KINDS)}, got {like!r}")
    return kind


def _is_loss(cls: type) -> bool:
    return hasattr(cls, "backward") and not hasattr(cls, "backward_delta")
