"""Files of arrays, of either format: written, opened, validated, read."""

from __future__ import annotations

import errno
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import numpy as np

from diynn.arrays import to_numpy
from diynn.files.atomic import replacing
from diynn.files.manifest import CheckpointError, Header, Manifest, digest, write_manifest
from diynn.files.npz import NpzFile, write_npz
from diynn.files.tensors import TensorFile, write_tensors
from diynn.files.tree import Arrays, as_plain
from diynn.wording import shown

_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, LookupError,
            OverflowError, MemoryError)  # fmt: skip  # what `zipfile` raises for what it does not expect


def write_file(
    owner: str, path: str | os.PathLike[str], kind: str, arrays: Mapping[str, Any], about: Mapping[str, Any]
) -> None:
    """Write arrays, and other data as JSON, in place of an existing file.

    The name's suffix decides the format: ``.safetensors``, or else ``npz``.

    Raises
    ------
    OSError
        If it cannot be written to the folder or the disk: the old file stays.
    ImportError
        If the library of ``safetensors`` is not installed.
    """
    plain = {name: as_plain(array) for name, array in arrays.items()}
    write = write_tensors if _is_tensors(path) else write_npz
    manifest = write_manifest(kind, plain, about)
    with replacing(owner, path) as file:
        write(file, plain, manifest)


class Stored:
    """An open file whose manifest agrees with its contents; no array is read yet."""

    def __init__(self, file: NpzFile | TensorFile | _Given) -> None:
        self._file = file
        self.headers: dict[str, Header] = file.headers
        self.manifest: Manifest | None = file.manifest
        if self.manifest is None:
            return
        listed = self.manifest.headers
        for name in sorted(listed.keys() ^ self.headers.keys()):
            wrong = "is missing" if name in listed else "is there, and the manifest does not list it"
            raise CheckpointError(f"`{name}` {wrong}")
        for name, header in self.headers.items():
            if header != listed[name]:
                raise CheckpointError(f"`{name}` is {header}, and its manifest says {listed[name]}")

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """Read an array, and verify its checksum."""
        values = self._file.read(name)
        if self.manifest is not None and digest(values) != self.manifest.sums[name]:
            raise CheckpointError(f"`{name}` has other values than were written: their sum is another")
        return values

    def read_all(self) -> Arrays:
        """Read all arrays."""
        return {name: self.read(name) for name in self.headers}


@contextmanager
def reading(owner: str, path: str | os.PathLike[str]) -> Iterator[Stored]:
    """Open a file, to validate and read it in the ``with`` block.

    Raises
    ------
    CheckpointError
        For anything wrong with it, also if found in the block.
    OSError
        If it cannot be read.
    ImportError
        If the library of ``safetensors`` is not installed.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise CheckpointError("it is no regular file")
        with closing(TensorFile(path) if _is_tensors(path) else NpzFile(path)) as file:
            yield Stored(file)
    except CheckpointError as error:
        raise CheckpointError(f"{owner}: {os.fspath(path)!r} cannot be loaded: {error}") from None
    except _DAMAGED as error:
        raise CheckpointError(
            f"{owner}: {os.fspath(path)!r} is damaged or of another format: {error}"
        ) from None
    except OSError as error:
        if error.errno != errno.EINVAL:  # a seek to an invalid position
            raise
        raise CheckpointError(f"{owner}: {os.fspath(path)!r} is damaged: {error}") from None


@contextmanager
def given(owner: str, arrays: Mapping[str, Any]) -> Iterator[Stored]:
    """Treat arrays in memory as those of a file.

    Raises
    ------
    CheckpointError
        If one of them is no array; also for anything wrong with them in the ``with`` block.
    """
    try:
        yield Stored(_Given(arrays))
    except CheckpointError as error:
        raise CheckpointError(f"{owner}: the dict cannot be loaded: {error}") from None


class _Given:
    manifest = None

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        for name, array in arrays.items():
            if not hasattr(array, "shape") or not hasattr(array, "dtype"):
                raise CheckpointError(f"`{name}` must be an array, got {shown(array)}")
        self._arrays = {name: to_numpy(array) for name, array in arrays.items()}
        self.headers = {name: Header(each.shape, each.dtype) for name, each in self._arrays.items()}

    def read(self, name: str) -> np.ndarray[Any, Any]:
        return self._arrays[name]


def _is_tensors(path: str | os.PathLike[str]) -> bool:
    return os.fspath(path).endswith(".safetensors")
