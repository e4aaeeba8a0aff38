"""The only file that knows array libraries: namespaces, devices, dtypes, transfer.

All other modules use the Array API standard through the functions here, so that a library that conforms to
the standard works without a line of code for it.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, TypeAlias

import array_api_compat
import numpy as np

from diynn.calls import spelled, worded
from diynn.wording import numbers_on_host, shown

Array: TypeAlias = Any
Namespace: TypeAlias = Any
Device: TypeAlias = Any
DType: TypeAlias = Any
BackendLike: TypeAlias = "str | Namespace | Backend | None"

_INSTALL = {
    "cupy": "pip install 'diynn[cuda12]' or 'diynn[cuda13]', whichever CUDA the driver has",
    "torch": "pip install 'diynn[torch]'",
    "jax": "pip install 'diynn[jax]'",
    "array_api_strict": "pip install 'diynn[test]'",
}
_MODULES = {
    "numpy": "array_api_compat.numpy",
    "cupy": "array_api_compat.cupy",
    "torch": "array_api_compat.torch",
    "jax": "jax.numpy",
}


class Backend(NamedTuple):
    """Where arrays are made: an Array API namespace and one of its devices (None: its default)."""

    xp: Namespace
    device: Device = None


def find_backend(name: BackendLike = None, device: Device = None, *, owner: str = "find_backend") -> Backend:
    """Find the array library and the device that ``name`` stands for.

    Parameters
    ----------
    name : str, namespace, Backend or None
        ``"numpy"``, ``"cupy"``, ``"torch"``, ``"jax"`` or the name of any module that is an Array API
        namespace, with a device behind a colon if wanted (``"torch:cuda"``, ``"cupy:1"``); a namespace
        itself; None for what :func:`diynn.set_backend` set, or the environment variable ``DIYNN_BACKEND``, or
        NumPy.
    device : device or str, optional
        A device of that library, instead of the one in ``name``.
    owner : str
        The function that the errors name.

    Raises
    ------
    ImportError
        If the library is not installed; the message names what to install.
    ValueError
        If there is no such library or device.
    TypeError
        If ``name`` is neither a name nor a namespace.
    """
    if isinstance(name, Backend):
        return name if device is None else Backend(name.xp, _device(name.xp, device, owner))
    if name is None:
        name = _default.name or os.environ.get("DIYNN_BACKEND") or "numpy"
        if isinstance(name, Backend):
            return find_backend(name, device, owner=owner)
    if not isinstance(name, str):  # a namespace: array-api-compat's for that library, if it has one
        module = "" if isinstance(name, type) else getattr(name, "__name__", "")
        xp = import_module(_MODULES[module]) if module in _MODULES else name
        if not hasattr(xp, "__array_namespace_info__"):
            raise TypeError(f"{owner}: `backend` must be a name or an Array API namespace, got {shown(name)}")
        return Backend(xp, _device(xp, device, owner))
    library, _, place = name.partition(":")
    xp = _import(library, owner)
    return Backend(xp, _device(xp, device if device is not None else place or None, owner))


class _Default:
    """The backend used where none is named."""

    def __init__(self) -> None:
        self.name: BackendLike = None


_default = _Default()


@worded
class set_backend:  # noqa: N801  # called as a function, or used in `with`
    """Set the default backend, as ``DIYNN_BACKEND`` does; in a ``with`` statement, for its block.

    Parameters
    ----------
    backend : str, namespace or None
        As in :func:`diynn.asarray`; None for ``DIYNN_BACKEND`` again, or NumPy.

    Raises
    ------
    ImportError, ValueError, TypeError
        If there is no such backend; the one set before stays.

    Examples
    --------
    >>> diynn.set_backend("cupy")  # doctest: +SKIP
    >>> with diynn.set_backend("torch"):  # doctest: +SKIP
    ...     net = diynn.Linear(2, 3)
    """

    def __init__(self, backend: BackendLike) -> None:
        found = None if backend is None else find_backend(backend, owner="set_backend")
        self._before, _default.name = _default.name, found

    def __enter__(self) -> set_backend:
        return self

    def __exit__(self, *error: object) -> None:
        _default.name = self._before


def default_namespace() -> Namespace | None:
    """Return the default library that ``set_backend`` or the environment has set, or None."""
    chosen = _default.name or os.environ.get("DIYNN_BACKEND")
    return find_backend(chosen).xp if chosen else None


def _import(library: str, owner: str) -> Namespace:
    try:
        xp = import_module(_MODULES.get(library, library))
    except (ModuleNotFoundError, ValueError, TypeError) as error:
        if library not in _INSTALL:
            raise _unknown(owner, library) from error
        raise ImportError(
            f"{owner}: `backend` {library!r} needs a library that is not installed: {_INSTALL[library]}"
        ) from error
    if not hasattr(xp, "__array_namespace_info__"):
        raise _unknown(owner, library)
    return xp


def _unknown(owner: str, library: str) -> ValueError:
    return ValueError(
        f"{owner}: `backend` {library!r} is not known: expected one of {', '.join(['numpy', *_INSTALL])}, "
        "or the module of an Array API library"
    )


def _device(xp: Namespace, device: Device, owner: str) -> Device:
    """Turn the text or the number of a device into the library's own object; anything else is returned."""
    if isinstance(device, list | tuple | dict | float):
        raise TypeError(f"{owner}: `device` must be a device, or its name or number, got {shown(device)}")
    if not isinstance(device, str | int):
        return device
    try:
        if array_api_compat.is_torch_namespace(xp):
            return import_module("torch").device(device)
        if array_api_compat.is_jax_namespace(xp):
            kind, _, number = str(device).partition(":")
            jax = import_module("jax")
            return jax.devices()[int(kind)] if kind.isdecimal() else jax.devices(kind)[int(number or 0)]
        # CuPy would accept the number of a missing device, and fail at the first array.
        known = xp.__array_namespace_info__().devices()
        return {_place(each): each for each in known}[str(device)]
    except (KeyError, ValueError, IndexError, RuntimeError) as error:
        raise ValueError(f"{owner}: `device` {device!r} is not known to {_library(xp)}") from error


