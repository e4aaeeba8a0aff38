"""An autoencoder, which reduces features to a code of few numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from diynn.arrays import Array, Backend, BackendLike, DType, device_beside, namespace
from diynn.composition import is_module
from diynn.execution import Execution
from diynn.layers import Sequential
from diynn.losses import MSELoss
from diynn.rules import Rule
from diynn.schedules import Schedule
from diynn.shapes import positive
from diynn.sklearn.data import codes, example_weights, validated
from diynn.sklearn.estimator import NetEstimator
from diynn.training import predict
from diynn.wording import shown


class AutoEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, NetEstimator):  # type: ignore[misc]
    """An encoder and a decoder, trained to reconstruct the features from a code of ``n_components`` numbers.

    Parameters
    ----------
    n_components : int
        Numbers in the code.
    hidden_layer_sizes : sequence of int
        Units of the layers between features and code; the decoder has them in reverse.
    net : function (features, n_components) → (encoder, decoder), optional
        Makes two modules of one's own.

    The others are those of :class:`NetClassifier`, except ``class_weight``. The code and the output have no
    activation.

    Attributes
    ----------
    encoder_, decoder_ : Module
        The two parts of ``net_``.
    n_features_in_, feature_names_in_, net_, history_, loss_curve_, n_iter_
        As of :class:`NetClassifier`.

    Raises
    ------
    TypeError, ValueError
        ``fit`` does if a parameter is none of those, or ``sample_weight`` does not fit.
    """

    def __init__(
        self,
        n_components: int = 2,
        hidden_layer_sizes: Sequence[int] = (100,),
        activation: str = "relu",
        *,
        solver: str | Rule = "adam",
        learning_rate_init: float | Schedule = 1e-3,
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        max_iter: int = 200,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        net: Callable[..., Any] | None = None,
        backend: BackendLike = None,
        dtype: DType = None,
        execution: str | Execution = "auto",
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes, activation, solver=solver, learning_rate_init=learning_rate_init, alpha=alpha,
            batch_size=batch_size, max_iter=max_iter, tol=tol, n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping, validation_fraction=validation_fraction, warm_start=warm_start,
            random_state=random_state, verbose=verbose, net=net, backend=backend, dtype=dtype,
            execution=execution, checkpoint=checkpoint,
        )  # fmt: skip
        self.n_components = n_components

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> AutoEncoder:  # noqa: N803
        """Train on features (examples, features); ``y`` is ignored."""
        return self._fit(X, sample_weight, more=False)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> AutoEncoder:  # noqa: N803
        """Train for one epoch on some examples."""
        return self._fit(X, sample_weight, more=True)

    def _fit(self, x: Any, sample_weight: Any, *, more: bool) -> AutoEncoder:
        again = self._again(more=more)
        x = validated(self, x, reset=not again)
        code = positive("AutoEncoder", "n_components", self.n_components)
        weights = example_weights("AutoEncoder", sample_weight, x.shape[0])
        self._train(x, x, MSELoss(), code, more=more, weights=weights)
        self.encoder_, self.decoder_ = self.net_[0], self.net_[1]
        self._n_features_out = code
        return self

    def _make_net(self, x: Array, outputs: int) -> Sequential:
        if self.net is None:
            sizes = [x.shape[1], *self._hidden(), outputs]
            return Sequential(self._chain(sizes, x), self._chain(sizes[::-1], x))
        parts = self._called(x.shape[1], outputs)
        if not isinstance(parts, list | tuple) or len(parts) != 2 or not all(map(is_module, parts)):
            raise TypeError(f"AutoEncoder: `net` must return (encoder, decoder), got {shown(parts)}")
        moved: Sequential = self._moved(Sequential(*parts), x)
        return moved

    def transform(self, X: Any) -> Array:  # noqa: N803
        """Return the codes (examples, n_components)."""
        return self._outputs("transform", X, "encoder_")

    def inverse_transform(self, X: Any) -> Array:  # noqa: N803
        """Return the features decoded from codes (examples, n_components)."""
        check_is_fitted(self)
        code = codes("AutoEncoder", X, self._n_features_out)
        return predict(self.decoder_, code, backend=Backend(namespace(code), device_beside(code)))

    def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
        """Return the share of the features' variance that is reconstructed: 1 for all of it."""
        x = validated(self, X, reset=False)
        return float(r2_score(x, self._outputs("score", X), multioutput="variance_weighted"))
