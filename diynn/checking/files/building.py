"""From the name of a class and the arguments of its constructor, under any spelling, to what it is."""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np

from diynn.checking.contract.kinds import KINDS, Kind, Setup
from diynn.sheet import SPELLINGS

#: The two cross entropies are one kind here: what a class of that name computes is found out by calling it.
_ONE_KIND = {"NLLLoss": "CrossEntropyLoss"}
_DECORATION = re.compile(
    r"^(my|mon|ma|le|la|module|couche|layer)|(module|layer|couche|activation|bis|v?\d+)$"
)

#: What constructors call their arguments, normalised: lower case, no underscores.
_ROLES: dict[str, tuple[str, ...]] = {
    "in_features": (
        "in", "input", "inputs", "infeatures", "inputsize", "inputdim", "dimin", "nin", "indim", "nbin",
        "din", "inputfeatures", "entree", "entrees", "insize", "d", "nbinput", "ninput", "inputshape",
        "ninputs", "dimentree", "tailleentree", "i", "inp", "m", "sizein", "dinput",
    ),
    "out_features": (
        "out", "output", "outputs", "outfeatures", "outputsize", "outputdim", "dimout", "nout", "outdim",
        "nbout", "dout", "outputfeatures", "sortie", "sorties", "outsize", "nboutput", "noutput",
        "outputshape", "noutputs", "dimsortie", "taillesortie", "o", "outp", "n", "sizeout", "doutput",
    ),
    "k_size": (
        "ksize", "kernelsize", "kernel", "k", "filtersize", "sizekernel", "size", "taillenoyau", "taille",
        "poolsize", "windowsize", "window", "kernelwidth", "filterlength", "tailleknoyau", "width", "filter",
    ),
    "chan_in": (
        "chanin", "inchannels", "inchan", "channelsin", "channelin", "inputchannels", "chaninput", "cin",
        "inchannel", "inputchannel", "nbchanin", "canauxentree", "in", "input", "infeatures", "inputchan",
        "nchannelsin", "inc", "chansin",
    ),
    "chan_out": (
        "chanout", "outchannels", "outchan", "channelsout", "channelout", "outputchannels", "chanoutput",
        "cout", "outchannel", "outputchannel", "nbchanout", "canauxsortie", "out", "output", "outfeatures",
        "outputchan", "filters", "nbfilters", "nfilters", "numfilters", "nchannelsout", "outc", "chansout",
    ),
    "stride": ("stride", "strides", "pas", "step", "s", "stridesize"),
}  # fmt: skip


class CannotBuild(Exception):  # noqa: N818 - a finding about the class, not an error of ours
    """A class cannot be constructed; ``key`` and ``words`` are for the catalogue."""

    def __init__(self, key: str, **words: Any) -> None:
        super().__init__(key)
        self.key, self.words = key, words


def normalise(name: str) -> str:
    """Return a name in lower case, without accents, underscores and signs."""
    bare = unicodedata.normalize("NFKD", name)
    return re.sub(r"[^a-z0-9]", "", bare.encode("ascii", "ignore").decode().lower())


def _names() -> dict[str, str]:
    found: dict[str, str] = {}
    for canonical, spellings in {**SPELLINGS, "Optim": ("Optimizer", "Optimiseur")}.items():
        kind = _ONE_KIND.get(canonical, canonical)
        found |= {normalise(each): kind for each in (canonical, *spellings) if kind in KINDS}
    return found


def recognise(name: str) -> Kind | None:
    """Return the kind that a class of this name is meant to be; None if it is none that we know."""
    names = _names()
    word = normalise(name)
    for _ in range(3):
        if word in names:
            return KINDS[names[word]]
        for ending in ("loss", "cost", "cout"):
            if word.endswith(ending) and word.removesuffix(ending) in names:
                kind = KINDS[names[word.removesuffix(ending)]]
                if kind.loss:
                    return kind
        shorter = _DECORATION.sub("", word)
        if shorter == word:
            break
        word = shorter
    if "binary" in word or "bce" in word or "binaire" in word:
        return KINDS["BCEWithLogitsLoss" if "logit" in word else "BCELoss"]
    if (
        "crossent" in word
        or "entropiecroisee" in word
        or word.startswith(("celoss", "celog", "logsoftmaxce"))
    ):
        return KINDS["CrossEntropyLoss"]
    return None


def preferred_variant(name: str) -> str:
    """Return the reading of a cross entropy that its name suggests."""
    if normalise(name) in {normalise(each) for each in ("NLLLoss", *SPELLINGS["NLLLoss"])}:
        return "nll"
    return "logits"