def _place(device: Device) -> str:
    """Return the text or number by which a library knows one of its devices."""
    return str(getattr(device, "_device", getattr(device, "id", device)))  # of strict, of CuPy, of others


# ------------------------------------------------------------------ what an array is

_NAMESPACES: dict[type, Namespace] = {}
_COMPANIONS: dict[str, str] = {}
_KINDS: dict[tuple[type, DType], str] = {}


def namespace(array: Array) -> Namespace:
    """Return the Array API namespace of an array, cached by the array's type.

    Raises
    ------
    TypeError
        If ``array`` is no array of any library, such as a list.
    """
    found = _NAMESPACES.get(type(array))
    return found if found is not None else _find_namespace(array)


def _find_namespace(array: Array) -> Namespace:
    try:
        xp = array_api_compat.array_namespace(array)
    except TypeError:
        raise TypeError(f"expected an array, got {type(array).__name__}") from None
    _NAMESPACES[type(array)] = xp
    if companion := _COMPANIONS.get(_library(xp)):
        import_module(companion)
    return xp


def when_seen(library: str, module: str) -> None:
    """Import a module when an array of a library is first seen, so that the library is imported already."""
    _COMPANIONS[library] = module


def kind(array: Array) -> str:
    """Return the kind of an array's dtype: ``"real floating"``, ``"integral"``, ``"bool"`` or ``"other"``."""
    key = (type(array), array.dtype)
    found = _KINDS.get(key)
    if found is None:
        xp = namespace(array)
        kinds = ("real floating", "integral", "bool")
        found = next((each for each in kinds if xp.isdtype(array.dtype, each)), "other")
        _KINDS[key] = found
    return found


def device(array: Array) -> Device:
    """Return the device on which an array lies."""
    return array_api_compat.device(array)


