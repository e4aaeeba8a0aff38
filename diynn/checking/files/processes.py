"""Processes for foreign code: forked from one that has loaded everything, or started anew.

Where ``fork`` is safe, a first process loads Python, NumPy and the checker, and then only waits: it is never
told whose file is judged, and each of its children starts as clean as it is, in milliseconds. On macOS,
whose libraries do not survive a fork, and on Windows, each class gets a new Python instead.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

FORKS = hasattr(os, "fork") and sys.platform != "darwin"


class Launcher(Protocol):
    """Where processes come from."""

    def start(self, folder: str) -> tuple[int, socket.socket]:
        """Start a process that works in ``folder``; return its number, and the wire to it."""

    def end(self, number: int, patience: float = 0.0) -> str:
        """End a process and all it started.

        Return how it had ended by itself within ``patience`` seconds, empty if it had not.
        """

    def close(self) -> None:
        """End whatever still runs."""


def launcher(*, forks: bool = FORKS) -> Launcher:
    """Return what starts processes on this system."""
    return ForkServer() if forks else Spawner()


def environment(folder: str) -> dict[str, str]:
    """Return an environment without anything of the user's: no tokens, no paths."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return kept | threads | {
        "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": folder, "DIYNN_BACKEND": "numpy", "PYTHONHASHSEED": "0",
    }  # fmt: skip


class ForkServer:
    """Children of a process that has loaded everything and knows nothing.

    Made before the first file is named, by a process that has no threads.
    """

    def __init__(self) -> None:
        _preload()
        self._wire, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._first = os.fork()
        if self._first == 0:
            _die_with_parent()
            self._wire.close()
            try:
                _serve_forks(far)
            finally:
                os._exit(0)
        far.close()

    def start(self, folder: str) -> tuple[int, socket.socket]:
        """Fork a process that works in ``folder``."""
        near, far = socket.socketpair()
        with far:
            socket.send_fds(self._wire, [b"start " + os.fsencode(folder)], [far.fileno()])
        return int(self._wire.recv(64)), near

    def close(self) -> None:
        """End the first process, and with it all the others."""
        self._wire.close()
        os.waitpid(self._first, 0)

    def end(self, number: int, patience: float = 0.0) -> str:
        """End a process and its session."""
        self._wire.send(f"end {number} {patience}".encode())
        return self._wire.recv(64).decode().strip()


def _preload() -> None:
    """Import what a process of a class needs, and start BLAS."""
    import numpy as np

    import diynn.layers
    import diynn.losses  # noqa: F401
    from diynn.checking.files import worker  # noqa: F401

    np.ones((2, 2)) @ np.ones((2, 2))


def _serve_forks(wire: socket.socket) -> None:
    """Fork for whoever asks over ``wire``; end with it, and with all that still runs."""
    running: set[int] = set()
    while True:
        message, descriptors, _, _ = socket.recv_fds(wire, 4096, 1)
        what, _, rest = message.partition(b" ")
        if what == b"start":
            number = os.fork()
            if number == 0:
                wire.close()
                _run_child(descriptors[0], os.fsdecode(rest))
            os.close(descriptors[0])
            running.add(number)
            wire.send(str(number).encode())
        elif what == b"end":
            child, patience = rest.split()
            running.discard(int(child))
            wire.send(_ended(int(child), float(patience)).encode() or b" ")
        else:
            for number in running:
                _ended(number, 0.0)
            return


def _die_with_parent() -> None:
    """Let the kernel kill this process when its parent ends, however that ends; where it can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _ended(number: int, patience: float) -> str:
    """Kill a child and its session; return how it had ended before that, empty if it had not."""
    until = time.monotonic() + patience
    done, status = os.waitpid(number, os.WNOHANG)
    while not done and time.monotonic() < until:
        time.sleep(0.005)
        done, status = os.waitpid(number, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(number, signal.SIGKILL)
    if done:
        return reason(os.waitstatus_to_exitcode(status))
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)  # it may not have a session of its own yet
    os.waitpid(number, 0)
    return ""


def _run_child(descriptor: int, folder: str) -> None:
    """Be the process of one class; never return."""
    try:
        _die_with_parent()
        os.setsid()
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        os.chdir(folder)
        os.environ.update(environment(folder))
        from diynn.checking.files.worker import serve

        serve(socket.socket(fileno=descriptor))
    except SystemExit:
        os._exit(1)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    finally:
        os._exit(0)  # no destructor of foreign objects, no exit handler


class Spawner:
    """A new Python for each class."""

    def __init__(self) -> None:
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def close(self) -> None:
        """End whatever still runs."""
        for number in list(self._running):
            self.end(number)

    def start(self, folder: str) -> tuple[int, socket.socket]:
        """Start a Python that works in ``folder`` and calls back."""
        secret = secrets.token_hex(16)
        root = str(Path(__file__).resolve().parents[3])
        code = (
            f"import sys; sys.path.append({root!r})\n"
            "from diynn.checking.files.processes import call_back; call_back()"
        )
        with socket.create_server(("127.0.0.1", 0)) as door:
            process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-X", "faulthandler=0", "-c", code],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                cwd=folder, env=environment(folder), start_new_session=True,
            )  # fmt: skip
            assert process.stdin is not None
            process.stdin.write(f"{door.getsockname()[1]} {secret}\n".encode())
            process.stdin.close()
            door.settimeout(60)
            while True:
                near, _ = door.accept()
                near.settimeout(60)
                if near.recv(64) == secret.encode():
                    break
                near.close()
        self._running[process.pid] = process
        return process.pid, near

    def end(self, number: int, patience: float = 0.0) -> str:
        """End a process and its session."""
        process = self._running.pop(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
        had = process.poll()
        with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
            os.killpg(number, signal.SIGKILL)
        with contextlib.suppress(OSError):
            process.kill()
        process.wait()
        return "" if had is None else reason(had)


def call_back() -> None:
    """Be the process of one class that was started anew; never return."""
    from diynn.checking.files.worker import serve

    port, secret = sys.stdin.readline().split()
    wire = socket.create_connection(("127.0.0.1", int(port)))
    wire.sendall(secret.encode())
    try:
        serve(wire)
    finally:
        os._exit(0)


def reason(code: int) -> str:
    """Say in a word or two how a process ended."""
    if code >= 0:
        return f"exit {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
