"""Data of an estimator: features on any array library, weights, held-out examples."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from diynn.arrays import (
    Array,
    Backend,
    DType,
    asarray,
    asarray_like,
    device_beside,
    host_numbers,
    namespace,
    to_numpy,
)


def validated(estimator: Any, x: Any, *y: Any, reset: bool, **options: Any) -> Any:
    """Return features, and targets if there are any: on NumPy, or where array API dispatch finds them.

    Raises
    ------
    TypeError, ValueError
        As ``sklearn.utils.validation.validate_data`` does.
    """
    return validate_data(estimator, x, *y, dtype=_real_dtypes(x), reset=reset, **options)


def codes(owner: str, x: Any, size: int) -> Array:
    """Return codes (examples, size) likewise, which are no features.

    Raises
    ------
    TypeError, ValueError
        As ``sklearn.utils.check_array`` does, or if their size is another.
    """
    x = check_array(x, dtype=_real_dtypes(x))
    if x.shape[1] != size:
        raise ValueError(f"{owner}: `X` must have shape (examples, {size}), got {tuple(x.shape)}")
    return x


def _real_dtypes(x: Any) -> list[Any]:
    xp: Any = np
    if get_config()["array_api_dispatch"]:
        try:
            xp = namespace(x)
        except TypeError:  # a list, a frame
            xp = np
    return [xp.float64, xp.float32]


def beside(values: Any, like: Array, *, dtype: DType = None) -> Array:
    """Return numbers of any library in the library and on the device of ``like``."""
    return asarray(values, Backend(namespace(like), device_beside(like)), dtype=dtype)


def on_host(labels: Any) -> np.ndarray[Any, Any]:
    """Return labels, numbers or text, as an array of NumPy."""
    return np.asarray(labels) if isinstance(labels, np.ndarray | list | tuple) else to_numpy(labels)


def example_weights(owner: str, sample_weight: Any, examples: int) -> np.ndarray[Any, Any] | None:
    """Return one weight per example, on the host, from one each or a single one; None without weights.

    Raises
    ------
    TypeError, ValueError
        If their number is wrong, one is negative or not finite, or all are 0.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(examples, sample_weight)
    weights = host_numbers(owner, "sample_weight", sample_weight).astype(np.float64)
    if weights.shape != (examples,):
        raise ValueError(
            f"{owner}: `sample_weight` must be 1D array or scalar, one weight for each of {examples} "
            f"examples, got shape {weights.shape}"
        )
    if not np.isfinite(weights).all() or weights.min() < 0:
        raise ValueError(f"{owner}: `sample_weight` must be finite and 0 or more, got {weights.min()}")
    if not weights.any():
        raise ValueError(f"{owner}: `sample_weight` must have a weight that is not zero, got all zero")
    return weights


def held_out(
    owner: str, examples: int, share: float, seed: int, groups: np.ndarray[Any, Any] | None
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the indices of the examples to train on, and of a random sample to validate on.

    They are stratified by ``groups``, unless there are too few for one of each.

    Raises
    ------
    ValueError
        If ``share`` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"{owner}: `validation_fraction` must be between 0 and 1, got {share!r}")
    numbers = np.arange(examples)
    if groups is not None:
        counts = np.bincount(groups)
        if counts[counts > 0].min() < 2 or share * examples < len(counts):
            groups = None
    train, test = train_test_split(numbers, test_size=share, random_state=seed, stratify=groups)
    return train, test


def taken(values: Array, numbers: np.ndarray[Any, Any]) -> Array:
    """Return the examples with these indices."""
    return namespace(values).take(values, asarray_like(numbers, values), axis=0)
