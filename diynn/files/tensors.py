"""Files of the format ``safetensors``, which other libraries read: the manifest is in their metadata."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from diynn.files.manifest import CheckpointError, Header, Manifest, digest, read_json, read_manifest

_LONGEST = 2**22  # bytes at most of a header
_MANIFEST, _SUM = "diynn.manifest", "diynn.sha256"
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
           "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1"}  # fmt: skip
_NEEDED = "a file of safetensors needs a library that is not installed: pip install 'diynn[safetensors]'"


def write_tensors(file: BinaryIO, arrays: Mapping[str, np.ndarray[Any, Any]], manifest: str) -> None:
    """Write arrays in C order and their manifest.

    Raises
    ------
    ImportError
        If the library is not installed.
    """
    _library()
    save = import_module("safetensors.numpy").save
    file.write(save(dict(arrays), {_MANIFEST: manifest, _SUM: digest(manifest.encode())}))


class TensorFile:
    """An open file whose header has been validated; no array is read yet, as in `diynn.files.npz.NpzFile`.

    Raises
    ------
    CheckpointError
        If it is damaged, or does not agree with its manifest.
    ImportError
        If the library is not installed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        library = _library()
        listed = _listed(path)
        try:
            self._file = library.safe_open(os.fspath(path), framework="numpy")
            metadata = self._file.metadata() or {}
        except library.SafetensorError as error:
            raise CheckpointError(f"safetensors says: {error}") from None
        self.manifest: Manifest | None = None
        if metadata.keys() & {_MANIFEST, _SUM}:
            text = metadata.get(_MANIFEST, "").encode()
            if digest(text) != metadata.get(_SUM):
                raise CheckpointError("its manifest has another sum than was written with it")
            self.manifest = read_manifest(text)
        self.headers = {}
        for name, each in listed.items():
            if each["dtype"] not in _DTYPES:
                raise CheckpointError(f"`{name}` must hold numbers that NumPy has, got {each['dtype']}")
            self.headers[name] = Header(tuple(each["shape"]), np.dtype(_DTYPES[each["dtype"]]))

    def close(self) -> None:
        """Close the file."""
        self._file.__exit__(None, None, None)

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """Read an array."""
        values: np.ndarray[Any, Any] = self._file.get_tensor(name)
        return values


def _library() -> Any:
    try:
        return import_module("safetensors")
    except ImportError:
        raise ImportError(_NEEDED) from None


def _listed(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the header's entries; its size is limited, and its names must be unique."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _LONGEST:
            raise CheckpointError(f"its header of {length} bytes is none")
        listed = read_json(file.read(length))
    if not isinstance(listed, dict):
        raise CheckpointError("its header is none")
    listed.pop("__metadata__", None)
    return listed
