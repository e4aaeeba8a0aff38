"""Files of NumPy's format ``npz``: written with a manifest, and read without trusting anything in them."""

from __future__ import annotations

import io
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np

from diynn.files.manifest import CheckpointError, Header, Manifest, read_manifest

MANIFEST = "manifest.json"
_AT_ONCE = 2**20  # bytes that are read at a time
_DIRECTORY = 2**21  # bytes at most of a directory or a manifest
_ROOM = 4096  # bytes at most of an array's header
_HEADER = re.compile(
    r"\{'descr': ('[^']*'|\[.*\]), 'fortran_order': (False|True), 'shape': \(((?:\d+(?:, ?)?)*)\), \} *\n"
)
_REAL = re.compile(r"[<>|=]?[fiub][1248]")
_OTHERS = {"O": "objects", "U": "text", "S": "text", "c": "complex numbers", "M": "dates", "m": "time spans"}


# ------------------------------------------------------------------ writing

# Of the format of zip files, with its extension for large ones (APPNOTE.TXT, 4.3.7 to 4.3.16 and 4.5.3): what
# stands before a member, its entry in the directory, what the entry has more, and the three that end a file.
_MEMBER = struct.Struct("<4s5H3L2H 2H2Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LARGE = struct.Struct("<2H3Q")
_ENDS = struct.Struct("<4sQ2H2L4Q 4sLQL 4s4H2LH")
_NEEDS, _UTF8, _FULL = 45, 0x800, 2**32 - 1  # the version with large files, whose sizes follow
_DATE = 0x21  # 1980-01-01: the same arrays give the same file


def write_npz(file: BinaryIO, arrays: Mapping[str, np.ndarray[Any, Any]], manifest: str) -> None:
    """Write arrays in C order and their manifest.

    The members are stored uncompressed, one after another: ``zipfile`` would add the time of all checksums
    again, and seek back in the file.
    """
    members: list[tuple[str, bytes, Any]] = [
        (f"{name}.npy", _array_header(array.shape, array.dtype), array.reshape(-1).view(np.uint8).data)
        for name, array in arrays.items()
    ]
    directory, place = b"", 0
    for title, header, data in [*members, (MANIFEST, b"", manifest.encode())]:
        name, size, crc = title.encode(), len(header) + len(data), zlib.crc32(data, zlib.crc32(header))
        told = (_NEEDS, _UTF8, zipfile.ZIP_STORED, 0, _DATE, crc, _FULL, _FULL, len(name))
        start = _MEMBER.pack(b"PK\3\4", *told, 20, 1, 16, size, size)
        file.write(start[:30] + name + start[30:] + header)
        file.write(data)
        entry = _ENTRY.pack(b"PK\1\2", _NEEDS, *told, _LARGE.size, 0, 0, 0, 0o644 << 16, _FULL)
        directory += entry + name + _LARGE.pack(1, _LARGE.size - 4, size, size, place)
        place += len(start) + len(name) + size
    count, size = len(members) + 1, len(directory)
    large = (b"PK\6\6", 44, _NEEDS, _NEEDS, 0, 0, count, count, size, place)
    found = (b"PK\6\7", 0, place + size, 1)
    file.write(directory + _ENDS.pack(*large, *found, b"PK\5\6", 0, 0, 2**16 - 1, 2**16 - 1, _FULL, _FULL, 0))


@lru_cache(maxsize=1024)
def _array_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return the header of an array in NumPy's format ``npy``."""
    buffer = io.BytesIO()
    told = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, told)
    return buffer.getvalue()


# ------------------------------------------------------------------ reading


