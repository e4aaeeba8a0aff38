"""The base of the estimators: their parameters, net, training and outputs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
from joblib.parallel import get_active_backend
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from diynn.arguments import flag, number_from_0, sequence
from diynn.arrays import (
    Array,
    Backend,
    BackendLike,
    DType,
    address,
    alike,
    describe,
    device_beside,
    namespace,
)
from diynn.callbacks import Callback, KeepBest
from diynn.composition import is_module
from diynn.execution import Execution
from diynn.execution.choice import at_most, cores, seconds
from diynn.history import History
from diynn.layers import Linear, Sequential
from diynn.module import Module, first_parameter
from diynn.optim import Optim
from diynn.rules import Rule
from diynn.schedules import Schedule
from diynn.shapes import fraction, positive
from diynn.sklearn.averaged import Averaged
from diynn.sklearn.data import held_out, taken, validated
from diynn.sklearn.parameters import ACTIVATIONS, execution, learning_rate, one_of, place, real_dtype, rule
from diynn.sklearn.settled import Settled
from diynn.training import predict
from diynn.wording import shown
from diynn.wrappers import WeightDecay

# Behind few examples and a StandardScaler, He's law, the default elsewhere, generalises worse.
_LAW: dict[str, Any] = {"init": "fan_in_uniform", "bias_init": "fan_in_uniform"}
_AUTO = 200  # examples in a batch at most, as scikit-learn has it


class NetEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A net that is trained by ``fit``; see :class:`NetClassifier` for the parameters."""

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
    ) -> None:
        self.hidden_layer_sizes, self.activation, self.solver = hidden_layer_sizes, activation, solver
        self.learning_rate_init, self.alpha, self.batch_size = learning_rate_init, alpha, batch_size
        self.max_iter, self.tol, self.n_iter_no_change = max_iter, tol, n_iter_no_change
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.warm_start, self.random_state, self.verbose = warm_start, random_state, verbose
        self.net, self.backend, self.dtype = net, backend, dtype
        self.execution, self.checkpoint = execution, checkpoint

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags

    # -------------------------------------------------------------- the net

    def _make_net(self, x: Array, outputs: int) -> Any:
        """Return a new net for features such as ``x``."""
        if self.net is not None:
            made = self._moved(self._called(x.shape[1], outputs), x)
            shape = tuple(predict(made, x[:1, ...]).shape)
            if shape != (1, outputs):
                raise ValueError(
                    f"{self._owner}: `net` must make a net that returns (batch, {outputs}) here, got {shape} "
                    "for a batch of 1"
                )
            return made
        return self._chain([x.shape[1], *self._hidden(), outputs], x)

    def _called(self, *sizes: int) -> Any:
        if not callable(self.net) or isinstance(self.net, type) or is_module(self.net):
            raise TypeError(
                f"{self._owner}: `net` must be a function of the sizes of input and output, "
                f"got {shown(self.net)}"
            )
        return self.net(*sizes)

    def _moved(self, made: Any, x: Array) -> Any:
        """Return a net of one's own where it is to be, in the dtype it is to have, if any is named."""
        if not is_module(made):
            raise TypeError(f"{self._owner}: `net` must return a module, got {shown(made)}")
        backend = place(self._owner, self.backend, x)
        if isinstance(made, Module):
            real_dtype(self._owner, self.dtype, backend, x)
            return made.to(backend, dtype=self.dtype)
        if self.backend is not None or self.dtype is not None:
            raise TypeError(
                f"{self._owner}: `backend` and `dtype` move a net of diynn's modules, got {shown(made)} "
                "from `net`; put it into a Sequential"
            )
        return made

    def _chain(self, sizes: Sequence[int], x: Array) -> Sequential:
        """Return linear layers of these sizes, with the activation between two of them."""
        backend = place(self._owner, self.backend, x)
        dtype = real_dtype(self._owner, self.dtype, backend, x)
        activation = one_of(self._owner, "activation", self.activation, ACTIVATIONS)
        modules: list[Any] = []
        for inputs, outputs in pairwise(sizes):
            if modules and activation is not None:
                modules.append(activation())
            modules.append(Linear(inputs, outputs, rng=self._generator, backend=backend, dtype=dtype, **_LAW))
        return Sequential(*modules)

    def _hidden(self) -> list[int]:
        given: Any = self.hidden_layer_sizes
        single = isinstance(given, int | np.integer)
        sizes = [given] if single else sequence(self._owner, "hidden_layer_sizes", given)
        return [positive(self._owner, "hidden_layer_sizes", each) for each in sizes]

    @property
    def _owner(self) -> str:
        return type(self).__name__

    # -------------------------------------------------------------- its training

    def _again(self, *, more: bool) -> bool:
        """Say whether to continue with the existing net."""
        return hasattr(self, "net_") and (more or flag(self._owner, "warm_start", self.warm_start))

    def _train(
        self,
        x: Array,
        y: Array,
        loss: Any,
        outputs: int,
        *,
        more: bool,
        weights: np.ndarray[Any, Any] | None = None,
        groups: np.ndarray[Any, Any] | None = None,
    ) -> None:
        """Train a new net, or the existing one: on all of the data until it is done, or for one epoch.

        Weights are taken relative to their mean, and so is the penalty, as if examples were repeated.
        ``groups`` are classes, by which held-out examples are stratified.
        """
        owner = self._owner
        again = self._again(more=more)
        if not again:
            self._generator = np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1))
            self.net_ = self._make_net(x, outputs)
        self._home = address(x)
        like = first_parameter(self.net_)
        y = y if like is None else alike(y, like)
        early = flag(owner, "early_stopping", self.early_stopping) and not more
        validation = None
        if early:
            share = fraction(owner, "validation_fraction", self.validation_fraction)
            train, test = held_out(owner, x.shape[0], share, int(self._generator.integers(2**31)), groups)
            validation = taken(x, test), taken(y, test), None if weights is None else weights[test]
            x, y, weights = taken(x, train), taken(y, train), None if weights is None else weights[train]
        batch_size = self._batch(x.shape[0])
        alpha = number_from_0(owner, "alpha", self.alpha)
        epochs = 1 if more else positive(owner, "max_iter", self.max_iter)
        if weights is not None:
            heavy = float(weights.mean())
            alpha, weights = alpha / heavy, weights / heavy
        if not (again and more):
            self._optim = Optim(
                self.net_, loss, learning_rate(owner, self.learning_rate_init),
                rule=WeightDecay(Averaged(rule(owner, self.solver), batch_size), alpha),
                execution=execution(owner, self.execution, epochs * self._epoch_seconds(x, batch_size)),
            )  # fmt: skip
        self._optim.loss = loss
        with at_most(1 if _within_parallel() else cores()):
            self.history_ = self._optim.SGD(
                x, y, batch_size, epochs, weights=weights, validation=validation,
                callbacks=[] if more else self._watchers(early), checkpoint=self.checkpoint,
                rng=self._generator, progress=flag(owner, "verbose", self.verbose),
            )  # fmt: skip
        self._note(more)

    def _batch(self, examples: int) -> int:
        if isinstance(self.batch_size, str) and self.batch_size == "auto":
            return min(_AUTO, examples)
        return min(positive(self._owner, "batch_size", self.batch_size), examples)

    def _epoch_seconds(self, x: Array, batch_size: int) -> float:
        """Return what an epoch takes, about."""
        steps: int = ceil(x.shape[0] / batch_size)
        return steps * seconds(self.net_, x, batch_size)

    def _watchers(self, early: bool) -> list[Callback]:
        patience = positive(self._owner, "n_iter_no_change", self.n_iter_no_change)
        column = "validation_cost" if early else "cost"
        stop = Settled(column, patience, number_from_0(self._owner, "tol", self.tol))
        return [stop, KeepBest(column=column)] if early else [stop]

    def _note(self, more: bool) -> None:
        """Set the fitted attributes; warn if training ended before its cost stopped falling."""
        history: History = self.history_
        earlier = self.loss_curve_ if more and hasattr(self, "loss_curve_") else []
        self.loss_curve_: list[float] = earlier + history.costs
        self.n_iter_ = len(self.loss_curve_)
        if not more and history.stopped is None:
            warnings.warn(
                f"{self._owner}: the cost was still falling after `max_iter` = {self.max_iter} epochs",
                ConvergenceWarning,
                stacklevel=4,
            )

    # -------------------------------------------------------------- its outputs

    def _outputs(self, method: str, x: Any, part: str = "net_") -> Array:
        """Return the outputs of the net, or of a part of it, on the features' backend, for a method."""
        check_is_fitted(self)
        x = validated(self, x, reset=False)
        if get_config()["array_api_dispatch"] and address(x) != self._home:
            raise ValueError(
                f"{self._owner}: `X` in {self._owner}.{method}() must use the same namespace and device as "
                f"in fit(), {self._home}, got {describe(x)}; diynn.asarray(X, {self._home!r}) moves it"
            )
        return predict(getattr(self, part), x, backend=Backend(namespace(x), device_beside(x)))


def _within_parallel() -> bool:
    """Say whether joblib runs several of these at a time: each then has one thread."""
    return bool(get_active_backend()[0].nesting_level)
