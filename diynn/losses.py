"""Losses: one cost per example, and the gradient of their sum."""

from __future__ import annotations

from functools import partial
from math import exp
from typing import Any

from diynn.arrays import Array, BackendLike, find_backend, namespace, seen_outside
from diynn.calls import worded
from diynn.composition import forget_stated
from diynn.ops import class_numbers, cross_entropy, likelihood, logistic_cross_entropy, sum_examples
from diynn.shapes import (
    Shape,
    check_classes,
    check_indices,
    check_probabilities,
    check_values,
    positive_number,
)
from diynn.transfer import beside_the_net

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CategoricalCrossEntropyLoss", "CrossEntropyLoss", "HuberLoss", "L1Loss",
    "Loss", "MSELoss", "NLLLoss",
]  # fmt: skip


@partial(worded, mend=beside_the_net)
class Loss:
    """A cost per example, and the gradient of the sum of those costs with respect to the prediction.

    There is no division by the batch: the gradient of a batch is the sum of its examples' gradients.

    Attributes
    ----------
    per_example : bool
        Stated by a class whose costs each depend on their own example alone, and whose gradient is that of
        their sum: a batch may be split.
    pure : bool
        Stated by a class that computes by NumPy operations on ``y`` and ``yhat`` alone, without state, and
        without branches on values except in ``check_targets`` and ``check_predictions``: they may be
        recorded.

    A subclass that overrides ``forward`` or ``backward`` loses both unless it states them again, and with
    them an inherited ``costs_and_delta``.
    """

    per_example: bool = False
    pure: bool = False

    def __init__(self, *, backend: BackendLike = None) -> None:
        if backend is not None:
            find_backend(backend, owner=type(self).__name__)  # only checked: a loss has no arrays

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        forget_stated(cls, ("per_example", "pure"), ("forward", "backward", "costs_and_delta"))
        forget_stated(cls, ("costs_and_delta",), ("forward", "backward"), otherwise=Loss.costs_and_delta)
        forget_stated(cls, ("largest_target",), ("check_targets",), otherwise=Loss.largest_target)
        if cls.__module__.startswith("diynn."):
            worded(cls, mend=beside_the_net)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __call__(self, y: Array, yhat: Array) -> Array:
        """Return ``forward(y, yhat)``."""
        return self.forward(y, yhat)

    def check_arguments(self, y: Array, yhat: Array) -> None:
        """Raise unless the loss accepts ``y`` and ``yhat``; by default it accepts anything."""
        self.check_targets(y, yhat)

    def check_targets(self, y: Array, yhat: Array) -> None:
        """Raise unless the loss accepts the values of ``y``; called for every batch, also when recorded."""

    def largest_target(self, y: Array, yhat: Array) -> float | None:
        """Return what no value of targets such as ``y`` may exceed, if 0 is the smallest; else None.

        A class states with it that ``check_targets`` does not raise then: compiled steps ask that alone.
        """
        return None

    def check_predictions(self, yhat: Array) -> None:
        """Raise unless the loss accepts the values of ``yhat``; called for every batch, likewise."""

    def forward(self, y: Array, yhat: Array) -> Array:
        """Return the costs (batch,) of predictions ``yhat`` for targets ``y``."""
        raise NotImplementedError(
            f"{type(self).__name__} has no forward(y, yhat): it returns the costs (batch,)"
        )

    def backward(self, y: Array, yhat: Array) -> Array:
        """Return the gradient of the sum of the costs with respect to ``yhat``, of its shape."""
        raise NotImplementedError(
            f"{type(self).__name__} has no backward(y, yhat): it returns the gradient with respect to yhat"
        )

    def costs_and_delta(self, y: Array, yhat: Array) -> tuple[Array, Array]:
        """Return ``forward(y, yhat)`` and ``backward(y, yhat)``, sharing common work."""
        return self.forward(y, yhat), self.backward(y, yhat)


class MSELoss(Loss):
    """The squared distance.

    ::

        C_n = Σ_j (ŷ_nj - y_nj)²       ‖ŷ - y‖², y and ŷ (batch, ...) → (batch,)
        ∂C/∂ŷ = 2 (ŷ - y)

    Raises
    ------
    ValueError
        If ``y`` has not the shape of ``yhat``; (n,) against (n, 1) is not broadcast.

    Source: the course sheet, "Mon premier est ... linéaire !".
    """

    per_example = pure = True

    def check_arguments(self, y: Array, yhat: Array) -> None:
        """Raise unless both have one shape."""
        check_values(self, y, yhat)

    def forward(self, y: Array, yhat: Array) -> Array:
        """Return ‖y - ŷ‖² of each example."""
        self.check_arguments(y, yhat)
        difference = yhat - _like(y, yhat)
        return sum_examples(difference * difference)

    def backward(self, y: Array, yhat: Array) -> Array:
        """Return 2 (ŷ - y)."""
        self.check_arguments(y, yhat)
        return 2 * (yhat - _like(y, yhat))


