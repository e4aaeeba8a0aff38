"""Layouts of the parameters of a linear layer or a convolution, and their conversion to ours.

The weights may be transposed, have the bias as first or last row, have kernel and channel axes in any order
or flattened into one: all of these are right. A layout converts the parameters of a foreign module, or its
gradients, to ``{"W": ..., "b": ...}`` in our layout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import permutations
from math import prod
from typing import TypeAlias

import numpy as np

from diynn.checking.contract.paths import Path, token

Arrays: TypeAlias = Mapping[Path, np.ndarray]
Parts: TypeAlias = dict[str, np.ndarray]
Reader: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]


class Layout:
    """A conversion of a module's arrays to weights and bias.

    Parameters
    ----------
    reader : callable
        Takes the array of weights; returns it in our layout, and the bias if it contains one.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def read(self, arrays: Arrays) -> Parts:
        """Return ``{"W": ...}``, and ``"b"`` if there is a bias.

        Raises
        ------
        ValueError
            If the arrays do not fit this layout.
        """
        main, bias = split(arrays)
        weights, inner = self.reader(arrays[main])
        if inner is not None and bias is not None:
            raise ValueError("two biases")
        parts = {"W": weights}
        if inner is not None:
            parts["b"] = inner
        elif bias is not None:
            parts["b"] = arrays[bias].reshape(-1)
        return parts


def split(arrays: Arrays) -> tuple[Path, Path | None]:
    """Return the paths of the weights and of the bias.

    Raises
    ------
    ValueError
        If there is no array, or more than two.
    """
    if not 1 <= len(arrays) <= 2:
        raise ValueError(f"{len(arrays)} arrays")
    paths = sorted(arrays, key=lambda path: (_names_bias(path), -arrays[path].ndim, -arrays[path].size))
    return paths[0], (paths[1] if len(paths) == 2 else None)


def _names_bias(path: Path) -> bool:
    return token(path).rpartition(".")[2].startswith("b")


def layouts(arguments: Mapping[str, int]) -> Iterator[Layout]:
    """Yield the possible layouts of a layer built with these arguments, ours first."""
    shape = tuple(arguments.values())
    if "k_size" in arguments:
        shape = shape[:3]
    inputs, outputs = shape[:-1], shape[-1]
    for order in permutations(range(len(shape))):
        yield Layout(_ordered(shape, order))
    if len(shape) == 3:
        for order in permutations(range(2)):
            for transposed in (False, True):
                for row in (None, -1, 0):
                    yield Layout(_flat(inputs, outputs, order, transposed, row))
    else:
        for transposed in (False, True):
            for row in (-1, 0):
                yield Layout(_flat(inputs, outputs, (0,), transposed, row))


def _ordered(shape: tuple[int, ...], order: tuple[int, ...]) -> Reader:
    def reader(array: np.ndarray) -> tuple[np.ndarray, None]:
        if array.shape != tuple(shape[axis] for axis in order):
            raise ValueError("shape")
        return array.transpose(np.argsort(order)), None

    return reader


def _flat(
    inputs: tuple[int, ...], outputs: int, order: tuple[int, ...], transposed: bool, row: int | None
) -> Reader:
    """Read a matrix (flattened inputs, outputs), with the bias as its row ``row`` unless that is None."""

    def reader(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        rows = prod(inputs) + (row is not None)
        if array.shape != ((outputs, rows) if transposed else (rows, outputs)):
            raise ValueError("shape")
        matrix = array.T if transposed else array
        bias = None
        if row is not None:
            bias = matrix[row]
            matrix = matrix[:-1] if row == -1 else matrix[1:]
        laid = matrix.reshape(*(inputs[axis] for axis in order), outputs)
        return laid.transpose(*np.argsort(order), len(inputs)), bias

    return reader
