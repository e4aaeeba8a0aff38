"""The parts of a training step as programs to lower, with the names that the page of source uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from diynn.arrays import Array
from diynn.execution.blocks import Known, Share
from diynn.execution.lowering import CannotLower, Program, lower
from diynn.execution.structure import Structure
from diynn.execution.threads import Split
from diynn.execution.updates import RecordedUpdate
from diynn.parameter import Parameter

_LETTERS = {"_parameters": "W", "_bias": "b"}


class Piece(NamedTuple):
    """The program of one block, and the slice of the batch that it takes."""

    program: Program
    part: slice


class Pieces(NamedTuple):
    """A whole step.

    Attributes
    ----------
    shares : list of lists of Piece
        The pieces of each thread.
    after : list of Program
        The programs that run after them.
    later : list of Program
        The update alone, if the loss checks the predictions before it.
    """

    shares: list[list[Piece]]
    after: list[Program]
    later: list[Program]


def pieces(split: Split, structure: Structure, update: RecordedUpdate | None) -> Pieces:
    """Return the programs of a whole step.

    Raises
    ------
    CannotLower
        If it draws random numbers in several blocks.
    """
    names = called(structure.parameters)
    first, *others = split.shares
    alone = not others and len(first.blocks) == 1 and not first.looks_at_predictions
    shares = [list(_share(share, names, update if alone else None)) for share in split.shares]
    if alone:
        return Pieces(shares, [], [])
    after = [_sum(split, names, None if first.looks_at_predictions else update)]
    later = []
    if first.looks_at_predictions and update is not None:
        later.append(_program([], [], names, first, update))
    return Pieces(shares, after, later)


def page(split: Split, structure: Structure, update: RecordedUpdate | None) -> str:
    """Return the source of a whole step, to read.

    Raises
    ------
    CannotLower
        If there is an operation that it has no source for.
    """
    shares, after, later = pieces(split, structure, update)
    program, part = shares[0][0]
    size = part.stop - part.start
    parts = [f"# A training step, for {size} of {split.batch} examples at once.\n"]
    if update is not None:
        parts += [f"# {name} = {text}\n" for name, text in _formulas(update) if name != text]
    parts.append(lower(program).text)
    for source in map(lower, (*after, *later)):
        if source.lines:
            parts += ["\n# Once, after all of them.\n", source.text.replace("def step(", "def update(", 1)]
    return "".join(parts).rstrip()


def draws(share: Share) -> Iterator[Any]:
    """Yield the calls of a share that draw random numbers: they are made before the compiled step.

    Raises
    ------
    CannotLower
        If several blocks would draw into one buffer.
    """
    for known in share.known.values():
        for call in known.recording.calls:
            if _draws(call, known):
                if len(share.blocks) > 1:
                    raise CannotLower("random draws in several blocks")
                yield call


def _draws(call: Any, known: Known) -> bool:
    return any(getattr(call.func, "__self__", None) is each for each in known.recording.generators)


def called(parameters: list[Parameter]) -> dict[int, str]:
    """Return names for parameters, by their number: ``W0``, ``b0``, ..."""
    owners: dict[int, int] = {}
    names = {}
    for number, each in enumerate(parameters):
        place = owners.setdefault(id(each.owner), len(owners))
        key = "" if each.key is None else f"_{each.key}"
        names[number] = f"{_LETTERS.get(each.name, 'P')}{place}{key}"
    return {number: name if name.isidentifier() else f"P{number}" for number, name in names.items()}


def _share(share: Share, names: dict[int, str], update: RecordedUpdate | None) -> Iterator[Piece]:
    programs: dict[int, Program] = {}
    for part in share.blocks:
        size = part.stop - part.start
        if size not in programs:
            programs[size] = _block(share, share.known[size], names, update)
        yield Piece(programs[size], part)


def _block(share: Share, known: Known, names: dict[int, str], update: RecordedUpdate | None) -> Program:
    """Return the gradient of a block, added to that of the share's other ones."""
    recording = known.recording
    drawn = [call.keywords["out"] for call in draws(share) if call in recording.calls]
    outputs = {"costs": recording.result}
    if share.looks_at_predictions:
        outputs["prediction"] = known.yhat
    handed = {name: np.empty(each.shape, each.dtype) for name, each in outputs.items()}
    calls = [
        *(partial(np.copyto, each, 0) for each in share.gradients),
        *(each for each in recording.calls if not _draws(each, known)),
        *(partial(np.copyto, handed[name], each) for name, each in outputs.items()),
    ]
    inputs = dict(zip(("x", "y", "weights"), recording.inputs, strict=False)) | handed
    program = _program(calls, list(inputs.values()), names, share, update)
    kept = [*program.kept, *handed.values(), *drawn]
    sums = share.gradients if len(share.blocks) > 1 else []  # one block never adds to another
    return replace(program, kept=kept, sums=sums, names={**program.names, **inputs})


def _sum(split: Split, names: dict[int, str], update: RecordedUpdate | None) -> Program:
    """Return the sum of the shares' gradients, and the update."""
    first, *others = split.shares
    calls = []
    parts = {}
    for number, other in enumerate(others, 1):
        for place, (total, part) in enumerate(zip(first.gradients, other.gradients, strict=True)):
            calls.append(partial(np.add, total, part, total))
            parts[f"gradient_{names[place]}_{number}"] = part
    program = _program(calls, [], names, first, update)
    return replace(program, kept=[*program.kept, *parts.values()], names={**program.names, **parts})


def _program(
    calls: list[Any], inputs: list[Array], names: dict[int, str], share: Share, update: RecordedUpdate | None
) -> Program:
    """Return the program of calls, followed by those of the update."""
    values = [each.value for each in share.parameters]
    known = {names[k]: each for k, each in enumerate(values)}
    known |= {f"gradient_{names[k]}": each for k, each in enumerate(share.gradients)}
    if update is not None and update.recording is not None:
        calls = [*calls, *update.recording.calls]
        known |= {f"state{k}": each for k, each in enumerate(chain.from_iterable(update.states))}
        known |= {name: each for (name, _), each in zip(_formulas(update), update.numbers, strict=True)}
    return Program(calls, inputs, list(known.values()), (), known)


def _formulas(update: RecordedUpdate) -> list[tuple[str, str]]:
    """Return names for the numbers that change from step to step, with their formulas."""
    return [(text if text == "eps" else f"number{k}", text) for k, text in enumerate(update.formulas)]
