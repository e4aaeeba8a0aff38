"""From a class of a file to a candidate, with its author's other classes for nets."""

from __future__ import annotations

from typing import Any

from diynn.checking.contract.candidate import Candidate, Partner, Watch
from diynn.checking.contract.class_info import ClassInfo
from diynn.checking.contract.kinds import KINDS, Kind
from diynn.checking.contract.recognise import kind_of, preferred_reading, recognise
from diynn.checking.files.building import Builder, runnable
from diynn.checking.files.remote import RemoteHost
from diynn.checking.reporting.results import Result, Verdict

#: Base classes of diynn that a student's class may have.
_BASES = ("diynn.Module", "diynn.Loss")


def candidate_of(
    host: RemoteHost, found: dict[str, Any], order: dict[str, Any], watch: Watch
) -> Candidate | None:
    """Run the definitions of a file, and return the candidate of an order; None if it cannot be defined.

    Parameters
    ----------
    found : dict
        The answer of :meth:`diynn.checking.files.worker.FileHost.open`.
    """
    defined = host.ask("define")
    name = order["class"]
    if name not in defined["classes"]:
        watch("construct", _undefined(name, found, defined))
        return None
    info = host.class_info(name)
    kind = KINDS[order["like"]] if order.get("like") else kind_of(info)
    _own_work(info, kind, found, defined, watch)
    build = Builder(host, info, kind)
    build.choose(kind.setups)

    def notify(what: str, result: Result | None) -> None:
        if result is not None:
            _point_out(result, defined["not_run"])
        watch(what, result)

    return Candidate(
        info, host, build, kind, runnable(build, kind, kind.setups),
        preferred=preferred_reading(name), draws=order["draws"], seed=order["seed"],
        timing=order.get("timing", True),
        partners=_partners(host, defined["classes"], name) if kind.family == "container" else {},
        bases=tuple(each for each in defined["bases"] if kind.family == "container"),
        derived=tuple(found["bases"].get(name, ())), zeroes=str(found["zeroes"]), watch=notify,
    )  # fmt: skip


def _own_work(
    info: ClassInfo, kind: Kind, found: dict[str, Any], defined: dict[str, Any], watch: Watch
) -> None:
    """Report a class that uses diynn's classes for its work, by its text and its bases."""
    bases = [each for each in info.bases if each.startswith("diynn.") and each not in _BASES]
    used = found["ours"].get(info.name, [])
    stand_ins = defined["stand_ins"].get(info.name, [])
    if bases:
        key, names, verdict = "own_work.derived", bases[:1], Verdict.FAILED
    elif used and kind.family != "container":  # a net may hold anybody's modules
        key, names, verdict = "own_work.used", used, Verdict.FAILED
    elif stand_ins and kind.family != "container":
        key, names, verdict = "own_work.lent", stand_ins, Verdict.REMARK
    else:
        return
    watch("own_work", Result("own_work", verdict, key, {"names": ", ".join(names)}, where=info.where))


def _partners(host: RemoteHost, names: list[str], own: str) -> dict[str, Partner]:
    """Return the author's other classes by their kind; of two of one kind the last."""
    partners: dict[str, Partner] = {}
    for name in names:
        kind = recognise(name)
        if kind is not None and name != own:
            info = host.class_info(name)
            partners[kind.name] = Partner(info, kind, _builder(host, info, kind))
    return partners


def _builder(host: RemoteHost, info: ClassInfo, kind: Kind) -> Builder:
    build = Builder(host, info, kind)
    build.choose(kind.setups)
    return build


def _undefined(name: str, found: dict[str, Any], defined: dict[str, Any]) -> Result:
    """Return the result of a class that could not be defined."""
    error, text, missing = defined["errors"].get(name, ["NameError", f"name {name!r} is not defined", ""])
    key = "not_run" if missing in defined["not_run"] else "not_defined"
    words = {"error": error, "text": text, "names": missing}
    return Result("construct", Verdict.FAILED, key, words, where=str(found["classes"].get(name, "")))


def _point_out(result: Result, not_run: dict[str, int]) -> None:
    """Change a NameError's message if the name is defined by a line that is not run."""
    if result.words.get("error") == "NameError":
        for name in not_run:
            if f"'{name}'" in str(result.words.get("text")):
                result.message, result.words["names"] = "name_not_run", name
