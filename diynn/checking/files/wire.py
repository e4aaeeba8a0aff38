"""What passes between the judge and the process that holds foreign code: JSON, and the bytes of arrays.

Nothing that comes over it is run or unpickled: it can be numbers, texts, lists, arrays of numbers, and the
few marks that :mod:`diynn.checking.contract.host` knows. A message is its length, the length of its JSON,
the JSON, and the arrays one after another.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from diynn.checking.contract.class_info import Argument, ClassInfo
from diynn.checking.contract.host import ClassName, Handle, Opaque
from diynn.checking.contract.paths import Attribute

_HEAD = struct.Struct("<QQ")
#: Longer messages are refused: no answer of a module on our small batches comes near.
LONGEST = 64 << 20


class MalformedMessage(Exception):  # noqa: N818 - it says what came, and is no error of ours
    """What came is no message."""


class ConnectionClosed(Exception):  # noqa: N818 - the other side ended, which is no error of ours
    """The other side has closed the wire."""


def send(wire: socket.socket, value: Any) -> None:
    """Write one message."""
    blobs: list[bytes] = []
    text = json.dumps(_written(value, blobs), ensure_ascii=True, separators=(",", ":")).encode()
    body = b"".join(blobs)
    try:
        wire.sendall(_HEAD.pack(len(text) + len(body), len(text)) + text + body)
    except TimeoutError:
        raise
    except OSError as error:
        raise ConnectionClosed(str(error)) from error


def receive(wire: socket.socket) -> Any:
    """Read one message.

    Raises
    ------
    MalformedMessage
        If it is none.
    ConnectionClosed
        If the other side has ended.
    TimeoutError
        If the time that was set for the socket runs out.
    """
    # One question, one answer: nothing else is on the wire, and most of them come in one piece.
    parts = _some(wire)
    while len(parts) < _HEAD.size:
        parts += _some(wire)
    total, length = _HEAD.unpack_from(parts)
    if not length <= total <= LONGEST:
        raise MalformedMessage("its length is none")
    while len(parts) < _HEAD.size + total:
        parts += _some(wire)
    content = memoryview(parts)[_HEAD.size :]
    if len(content) != total:
        raise MalformedMessage("more came than was announced")
    try:
        return _read(json.loads(bytes(content[:length])), content[length:])
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, AttributeError) as error:
        raise MalformedMessage(type(error).__name__) from error


def _some(wire: socket.socket) -> bytearray:
    try:
        part = wire.recv(1 << 18)
    except TimeoutError:
        raise
    except OSError as error:
        raise ConnectionClosed(str(error)) from error
    if not part:
        raise ConnectionClosed("ended")
    return bytearray(part)


# ---------------------------------------------------------------- values

# A list of two, of which the first is one of these texts, is what it says; other lists begin with "list".


def _written(value: Any, blobs: list[bytes]) -> Any:
    """Return a value as JSON can hold it; the bytes of its arrays are added to ``blobs``."""
    if value is None or isinstance(value, bool | int | str):
        return ["attribute", str(value)] if isinstance(value, Attribute) else value
    if isinstance(value, float):
        return ["float", repr(value)]
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value), blobs)
    if isinstance(value, Mapping):
        return ["dict", [[_written(key, blobs), _written(each, blobs)] for key, each in value.items()]]
    if isinstance(value, list | tuple | set | frozenset):
        return ["tuple" if isinstance(value, tuple) else "list", [_written(each, blobs) for each in value]]
    if isinstance(value, Handle):
        return ["handle", value.number]
    if isinstance(value, ClassName):
        return ["class", value.name]
    if isinstance(value, Opaque):
        return ["opaque", value.type]
    if isinstance(value, ClassInfo):
        return [
            "class_info",
            _written({**vars(value), "arguments": list(map(asdict, value.arguments))}, blobs),
        ]
    raise TypeError(f"no {type(value).__name__} goes over the wire")


def _array(array: np.ndarray, blobs: list[bytes]) -> Any:
    # Whether it lies in one piece is part of what a module is tried with.
    gap = array.ndim > 0 and array.size > 1 and not (array.flags.c_contiguous or array.flags.f_contiguous)
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise TypeError(f"no array of {array.dtype} goes over the wire")
    data = array.tobytes()
    start = sum(map(len, blobs))
    blobs.append(data)
    return ["array", [array.dtype.str, list(array.shape), start, len(data), gap]]


def _read(value: Any, content: memoryview) -> Any:
    if not isinstance(value, list):
        return value
    mark, inner = value
    if mark == "array":
        return _array_from(inner, content)
    if mark == "list":
        return [_read(each, content) for each in inner]
    if mark == "tuple":
        return tuple(_read(each, content) for each in inner)
    if mark == "dict":
        return {_read(key, content): _read(each, content) for key, each in inner}
    if mark == "class_info":
        return _class_info_from(_read(inner, content))
    if mark == "float":
        return float(inner)
    if mark == "opaque":
        return Opaque(str(inner)[:100])
    if mark == "attribute":
        return Attribute(inner)
    return Handle(int(inner)) if mark == "handle" else _named(mark, inner)


def _named(mark: str, inner: Any) -> ClassName:
    if mark != "class":
        raise ValueError("mark")
    return ClassName(str(inner))


def _array_from(fields: Any, content: memoryview) -> np.ndarray:
    name, shape, start, length, gap = fields
    dtype = np.dtype(str(name))
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise ValueError("dtype")
    flat = np.frombuffer(content[int(start) : int(start) + int(length)], dtype=dtype)
    array = flat.reshape([int(each) for each in shape]).copy()
    return np.repeat(array, 2, axis=-1)[..., ::2] if gap else array


def _class_info_from(fields: dict[str, Any]) -> ClassInfo:
    arguments = tuple(Argument(**each) for each in fields.pop("arguments"))
    texts = {name: str(place) for name, place in fields.pop("methods").items()}
    return ClassInfo(**{**fields, "arguments": arguments, "methods": texts, "own": frozenset(fields["own"])})
