"""Files that are replaced atomically: a reader sees the old file or the new one, whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def replacing(owner: str, path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file beside ``path``; at the end of the ``with`` block it takes its place, flushed to disk.

    If the block raises, or the disk is full, ``path`` stays as it was, and what was written is removed. What
    a process that was killed left behind is overwritten by the next that writes there.

    Raises
    ------
    OSError
        If the folder or the disk does not take it.
    """
    target = os.path.realpath(path)  # a link stays a link
    mode = os.stat(target).st_mode if os.path.lexists(target) else None
    if mode is not None and not stat.S_ISREG(mode):
        raise OSError(f"{owner}: {os.fspath(path)!r} must be a file, and is none that can be replaced")
    folder, name = os.path.split(target)
    beside = os.path.join(folder, f".{name}.part")
    file = _opened(beside)
    try:
        if mode is not None:
            os.chmod(beside, stat.S_IMODE(mode))
        file.truncate(0)
        yield file
        file.flush()
        os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    finally:
        with suppress(OSError):  # that of a full disk has been raised
            file.close()
    _flush_folder(folder)


def _opened(path: str) -> BinaryIO:
    """Open a file for this process alone: another that writes there is waited for."""
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "wb")
        if fcntl is None:
            return file
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                    return file
        except OSError:  # a file system without locks
            return file
        except BaseException:
            file.close()
            raise
        file.close()  # another process has replaced the file since it was opened


def _flush_folder(folder: str) -> None:
    """Let the renaming itself last, where a folder can be opened."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError:  # a file system that has nothing to flush
        pass
    finally:
        os.close(number)
