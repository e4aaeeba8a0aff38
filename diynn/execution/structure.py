"""A snapshot of a net's structure, and whether it still holds: recordings and split batches rely on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from operator import is_
from typing import Any

import numpy as np

from diynn.composition import COMPUTING, attributes, keeps_state, modules_in, places, walk
from diynn.execution.habits import Habits, habits
from diynn.generators import generators_in
from diynn.module import Module, parameters_in

_END = object()  # behind all values: with one more or less, it is compared with another one


class Structure:
    """The modules of a net and its loss as they are now, with every attribute, compared by identity.

    Parameters
    ----------
    net : Module
    loss : Loss
        Of any origin; their attributes are remembered, and kept alive.

    Attributes
    ----------
    parameters : list of Parameter
    gradients : list of numpy.ndarray
        Buffers for the gradients, one per parameter. The net holds them after a step.
    pure : bool
        Whether all modules and the loss state that they are, and none has a method patched: their operations
        may be recorded.
    per_example : bool
        Likewise: a batch may be split.

    Raises
    ------
    TypeError
        If parameters cannot be reached or are not NumPy's, or if a module has no attributes to look at.
    """

    def __init__(self, net: Any, loss: Any) -> None:
        self.net, self.loss = net, loss
        self.places = places(net)
        self.modules = [module for _, module in self.places]
        self.parameters = parameters_in(self.places)
        values = [each.value for each in self.parameters]
        if not all(type(each) is np.ndarray for each in values):
            raise TypeError("parameters must be NumPy arrays")
        self.gradients = [np.zeros_like(each) for each in values]
        self._parts = [*self.modules, loss]
        self.pure = all_state("pure", self._parts)
        self.per_example = all_state("per_example", self._parts)
        self._types = [type(each) for each in self._parts]
        for module in self.modules:
            if isinstance(module, Module):  # an attribute that would be set later
                module.training = module.training
        self._look()
        self._holds_buffers = False
        self.arrays: Any = None  # what `states` made of its parameters

    @cached_property
    def habits(self) -> Habits:
        """What the net's own ``zero_grad`` and ``update_parameters`` do."""
        return habits(self.net)

    @cached_property
    def stateful(self) -> list[tuple[str, Any]]:
        """The modules that say what they keep from step to step, with their places."""
        return [each for each in self.places if keeps_state(each[1])]

    @cached_property
    def generators(self) -> list[Any]:
        """The generators that the net and the loss draw from."""
        return generators_in(self._parts)

    @cached_property
    def may_skip_zero_grad(self) -> bool:
        """Whether a step may overwrite gradients instead of calling the net's ``zero_grad``."""
        # A net that is not pure has its `zero_grad` called for each block: see `Share._define`.
        return not self.pure or self.habits.zeroes

    def _look(self) -> None:
        held = [vars(each) for each in self._parts]
        arrays = [value for part in held for value in part.values() if _holds_arrays(value)]
        # The attributes of classes as well, but for ours, which do not change.
        classes = {each for cls in self._types for each in cls.__mro__ if self.pure and not _is_ours(each)}
        dicts = [each for each in arrays if isinstance(each, dict)]
        self._held: list[Any] = [each.values() for each in (*held, *dicts, *map(vars, classes))]
        lists = [
            value
            for part in held
            for value in part.values()
            if isinstance(value, list | dict) and modules_in(value)
        ]
        lists += [each for each in arrays if isinstance(each, list)]
        self._held += [each.values() if isinstance(each, dict) else each for each in lists]
        self._held.append([_END])
        self._values = list(chain.from_iterable(self._held))  # `_held` has views, which show changes

    def holds(self, net: Any, loss: Any) -> bool:
        """Say whether net and loss are the same, and nothing about them has changed but their gradients."""
        if net is not self.net or loss is not self.loss:
            return False
        if [*map(type, self._parts)] != self._types:
            return False
        if all(map(is_, chain.from_iterable(self._held), self._values)):  # as many as before: see `_END`
            return True
        if sum(map(len, self._held)) != len(self._values):
            return False
        self._holds_buffers = False
        return self._only_gradients_changed()

    def _only_gradients_changed(self) -> bool:
        gradients = [each.gradient for each in self.parameters]
        if not all(
            type(each) is np.ndarray and (each.shape, each.dtype) == (buffer.shape, buffer.dtype)
            for each, buffer in zip(gradients, self.gradients, strict=True)
        ):
            return False
        own = set(map(id, gradients))
        now = zip(chain.from_iterable(self._held), self._values, strict=True)
        return all(value is old or id(value) in own for value, old in now)

    def take_gradients(self, *, anew: bool) -> None:
        """Make the buffers the net's gradients; the values it had are copied there, unless ``anew``.

        Call it only when the structure `holds`.
        """
        if self._holds_buffers:
            return
        for parameter, buffer in zip(self.parameters, self.gradients, strict=True):
            if (gradient := parameter.gradient) is not buffer:
                if not anew:
                    np.copyto(buffer, gradient)
                parameter.gradient = buffer
        self._look()
        self._holds_buffers = True


def all_state(what: str, parts: Sequence[Any]) -> bool:
    """Say whether modules and a loss all state ``pure`` or ``per_example``, and none has a method patched."""
    methods = {*COMPUTING, "backward", "costs_and_delta"}
    return all(getattr(each, what, False) and methods.isdisjoint(attributes(each)) for each in parts)


def divisible(known: Structure | None, net: Any, loss: Any) -> bool:
    """Say whether a batch may be split: by the ``known`` structure, if it holds."""
    if known is not None and known.holds(net, loss):
        return known.per_example
    return all_state("per_example", [*walk(net), loss])


def _is_ours(cls: type) -> bool:
    return cls is object or cls.__module__.startswith("diynn.")


def _holds_arrays(value: Any) -> bool:
    return isinstance(value, dict | list) and any(isinstance(each, np.ndarray) for each in _items(value))


def _items(held: Any) -> list[Any]:
    return list(held.values()) if isinstance(held, dict) else list(held)