def on_host(array: Array) -> bool:
    """Say whether the values of an array can be read without a transfer or a synchronisation."""
    if isinstance(array, np.ndarray):
        return getattr(array, "has_values", True)  # an array that is being recorded has none
    if array_api_compat.is_jax_array(array):  # it may be traced, and then has no values
        return False
    return _place(device(array)) in ("cpu", "CPU_DEVICE")


def extremes(array: Array) -> tuple[Any, Any]:
    """Return the smallest and the largest value of an array that is not empty."""
    xp = namespace(array)
    return xp.min(array), xp.max(array)


# As unsigned integers, the bits of numbers that are not negative have the order of the numbers.
_BITS = {np.dtype(f"{kind}{size}"): np.dtype(f"u{size}") for kind in "iuf" for size in (4, 8)}


def within(array: Array, last: float) -> bool:
    """Say whether all values of an array are in 0..last, ends included."""
    if 0 in array.shape:
        return True
    if isinstance(array, np.ndarray):
        bits, highest = in_bits(array.dtype, last)
        if bits is not None:
            ordered = array.view(bits)
            if ordered.item(ordered.argmax()) <= highest:  # a fifth of the overhead of `max`
                return True  # in one pass; -0.0 and the like take two
    low, high = extremes(array)
    return bool(low >= 0) and bool(high <= last)


@cache
def in_bits(kind: Any, last: float) -> tuple[Any, int]:
    """Return a type of unsigned integers, and a number's bits in it, by which values in 0..last are known.

    As such integers they are not greater, and all other values are, but for -0.0. None if there is no type.
    """
    bits = _BITS.get(kind)
    return bits, 0 if bits is None else int(kind.type(last).view(bits))


def seen_outside(array: Array, last: float) -> bool:
    """Say whether values of an array are outside 0..last, if that can be read without a transfer."""
    if type(array) is np.ndarray:
        return not within(array, last)
    return kind(array) != "bool" and on_host(array) and not within(array, last)


def together(first: Array, second: Array) -> bool:
    """Say whether two arrays are of one library and lie on one device."""
    if type(first) is np.ndarray and type(second) is np.ndarray:
        return True
    if namespace(first) is not namespace(second):
        return False
    if array_api_compat.is_jax_array(first):  # traced arrays have no device; JAX itself checks the others
        return True
    return bool(device(first) == device(second))


def promoted(first: Array, second: Array) -> bool:
    """Say whether two arrays of one library can be multiplied: PyTorch requires one dtype."""
    return first.dtype == second.dtype or not array_api_compat.is_torch_array(first)


def address(array: Array) -> str:
    """Name an array's library and device as :func:`find_backend` takes them: ``"torch:cuda:0"``."""
    if isinstance(array, np.ndarray):
        return "numpy"
    library, place = _library(namespace(array)), device(array)
    if array_api_compat.is_jax_array(array):
        return f"{library}:{place.platform}:{place.id}" if hasattr(place, "platform") else library
    return f"{library}:{_place(place)}"


def describe(array: Array) -> str:
    """Name an array's library and device in words, for messages."""
    library, _, place = address(array).partition(":")
    return f"{'an' if library[0] in 'aeiou' else 'a'} {library} array{place and ' on ' + place}"


def _library(xp: Namespace) -> str:
    name: str = getattr(xp, "__name__", str(xp))
    return name.removeprefix("array_api_compat.").partition(".")[0]


# ------------------------------------------------------------------ dtypes


def default_dtype(xp: Namespace, device: Device = None) -> DType:
    """Return a library's default real dtype."""
    return xp.__array_namespace_info__().default_dtypes(device=device)["real floating"]


def _real_dtypes(where: Backend) -> dict[str, DType]:
    """Return the real dtypes that a device has, by their names."""
    found: dict[str, DType] = where.xp.__array_namespace_info__().dtypes(
        device=where.device, kind="real floating"
    )
    return found


