"""Whether the ``zero_grad`` and ``update_parameters`` of a net do what the sheet says, nothing, or else."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np

from diynn.arrays import to_numpy
from diynn.composition import attributes, walk
from diynn.module import Module, is_default, parameters, update_parameters, zero_grad

_UPDATES = ("zero_grad", "update_parameters")


class Habits(NamedTuple):
    """What the two methods of a net do, determined by a trial on a copy if a class overrides them.

    Attributes
    ----------
    zeroes : bool
        Whether ``zero_grad`` sets all gradients to zero and does nothing else.
    updates : tuple of str
        For each parameter, what ``update_parameters`` does with it: ``"plain"``, the sheet's step against
        the gradient; ``"frozen"``, nothing; ``"own"``, something else.
    """

    zeroes: bool
    updates: tuple[str, ...]

    @property
    def plain(self) -> bool:
        """Whether all parameters take the sheet's step."""
        return all(each == "plain" for each in self.updates)


def habits(net: Any) -> Habits:
    """Determine what the methods of a net do, by a trial on a copy unless all are those of ``Module``."""
    if not _own(net):
        return Habits(True, ("plain",) * len(parameters(net)))
    try:
        return _trial(copy.deepcopy(net))
    except Exception:  # it cannot be copied, or cannot be tried on its own
        return Habits(False, ("own",) * len(parameters(net)))


def habits_key(net: Any) -> tuple[Any, ...]:
    """Return what the habits of a net may depend on: its modules, methods of their own, and settings."""
    modules = walk(net)
    return tuple(map(id, modules)), tuple(
        (
            id(each),
            *(getattr(getattr(each, name, None), "__func__", getattr(each, name, None)) for name in _UPDATES),
            *(value for value in attributes(each).values() if isinstance(value, bool | int | float | str)),
        )
        for each in _own(net)
    )


def _own(net: Any) -> list[Any]:
    return [
        each
        for each in walk(net)
        if not (isinstance(each, Module) and all(is_default(each, name) for name in _UPDATES))
    ]


def _trial(net: Any) -> Habits:
    """Return the habits of a net, which the trial changes."""
    handles = parameters(net)
    start = [to_numpy(each.value).copy() for each in handles]
    rng = np.random.default_rng(0)

    def values() -> list[Any]:
        return [to_numpy(each.value).copy() for each in handles]

    def give_gradients() -> None:
        for each in handles:
            each.gradient = each.value * float(rng.uniform(0.5, 1.0)) + float(rng.uniform(0.5, 1.0))

    give_gradients()
    zero_grad(net)
    zeroes = all(not to_numpy(each.gradient).any() for each in handles) and _equal(values(), start)
    give_gradients()
    step = 0.25
    expected = copy.deepcopy((net, handles))[1]  # arrays that share memory still do
    for each in expected:
        value = each.value
        value -= step * each.gradient
        each.value = value
    update_parameters(net, step)
    after = values()
    plain = [to_numpy(each.value) for each in expected]
    return Habits(zeroes, tuple(map(_verdict, after, plain, start)))


def _verdict(after: Any, plain: Any, start: Any) -> str:
    if _equal([after], [plain]):
        return "plain"
    return "frozen" if _equal([after], [start]) else "own"


def _equal(some: list[Any], others: list[Any]) -> bool:
    return all(np.array_equal(one, other, equal_nan=True) for one, other in zip(some, others, strict=True))