def roles(parameters: list[str], kind: Kind) -> dict[str, str] | None:
    """Return which argument plays which role, None if the names do not tell.

    Parameters
    ----------
    parameters : list of str
        The names of the constructor's arguments.
    """
    found: dict[str, str] = {}
    for parameter in parameters:
        word = normalise(parameter)
        for role in kind.roles:
            if role not in found and (word == normalise(role) or word in _ROLES[role]):
                found[role] = parameter
                break
    return found or None


def builder(cls: type, kind: Kind) -> Callable[[Setup], Any]:
    """Return what builds instances of a class for a setup, whatever it calls its arguments.

    Raises
    ------
    CannotBuild
        If it asks for arguments that we cannot give, or raises.
    """
    positional, needed = _arguments(cls)
    named = roles(positional, kind) if kind.roles else {}
    unknown = [name for name in needed if name not in (named or {}).values()]

    def build(setup: Setup) -> Any:
        values = dict(setup.arguments)
        if named and not unknown and _enough(kind, named):
            if (
                "stride" in values
                and "stride" not in named
                and values["stride"] != _default_stride(kind, values)
            ):
                raise CannotBuild("no_stride")
            return _construct(cls, (), {named[role]: values[role] for role in named if role in values})
        if len(needed) <= len(values) and (positional or not values):
            if "stride" in values and len(positional) < len(values):
                if values["stride"] != _default_stride(kind, values):
                    raise CannotBuild("no_stride")
                values.pop("stride")
            return _construct(cls, tuple(values.values())[: max(len(positional), 0)], {})
        raise CannotBuild("arguments", names=", ".join(unknown or needed or ["?"]))

    return build


def _enough(kind: Kind, named: dict[str, str]) -> bool:
    return all(role in named for role in kind.roles if role != "stride")


def _default_stride(kind: Kind, values: dict[str, int]) -> int:
    return 1 if kind.parameters else values["k_size"]


def _arguments(cls: type) -> tuple[list[str], list[str]]:
    """Return the names of the arguments that may be given by position, and of those that must be given."""
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return [], []
    positional = [
        each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    empty = [
        each.name
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    return positional, empty


def _construct(cls: type, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    from diynn.checking.contract.subject import raised

    try:
        return settle(cls(*arguments, **named))
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        what = raised("__init__", error)
        raise CannotBuild("constructor_raises", **what.words) from error


def settle(instance: Any) -> Any:
    """Bring a module of ours to NumPy in double precision, whatever its backend; leave others alone."""
    from diynn.module import Module

    return instance.to("numpy", dtype="float64") if isinstance(instance, Module) else instance


def setups_of(instance: Any, kind: Kind, input_shape: tuple[int, ...] | None) -> tuple[Setup, ...]:
    """Return the setups that fit an instance: its own arguments, with batches of several sizes.

    Raises
    ------
    CannotBuild
        If its sizes cannot be made out.
    """
    arguments: dict[str, int] = {}
    for role in kind.roles:
        size = _size(instance, role, kind)
        if size is None:
            raise CannotBuild("sizes_unknown", role=role)
        arguments[role] = size
    if input_shape is None:
        input_shape = _example(kind, arguments)
    if input_shape is None:
        return tuple(Setup(arguments, setup.shape) for setup in kind.setups)
    return tuple(Setup(arguments, (batch, *input_shape)) for batch in (2, 1, 4))


def _example(kind: Kind, arguments: dict[str, int]) -> tuple[int, ...] | None:
    if "in_features" in arguments:
        return (arguments["in_features"],)
    if "k_size" in arguments:
        length = arguments["k_size"] + 2 * arguments["stride"] + (1 if arguments["stride"] > 1 else 0)
        return (length, arguments.get("chan_in", 2))
    return None


def _size(instance: Any, role: str, kind: Kind) -> int | None:
    held = {normalise(name): value for name, value in vars(instance).items()}
    for word in (normalise(role), *_ROLES[role]):
        value = held.get(word)
        if isinstance(value, int | np.integer) and not isinstance(value, bool):
            return int(value)
    if role == "stride":
        return 1 if kind.parameters else _size(instance, "k_size", kind)
    weights = getattr(instance, "_parameters", None)
    place = kind.roles.index(role)
    shape = getattr(weights, "shape", ())
    return int(shape[place]) if len(shape) == len([each for each in kind.roles if each != "stride"]) else None
