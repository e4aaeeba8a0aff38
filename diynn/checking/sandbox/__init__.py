"""A wall of the kernel around the process that runs foreign code, on Linux: Landlock and seccomp.

Landlock limits which files can be reached, seccomp which system calls can be made. Both hold for the rest
of the process's life, whatever it runs, machine code included, and neither needs privileges or a program
to be installed. The process is forked from one that has everything loaded, so that tools that wrap a new
program, such as bubblewrap, cannot be used here.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from diynn.checking.sandbox import landlock, seccomp

#: What libraries read when they are loaded, beside their own folders.
_SYSTEM = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/lib", "/lib64",
    "/etc/ld.so.cache", "/dev/urandom", "/dev/zero", "/proc/cpuinfo", "/proc/meminfo",
    "/sys/devices/system/cpu",
)  # fmt: skip


def missing_features() -> str:
    """Return what this system lacks for the wall, empty if it has all."""
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


def build(readable: Iterable[str], writable: str) -> str:
    """Shut this process in, for the rest of its life; return what the system lacks for it.

    Parameters
    ----------
    readable : iterable of str
        Files and folders that may be read, beside those of Python and its libraries.
    writable : str
        The one folder in which files may be made, and no folders.

    Raises
    ------
    OSError
        If the system has what it takes, and refuses.
    """
    missing = missing_features()
    if "Landlock" not in missing:
        landlock.restrict([*libraries(), *readable], writable, os.devnull)
    if "seccomp" not in missing:
        seccomp.restrict()
    return missing
