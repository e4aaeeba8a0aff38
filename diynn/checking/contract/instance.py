"""A proxy for one instance of a foreign class, the only way in which the checker uses it.

The instance itself is in a host, in this process or in another (:mod:`diynn.checking.files.remote`). Inputs
are drawn and outputs compared here; the host calls methods and returns arrays.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np

from diynn.checking.contract.class_info import ClassInfo
from diynn.checking.contract.host import Handle, Opaque, Values
from diynn.checking.contract.paths import Path, is_gradient, rank, token
from diynn.checking.contract.raised import CannotBuild, Raised

_NUMBERS = itertools.count(1)


class HostInterface(Protocol):
    """The methods of a host, documented in :class:`diynn.checking.contract.host.Host`."""

    def class_info(self, name: str) -> ClassInfo:
        """Describe a class."""

    def build(
        self, number: int, name: str, arguments: Sequence[Any], named: Mapping[str, Any], values: Values = ()
    ) -> bool:
        """Construct an instance and set its arrays."""

    def copy(self, number: int, values: Values = ()) -> bool:
        """Copy the prototype and set the arrays of the copy."""

    def drop(self, numbers: Sequence[int]) -> None:
        """Delete instances."""

    def call(self, number: int, method: str, arguments: Sequence[Any]) -> Any:
        """Call a method."""

    def answer_now(self, number: int, back: int) -> Any:
        """Return the current values of an answer."""

    def arguments_now(self, number: int) -> list[Any]:
        """Return the current values of the arguments."""

    def missing_methods(self, number: int, names: Sequence[str]) -> list[str]:
        """Return which names are not methods."""

    def has(self, number: int, name: str) -> bool:
        """Return whether there is an attribute."""

    def sizes(self, number: int) -> dict[str, int]:
        """Return the integer attributes."""

    def arrays(self, number: int) -> list[tuple[Path, np.ndarray]]:
        """Return the arrays held."""

    def overlaps(self, number: int) -> list[tuple[int, int]]:
        """Return which of them share memory."""

    def read(self, number: int, path: Path) -> np.ndarray:
        """Return an array."""

    def write(self, number: int, values: Values) -> bool:
        """Set arrays."""


class Instance:
    """A proxy for an instance: calls its methods, reads and writes its arrays by their paths.

    Parameters
    ----------
    host : Host, or its remote form
    own : frozenset of str
        The methods that its class defines itself.

    Attributes
    ----------
    complete : bool
        Whether all its arrays could be set: some classes create them in the first forward.
    """

    def __init__(self, host: HostInterface, own: frozenset[str] = frozenset()) -> None:
        self.host, self.own = host, own
        self.number = next(_NUMBERS)
        self.complete = True

    @classmethod
    def build(
        cls,
        host: HostInterface,
        info: ClassInfo,
        arguments: Sequence[Any] = (),
        named: Mapping[str, Any] | None = None,
        values: Mapping[Path, np.ndarray] | None = None,
    ) -> Self:
        """Construct an instance.

        Raises
        ------
        CannotBuild
            If its constructor raises.
        """
        instance = cls(host, info.own)
        try:
            instance.complete = host.build(
                instance.number, info.name, list(arguments), dict(named or {}), list((values or {}).items())
            )
        except Raised as error:
            raise CannotBuild("constructor_raises", **error.words) from error
        return instance

    @classmethod
    def copy(
        cls, host: HostInterface, info: ClassInfo, values: Mapping[Path, np.ndarray] | None = None
    ) -> Self:
        """Copy the host's prototype."""
        instance = cls(host, info.own)
        instance.complete = host.copy(instance.number, list((values or {}).items()))
        return instance

    def __del__(self) -> None:
        self.host.drop([self.number])

    @property
    def handle(self) -> Handle:
        """The handle, to pass it to another instance's constructor or method."""
        return Handle(self.number)

    # ------------------------------------------------------------ its methods

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method; its exceptions become :class:`Raised`."""
        return self.host.call(self.number, method, arguments)

    def array(self, method: str, *arguments: Any) -> np.ndarray:
        """Call a method and return its answer as an array."""
        return as_array(method, self.call(method, *arguments))

    def answer_now(self, back: int = 0) -> np.ndarray:
        """Return the current values of the last array returned, or of the one ``back`` before it."""
        return as_array("forward", self.host.answer_now(self.number, back))

    def arguments_now(self) -> list[np.ndarray]:
        """Return the current values of the arguments of the last call."""
        return [np.asarray(each) for each in self.host.arguments_now(self.number)]

    def missing_methods(self, *names: str) -> list[str]:
        """Return which of the names are not methods of it."""
        return self.host.missing_methods(self.number, names)

    def call_optional(self, method: str, *arguments: Any) -> None:
        """Call a method that has nothing to do in a module without parameters.

        The skeleton handed out with the sheet computes with ``_parameters`` even if it is None: an exception
        of an inherited method is ignored then, one of the class's own method is not.
        """
        try:
            self.call(method, *arguments)
        except Raised:
            if method in self.own or self.host.has(self.number, "_parameters"):
                raise

    # ------------------------------------------------------------ its arrays

    def read(self, path: Path) -> np.ndarray:
        """Return the array at ``path``."""
        return self.host.read(self.number, path)

    def write(self, values: Mapping[Path, np.ndarray]) -> bool:
        """Set arrays by their paths; return False if one is missing."""
        return self.host.write(self.number, list(values.items()))

    def arrays(self) -> dict[Path, np.ndarray]:
        """Return the arrays of real numbers in its attributes, dicts, lists and inner modules."""
        return dict(self.host.arrays(self.number))


def as_array(method: str, answer: Any) -> np.ndarray:
    """Return an answer as an array.

    Raises
    ------
    Raised
        If it is not an array of numbers.
    """
    if answer is None:
        raise Raised(method, "returns_nothing")
    if isinstance(answer, Opaque):
        raise Raised(method, "returns_no_array", type=answer.type)
    try:
        array = np.array(answer)
    except (ValueError, TypeError):
        raise Raised(method, "returns_no_array", type="list") from None
    if array.dtype.kind not in "fiub":
        raise Raised(method, "returns_no_array", type="list")
    return array.astype(float) if array.dtype.kind == "b" else array


def find_parameters(instance: Instance, changes_output: Callable[[Path], bool]) -> list[Path]:
    """Return the paths of the parameters: arrays with the usual names, and all that change the output.

    Parameters
    ----------
    instance : Instance
        Its forward has run once.
    changes_output : callable
        Takes a path; returns whether other values there change the output.
    """
    arrays = instance.arrays()
    places = list(arrays)
    shared = {frozenset(pair) for pair in instance.host.overlaps(instance.number)}
    found: list[int] = []
    for place in sorted(range(len(places)), key=lambda each: rank(places[each])):
        path = places[place]
        if arrays[path].size == 0 or is_gradient(path):
            continue
        if any(frozenset((place, other)) in shared for other in found):
            continue
        if rank(path) < 2 or changes_output(path):
            found.append(place)
    return [places[place] for place in found]


def find_gradients(arrays: Mapping[Path, np.ndarray], parameters: list[Path]) -> dict[Path, Path]:
    """Return the path of each parameter's gradient, as far as found among the arrays."""
    candidates = [path for path in arrays if is_gradient(path)]
    pairs: dict[Path, Path] = {}
    for path in parameters:
        same = [each for each in candidates if token(each) == token(path)]
        if not same:
            shape = arrays[path].shape
            same = [each for each in candidates if arrays[each].shape == shape]
        if not same and len(parameters) == 1 == len(candidates):
            same = candidates
        free = [each for each in same if each not in pairs.values()]
        if free:
            pairs[path] = free[0]
    return pairs
