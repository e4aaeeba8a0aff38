"""Processes that take shares of a batch, seen from both ends of the socket between them.

A helper is a new Python that runs :func:`serve`: no fork, which would copy locks that a thread holds, and
none of multiprocessing's processes, which would run the user's script again. Arrays lie in memory that both
processes see; what goes through the socket is which share to take, and what it costs.
"""

from __future__ import annotations

import atexit
import mmap
import os
import pickle
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, prod
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from threading import Lock
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from diynn.arrays import Array
from diynn.execution.memory import keep_freed_memory
from diynn.execution.threads import Worker
from diynn.module import parameters

#: Shapes and dtypes of arrays that lie one behind another.
Layout: TypeAlias = list[tuple[tuple[int, ...], Any]]

#: What is raised by a connection whose other end is gone.
GONE = (EOFError, OSError)

# Seconds in which a message is looked for before it is waited for: to be woken takes longer.
_PATIENCE = 5e-4
_MOST_IN_VAIN = 3  # helpers in a row that may end without an answer before none is started any more
_LINE = 64  # bytes: arrays begin at lines of the cache


def available() -> bool:
    """Say whether the system has what is needed: sockets that hand on memory, and a way to look at them."""
    return hasattr(select, "poll") and os.name == "posix"


class Helper:
    """Another process that takes shares, as seen by the one that trains.

    Attributes
    ----------
    lock : threading.Lock
        Held from a question to its answer.
    forgotten : list of int
        The numbers of tasks that it need not keep any longer.
    """

    def __init__(self, in_vain: int = 0) -> None:
        self.connection, theirs = Pipe()
        self._poll = _poll(self.connection)
        self.lock = Lock()
        self.forgotten: list[int] = []
        self.was_ready = self.is_closed = False
        self.in_vain = in_vain  # helpers before it, at most, that ended since the last answer
        self._owner = os.getpid()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        environment |= {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "OMP", "BLIS")}
        command = [sys.executable, "-P", "-c", f"from {__name__} import serve; serve({theirs.fileno()})"]
        try:
            self.process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the process that trains
            )
        except OSError:  # no more processes, no Python to be found, a sandbox: threads do without
            self.is_closed = True
            self.connection.close()
        else:
            atexit.register(self.close)
        finally:
            theirs.close()

    def is_ready(self) -> bool:
        """Say whether it listens already."""
        if not (self.was_ready or self.is_closed) and self.lock.acquire(blocking=False):
            try:  # one thread alone, as it says so once
                if not self.was_ready and self._poll(0):
                    self.was_ready = _receive(self.connection, self._poll) == "ready"
            except GONE:
                self.close()
            finally:
                self.lock.release()
        return self.was_ready and not self.is_closed

    def keep(self, number: int, net: Any, loss: Any, block: int, layout: Layout) -> list[Array]:
        """Give a task a number; return the arrays that both see.

        They are x, y, the parameters of the net, and their gradients, as ``layout`` has them.
        """
        with _memory(layout) as descriptor:
            arrays = _arrays(descriptor, layout)
            _send(self.connection, ("keep", number, net, loss, block, layout))
            send_handle(self.connection, descriptor, self.process.pid)
        return arrays

    def take(self, number: int) -> None:
        """Let it take the share that lies in the memory of a task."""
        while self.forgotten:
            _send(self.connection, ("forget", self.forgotten.pop()))
        _send(self.connection, number)

    def answer(self) -> list[Array] | BaseException:
        """Wait for the costs of each block, or the error that came; raise one of ``GONE`` if it is gone."""
        found: list[Array] | BaseException = _receive(self.connection, self._poll)
        self.in_vain = 0
        return found

    def close(self) -> None:
        """Let it end, in the middle of a share if need be."""
        if not self.is_closed:
            self.is_closed = True
            atexit.unregister(self.close)
            if os.getpid() == self._owner:  # not a copy of it, in a process that was forked
                self.process.kill()
                self.process.wait()


_helpers: dict[tuple[int, int], Helper] = {}


def helper(number: int) -> Helper:
    """Return one of this process's helpers: a process that was forked has none of its parent's."""
    key = (os.getpid(), number)
    found = _helpers.get(key)
    if found is None:
        _helpers[key] = Helper()
    elif found.is_closed and found.was_ready and found.in_vain < _MOST_IN_VAIN:
        _helpers[key] = Helper(found.in_vain + 1)
    return _helpers[key]


# ------------------------------------------------------------------ in the helper


def serve(descriptor: int) -> None:
    """Take shares until there is nobody to take them for."""
    connection = Connection(descriptor)
    poll = _poll(connection)
    tasks: dict[int, _Kept] = {}
    keep_freed_memory()
    np.seterr(all="ignore")  # the process that trains warns of its own share, by its own filters
    try:
        _send(connection, "ready")
        while True:
            match _receive(connection, poll):
                case int(number):
                    _send(connection, tasks[number]())
                case "keep", number, net, loss, block, layout:
                    tasks[number] = _Kept(net, loss, block, layout, recv_handle(connection))
                case "forget", number:
                    del tasks[number]
    except (*GONE, KeyboardInterrupt):
        return


class _Kept:
    """A share of batches of one size, in the helper."""

    def __init__(self, net: Any, loss: Any, block: int, layout: Layout, descriptor: int) -> None:
        handles = parameters(net)
        self.x, self.y, *rest = _arrays(descriptor, layout)
        os.close(descriptor)
        self.gradients = rest[len(handles) :]
        for handle, value in zip(handles, rest, strict=False):
            handle.value = value
        self.worker = Worker(net, loss, slice(0, self.x.shape[0]), block, True)

    def __call__(self) -> list[Array] | BaseException:
        """Return the costs of each block, or the error that came."""
        try:
            costs = self.worker(self.x, self.y)
        except Exception as error:
            return error
        for gradient, made in zip(self.gradients, self.worker.gradients, strict=True):
            np.copyto(gradient, made)
        return costs


# ------------------------------------------------------------------ memory and messages


@contextmanager
def _memory(layout: Layout) -> Iterator[int]:
    """Make a file that can hold arrays, in memory where the system has such."""
    in_memory = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("diynn"), "r+b") if in_memory else tempfile.TemporaryFile() as file:
        file.truncate(_LINE + sum(_bytes(shape, dtype) for shape, dtype in layout))
        yield file.fileno()


def _arrays(descriptor: int, layout: Layout) -> list[Array]:
    """Return the arrays that lie in a file."""
    memory = mmap.mmap(descriptor, 0)
    found, place = [], 0
    for shape, dtype in layout:
        found.append(np.ndarray(shape, dtype, memory, place))
        place += _bytes(shape, dtype)
    return found


def _bytes(shape: tuple[int, ...], dtype: Any) -> int:
    """Return what an array takes in whole lines."""
    return ceil(prod(shape) * int(dtype.itemsize) / _LINE) * _LINE


def _poll(connection: Connection) -> Any:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return poll.poll


def _send(connection: Connection, message: Any) -> None:
    connection.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))  # quicker than its own `send`


def _receive(connection: Connection, poll: Any) -> Any:
    """Return the next message."""
    start = perf_counter()
    while not poll(0) and perf_counter() - start < _PATIENCE:
        pass
    return pickle.loads(connection.recv_bytes())
