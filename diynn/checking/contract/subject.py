"""One instance of somebody else's class, and careful hands to use it with."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from typing import Any

import numpy as np

Path = tuple[Any, ...]

_PARAMETER_NAMES = re.compile(
    r"_*(parameters?|params?|parametres?|weights?|poids|w|bias(es)?|biais|b|w0|w1|weight_matrix|coef|theta)_*",
    re.IGNORECASE,
)
_GRADIENT_NAMES = re.compile(r"grad|^_*d_?(w|b|params?|weights?|bias|biais|poids)_*$|^_*delta_(w|b)", re.I)
_NUMPY = np.__file__.rpartition("__init__")[0]
_NOISE = re.compile(r"gradients?|grads?|parameters?|params?|parametres?|weights?|poids|acc(umul\w*)?|nabla")


class Raised(Exception):  # noqa: N818 - it says what happened, and is no error of ours
    """The code under examination raised, or returned nothing that can be used.

    Parameters
    ----------
    method : str
        What was called.
    key : str
        The message in the catalogue.
    """

    def __init__(self, method: str, key: str, **words: Any) -> None:
        super().__init__(method, key)
        self.method, self.key, self.words = method, key, words


class Subject:
    """One instance, called with copies, whose arrays are reached by their path.

    Parameters
    ----------
    instance : object
        A module or a loss.
    """

    def __init__(self, instance: Any) -> None:
        self.instance = instance

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method; whatever goes wrong in it becomes :class:`Raised`."""
        function = getattr(self.instance, method, None)
        if not callable(function):
            raise Raised(method, "no_method")
        try:
            return function(*arguments)
        except MemoryError:  # the end of the examination
            raise
        except (Exception, SystemExit) as error:
            raise raised(method, error) from error

    def array(self, method: str, *arguments: Any) -> np.ndarray:
        """Call a method that returns an array; return a copy of it."""
        value = self.call(method, *arguments)
        if value is None:
            raise Raised(method, "returns_nothing")
        try:
            array = np.array(value)
        except (ValueError, TypeError):
            raise Raised(method, "returns_no_array", type=type(value).__name__) from None
        if array.dtype.kind not in "fiub":
            raise Raised(method, "returns_no_array", type=type(value).__name__)
        return array.astype(float) if array.dtype.kind == "b" else array

    def harmless(self, method: str, *arguments: Any) -> None:
        """Call a method of a module without parameters.

        The skeleton handed out with the sheet computes with ``_parameters`` even where it is None: an
        activation that only inherits that has nothing to do; one that wrote it itself is in error.
        """
        try:
            self.call(method, *arguments)
        except Raised:
            if method in vars(type(self.instance)) or getattr(self.instance, "_parameters", None) is not None:
                raise

    # ---------------------------------------------------------------- its arrays

    def read(self, path: Path) -> np.ndarray:
        """Return the array at ``path``."""
        return np.asarray(_follow(self.instance, path))

    def write(self, path: Path, value: np.ndarray) -> None:
        """Set the array at ``path``, in place where that keeps every digit: it may have views."""
        holder, last = _follow(self.instance, path[:-1]), path[-1]
        old = _item(holder, last)
        if (
            isinstance(old, np.ndarray)
            and old.flags.writeable
            and old.dtype == value.dtype
            and old.shape == value.shape
        ):
            old[...] = value
        elif len(path) == 1 or hasattr(holder, "__dict__"):
            setattr(holder, last, value.copy())
        elif isinstance(holder, tuple):
            changed = [value.copy() if place == last else each for place, each in enumerate(holder)]
            above, name = _follow(self.instance, path[:-2]), path[-2]
            if len(path) == 2 or hasattr(above, "__dict__"):
                setattr(above, name, tuple(changed))
            else:
                above[name] = tuple(changed)
        else:
            holder[last] = value.copy()

    def arrays(self) -> dict[Path, np.ndarray]:
        """Return every array of real numbers it holds, in attributes, dicts, lists and inner modules."""
        return dict(_walk(self.instance, (), 0))


