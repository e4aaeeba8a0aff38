"""How often a classifier is right, and what it takes for what."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diynn.arrays import Array, host_numbers, together
from diynn.data import array_namespace
from diynn.shapes import any_number, apart, check_indices, positive


def accuracy(y: Array, yhat: Array, *, threshold: float = 0.5) -> float:
    """Return the share of the examples whose class is predicted right.

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


def confusion_counts(labels: Array, predictions: Array, classes: int | None = None) -> NDArray[np.int64]:
    """Count how often each class is taken for each other.

    Parameters
    ----------
    labels, predictions : integer arrays (batch,)
        True and predicted classes.
    classes : int, optional
        Number of classes; the largest class met plus one by default.

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
    owner = "confusion_counts"
    true, predicted = host_numbers(owner, "labels", labels), host_numbers(owner, "predictions", predictions)
    if true.ndim != 1 or true.shape != predicted.shape:
        raise ValueError(
            f"confusion_counts: `labels` and `predictions` must have one shape (batch,), "
            f"got {true.shape} and {predicted.shape}"
        )
    if classes is None:
        if true.size == 0:
            raise ValueError("confusion_counts: `classes` must be given where there is no example")
        classes = max(int(true.max()), int(predicted.max()), 0) + 1
    classes = positive("confusion_counts", "classes", classes)
    check_indices("confusion_counts", "labels", true, classes)
    check_indices("confusion_counts", "predictions", predicted, classes)
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (true, predicted), 1)
    return counts


def confusion_text(counts: Array) -> str:
    r"""Write a table of `confusion_counts` for a terminal: a row a true class, a column a predicted one.

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