def as_dtype(dtype: DType, where: Backend, *, owner: str = "as_dtype") -> DType:
    """Turn a dtype given as text, as NumPy's or as a library's own into a library's own real dtype.

    ``owner`` is named by the errors.

    Raises
    ------
    ValueError
        If the library has no such real dtype.
    """
    if dtype is None:
        return default_dtype(where.xp, where.device)
    try:
        name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
    except TypeError:  # a dtype of another library, such as torch.float32
        name = str(dtype).rpartition(".")[2]
    found = getattr(where.xp, name, None)
    try:
        if found is not None and where.xp.isdtype(found, "real floating"):
            return found
    except (TypeError, AttributeError):  # no dtype at all, such as "sum"
        pass
    raise ValueError(f"{owner}: `dtype` must be a real floating dtype of {_library(where.xp)}, got {name!r}")


# ------------------------------------------------------------------ making and moving arrays


@spelled()
def asarray(data: Any, backend: BackendLike = None, *, dtype: DType = None, device: Device = None) -> Array:
    """Make an array of a library from numbers, or from an array of any library.

    Parameters
    ----------
    data : array or nested lists of numbers
        What to convert.
    backend : str, namespace, Backend or None
        The library, as in :func:`diynn.arrays.find_backend`.
    dtype : dtype or str, optional
        The dtype wanted; None keeps that of ``data``, or takes the library's default real dtype where
        the device has no such dtype.
    device : device or str, optional
        The device wanted.

    Raises
    ------
    TypeError, ValueError
        If ``data`` are no real numbers of one shape; as :func:`diynn.arrays.find_backend` does.
    """
    where = find_backend(backend, device, owner="asarray")
    if dtype is not None:
        dtype = as_dtype(dtype, where, owner="asarray")
    if belongs(data, where.xp):
        if where.device is not None:
            if data.dtype == where.xp.float64 and "float64" not in _real_dtypes(where):
                data = where.xp.astype(data, dtype or default_dtype(where.xp, where.device))
            data = array_api_compat.to_device(data, where.device)
        return data if dtype is None else where.xp.astype(data, dtype, copy=False)
    host = host_numbers("asarray", "data", data)
    if dtype is None and host.dtype.kind == "f":
        dtype = _real_dtypes(where).get(host.dtype.name, default_dtype(where.xp, where.device))
        if array_api_compat.is_jax_namespace(where.xp):
            dtype = None  # JAX narrows to what its configuration allows, and warns if the dtype is named
    of_another = not isinstance(data, np.ndarray)  # JAX shows its memory, which is not to be written to
    if not host.flags.writeable and (of_another or array_api_compat.is_torch_namespace(where.xp)):
        host = host.copy()  # torch would share the memory, and warn that it is not writeable
    return where.xp.asarray(host, dtype=dtype, device=where.device)


def belongs(data: Any, xp: Namespace) -> bool:
    """Say whether data are an array of a library already; NumPy's scalars and subclasses do not count."""
    if isinstance(data, np.ndarray | np.generic):
        return type(data) is np.ndarray and data.dtype.kind in "fiub" and namespace(data) is xp
    return array_api_compat.is_array_api_obj(data) and namespace(data) is xp


def asarray_like(host: Any, like: Array) -> Array:
    """Make an array from host data in the library and on the device of ``like``, with its own dtype."""
    if isinstance(like, np.ndarray):
        return np.asarray(host)
    xp = namespace(like)
    return xp.asarray(host, device=device_beside(like))


def alike(array: Array, like: Array) -> Array:
    """Return an array in the library, on the device and, if real, in the dtype of ``like``."""
    if type(array) is type(like) and array.dtype == like.dtype and together(array, like):
        return array
    dtype = like.dtype if kind(array) == "real floating" else None
    return asarray(array, Backend(namespace(like), device_beside(like)), dtype=dtype)


