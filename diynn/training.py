"""Training on a whole data set: ``SGD``."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil, isfinite
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from diynn.arrays import Array, alike, kind, namespace, to_numpy
from diynn.callbacks import Callback, Run
from diynn.composition import per_example
from diynn.data import batches, near
from diynn.execution import Execution
from diynn.history import History
from diynn.module import in_mode, parameters
from diynn.optim import Optim
from diynn.rules import Rule
from diynn.schedules import Schedule
from diynn.shapes import positive

Metric: TypeAlias = Callable[[Array, Array], float]

_SHOWN_EVERY = 0.2  # seconds between two looks at the running cost, each of which waits for the device


def SGD(  # noqa: N802  # the sheet's name
    net: Any,
    loss: Any,
    x: Array,
    y: Array,
    batch_size: int = 32,
    epochs: int = 10,
    eps: float | Schedule = 1e-3,
    *,
    rule: Rule | None = None,
    validation: tuple[Array, Array] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Sequence[Callback | Callable[[Run], None]] = (),
    rng: int | np.random.Generator | None = None,
    execution: str | Execution = "auto",
    progress: bool = True,
) -> History:
    """Train a net by stochastic gradient descent on shuffled batches.

    Parameters
    ----------
    net : Module
        A module of any origin with the methods of the course sheet.
    loss : Loss
        Likewise.
    x, y : arrays (examples, ...)
        The examples and what is right for them. ``x`` is converted once to the dtype of the parameters.
        For a net on CuPy they may be NumPy's: they are placed on the GPU, or moved batch by batch where
        they are too large for that.
    batch_size, epochs : int
        Examples in a step, and passes over the data.
    eps : float or Schedule
        The step size, as in :class:`diynn.Optim`. Gradients are summed over the batch, not averaged.
    rule : Rule, optional
        The update rule; None for the sheet's plain step.
    validation : (x, y), optional
        Examples to measure on after each epoch.
    metrics : dict of str to function (y, yhat) → float, optional
        What to measure after each epoch besides the cost, such as ``{"accuracy": diynn.accuracy}``.
    callbacks : list of Callback, or of functions of a :class:`Run`, called after each epoch
        Such as :class:`diynn.EarlyStopping` and :class:`diynn.KeepBest`.
    rng : seed or numpy.random.Generator, optional
        Where the order of the examples is drawn from.
    execution : str or Execution
        How the gradient of a batch is accumulated, as in :class:`diynn.Optim`.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    History
        One value an epoch of everything measured. Ctrl-C ends the training after the step under way,
        and returns what there is; a cost that is not finite ends it with a warning.

    Raises
    ------
    ValueError
        If the numbers of examples differ, there are none, a size is not positive, or a value of ``x`` or
        ``y`` is not finite.
    TypeError
        If ``x`` or ``y`` is no array.

    Source: the course sheet, "Mon troisième est un encapsulage".
    """
    batch_size, epochs = positive("SGD", "batch_size", batch_size), positive("SGD", "epochs", epochs)
    x, y = _checked(net, x, y, "x", "y")
    (x, y), to = near(_parameter(net), x, y)
    if validation is not None:
        validation = _checked(net, *validation, "validation[0]", "validation[1]")
        (first, second), _ = near(_parameter(net), *validation)
        validation = first, second
    watchers = [each if isinstance(each, Callback) else _Function(each) for each in callbacks]
    generator = np.random.default_rng(rng)
    optim = Optim(net, loss, eps, rule=rule, execution=execution)
    run = Run(net, loss, optim, epochs)
    for watcher in watchers:
        watcher.start(run)
    steps = epochs * ceil(x.shape[0] / batch_size)
    with in_mode(net, training=True), _interruptible(run), _Progress(steps, disable=not progress) as bar:
        while run.epoch < epochs and run.stopped is None:
            cost, seconds = _epoch(run, batches(x, y, batch_size, rng=generator, to=to), watchers, bar)
            run.epoch += 1
            run.history.add(cost=cost, seconds=seconds, **_measure(net, loss, (x, y), validation, metrics))
            if not isfinite(cost):
                run.stopped = f"the cost of epoch {run.epoch} is not finite"
                warnings.warn(f"SGD: {run.stopped}; try a smaller `eps`", RuntimeWarning, stacklevel=2)
            for watcher in watchers:
                watcher.epoch(run)
    for watcher in watchers:
        watcher.end(run)
    return run.history


def predict(net: Any, x: Array, batch_size: int = 1024) -> Array:
    """Return the outputs of a net for many examples, a batch at a time where the net allows it.

    The net is evaluated: a dropout lets all values through.

    Parameters
    ----------
    net : Module
        A module of any origin.
    x : array (examples, ...)
        The examples; for a net on CuPy they may be NumPy's.
    batch_size : int
        Examples in one forward pass.

    Returns
    -------
    array (examples, ...)
    """
    batch_size = positive("predict", "batch_size", batch_size)
    (x,), to = near(_parameter(net), x)
    n = x.shape[0]
    with in_mode(net, training=False):
        if n <= batch_size or not per_example(net):
            return net.forward(x if to is None else alike(x, to))
        parts = [x[start : min(start + batch_size, n), ...] for start in range(0, n, batch_size)]
        outputs = [net.forward(part if to is None else alike(part, to)) for part in parts]
    return namespace(outputs[0]).concat(outputs)


def _epoch(
    run: Run, pairs: Iterator[tuple[Array, Array]], watchers: list[Callback], bar: _Progress
) -> tuple[float, float]:
    """Train on each batch; return the mean cost of an example and the seconds it took."""
    total: Any = 0.0
    examples = 0
    start = perf_counter()
    for batch_x, batch_y in pairs:
        costs = run.optim.step(batch_x, batch_y)
        total = total + _sum(costs, batch_x.shape[0])
        examples += batch_x.shape[0]
        for watcher in watchers:
            watcher.step(run, costs)
        bar.step(run, total, examples)
        if run.stopped is not None:
            break
    cost = float(total) / examples  # waits for the device, so that the time below is whole
    return cost, perf_counter() - start


def _sum(costs: Any, examples: int) -> Any:
    """Sum costs as any loss returns them: one an example, more, or one number, taken for their mean."""
    if getattr(costs, "ndim", 0) == 0:
        return costs * examples
    return namespace(costs).sum(costs)


def _measure(
    net: Any,
    loss: Any,
    training: tuple[Array, Array],
    validation: tuple[Array, Array] | None,
    metrics: Mapping[str, Metric] | None,
) -> dict[str, float]:
    """Return the metrics on the training data, and those and the cost on the validation data."""
    values = {}
    if metrics:
        yhat = predict(net, training[0])
        y = _beside(training[1], yhat)
        values.update({name: float(metric(y, yhat)) for name, metric in metrics.items()})
    if validation is not None:
        yhat = predict(net, validation[0])
        y = _beside(validation[1], yhat)
        values["validation_cost"] = float(_sum(loss.forward(y, yhat), y.shape[0])) / y.shape[0]
        for name, metric in (metrics or {}).items():
            values[f"validation_{name}"] = float(metric(y, yhat))
    return values


def _checked(net: Any, x: Array, y: Array, x_name: str, y_name: str) -> tuple[Array, Array]:
    """Return the data, ``x`` in the dtype of the net; raise unless both are whole, finite and paired."""
    for name, values in ((x_name, x), (y_name, y)):
        try:
            xp = namespace(values)
        except TypeError:
            raise TypeError(f"SGD: `{name}` must be an array, got {type(values).__name__}") from None
        if kind(values) != "real floating":
            continue
        finite = xp.isfinite(values)
        if not bool(xp.all(finite)):
            bad = to_numpy(~finite).reshape(values.shape[0], -1)
            raise ValueError(
                f"SGD: `{name}` must be finite, got {int(bad.sum())} values that are not, "
                f"the first in example {int(bad.any(axis=1).argmax())}"
            )
    if x.shape[0] != y.shape[0] or x.shape[0] == 0:
        raise ValueError(
            f"SGD: `{x_name}` and `{y_name}` must hold the same number of examples, at least one, "
            f"got {x.shape[0]} and {y.shape[0]}"
        )
    arrays = [each.value for each in _readable(net)]
    own = arrays and namespace(x) is namespace(arrays[0])  # others are converted when they are moved
    if own and kind(x) == kind(arrays[0]) and x.dtype != arrays[0].dtype:
        x = namespace(x).astype(x, arrays[0].dtype)
    return x, y


def _parameter(net: Any) -> Array | None:
    """Return an array of the net's parameters, if it has any, to see where it lies."""
    return next((each.value for each in _readable(net)), None)


