"""Paths to the arrays of an instance, and what the names in a path say: parameter or gradient."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

#: From an instance to one of its arrays: attributes, dict keys, list indices.
Path: TypeAlias = tuple[Any, ...]

_PARAMETER_NAMES = re.compile(
    r"_*(parameters?|params?|parametres?|weights?|poids|w|bias(es)?|biais|b|w0|w1|weight_matrix|coef|theta)_*",
    re.IGNORECASE,
)
_GRADIENT_NAMES = re.compile(r"grad|^_*d_?(w|b|params?|weights?|bias|biais|poids)_*$|^_*delta_(w|b)", re.I)
_NOISE = re.compile(r"gradients?|grads?|parameters?|params?|parametres?|weights?|poids|acc(umul\w*)?|nabla")


class Attribute(str):
    """An attribute in a path; dict keys are plain strings."""

    __slots__ = ()


def is_gradient(path: Path) -> bool:
    """Return whether an array at ``path`` is a gradient by its name."""
    return any(isinstance(part, str) and _GRADIENT_NAMES.search(part) for part in path)


def rank(path: Path) -> int:
    """Return 0 for a parameter by the sheet's name, 1 for one by another name, else 2."""
    if path[0] in ("_parameters", "_bias"):
        return 0
    return 1 if _PARAMETER_NAMES.fullmatch(str(path[0])) else 2


def token(path: Path) -> str:
    """Return the common part of the names of a parameter and its gradient, such as ``w`` or ``b``."""
    words = []
    for part in path:
        word = _NOISE.sub("", str(part).lower()).strip("_")
        if is_gradient((part,)):
            word = re.sub(r"^(d|delta)_?(?=[a-z])", "", word)
        words.append(re.sub(r"^(bias(es)?|biais)$", "b", word.strip("_")))
    name = ".".join(word for word in words if word)
    return name or "w"


def spell(path: Path) -> str:
    """Write a path as Python code: ``_parameters['W']``."""
    return str(path[0]) + "".join(
        f".{part}" if isinstance(part, Attribute) else f"[{part!r}]" for part in path[1:]
    )
