"""Training steps as one call of machine code: shares on threads, blocks in shares, then sums and update.

The threads wait for one another without the interpreter: they poll and yield for a while, then a helper
thread sleeps until Python wakes it. Between two steps of a training none sleeps.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from inspect import signature
from itertools import product
from threading import Lock, Semaphore, Thread, get_native_id
from typing import Any, NamedTuple

import numpy as np

from diynn.arrays import Array
from diynn.execution.compiled import Code, code_of, load, walks
from diynn.execution.lowering import Source
from diynn.execution.statements import address
from diynn.execution.walking import look, outside, share, step

_PATIENCE = 50_000  # polls, a tenth of a millisecond, after which a helper sleeps
_STATE = 64  # words that a helper and its caller share: see `walking`


class Block(NamedTuple):
    """One run of a source.

    Attributes
    ----------
    source : Source
        What runs.
    inputs : sequence of (int, int)
        For each of its inputs: the number of the step's argument, and the offset in it in bytes.
    first : bool
        Whether its program's ``sums`` are set to zero before.
    """

    source: Source
    inputs: Sequence[tuple[int, int]]
    first: bool = True


class Targets(NamedTuple):
    """What is asked of a step's second argument, whose values are looked at as unsigned integers.

    Attributes
    ----------
    kind : numpy.dtype
        Of those integers.
    size : int
        How many values there are, at least one.
    last : int
        What none may exceed.
    """

    kind: Any
    size: int
    last: int


class OutsideError(Exception):
    """A target is outside its bounds: the step was not taken."""


class Step:
    """A training step as one call of machine code.

    BLAS must be limited to one thread during the call. The buffers are the step's own: one call at a time.

    Parameters
    ----------
    shares : sequence of sequences of Block
        The blocks of each thread, in order; the calling thread takes the first share.
    after : sequence of sequences of Block
        What each thread does when all shares are done: sums of gradients, the update.
    arguments : int
        Number of arrays that a call takes.
    targets : Targets, optional
        What is checked of the second one before anything is computed.

    Raises
    ------
    CannotCompile
        If it cannot be compiled: see `compiled.available`.
    """

    def __init__(
        self,
        shares: Sequence[Sequence[Block]],
        after: Sequence[Sequence[Block]] = (),
        *,
        arguments: int,
        targets: Targets | None = None,
    ) -> None:
        self._inputs = np.zeros(arguments, np.int64)
        self._arrays = np.zeros(1 + arguments, np.int64)  # the addresses of their objects: see `walking.look`
        self._codes: list[Code] = []
        self._tables: dict[int, tuple[Source, Array]] = {}  # the source holds the buffers' memory
        after = [*after, *[()] * (len(shares) - len(after))]
        first, second = ([self._plan(blocks) for blocks in each] for each in (shares, after))
        self._plans = [*first, *second]
        self._others, self._asleep = len(shares) - 1, np.zeros(1, np.int64)
        self._asked = [
            np.array([word for plan, count in each for word in (address(plan), count)], np.int64)
            for each in (first[1:], second[1:])
        ]
        places = [address(each) for each in self._asked]
        walking = walks().addresses
        self._step, self._finish, self._share, self._look = (
            _function(walking[name]) for name in ("step", "finish", "share", "look")
        )
        self._check = 0
        if targets is not None:
            self._check = self._address_in(load({"outside": outside(targets.kind)}), "outside")
        self._bounds = np.array([address(self._arrays), 0, *(targets or ())[1:]], np.int64)
        arrays, inputs = address(self._arrays), address(self._inputs)
        data, flags, wanted = _LAYOUT or (0, 0, 0)
        self._looks = _words(
            look, arrays=arrays, count=arguments if _LAYOUT else 0, inputs=inputs, data=data, flags=flags,
            wanted=wanted, bounds=address(self._bounds), check=self._check,
        )  # fmt: skip
        (own, blocks), (after_own, last) = first[0], second[0]
        self._words = _words(  # of `finish` as well, whose arguments are the first of these
            step, helpers=0, count=self._others, inputs=inputs, plans=places[0], own=address(own),
            blocks=blocks, later=places[1], after=address(after_own), last=last,
            asleep=address(self._asleep), found=arrays, look=walking["look"], looks=address(self._looks),
        )  # fmt: skip
        self._place = address(self._words)
        self._alone = [
            _words(share, plan=address(plan), blocks=count, inputs=inputs) for plan, count in self._plans
        ]

    def __call__(self, *arrays: Array) -> None:
        """Take the step for arrays in C order, of the shapes and types for which the sources were made.

        Raises
        ------
        ValueError
            If one is not aligned or not in C order: nothing was done.
        OutsideError
            If a target is outside its bounds, likewise; -0.0 is taken for that.
        """
        if _LAYOUT is None:
            self._inputs[:] = [address(each) for each in arrays if _in_order(each)]
        else:
            for number, each in enumerate(arrays, 1):
                self._arrays[number] = id(each)
        if not self._others:
            self._step(self._place)
            if self._arrays[0]:
                self._refuse()
            return
        pool = _pool()
        if not pool.lock.acquire(blocking=False):  # another thread is using the helpers
            self._look(address(self._looks))
            if self._arrays[0]:
                self._refuse()
            for words in self._alone:
                self._share(address(words))
            return
        try:
            pool.prepare(self, self._others)
            self._words[0] = address(pool.states)
            self._step(self._place)
        finally:  # an interrupt in here leaves the pool locked: later steps run without helpers
            if self._asleep[0]:
                pool.wake()
                self._finish(self._place)
                self._asleep[0] = 0
            pool.release()
        if self._arrays[0]:
            self._refuse()

    def unchecked(self, *arrays: Array) -> None:
        """Take the step whatever the targets are."""
        self._looks[_CHECK] = 0
        try:
            self(*arrays)
        finally:
            self._looks[_CHECK] = self._check

    def _refuse(self) -> None:
        if self._arrays[0] == 1:
            raise ValueError(_DISORDER)
        raise OutsideError

    def _plan(self, blocks: Sequence[Block]) -> tuple[Array, int]:
        """Return what `walking.share` reads for some blocks, and how many they are."""
        plan: list[int] = []
        for block in blocks:
            table = self._table(block.source)
            code = self._address_in(code_of(block.source), "step")
            plan += [code, address(table), block.first, len(block.inputs)]
            plan += [number for pair in block.inputs for number in pair]
        return np.array([*plan, 0], np.int64), len(blocks)

    def _address_in(self, code: Code, name: str) -> int:
        """Return a function's address, which is that for as long as this step holds the code."""
        self._codes.append(code)
        return code.addresses[name]

    def _table(self, source: Source) -> Array:
        """Return the words that a source's function is called with."""
        if id(source) not in self._tables:
            words = [0] * (1 + source.inputs) + [address(each) for each in source.buffers]
            self._tables[id(source)] = source, np.array(words, np.int64)
        return self._tables[id(source)][1]


