"""Arrays that share memory, such as weights tied by assignment: they still do when moved or copied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from importlib import import_module
from math import prod
from typing import NamedTuple

import numpy as np

from diynn.arrays import Array


class View(NamedTuple):
    """The place of a view in its memory; offset and strides are in elements."""

    memory: int  # identifies the memory: equal for two views of one
    flat: Array  # all of that memory, as a flat array
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, flat: Array) -> Array | None:
        """Return the same view of other memory; None if the library has no views."""
        if hasattr(flat, "as_strided"):  # PyTorch
            return flat.as_strided(self.shape, self.strides, self.offset)
        library, itemsize = _library(flat), getattr(flat, "itemsize", 0)
        steps = tuple(stride * itemsize for stride in self.strides)
        if library == "numpy":
            return np.ndarray(self.shape, flat.dtype, flat, self.offset * itemsize, steps)
        if library == "cupy":
            return import_module("cupy").lib.stride_tricks.as_strided(flat[self.offset :], self.shape, steps)
        return None


def view(array: Array) -> View | None:
    """Return an array's place in its memory, or None if the library does not say."""
    if hasattr(array, "untyped_storage"):  # PyTorch
        size = array.untyped_storage().nbytes() // array.element_size()
        flat = array.as_strided((size,), (1,), 0)
        return View(int(flat.data_ptr()), flat, array.storage_offset(), tuple(array.shape), array.stride())
    if _library(array) not in ("numpy", "cupy"):
        return None
    whole = array
    while isinstance(whole.base, type(array)):
        whole = whole.base
    if not (whole.flags.c_contiguous or whole.flags.f_contiguous) or 0 in whole.shape:
        return None
    start, itemsize = _address(whole), array.itemsize
    strides = tuple(stride // itemsize for stride in array.strides)
    offset = (_address(array) - start) // itemsize
    return View(start, whole.ravel(order="K"), offset, tuple(array.shape), strides)


def move_together(arrays: Sequence[Array], move: Callable[[Array], Array]) -> list[Array]:
    """Return all arrays moved by ``move``, each memory once, so that views still share it.

    If the target library has no views, as JAX, the arrays become separate.
    """
    views = [view(array) for array in arrays]
    users = Counter(each.memory for each in views if each is not None)
    moved: dict[int, Array] = {}
    results = []
    for array, each in zip(arrays, views, strict=True):
        result = None
        if each is not None and users[each.memory] > 1:
            if each.memory not in moved:
                moved[each.memory] = move(each.flat)
            result = each.of(moved[each.memory])
        results.append(move(array) if result is None else result)
    return results


def tied(arrays: Sequence[Array]) -> list[tuple[int, View]]:
    """Return the arrays that share memory with another of them: their numbers and their views."""
    if all(type(each) is np.ndarray and each.flags.owndata for each in arrays) and len(
        {id(each) for each in arrays}
    ) == len(arrays):
        return []  # as in most nets
    views = [view(array) for array in arrays]
    users = Counter(each.memory for each in views if each is not None)
    return [
        (number, each) for number, each in enumerate(views) if each is not None and users[each.memory] > 1
    ]


def count(arrays: Sequence[Array]) -> int:
    """Return the number of values in arrays; shared memory is counted once."""
    shared = tied(arrays)
    memories: dict[int, list[View]] = {}
    for _, each in shared:
        memories.setdefault(each.memory, []).append(each)
    tied_numbers = {number for number, _ in shared}
    alone: int = sum(prod(array.shape) for number, array in enumerate(arrays) if number not in tied_numbers)
    return alone + sum(_covered(views) for views in memories.values())


def _covered(views: list[View]) -> int:
    """Return the number of elements of memory that the views cover."""
    marks = np.zeros(views[0].flat.shape, dtype=bool)
    for each in views:
        each.of(marks)[...] = True  # type: ignore[index]  # NumPy has views
    return int(np.count_nonzero(marks))


def _library(array: Array) -> str:
    return type(array).__module__.partition(".")[0]


def _address(array: Array) -> int:
    data = getattr(array, "__array_interface__", None) or array.__cuda_array_interface__
    return int(data["data"][0])
