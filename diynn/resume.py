"""The checkpoint of a training: its whole state in one file, from which it resumes to the bit."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from threading import Thread
from time import perf_counter, thread_time
from typing import Any

import numpy as np

from diynn.composition import places
from diynn.description import describe
from diynn.files.manifest import CheckpointError, digest
from diynn.files.tree import pack, unpack
from diynn.generators import generator_state
from diynn.module import Module, parameters
from diynn.schedules import Schedule
from diynn.shapes import positive
from diynn.wording import shown

_SHARE = 30  # written after an epoch if the last write took less processor time than 1/30 of the time since
_MEND = "give it what it was, or this training another file"


class Checkpoint:
    """Writes the state of a training to a file at intervals, and reads it again.

    A state is copied, and written by a background thread while the training continues. Use it in a ``with``
    block, at whose end the last state has been written.

    Parameters
    ----------
    path : path
    every : int or timedelta or None
        Steps or time between two writes, besides those after each epoch.
    identity : dict of str to JSON
        What identifies the training, by argument: the file of another one is refused.
    net : Module
        The net, whose description is written as well.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    """

    def __init__(
        self, path: Any, every: int | timedelta | None, identity: Mapping[str, Any], net: Any
    ) -> None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"SGD: `checkpoint` must be the path of a file, got {shown(path)}")
        self.path, self._identity, self._about = path, identity, {"net": describe(net), "identity": identity}
        self._steps, self._seconds = None, None
        if isinstance(every, timedelta):
            self._seconds = every.total_seconds()
            if self._seconds <= 0:
                raise ValueError(f"SGD: `every` must be a time above 0, got {every}")
        elif every is not None:
            self._steps = positive("SGD", "every", every)
        self._started, self._copied = perf_counter(), 0.0
        self._writing: _Writing | None = None

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if self._writing is not None:
            self._writing.join()
            if kind is None:
                self._writing.result()

    def read(self) -> dict[str, Any] | None:
        """Return the state in the file, or None if there is no file.

        Raises
        ------
        CheckpointError
            If it is damaged, no checkpoint, or of another training; the message names the difference.
        """
        from diynn.files.stored import reading

        if not os.path.lexists(self.path):
            return None
        with reading("SGD", self.path) as stored:
            manifest = stored.manifest
            if manifest is None or manifest.kind != "training":
                raise CheckpointError("it is no checkpoint of a training")
            self._raise_unless_same(manifest.about.get("identity"))
            state: dict[str, Any] = unpack(manifest.about.get("state"), stored.read_all())
            return state

    def _raise_unless_same(self, there: Any) -> None:
        if not isinstance(there, dict):
            raise CheckpointError("it does not say what was trained")
        for name, value in self._identity.items():
            if there.get(name) != value:
                was, now = _difference(there.get(name), value)
                raise CheckpointError(f"it is of another training: `{name}` was {was}, and is {now}; {_MEND}")

    def due(self, steps: int) -> bool:
        """Say whether to write after this step of an epoch."""
        if self._steps is not None:
            return steps % self._steps == 0
        return self._seconds is not None and perf_counter() - self._started >= self._seconds

    def affordable(self) -> bool:
        """Say whether to write after this epoch: the last write has ended, and took little time."""
        if self._writing is None:
            return True
        took = self._copied + self._writing.took  # processor time: waiting for the disk costs nothing
        return not self._writing.is_alive() and perf_counter() - self._started >= _SHARE * took

    def write(self, make_state: Callable[[], Mapping[str, Any]]) -> None:
        """Start to write a state, which must not be changed, in place of the one in the file.

        Raises
        ------
        OSError
            If the state before could not be written.
        """
        from diynn.files.stored import write_file

        if self._writing is not None:
            self._writing.result()
        self._started, before = perf_counter(), thread_time()
        text, arrays = pack("SGD", make_state())
        about = self._about | {"state": text}
        self._writing = _Writing(partial(write_file, "SGD", self.path, "training", arrays, about))
        self._copied = thread_time() - before


class _Writing(Thread):
    """A thread that starts at once to do some work."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self._work = work
        self._error: BaseException | None = None
        self.took = 0.0  # seconds of processor time
        self.start()

    def run(self) -> None:
        """Do the work."""
        before = thread_time()
        try:
            self._work()
        except BaseException as error:  # raised by `result`
            self._error = error
        self.took = thread_time() - before

    def result(self) -> None:
        """Wait until the work is done, and raise its exception."""
        self.join()
        if self._error is not None:
            raise self._error


def _difference(was: Any, now: Any) -> tuple[str, str]:
    """Return the two values that differ, shortened; of lists, the first entries that differ."""
    if isinstance(was, list) and isinstance(now, list):
        pairs = [(a, b) for a, b in zip(was, now, strict=False) if a != b]
        if pairs:
            return _difference(*pairs[0])
        return f"a list of {len(was)}", f"one of {len(now)}"
    return tuple(_short(each) for each in (was, now))  # type: ignore[return-value]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# ------------------------------------------------------------------ identifying a training


def identify(
    optim: Any, batch_size: int, rng: np.random.Generator | None, others: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what identifies a training, by argument, as JSON: of arrays and of the generator, a checksum.

    ``rng`` is None if no seed was given: then any is accepted.
    """
    modules = [_module(place, each) for place, each in places(optim.net)]
    arrays = [f"{each.label} {tuple(each.value.shape)} {each.value.dtype}" for each in parameters(optim.net)]
    return {
        "net": modules + arrays,
        "loss": _named(optim.loss),
        "rule": repr(optim.rule),
        "eps": _schedule(optim.schedule),
        "batch_size": batch_size,
        "rng": None if rng is None else f"of the sum {digest(repr(generator_state(rng)).encode())[:16]}",
        **others,
    }


def _module(place: str, module: Any) -> str:
    held = isinstance(module, Module) and type(module).__module__.startswith("diynn.")
    name = repr(module) if held and not module.children() else type(module).__name__
    return f"{place.rstrip('.')} {name}".strip()


def _named(thing: Any) -> str:
    return repr(thing) if type(thing).__module__.startswith("diynn.") else type(thing).__name__


def _schedule(schedule: Schedule) -> str:
    if type(schedule).__module__.startswith("diynn."):
        return repr(schedule)
    return str(getattr(schedule, "__qualname__", type(schedule).__name__))
