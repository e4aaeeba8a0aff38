"""The examination: builds what is to be judged, lets every property look at it, and writes the report."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from diynn.checking.contract.containers import examine_container
from diynn.checking.contract.drawing import module_trials
from diynn.checking.contract.judging import judge
from diynn.checking.contract.kinds import Setup
from diynn.checking.contract.loss_drawing import loss_trials
from diynn.checking.contract.properties import load
from diynn.checking.contract.raised import CannotBuild, Raised
from diynn.checking.contract.target import Target
from diynn.checking.contract.timing import compare
from diynn.checking.reporting.report import Report
from diynn.checking.reporting.results import Result, Verdict
from diynn.composition import METHODS

_IDLE = {"backward_update_gradient", "zero_grad", "update_parameters"}
_LOSS_METHODS = ("forward", "backward")


def examine(target: Target, lang: str | None = None) -> Report:
    """Judge a module or a loss.

    Parameters
    ----------
    target : Target
    lang : str, optional
        The language of the report.

    Returns
    -------
    Report
    """
    report = Report(target.name, target.kind.name, target.where(), target.results, lang)
    with _quiet(target.seed):
        try:
            _examine(target)
        except MemoryError as error:
            words = {"property": target.stage, "text": str(error)}
            target.add(Result("run", Verdict.FAILED, "memory", words, where=target.where()))
    report.kind = target.kind.name  # of a loss of another name it is found out
    return report


def _examine(target: Target) -> None:
    if target.derived:
        words = {"names": ", ".join(target.derived)}
        target.add(Result("derived", Verdict.REMARK, "derived_from", words, where=target.where()))
    if target.kind.family == "container":
        examine_container(target)
        return
    if not target.setups:
        target.add(Result("shapes", Verdict.SKIPPED, "no_data", where=target.where("forward")))
    target.setups = _buildable(target)
    if target.setups and _has_methods(target) and _is_a_function(target):
        trials: Sequence[Any] = loss_trials(target) if target.kind.loss else module_trials(target)
        judge(target, load()[target.kind.loss], trials)
        if target.timing:
            _time(target)


@contextlib.contextmanager
def _quiet(seed: int) -> Iterator[None]:
    """Keep prints and warnings of foreign code to itself, and the global random state as it was."""
    state = np.random.get_state()  # noqa: NPY002 - foreign code draws from it
    np.random.seed(seed)  # noqa: NPY002
    try:
        with (
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _buildable(target: Target) -> tuple[Setup, ...]:
    """Return the setups for which an instance can be built; say so where there are none."""
    target.begin("construct")
    kept, problem = [], None
    for setup in target.setups:
        try:
            target.make(setup)
            kept.append(setup)
        except CannotBuild as error:
            problem = problem or error
    if problem is None:
        if kept:
            target.add(Result("construct", Verdict.PASSED))
    else:
        verdict = Verdict.FAILED
        if problem.key == "no_stride" and kept:
            verdict = Verdict.REMARK
        elif not target.kind.name:
            verdict = Verdict.SKIPPED  # not of the sheet: nobody said how it is built
        words = {"name": target.name, **problem.words}
        target.add(Result("construct", verdict, problem.key, words, method="__init__", where=target.where()))
    return tuple(kept)


def _has_methods(target: Target) -> bool:
    target.begin("methods")
    wanted = _LOSS_METHODS if target.kind.loss else METHODS
    missing = target.make(target.setups[0]).lacking(*wanted)
    if missing:
        words = {"names": ", ".join(missing)}
        # Without parameters there is nothing to do in them: its author's base class may stand elsewhere.
        idle = set(missing) <= _IDLE and not target.kind.loss and not target.kind.parameters
        verdict, key = (Verdict.REMARK, "missing_idle") if idle else (Verdict.FAILED, "missing")
        target.add(Result("methods", verdict, key, words, where=target.where()))
    else:
        target.add(Result("methods", Verdict.PASSED))
    return "forward" not in missing


def _is_a_function(target: Target) -> bool:
    """Say whether the same data give the same output twice; what draws at random cannot be differentiated."""
    if target.kind.name or target.kind.loss:
        return True
    setup = target.setups[0]
    subject, data = target.make(setup), np.random.default_rng(target.seed).normal(size=setup.shape)
    try:
        first, second = (subject.array("forward", data.copy()) for _ in range(2))
    except Raised:
        return True
    if np.array_equal(first, second, equal_nan=True):
        return True
    target.add(Result("shapes", Verdict.SKIPPED, "random", where=target.where("forward")))
    return False


def _time(target: Target) -> None:
    target.begin("time")
    found = compare(target)
    if found is not None:
        factor, mine, ours = found
        slow = factor > 10 and mine > 5e-3
        words = {"factor": f"{factor:.0f}", "mine": f"{1e3 * mine:.1f}", "ours": f"{1e3 * ours:.2f}"}
        target.add(Result("time", Verdict.REMARK if slow else Verdict.PASSED, "slow" if slow else "", words,
                          method="forward", where=target.where("forward")))  # fmt: skip
