"""Seccomp: restricts the system calls of a process.

A filter is a program for the kernel's packet filter (BPF) that examines the number and the arguments of each
call, ``seccomp(2)``. A refused call fails with EPERM, as for lack of permission.
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
# The instructions of a filter, and its return values.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
# Offsets of the number, the architecture and the lower half of the first argument in ``seccomp_data``.
_NUMBER, _ARCHITECTURE, _FIRST = 0, 4, 16
_NEW_THREAD = 0x10000

Instruction = tuple[int, int, int, int]


def architecture() -> Architecture | None:
    """Return the system calls of this processor, None if unknown."""
    return ARCHITECTURES.get(platform.machine()) if sys.byteorder == "little" else None


def available() -> bool:
    """Return whether the kernel has seccomp, and this processor's calls are known."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            return architecture() is not None and "\nSeccomp:" in status.read()
    except OSError:
        return False


def restrict() -> None:
    """Refuse the system calls that no module needs, for this process, its threads and children.

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
    if known.compatible is not None:  # calls of the x32 convention
        lines += [(_AT_LEAST, 0, 1, known.compatible), kill]
    # With ENOSYS the C library falls back to clone, whose flags can be examined.
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
    for number in known.signals:  # only to itself, as abort() and raise() do
        lines += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _FIRST), (_EQUAL, 0, 1, own), allow, refuse]
    return [*lines, allow]
