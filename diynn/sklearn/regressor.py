"""A net as a regressor."""

from __future__ import annotations

from typing import Any

from sklearn.base import RegressorMixin

from diynn.arrays import Array
from diynn.losses import MSELoss
from diynn.sklearn.data import beside, example_weights, validated
from diynn.sklearn.estimator import NetEstimator


class NetRegressor(RegressorMixin, NetEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A net of linear layers for one or more targets, trained on squared errors, summed over targets.

    It has the parameters of :class:`NetClassifier` except ``class_weight``; a ``net`` of one's own returns
    the predictions. Targets are not scaled: ``TransformedTargetRegressor`` scales large ones.

    Attributes
    ----------
    n_features_in_, feature_names_in_, net_, history_, loss_curve_, n_iter_
        As of :class:`NetClassifier`.

    Raises
    ------
    TypeError, ValueError
        ``fit`` does if a parameter is none of those, or ``sample_weight`` does not fit.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NetRegressor:  # noqa: N803
        """Train on features (examples, features) and targets (examples,) or (examples, targets)."""
        return self._fit(X, y, sample_weight, more=False)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> NetRegressor:  # noqa: N803
        """Train for one epoch on some examples."""
        return self._fit(X, y, sample_weight, more=True)

    def _fit(self, x: Any, y: Any, sample_weight: Any, *, more: bool) -> NetRegressor:
        again = self._again(more=more)
        x, y = validated(self, x, y, reset=not again, multi_output=True, y_numeric=True)
        shape, y = tuple(y.shape[1:]), beside(y, x, dtype=x.dtype)
        if again and shape != self._shape:
            raise ValueError(
                f"NetRegressor: `y` must have shape {(x.shape[0], *self._shape)}, as before, "
                f"got {tuple(y.shape)}"
            )
        self._shape: tuple[int, ...] = shape
        y = y if shape else y[:, None]
        weights = example_weights("NetRegressor", sample_weight, x.shape[0])
        self._train(x, y, MSELoss(), y.shape[1], more=more, weights=weights)
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Return the predictions, in the shape of the targets."""
        outputs = self._outputs("predict", X)
        return outputs if self._shape else outputs[:, 0]
