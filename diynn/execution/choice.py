"""How a batch is computed: whole, in blocks, on threads, recorded."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache, partial
from math import ceil, prod
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np

from diynn.arrays import Array
from diynn.bounded import Bounded
from diynn.calls import spelled
from diynn.composition import walk
from diynn.execution.accumulated import Accumulated
from diynn.execution.around import Accumulating, batch_of
from diynn.execution.blas import single_threaded
from diynn.execution.blocks import MisfitError
from diynn.execution.compiling import Steps, Update
from diynn.execution.memory import keep_freed_memory
from diynn.execution.mpi import MPI
from diynn.execution.serial import serial
from diynn.execution.structure import Structure
from diynn.execution.threads import Split
from diynn.layers.sequential import flat
from diynn.module import zero_grad
from diynn.parameter import own_parameters
from diynn.shapes import positive

#: (net, loss, x, y) → costs: adds the gradient of a batch to the net's; weights, if any, are a fifth.
Gradient: TypeAlias = Callable[..., Array]

# Found with benchmarks/scaling.py on two cores; a factor of two either way changes little.
_WORTH_A_THREAD = 2e7  # operations that pay for a thread: about a quarter of a millisecond
_WORTH_A_COMPILED_THREAD = 2.5e6  # likewise in compiled steps, which hand over a share without Python
_WORTH_A_GRADIENT = 20  # more of them for each weight: each thread has its own gradient, to be added
_OPERATIONS = 1e11  # per second, and ...
_OVERHEAD = 6e-5  # ... seconds of overhead: together an estimate of a step's time
_CACHE = 2**22  # bytes that the activations and deltas of a block may take, and the loss's temporaries
_LOSS = 5  # temporaries that a loss allocates per value of the output
_PASSES = 3  # activation values per weight that a block should hold, as it re-reads all weights
_BEYOND_CACHE = 16  # times the cache, at most, for a block of a net with many weights
_LEAST_ROWS = 8  # examples in a block: with fewer, Python's overhead shows
_REMEMBERED = 8  # batch shapes whose steps are cached, with their buffers
_ELEMENTWISE = 10  # operations counted per activation value, forward and backward
_NEW: Any = object()
_HOST = {np.ndarray}
_REHEARSED = 8  # steps after which a batch size is computed in one way for good
_PATIENCE = 3  # consecutive steps in which a net changed, before it is computed whole


@runtime_checkable
class Execution(Protocol):
    """A way to take a step."""

    def __call__(self, net: Any, loss: Any, x: Array, y: Array, weights: Array | None = None) -> Array:
        """Add the gradient of a batch to the net's, and return the costs (batch,)."""

    def step(
        self, net: Any, loss: Any, x: Array, y: Array, update: Update, weights: Array | None = None
    ) -> Array:
        """Take a whole step: zero the gradient, accumulate it, update; return the costs (batch,)."""


class Definition:
    """A step as the sheet has it, with the gradient accumulated by a function such as ``serial``."""

    source = None

    def __init__(self, gradient: Gradient = serial) -> None:
        self.gradient = gradient

    @property
    def reason(self) -> str:
        """Why steps are not compiled."""
        return f"the execution is {self!r}: steps are taken by definition"

    def __repr__(self) -> str:
        return getattr(self.gradient, "__name__", repr(self.gradient))

    def __call__(self, net: Any, loss: Any, x: Array, y: Array, weights: Array | None = None) -> Array:
        """Add the gradient of a batch to the net's, and return the costs (batch,)."""
        return self.gradient(net, loss, *batch_of(x, y, weights))

    def step(
        self, net: Any, loss: Any, x: Array, y: Array, update: Update, weights: Array | None = None
    ) -> Array:
        """Take a whole step: zero the gradient, accumulate it, update; return the costs (batch,)."""
        zero_grad(net)
        costs = self.gradient(net, loss, *batch_of(x, y, weights))
        update(None)
        return costs


