"""Landlock: restricts the files that a process may open. Constants and structures from ``landlock(7)``."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable

# The numbers of Landlock's system calls, equal on every architecture.
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38

_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 5
_MAKE_FILE, _TRUNCATE = 1 << 8, 1 << 14
#: The rights of the first version, and those that later versions added.
_FILES = (1 << 13) - 1
_ADDED = {2: 1 << 13, 3: _TRUNCATE, 5: 1 << 15}
#: The rights of files; the others are of folders.
_OF_FILES = _WRITE_FILE | _READ_FILE | _TRUNCATE


def _call(number: int, *arguments: object) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    answer = int(library.syscall(ctypes.c_long(number), *given))
    if answer < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"landlock: {os.strerror(error)}")
    return answer


def version() -> int:
    """Return the kernel's version of Landlock, 0 if it is missing or disabled."""
    try:
        return _call(_CREATE, None, 0, _VERSION)
    except (OSError, AttributeError, TypeError):
        return 0


def restrict(readable: Iterable[str], writable: str, sink: str) -> None:
    """Restrict this process and its children to these files.

    Parameters
    ----------
    readable : iterable of str
        Files and folders that may be read; missing ones are ignored.
    writable : str
        A folder in which files, but no folders, may be created, changed and removed.
    sink : str
        A file that may be written: the null device.

    Raises
    ------
    OSError
        If the kernel refuses.
    """
    known = version()
    files = _FILES
    for since, right in _ADDED.items():
        files |= right if known >= since else 0
    # Version 4 adds TCP; version 6 adds signals and abstract sockets.
    fields = struct.pack("QQQ", files, 3 if known >= 4 else 0, 3 if known >= 6 else 0)
    rules = fields[: 8 if known < 4 else 16 if known < 6 else 24]
    ruleset = _call(_CREATE, rules, len(rules), 0)
    try:
        for path in readable:
            _allow(ruleset, path, (_READ_FILE | _READ_DIR) & files)
        own = _READ_FILE | _READ_DIR | _WRITE_FILE | _TRUNCATE | _MAKE_FILE | _REMOVE_FILE
        _allow(ruleset, writable, own & files)
        _allow(ruleset, sink, (_READ_FILE | _WRITE_FILE | _TRUNCATE) & files)
        forbid_new_privileges()
        _call(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):
                rights &= _OF_FILES
            _call(_ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
        finally:
            os.close(place)


def forbid_new_privileges() -> None:
    """Forbid this process and its children to gain privileges by starting a program."""
    ctypes.CDLL(None, use_errno=True).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
