"""From a wrong answer to the mistake that was most likely made, and to the smallest input that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diynn.checking.diagnosis.mistakes import Mistake, load, right_line
from diynn.checking.contract.properties import Finding, Property
from diynn.checking.contract.subject import Raised
from diynn.checking.contract.subject import raised as raised_by
from diynn.checking.contract.trial import close

# A wrong answer equals a wrong formula up to rounding, and up to the error of what was differentiated.
_EQUAL = 1e-6


@dataclass
class Evidence:
    """What one property saw in one trial: a finding, or what was raised instead."""

    trial: Any
    finding: Finding | None = None
    raised: Raised | None = None

    @property
    def failed(self) -> bool:
        """Whether it speaks against the module."""
        return self.raised is not None or (self.finding is not None and self.finding.fine is False)


@dataclass(frozen=True)
class Diagnosis:
    """The likely mistake, with words for its explanation; the name is empty if it is none that is known."""

    name: str = ""
    should: str = ""
    words: Mapping[str, Any] | None = None


def look(prop: Property, trial: Any) -> Evidence:
    """Let a property look at a trial."""
    try:
        return Evidence(trial, prop.look(trial))
    except Raised as told:
        return Evidence(trial, raised=told)
    except MemoryError:
        raise
    except Exception as error:  # an answer so odd that it cannot even be compared
        return Evidence(trial, raised=raised_by(prop.method, error))


def diagnose(prop: Property, kind: str, evidence: Sequence[Evidence]) -> Diagnosis:
    """Find the known mistake that explains every trial, those that passed included.

    Dividing by the batch, say, must show in every batch but those of one example.
    """
    seen = [each for each in evidence if each.finding is not None or each.raised is not None]
    telling = [each for each in seen if each.finding is not None and each.failed]
    bench: Any = seen[0].trial.bench if seen else None
    reading = f"{kind}.{bench.variant.name}" if getattr(bench, "matched", False) else kind
    should = right_line(reading, prop.name)
    own = [each.finding.mistake for each in telling if each.finding is not None and each.finding.mistake]
    if own:
        return Diagnosis(own[0], should)
    if telling:
        for known in load():
            if known.applies(kind, prop.name) and _explains(known, kind, seen):
                return Diagnosis(known.name, should or known.should)
        # What anybody may do wrong may be wrong with the weights alone, or with the bias alone.
        for known in load():
            for part in ("W", "b") if known.applies(kind, prop.name) and not known.kinds else ():
                if _explains(known, kind, seen, part):
                    return Diagnosis(known.name, should or known.should)
        factor = _constant_factor(prop.name, seen)
        if factor is not None:
            return Diagnosis("any.constant", should, {"factor": f"{factor:.6g}"})
    return Diagnosis("", should)


def _explains(known: Mistake, kind: str, seen: Sequence[Evidence], part: str = "") -> bool:
    """Say whether a mistake explains every trial; with ``part``, whether it does in that part alone."""
    explained = False
    for each in seen:
        if each.finding is None or each.finding.fine is None:
            continue
        facts = each.trial.facts()
        facts.kind, facts.got, facts.right = kind, each.finding.got, each.finding.expected()
        for name, value in each.finding.extra.items():
            setattr(facts, name, value)
        try:
            value = known.formula(facts)
            if part:
                value = {part: value[part]}
            equal = _equal(value, each.finding.got, facts.right)
        except Exception:  # what the formula cannot compute it does not explain
            return False
        if not equal:
            return False
        explained = explained or each.failed
    return explained


def _equal(value: Any, got: Any, right: Any) -> bool:
    if isinstance(got, Mapping):
        if not isinstance(value, Mapping) or not set(value) <= set(got):
            return False
        return all(_equal(value.get(key, right[key]), got[key], right[key]) for key in got)
    got, value = np.asarray(got, dtype=float), np.asarray(value, dtype=float)
    # The scale is that of what is right, where the wrong answer is all zeros.
    if got.shape != value.shape:
        return False
    if np.array_equal(got, value, equal_nan=True):
        return True
    return bool(np.any(value)) and close(got, value, _EQUAL)


def _constant_factor(name: str, seen: Sequence[Evidence]) -> float | None:
    if name not in ("forward", "delta", "gradient", "backward"):
        return None
    ratios: list[float] = []
    for each in seen:
        if each.finding is None or each.finding.fine is None:
            continue
        got, right = _flat(each.finding.got), _flat(each.finding.expected())
        if got.shape != right.shape or not np.any(right):
            return None
        with np.errstate(all="ignore"):
            ratio = float(np.dot(got, right) / np.dot(right, right))
        if not np.isfinite(ratio) or ratio == 0 or not close(got, ratio * right, _EQUAL):
            return None
        ratios.append(ratio)
    if ratios and np.ptp(ratios) <= 1e-5 * abs(ratios[0]) and abs(ratios[0] - 1) > 1e-6:
        return ratios[0]
    return None


def _flat(value: Any) -> np.ndarray:
    parts = list(value.values()) if isinstance(value, Mapping) else [value]
    return np.concatenate([np.asarray(part, dtype=float).ravel() for part in parts] or [np.zeros(0)])


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
            simpler = look(prop, trial)
            if simpler.failed and (simpler.raised is None) == (evidence.raised is None):
                simplest = len(_examples(simpler.trial)) == len(_examples(evidence.trial))
                evidence, improved = simpler, not simplest
                break
    return evidence


def _examples(trial: Any) -> np.ndarray:
    return np.asarray(trial.data if hasattr(trial, "data") else trial.yhat)
