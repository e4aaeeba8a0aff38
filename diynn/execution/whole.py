"""A whole training step, gradient and update, as one call of machine code.

It is made from the recordings: the blocks of each share, the sum of the shares' gradients, the update. It is
compiled in the background while the recordings are played, and used once a step has agreed with a played one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from diynn.arrays import Array, in_bits
from diynn.composition import attributes
from diynn.execution.compiled import Later, available
from diynn.execution.lowering import Program, lower
from diynn.execution.native import Block, OutsideError, Step, Targets
from diynn.execution.parts import parts
from diynn.execution.programs import Piece, draws, pieces
from diynn.execution.structure import Structure
from diynn.execution.threads import Split
from diynn.execution.updates import RecordedUpdate
from diynn.losses import Loss


class WholeStep:
    """Training steps for batches of one size, compiled, without Python between one operation and the next.

    Parameters
    ----------
    split : Split
        All of its recordings must be believed.
    structure : Structure
    update : RecordedUpdate or None
        None if the update is made separately.

    Attributes
    ----------
    proved : bool
        Whether a step has agreed with a played one, but for rounding.
    looks_at_targets : bool
        Whether the loss is to check targets before each step, as the step does not check them itself.
    """

    def __init__(self, split: Split, structure: Structure, update: RecordedUpdate | None) -> None:
        self.update, self.proved = update, False
        self._split, self._loss = split, structure.loss
        first = split.shares[0]
        self._looks_at_predictions = first.looks_at_predictions
        known = next(iter(first.known.values()))
        self._batch, self._kind = split.batch, known.recording.result.dtype
        self._yhat = np.empty((split.batch, *known.yhat.shape[1:]), known.yhat.dtype)
        self._draws = [call for share in split.shares for call in draws(share)]
        targets = _targets(structure.loss, known.recording.inputs[1], split.batch, self._yhat)
        self.looks_at_targets = first.looks_at_targets and targets is None
        self._steps: tuple[Step, Step | None] | None = None
        self._later = Later(partial(_compiled, split, structure, update, targets))

    def ready(self, *, wait: bool = False) -> bool:
        """Say whether it can be called.

        Raises
        ------
        CannotCompile, CannotLower
            If it cannot be compiled.
        """
        if self._steps is None:
            self._steps = self._later.result(wait=wait)
        return self._steps is not None

    def check_targets(self, y: Array) -> None:
        """Raise if the loss does not take the targets."""
        self._loss.check_targets(y, self._yhat)  # whose shape alone is read

    def __call__(self, *batch: Array) -> Array:
        """Compute the gradient of a batch, make the update by the numbers that were set, return the costs."""
        assert self._steps is not None
        gradient, update = self._steps
        for draw in self._draws:
            draw()
        costs = np.empty(self._batch, self._kind)
        outputs = (costs, self._yhat) if self._looks_at_predictions else (costs,)
        try:
            gradient(*batch, *outputs)
        except (ValueError, OutsideError):  # raised before it began
            batch = tuple(map(_in_order, batch))
            if isinstance(self._loss, Loss):
                self.check_targets(batch[1])
            gradient.unchecked(*batch, *outputs)
        if self._looks_at_predictions:
            self._loss.check_predictions(self._yhat)
        if update is not None:
            update()
        return costs

    def prove(self, *batch: Array) -> Array:
        """Take a step by the recordings, with the numbers that were set; compare the compiled one with it.

        Returns
        -------
        array (batch,)
            The costs.
        """
        buffers = self._split.shares[0].gradients
        memory = [] if self.update is None else self.update.memory
        before = _copies(memory)
        generators = [each for share in self._split.shares for each in _generators(share)]
        states = [each.bit_generator.state for each in generators]
        costs = self._split(*batch, anew=True)
        wanted = _copies(buffers)
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state
        found = self(*batch)
        proved = _near([found], [costs]) and _near(buffers, wanted)
        if self.update is not None:  # compared for the gradients that it was made with
            found = _copies(memory)
            _write(memory, before)
            self.update.play()
            proved = proved and all(_near([one], [other]) for one, other in zip(found, memory, strict=True))
            _write(memory, before)
        _write(buffers, wanted)
        if self.update is not None:
            self.update.play()
        self.proved = proved
        return costs


def _targets(loss: Any, y: Array, batch: int, yhat: Array) -> Targets | None:
    """Return what a step checks of targets such as those of a block, ``y``; None if that would not do."""
    last = loss.largest_target(y, yhat) if isinstance(loss, Loss) else None
    if last is None or "check_targets" in attributes(loss) or not batch or not y.size:
        return None
    kind, highest = in_bits(y.dtype, last)
    return None if kind is None else Targets(kind, batch * prod(y.shape[1:]), highest)


def _compiled(
    split: Split, structure: Structure, update: RecordedUpdate | None, targets: Targets | None
) -> tuple[Step, Step | None]:
    """Compile a step; and the update apart, if the predictions are checked before it."""
    available()
    shares, after, later = pieces(split, structure, update)
    blocks = [list(_blocks(share)) for share in shares]
    count = len(shares[0][0].program.inputs)
    gradient = Step(blocks, _in_parts(after, len(shares)), arguments=count, targets=targets)
    update_alone = _in_parts(later, len(shares))
    return gradient, Step(update_alone, arguments=0) if update_alone else None


def _in_parts(programs: Sequence[Program], count: int) -> list[list[Block]]:
    """Return the blocks of each thread for programs that run after the shares."""
    found = [[lower(part) for part in parts(program, count)] for program in programs]
    each_thread = [
        [Block(source, []) for source in sources if source.lines] for sources in zip(*found, strict=True)
    ]
    return each_thread if any(each_thread) else []


def _blocks(share: Sequence[Piece]) -> Iterator[Block]:
    sources: dict[int, Any] = {}
    for number, (program, part) in enumerate(share):
        if id(program) not in sources:
            sources[id(program)] = lower(program)
        size = part.stop - part.start
        places = [(k, part.start * (each.nbytes // size)) for k, each in enumerate(program.inputs)]
        yield Block(sources[id(program)], places, first=number == 0)


def _generators(share: Any) -> list[Any]:
    return [each for known in share.known.values() for each in known.recording.generators]


def _in_order(array: Array) -> Array:
    return np.require(array, requirements=["C", "A"])


def _copies(arrays: Sequence[Array]) -> list[Array]:
    return [each.copy() for each in arrays]


def _write(arrays: Sequence[Array], values: Sequence[Array]) -> None:
    for array, value in zip(arrays, values, strict=True):
        np.copyto(array, value)


def _near(found: Sequence[Array], wanted: Sequence[Array]) -> bool:
    """Say whether arrays are the same but for rounding, on the scale of the largest number in them."""
    scale = max(
        (float(np.max(np.abs(each), where=np.isfinite(each), initial=0)) for each in wanted), default=0
    )
    return all(
        np.allclose(one, other, rtol=0, atol=scale * np.finfo(other.dtype).eps ** 0.6, equal_nan=True)
        for one, other in zip(found, wanted, strict=True)
    )
