"""The messages between judge and worker: JSON, followed by the bytes of arrays.

Nothing received is executed or unpickled: values are numbers, texts, containers, arrays of numbers, and the
value types of :mod:`diynn.checking.contract.host`. A message is its length, the length of its JSON, the JSON,
and the arrays.
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
#: Longer messages are refused: the answers for our small batches are far smaller.
LONGEST = 64 << 20


class MalformedMessage(Exception):  # noqa: N818 - a finding, not an error of the checker
    """The received bytes are not a message."""


class ConnectionClosed(Exception):  # noqa: N818 - a finding, not an error of the checker
    """The other process has closed the socket."""


def send(connection: socket.socket, value: Any) -> None:
    """Write one message."""
    blobs: list[bytes] = []
    text = json.dumps(_written(value, blobs), ensure_ascii=True, separators=(",", ":")).encode()
    body = b"".join(blobs)
    try:
        connection.sendall(_HEAD.pack(len(text) + len(body), len(text)) + text + body)
    except TimeoutError:
        raise
    except OSError as error:
        raise ConnectionClosed(str(error)) from error


def receive(connection: socket.socket) -> Any:
    """Read one message.

    Raises
    ------
    MalformedMessage
        If the bytes are not a message.
    ConnectionClosed
        If the other process has ended.
    TimeoutError
        If the socket times out.
    """
    # Request and answer alternate, so that there is nothing after the message; most are received in one call.
    parts = _some(connection)
    while len(parts) < _HEAD.size:
        parts += _some(connection)
    total, length = _HEAD.unpack_from(parts)
    if not length <= total <= LONGEST:
        raise MalformedMessage("its length is none")
    while len(parts) < _HEAD.size + total:
        parts += _some(connection)
    content = memoryview(parts)[_HEAD.size :]
    if len(content) != total:
        raise MalformedMessage("more came than was announced")
    try:
        return _read(json.loads(bytes(content[:length])), content[length:])
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, AttributeError) as error:
        raise MalformedMessage(type(error).__name__) from error


def _some(connection: socket.socket) -> bytearray:
    try:
        part = connection.recv(1 << 18)
    except TimeoutError:
        raise
    except OSError as error:
        raise ConnectionClosed(str(error)) from error
    if not part:
        raise ConnectionClosed("ended")
    return bytearray(part)


# ---------------------------------------------------------------- values

# Every value that is not a plain JSON scalar is encoded as a list of two: its type and its content.


def _written(value: Any, blobs: list[bytes]) -> Any:
    """Return a value encoded for JSON; append the bytes of its arrays to ``blobs``."""
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
    # Modules are tested with non-contiguous arrays: keep that property.
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
