"""The judgement of one candidate: build it, test every property, return the report."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from diynn.checking.contract.candidate import Candidate
from diynn.checking.contract.containers import examine_container
from diynn.checking.contract.drawing import module_trials
from diynn.checking.contract.kinds import Setup
from diynn.checking.contract.loss_drawing import loss_trials
from diynn.checking.contract.properties import load
from diynn.checking.contract.raised import CannotBuild, Raised
from diynn.checking.contract.timing import compare
from diynn.checking.contract.verdicts import decide
from diynn.checking.reporting.report import Report
from diynn.checking.reporting.results import Result, Verdict
from diynn.composition import METHODS

_IDLE = {"backward_update_gradient", "zero_grad", "update_parameters"}
_LOSS_METHODS = ("forward", "backward")


def examine(candidate: Candidate, lang: str | None = None) -> Report:
    """Judge a module or a loss.

    Parameters
    ----------
    candidate : Candidate
    lang : str, optional
        The language of the report.

    Returns
    -------
    Report
    """
    report = Report(candidate.name, candidate.kind.name, candidate.where(), candidate.results, lang)
    with _quiet(candidate.seed):
        try:
            _examine(candidate)
        except MemoryError as error:
            words = {"property": candidate.stage, "text": str(error)}
            candidate.add(Result("run", Verdict.FAILED, "memory", words, where=candidate.where()))
    report.kind = candidate.kind.name  # a loss with an unknown name is recognised by its costs
    return report


def _examine(candidate: Candidate) -> None:
    if candidate.derived:
        words = {"names": ", ".join(candidate.derived)}
        candidate.add(Result("derived", Verdict.REMARK, "derived_from", words, where=candidate.where()))
    if candidate.kind.family == "container":
        examine_container(candidate)
        return
    if not candidate.setups:
        candidate.add(Result("shapes", Verdict.SKIPPED, "no_data", where=candidate.where("forward")))
    candidate.setups = _buildable(candidate)
    if candidate.setups and _has_methods(candidate) and _is_a_function(candidate):
        trials: Sequence[Any] = loss_trials(candidate) if candidate.kind.loss else module_trials(candidate)
        decide(candidate, load()[candidate.kind.loss], trials)
        if candidate.timing:
            _time(candidate)


@contextlib.contextmanager
def _quiet(seed: int) -> Iterator[None]:
    """Silence the prints and warnings of foreign code, and restore NumPy's global random state."""
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


def _buildable(candidate: Candidate) -> tuple[Setup, ...]:
    """Return the setups for which an instance can be built, and add the result."""
    candidate.begin("construct")
    kept, problem = [], None
    for setup in candidate.setups:
        try:
            candidate.make(setup)
            kept.append(setup)
        except CannotBuild as error:
            problem = problem or error
    if problem is None:
        if kept:
            candidate.add(Result("construct", Verdict.PASSED))
    else:
        verdict = Verdict.FAILED
        if problem.key == "no_stride" and kept:
            verdict = Verdict.REMARK
        elif not candidate.kind.name:
            verdict = Verdict.SKIPPED  # of no known kind: its arguments are unknown
        words = {"name": candidate.name, **problem.words}
        candidate.add(
            Result("construct", verdict, problem.key, words, method="__init__", where=candidate.where())
        )
    return tuple(kept)


def _has_methods(candidate: Candidate) -> bool:
    candidate.begin("methods")
    wanted = _LOSS_METHODS if candidate.kind.loss else METHODS
    missing = candidate.make(candidate.setups[0]).missing_methods(*wanted)
    if missing:
        words = {"names": ", ".join(missing)}
        # Without parameters they do nothing, and may be in a base class that was not handed in.
        idle = set(missing) <= _IDLE and not candidate.kind.loss and not candidate.kind.parameters
        verdict, key = (Verdict.REMARK, "missing_idle") if idle else (Verdict.FAILED, "missing")
        candidate.add(Result("methods", verdict, key, words, where=candidate.where()))
    else:
        candidate.add(Result("methods", Verdict.PASSED))
    return "forward" not in missing


def _is_a_function(candidate: Candidate) -> bool:
    """Return whether the same data give the same output twice: a random output has no derivative."""
    if candidate.kind.name or candidate.kind.loss:
        return True
    setup = candidate.setups[0]
    instance, data = candidate.make(setup), np.random.default_rng(candidate.seed).normal(size=setup.shape)
    try:
        first, second = (instance.array("forward", data.copy()) for _ in range(2))
    except Raised:
        return True
    if np.array_equal(first, second, equal_nan=True):
        return True
    candidate.add(Result("shapes", Verdict.SKIPPED, "random", where=candidate.where("forward")))
    return False


def _time(candidate: Candidate) -> None:
    candidate.begin("time")
    found = compare(candidate)
    if found is not None:
        factor, mine, ours = found
        slow = factor > 10 and mine > 5e-3
        words = {"factor": f"{factor:.0f}", "mine": f"{1e3 * mine:.1f}", "ours": f"{1e3 * ours:.2f}"}
        verdict, key = (Verdict.REMARK, "slow") if slow else (Verdict.PASSED, "")
        where = candidate.where("forward")
        candidate.add(Result("time", verdict, key, words, method="forward", where=where))
