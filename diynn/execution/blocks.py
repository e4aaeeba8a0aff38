"""A batch in shares and cache-sized blocks: the gradient is additive.

The first share is computed on the net itself, each other one on a replica, which has the same parameters and
gradients of its own. A share is walked in blocks whose activations stay in the cache. What a share does for a
block is recorded if the net is pure, and played for every block of the same size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np

from diynn.arrays import Array
from diynn.composition import attributes, is_module, walk
from diynn.execution.likeness import same_computation
from diynn.execution.recording import Recorded, Recording, recorded_buffer
from diynn.execution.serial import costs_and_delta, serial
from diynn.execution.symbols import UnrecordableError
from diynn.losses import Loss
from diynn.module import parameters, zero_grad


class MisfitError(Exception):
    """Costs or gradients have shapes with which the parts of a batch cannot be combined."""


@dataclass
class Known:
    """What is recorded of blocks of one size."""

    recording: Recording
    yhat: Array  # the net's output, overwritten whenever the recording is played
    compared: bool = False  # its results have equalled the definition's
    believed: bool = False  # and a second recording was the same computation


class Share:
    """One worker's share of all batches of one size, in blocks.

    A block of a size that is new is taken by the definition at first, then it is recorded, compared with the
    definition on another batch, recorded once more for confirmation, and from then on played.

    Parameters
    ----------
    net : Module
        The net itself, or a replica.
    loss : Loss
    part : slice
        Which examples of a batch.
    block : int
        How many examples to take at once.
    gradients : list of numpy.ndarray
        Buffers for the gradients of the net's parameters.
    record : bool
        Whether to record from the second batch on.

    Attributes
    ----------
    blocks : list of slice
    known : dict
        What is recorded, by the size of the block.
    reason : str or None
        Why nothing is recorded, if it cannot be.
    """

    def __init__(
        self, net: Any, loss: Any, part: slice, block: int, gradients: Sequence[Array], *, record: bool
    ) -> None:
        self.net, self.loss, self.gradients, self.record = net, loss, gradients, record
        self.parameters = parameters(net)
        self.blocks = cut(part.start, part.stop, ceil((part.stop - part.start) / block))
        self.known: dict[int, Known] = {}
        self._begun = False
        self.reason: str | None = None
        self.looks_at_targets = _overrides(loss, "check_targets")
        self.looks_at_predictions = _overrides(loss, "check_predictions")

    def __call__(self, *batch: Array, anew: bool = True) -> list[Array]:
        """Write the gradients of the share to the buffers, or add to them unless ``anew``.

        A batch is ``x``, ``y`` and, if there are any, the weights of the examples.

        Returns
        -------
        list of arrays
            The costs of each block.

        Raises
        ------
        MisfitError
            If there is not one cost per example, or a gradient does not have the shape of its parameters.
        """
        costs = []
        for part in self.blocks:
            block = [each[part] for each in batch]
            known = self.known.get(len(block[0]))
            if known is not None and known.believed:
                costs.append(self._play(known, *block, anew=anew))
            else:
                costs.append(self._prove(known, *block, anew=anew))
            anew = False
        self._begun = True
        return costs

    def _prove(self, known: Known | None, *block: Array, anew: bool) -> Array:
        """Take a block by the definition, and record it or compare a recording with it."""
        earlier = None if anew else [buffer.copy() for buffer in self.gradients]
        if not (self.record and self._begun):
            costs = self._define(*block)
        elif known is None:
            costs = self._record(*block)
        elif known.compared:
            costs = self._confirm(known, *block)
        else:
            costs = self._compare(known, *block)
        if earlier is not None:
            for buffer, before in zip(self.gradients, earlier, strict=True):
                buffer += before
        return costs

    def _play(self, known: Known, *block: Array, anew: bool) -> Array:
        if self.looks_at_targets:
            self.loss.check_targets(block[1], known.yhat)  # of yhat, only the shape is read
        costs = known.recording.play(*block, anew=anew).copy()
        if self.looks_at_predictions:
            self.loss.check_predictions(known.yhat)
        return costs

    def _define(self, *block: Array) -> Array:
        """Take a block by the definition."""
        zero_grad(self.net)
        costs: Array = serial(self.net, self.loss, *block)
        if getattr(costs, "shape", None) != block[0].shape[:1]:
            raise MisfitError("the costs are not one an example")
        for parameter, buffer in zip(self.parameters, self.gradients, strict=True):
            gradient = parameter.gradient
            if gradient.shape != buffer.shape:
                raise MisfitError(f"the gradient of {parameter.label} has another shape")
            if gradient is not buffer:
                np.copyto(buffer, gradient)
                parameter.gradient = buffer
        return costs

    @property
    def believed(self) -> bool:
        """Whether all blocks are played."""
        return all(
            (known := self.known.get(part.stop - part.start)) is not None and known.believed
            for part in self.blocks
        )

    # -------------------------------------------------------------- recording

    def _record(self, *block: Array) -> Array:
        """Take a block by the definition, and record it if that can be done."""
        try:
            known = self._recorded(*block)
        except UnrecordableError as error:
            return self._give_up(str(error), *block)
        self.known[len(block[0])] = known
        return known.recording.result.copy()

    def _confirm(self, known: Known, *block: Array) -> Array:
        """Record a block once more; believe what was recorded first if both are the same computation."""
        try:
            again = self._recorded(*block)
        except UnrecordableError as error:
            return self._give_up(str(error), *block)
        known.believed = same_computation(known.recording, again.recording)
        if not known.believed:
            self.record, self.reason = False, "recorded anew, it is another computation"
        return again.recording.result.copy()

    def _recorded(self, *block: Array) -> Known:
        self._hold_buffers(zeros=True)
        loss, values = _Watched(self.loss), [each.value for each in self.parameters]
        try:
            recording = Recording(
                partial(self._reported, loss),
                *block,
                given=[*values, *self.gradients],
                sums=self.gradients,
            )
        finally:
            self._hold_buffers()
        known = Known(recording, loss.yhat)
        if isinstance(self.loss, Loss):  # these look at values, which a recording may not
            self.loss.check_targets(block[1], known.yhat)
            self.loss.check_predictions(known.yhat)
        return known

    def _give_up(self, reason: str, *block: Array) -> Array:
        self.record, self.reason = False, reason
        return self._define(*block)

    def _hold_buffers(self, *, zeros: bool = False) -> None:
        for parameter, buffer in zip(self.parameters, self.gradients, strict=True):
            if zeros:
                buffer.fill(0)
            parameter.gradient = buffer

    def _reported(self, loss: _Watched, *block: Array) -> Array:
        """Take a block by the definition on arrays that report what is done, and collect its gradients."""
        costs = serial(self.net, loss, *block)
        loss.yhat = recorded_buffer(loss.yhat)
        for parameter, buffer in zip(self.parameters, self.gradients, strict=True):
            gradient = parameter.gradient
            if gradient is buffer:
                continue
            if recorded_buffer(gradient).shape != buffer.shape:
                raise UnrecordableError(f"the gradient of {parameter.label} has another shape")
            if gradient.recording.touches(buffer):  # it is the sum, in an array of its own
                np.copyto(buffer, gradient)
            else:
                np.add(buffer, gradient, out=buffer)
            parameter.gradient = buffer
        if recorded_buffer(costs).shape != block[0].shape[:1]:
            raise UnrecordableError("the costs are not one an example")
        held = (value for module in walk(self.net) for value in attributes(module).values())
        if any(isinstance(value, Recorded) for value in held):
            raise UnrecordableError("a module keeps an array from call to call")
        return costs

    def _compare(self, known: Known, x: Array, *others: Array) -> Array:
        """Compute a block by the definition, which the recording must equal to the bit.

        The batch must differ from the one that was recorded: if that comes again, a scaled copy is compared
        instead.
        """
        if not np.array_equal(x, known.recording.inputs[0]):
            return self._compared(known, x, *others)
        states = [(each, each.bit_generator.state) for each in known.recording.generators]
        try:
            self._compared(known, x * 0.75, *others)
        except ValueError:  # the loss may not accept the scaled batch
            self.record, self.reason = False, "the loss takes no other batch to compare by"
        for generator, state in states:
            generator.bit_generator.state = state
        return self._play(known, x, *others, anew=True) if known.compared else self._define(x, *others)

    def _compared(self, known: Known, *block: Array) -> Array:
        recording = known.recording
        states = [(each, each.bit_generator.state) for each in recording.generators]
        costs = self._define(*block)
        wanted = [costs, *(buffer.copy() for buffer in self.gradients)]
        known.compared = True
        for anew in (True, False):
            for generator, state in states:
                generator.bit_generator.state = state
            for buffer in self.gradients:
                buffer.fill(0)
            found = [recording.play(*block, anew=anew), *self.gradients]
            if not all(map(_same_bits, found, wanted)):
                self.record, self.reason = False, "played, it differs from the definition"
                known.compared = False
        for buffer, value in zip(self.gradients, wanted[1:], strict=True):
            np.copyto(buffer, value)
        return costs


class _Watched(Loss):
    """A loss that remembers the prediction it was given."""

    def __init__(self, loss: Any) -> None:
        self.loss, self.yhat = loss, None

    def costs_and_delta(self, y: Array, yhat: Array) -> tuple[Array, Array]:
        self.yhat = yhat
        return costs_and_delta(self.loss, y, yhat)


def _overrides(loss: Any, method: str) -> bool:
    return isinstance(loss, Loss) and getattr(type(loss), method) is not getattr(Loss, method)


def _same_bits(found: Array, wanted: Array) -> bool:
    return np.array_equal(found, wanted, equal_nan=True)


def cut(start: int, stop: int, count: int) -> list[slice]:
    """Cut a range into at most ``count`` parts, at least one, whose sizes differ by one at most."""
    count = max(1, min(count, stop - start))
    bounds = [start + (stop - start) * number // count for number in range(count + 1)]
    return [slice(*pair) for pair in pairwise(bounds)]


def replica(net: Any) -> Any:
    """Return a net with the same parameters, but its own gradients and state.

    Python containers among the attributes are copied, random generators are replaced by a spawned child, and
    all else is shared.
    """
    made: dict[int, Any] = {}

    def twin(module: Any) -> Any:
        if id(module) not in made:  # a module that occurs in the net twice has one replica
            made[id(module)] = other = object.__new__(type(module))
            vars(other).update({name: swapped(value) for name, value in attributes(module).items()})
        return made[id(module)]

    def swapped(value: Any) -> Any:
        if is_module(value):
            return twin(value)
        if type(value) in (list, tuple, set):
            return type(value)(map(swapped, value))
        if type(value) is dict:
            return {key: swapped(each) for key, each in value.items()}
        if type(value).__name__ == "Generator" and hasattr(
            value, "spawn"
        ):  # numpy.random takes 15 ms to import
            return value.spawn(1)[0]
        return value

    other = twin(net)
    for each in parameters(other):
        each.gradient = np.zeros_like(each.value)
    return other
