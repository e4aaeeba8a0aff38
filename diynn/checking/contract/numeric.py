"""Numerical differentiation with an error estimate.

A derivative along a direction is taken by central differences at two steps and Richardson's
extrapolation. If the two steps disagree, or the second differences do not shrink with the step, there is a
kink inside the step: the point is skipped then, rather than compared with a loose tolerance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diynn.checking.diagnosis.closeness import RELATIVE

Floats = npt.NDArray[np.float64]
Function = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Precision:
    """The step and the tolerances for float64 or float32 code."""

    step: float
    relative: float
    epsilon: float


DOUBLE = Precision(1e-4, RELATIVE, 2.2e-16)
# In float32 the best step is larger, and Richardson's error at it still below 1e-4: a gradient wrong by a
# factor of 1.0005 is detected as well.
SINGLE = Precision(6e-2, 1e-4, 1.2e-7)


def precision_of(function: Function, point: Floats, direction: Floats) -> Precision:
    """Return the precision in which ``function`` computes, whatever dtype it returns.

    Code that converts to float32 inside does not react to a change of 1e-10.
    """
    start = np.asarray(function(point))
    if start.dtype.itemsize < 8:
        return SINGLE
    far = np.max(np.abs(np.asarray(function(point + 1e-4 * direction)) - start), initial=0.0)
    near = np.max(np.abs(np.asarray(function(point + 1e-10 * direction)) - start), initial=0.0)
    return SINGLE if far > 0 and not 1e-8 < near / far < 1e-4 else DOUBLE


def along(
    function: Function, point: Floats, direction: Floats, precision: Precision
) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    """Differentiate along one direction.

    Returns
    -------
    tuple of arrays
        For each output: the derivative, whether the function is smooth there, and the error.
    """

    def at(step: float) -> Floats:
        return np.asarray(function(point + step * direction), dtype=float)

    h = precision.step
    middle = at(0.0)
    ahead, behind, near_ahead, near_behind = at(h), at(-h), at(h / 2), at(-h / 2)
    wide, narrow = (ahead - behind) / (2 * h), (near_ahead - near_behind) / h
    derivative = (4 * narrow - wide) / 3
    noise = 16 * precision.epsilon * np.max(np.abs(middle), initial=0.0) / h
    scale = np.max(np.abs(derivative), initial=0.0)
    if precision is SINGLE:
        quarter_ahead, quarter_behind = at(h / 4), at(-h / 4)
        finer = (4 * (quarter_ahead - quarter_behind) / (h / 2) - narrow) / 3
        doubt = np.abs(derivative - finer)
        return finer, doubt <= 1e-3 * scale + 4 * noise, doubt + 4 * noise
    # Smooth: the first differences agree and the second differences halve with the step. A kink anywhere
    # inside the step violates one of the two.
    second = (ahead - 2 * middle + behind) / h
    near_second = (near_ahead - 2 * middle + near_behind) / (h / 2)
    doubt = np.maximum(np.abs(wide - narrow), np.abs(second - 2 * near_second))
    return derivative, doubt <= precision.relative * scale + noise, noise + np.zeros_like(derivative)


def agrees(
    claimed: Floats, function: Function, point: Floats, weights: Floats, draw: np.random.Generator
) -> bool | None:
    """Return whether ``claimed`` is the gradient of Σ weights · function, along two random directions.

    None if both directions meet a kink.
    """
    verdict: bool | None = None
    precision = precision_of(function, point, draw.normal(size=point.shape))
    for _ in range(2):
        direction = draw.normal(size=point.shape)
        slope, smooth, error = along(function, point, direction, precision)
        if slope.shape != weights.shape or not np.all(smooth | (weights == 0)):
            continue
        terms = claimed * direction
        # A float32 answer has the rounding error of its largest terms, however small their sum is.
        rounding = 1e-6 if claimed.dtype.itemsize < 8 else 0.0
        error = error + rounding * np.abs(slope)
        tolerance = precision.relative * np.sqrt(np.sum(terms * terms)) + np.sum(np.abs(weights) * error)
        if not abs(np.sum(terms) - np.sum(weights * slope)) <= tolerance:
            return False
        verdict = True
    return verdict


def gradient(
    function: Function, point: Floats, weights: Floats, precision: Precision
) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    """Differentiate Σ weights · function in each coordinate.

    Returns
    -------
    tuple of arrays
        The gradient, whether it is reliable, and its error, each of the shape of ``point``.
    """
    found = np.zeros(point.shape)
    trusted = np.ones(point.shape, dtype=bool)
    errors = np.zeros(point.shape)
    for place in np.ndindex(point.shape):
        direction = np.zeros(point.shape)
        direction[place] = 1.0
        slope, smooth, error = along(function, point, direction, precision)
        found[place] = np.sum(weights * slope)
        trusted[place] = bool(np.all(smooth | (weights == 0)))
        errors[place] = np.sum(np.abs(weights) * error)
    return found, trusted, errors