class Plan(NamedTuple):
    """In how many shares a batch is taken, and how many examples a share takes at once."""

    shares: int
    block: int


class Threads(Accumulating):
    """Recorded blocks on threads, wherever the net and the loss allow it; else by the definition.

    Parameters
    ----------
    count : int, optional
        How many threads; None for as many as there are cores, or fewer where the batch is too small to
        be worth a thread.

    Attributes
    ----------
    compile_after : float
        Seconds of steps for one batch size, in total, before they are compiled. The time is estimated from
        the sizes, so that every run compiles at the same step.
    compile_waits : bool
        Whether the next step waits for the compilation; if not, half a second of steps is played before.
    """

    compile_after = 1.0
    compile_waits = False

    @spelled()
    def __init__(self, count: int | None = None) -> None:
        self.count = None if count is None else positive("Threads", "count", count)
        self._forget()

    def _forget(self) -> None:
        self._pending: dict[str, dict[str, Any]] = {}  # batch sizes still to be rehearsed
        self._structure: Structure | None = None
        self._steps: Bounded[tuple[Any, ...], Steps | None] = Bounded(_REMEMBERED)
        self._last: Steps | None = None
        # A net and a loss whose batches are neither split nor recorded.
        self._by_definition: tuple[Any, Any] | None = None
        self._failures = 0

    def __getstate__(self) -> dict[str, Any]:
        return {"count": self.count}  # a copy has no recordings: they are bound to their buffers

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.count = state["count"]
        self._forget()

    def __repr__(self) -> str:
        return f"Threads({'' if self.count is None else self.count})"

    def step(
        self, net: Any, loss: Any, x: Array, y: Array, update: Update, weights: Array | None = None
    ) -> Array:
        """Take a whole step: zero the gradient, accumulate it, update; return the costs (batch,)."""
        batch = batch_of(x, y, weights)
        if not _on_numpy(*batch):
            return Definition().step(net, loss, x, y, update, weights)
        steps, structure = self._find(net, loss, *batch)
        with single_threaded:
            if steps is None or structure is None:
                return Definition().step(net, loss, x, y, update, weights)
            steps.taken += 1
            skip = structure.may_skip_zero_grad
            if not skip:  # in a way of its own, and it may do more than that
                zero_grad(net)
            structure.take_gradients(anew=skip)
            try:
                if skip and structure.pure and hasattr(update, "prepare"):
                    return steps.take(update, *batch)
                costs = steps.split(*batch, anew=skip)
            except MisfitError:
                self._by_definition = net, loss
                return Definition().step(net, loss, x, y, update, weights)
            update(structure if structure.pure else None)
            return costs

    @property
    def reason(self) -> str | None:
        """Why the last step was not compiled, or None if it was."""
        if self._last is not None:
            return self._last.reason
        return (
            "no step was taken"
            if self._by_definition is None
            else "the net or the loss is neither pure nor per_example"
        )

    @property
    def source(self) -> str | None:
        """A whole step for batches such as the last as one page of Python; None where it is not recorded.

        ``W0``, ``b0`` are parameters, ``gradient_W0`` what is added up for them. The calls that it makes
        are NumPy's functions on single numbers and, for matrix products, BLAS's.

        Raises
        ------
        CannotLower
            If there is an operation that it has no source for.
        """
        return None if self._last is None else self._last.source

    # -------------------------------------------------------------- reproducible runs

    def repeat(self) -> None:
        """Compile at the first opportunity: a step's number decides how it is computed, not a clock."""
        if (self.compile_after, self.compile_waits) != (0.0, True):
            self._forget()
            self.compile_after, self.compile_waits = 0.0, True

    def state(self) -> dict[str, Any]:
        """Return how batches are computed, by size, for a checkpoint."""
        known = {_text(key): steps.state() for key, steps in self._steps.items() if steps is not None}
        return {"whole": self._by_definition is not None, "sizes": self._pending | known}

    def known(self, net: Any, loss: Any) -> Structure | None:
        """Return what is known of a net and a loss, if it still holds."""
        return self._structure if self._structure is not None and self._structure.holds(net, loss) else None

    def restore(self, state: dict[str, Any], net: Any, loss: Any) -> None:
        """Resume from a state: each batch size is computed as it was, once it has been rehearsed."""
        self._by_definition = (net, loss) if state["whole"] else None
        self._pending = dict(state["sizes"])

    def rehearse(self, take: Callable[..., None], *batch: Array) -> bool:
        """Repeat steps for a batch size of the restored state until they are computed as they were then.

        ``take`` must take a step without lasting effects. Return whether there was anything to do.
        """
        wanted = self._pending.pop(str(_key(*batch)), None) if self._pending and _on_numpy(*batch) else None
        if wanted is None:
            return False
        settings = self.compile_after, self.compile_waits
        if wanted["compiled"]:
            self.compile_after, self.compile_waits = 0.0, True
        try:
            for number in range(min(wanted["taken"], _REHEARSED)):  # a recording is verified on another batch
                take(*(np.roll(each, number + 1, axis=0) for each in batch))
        finally:
            self.compile_after, self.compile_waits = settings
        steps = self._steps.get(_key(*batch))
        if steps is not None:
            steps.restore(wanted)
        return True

    # -------------------------------------------------------------- what is known of a net

    def _find(self, net: Any, loss: Any, *batch: Array) -> tuple[Steps | None, Structure | None]:
        """Return the steps for batches of this shape and their structure; None to compute them whole."""
        if (
            self._by_definition is not None
            and self._by_definition[0] is net
            and self._by_definition[1] is loss
        ):
            return None, None
        structure = self._structure
        if structure is None or not structure.holds(net, loss):
            structure = self._look(net, loss)
            if structure is None:
                return None, None
        else:
            self._failures = 0
        key = _key(*batch)
        steps = self._steps.get(key, _NEW)
        if steps is _NEW:
            steps = self._steps[key] = self._split(structure, *batch)
        self._last = steps
        return steps, structure

    def _look(self, net: Any, loss: Any) -> Structure | None:
        """Inspect a net that is new or has changed; return None if it is to be computed whole from now on."""
        before, self._structure, self._steps = self._structure, None, Bounded(_REMEMBERED)
        again = before is not None and before.net is net and before.loss is loss
        self._failures = self._failures + 1 if again else 0
        try:
            structure = Structure(net, loss) if self._failures <= _PATIENCE else None
        except TypeError:  # parameters that cannot be reached
            structure = None
        if structure is None or not (structure.pure or structure.per_example):
            self._by_definition = net, loss
            return None
        self._structure = structure
        return structure

    def _split(self, structure: Structure, x: Array, *others: Array) -> Steps | None:
        keep_freed_memory()
        if any(each.shape[:1] != x.shape[:1] for each in others):  # the loss raises the error
            return None
        batch = x.shape[0]
        plan = compiled = Plan(1, max(1, batch))
        if structure.per_example:
            plan, compiled = (self.plan(structure.net, x, compiled=each) for each in (False, True))
        if not structure.pure and plan.shares == 1 and plan.block >= batch:
            return None

        def split(plan: Plan) -> Split:
            return Split(structure, batch, count=plan.shares, block=plan.block, record=structure.pure)

        return Steps(
            split(plan),
            structure,
            seconds=seconds(structure.net, x, batch),
            compile_after=self.compile_after,
            wait=self.compile_waits,
            compiled_split=None if compiled == plan else partial(split, compiled),
        )

    def plan(self, net: Any, x: Array, *, compiled: bool = False) -> Plan:
        """Return how to take batches such as ``x`` where steps are played, or compiled."""
        example = effort(net, x)
        count = self.count
        if count is None:
            worth = (
                _WORTH_A_COMPILED_THREAD + _WORTH_A_GRADIENT * example.weights
                if compiled
                else _WORTH_A_THREAD
            )
            count = max(1, min(cores(), int(x.shape[0] * example.operations / worth)))
        values = 2 * example.values + _LOSS * example.output
        in_cache = max(_LEAST_ROWS, _CACHE // (values * x.itemsize))
        for_weights = _PASSES * example.weights // example.values
        block = max(in_cache, min(for_weights, _BEYOND_CACHE * in_cache))
        share = max(1, ceil(x.shape[0] / count))
        # Prefer one block to two: the first writes its gradients, the others add theirs.
        return Plan(count, share if share <= 2 * block else block)


def _key(x: Array, y: Array, *weights: Array) -> tuple[Any, ...]:
    key = x.shape, x.dtype, y.shape, y.dtype
    return (*key, weights[0].dtype) if weights else key


_text = lru_cache(maxsize=256)(str)  # of a key: dtypes take long


def _on_numpy(*batch: Array) -> bool:
    return {*map(type, batch)} == _HOST


def cores() -> int:
    """Return the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    return min(len(affinity(0)) if affinity else os.cpu_count() or 1, _most.get())


_most: ContextVar[int] = ContextVar("most", default=sys.maxsize)


@contextmanager
def at_most(threads: int) -> Iterator[None]:
    """Within a ``with`` block limit ``"auto"`` and ``"threads"`` to so many threads."""
    before = _most.set(threads)
    try:
        yield
    finally:
        _most.reset(before)


class Effort(NamedTuple):
    """The cost of one example: operations of a step, values of all activations and of the output, weights."""

    operations: float
    values: int
    output: int
    weights: int


def effort(net: Any, x: Array) -> Effort:
    """Estimate the cost of one example of a batch ``x``.

    A module with weights (..., out) multiplies all of them for each vector of its output, in the forward
    pass and twice in the backward pass. A module that cannot tell its output's shape is taken to keep its
    input's.
    """
    shape = x.shape[1:]
    operations, values, weights = 0.0, prod(shape), 0
    for layer in flat(net):
        with suppress(AttributeError, TypeError, ValueError):
            shape = layer.output_shape(shape)
        size = prod(shape)
        for module in walk(layer):
            values += size
            operations += _ELEMENTWISE * size
            for parameter in own_parameters(module):
                if parameter.value.ndim > 1:
                    count = prod(parameter.value.shape)
                    weights += count
                    operations += 6 * count * size / max(1, shape[-1])
    return Effort(operations, max(1, values), prod(shape), weights)


def seconds(net: Any, x: Array, batch: int) -> float:
    """Return what a step on so many examples such as those of ``x`` takes, about, on one core."""
    return _OVERHEAD + batch * effort(net, x).operations / _OPERATIONS


#: Ways of execution by name, as ``Optim(..., execution=...)`` takes them.
EXECUTIONS: dict[str, Callable[[], Execution]] = {
    "auto": Threads,
    "serial": Definition,
    "threads": lambda: Threads(cores()),
    "mpi": lambda: MPI(Threads(1)),
}


def find_execution(name: str | Execution | Gradient) -> Execution:
    """Return a way of execution by its name; a function that accumulates a gradient becomes one.

    Raises
    ------
    ValueError
        If there is none of that name.
    TypeError
        If it is neither a name nor can be called.
    """
    if not isinstance(name, str):
        if not callable(name):
            raise TypeError(f"Optim: `execution` must be one of {', '.join(EXECUTIONS)}, got {name!r}")
        return name if isinstance(name, Execution) else Definition(name)
    if name not in EXECUTIONS:
        raise ValueError(f"Optim: `execution` must be one of {', '.join(EXECUTIONS)}, got {name!r}")
    return EXECUTIONS[name]()


def accumulated(execution: Execution, parts: int) -> Execution:
    """Return an execution that takes batches in parts; with MPI each rank takes its share so, for one sum."""
    if parts == 1:
        return execution
    if isinstance(execution, MPI):
        execution.inner = accumulated(execution.inner, parts)
        return execution
    return Accumulated(parts, execution)
