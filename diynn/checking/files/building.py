"""Builds instances of classes whose constructors have arguments of any name and order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from diynn.checking.contract.candidate import Factory
from diynn.checking.contract.class_info import ClassInfo
from diynn.checking.contract.instance import HostInterface, Instance
from diynn.checking.contract.kinds import Kind, Setup
from diynn.checking.contract.paths import Path
from diynn.checking.contract.raised import CannotBuild, Raised
from diynn.checking.contract.recognise import normalise

#: Names of constructor arguments by their role, normalised: lower case, no underscores.
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
        "scale", "factor", "scalefactor",
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
#: Arguments of activations for which there is a value that gives the sheet's function.
_NEUTRAL = re.compile(r"^(threshold|thresh|seuil|tau|alpha|slope|pente|leak\w*|negativeslope|min)$")

#: Names of sizes that do not tell input from output.
_LETTERS = frozenset(["n", "d", "m", "p", "h"])

Way = tuple[list[Any], dict[str, Any]]


def roles(names: list[str], kind: Kind) -> dict[str, str]:
    """Return the argument of each role, as far as the names tell."""
    found: dict[str, str] = {}
    for name in names:
        word = normalise(name)
        for role in kind.roles:
            if role not in found and (word == normalise(role) or word in _ROLES[role]):
                found[role] = name
                break
    return found


class Builder:
    """Builds instances of a class for a setup, whatever the names of its arguments.

    Parameters
    ----------
    host : Host, or its remote form
    info : ClassInfo
        The class.
    kind : Kind
        Its kind.
    """

    def __init__(self, host: HostInterface, info: ClassInfo, kind: Kind) -> None:
        self.host, self.info, self.kind = host, info, kind
        self.order = 0
        self._known: dict[str, list[Way]] = {}

    def __call__(self, setup: Setup, values: Mapping[Path, np.ndarray] | None = None) -> Instance:
        """Build an instance, with these arrays.

        Raises
        ------
        CannotBuild
            If the class has arguments of unknown meaning, or its constructor raises.
        """
        key = f"{setup.arguments}{setup.shape}"
        if key not in self._known:
            self._known[key] = list(self._ways(setup))
        ways = self._known[key]
        arguments, named = ways[min(self.order, len(ways) - 1)]
        return Instance.build(self.host, self.info, arguments, named, values)

    def choose(self, setups: tuple[Setup, ...]) -> None:
        """Try the possible orders of the sizes, and keep the one with which most forwards run."""
        if not self.kind.roles:
            return
        scores = []
        for order in range(6):
            self.order = order
            scores.append(0)
            for setup in setups:
                try:
                    if order >= len(list(self._ways(setup))):
                        continue
                    scores[-1] += 1 + 2 * self._runs(setup)
                except (CannotBuild, Raised):
                    continue
            if scores[-1] == 3 * len(setups):
                break
        self.order = scores.index(max(scores))

    def _runs(self, setup: Setup) -> bool:
        output = self(setup).array("forward", np.ones(setup.shape))
        last = setup.arguments.get("out_features", setup.arguments.get("chan_out"))
        return output.ndim == len(setup.shape) and last in (None, *output.shape[1:])

    def _ways(self, setup: Setup) -> Iterator[Way]:
        """Yield positional and keyword arguments, the likeliest first."""
        values: dict[str, Any] = dict(setup.arguments)
        positional, needed = self.info.positional, self.info.needed
        named = roles([each.name for each in self.info.arguments], self.kind) if self.kind.roles else {}
        extra = self._filled([name for name in needed if name not in named.values()], setup)
        enough = all(role in named for role in self.kind.roles if role != "stride")
        if "stride" in values and "stride" not in named and (enough or len(positional) < len(values)):
            if values["stride"] != (1 if self.kind.parameters else values["k_size"]):
                raise CannotBuild("no_stride")
            values.pop("stride")
        if named and enough and extra is not None:
            yield from self._by_name(named, values, extra)
        elif not values and extra is not None:
            yield [], extra
        elif values and len(needed) <= len(values) and positional:
            yield from self._by_position(list(values.values()), len(positional))
        else:
            unknown = [name for name in needed if name not in named.values()]
            raise CannotBuild("arguments", names=", ".join(unknown or needed or ["?"]))

    def _by_name(self, named: dict[str, str], values: dict[str, Any], extra: dict[str, Any]) -> Iterator[Way]:
        given = {named[role]: values[role] for role in named if role in values}
        yield [], extra | given
        if set(given) <= _LETTERS and len(given) == 2:  # Linear(n, d): either may be the input
            first, second = given
            yield [], extra | {first: given[second], second: given[first]}
        if self.kind.formula is not None:  # a window given as (k, k)
            sizes = [role for role in ("k_size", "stride") if role in named and role in values]
            yield [], extra | given | {named[role]: (values[role], values[role]) for role in sizes}

    def _by_position(self, given: list[Any], count: int) -> Iterator[Way]:
        yield given[:count], {}
        if len(given) == 2 and not self.kind.formula:
            yield given[::-1][:count], {}
        if "chan_in" in self.kind.roles:
            yield [*given[1:3], given[0], *given[3:]][:count], {}

    def _filled(self, names: list[str], setup: Setup) -> dict[str, Any] | None:
        """Return values for arguments that are not the sheet's: sizes, thresholds; None if one is neither."""
        found: dict[str, Any] = {}
        for name in names:
            word = normalise(name)
            if _NEUTRAL.match(word):
                found[name] = 0.0 if self.kind.name else 0.5
            elif word in ("nbclasses", "nclasses", "numclasses", "classes", "dim", "ndim", "features") or any(
                word in _ROLES[role] for role in ("in_features", "out_features")
            ):
                found[name] = setup.shape[-1]
            else:
                return None
        return found


