"""How threads walk their blocks and synchronise: compiled, without the interpreter's lock.

`machine_code` compiles these functions. Their buffers hold words. A plan has, for each block: the address of
its function, that of its table, whether it is the first, how many inputs it takes, and for each of them its
number and its offset in bytes. A helper and its caller communicate by words that are eight apart, each in a
cache line of its own, to avoid false sharing; ``claim`` raises such a word by one if it is as expected, which
one thread alone can do:

====  ==================================================================
word
====  ==================================================================
0     how many shares the caller has asked for
8     how many of them the helper has done
16    whether the helper sleeps
24    the share: the address of its plan, its blocks, that of the inputs
27    the core that the caller is on
32    how many of them have been begun: the caller takes those that the helper has not
====  ==================================================================
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

_Words = Any

# Functions that a source calls by these names: see `instructions`.
buffer: Any
address: Any
load: Any
store: Any
claim: Any
run: Any
at: Any
pause: Any
core: Any


def look(
    arrays: _Words, count: int, inputs: _Words, data: int, flags: int, wanted: int, bounds: _Words, check: int
) -> None:
    """Read where the values of arrays lie from the objects themselves, whose addresses follow ``arrays[0]``.

    That is 1 then if one is not in order: word ``data`` of an object is what is read, and word ``flags``
    must have all bits of ``wanted``. Else it is what the function ``check`` finds about the targets.
    """
    arrays[0] = 0
    for k in range(count):
        array = buffer(arrays[k + 1])
        inputs[k] = array[data]
        if array[flags] & wanted != wanted:
            arrays[0] = 1
    if (arrays[0] == 0) & (check != 0):
        bounds[1] = inputs[1]
        run(check, bounds)


def share(plan: _Words, blocks: int, inputs: _Words) -> None:
    """Walk the blocks of a share."""
    place = 0
    for _ in range(blocks):
        table = buffer(plan[place + 1])
        table[0] = plan[place + 2]
        for k in range(plan[place + 3]):
            table[k + 1] = inputs[plan[place + 2 * k + 4]] + plan[place + 2 * k + 5]
        run(plan[place], plan[place + 1])
        place += 4 + 2 * plan[place + 3]


def ask(helpers: _Words, count: int, plans: _Words, inputs: _Words) -> None:
    """Ask each helper for a share."""
    for k in range(count):
        state = buffer(helpers[k])
        state[24] = plans[2 * k]
        state[25] = plans[2 * k + 1]
        state[26] = address(inputs)
        state[27] = core()
        store(at(state, 0), load(at(state, 0)) + 1)


def together(helpers: _Words, count: int, inputs: _Words, own: _Words, blocks: int) -> None:
    """Do the caller's share, and wait until the helpers have done theirs."""
    share(own, blocks, inputs)
    for k in range(count):
        state = buffer(helpers[k])
        begun = load(at(state, 0)) - 1
        if claim(at(state, 32), begun) == begun:  # the helper has not begun: take its share
            share(buffer(state[24]), state[25], inputs)
            store(at(state, 8), begun + 1)
        idle = 0
        while load(at(state, 8)) != load(at(state, 0)):
            idle += 1
            if idle & 1023 == 0:
                pause()


def step(
    helpers: _Words, count: int, inputs: _Words, plans: _Words, own: _Words, blocks: int, later: _Words,
    after: _Words, last: int, asleep: _Words, found: _Words, look: int, looks: _Words,
) -> None:  # fmt: skip
    """Take a step, if `look` finds nothing; or count in ``asleep`` the helpers to be woken first."""
    asleep[0] = 0
    run(look, looks)
    if found[0] == 0:
        ask(helpers, count, plans, inputs)
        for k in range(count):
            asleep[0] = asleep[0] + load(at(buffer(helpers[k]), 16))
        if asleep[0] == 0:
            finish(helpers, count, inputs, plans, own, blocks, later, after, last)


def finish(
    helpers: _Words, count: int, inputs: _Words, plans: _Words, own: _Words, blocks: int, later: _Words,
    after: _Words, last: int,
) -> None:  # fmt: skip
    """Do all shares, then what comes after them, a part on each thread."""
    together(helpers, count, inputs, own, blocks)
    ask(helpers, count, later, inputs)
    together(helpers, count, inputs, after, last)


def serve(state: _Words, patience: int) -> None:
    """Do the shares that are asked for, until none has come for ``patience`` polls."""
    idle = 0
    store(at(state, 16), 0)
    while idle < patience:
        idle += 1
        if load(at(state, 0)) != load(at(state, 8)):
            begun = load(at(state, 0)) - 1
            if claim(at(state, 32), begun) == begun:
                share(buffer(state[24]), state[25], buffer(state[26]))
                store(at(state, 8), begun + 1)
                idle = 0
        if idle & 1023 == 1023:
            pause()
        if idle == patience:
            store(at(state, 16), 1)
            if load(at(state, 0)) != load(at(state, 8)):  # asked for at that moment
                store(at(state, 16), 0)
                idle = 0


WALKS = (look, share, ask, together, finish, step, serve)


class Function(NamedTuple):
    """What is to be compiled: a function of one table of words, which hold its arguments in order.

    Attributes
    ----------
    text : str
        Its definition.
    kinds : list
        The type of each argument: a dtype for a buffer, whose address the word is; None for a number.
    apart : bool
        Whether no buffer that it writes overlaps another, which spares the loops a check.
    """

    text: str
    kinds: Sequence[Any]
    apart: bool = True


def outside(kind: Any) -> Function:
    """Return what finds 2 if a value is greater than the last one, of unsigned integers; else 0."""
    text = f"""
def outside(found, values, count, last):
    total = values[0]
    for i in range(1, count):
        total = maximum(total, values[i])
    found[0] = 2 * int64(total > {kind.name}(last))
"""
    return Function(text, [np.dtype("i8"), kind, None, None])


def walk(function: Any) -> Function:
    """Return one of the functions above as a `Function` to compile."""
    kinds = [each for name, each in function.__annotations__.items() if name != "return"]
    return Function(
        inspect.getsource(function), [np.dtype("i8") if each == "_Words" else None for each in kinds], False
    )
