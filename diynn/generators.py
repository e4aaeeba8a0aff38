"""The random generators of a net, and their states, to save and restore."""

from __future__ import annotations

from collections.abc import Iterable
from ctypes import string_at
from typing import Any, TypeAlias

import numpy as np

from diynn.composition import attributes, walk

State: TypeAlias = dict[str, Any]

_WORDS = 625 * 4  # bytes of a Mersenne twister: its words, and the place among them
_legacy: tuple[bytes | None, State] = None, {}
_NONE = {bool, int, float, str, set, type(None), np.ndarray}  # types that are no generators, and hold none


def generators(net: Any, *others: Any) -> list[Any]:
    """Return the generators among the attributes of a net's modules and of other objects, each once."""
    return generators_in([*walk(net), *others])


def generators_in(owners: Iterable[Any]) -> list[Any]:
    """Return the generators among the attributes of objects, each once."""
    held = [value for owner in owners for value in attributes(owner).values() if type(value) not in _NONE]
    return unique(each for value in held for each in _in(value))


def unique(found: Iterable[Any]) -> list[Any]:
    """Return generators in order, each once."""
    return list({id(each): each for each in found}.values())


def _in(value: Any) -> list[Any]:
    held = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
    )
    return [each for each in held if type(each).__name__ in ("Generator", "RandomState") and _bits(each)]


def _bits(generator: Any) -> Any:
    return getattr(generator, "bit_generator", None) or getattr(generator, "_bit_generator", None)


def kind_of(generator: Any) -> str:
    """Return the name of a generator's bit generator."""
    return type(_bits(generator)).__name__


def generator_state(generator: Any) -> State:
    """Return the state of a generator: of its bit generator, and of the seeds of its children."""
    bits = _bits(generator)
    state = {"kind": type(bits).__name__, "bits": bits.state}
    if isinstance(getattr(bits, "seed_seq", None), np.random.SeedSequence):
        state["seeds"] = bits.seed_seq.state
    return state


def set_generator_state(generator: Any, state: State) -> None:
    """Restore the state of a generator, which must be of the same :func:`kind_of`."""
    bits = _bits(generator)
    seeds = state.get("seeds")
    if seeds is not None and _plain(bits.seed_seq.state) != _plain(seeds):
        # It may have spawned more children since: their number can only be set by the constructor.
        bits = type(bits)(np.random.SeedSequence(**seeds))
        generator.__init__(bits)
    bits.state = state["bits"]


def _plain(seeds: State) -> State:
    entropy, key = seeds["entropy"], list(seeds["spawn_key"])
    return seeds | {
        "spawn_key": key,
        "entropy": entropy if np.ndim(entropy) == 0 else list(map(int, entropy)),
    }


def draw_apart(net: Any, number: int) -> None:
    """Let a net draw what its replica of that number would draw; number 0 changes nothing.

    Each generator is replaced by its child, the same as a thread of that number has.
    """
    for generator in generators(net):
        if number > 0 and hasattr(generator, "spawn"):
            set_generator_state(generator, generator_state(generator.spawn(number)[-1]))


def legacy_state() -> State:
    """Return the state of what ``np.random.seed`` governs.

    NumPy takes 40 microseconds to return it, word by word: so the last one is returned while its memory is
    the same, unless half of a pair of normal numbers is left, which lies elsewhere.
    """
    global _legacy
    bits = np.random.get_bit_generator()  # type: ignore[attr-defined]  # course code draws from it
    words = string_at(bits.ctypes.state_address, _WORDS) if type(bits) is np.random.MT19937 else None
    if words is None or words != _legacy[0] or _legacy[1]["has_gauss"]:
        _legacy = words, dict(np.random.get_state(legacy=False))  # noqa: NPY002
    return _legacy[1]


def set_legacy_state(state: State) -> None:
    """Restore what :func:`legacy_state` returned."""
    global _legacy
    np.random.set_state(state)  # noqa: NPY002
    _legacy = None, {}  # half of a pair may have come back, with the same words