def raised(method: str, error: BaseException) -> Raised:
    """Say in words of the catalogue what an exception was, and where in the code it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    here = __file__.rpartition("checking")[0]
    own = [frame for frame in frames if not frame.filename.startswith((here, _NUMPY))]
    line = f"{own[-1].filename}:{own[-1].lineno}" if own else ""
    text = str(error).strip().splitlines()
    return Raised(
        method,
        "raises",
        error=type(error).__name__,
        text=text[0][:200] if text else "",
        line=line,
    )


def find_parameters(subject: Subject, changes_output: Any) -> list[Path]:
    """Return the paths of the parameters: what is called so, and whatever changes the output.

    Parameters
    ----------
    subject : Subject
        Constructed, and run forward once.
    changes_output : callable
        Takes a path; says whether another value there gives another output.
    """
    found: list[Path] = []
    seen: list[np.ndarray] = []
    candidates = sorted(subject.arrays().items(), key=lambda item: _rank(item[0]))
    for path, array in candidates:
        if array.size == 0 or is_gradient(path) or any(np.shares_memory(array, other) for other in seen):
            continue
        if _rank(path) < 2 or changes_output(path):
            found.append(path)
            seen.append(array)
    return found


def find_gradients(subject: Subject, parameters: list[Path]) -> dict[Path, Path]:
    """Return for each parameter the path of its gradient, where one is found."""
    arrays = subject.arrays()
    candidates = [path for path in arrays if is_gradient(path)]
    pairs: dict[Path, Path] = {}
    for path in parameters:
        same = [each for each in candidates if token(each) == token(path)]
        if not same:
            shape = subject.read(path).shape
            same = [each for each in candidates if arrays[each].shape == shape]
        if not same and len(parameters) == 1 == len(candidates):
            same = candidates
        free = [each for each in same if each not in pairs.values()]
        if free:
            pairs[path] = free[0]
    return pairs


def is_gradient(path: Path) -> bool:
    """Say whether an array at ``path`` is a gradient by its name."""
    return any(isinstance(part, str) and _GRADIENT_NAMES.search(part) for part in path)


def token(path: Path) -> str:
    """Return what a parameter and its gradient have in common in their names: ``w`` or ``b``, mostly."""
    words = []
    for part in path:
        word = _NOISE.sub("", str(part).lower()).strip("_")
        if is_gradient((part,)):
            word = re.sub(r"^(d|delta)_?(?=[a-z])", "", word)
        words.append(re.sub(r"^(bias(es)?|biais)$", "b", word.strip("_")))
    name = ".".join(word for word in words if word)
    return name or "w"


def spell(path: Path) -> str:
    """Write a path as its author would: ``_parameters['W']``."""
    return str(path[0]) + "".join(f"[{part!r}]" if _is_key(path, part) else f".{part}" for part in path[1:])


def _is_key(path: Path, part: Any) -> bool:
    return not isinstance(part, _Attribute)


class _Attribute(str):
    """A step of a path that is an attribute of an inner module."""

    __slots__ = ()


def _rank(path: Path) -> int:
    if path[0] in ("_parameters", "_bias"):
        return 0
    return 1 if _PARAMETER_NAMES.fullmatch(str(path[0])) else 2


def _walk(thing: Any, path: Path, depth: int) -> Iterator[tuple[Path, np.ndarray]]:
    if isinstance(thing, np.ndarray):
        if thing.dtype.kind in "fiu":
            yield path, thing
    elif depth > 3:
        return
    elif isinstance(thing, dict):
        for key in list(thing):
            yield from _walk(thing[key], (*path, key), depth + 1)
    elif isinstance(thing, list | tuple):
        for place, each in enumerate(thing[:64]):
            yield from _walk(each, (*path, place), depth + 1)
    elif depth == 0 or hasattr(thing, "forward"):
        for name, value in list(getattr(thing, "__dict__", {}).items()):
            yield from _walk(value, (*path, name if depth == 0 else _Attribute(name)), depth + 1)


def _follow(thing: Any, path: Path) -> Any:
    for step in path:
        thing = _item(thing, step)
    return thing


def _item(thing: Any, step: Any) -> Any:
    return thing[step] if isinstance(thing, dict | list | tuple) else getattr(thing, step)
