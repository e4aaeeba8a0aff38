"""The course file, ``diynn.toml``: required classes, points, weights, limits."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from diynn.checking.contract.kinds import KINDS
from diynn.checking.contract.properties import load
from diynn.checking.reporting.messages import LANGUAGES

FILE = "diynn.toml"
#: How the files of a folder are assigned to students: :func:`diynn.checking.course.students.students_of`.
ARRANGEMENTS = ("auto", "folders", "files", "one")

#: The weights of the properties in the points of a class; any other has the weight ``other``.
WEIGHTS = {
    "shapes": 1.0, "forward": 3.0, "delta": 6.0, "gradient": 6.0, "backward": 6.0,
    "net_forward": 3.0, "net_gradient": 6.0, "net_step": 3.0, "other": 0.5,
}  # fmt: skip


class CourseError(ValueError):
    """A course file with an error."""


@dataclass(frozen=True)
class Required:
    """One required class.

    Attributes
    ----------
    points : float
        Its points.
    names : tuple of str
        Names allowed beside the usual ones.
    """

    points: float = 1.0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Course:
    """The requirements of a course.

    Attributes
    ----------
    required : dict
        The required classes by kind, such as ``"Linear"``; may be empty.
    weights : dict
        The weights of the properties in the points of a class.
    remarks : frozenset of str
        Properties whose failure costs nothing.
    language : str or None
    timeout : float
        Seconds of processor time per class.
    memory : int
        Megabytes per class.
    total_timeout : float
        Seconds of a whole run.
    students : str
        How files are assigned to students, one of ``ARRANGEMENTS``.
    digest : str
        A hash of the file, empty if there is none.
    """

    required: Mapping[str, Required] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    remarks: frozenset[str] = frozenset()
    language: str | None = None
    timeout: float = 10.0
    memory: int = 3072
    total_timeout: float = inf
    students: str = "auto"
    digest: str = ""

    @property
    def total(self) -> float:
        """The maximum of points."""
        return sum(each.points for each in self.required.values())

    @property
    def names(self) -> dict[str, str]:
        """Names beside the usual ones, each with its kind."""
        return {name: kind for kind, each in self.required.items() for name in each.names}

    def weight(self, name: str) -> float:
        """Return the weight of a property."""
        return self.weights.get(name, self.weights["other"])


def read_course(path: Path) -> Course:
    """Read a course file.

    Raises
    ------
    OSError
        If it cannot be read.
    CourseError
        If it is not TOML, or a setting is unknown or wrong.
    """
    data = path.read_bytes()
    try:
        content = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CourseError(f"{path}: must be TOML: {error}") from error
    return _course(content, path, hashlib.sha256(data).hexdigest())


def _course(content: dict[str, Any], path: Path, digest: str) -> Course:
    known = ("classes", "weights", "remarks", "language", "timeout", "total_timeout", "memory", "students")
    for name in content:
        _one_of(path, "a setting", name, known)
    properties = {each.name for registry in load() for each in registry} | set(WEIGHTS)
    remarks = _of(path, "remarks", content.get("remarks", []), list, "a list of properties")
    for name in remarks:
        _one_of(path, "an entry of `remarks`", name, sorted(properties))
    weights = dict(WEIGHTS)
    for name, value in _of(path, "weights", content.get("weights", {}), dict, "a table").items():
        _one_of(path, "an entry of [weights]", name, sorted(properties))
        weights[name] = _number(path, f"weights.{name}", value)
    classes = _of(path, "classes", content.get("classes", {}), dict, "a table")
    required = {}
    for kind, value in classes.items():
        _one_of(path, "an entry of [classes]", kind, list(KINDS))
        required[kind] = _required(path, kind, value)
    language = content.get("language")
    if language is not None:
        _one_of(path, "`language`", language, LANGUAGES)
    students = _one_of(path, "`students`", content.get("students", "auto"), ARRANGEMENTS)
    timeout = _number(path, "timeout", content.get("timeout", Course.timeout), least=0.1)
    memory = int(_number(path, "memory", content.get("memory", Course.memory), least=256))
    total = content.get("total_timeout")
    total = inf if total is None else _number(path, "total_timeout", total, least=timeout)
    return Course(required, weights, frozenset(remarks), language, timeout, memory, total, students, digest)


def _required(path: Path, kind: str, value: Any) -> Required:
    if not isinstance(value, dict):
        return Required(_number(path, f"classes.{kind}", value))
    for name in value:
        _one_of(path, f"an entry of classes.{kind}", name, ("points", "names"))
    names = _of(path, f"classes.{kind}.names", value.get("names", []), list, "a list of names")
    for name in names:
        if not (isinstance(name, str) and name.isidentifier()):
            raise CourseError(f"{path}: `classes.{kind}.names` must be names of classes, got {name!r}")
    return Required(_number(path, f"classes.{kind}.points", value.get("points", 1)), tuple(names))


def _number(path: Path, name: str, value: Any, least: float = 0.0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < 1e9:
        raise CourseError(f"{path}: `{name}` must be a number, at least {least:g}, got {value!r}")
    return float(value)


def _of(path: Path, name: str, value: Any, wanted: type, words: str) -> Any:
    if not isinstance(value, wanted):
        raise CourseError(f"{path}: `{name}` must be {words}, got {value!r}")
    return value


def _one_of(path: Path, what: str, value: Any, known: Any) -> str:
    if value not in known:
        raise CourseError(f"{path}: {what} must be one of {', '.join(known)}, got {value!r}")
    return str(value)