class L1Loss(Loss):
    """The sum of absolute errors, which is robust to outliers.

    ::

        C = Σ |y - ŷ|              y and ŷ (batch, ...) → (batch,)
        ∂C/∂ŷ = sign(ŷ - y)        0 at the kink ŷ = y

    Raises
    ------
    ValueError
        If ``y`` has not the shape of ``yhat``.

    Source: Laplace, 1774, on the median as the best guess.
    """

    per_example = pure = True

    def check_arguments(self, y: Array, yhat: Array) -> None:
        """Raise unless both have one shape."""
        check_values(self, y, yhat)

    def forward(self, y: Array, yhat: Array) -> Array:
        """Return Σ |y - ŷ| of each example."""
        self.check_arguments(y, yhat)
        return sum_examples(abs(yhat - _like(y, yhat)))

    def backward(self, y: Array, yhat: Array) -> Array:
        """Return sign(ŷ - y)."""
        self.check_arguments(y, yhat)
        return namespace(yhat).sign(yhat - _like(y, yhat))


class HuberLoss(Loss):
    """The squared error where it is small, the absolute error beyond.

    ::

        C = Σ d²/2 where |d| ≤ b, else b (|d| - b/2),   d = ŷ - y     (batch, ...) → (batch,)
        ∂C/∂ŷ = d where |d| ≤ b, else b sign(d)

    Parameters
    ----------
    beyond : float
        b, positive.
    backend : optional
        Accepted as by every loss, which has no arrays.

    Raises
    ------
    ValueError
        If b is not positive; if ``y`` has not the shape of ``yhat``.

    Source: Huber, 1964.
    """

    per_example = pure = True

    def __init__(self, beyond: float = 1.0, *, backend: BackendLike = None) -> None:
        super().__init__(backend=backend)
        self.beyond = positive_number("HuberLoss", "beyond", beyond)

    def __repr__(self) -> str:
        return f"HuberLoss({self.beyond})"

    def check_arguments(self, y: Array, yhat: Array) -> None:
        """Raise unless both have one shape."""
        check_values(self, y, yhat)

    def forward(self, y: Array, yhat: Array) -> Array:
        """Return the cost of each example."""
        self.check_arguments(y, yhat)
        distance = abs(yhat - _like(y, yhat))
        near, far = 0.5 * distance * distance, self.beyond * (distance - 0.5 * self.beyond)
        return sum_examples(namespace(yhat).where(distance <= self.beyond, near, far))

    def backward(self, y: Array, yhat: Array) -> Array:
        """Return d where |d| ≤ b, else b sign(d)."""
        self.check_arguments(y, yhat)
        d, xp = yhat - _like(y, yhat), namespace(yhat)
        return xp.where(abs(d) <= self.beyond, d, self.beyond * xp.sign(d))


class _OfClasses(Loss):
    """Base of the losses on classes."""

    def check_arguments(self, y: Array, yhat: Array) -> None:
        """Raise unless there are two classes or more, and ``y`` holds one, or a weight per class, of each."""
        shape: Shape = getattr(yhat, "shape", ())
        if len(shape) == 2 and shape[1] == 1:  # first: it explains why indices would be refused
            raise ValueError(
                f"{self!r}: `yhat` must have two classes or more, got shape {tuple(shape)}: of one class "
                "there is nothing to learn; for a problem of yes and no take BCEWithLogitsLoss, or BCELoss "
                "behind a Sigmoid"
            )
        check_classes(self, y, yhat)
        self.check_targets(y, yhat)

    def check_targets(self, y: Array, yhat: Array) -> None:
        """Raise unless class indices are below the number of classes, if that costs no transfer."""
        if y.ndim == 1 and seen_outside(y, yhat.shape[1] - 1):
            check_indices(repr(self), "y", y, yhat.shape[1])  # raises the error

    def largest_target(self, y: Array, yhat: Array) -> float | None:
        """Return the largest class index; None of weights a class, which may be anything."""
        return float(yhat.shape[1] - 1) if y.ndim == 1 else None