class NpzFile:
    """An open file whose directory and headers have been validated; no array is read yet.

    Attributes
    ----------
    headers : dict of str to Header
        By the names of the arrays.
    manifest : Manifest or None
        None for a file without one, as version 0.1 wrote them, and NumPy writes them.

    Raises
    ------
    CheckpointError
        If it contains anything else than arrays of real numbers, or does not agree with its manifest.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = _Careful(path)
        try:
            self._archive = zipfile.ZipFile(self._file)
            members = self._members()
            text = members.pop(MANIFEST, None)
            self.manifest: Manifest | None = None if text is None else read_manifest(self._text(text))
            self._infos = {name.removesuffix(".npy"): info for name, info in members.items()}
            self._columns: set[str] = set()  # names of arrays in Fortran's order
            self._offsets: dict[str, int] = {}
            self.headers = {name: self._header(name, info) for name, info in self._infos.items()}
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """Read an array, in C order."""
        header = self.headers[name]
        with self._archive.open(self._infos[name]) as member:
            _exactly(member, self._offsets[name])
            values = np.empty(header.shape, header.dtype)
            buffer = values.reshape(-1).view(np.uint8).data
            for start in range(0, len(buffer), _AT_ONCE):
                part = buffer[start : start + _AT_ONCE]
                part[:] = _exactly(member, len(part))
            member.read(1)  # at its end `zipfile` verifies the checksum
        if name in self._columns:
            values = np.ascontiguousarray(values.reshape(header.shape[::-1]).T)
        return values

    def _members(self) -> dict[str, zipfile.ZipInfo]:
        size, members = os.fstat(self._file.fileno()).st_size, {}
        for info in self._archive.infolist():
            name = info.filename
            if name in members:
                raise CheckpointError(f"`{name.removesuffix('.npy')}` is there twice")
            if name.endswith("/data.pkl"):
                raise CheckpointError(
                    "it is a pickle of PyTorch, which may run code; safetensors.torch.save_file("
                    "model.state_dict(), path) writes a file that load(net, path, layout='torch') reads"
                )
            if name != MANIFEST and not name.endswith(".npy"):
                raise CheckpointError(f"`{name}` is no array")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise CheckpointError(f"`{name}` is packed in a way that NumPy does not")
            if info.compress_size > size or (
                info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size
            ):
                raise CheckpointError(f"`{name}` has another size than the directory says")
            members[name] = info
        return members

    def _text(self, info: zipfile.ZipInfo) -> bytes:
        if info.file_size > _DIRECTORY:
            raise CheckpointError("its manifest is too long to be one")
        with self._archive.open(info) as member:
            text = _exactly(member, info.file_size)
            member.read(1)
        return text

    def _header(self, name: str, info: zipfile.ZipInfo) -> Header:
        with self._archive.open(info) as member:
            start = _exactly(member, 8)
            if start[:6] != b"\x93NUMPY" or start[6] not in (1, 2, 3):
                raise CheckpointError(f"`{name}` is no array of NumPy's format")
            length = int.from_bytes(_exactly(member, 2 if start[6] == 1 else 4), "little")
            if length > _ROOM:
                raise CheckpointError(f"`{name}` has a header of {length} bytes")
            found = _HEADER.fullmatch(_exactly(member, length).decode("latin1"))
        if found is None:
            raise CheckpointError(f"`{name}` has a header that NumPy does not write")
        descr, columns, shape = found.groups()
        if not _REAL.fullmatch(descr.strip("'")):
            kind = descr.strip("'<>|=")[:1]
            raise CheckpointError(
                f"`{name}` must hold real numbers, got {_OTHERS.get(kind, 'something else')} ({descr})"
            )
        header = Header(tuple(int(each) for each in shape.split(",") if each.strip()), _dtype(name, descr))
        self._offsets[name] = 8 + (2 if start[6] == 1 else 4) + length
        if len(header.shape) > 32 or self._offsets[name] + header.nbytes != info.file_size:
            raise CheckpointError(f"`{name}` has another size than its shape {header.shape}")
        if columns == "True" and len(header.shape) > 1:
            self._columns.add(name)
        return header


def _dtype(name: str, descr: str) -> np.dtype[Any]:
    try:
        return np.dtype(descr.strip("'"))
    except TypeError:  # such as a float of one byte
        raise CheckpointError(f"`{name}` must hold real numbers, got {descr}") from None


def _exactly(member: Any, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = member.read(count - len(data))
        if not part:
            raise CheckpointError(f"`{member.name.removesuffix('.npy')}` is shorter than it says")
        data += part
    return data


class _Careful(io.FileIO):
    """A file that limits each read: what ``zipfile`` takes for a directory may be of any size."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, but at most a few megabytes."""
        wanted = -1 if size is None else size
        if wanted > _DIRECTORY:
            raise CheckpointError(f"its directory of {wanted} bytes is none")
        data = super().read(_DIRECTORY + 1 if wanted < 0 else wanted) or b""
        if len(data) > _DIRECTORY:
            raise CheckpointError("its directory is too long to be one")
        return data
