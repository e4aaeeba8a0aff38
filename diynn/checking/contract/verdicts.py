"""Verdicts: test the properties in all trials, diagnose the failures, and shrink their inputs."""

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
    """Test every property in every trial, and add its result to the candidate."""
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
    """Test a property in a trial; an exception becomes evidence, too."""
    try:
        return Evidence(trial, prop.run(trial))
    except Raised as error:
        return Evidence(trial, raised=error)
    except MemoryError:
        raise
    except Exception as error:  # an answer that cannot even be compared
        return Evidence(trial, raised=raised_by(prop.method, error))


def shrink(prop: Property, evidence: Evidence, limit: int = 24) -> Evidence:
    """Return the simplest evidence found that fails in the same way: fewer examples, rounded numbers."""
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
    """Return the result of a property; None if it does not apply."""
    wrong = [each for each in evidence if each.failed]
    if not wrong:
        return _not_wrong(prop, [each.finding for each in evidence if each.finding is not None])
    # A failure outranks a remark.
    worse = [each for each in wrong if each.finding is None or not each.finding.remark]
    known = _diagnosis(candidate, prop, evidence) if worse else Diagnosis(_remarked(wrong))
    telling = [each for each in worse or wrong if not known.name or each.finding is not None]
    smallest = min(telling or wrong, key=lambda each: (each.raised is not None, _examples(each.trial).size))
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
    if findings:  # no trial was conclusive
        return Result(prop.name, Verdict.SKIPPED, findings[0].message or "kinks", method=prop.method)
    return None


def _diagnosis(candidate: Candidate, prop: Property, evidence: Sequence[Evidence]) -> Diagnosis:
    fixture = evidence[0].trial.fixture
    reading = fixture.variant.name if getattr(fixture, "matched", False) else ""
    return diagnose(prop.name, candidate.kind.name, reading, evidence)


def _remarked(wrong: Sequence[Evidence]) -> str:
    return next((each.finding.mistake for each in wrong if each.finding is not None), "")


def _describe(candidate: Candidate, prop: Property, result: Result, shown: Evidence) -> Result:
    """Add the exception, or the expected and the actual values."""
    if shown.raised is not None:
        return candidate.blame(result, shown.raised)
    finding = shown.finding
    assert finding is not None
    expected = finding.expected()
    method = finding.words.get("method", prop.method)
    message = finding.message
    if isinstance(finding.got, dict) and isinstance(expected, dict):
        # Show one of several arrays.
        off = [key for key in expected if not close(np.asarray(finding.got[key]), np.asarray(expected[key]))]
        for key in off[:1]:
            result.words["part"] = key
            finding.got, expected = finding.got[key], expected[key]
    arrays = isinstance(finding.got, np.ndarray) and isinstance(expected, np.ndarray)
    if arrays and not message and finding.got.shape != expected.shape:
        message = "wrong_shape" if "part" not in result.words else "wrong_shape_of_part"
        result.words |= {"got_shape": str(finding.got.shape), "right_shape": str(expected.shape)}
    for name, value in finding.extra.items():
        if name in ("x", "y", "yhat"):  # the property used another input than the trial's
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