class NLLLoss(_OfClasses):
    """The negative log-likelihood, on log-probabilities: the sheet's cross entropy ``-ŷ_y``.

    ::

        C = -ŷ_y                       ŷ (batch, classes) → (batch,)
        ∂C/∂ŷ = -y                     y one-hot

    ``y`` holds class indices (batch,), or one-hot or other weights (batch, classes): C = -Σ_k y_k ŷ_k.

    Raises
    ------
    ValueError, TypeError
        If ``y`` has neither shape, if indices are no integers, or outside 0..classes - 1; if there is one
        class alone.

    Source: the course sheet, "Mon quatrième est multi-classe".
    """

    per_example = pure = True

    def forward(self, y: Array, yhat: Array) -> Array:
        """Return -ŷ_y of each example."""
        self.check_arguments(y, yhat)
        return likelihood(yhat, _weights(y, yhat))

    def backward(self, y: Array, yhat: Array) -> Array:
        """Return -y, one-hot."""
        self.check_arguments(y, yhat)
        return -_weights(y, yhat)


class CrossEntropyLoss(_OfClasses):
    """Log-softmax and negative log-likelihood in one, on logits.

    ::

        C = -ŷ_y + log Σ_k e^ŷ_k                             ŷ (batch, classes) → (batch,)
        C = -ŷ_y + m + log Σ_k e^(ŷ_k - m),   m = max ŷ      the same, without overflow
        ∂C/∂ŷ = softmax(ŷ) - y                               y one-hot

    ``y`` holds class indices (batch,), or one-hot or other weights (batch, classes):
    C = -Σ_k y_k log softmax(ŷ)_k, with the gradient softmax(ŷ) Σ_k y_k - y. The net ends with its last linear
    layer: no Softmax before this loss.

    Raises
    ------
    ValueError, TypeError
        If ``y`` has neither shape, if indices are no integers, or outside 0..classes - 1; if there is only
        one class.

    Source: the course sheet, "Mon quatrième est multi-classe".
    """

    per_example = pure = True

    def forward(self, y: Array, yhat: Array) -> Array:
        """Return -ŷ_y + log Σ e^ŷ of each example."""
        return self._both(y, yhat)[0]

    def backward(self, y: Array, yhat: Array) -> Array:
        """Return softmax(ŷ) Σ y - y."""
        return self._both(y, yhat)[1]

    def costs_and_delta(self, y: Array, yhat: Array) -> tuple[Array, Array]:
        """Return both, from one log-softmax."""
        return self._both(y, yhat)

    def _both(self, y: Array, yhat: Array) -> tuple[Array, Array]:
        self.check_arguments(y, yhat)
        return cross_entropy(yhat, _weights(y, yhat))


class CategoricalCrossEntropyLoss(_OfClasses):
    """The negative log-likelihood, on probabilities: for a net that ends with a Softmax.

    ::

        C = -max(-100, log ŷ_y)        ŷ (batch, classes) → (batch,)
        ∂C/∂ŷ = -y / ŷ                 y one-hot; 0 where the logarithm is clipped

    ``y`` holds class indices (batch,), or one-hot or other weights (batch, classes), by which the logarithms
    are weighed and summed. The clip is that of :class:`BCELoss`.
    On logits, without the Softmax, :class:`CrossEntropyLoss` is exact and faster.

    Raises
    ------
    ValueError, TypeError
        If ``y`` has neither shape, if indices are no integers, or outside 0..classes - 1; if there is one
        class alone; if ``yhat`` is outside [0, 1].

    Source: what half of the solutions of the course sheet call cross entropy.
    """

    per_example = pure = True

    def check_predictions(self, yhat: Array) -> None:
        """Raise if ``yhat`` is outside [0, 1]; NaN passes, and shows in the costs."""
        check_probabilities(self, "yhat", yhat, nan=True)

    def forward(self, y: Array, yhat: Array) -> Array:
        """Return -log ŷ_y of each example."""
        self.check_arguments(y, yhat)
        self.check_predictions(yhat)
        return likelihood(_clipped_log(yhat), _weights(y, yhat))

    def backward(self, y: Array, yhat: Array) -> Array:
        """Return -y/ŷ, where not clipped."""
        self.check_arguments(y, yhat)
        self.check_predictions(yhat)
        return -_weights(y, yhat) * _clipped_inverse(yhat)


class _OfProbabilities(Loss):
    """Base of the losses whose targets are probabilities."""

    def check_arguments(self, y: Array, yhat: Array) -> None:
        """Raise unless both have one shape, and ``check_targets``."""
        check_values(self, y, yhat)
        self.check_targets(y, yhat)

    def check_targets(self, y: Array, yhat: Array) -> None:
        """Raise unless ``y`` is in [0, 1]."""
        check_probabilities(self, "y", y)

    def largest_target(self, y: Array, yhat: Array) -> float | None:
        """Return 1."""
        return 1.0


