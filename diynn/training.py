"""Training on a whole data set, the loop of ``SGD``; and predictions for many examples."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from diynn.advice import warn_of_saturation
from diynn.arguments import flag
from diynn.arrays import Array, BackendLike, asarray, find_backend, namespace
from diynn.assembly import check_metrics
from diynn.callbacks import Callback, Run, as_callbacks
from diynn.calls import spelled
from diynn.composition import per_example
from diynn.dataset import Examples, as_array, beside, examples, moved
from diynn.epochs import Progress, Training, counted, sum_of_costs
from diynn.execution.serial import weighted
from diynn.history import History
from diynn.initializers import Seed, as_generator
from diynn.loaders import Loader, examples_or_loader
from diynn.module import first_parameter, in_mode
from diynn.ranks import Ranks
from diynn.resume import Checkpoint, identify
from diynn.shapes import positive, positive_number
from diynn.stopping import Stop
from diynn.wording import shown

Metric: TypeAlias = Callable[[Array, Array], float]

_SAMPLE = 256  # examples on which saturation is checked, at the end


@spelled("Optim.SGD")
def train(
    optim: Any,
    /,
    x: Any,
    y: Any = None,
    batch_size: int = 32,
    epochs: int = 10,
    *,
    weights: Any = None,
    validation: tuple[Any, ...] | float | None = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Sequence[Callback | Callable[[Run], None]] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    every: int | timedelta | None = None,
    seconds: float | None = None,
    rng: Seed = None,
    progress: bool = True,
) -> History:
    """Train the net of an :class:`diynn.Optim` on shuffled batches: the loop of :func:`diynn.SGD`."""
    batch_size, epochs = positive("SGD", "batch_size", batch_size), positive("SGD", "epochs", epochs)
    progress = flag("SGD", "progress", progress)
    seconds = None if seconds is None else positive_number("SGD", "seconds", seconds)
    if every is not None and checkpoint is None:
        raise ValueError(
            "SGD: `every` says how often `checkpoint` is written, and there is none; name a file"
        )
    if isinstance(every, timedelta) and Ranks(optim.execution).size > 1:
        raise ValueError("SGD: `every` must be a number of steps where there are several ranks, got a time, "
                         "which each of them would read from its own clock")  # fmt: skip
    watchers = as_callbacks("SGD", callbacks)
    check_metrics("SGD", metrics)
    net, loss = optim.net, optim.loss
    like, ranks = first_parameter(net), Ranks(optim.execution)
    data = examples_or_loader("SGD", like, x, y, weights, share=(ranks.rank, ranks.size))
    generator = as_generator("SGD", rng)
    if rng is None:
        generator = ranks.first(generator)
    measured = None
    if isinstance(validation, float):
        data, measured = _held_out(data, validation, generator, again=checkpoint is None or rng is not None)
    elif validation is not None:
        measured = _validation(like, validation)
    run = Run(net, loss, optim, epochs)
    measure = partial(_measure, net, loss, data, measured, metrics, ranks)
    training = Training(run, data, batch_size, generator, watchers, measure, ranks)
    if checkpoint is not None:
        sums: dict[str, Any] = {}
        if ranks.rank == 0:  # the only one to read and write
            sums = {"data": data.identity(), "validation": None if measured is None else measured.identity()}
        names = {"metrics": list(metrics or ()), "callbacks": [type(each).__name__ for each in watchers]}
        seed = None if rng is None else generator
        training.keep(Checkpoint(checkpoint, every, identify(optim, batch_size, seed, sums | names), net))
    training.begin()
    with (
        in_mode(net, training=True),
        Stop(run, seconds, terminate=checkpoint is not None, ranks=ranks) as stop,
        Progress(data.steps(batch_size), run, disable=not progress or ranks.rank > 0) as bar,
        training.checkpoint or nullcontext(),
    ):
        while run.epoch < epochs and run.stopped is None:
            training.epoch(stop, bar)
        training.close(stop)
    for watcher in watchers:
        watcher.end(run)
    sample = data.sample(_SAMPLE)
    if sample is not None and ranks.rank == 0:
        warn_of_saturation("SGD", net, sample)
    return run.history


@spelled()
def predict(net: Any, x: Any, batch_size: int = 1024, *, backend: BackendLike = None) -> Array:
    """Return the outputs of a net for many examples, a batch at a time where the net allows it.

    The net is in evaluation mode: a dropout passes all values.

    Parameters
    ----------
    net : Module
        A module of any origin.
    x : array (examples, ...), list or frame
        The examples; data on the host are moved to the net's backend.
    batch_size : int
        Examples in one forward pass.
    backend : str or namespace, optional
        The backend of the outputs, such as ``"numpy"``; None for the net's.

    Returns
    -------
    array (examples, ...)

    Raises
    ------
    TypeError, ValueError
        If ``net`` is no module, ``x`` no array of numbers, or ``batch_size`` no positive integer.
    """
    if isinstance(net, type) or not callable(getattr(net, "forward", None)):
        raise TypeError(f"predict: `net` must be a module, got {shown(net)}")
    batch_size = positive("predict", "batch_size", batch_size)
    where = None if backend is None else find_backend(backend, owner="predict")
    x, like = as_array("predict", "x", x), first_parameter(net)
    n = x.shape[0]
    with in_mode(net, training=False):
        if n <= batch_size or not per_example(net):
            outputs = net.forward(moved(x, like, real=True))
        else:
            parts = (x[start : min(start + batch_size, n), ...] for start in range(0, n, batch_size))
            each = [net.forward(moved(part, like, real=True)) for part in parts]
            outputs = namespace(each[0]).concat(each)
    return outputs if where is None else asarray(outputs, where)


def _validation(like: Array | None, pair: Any) -> Examples:
    if not isinstance(pair, list | tuple) or len(pair) not in (2, 3):
        raise TypeError(
            f"SGD: `validation` must be (x, y) or (x, y, weights), or a share such as 0.1, got {shown(pair)}"
        )
    (x, y), weights = pair[:2], pair[2] if len(pair) == 3 else None
    return examples("SGD", like, x, y, weights, names=[f"validation[{number}]" for number in range(3)])


def _held_out(
    data: Examples | Loader, share: float, rng: np.random.Generator, *, again: bool
) -> tuple[Examples, Examples]:
    """Return the examples to train on, and a random sample held out for validation."""
    if not isinstance(data, Examples):
        raise TypeError("SGD: `validation` of batches must be (x, y) or (x, y, weights), got a share")
    if not again:
        raise ValueError(
            "SGD: `validation`, a share, needs `rng` beside a `checkpoint`, to be the same when it goes on"
        )
    count = round(share * len(data)) if 0 < share < 1 else 0
    if not 0 < count < len(data):
        raise ValueError(
            "SGD: `validation`, a share, must be between 0 and 1 and leave an example on both sides, "
            f"got {share!r} of {len(data)}"
        )
    order = rng.permutation(len(data))
    return data.some(order[count:]), data.some(order[:count])


def _measure(
    net: Any,
    loss: Any,
    training: Examples | Loader,
    validation: Examples | None,
    metrics: Mapping[str, Metric] | None,
    ranks: Ranks,
) -> dict[str, float]:
    """Return the metrics on the training data, and those and the cost on the validation data."""
    values = {}
    if metrics and isinstance(training, Examples):
        yhat = _outputs(net, training.x, ranks)
        y = beside(training.y, yhat)
        values.update({name: _number(name, metric(y, yhat)) for name, metric in metrics.items()})
    if validation is not None:
        yhat = _outputs(net, validation.x, ranks)
        y = beside(validation.y, yhat)
        values["validation_cost"] = _mean_cost(loss, y, yhat, validation.weights)
        for name, metric in (metrics or {}).items():
            values[f"validation_{name}"] = _number(name, metric(y, yhat))
    return values


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"SGD: `metrics` {name!r} must return a number, got {shown(value)}") from None


def _mean_cost(loss: Any, y: Array, yhat: Array, weights: Array | None) -> float:
    costs, count = loss.forward(y, yhat), y.shape[0]
    if weights is not None:
        weights = beside(weights, yhat)
        costs = weighted(loss, weights, costs)
    return float(sum_of_costs(costs, count)) / float(counted(count, weights))


def _outputs(net: Any, x: Array, ranks: Ranks) -> Array:
    """Return the outputs for all examples, of which each rank computes its share."""
    if ranks.size == 1 or not per_example(net):
        return predict(net, x)
    return ranks.joined(predict(net, ranks.share(x)))
