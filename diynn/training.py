"""Training on a whole data set: the loop that ``SGD`` runs, and the outputs for many examples."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil, isfinite
from time import perf_counter
from typing import Any, TypeAlias

from diynn.arguments import flag
from diynn.arrays import Array, BackendLike, asarray, find_backend, namespace
from diynn.assembly import check_metrics, warn_of_no_gradient, warn_of_saturation
from diynn.callbacks import Callback, Run, as_callbacks
from diynn.composition import per_example
from diynn.dataset import Examples, as_array, beside, examples, moved
from diynn.history import History
from diynn.initializers import Seed, as_generator
from diynn.module import first_parameter, in_mode
from diynn.shapes import positive
from diynn.sheet import spelled
from diynn.wording import shown

Metric: TypeAlias = Callable[[Array, Array], float]

_SHOWN_EVERY = 0.2  # seconds between two looks at the running cost, each of which waits for the device
_SAMPLE = 256  # examples on which units are looked at, at the end


@spelled("SGD", bound=True)
def train(
    optim: Any,
    x: Any,
    y: Any,
    batch_size: int = 32,
    epochs: int = 10,
    *,
    validation: tuple[Any, Any] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Sequence[Callback | Callable[[Run], None]] = (),
    rng: Seed = None,
    progress: bool = True,
) -> History:
    """Train the net of an :class:`diynn.Optim` on shuffled batches: the loop of :func:`diynn.SGD`."""
    batch_size, epochs = positive("SGD", "batch_size", batch_size), positive("SGD", "epochs", epochs)
    progress = flag("SGD", "progress", progress)
    net, loss = optim.net, optim.loss
    watchers = as_callbacks("SGD", callbacks)
    check_metrics("SGD", metrics)
    like = first_parameter(net)
    data = examples("SGD", like, x, y)
    measured = None if validation is None else _validation(like, validation)
    generator = as_generator("SGD", rng)
    run = Run(net, loss, optim, epochs)
    for watcher in watchers:
        watcher.start(run)
    steps = epochs * ceil(len(data) / batch_size)
    with in_mode(net, training=True), _interruptible(run), _Progress(steps, disable=not progress) as bar:
        while run.epoch < epochs and run.stopped is None:
            cost, seconds = _epoch(run, data.batches(batch_size, generator), watchers, bar)
            run.epoch += 1
            run.history.add(cost=cost, seconds=seconds, **_measure(net, loss, data, measured, metrics))
            if not isfinite(cost):
                run.stopped = f"the cost of epoch {run.epoch} is not finite"
                warnings.warn(f"SGD: {run.stopped}; try a smaller `eps`", RuntimeWarning, stacklevel=3)
            for watcher in watchers:
                watcher.epoch(run)
    for watcher in watchers:
        watcher.end(run)
    warn_of_saturation("SGD", net, data.sample(_SAMPLE))
    return run.history


def predict(net: Any, x: Any, batch_size: int = 1024, *, backend: BackendLike = None) -> Array:
    """Return the outputs of a net for many examples, a batch at a time where the net allows it.

    The net is evaluated: a dropout lets all values through.

    Parameters
    ----------
    net : Module
        A module of any origin.
    x : array (examples, ...), list or frame
        The examples; those on the host are moved to where the net is.
    batch_size : int
        Examples in one forward pass.
    backend : str or namespace, optional
        Where the outputs are to be, such as ``"numpy"``; None for where the net is.

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
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise TypeError(f"SGD: `validation` must be a pair (x, y), got {shown(pair)}")
    x, y = pair
    return examples("SGD", like, x, y, "validation[0]", "validation[1]")


def _epoch(
    run: Run, pairs: Iterator[tuple[Array, Array]], watchers: list[Callback], bar: _Progress
) -> tuple[float, float]:
    """Train on each batch; return the mean cost of an example and the seconds it took."""
    total: Any = 0.0
    examples = 0
    start = perf_counter()
    for batch_x, batch_y in pairs:
        costs = run.optim.step(batch_x, batch_y)
        if run.epoch == 0 and examples == 0:
            warn_of_no_gradient("SGD", run.net)
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
    training: Examples,
    validation: Examples | None,
    metrics: Mapping[str, Metric] | None,
) -> dict[str, float]:
    """Return the metrics on the training data, and those and the cost on the validation data."""
    values = {}
    if metrics:
        yhat = predict(net, training.x)
        y = beside(training.y, yhat)
        values.update({name: float(metric(y, yhat)) for name, metric in metrics.items()})
    if validation is not None:
        yhat = predict(net, validation.x)
        y = beside(validation.y, yhat)
        values["validation_cost"] = float(_sum(loss.forward(y, yhat), y.shape[0])) / y.shape[0]
        for name, metric in (metrics or {}).items():
            values[f"validation_{name}"] = float(metric(y, yhat))
    return values


class _Progress:
    """A bar over all steps, with the running cost of the epoch."""

    def __init__(self, steps: int, *, disable: bool) -> None:
        if disable:
            from tqdm import tqdm  # the other one warns in a notebook that has no ipywidgets
        else:
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
