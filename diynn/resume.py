"""The checkpoint of a training: its whole state in one file, from which it resumes to the bit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from time import perf_counter, thread_time
from typing import Any

import numpy as np

from diynn.composition import places
from diynn.description import describe
from diynn.files.manifest import CheckpointError, digest
from diynn.files.recent import Recent
from diynn.files.tree import pack, unpack
from diynn.generators import generator_state
from diynn.module import Module, parameters
from diynn.schedules import Schedule
from diynn.shapes import positive
from diynn.states import joined
from diynn.wording import shown

_REPLACED = 1.0, 50  # seconds at least till the file itself is replaced again, and times what that took
_WRITTEN = 20  # after an epoch, times what the last writing took: it takes 5 % of the time at most
_MEND = "give it what it was, or this training another file"


class Checkpoint:
    """Writes the state of a training to a file at intervals, and reads it again.

    A state is written beside the file (see :class:`diynn.files.recent.Recent`), and outlives the process.
    Every second or so, and at the end of the ``with`` block, the file is replaced by what is beside it, and
    flushed to disk: a power cut takes what came since.

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
        # What is newer than the file is so by its token; before there is a file, by what is trained.
        self._recent, self._token, self._behind = Recent(path), digest(repr(identity).encode()), False
        self._written, self._took = perf_counter(), 0.0
        self._due = self._written + _REPLACED[0]

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        try:
            if self._behind:
                self._settle()
            self._recent.remove()
        except OSError:
            if kind is None:  # what the block raised is not hidden by it
                raise
        finally:
            self._recent.close()

    def read(self) -> dict[str, Any] | None:
        """Return the state that is in the file or newer beside it, or None if there is no file.

        Raises
        ------
        CheckpointError
            If it is damaged, no checkpoint, or of another training; the message names the difference.
        """
        state = self._read() if os.path.lexists(self.path) else None
        return self._read() if self._settle() else state  # it was killed before it could do that itself

    def _read(self) -> dict[str, Any]:
        from diynn.files.stored import reading

        with reading("SGD", self.path) as stored:
            manifest = stored.manifest
            if manifest is None or manifest.kind != "training":
                raise CheckpointError("it is no checkpoint of a training")
            self._raise_unless_same(manifest.about.get("identity"))
            self._token = str(manifest.about.get("token"))
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
        return self._seconds is not None and perf_counter() - self._written >= self._seconds

    def affordable(self) -> bool:
        """Say whether to write after this epoch: not if that would take more than 5 % of the time."""
        return perf_counter() - self._written >= _WRITTEN * self._took

    def write(self, arrays: Any, state: Mapping[str, Any]) -> None:
        """Write a state, so that it outlives the process; ``arrays`` are those of the Optim in it.

        Raises
        ------
        OSError
            If the folder or the disk does not take it: what was written before stays.
        TypeError
            If there is something in it that no file can hold.
        """
        before = thread_time()
        self._recent.write("SGD", self._token, arrays, state)
        self._behind, self._written, self._took = True, perf_counter(), thread_time() - before
        if self._written >= self._due:
            self._settle()

    def _settle(self) -> bool:
        """Replace the file by what is newer beside it; say whether there is anything."""
        from diynn.files.stored import write_file

        start, newest = perf_counter(), self._recent.newest(self._token)
        if newest is None:
            return False
        arrays, state = newest
        token = os.urandom(8).hex()
        text, named = pack("SGD", state | {"optim": joined(arrays, state["optim"])})
        write_file("SGD", self.path, "training", named, self._about | {"state": text, "token": token})
        self._token, self._behind = token, False
        self._due = perf_counter() + max(_REPLACED[0], _REPLACED[1] * (perf_counter() - start))
        return True


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
