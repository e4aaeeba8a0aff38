"""The manifest of a file: text with the names, shapes, dtypes and checksums of its arrays."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

VERSION = 1
KINDS = ("net", "training")
_DTYPE = re.compile(r"(?:<[fiu][248]|\|[biu]1)")  # as this package writes them
_SUM = re.compile(r"[0-9a-f]{64}")


class CheckpointError(ValueError):
    """A file that is damaged, of another format or of another net; the message names file, array and cause.

    The net or the training that was to be loaded is unchanged.
    """


class Header(NamedTuple):
    """Shape and dtype of an array that has not been read yet."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """The bytes of its values."""
        return prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


class Manifest(NamedTuple):
    """The kind of a file, the headers of its arrays, and the other data written with them."""

    kind: str
    headers: dict[str, Header]
    sums: dict[str, str]
    about: dict[str, Any]


def digest(data: Any) -> str:
    """Return the SHA-256 of bytes, or of an array's values in C order."""
    from hashlib import sha256  # takes 3 ms to import

    return sha256(data).hexdigest()


def write_manifest(kind: str, arrays: Mapping[str, np.ndarray[Any, Any]], about: Mapping[str, Any]) -> str:
    """Return the text for arrays in C order and little-endian."""
    listed = {
        name: {"shape": list(array.shape), "dtype": array.dtype.str, "sha256": digest(array)}
        for name, array in arrays.items()
    }
    return json.dumps({"format": "diynn", "version": VERSION, "kind": kind, "arrays": listed, **about})


def read_manifest(text: str | bytes) -> Manifest:
    """Read a text that :func:`write_manifest` wrote.

    Raises
    ------
    CheckpointError
        If it is no manifest, or of a later version.
    """
    found = read_json(text)
    if not isinstance(found, dict) or found.pop("format", None) != "diynn":
        raise CheckpointError("the manifest is none of diynn's")
    version = found.pop("version", None)
    if version != VERSION:
        raise CheckpointError(f"its format is version {version!r}, and this diynn reads version {VERSION}")
    kind, arrays = found.pop("kind", None), found.pop("arrays", None)
    if kind not in KINDS or not isinstance(arrays, dict):
        raise CheckpointError("the manifest lists no arrays")
    headers, sums = {}, {}
    for name, listed in arrays.items():
        if not isinstance(listed, dict) or listed.keys() != {"shape", "dtype", "sha256"}:
            raise CheckpointError(f"the manifest does not describe `{name}`")
        headers[name] = read_header(name, listed["shape"], listed["dtype"])
        sums[name] = listed["sha256"]
        if not isinstance(sums[name], str) or not _SUM.fullmatch(sums[name]):
            raise CheckpointError(f"the manifest has no sum of `{name}`")
    return Manifest(kind, headers, sums, found)


def read_json(text: str | bytes) -> Any:
    """Read JSON in which no name occurs twice."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except CheckpointError:
        raise
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"a text in it cannot be read: {str(error) or 'it is nested too deeply'}"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise CheckpointError(f"`{twice}` is there twice")
    return found


def read_header(name: str, shape: Any, dtype: Any) -> Header:
    """Return the header of an array that JSON describes.

    Raises
    ------
    CheckpointError
        If it is of no array of real numbers.
    """
    if not isinstance(shape, list) or not all(type(each) is int and 0 <= each < 2**48 for each in shape):
        raise CheckpointError(f"`{name}` has no shape")
    if len(shape) > 32 or prod(each or 1 for each in shape) >= 2**48:
        raise CheckpointError(f"`{name}` is larger than any array")
    if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        raise CheckpointError(f"`{name}` must hold real numbers, got {dtype!r}")
    return Header(tuple(shape), np.dtype(dtype))
