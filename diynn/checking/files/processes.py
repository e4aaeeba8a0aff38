"""Worker processes for foreign code: forked by a fork server, or spawned as new interpreters.

Where ``fork`` is safe, a fork server imports NumPy and the checker once. It never sees a file, so each worker
starts from the same clean state, in milliseconds. On macOS, whose system libraries are not safe after a fork,
and on Windows, a new interpreter is spawned for each class.
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
    """Starts and ends worker processes."""

    def start(self, folder: str) -> tuple[int, socket.socket]:
        """Start a worker in ``folder``; return its process id, and a socket to it."""

    def end(self, pid: int, patience: float = 0.0) -> str:
        """Kill a worker and its children.

        Return how it ended by itself within ``patience`` seconds, empty if it did not.
        """

    def close(self) -> None:
        """Kill all workers."""


def make_launcher(*, forks: bool = FORKS) -> Launcher:
    """Return the launcher for this system."""
    return ForkServer() if forks else Spawner()


def environment(folder: str) -> dict[str, str]:
    """Return an environment without the user's variables, such as tokens and paths."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return kept | threads | {
        "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": folder, "DIYNN_BACKEND": "numpy", "PYTHONHASHSEED": "0",
    }  # fmt: skip


def interpreter(code: str, folder: str, stdout: int) -> subprocess.Popen[bytes]:
    """Start a Python that runs ``code`` in ``folder``, in a session and with an environment of its own."""
    code = f"import sys; sys.path.append({str(Path(__file__).resolve().parents[3])!r})\n{code}"
    return subprocess.Popen(
        [sys.executable, "-s", "-P", "-X", "faulthandler=0", "-c", code],
        stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.DEVNULL,
        cwd=folder, env=environment(folder), start_new_session=True,
    )  # fmt: skip


class ForkServer:
    """Forks workers from a server process that has imported everything and seen no file.

    Created before the first order is read, in a process without other threads.
    """

    def __init__(self) -> None:
        _preload()
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._server = os.fork()
        if self._server == 0:
            _die_with_parent()
            self._connection.close()
            try:
                _serve_forks(theirs)
            finally:
                os._exit(0)
        theirs.close()

    def start(self, folder: str) -> tuple[int, socket.socket]:
        """Fork a worker in ``folder``."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._connection, [b"start " + os.fsencode(folder)], [theirs.fileno()])
        return int(self._connection.recv(64)), ours

    def close(self) -> None:
        """End the server, which kills its workers."""
        self._connection.close()
        os.waitpid(self._server, 0)

    def end(self, pid: int, patience: float = 0.0) -> str:
        """Kill a worker and its session."""
        self._connection.send(f"end {pid} {patience}".encode())
        return self._connection.recv(64).decode().strip()


def _preload() -> None:
    """Import what a worker needs, and initialise BLAS."""
    import numpy as np

    import diynn.layers
    import diynn.losses  # noqa: F401
    from diynn.checking.files import worker  # noqa: F401

    np.ones((2, 2)) @ np.ones((2, 2))


def _serve_forks(connection: socket.socket) -> None:
    """Serve requests to fork and to kill until the socket is closed; then kill all workers."""
    running: set[int] = set()
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
        request, _, rest = message.partition(b" ")
        if request == b"start":
            pid = os.fork()
            if pid == 0:
                connection.close()
                _run_child(descriptors[0], os.fsdecode(rest))
            os.close(descriptors[0])
            running.add(pid)
            connection.send(str(pid).encode())
        elif request == b"end":
            child, patience = rest.split()
            running.discard(int(child))
            connection.send(_kill(int(child), float(patience)).encode() or b" ")
        else:
            for pid in running:
                _kill(pid, 0.0)
            return


def _die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, on Linux."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _kill(pid: int, patience: float) -> str:
    """Kill a child and its session; return how it ended before that, empty if it did not."""
    until = time.monotonic() + patience
    done, status = os.waitpid(pid, os.WNOHANG)
    while not done and time.monotonic() < until:
        time.sleep(0.005)
        done, status = os.waitpid(pid, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if done:
        return reason(os.waitstatus_to_exitcode(status))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # it may not have a session of its own yet
    os.waitpid(pid, 0)
    return ""


def _run_child(descriptor: int, folder: str) -> None:
    """Run a forked worker; never return."""
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
    """Spawns a new interpreter for each worker."""

    def __init__(self) -> None:
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def close(self) -> None:
        """Kill all workers."""
        for pid in list(self._running):
            self.end(pid)

    def start(self, folder: str) -> tuple[int, socket.socket]:
        """Start an interpreter in ``folder``, which connects to this process."""
        secret = secrets.token_hex(16)
        code = "from diynn.checking.files.processes import call_back; call_back()"
        with socket.create_server(("127.0.0.1", 0)) as server:
            process = interpreter(code, folder, subprocess.DEVNULL)
            assert process.stdin is not None
            process.stdin.write(f"{server.getsockname()[1]} {secret}\n".encode())
            process.stdin.close()
            server.settimeout(60)
            while True:
                ours, _ = server.accept()
                ours.settimeout(60)
                if ours.recv(64) == secret.encode():
                    break
                ours.close()
        self._running[process.pid] = process
        return process.pid, ours

    def end(self, pid: int, patience: float = 0.0) -> str:
        """Kill a worker and its session."""
        process = self._running.pop(pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
        had = process.poll()
        with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            process.kill()
        process.wait()
        return "" if had is None else reason(had)


def call_back() -> None:
    """Run a spawned worker; never return."""
    from diynn.checking.files.worker import serve

    port, secret = sys.stdin.readline().split()
    connection = socket.create_connection(("127.0.0.1", int(port)))
    connection.sendall(secret.encode())
    try:
        serve(connection)
    finally:
        os._exit(0)


def reason(code: int) -> str:
    """Describe an exit code: the name of a signal, or ``exit 1``."""
    if code >= 0:
        return f"exit {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
