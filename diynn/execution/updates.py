"""The update of the parameters, recorded: the sheet's plain step or any rule, without Python's overhead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.execution.recording import Recording
from diynn.execution.symbols import Symbol, UnrecordableError, evaluator
from diynn.parameter import Parameter
from diynn.rules import PlainStep, Rule, State, prepared, settings

_SIMPLE = (bool, int, float, str, type(None))


class RecordedUpdate:
    """What a rule does, recorded for parameters, gradients and states that stay in their buffers.

    It is used only if it equals the rule to the bit for another step size and step. Where a rule cannot be
    recorded, `holds` still says whether that is the rule's and the net's present state, so that it is not
    tried again.

    Parameters
    ----------
    structure : object
        The net's structure, on which it relies.
    rule : Rule
    trained : sequence of Parameter
        Those that follow the rule, in order.
    states : dict
        Their states by parameter; its values become the arrays that are updated in place.
    eps, step : float, int
        Some step size and step.

    Attributes
    ----------
    recording : Recording or None
        None where the rule itself has to be called.
    numbers, formulas : lists of arrays and str
        The numbers that change from step to step, and their formulas.
    states : list of tuples of arrays
        The states, in order; with the parameters they are the ``memory`` that it writes.
    """

    def __init__(
        self,
        structure: Any,
        rule: Rule,
        trained: Sequence[Parameter],
        states: dict[Parameter, State],
        eps: float,
        step: int,
    ) -> None:
        self.structure, self.rule, self._settings = structure, rule, settings(rule)
        self.recording: Recording | None = None
        self.numbers: list[Array] = []
        self._numbers: Any = None  # those that are set now
        self.formulas: list[str] = []
        self._states: Mapping[Parameter, State] = states
        self._kept: list[State] = []
        rules = [id(each) for each, _ in self._settings]
        held = [each for _, own in self._settings for each in own.values()]
        if not all(isinstance(each, _SIMPLE) or id(each) in rules for each in held):
            return
        self._values = [each.value for each in trained]
        self._gradients = [each.gradient for each in trained]
        self._biases = [each.is_bias for each in trained]
        plain = type(rule) is PlainStep
        own = [() if plain else tuple(np.array(part) for part in states[each]) for each in trained]
        self.states = own
        self.memory = [*self._values, *(array for state in own for array in state)]
        before = [array.copy() for array in self.memory]
        try:
            recording = Recording(
                lambda start: self._follow(start, Symbol("eps", eps), Symbol("step", step)),
                np.zeros(()),
                given=[*self.memory, *self._gradients],
            )
            self.numbers = list(recording.numbers.values())
            self.formulas = [text for text, _ in recording.numbers]
            self._evaluate = evaluator(self.formulas)
            self._restore(before)
            proved = self._equals(recording, before, 0.75 * eps, step + 1)
        except Exception:  # it cannot be recorded; if the rule is wrong, calling it raises the error
            return
        finally:
            self._restore(before)
        if not proved:
            return
        self.recording = recording
        if not plain:
            states.update(zip(trained, own, strict=True))
            self._kept = list(states.values())

    def holds(self, structure: Any, rule: Rule | None, states: Mapping[Parameter, State]) -> bool:
        """Say whether it is up to date: the structure, the rule, its settings and the states are the same."""
        if structure is not self.structure:
            return False
        if rule is None:
            return type(self.rule) is PlainStep
        if (
            rule is not self.rule
            or states is not self._states
            or not all(vars(each) == own for each, own in self._settings)
        ):
            return False
        return self.recording is None or all(map(is_, states.values(), self._kept))

    def prepare(self, eps: float, step: int) -> None:
        """Set the numbers that change from step to step."""
        numbers = self._evaluate(eps, step)
        if numbers != self._numbers:
            self._numbers = numbers
            for array, number in zip(self.numbers, numbers, strict=True):
                array[...] = number

    def play(self) -> None:
        """Update the parameters and states, with the numbers that were set."""
        assert self.recording is not None
        self.recording.play()

    # -------------------------------------------------------------- recording

    def _follow(self, start: Any, eps: Any, step: Any) -> Array:
        watched = start.recording.watched
        values = [watched(each) for each in self._values]
        gradients = prepared(self.rule, values, [watched(each) for each in self._gradients], self._biases)
        for value, gradient, state in zip(values, gradients, self.states, strict=True):
            own = tuple(map(watched, state))
            change, following = self.rule.change(value, gradient, own, eps, step)
            np.subtract(value, change, out=value)
            for before, after in zip(own, following, strict=True):
                if after is before:
                    continue
                if (after.shape, after.dtype) != (before.shape, before.dtype):
                    raise UnrecordableError("a state changed its shape or type")
                start.recording.copy_to(before, after)
        return start

    def _equals(self, recording: Recording, before: Sequence[Array], eps: float, step: int) -> bool:
        """Say whether the recording equals the rule to the bit."""
        followed: list[Array] = []
        gradients = prepared(self.rule, self._values, self._gradients, self._biases)
        for value, gradient, state in zip(self._values, gradients, self.states, strict=True):
            change, after = self.rule.change(value, gradient, state, eps, step)
            value -= change
            followed += after
        wanted = [value.copy() for value in self._values] + [np.array(each) for each in followed]
        self._restore(before)
        self.prepare(eps, step)
        recording.play()
        return all(
            np.array_equal(one, other, equal_nan=True) for one, other in zip(self.memory, wanted, strict=True)
        )

    def _restore(self, before: Sequence[Array]) -> None:
        for array, value in zip(self.memory, before, strict=True):
            np.copyto(array, value)