def device_beside(array: Array) -> Device:
    """Return the device on which to make an array that is used together with another one.

    CuPy would use its current device, not the array's. JAX chooses by itself; traced arrays have none.
    """
    return None if array_api_compat.is_jax_array(array) else device(array)


@spelled()
def to_numpy(array: Any) -> np.ndarray[Any, Any]:
    """Return the values of an array, of any library and device, as a NumPy array on the host.

    Raises
    ------
    TypeError, ValueError
        If it is no array of numbers, nor lists that make one.
    """
    if type(array) is np.ndarray and array.dtype.kind in "fiub":
        return array
    return host_numbers("to_numpy", "array", array, real=False)


def host_numbers(owner: str, argument: str, array: Any, *, real: bool = True) -> np.ndarray[Any, Any]:
    """Do what :func:`to_numpy` does, with errors about another owner's argument."""
    if array_api_compat.is_cupy_array(array):
        array = array.get()  # CuPy refuses implicit conversion
    if array_api_compat.is_torch_array(array):
        array = array.detach().cpu().numpy()
    if hasattr(array, "__array_namespace__") and not isinstance(array, np.ndarray):
        xp = array.__array_namespace__()
        if array_api_compat.is_array_api_strict_namespace(xp):
            array = array.to_device(xp.Device("CPU_DEVICE"))
    return numbers_on_host(owner, argument, array, real=real)


def copy(array: Array) -> Array:
    """Return a copy of an array, in the same library and on the same device."""
    return namespace(array).asarray(array, copy=True, device=device_beside(array))


def zeros_like(array: Array) -> Array:
    """Return zeros of the shape, dtype and device of an array; CuPy would use its current device."""
    if type(array) is np.ndarray:
        return np.zeros_like(array)
    if array_api_compat.is_cupy_array(array):
        with array.device:
            return namespace(array).zeros_like(array)
    return namespace(array).zeros_like(array)


def synchronize(array: Array) -> None:
    """Wait until the values of an array have been computed, as a timing must.

    JAX, and any library on a GPU, returns from an operation before it is done; NumPy and others do not.
    """
    if array_api_compat.is_jax_array(array):
        array.block_until_ready()
    elif array_api_compat.is_cupy_array(array):
        array.device.synchronize()
    elif array_api_compat.is_torch_array(array) and array.device.type == "cuda":
        import_module("torch").cuda.synchronize(array.device)


def free_memory(array: Array) -> int | None:
    """Return the free bytes of an array's device if it is a GPU of CuPy's, else None."""
    return int(array.device.mem_info[0]) if array_api_compat.is_cupy_array(array) else None


def near(array: Array | None, *data: Array) -> tuple[tuple[Array, ...], Array | None]:
    """Move NumPy data to the GPU that ``array`` is on, if they fit into half of its free memory.

    Returns
    -------
    data : tuple of arrays
        On the GPU, or as they are.
    to : array or None
        ``array``, if the data stay on the host and are to be moved batch by batch.
    """
    room = None if array is None else free_memory(array)
    if room is None or not all(isinstance(each, np.ndarray) for each in data):
        return data, None
    if sum(each.nbytes for each in data) > room // 2:
        return data, array
    return tuple(alike(each, array) for each in data), None


def placed(owner: str, backend: BackendLike, x: Any, y: Any) -> tuple[Array, Array]:
    """Return host data, points and labels, as arrays of a backend, the points in its default real dtype."""
    where = find_backend(backend, owner=owner)
    return asarray(x, where, dtype=default_dtype(where.xp, where.device)), asarray(y, where)


def at(array: Array) -> Any:
    """Return an object for indexed assignment, also on libraries whose arrays cannot be written to.

    ``at(array)[index].set(value)`` and ``.add(value)`` write in place where the library can, and return
    the array written, or a new one.
    """
    from array_api_extra import at  # takes 10 ms to import

    return at(array)


def write(target: Array, value: Array) -> Array:
    """Write ``value`` into ``target``, or into a new array if the library cannot; return that array."""
    return at(target)[...].set(value)
