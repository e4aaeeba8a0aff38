"""From what the properties saw to verdicts: which failed, why most likely, and on what smallest input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from diynn.checking.contract.candidate import Candidate
from diynn.checking.contract.properties import Property
from diynn.checking.contract.raised import Raised
from diynn.checking.contract.raised import raised as raised_by
from diynn.checking.diagnosis.closeness import close
from diynn.checking.diagnosis.diagnose import Diagnosis, diagnose
from diynn.checking.diagnosis.evidence import Evidence, Finding
from diynn.checking.reporting.results import Result, Verdict


def decide(candidate: Candidate, properties: Sequence[Property], trials: Sequence[Any]) -> None:
    """Let every property look at every trial, and add what became of it to the results."""
    failed: set[str] = set()
    raising: set[str] = set()
    for prop in properties:
        candidate.begin(prop.name)
        blocked = [name for name in prop.requires if name in failed] + [
            name for name in prop.requires_run if name in raising
        ]
        if blocked:
            failed.add(prop.name)
            words = {"property": blocked[0]}
            candidate.add(Result(prop.name, Verdict.SKIPPED, "after", words, method=prop.method))
            continue
        evidence = [run_property(prop, trial) for trial in trials]
        result = _result(candidate, prop, evidence)
        if result is None:
            continue
        if result.verdict is Verdict.FAILED:
            failed.add(prop.name)
        if any(each.raised for each in evidence):
            raising.add(prop.name)
        candidate.add(result)


def run_property(prop: Property, trial: Any) -> Evidence:
    """Let a property look at a trial."""
    try:
        return Evidence(trial, prop.run(trial))
    except Raised as told:
        return Evidence(trial, raised=told)
    except MemoryError:
        raise
    except Exception as error:  # an answer so odd that it cannot even be compared
        return Evidence(trial, raised=raised_by(prop.method, error))


def shrink(prop: Property, evidence: Evidence, limit: int = 24) -> Evidence:
    """Return the simplest evidence found that fails in the same way: fewer examples, rounder numbers."""
    tried = 0
    improved = True
    while improved:
        improved = False
        for trial in evidence.trial.smaller():
            tried += 1
            if tried > limit:
                return evidence
            simpler = run_property(prop, trial)
            if simpler.failed and _same_way(simpler, evidence):
                simplest = len(_examples(simpler.trial)) == len(_examples(evidence.trial))
                evidence, improved = simpler, not simplest
                break
    return evidence


def _same_way(one: Evidence, other: Evidence) -> bool:
    if (one.raised is None) != (other.raised is None):
        return False
    return one.finding is None or other.finding is None or one.finding.remark == other.finding.remark


def _result(candidate: Candidate, prop: Property, evidence: Sequence[Evidence]) -> Result | None:
    """Return what became of a property; None if it says nothing of this module."""
    wrong = [each for each in evidence if each.failed]
    if not wrong:
        return _not_wrong(prop, [each.finding for each in evidence if each.finding is not None])
    # A remark is made only where nothing worse is wrong.
    worse = [each for each in wrong if each.finding is None or not each.finding.remark]
    known = _diagnosis(candidate, prop, evidence) if worse else Diagnosis(_remarked(wrong))
    told = [each for each in worse or wrong if not known.name or each.finding is not None]
    smallest = min(told or wrong, key=lambda each: (each.raised is not None, _examples(each.trial).size))
    shown = shrink(prop, smallest)
    mild = (
        prop.remark or not worse or (not candidate.kind.name and prop.name in ("independence", "additivity"))
    )
    result = Result(
        prop.name,
        Verdict.REMARK if mild else Verdict.FAILED,
        words=dict(known.words or {}),
        mistake=known.name,
        also=known.also,
        should=known.should if worse else "",
        method=prop.method,
        inputs=shown.trial.inputs(),
    )
    return _describe(candidate, prop, result, shown)


def _not_wrong(prop: Property, findings: Sequence[Finding]) -> Result | None:
    if any(each.fine for each in findings):
        return Result(prop.name, Verdict.PASSED, method=prop.method)
    if findings:  # nothing was tried: that is no verdict
        return Result(prop.name, Verdict.SKIPPED, findings[0].message or "kinks", method=prop.method)
    return None


def _diagnosis(candidate: Candidate, prop: Property, evidence: Sequence[Evidence]) -> Diagnosis:
    fixture = evidence[0].trial.fixture
    reading = fixture.variant.name if getattr(fixture, "matched", False) else ""
    return diagnose(prop.name, candidate.kind.name, reading, evidence)


def _remarked(wrong: Sequence[Evidence]) -> str:
    return next((each.finding.mistake for each in wrong if each.finding is not None), "")


def _describe(candidate: Candidate, prop: Property, result: Result, shown: Evidence) -> Result:
    """Fill in what was seen: the exception, or what was expected and got."""
    if shown.raised is not None:
        error = shown.raised
        words = {"method": error.method, **error.words}
        return replace(
            result,
            message=error.key,
            words=result.words | words,
            method=error.method,
            where=str(error.words.get("line") or candidate.where(error.method)),
        )
    finding = shown.finding
    assert finding is not None
    expected = finding.expected()
    method = finding.words.get("method", prop.method)
    message = finding.message
    if isinstance(finding.got, dict) and isinstance(expected, dict):
        # One array of several is enough to show.
        off = [key for key in expected if not close(np.asarray(finding.got[key]), np.asarray(expected[key]))]
        for key in off[:1]:
            result.words["part"] = key
            finding.got, expected = finding.got[key], expected[key]
    arrays = isinstance(finding.got, np.ndarray) and isinstance(expected, np.ndarray)
    if arrays and not message and finding.got.shape != expected.shape:
        message = "wrong_shape" if "part" not in result.words else "wrong_shape_of_part"
        result.words |= {"got_shape": str(finding.got.shape), "right_shape": str(expected.shape)}
    for name, value in finding.extra.items():
        if name in ("x", "y", "yhat"):  # the input was not the trial's own
            result.inputs["data" if name == "x" else name] = value
    return replace(
        result,
        message=message,
        words=result.words | {"method": method, **finding.words},
        method=method,
        where=candidate.where(method),
        expected=expected,
        got=finding.got,
    )


def _examples(trial: Any) -> np.ndarray:
    return np.asarray(trial.data if hasattr(trial, "data") else trial.yhat)
