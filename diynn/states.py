"""The state of an Optim, as dicts of arrays and numbers: saved and restored."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from itertools import chain
from operator import is_
from typing import Any

import numpy as np

from diynn.arrays import asarray_like, to_numpy, write
from diynn.checkpoints import matched, restore
from diynn.composition import keeps_state, places
from diynn.execution.interrupts import Deferred
from diynn.generators import generator_state, generators, generators_in, kind_of, set_generator_state
from diynn.module import parameters_in
from diynn.parameter import Parameter


def state_of(optim: Any, *, execution: bool = True) -> dict[str, Any]:
    """Return the state of an Optim, see :meth:`diynn.Optim.state`; with that of its execution or not."""
    return deepcopy(joined(*parts_of(optim, execution=execution)))


def joined(arrays: Mapping[str, Any], rest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state whose parts :func:`parts_of` returned."""
    rule = rest["rule"] | {"states": arrays["states"]}
    return {"parameters": arrays["parameters"], **rest, "rule": rule}


def parts_of(optim: Any, *, execution: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arrays of an Optim, and the rest of its state.

    Nothing is copied: it is a state until the next step. The first part is the same object again where it
    is known to have the same arrays, in C order.
    """
    known = getattr(optim.execution, "known", lambda *_: None)(optim.net, optim.loss)
    if known is None:
        found = places(optim.net)
        stateful = [each for each in found if keeps_state(each[1])]
        drawing = generators_in([*(module for _, module in found), optim.loss])
        arrays = _arrays(optim, parameters_in(found))
    else:
        stateful, drawing = known.stateful, known.generators
        held = [*optim._states.values(), None]
        if known.arrays is not None and all(map(is_, held, known.arrays[0])):
            arrays = known.arrays[1]
        else:
            arrays = _arrays(optim, known.parameters)
            known.arrays = (held, arrays) if _in_c_order(arrays) else None
    course = getattr(optim.execution, "state", None) if execution else None
    name = None if optim.rule is None else repr(optim.rule)
    return arrays, {
        "steps": optim.steps,
        "rule": {"name": name, "began": optim._began},
        "generators": [generator_state(each) for each in drawing],
        "modules": {place: module.state() for place, module in stateful},
        "execution": course() if callable(course) else None,
    }


def _arrays(optim: Any, handles: list[Parameter]) -> dict[str, Any]:
    """Return the parameters, and what the rule keeps of each, by label."""
    states = {each.label: optim._states.get(each) for each in handles}
    return {
        "parameters": {each.label: to_numpy(each.value) for each in handles},
        "states": {label: [*map(to_numpy, each)] for label, each in states.items() if each is not None},
    }


def _in_c_order(arrays: dict[str, Any]) -> bool:
    flat = [*arrays["parameters"].values(), *chain.from_iterable(arrays["states"].values())]
    return all(each.flags.c_contiguous and each.dtype.isnative for each in flat)


def set_state(optim: Any, state: Mapping[str, Any]) -> None:
    """Restore the state of an Optim, all of it or nothing.

    Raises
    ------
    ValueError
        If it is of another net or rule.
    TypeError
        If it is no state.
    """
    if not isinstance(state, Mapping) or not {"parameters", "rule", "steps"} <= state.keys():
        raise TypeError("Optim: `state` must be what optim.state() returned")
    handles = matched("Optim", "state", optim.net, state["parameters"])
    name = None if optim.rule is None else repr(optim.rule)
    if state["rule"]["name"] != name:
        raise ValueError(f"Optim: the state is of the rule {state['rule']['name']}, and this one has {name}")
    drawing, drawn = generators(optim.net, optim.loss), state["generators"]
    kinds, wanted = [kind_of(each) for each in drawing], [each["kind"] for each in drawn]
    if kinds != wanted:
        raise ValueError(
            f"Optim: `state` is of a net that draws from {_listed(wanted)}, "
            f"and this one from {_listed(kinds)}"
        )
    rules = _rule_states(optim, handles, state["rule"]["states"])
    with Deferred() as interrupts:
        interrupts.may_stop = False
        restore(optim.net, dict(state["parameters"]))
        optim.steps, optim._began = state["steps"], state["rule"]["began"]
        optim._following = optim.rule if rules else None
        for handle, (held, values) in rules.items():
            written = tuple(map(write, held, values))
            if handle not in optim._states or any(a is not b for a, b in zip(written, held, strict=True)):
                optim._states[handle] = written
        for handle in [each for each in optim._states if each not in rules]:
            del optim._states[handle]
        for generator, kept in zip(drawing, drawn, strict=True):
            set_generator_state(generator, kept)
        for place, module in places(optim.net):
            if place in state["modules"]:
                module.restore(state["modules"][place])
        if state["execution"] is not None and hasattr(optim.execution, "restore"):
            optim.execution.restore(state["execution"], optim.net, optim.loss)
            optim._rehearsing = True


def rehearse(optim: Any, update: Any, *batch: Any) -> None:
    """Before the first batch of a size after a restore, restore how it is computed, compiled or not."""
    before: dict[str, Any] = {}

    def take(*batch: Any, execution: Any = optim.execution, update: Any = update) -> None:
        if not before:
            before.update(state_of(optim, execution=False))
        with np.errstate(all="ignore"):
            execution.step(optim.net, optim.loss, *batch[:2], update, *batch[2:])

    try:
        optim.execution.rehearse(take, *batch)
    finally:
        if before:
            set_state(optim, before)


def _rule_states(optim: Any, handles: Mapping[str, Any], states: Mapping[str, Any]) -> dict[Any, Any]:
    """Return, by parameter, the arrays to write into and what to write."""
    found = {}
    for label, parts in states.items():
        handle = handles.get(label)
        held = () if handle is None else optim._states.get(handle) or optim.rule.start(handle.value)
        if handle is None or [tuple(each.shape) for each in held] != [tuple(each.shape) for each in parts]:
            raise ValueError(f"Optim: the state of the rule for `{label}` does not fit the net")
        found[handle] = held, [asarray_like(part.astype(to_numpy(each).dtype), each)
                               for part, each in zip(parts, held, strict=True)]  # fmt: skip
    return found


def _listed(kinds: list[str]) -> str:
    return f"{len(kinds)} generators ({', '.join(kinds)})" if kinds else "no generator"
