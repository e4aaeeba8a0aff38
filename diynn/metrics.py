"""Metrics: accuracy, R², mean absolute error, purity of clusters; and the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diynn.arguments import any_number
from diynn.arrays import Array, alike, host_numbers, together
from diynn.calls import spelled
from diynn.data import array_namespace
from diynn.shapes import apart, check_indices, positive


@spelled()
def accuracy(y: Array, yhat: Array, *, threshold: float = 0.5) -> float:
    """Return the share of the examples whose class is predicted correctly.

    Parameters
    ----------
    y : array (batch,), (batch, classes) or (batch, 1)
        Class indices; or one-hot or probabilities, of which the largest counts; or 0/1 in a binary problem.
    yhat : array (batch, classes) or (batch, 1)
        Scores: the class predicted is the one of the largest score (the first, in a tie). With one column,
        it is class 1 where the score is above `threshold`. An example with a score of NaN is wrong.
    threshold : float
        For a binary problem: 0.5 for scores that are probabilities, 0 for logits.

    Returns
    -------
    float
        In [0, 1]; NaN for an empty batch.

    Raises
    ------
    TypeError
        If class indices are not integers.
    ValueError
        If the shapes do not fit, class indices are out of range, or the arrays are of two libraries or
        devices.
    """
    xp = array_namespace("accuracy", "yhat", yhat)
    array_namespace("accuracy", "y", y)
    if isinstance(y, np.ndarray):
        y = alike(y, yhat)  # labels on the host are moved to the scores
    if not together(y, yhat):
        raise ValueError(apart("accuracy", "y", y, "`yhat`", yhat))
    any_number("accuracy", "threshold", threshold)
    if yhat.ndim != 2 or yhat.shape[1] == 0:
        raise ValueError(
            f"accuracy: `yhat` must have shape (batch, classes) or (batch, 1), got {tuple(yhat.shape)}"
        )
    batch, classes = yhat.shape
    if y.shape != yhat.shape and (classes == 1 or y.shape != (batch,)):
        indices = "" if classes == 1 else f"({batch},) or "
        mend = "; y[:, None] has it" if y.shape == (batch,) else ""
        raise ValueError(
            f"accuracy: `y` must have shape {indices}{(batch, classes)}, got {tuple(y.shape)}{mend}"
        )
    if batch == 0:
        return float("nan")
    if classes == 1:
        right = (yhat[:, 0] > threshold) == (xp.astype(y, yhat.dtype)[:, 0] > 0.5)
    elif y.ndim == 2:
        right = xp.argmax(yhat, axis=1) == xp.argmax(y, axis=1)
    else:
        check_indices("accuracy", "y", y, classes)
        right = xp.argmax(yhat, axis=1) == y
    right = right & ~xp.any(xp.isnan(yhat), axis=1)
    return float(int(xp.count_nonzero(right)) / batch)


@spelled()
def r2(y: Array, yhat: Array) -> float:
    """Return the coefficient of determination: the share of the variance of `y` that `yhat` explains.

    ::

        R² = 1 - Σ (y - ŷ)² / Σ (y - ȳ)²,   ȳ the mean of each column

    Parameters
    ----------
    y, yhat : arrays (batch, ...) of one shape
        Targets and predictions.

    Returns
    -------
    float
        1 for a perfect prediction, 0 for that of the mean, negative for a worse one; NaN where `y` is
        constant or the batch empty.

    Raises
    ------
    TypeError
        If an argument is not an array.
    ValueError
        If the shapes differ, or the arrays are of two libraries or devices.
    """
    xp, y, yhat = _paired("r2", y, yhat)
    if y.shape[0] == 0:
        return float("nan")
    variance = float(xp.sum((y - xp.mean(y, axis=0, keepdims=True)) ** 2))
    return 1 - float(xp.sum((y - yhat) ** 2)) / variance if variance > 0 else float("nan")


@spelled()
def mean_absolute_error(y: Array, yhat: Array) -> float:
    """Return the mean of |y - ŷ| over all values; NaN for an empty batch.

    Parameters
    ----------
    y, yhat : arrays (batch, ...) of one shape
        Targets and predictions.

    Raises
    ------
    TypeError
        If an argument is not an array.
    ValueError
        If the shapes differ, or the arrays are of two libraries or devices.
    """
    xp, y, yhat = _paired("mean_absolute_error", y, yhat)
    return float(xp.mean(xp.abs(y - yhat))) if y.shape[0] else float("nan")


def _paired(owner: str, y: Array, yhat: Array) -> tuple[Any, Array, Array]:
    """Return the namespace of `yhat`, and both arrays in its dtype; raise unless they fit."""
    xp = array_namespace(owner, "yhat", yhat)
    array_namespace(owner, "y", y)
    if not together(y, yhat):
        raise ValueError(apart(owner, "y", y, "`yhat`", yhat))
    if y.shape != yhat.shape:
        mend = "; y[:, None] has it" if (*y.shape, 1) == yhat.shape else ""
        raise ValueError(
            f"{owner}: `y` must have the shape of `yhat`, {tuple(yhat.shape)}, got {tuple(y.shape)}{mend}"
        )
    return xp, xp.astype(y, yhat.dtype), yhat


@spelled()
def purity(labels: Array, clusters: Array) -> float:
    """Return the share of the examples that belong to the most frequent class of their cluster.

    Parameters
    ----------
    labels, clusters : integer arrays (batch,)
        The classes, and the numbers of the clusters, both from 0.

    Returns
    -------
    float
        1 where each cluster holds one class. It rises with the number of clusters: compare equal numbers.

    Raises
    ------
    TypeError
        If an array is not of integers.
    ValueError
        If the shapes are not one shape (batch,), there is no example, or a number is negative.
    """
    true, found = host_numbers("purity", "labels", labels), host_numbers("purity", "clusters", clusters)
    if true.ndim != 1 or true.shape != found.shape or true.size == 0:
        raise ValueError(
            f"purity: `labels` and `clusters` must have one shape (batch,), batch > 0, "
            f"got {true.shape} and {found.shape}"
        )
    check_indices("purity", "labels", true, max(int(true.max()), 0) + 1)
    check_indices("purity", "clusters", found, max(int(found.max()), 0) + 1)
    _, true = np.unique(true, return_inverse=True)  # unused label numbers take no memory
    _, found = np.unique(found, return_inverse=True)
    counts = np.zeros((found.max() + 1, true.max() + 1), dtype=np.int64)
    np.add.at(counts, (found, true), 1)
    return float(counts.max(axis=1).sum() / true.size)


@spelled()
def confusion_counts(labels: Array, predictions: Array, classes: int | None = None) -> NDArray[np.int64]:
    """Count how often each class is predicted as each other class.

    Parameters
    ----------
    labels, predictions : integer arrays (batch,)
        True and predicted classes.
    classes : int, optional
        Number of classes; the largest class present plus one by default.

    Returns
    -------
    numpy array (classes, classes) of int64
        Row i, column j: the examples of class i that are predicted to be of class j.

    Raises
    ------
    TypeError
        If an array is not of integers.
    ValueError
        If the shapes are not one shape (batch,), or a class is not in 0..classes-1; if there is no
        example and `classes` is not given.
    """
    return count_pairs("confusion_counts", labels, predictions, classes)


def count_pairs(owner: str, labels: Array, predictions: Array, classes: int | None) -> NDArray[np.int64]:
    """Do what :func:`confusion_counts` does, for `owner`."""
    true, predicted = host_numbers(owner, "labels", labels), host_numbers(owner, "predictions", predictions)
    if true.ndim != 1 or true.shape != predicted.shape:
        raise ValueError(
            f"{owner}: `labels` and `predictions` must have one shape (batch,), "
            f"got {true.shape} and {predicted.shape}"
        )
    if classes is None:
        if true.size == 0:
            raise ValueError(f"{owner}: `classes` must be given where there is no example")
        classes = max(int(true.max()), int(predicted.max()), 0) + 1
    classes = positive(owner, "classes", classes)
    check_indices(owner, "labels", true, classes)
    check_indices(owner, "predictions", predicted, classes)
    try:
        counts = np.zeros((classes, classes), dtype=np.int64)
    except (MemoryError, ValueError):  # ValueError beyond 2**63 bytes
        raise MemoryError(
            f"{owner}: `labels` and `predictions` of {classes} classes have no room in a table"
        ) from None
    np.add.at(counts, (true, predicted), 1)
    return counts


@spelled()
def confusion_text(counts: Array) -> str:
    r"""Write a table of `confusion_counts` for a terminal: a row per true class, a column per predicted one.

    Parameters
    ----------
    counts : integer array (classes, classes)
        As `confusion_counts` returns them.

    Returns
    -------
    str
        Lines without a final newline.

    Raises
    ------
    ValueError
        If `counts` is not square.

    Examples
    --------
    >>> print(confusion_text(np.array([[9, 1], [0, 12]])))
    true \ predicted   0   1
                   0   9   1
                   1   .  12
    """
    counts = host_numbers("confusion_text", "counts", counts)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"confusion_text: `counts` must have shape (classes, classes), got {counts.shape}")
    if counts.dtype.kind not in "iu":
        raise TypeError(f"confusion_text: `counts` must be integers, got {counts.dtype}")
    corner = "true \\ predicted"
    width = max([len(str(value)) for value in (*counts.ravel().tolist(), len(counts) - 1)]) + 2
    lines = [corner + "".join(f"{column:{width}}" for column in range(len(counts)))]
    for row, values in enumerate(counts.tolist()):
        # A point for zero, so that the errors stand out.
        lines.append(f"{row:{len(corner)}}" + "".join(f"{value or '.':>{width}}" for value in values))
    return "\n".join(lines)