def _words(function: Any, **values: int) -> Array:
    """Return the table of words that a compiled function of `walking` reads its arguments from."""
    return np.array([values[name] for name in signature(function).parameters], np.int64)


_CHECK = [*signature(look).parameters].index("check")


def _function(place: int) -> Any:
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(place)


def _in_order(array: Array) -> bool:
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(_DISORDER)
    return True


def _layout() -> tuple[int, int, int] | None:
    """Return how arrays' objects are laid out, as `walking.look` needs it; None if it cannot be seen.

    The word with the address of the values, that with the flags, and the flags of an array that is in order.
    """
    samples = [np.zeros(1), np.zeros((4, 3)).T, np.zeros((4, 3))[:, 1], np.frombuffer(bytes(8))]
    size = object.__sizeof__(samples[0]) // 8
    objects = [(_WORD * size).from_address(id(each)) for each in samples]
    for data, flags, shift in product(range(size), range(size), (0, 32)):
        if all(
            words[data] == address(each) and words[flags] >> shift & 0xFFFFFFFF == each.flags.num
            for each, words in zip(samples, objects, strict=True)
        ):
            return data, flags, _IN_ORDER << shift
    return None


_DISORDER = "Step: an argument must be aligned and in C order"
_WORD = ctypes.c_uint64
_IN_ORDER = 0x0001 | 0x0100  # NumPy's NPY_ARRAY_C_CONTIGUOUS and NPY_ARRAY_ALIGNED
_LAYOUT = _layout()  # ten times as fast as by NumPy's attributes


# ------------------------------------------------------------------ helpers


class _Helper:
    """A worker thread that computes shares."""

    def __init__(self, number: int) -> None:
        self.state = np.zeros(_STATE, np.int64)
        self.state[16] = 1
        self.wake = Semaphore(0)
        self._words = np.array([address(self.state), _PATIENCE], np.int64)
        self._serve = _function(walks().addresses["serve"])
        Thread(target=self._loop, name=f"diynn_{number}", daemon=True).start()

    def _loop(self) -> None:
        while True:
            self.wake.acquire()
            _keep_off(int(self.state[27]))
            self._serve(address(self._words))


class _Pool:
    """The helper threads of this process, which one step uses at a time."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.helpers: list[_Helper] = []
        self.states = np.zeros(0, np.int64)
        self._step: Step | None = None

    def prepare(self, step: Step, count: int) -> None:
        """Start helpers up to ``count``, and keep alive the memory that they will write to."""
        self._step = step
        while len(self.helpers) < count:
            self.helpers.append(_Helper(len(self.helpers)))
            self.states = np.array([address(each.state) for each in self.helpers], np.int64)

    def wake(self) -> None:
        """Wake those that sleep."""
        for helper in self.helpers:
            if helper.state[16]:
                helper.wake.release()

    def release(self) -> None:
        """Let other steps use the helpers."""
        self._step = None
        self.lock.release()


_pools: dict[int, _Pool] = {}  # by process: one that was forked has none of its parent's threads


def _pool() -> _Pool:
    return _pools.get(os.getpid()) or _pools.setdefault(os.getpid(), _Pool())


def _keep_off(core: int) -> None:
    """Keep this thread, a helper, off its caller's core, where it would wait until the caller is done."""
    if hasattr(os, "sched_setaffinity"):
        everywhere = os.sched_getaffinity(os.getpid())
        os.sched_setaffinity(get_native_id(), everywhere - {core} or everywhere)