class BCELoss(_OfProbabilities):
    """Binary cross entropy, on probabilities, summed over the outputs.

    ::

        C = -Σ y max(-100, log ŷ) + (1 - y) max(-100, log(1 - ŷ))     (batch, ...) → (batch,)
        ∂C/∂ŷ = (1 - y)/(1 - ŷ) - y/ŷ        each term 0 where its logarithm is clipped

    The clip is the sheet's: it keeps the cost finite at ŷ = 0 and 1. ``y`` and ``ŷ`` are in [0, 1]; where ŷ
    is NaN, so is the cost.

    Raises
    ------
    ValueError
        If ``y`` has not the shape of ``yhat``, or if one of them is outside [0, 1].

    Source: the course sheet, "Mon cinquième se compresse".
    """

    per_example = pure = True

    def check_predictions(self, yhat: Array) -> None:
        """Raise if ``yhat`` is outside [0, 1]; NaN passes, and shows in the costs."""
        check_probabilities(self, "yhat", yhat, nan=True)

    def forward(self, y: Array, yhat: Array) -> Array:
        """Return the cost of each example."""
        self.check_arguments(y, yhat)
        self.check_predictions(yhat)
        y = _like(y, yhat)
        return -sum_examples(y * _clipped_log(yhat) + (1 - y) * _clipped_log(1 - yhat))

    def backward(self, y: Array, yhat: Array) -> Array:
        """Return (1 - y)/(1 - ŷ) - y/ŷ, where not clipped."""
        self.check_arguments(y, yhat)
        self.check_predictions(yhat)
        y = _like(y, yhat)
        return (1 - y) * _clipped_inverse(1 - yhat) - y * _clipped_inverse(yhat)


class BCEWithLogitsLoss(_OfProbabilities):
    """Sigmoid and binary cross entropy in one, on logits, summed over the outputs.

    ::

        C = Σ max(ŷ, 0) - y ŷ + log(1 + e^-|ŷ|)       (batch, ...) → (batch,)
        ∂C/∂ŷ = sigmoid(ŷ) - y

    Finite for any logit, without a clip. ``y`` is in [0, 1]. The net ends with its last linear layer:
    no Sigmoid before this loss.

    Raises
    ------
    ValueError
        If ``y`` has not the shape of ``yhat``, or is outside [0, 1].

    Source: the course sheet's binary cross entropy, of a sigmoid.
    """

    per_example = pure = True

    def forward(self, y: Array, yhat: Array) -> Array:
        """Return the cost of each example."""
        return self._both(y, yhat)[0]

    def backward(self, y: Array, yhat: Array) -> Array:
        """Return sigmoid(ŷ) - y."""
        return self._both(y, yhat)[1]

    def costs_and_delta(self, y: Array, yhat: Array) -> tuple[Array, Array]:
        """Return both, from one exponential."""
        return self._both(y, yhat)

    def _both(self, y: Array, yhat: Array) -> tuple[Array, Array]:
        self.check_arguments(y, yhat)
        return logistic_cross_entropy(yhat, _like(y, yhat))


def _like(y: Array, yhat: Array) -> Array:
    """Return a target in the dtype of the prediction, so that the result has the prediction's."""
    return y if y.dtype == yhat.dtype else namespace(yhat).astype(y, yhat.dtype)


def _weights(y: Array, yhat: Array) -> Array:
    """Return weights (batch, classes): one-hot of indices, anything else as it is."""
    if y.ndim == 1:
        xp = namespace(yhat)
        if y.dtype == xp.uint64:  # it has no common type with the signed integers of the classes
            y = xp.astype(y, xp.int64)
        y = y[:, None] == class_numbers(yhat)[None, :]
    return _like(y, yhat)


_LOG_FLOOR = -100.0
_FLOOR = exp(_LOG_FLOOR)


def _clipped_log(probability: Array) -> Array:
    """Return max(-100, log p), without taking log 0."""
    xp = namespace(probability)
    return xp.where(probability <= _FLOOR, _LOG_FLOOR, xp.log(xp.maximum(probability, _FLOOR)))


def _clipped_inverse(probability: Array) -> Array:
    """Return its derivative: 1/p where the logarithm is not clipped, else 0."""
    xp = namespace(probability)
    smallest = float(xp.finfo(probability.dtype).smallest_normal)  # 1/p overflows below
    normal = xp.maximum(probability, smallest)
    return xp.where(probability <= _FLOOR, 0.0, 1 / normal)
