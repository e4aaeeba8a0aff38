"""Seccomp: which system calls a process may make.

A filter is a little program of the kernel's packet filter (BPF) that looks at the number and the arguments
of each call, ``seccomp(2)``. What is refused fails with EPERM, as it does for lack of permission.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

from diynn.checking.sandbox.landlock import forbid_new_privileges
from diynn.checking.sandbox.syscalls import ARCHITECTURES, NEWEST, NEWEST_ALLOWED, Architecture

_SET_FILTER, _FILTER_MODE = 22, 2
# The instructions of the filter that are needed, and what it may answer.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
# Where the number, the architecture and the first argument's lower half stand in what it looks at.
_NUMBER, _ARCHITECTURE, _FIRST = 0, 4, 16
_NEW_THREAD = 0x10000

Instruction = tuple[int, int, int, int]


def architecture() -> Architecture | None:
    """Return the system calls of this processor; None if they are not known here."""
    return ARCHITECTURES.get(platform.machine()) if sys.byteorder == "little" else None


def available() -> bool:
    """Say whether the kernel has filters, and this processor's calls are known."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            return architecture() is not None and "\nSeccomp:" in status.read()
    except OSError:
        return False


def restrict() -> None:
    """Refuse this process, its threads and children what no module needs, for the rest of their lives.

    Raises
    ------
    OSError
        If the kernel refuses.
    """
    known = architecture()
    assert known is not None
    code = b"".join(struct.pack("HBBI", *each) for each in _filter(known, os.getpid()))
    text = ctypes.create_string_buffer(code)
    program = struct.pack("HP", len(code) // 8, ctypes.addressof(text))
    forbid_new_privileges()
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_SET_FILTER, ctypes.c_ulong(_FILTER_MODE), program, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp: the filter is refused")


def _filter(known: Architecture, own: int) -> list[Instruction]:
    """Return the filter for a process whose number is ``own``."""
    refuse = (_RETURN, 0, 0, _ERROR | errno.EPERM)
    unknown = (_RETURN, 0, 0, _ERROR | errno.ENOSYS)
    allow, kill = (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _KILL)
    load = (_LOAD, 0, 0, _NUMBER)
    lines = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, known.audit), kill, load]
    if known.compatible is not None:  # calls of another convention have numbers from here on
        lines += [(_AT_LEAST, 0, 1, known.compatible), kill]
    # A C library that is told so takes the older call, whose flags can be looked at.
    lines += [(_EQUAL, 0, 1, known.clone3), unknown]
    for number in NEWEST_ALLOWED:
        lines += [(_EQUAL, 0, 1, number), allow]
    lines += [(_AT_LEAST, 0, 1, NEWEST), unknown]
    for number in known.refused:
        lines += [(_EQUAL, 0, 1, number), refuse]
    lines += [
        (_EQUAL, 0, 4, known.clone),
        (_LOAD, 0, 0, _FIRST),
        (_ANY_BIT, 0, 1, _NEW_THREAD),
        allow,
        refuse,
    ]
    for number in known.signals:  # to itself alone, as abort() and raise() do
        lines += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _FIRST), (_EQUAL, 0, 1, own), allow, refuse]
    return [*lines, allow]
