"""From what the properties saw to verdicts: which failed, why most likely, and on what smallest input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from diynn.checking.diagnosis.diagnose import Diagnosis, Evidence, diagnose, look, shrink
from diynn.checking.contract.properties import Property
from diynn.checking.reporting.report import Result, Verdict
from diynn.checking.contract.target import Target
from diynn.checking.contract.trial import close


def judge(target: Target, properties: Sequence[Property], trials: Sequence[Any]) -> None:
    """Let every property look at every trial, and add what became of it to the results."""
    failed: set[str] = set()
    raising: set[str] = set()
    for prop in properties:
        target.begin(prop.name)
        blocked = [name for name in prop.after if name in failed] + [
            name for name in prop.runs if name in raising
        ]
        if blocked:
            failed.add(prop.name)
            words = {"property": blocked[0]}
            target.add(Result(prop.name, Verdict.SKIPPED, "after", words, method=prop.method))
            continue
        evidence = [look(prop, trial) for trial in trials]
        result = _result(target, prop, evidence)
        if result is None:
            continue
        if any(each.failed for each in evidence) and result.verdict is not Verdict.REMARK:
            failed.add(prop.name)
        if any(each.raised for each in evidence):
            raising.add(prop.name)
        target.add(result)


def _result(target: Target, prop: Property, evidence: Sequence[Evidence]) -> Result | None:
    """Return what became of a property; None if it says nothing of this module."""
    wrong = [each for each in evidence if each.failed]
    if not wrong:
        if any(each.finding is not None and each.finding.fine for each in evidence):
            return Result(prop.name, Verdict.PASSED, method=prop.method)
        if any(each.finding is not None for each in evidence):
            return Result(prop.name, Verdict.SKIPPED, "kinks", method=prop.method)
        return None
    # A remark is made only where nothing worse is wrong.
    worse = [each for each in wrong if each.finding is None or not each.finding.remark]
    known = diagnose(prop, target.kind.name, evidence) if worse else Diagnosis()
    told = [each for each in worse or wrong if not known.name or each.finding is not None]
    smallest = min(told or wrong, key=lambda each: (each.raised is not None, _size(each)))
    shown = shrink(prop, smallest)
    mild = prop.remark or not worse or (not target.kind.name and prop.name in ("independence", "additivity"))
    result = Result(
        prop.name,
        Verdict.REMARK if mild else Verdict.FAILED,
        words=dict(known.words or {}),
        mistake=known.name,
        should=known.should,
        method=prop.method,
        inputs=shown.trial.inputs(),
    )
    return _describe(target, prop, result, shown)


def _describe(target: Target, prop: Property, result: Result, shown: Evidence) -> Result:
    """Fill in what was seen: the exception, or what was expected and got."""
    if shown.raised is not None:
        error = shown.raised
        words = {"method": error.method, **error.words}
        return replace(
            result,
            message=error.key,
            words=result.words | words,
            method=error.method,
            where=str(error.words.get("line") or target.where(error.method)),
        )
    finding = shown.finding
    assert finding is not None
    expected = finding.expected()
    method = finding.words.get("method", prop.method)
    message = finding.message
    if isinstance(finding.got, np.ndarray) and isinstance(expected, np.ndarray) and not message:
        if finding.got.shape != expected.shape:
            message = "wrong_shape"
            result.words |= {
                "got_shape": str(finding.got.shape),
                "right_shape": str(expected.shape),
                "method": method,
            }
    elif isinstance(finding.got, dict) and isinstance(expected, dict):
        # One array of several is enough to show.
        off = [key for key in expected if not close(np.asarray(finding.got[key]), np.asarray(expected[key]))]
        for key in off[:1]:
            result.words["part"] = key
            finding.got, expected = finding.got[key], expected[key]
    for name, value in finding.extra.items():
        if name in ("x", "y", "yhat"):  # the input was not the trial's own
            result.inputs["data" if name == "x" else name] = value
    return replace(
        result,
        message=message,
        words=result.words | {"method": method, **finding.words},
        method=method,
        where=target.where(method),
        expected=expected,
        got=finding.got,
    )


def _size(evidence: Evidence) -> int:
    trial = evidence.trial
    data: np.ndarray = trial.data if hasattr(trial, "data") else trial.yhat
    return data.size
