"""From verdicts to points."""

from __future__ import annotations

from collections.abc import Sequence

from diynn.checking.contract.kinds import KINDS
from diynn.checking.course.course import WEIGHTS, Course
from diynn.checking.reporting.report import FileReport, Report
from diynn.checking.reporting.results import Verdict
from diynn.checking.reporting.students import Earned

#: The main properties: if one of them is wrong, the others earn nothing.
_MAIN = frozenset(WEIGHTS) - {"other"}
#: Properties without points.
_PREPARATION = frozenset(["construct", "derived", "methods", "define", "run", "own_work"])


def earned(found: Sequence[FileReport], course: Course) -> list[Earned]:
    """Return the points of a student for each required class."""
    lines = []
    for kind, required in course.required.items():
        reports = [each for file in found for each in file.reports if each.kind == kind]
        # The best class of a kind counts, the first of equal ones.
        best = max(reports, key=lambda report: share(report, course), default=None)
        part = share(best, course) if best is not None else 0.0
        unsure = [] if best is None else [each for each in best.unseen if each.property in _MAIN | {"run"}]
        lines.append(Earned(kind, best, round(required.points * part, 2), required.points, unsure))
    return lines


def share(report: Report, course: Course) -> float:
    """Return the fraction of its points that a class earns."""
    if any(each.property == "own_work" for each in report.failed):
        return 0.0
    counted = {
        each.property: each
        for each in report.results
        if each.property not in _PREPARATION | course.remarks and each.verdict is not Verdict.REMARK
    }
    unseen = {each.property for each in report.unseen}
    wrong = any(name in _MAIN and each.verdict is Verdict.FAILED for name, each in counted.items())
    wrong = wrong or any(each.property in ("run", "construct", "define") for each in report.failed)
    names = ({*counted, *_expected(report)} - unseen) - course.remarks
    weighed = sum(course.weight(name) for name in names)
    right = sum(
        course.weight(name)
        for name, each in counted.items()
        if each.verdict is Verdict.PASSED and (name in _MAIN or not wrong)
    )
    return right / weighed if weighed else 0.0


def _expected(report: Report) -> tuple[str, ...]:
    """Return the main properties of a kind: those that were not tested earn nothing."""
    kind = KINDS.get(report.kind)
    if kind is None:
        return ()
    if kind.family == "container":
        return ("net_forward", "net_gradient") if kind.name == "Sequential" else ("net_step",)
    if kind.loss:
        return ("forward", "backward")
    return ("shapes", "forward", "delta", *(("gradient",) if kind.parameters else ()))
