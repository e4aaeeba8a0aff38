"""One instance of somebody else's class: the one door through which it is used.

Behind it stands a host, in this process or in another (:mod:`diynn.checking.files.remote`). What is drawn,
compared and decided stays on this side; on the other methods are called, and arrays come back.
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
    """What a host answers; :class:`diynn.checking.contract.host.Host` says what each of them does."""

    def class_info(self, name: str) -> ClassInfo:
        """Describe a class."""

    def build(
        self, number: int, name: str, arguments: Sequence[Any], named: Mapping[str, Any], values: Values = ()
    ) -> bool:
        """Construct an instance and set its arrays."""

    def copy(self, number: int, values: Values = ()) -> bool:
        """Copy the prototype and set the arrays of the copy."""

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget instances."""

    def call(self, number: int, method: str, arguments: Sequence[Any]) -> Any:
        """Call a method."""

    def answer_now(self, number: int, back: int) -> Any:
        """Return what an answer holds by now."""

    def arguments_now(self, number: int) -> list[Any]:
        """Return what the arguments hold by now."""

    def missing_methods(self, number: int, names: Sequence[str]) -> list[str]:
        """Return which names are no methods."""

    def has(self, number: int, name: str) -> bool:
        """Say whether an attribute is there."""

    def sizes(self, number: int) -> dict[str, int]:
        """Return the whole numbers held."""

    def arrays(self, number: int) -> list[tuple[Path, np.ndarray]]:
        """Return the arrays held."""

    def overlaps(self, number: int) -> list[tuple[int, int]]:
        """Return which of them share memory."""

    def read(self, number: int, path: Path) -> np.ndarray:
        """Return an array."""

    def write(self, number: int, values: Values) -> bool:
        """Set arrays."""


class Instance:
    """One instance, whose methods are called with copies and whose arrays are reached by their path.

    Parameters
    ----------
    host : Host, or its remote form
    own : frozenset of str
        The methods that its class defines itself and does not inherit.

    Attributes
    ----------
    complete : bool
        Whether it had all the arrays that it was to be given: some make theirs in the first forward.
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
        """Copy the instance that the host was given."""
        instance = cls(host, info.own)
        instance.complete = host.copy(instance.number, list((values or {}).items()))
        return instance

    def __del__(self) -> None:
        self.host.drop([self.number])

    @property
    def handle(self) -> Handle:
        """What stands for it among the arguments of another's constructor."""
        return Handle(self.number)

    # ------------------------------------------------------------ its methods

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method; whatever goes wrong in it becomes :class:`Raised`."""
        return self.host.call(self.number, method, arguments)

    def array(self, method: str, *arguments: Any) -> np.ndarray:
        """Call a method that returns an array; return it."""
        return as_array(method, self.call(method, *arguments))

    def answer_now(self, back: int = 0) -> np.ndarray:
        """Return what the array holds by now that the last call returned, or the one ``back`` before it."""
        return as_array("forward", self.host.answer_now(self.number, back))

    def arguments_now(self) -> list[np.ndarray]:
        """Return what the arguments of the last call hold by now."""
        return [np.asarray(each) for each in self.host.arguments_now(self.number)]

    def missing_methods(self, *names: str) -> list[str]:
        """Return which of the names are no methods of it."""
        return self.host.missing_methods(self.number, names)

    def call_optional(self, method: str, *arguments: Any) -> None:
        """Call a method of a module without parameters.

        The skeleton handed out with the sheet computes with ``_parameters`` even where it is None: an
        activation that only inherits that has nothing to do; one that wrote it itself is in error.
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
        """Set arrays by their paths; False if one is not there."""
        return self.host.write(self.number, list(values.items()))

    def arrays(self) -> dict[Path, np.ndarray]:
        """Return every array of real numbers it holds, in attributes, dicts, lists and inner modules."""
        return dict(self.host.arrays(self.number))


def as_array(method: str, answer: Any) -> np.ndarray:
    """Return an answer as an array.

    Raises
    ------
    Raised
        If it is none.
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
    """Return the paths of the parameters: what is called so, and whatever changes the output.

    Parameters
    ----------
    instance : Instance
        Constructed, and run forward once.
    changes_output : callable
        Takes a path; says whether another value there gives another output.
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
    """Return for each parameter the path of its gradient, where one is found among the arrays."""
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
