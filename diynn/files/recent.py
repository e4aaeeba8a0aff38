"""What is newer than a file: two records beside it, overwritten in turn, so that one of them is whole.

To write over what is there takes a tenth of the time of a new file: nothing is allocated, renamed or flushed
to disk. What a process has written outlives it, even if it is killed; a power cut takes what was not flushed.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import zlib
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from errno import ENOSPC
from typing import Any, BinaryIO

import numpy as np

from diynn.files.manifest import CheckpointError, read_header, read_json
from diynn.files.tree import Arrays

_MARK = b"diynn\r\n\1"
_FRONT = struct.Struct("<8sLQQ")  # the mark, the sum of what follows, the bytes of its text and of all of it


class Recent:
    """The records beside a file, which one process writes.

    Parameters
    ----------
    path : path
        The file; the records are hidden ones in its folder, ``.name.a`` and ``.name.b``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        folder, name = os.path.split(os.path.realpath(path))
        self._paths = [os.path.join(folder, f".{name}.{each}") for each in "ab"]
        self._files: list[BinaryIO] = []
        self._number = 0

    def write(self, of: str, about: Mapping[str, Any], arrays: Arrays) -> None:
        """Write arrays in C order, and what JSON says beside them, over the older record.

        ``of`` names the file's content that they are newer than: with another, the record counts no more.

        Raises
        ------
        OSError
            If the folder or the disk does not take it: the other record stays.
        """
        if not self._files:
            self._files = [_opened(path) for path in self._paths]
        self._number += 1
        listed = {name: [array.shape, array.dtype.str] for name, array in arrays.items()}
        text = json.dumps({"of": of, "number": self._number, "arrays": listed, "about": about}).encode()
        data = bytearray().join([bytes(_FRONT.size), text, *map(memoryview, arrays.values())])
        crc = zlib.crc32(memoryview(data)[_FRONT.size :])
        _FRONT.pack_into(data, 0, _MARK, crc, len(text), len(data) - _FRONT.size)
        file = self._files[self._number % 2]
        file.seek(0)
        if file.write(data) < len(data):
            raise OSError(ENOSPC, os.strerror(ENOSPC), file.name)

    def newest(self, of: str) -> tuple[dict[str, Any], Arrays] | None:
        """Return what JSON says, and the arrays, of the newer whole record with that name; None without."""
        with ExitStack() as stack:
            files = self._files or [stack.enter_context(file) for file in map(_found, self._paths) if file]
            whole = [
                record for file in files if (record := _read(file)) is not None and record[0]["of"] == of
            ]
        if not whole:
            return None
        told, arrays = max(whole, key=lambda record: int(record[0]["number"]))
        return told["about"], arrays

    def remove(self) -> None:
        """Remove the records, and close them."""
        self.close()
        for path in self._paths:
            with suppress(OSError):
                os.unlink(path)

    def close(self) -> None:
        """Close the records."""
        while self._files:
            with suppress(OSError):  # that of a full disk has been raised
                self._files.pop().close()


def _opened(path: str) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600), "r+b", buffering=0)


def _found(path: str) -> BinaryIO | None:
    try:
        return open(path, "rb") if stat.S_ISREG(os.stat(path).st_mode) else None
    except OSError:
        return None


def _read(file: BinaryIO) -> tuple[dict[str, Any], Arrays] | None:
    """Return what is in a record, or None: it may have been under way when the process or the power ended."""
    try:
        file.seek(0)
        mark, crc, length, size = _FRONT.unpack(file.read(_FRONT.size))
        if mark != _MARK or size > os.fstat(file.fileno()).st_size:
            return None
        data = file.read(size)
        if zlib.crc32(data) != crc:
            return None
        told, place, arrays = read_json(data[:length]), length, {}
        for name, listed in told["arrays"].items():
            header = read_header(name, *listed)
            flat = np.frombuffer(data, header.dtype, header.nbytes // header.dtype.itemsize, place)
            arrays[name], place = flat.reshape(header.shape), place + header.nbytes
    except (OSError, struct.error, CheckpointError):
        return None
    return told, arrays
