"""A net as a classifier."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from diynn.arrays import Array, BackendLike, DType, namespace, to_numpy
from diynn.execution import Execution
from diynn.layers import LogSoftmax, Softmax
from diynn.losses import CrossEntropyLoss
from diynn.rules import Rule
from diynn.schedules import Schedule
from diynn.sklearn.data import beside, example_weights, on_host, validated
from diynn.sklearn.estimator import NetEstimator
from diynn.wording import shown


class NetClassifier(ClassifierMixin, NetEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A net of linear layers as a classifier, trained on cross entropy.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        Units of the layers between features and output.
    activation : {"relu", "tanh", "logistic", "leaky_relu", "gelu", "identity"}
        The activation between two linear layers.
    solver : {"adam", "adamw", "rmsprop", "sgd"} or Rule
        The update rule, for the mean gradient of a batch; ``"sgd"`` has Nesterov's momentum, 0.9.
    learning_rate_init : float or Schedule
        The learning rate, or a function from the number of steps taken to it.
    alpha : float
        Strength of the penalty α/2 ‖W‖², divided by the batch size as the cost is; not on biases.
    batch_size : int or "auto"
        Examples in a step, all of them where there are fewer; ``"auto"`` for 200 at most.
    max_iter : int
        Maximum number of epochs.
    tol, n_iter_no_change : float, int
        Training ends after more than ``n_iter_no_change`` epochs without a cost ``tol`` below the best.
    early_stopping : bool
        Whether that cost is the one on held-out examples; the best epoch's parameters are then kept.
    validation_fraction : float
        The share of the examples held out, stratified by class.
    warm_start : bool
        Whether ``fit`` continues with the existing net.
    random_state : int, RandomState or None
        Seed of the initial weights, the batches and the held-out examples.
    verbose : bool
        Whether to show a progress bar.
    net : function (features, outputs) → Module, optional
        Makes a net of one's own, instead of the first two parameters; it returns logits.
    backend, dtype : optional
        Those of the net, such as ``"torch:cuda"``; None for those of the features.
    execution, checkpoint : optional
        As in :func:`diynn.SGD`; ``"auto"`` compiles at once the steps of a training that is expected to take
        0.03 s or more. A checkpoint belongs to one training, so it is not for grid search.
    class_weight : dict, "balanced" or None
        Weights of the classes, or weights inversely proportional to their frequencies.

    Attributes
    ----------
    classes_ : array (classes,)
    n_features_in_, feature_names_in_
        The number of features in ``fit``, and their names if all were text.
    net_ : Module
        The net, of :mod:`diynn`; it returns logits.
    history_ : History
        That of the last ``fit`` or ``partial_fit``.
    loss_curve_, n_iter_ : list of float, int
        The mean cost of an example in each epoch, and the number of epochs.

    Raises
    ------
    TypeError, ValueError
        ``fit`` does if a parameter is none of these, ``y`` has one class, or ``sample_weight`` does not fit.

    Notes
    -----
    A weight equals that many repetitions exactly only in full batches, since batches are drawn by example.
    """

    def __init__(
        self,
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
        class_weight: dict[Any, float] | str | None = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes, activation, solver=solver, learning_rate_init=learning_rate_init, alpha=alpha,
            batch_size=batch_size, max_iter=max_iter, tol=tol, n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping, validation_fraction=validation_fraction, warm_start=warm_start,
            random_state=random_state, verbose=verbose, net=net, backend=backend, dtype=dtype,
            execution=execution, checkpoint=checkpoint,
        )  # fmt: skip
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NetClassifier:  # noqa: N803
        """Train on features (examples, features) and one class per example."""
        return self._fit(X, y, sample_weight, None, more=False)

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None  # noqa: N803
    ) -> NetClassifier:  # fmt: skip
        """Train for one epoch on some examples; the first call is told all ``classes``."""
        return self._fit(X, y, sample_weight, classes, more=True)

    def _fit(self, x: Any, y: Any, sample_weight: Any, classes: Any, *, more: bool) -> NetClassifier:
        again = self._again(more=more)
        x, y = validated(self, x, y, reset=not again)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        labels = on_host(y)
        if again:
            known = on_host(self.classes_)
            if classes is not None and not np.array_equal(np.unique(on_host(classes)), known):
                raise ValueError(
                    f"NetClassifier: `classes` must be those of the first call, {known}, got {shown(classes)}"
                )
        elif more and classes is None:
            raise ValueError("NetClassifier: `classes` must be given at the first call of partial_fit")
        else:
            known = np.unique(labels if classes is None else on_host(classes))
        codes = _codes(labels, known)
        weights = self._weights(sample_weight, labels, codes, known, more)
        self.classes_: Any = self.classes_ if again else beside(known, y) if y is not labels else known
        targets = beside(codes, x)
        self._train(x, targets, CrossEntropyLoss(), len(known), more=more, weights=weights, groups=codes)
        return self

    def _weights(
        self,
        sample_weight: Any,
        labels: np.ndarray[Any, Any],
        codes: np.ndarray[Any, Any],
        known: np.ndarray[Any, Any],
        more: bool,
    ) -> np.ndarray[Any, Any] | None:
        """Return one weight per example, times that of its class; None without weights."""
        given = example_weights("NetClassifier", sample_weight, len(codes))
        if self.class_weight is None:
            return given
        weights: np.ndarray[Any, Any] = np.ones(len(codes)) if given is None else given
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            if more:
                raise ValueError(
                    'NetClassifier: `class_weight` must be a dict for partial_fit, got "balanced": '
                    "it sees some examples alone"
                )
            counts = np.bincount(codes, weights, minlength=len(known))
            weights *= (weights.sum() / (len(known) * np.maximum(counts, np.finfo(float).tiny)))[codes]
            return weights
        if not isinstance(self.class_weight, dict):
            raise ValueError(
                f'NetClassifier: `class_weight` must be a dict, "balanced" or None, '
                f"got {shown(self.class_weight)}"
            )
        weights *= compute_class_weight(self.class_weight, classes=known, y=labels)[codes]
        return weights

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Return the class of the largest output of each example."""
        outputs = self._outputs("predict", X)
        codes = namespace(outputs).argmax(outputs, axis=1)
        if isinstance(self.classes_, np.ndarray):  # perhaps text, which other libraries do not have
            named = self.classes_[to_numpy(codes)]
            return named if named.dtype.kind not in "iuf" else beside(named, outputs)
        return namespace(outputs).take(beside(self.classes_, outputs), codes, axis=0)

    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """Return the probabilities (examples, classes)."""
        return Softmax().forward(self._outputs("predict_proba", X))

    def predict_log_proba(self, X: Any) -> Array:  # noqa: N803
        """Return the logarithms of the probabilities."""
        return LogSoftmax().forward(self._outputs("predict_log_proba", X))

    def decision_function(self, X: Any) -> Array:  # noqa: N803
        """Return the logits (examples, classes); of two classes their difference (examples,)."""
        outputs = self._outputs("decision_function", X)
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs


def _codes(labels: np.ndarray[Any, Any], known: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the index of each label among the classes."""
    if len(known) < 2:
        raise ValueError(f"NetClassifier: `y` must hold two classes or more, got one class, {known[0]!r}")
    codes = np.minimum(np.searchsorted(known, labels), len(known) - 1)
    if (known[codes] != labels).any():
        raise ValueError(f"NetClassifier: `y` must hold classes of the first call alone, {known}")
    return codes