def setups_of(instance: Instance, kind: Kind, input_shape: tuple[int, ...] | None) -> tuple[Setup, ...]:
    """Return setups for an instance: its own sizes, with several batch sizes.

    Raises
    ------
    CannotBuild
        If its sizes cannot be found.
    """
    for arguments in _sizes(instance, kind):
        shape = input_shape or _example(kind, arguments)
        if shape is None:
            return tuple(Setup(arguments, setup.shape) for setup in kind.setups)
        setups = tuple(Setup(arguments, (batch, *shape)) for batch in (2, 1, 4))
        if len(arguments) < 2 or "k_size" in arguments or _takes(instance, setups[0].shape):
            return setups
    raise CannotBuild("sizes_unknown", role=", ".join(kind.roles))


def _takes(instance: Instance, shape: tuple[int, ...]) -> bool:
    try:
        instance.array("forward", np.ones(shape))
    except Raised:
        return False
    return True


def _sizes(instance: Instance, kind: Kind) -> Iterator[dict[str, int]]:
    """Yield possible sizes of an instance: by attribute names, by the shape of its weights, swapped."""
    held = {normalise(name): value for name, value in instance.host.sizes(instance.number).items()}
    weights = next((array for path, array in instance.arrays().items() if path == ("_parameters",)), None)
    wanted = [role for role in kind.roles if role != "stride"]
    by_shape = dict(zip(wanted, getattr(weights, "shape", ()), strict=False))
    by_name = {
        role: held[word] for role in kind.roles
        for word in (*_ROLES[role][::-1], normalise(role)) if word in held
    }  # fmt: skip
    for first, second in ((by_name, by_shape), (by_shape, by_name)):
        found = second | first
        if set(wanted) <= set(found) and (kind.parameters or "k_size" in found or not wanted):
            if "stride" in kind.roles:
                found.setdefault("stride", 1 if kind.parameters else found["k_size"])
            found = {role: found[role] for role in kind.roles}
            yield found
            if wanted == ["in_features", "out_features"]:
                yield {"in_features": found["out_features"], "out_features": found["in_features"]}


def _example(kind: Kind, arguments: dict[str, int]) -> tuple[int, ...] | None:
    if "in_features" in arguments:
        return (arguments["in_features"],)
    if "k_size" in arguments and not kind.formula:
        length = arguments["k_size"] + 2 * arguments["stride"] + (1 if arguments["stride"] > 1 else 0)
        return (length, arguments.get("chan_in", 2))
    return None


#: Shapes of one example to try with a module of unknown kind: vectors, sequences, images, vectors of other
#: sizes; one feature is last, because it broadcasts against any number of parameters.
_SHAPES = ((3,), (6, 2), (6, 6, 2), (2, 6, 6), *((size,) for size in range(2, 33)), (1,))


def runnable(make: Factory, kind: Kind, setups: tuple[Setup, ...]) -> tuple[Setup, ...]:
    """Return the setups on which a module of unknown kind runs."""
    if kind.name or kind.loss:
        return setups

    def runs(setup: Setup) -> bool:
        try:
            make(setup).array("forward", np.ones(setup.shape))
        except Raised:
            return False
        return True

    try:
        kept = tuple(setup for setup in setups if runs(setup))
        # If it takes vectors, nothing else is tried: a batch normalisation need not take more axes.
        kept = tuple(setup for setup in kept if len(setup.shape) == 2) or kept
        if setups != kind.setups:  # the caller gave the shape
            return kept or setups
        for shape in () if kept else _SHAPES:
            kept = tuple(
                Setup({}, (batch, *shape)) for batch in (2, 1, 4) if runs(Setup({}, (batch, *shape)))
            )
            if kept:
                break
    except CannotBuild:
        return setups  # which `construct` reports
    return kept
