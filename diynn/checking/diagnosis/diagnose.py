"""From wrong answers to the most likely mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diynn.checking.diagnosis.closeness import close
from diynn.checking.diagnosis.evidence import Evidence
from diynn.checking.diagnosis.formulas import right_line
from diynn.checking.diagnosis.mistakes import Mistake, load

# Relative tolerance between an answer and the formula of a mistake: rounding and numerical differentiation.
_EQUAL = 1e-6


@dataclass(frozen=True)
class Diagnosis:
    """The likely mistake, with words for its explanation; the name is empty if none is known.

    Attributes
    ----------
    also : str
        A second mistake, if the gradients of weights and bias have different ones.
    """

    name: str = ""
    should: str = ""
    words: Mapping[str, Any] | None = None
    also: str = ""


def diagnose(name: str, kind: str, reading: str, evidence: Sequence[Evidence]) -> Diagnosis:
    """Find the known mistake whose formula gives the answers of all trials, those that passed included.

    A division by the batch size, for example, must fail in all batches but those of one example.

    Parameters
    ----------
    name : str
        The property.
    kind : str
        The kind of module or loss.
    reading : str
        The reading of a loss, empty if it matches none.
    evidence : sequence of Evidence
    """
    seen = [each for each in evidence if each.finding is not None and each.finding.fine is not None]
    should = right_line(f"{kind}.{reading}" if reading else kind, name)
    failed = [each.finding for each in seen if each.failed]
    own = [each.mistake for each in failed if each is not None and each.mistake]
    if own or not failed:
        return Diagnosis(own[0] if own else "", should)
    # A wrong shape is explained by the mistakes of forward.
    explained = "forward" if name == "shapes" else name
    known = [each for each in load() if each.applies(kind, explained)]
    for each in known:
        if _explains(each, kind, seen):
            return Diagnosis(each.name, should or each.should)
    found = _part_by_part(known, kind, seen)
    if found:
        return Diagnosis(found[0], should, also=found[1] if len(found) > 1 else "")
    factor = _constant_factor(name, seen)
    if factor is not None:
        return Diagnosis("any.constant", should, {"factor": f"{factor:.6g}"})
    return Diagnosis("", should)


def _part_by_part(known: Sequence[Mistake], kind: str, seen: Sequence[Evidence]) -> list[str]:
    """Return the mistakes of weights and bias, each diagnosed alone; empty if one is not explained."""
    findings = [each.finding for each in seen if each.finding is not None]
    if not all(isinstance(each.got, Mapping) for each in findings):
        return []
    found: list[str] = []
    for part in findings[0].got:
        if all(_equal(each.expected().get(part), each.got.get(part)) for each in findings):
            continue
        # For the bias, its own mistakes come first.
        likely = sorted(known, key=lambda each: part == "b" and not each.name.startswith("bias."))
        name = next((each.name for each in likely if _explains(each, kind, seen, part)), None)
        if name is None:
            return []
        found.append(name)
    return list(dict.fromkeys(found))


def _explains(known: Mistake, kind: str, seen: Sequence[Evidence], part: str = "") -> bool:
    """Return whether a mistake explains the answers of all trials, or their ``part`` alone."""
    explained = False
    for each in seen:
        finding = each.finding
        assert finding is not None
        facts = each.trial.facts()
        facts.kind, facts.got, facts.right = (
            kind,
            finding.extra.get("output", finding.got),
            finding.expected(),
        )
        for name, value in finding.extra.items():
            setattr(facts, name, value)
        try:
            value = known.formula(facts)
            equal = _equal(value[part], facts.got[part]) if part else _equal(value, facts.got, facts.right)
        except Exception:  # a formula that raises explains nothing
            return False
        if not equal:
            return False
        explained = explained or each.failed
    return explained


def _equal(value: Any, got: Any, right: Any = None) -> bool:
    if isinstance(got, Mapping):
        if not isinstance(value, Mapping) or not set(value) <= set(got):
            return False
        return all(_equal(value.get(key, right[key]), got[key], right[key]) for key in got)
    got, value = np.asarray(got, dtype=float), np.asarray(value, dtype=float)
    # Zeros equal zeros exactly; otherwise the tolerance is relative to the answer.
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
        assert each.finding is not None
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
