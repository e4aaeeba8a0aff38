"""The sandbox of a worker process on Linux: Landlock and seccomp.

Landlock restricts the files that can be opened, seccomp the system calls. Both are enforced by the kernel for
the rest of the process's life, on machine code as well, and need neither privileges nor an installed program.
Tools that wrap a new program, such as bubblewrap, cannot be used, because workers are forked from a server.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from diynn.checking.sandbox import landlock, seccomp

#: Files that libraries read while they are loaded, beside their own folders.
_SYSTEM = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/lib", "/lib64",
    "/etc/ld.so.cache", "/dev/urandom", "/dev/zero", "/proc/cpuinfo", "/proc/meminfo",
    "/sys/devices/system/cpu",
)  # fmt: skip


def missing_features() -> str:
    """Return which of Landlock and seccomp this system lacks, empty if none."""
    if not sys.platform.startswith("linux"):
        return f"Landlock, seccomp ({sys.platform})"
    missing = {"Landlock": not landlock.version(), "seccomp": not seccomp.available()}
    return ", ".join(name for name, lacks in missing.items() if lacks)


def libraries() -> list[str]:
    """Return the folders and files that Python and its libraries are read from."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = [path for name in names if (path := sysconfig.get_path(name))]
    found += [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    found += [str(Path(__file__).parents[2]), f"{sys.base_prefix}/lib"]
    return list(dict.fromkeys([*found, *_SYSTEM]))


def enter(readable: Iterable[str], writable: str) -> str:
    """Restrict this process for the rest of its life; return what the system lacks for it.

    Parameters
    ----------
    readable : iterable of str
        Files and folders that may be read, in addition to Python and its libraries.
    writable : str
        The only folder in which files, but no folders, may be created.

    Raises
    ------
    OSError
        If the kernel refuses.
    """
    missing = missing_features()
    if "Landlock" not in missing:
        landlock.restrict([*libraries(), *readable], writable, os.devnull)
    if "seccomp" not in missing:
        seccomp.restrict()
    return missing
