"""Data: one-hot labels, batches, noise, toy problems in the plane, handwritten digits.

Data sets are arrays of the backend that is asked for, or of the default one: NumPy, unless
``diynn.set_backend`` or ``DIYNN_BACKEND`` names another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from diynn.arguments import any_number, integer_from, interval, number_from_0
from diynn.arrays import (
    Array,
    Backend,
    BackendLike,
    DType,
    Namespace,
    alike,
    as_dtype,
    asarray,
    asarray_like,
    device,
    find_backend,
    kind,
    placed,
    together,
)
from diynn.calls import spelled
from diynn.initializers import Seed, as_generator
from diynn.shapes import apart, namespace_of, positive
from diynn.wording import as_path, numbers_wanted, special

Rng: TypeAlias = Seed
Points: TypeAlias = Array  # of the backend's default real dtype
Labels: TypeAlias = Array  # of int64


def array_namespace(owner: str, argument: str, value: Array) -> Namespace:
    """Return the namespace of ``value``; raise TypeError, naming `owner`, if it is no array of numbers."""
    if words := special(argument, value):
        raise TypeError(f"{numbers_wanted(owner, argument)} {words}")
    xp = namespace_of(owner, argument, value)
    if kind(value) == "other":
        raise TypeError(f"{owner}: `{argument}` must hold real numbers, got {value.dtype}")
    return xp


@spelled()
def one_hot(
    labels: Array, classes: int | None = None, *, dtype: DType = None, backend: BackendLike = None
) -> Array:
    """Encode class indices as rows of zeros with a single one.

    Parameters
    ----------
    labels : integer array (batch,)
        Class indices, from 0.
    classes : int, optional
        Number of classes; the largest label plus one by default.
    dtype : dtype or str, optional
        Real dtype of the result; the library's default by default.
    backend : str or namespace, optional
        The result's backend; None for that of `labels`.

    Returns
    -------
    array (batch, classes)
        In the library and on the device of `labels`, or of `backend`.

    Raises
    ------
    TypeError
        If `labels` is not an array of integers.
    ValueError
        If `labels` is not of shape (batch,) or a label is not in 0..classes-1; if `labels` is empty and
        `classes` not given.
    MemoryError
        If there are too many classes for the memory.
    """
    if backend is not None:
        labels = asarray(labels, find_backend(backend, owner="one_hot"))
    xp = array_namespace("one_hot", "labels", labels)
    if kind(labels) != "integral":
        raise TypeError(f"one_hot: `labels` must be integers, got {labels.dtype}")
    if labels.ndim != 1:
        raise ValueError(f"one_hot: `labels` must have shape (batch,), got {tuple(labels.shape)}")
    empty = labels.shape[0] == 0
    if classes is None and empty:
        raise ValueError("one_hot: `classes` must be given where `labels` is empty")
    low, high = (0, 0) if empty else (int(xp.min(labels)), int(xp.max(labels)))
    classes = positive("one_hot", "classes", max(high, 0) + 1 if classes is None else classes)
    if low < 0 or high >= classes:
        raise ValueError(
            f"one_hot: `labels` must be in 0..{classes - 1} for {classes} classes, got {low}..{high}"
        )
    place = device(labels)
    dtype = as_dtype(dtype, Backend(xp, place), owner="one_hot")
    try:
        indices = xp.arange(classes, device=place)
        # One integer dtype on both sides: the standard leaves uint64 against int64 undefined.
        hot = xp.astype(labels, indices.dtype)[:, None] == indices[None, :]
        return xp.astype(hot, dtype)
    except MemoryError:
        raise MemoryError(f"one_hot: `labels` of {classes} classes have no room in a table") from None


@spelled()
def batches(
    x: Array,
    y: Array,
    batch_size: int,
    *,
    rng: Rng = None,
    weights: Array | None = None,
    to: Array | None = None,
    backend: BackendLike = None,
) -> Iterator[tuple[Array, ...]]:
    """Cut a data set into batches, each example in exactly one.

    Parameters
    ----------
    x, y : arrays (n, ...)
        Examples and their targets, of one library and device.
    batch_size : int
        Examples in a batch; the last batch may be smaller.
    rng : numpy Generator, int or None
        A generator or a seed shuffles the examples, by one permutation drawn on the host: the same seed
        gives the same batches in every library. None keeps their order, and the batches are then plain
        slices: views, where the library has them.
    weights : array (n,), optional
        Weights of the examples: batches then have a third array.
    to : array, optional
        Each batch is moved to the library and device of this array. From NumPy to CuPy it is copied
        asynchronously, through pinned memory.
    backend : str or namespace, optional
        Each batch is moved to this backend.

    Returns
    -------
    iterator of (batch_x, batch_y), or of (batch_x, batch_y, batch_weights)
        No batches if n is 0.

    Raises
    ------
    TypeError
        If `x` or `y` is not an array, or `batch_size` not an integer.
    ValueError
        If the lengths differ, `batch_size` is not positive, or the arrays are of two libraries or devices.
    """
    # Checks and the permutation are made here, not when the first batch is asked for.
    batch_size = positive("batches", "batch_size", batch_size)
    xp = array_namespace("batches", "x", x)
    others = {"y": y} if weights is None else {"y": y, "weights": weights}
    for name, each in others.items():
        array_namespace("batches", name, each)
        if not together(x, each):
            raise ValueError(apart("batches", name, each, "`x`", x))
        if x.ndim == 0 or each.ndim == 0 or x.shape[0] != each.shape[0]:
            raise ValueError(
                f"batches: `x` and `{name}` must have one length, got shapes {tuple(x.shape)} and "
                f"{tuple(each.shape)}"
            )
    if to is not None:
        array_namespace("batches", "to", to)
    n = x.shape[0]
    cuts = [slice(start, min(start + batch_size, n)) for start in range(0, n, batch_size)]
    if rng is None:
        made = (tuple(each[cut, ...] for each in (x, *others.values())) for cut in cuts)
    else:
        order = asarray_like(as_generator("batches", rng).permutation(n), x)
        made = (tuple(xp.take(each, order[cut], axis=0) for each in (x, *others.values())) for cut in cuts)
    if backend is not None:
        where = find_backend(backend, owner="batches")
        return (tuple(asarray(each, where) for each in batch) for batch in made)
    return made if to is None else (tuple(alike(each, to) for each in batch) for batch in made)


@spelled()
def shard(values: Any, rank: int, size: int) -> Any:
    """Return one rank's share of a batch or a data set: consecutive examples.

    Sizes of shares differ by one at most. Of a memory-mapped file only the share is read.

    Parameters
    ----------
    values : array (n, ...)
        Examples, the same on every rank; of any library, or ``np.load(path, mmap_mode="r")``.
    rank, size : int
        The rank, from 0, and the number of ranks.

    Returns
    -------
    array (about n / size, ...)
        A view, where the library has them. The shares of all ranks, concatenated, are `values`.

    Raises
    ------
    TypeError
        If ``values`` is no array, or ``rank`` or ``size`` no integer.
    ValueError
        If ``size`` is not positive or ``rank`` not in 0..size-1, or ``values`` a single number.
    """
    array_namespace("shard", "values", values)
    if not values.shape:
        raise ValueError("shard: `values` must be an array of examples, got a single number")
    size = positive("shard", "size", size)
    rank = integer_from(0, "shard", "rank", rank, "an integer, 0 or more")
    if rank >= size:
        raise ValueError(f"shard: `rank` must be in 0..{size - 1}, got {rank!r}")
    return values[share_of(values.shape[0], rank, size), ...]


def share_of(n: int, rank: int, size: int) -> slice:
    """Return one rank's slice of ``n`` examples: see :func:`shard`."""
    parts = min(n, size)  # with fewer examples than ranks, the last ones have none
    first, last = (n * min(place, parts) // max(1, parts) for place in (rank, rank + 1))
    return slice(first, last)


@spelled()
def two_gaussians(
    n: int, *, rng: Rng = None, spread: float = 0.5, backend: BackendLike = None
) -> tuple[Points, Labels]:
    """Draw two clouds that a line separates: class 0 around (-1, -1), class 1 around (1, 1).

    Parameters
    ----------
    n : int
        Number of points; the two classes alternate.
    rng : numpy Generator, int or None
        Generator, or seed of one; None draws one from ``np.random``.
    spread : float
        Standard deviation of each coordinate in a cloud. At 0.5, the best line misses 0.2 % of the points.
    backend : str or namespace, optional
        Where the arrays are to be, as in :func:`diynn.asarray`; None for the default one.

    Returns
    -------
    x : array (n, 2) of float64
    y : array (n,) of int64, in {0, 1}

    Raises
    ------
    TypeError, ValueError
        If `n` is not a positive integer or `spread` is negative.
    """
    return placed("two_gaussians", backend, *_clouds("two_gaussians", [(-1, -1), (1, 1)], n, rng, spread))


@spelled()
def four_gaussians(
    n: int, *, rng: Rng = None, spread: float = 0.3, backend: BackendLike = None
) -> tuple[Points, Labels]:
    """Draw four clouds that no line separates: the exclusive or.

    Class 0 lies around (-1, -1) and (1, 1), class 1 around (-1, 1) and (1, -1): a point is of class 1 where
    its coordinates have opposite signs.

    Parameters
    ----------
    n : int
        Number of points; the four clouds, and the two classes, alternate.
    rng : numpy Generator, int or None
        Generator, or seed of one; None draws one from ``np.random``.
    spread : float
        Standard deviation of each coordinate in a cloud.
    backend : str or namespace, optional
        Where the arrays are to be, as in :func:`diynn.asarray`; None for the default one.

    Returns
    -------
    x : array (n, 2) of float64
    y : array (n,) of int64, in {0, 1}

    Raises
    ------
    TypeError, ValueError
        If `n` is not a positive integer or `spread` is negative.
    """
    return placed(
        "four_gaussians",
        backend,
        *_clouds("four_gaussians", [(-1, -1), (-1, 1), (1, 1), (1, -1)], n, rng, spread),
    )


def _clouds(
    owner: str, centres: list[tuple[int, int]], n: int, rng: Rng, spread: float
) -> tuple[Points, Labels]:
    """Draw points around each centre in turn; every second centre is of class 1."""
    n = positive(owner, "n", n)
    spread = number_from_0(owner, "spread", spread)
    turn = np.arange(n, dtype=np.int64) % len(centres)
    x = as_generator(owner, rng).normal(np.asarray(centres)[turn], spread)
    return x, turn % 2


@spelled()
def checkerboard(
    n: int, *, rng: Rng = None, cells: int = 4, backend: BackendLike = None
) -> tuple[Points, Labels]:
    """Draw points evenly over a board of `cells` by `cells` squares in two colours.

    The board is the square [-1, 1] x [-1, 1]; the square in its lower left corner is of class 0, and
    neighbours are of different classes.

    Parameters
    ----------
    n : int
        Number of points.
    rng : numpy Generator, int or None
        Generator, or seed of one; None draws one from ``np.random``.
    cells : int
        Squares along a side; 2 is the exclusive or, and the problem gets harder from there.
    backend : str or namespace, optional
        Where the arrays are to be, as in :func:`diynn.asarray`; None for the default one.

    Returns
    -------
    x : array (n, 2) of float64
    y : array (n,) of int64, in {0, 1}

    Raises
    ------
    TypeError, ValueError
        If `n` or `cells` is not a positive integer.
    """
    n, cells = positive("checkerboard", "n", n), positive("checkerboard", "cells", cells)
    x = as_generator("checkerboard", rng).uniform(-1, 1, (n, 2))
    column_and_row = np.floor((x + 1) / 2 * cells).astype(np.int64)
    return placed("checkerboard", backend, x, column_and_row.sum(axis=1) % 2)


@spelled()
def noisy(
    x: Array, scale: float, *, rng: Rng = None, limits: tuple[float, float] | None = (0.0, 1.0)
) -> Array:
    """Return a copy of the data with Gaussian noise added, such as a denoising autoencoder is given.

    Parameters
    ----------
    x : array (n, ...)
        The data, of a real floating dtype.
    scale : float
        Standard deviation of the noise.
    rng : numpy Generator, int or None
        Generator, or seed of one: the same noise in every library. A seed gives the same noise at every
        call, a generator fresh noise.
    limits : (low, high) or None
        The range to which the result is clipped; None for no clipping.

    Returns
    -------
    array
        Of the shape, library, device and dtype of `x`.

    Raises
    ------
    TypeError
        If `x` is not an array, or not of a real floating dtype.
    ValueError
        If `scale` is negative or not finite, or `limits` are not in order.
    """
    xp = array_namespace("noisy", "x", x)
    if kind(x) != "real floating":
        raise TypeError(f"noisy: `x` must be of a real floating dtype, got {x.dtype}")
    scale, ends = number_from_0("noisy", "scale", scale), limits and interval("noisy", "limits", limits)
    result = x + alike(as_generator("noisy", rng).normal(0.0, scale, tuple(x.shape)), x)
    return result if ends is None else xp.clip(result, *ends)


class Digits(NamedTuple):
    """Handwritten digits: images x (n, 64) in [0, 1], and the digits y (n,) they show."""

    x_train: Points
    y_train: Labels
    x_test: Points
    y_test: Labels


@spelled()
def digits(*, test: float = 0.2, rng: int = 0, backend: BackendLike = None) -> Digits:
    """Load scikit-learn's 1797 handwritten digits of 8 x 8 pixels, split for training and test.

    Parameters
    ----------
    test : float
        Share of the examples that goes to the test, between 0 and 1. The split is stratified: each digit
        has that share.
    rng : int
        Seed of the split.
    backend : str or namespace, optional
        Where the arrays are to be, as in :func:`diynn.asarray`; None for the default one.

    Returns
    -------
    Digits
        ``(x_train, y_train, x_test, y_test)``.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    ValueError
        If `test` is not between 0 and 1.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise ImportError('digits needs scikit-learn: pip install "diynn[demo]"') from error
    if not 0 < any_number("digits", "test", test, "between 0 and 1") < 1:
        raise ValueError(f"digits: `test` must be between 0 and 1, got {test}")
    if rng is not None:
        as_generator("digits", rng)
    where = find_backend(backend, owner="digits")
    x, y = load_digits(return_X_y=True)
    # Pixels are counts from 0 to 16.
    x_train, x_test, y_train, y_test = train_test_split(
        x / 16, y.astype(np.int64), test_size=test, random_state=rng, stratify=y
    )
    return Digits(*placed("digits", where, x_train, y_train), *placed("digits", where, x_test, y_test))


@spelled()
def read_usps(path: str | os.PathLike[str], *, backend: BackendLike = None) -> tuple[Points, Labels]:
    """Read a text file of the USPS digits, images of 16 x 16 pixels.

    The first line is a header and is skipped, as blank lines are. Every other line is a label, 0 to 9, then
    256 values separated by blanks. The values are returned as they are; in the course's files they go from
    0 to 2, so halve them for a net that ends in a sigmoid.

    Parameters
    ----------
    path : str or path
        The file.
    backend : str or namespace, optional
        Where the arrays are to be, as in :func:`diynn.asarray`; None for the default one.

    Returns
    -------
    x : array (n, 256) of float64
    y : array (n,) of int64

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If a line is not of that form; the message has its number, from 1.
    """
    path, where = as_path("read_usps", path), find_backend(backend, owner="read_usps")
    rows = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            tokens = line.split()
            if number == 1 or not tokens:
                continue
            try:
                rows.append(_usps_row(tokens))
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None
    table = np.array(rows).reshape(-1, 257)
    return placed("read_usps", where, table[:, 1:].copy(), table[:, 0].astype(np.int64))


def _usps_row(tokens: list[str]) -> Points:
    """Convert the label and the values of one line."""
    if len(tokens) != 257:
        raise ValueError(f"expected a label and 256 values, got {len(tokens)} numbers")
    try:
        row = np.array([float(token) for token in tokens])
    except ValueError as error:
        # Python's own words name the token: "could not convert string to float: 'x'".
        raise ValueError(f"expected numbers, {error}") from None
    if row[0] not in range(10):
        raise ValueError(f"expected a label from 0 to 9, got {tokens[0]}")
    return row