def _beside(y: Array, yhat: Array) -> Array:
    """Return targets where the predictions are: they may have stayed on the host for want of room."""
    (y,), to = near(yhat, y)
    return y if to is None else alike(y, to)


def _readable(net: Any) -> list[Any]:
    try:
        return parameters(net)
    except TypeError:  # parameters of a form of their own, which their module updates itself
        return []


class _Function(Callback):
    """A plain function of the run, called after each epoch."""

    def __init__(self, function: Callable[[Run], None]) -> None:
        self.function = function

    def epoch(self, run: Run) -> None:
        self.function(run)


class _Progress:
    """A bar over all steps, with the running cost of the epoch."""

    def __init__(self, steps: int, *, disable: bool) -> None:
        from tqdm.auto import tqdm  # takes 40 ms to import

        self.bar = tqdm(total=steps, disable=disable, unit="step", dynamic_ncols=True)
        self.shown = 0.0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def step(self, run: Run, total: Any, examples: int) -> None:
        if not self.bar.disable and perf_counter() - self.shown > _SHOWN_EVERY:
            self.shown = perf_counter()
            self.bar.set_description(f"epoch {run.epoch + 1}/{run.epochs}", refresh=False)
            self.bar.set_postfix_str(f"cost {float(total) / examples:.4g}", refresh=False)
        self.bar.update()


@contextmanager
def _interruptible(run: Run) -> Iterator[None]:
    """Let Ctrl-C end the training after the step under way; a second one interrupts at once."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return

    def stop(number: int, frame: Any) -> None:
        run.stopped = "interrupted"
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
