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
    """Open a temporary file beside ``path``; the end of the ``with`` block flushes it to disk and renames it.

    If the block raises, or the disk is full, ``path`` is unchanged, and the temporary file is removed. That
    of a killed process is overwritten by the next one that writes there.

    Raises
    ------
    OSError
        If it cannot be written to the folder or the disk.
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
        if fcntl is None:
            file.close()  # Windows cannot rename an open file; elsewhere closing would release the lock
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    finally:
        with suppress(OSError):  # a full disk has raised its error already
            file.close()
    _flush_folder(folder)


def _opened(path: str) -> BinaryIO:
    """Open a file with a lock: wait for another process that writes there."""
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
    """Flush the renaming to disk, where a folder can be opened."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError:  # the file system cannot flush a folder
        pass
    finally:
        os.close(number)
