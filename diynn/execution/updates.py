"""The update of the parameters, recorded: the sheet's plain step or any rule, without Python's overhead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate
from operator import is_
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.execution.recording import Recording
from diynn.execution.symbols import Symbol, UnrecordableError, evaluator
from diynn.parameter import Parameter
from diynn.rules import PlainStep, Rule, State, prepared, settings

_SIMPLE = (bool, int, float, str, type(None))
_FEW = 2**12  # numbers of an array, in the mean, up to which NumPy's calls take longer than copies


def _flat(arrays: Sequence[Array]) -> list[Array]:
    """Return arrays as vectors."""
    return [each.reshape(-1) for each in arrays]


def _positive(array: Array) -> Array:
    """Return numbers in (0, 1] in the shape of an array, no two alike."""
    return (np.arange(1, array.size + 1) / array.size).reshape(array.shape).astype(array.dtype)


class RecordedUpdate:
    """What a rule does, recorded for parameters, gradients and states that stay in their buffers.

    It is used only if it equals the rule to the bit for another step size and step. Where a rule cannot be
    recorded, `holds` still says whether that is the rule's and the net's present state, so that it is not
    tried again.

    Arrays of few numbers are updated as one, joined, if that equals the rule as well: a call of NumPy takes
    as long for ten numbers as for a thousand.

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
        The states, in order, or one for all; with the parameters they are the ``memory`` that it writes.
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
        own = [tuple(np.array(part) for part in states.get(each, ())) for each in trained]
        for join in (self._joins_well(own), False):
            if self.recording is None:
                self._record(own, join, eps, step)
        if self.recording is not None and any(own):
            states.update(zip(trained, self._parts, strict=True))
            self._kept = list(states.values())

    def _joins_well(self, states: Sequence[State]) -> bool:
        """Say whether to update arrays as one: few numbers each, of one type, and so are their states."""
        alike = {(each.dtype, len(state)) for each, state in zip(self._values, states, strict=True)}
        return (
            len(alike) == 1
            and len(self._values) > 1
            and all(states)
            and sum(each.size for each in self._values) <= _FEW * len(self._values)
            and all(
                (part.shape, part.dtype) == (each.shape, each.dtype) and each.flags.c_contiguous
                for each, state in zip(self._values, states, strict=True)
                for part in state
            )
        )

    def _record(self, states: Sequence[State], join: bool, eps: float, step: int) -> None:
        """Record the rule, for each array or for all of them as one; keep that if it equals the rule."""
        self._joined = np.concatenate(_flat(self._values)) if join else None
        self.states = [tuple(map(np.concatenate, zip(*map(_flat, states), strict=True)))] if join else states
        self._parts = list(zip(*map(self._apart, self.states[0]), strict=True)) if join else self.states
        self.memory = [*self._values, *(array for state in self.states for array in state)]
        before = [array.copy() for array in self.memory]
        given = [*self.memory, *self._gradients, *([self._joined] if join else [])]
        try:
            recording = Recording(
                lambda start: self._follow(start, Symbol("eps", eps), Symbol("step", step)),
                np.zeros(()),
                given=given,
            )
            if join and recording.touches(self._joined):  # the rule looks at the parameters themselves
                recording.calls.insert(0, partial(np.concatenate, _flat(self._values), out=self._joined))
            self.numbers = list(recording.numbers.values())
            self.formulas = [text for text, _ in recording.numbers]
            self._evaluate = evaluator(self.formulas)
            # Zeros would hide that a rule treats arrays of one axis, such as joined ones, in another way.
            trial = [_positive(each) for each in before] if join else before
            self._restore(trial)
            self._numbers = None
            if self._equals(recording, trial, 0.75 * eps, step + 1):
                self.recording = recording
        except Exception:  # it cannot be recorded; if the rule is wrong, calling it raises the error
            return
        finally:
            self._restore(before)

    def _apart(self, whole: Array) -> list[Array]:
        """Return what each of the arrays has of what is joined, as views in its shape."""
        ends = accumulate(each.size for each in self._values)
        return [
            whole[end - each.size : end].reshape(each.shape)
            for each, end in zip(self._values, ends, strict=True)
        ]

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
        if self._joined is not None:
            values, gradients = [watched(self._joined)], [np.concatenate(_flat(gradients))]
        for number, (value, gradient, state) in enumerate(zip(values, gradients, self.states, strict=True)):
            own = tuple(map(watched, state))
            change, following = self.rule.change(value, gradient, own, eps, step)
            changes = {number: change} if self._joined is None else dict(enumerate(self._apart(change)))
            for place, part in changes.items():
                target = watched(self._values[place])
                np.subtract(target, part, out=target)
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
        for value, gradient, state in zip(self._values, gradients, self._parts, strict=True):
            change, after = self.rule.change(value, gradient, state, eps, step)
            value -= change
            followed += after
        wanted = [value.copy() for value in self._values] + [np.array(each) for each in followed]
        self._restore(before)
        self.prepare(eps, step)
        recording.play()
        found = [*self._values, *(part for state in self._parts for part in state)]
        return all(
            np.array_equal(one, other, equal_nan=True) for one, other in zip(found, wanted, strict=True)
        )

    def _restore(self, before: Sequence[Array]) -> None:
        for array, value in zip(self.memory, before, strict=True):
            np.copyto(array, value)
