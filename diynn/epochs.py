"""A training, epoch by epoch, with the state that its checkpoint saves and restores."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import Any

import numpy as np

from diynn.advice import warn_of_no_gradient
from diynn.arrays import Array, asarray_like, namespace
from diynn.callbacks import Callback, Run
from diynn.dataset import Examples
from diynn.files.manifest import CheckpointError
from diynn.generators import generator_state, legacy_state, set_generator_state, set_legacy_state
from diynn.loaders import Loader
from diynn.module import first_parameter
from diynn.ranks import Ranks
from diynn.rendering import progress_bar
from diynn.resume import Checkpoint
from diynn.states import parts_of
from diynn.stopping import Stop

_SHOWN_EVERY = 0.2  # seconds between updates of the running cost, which wait for the device


@dataclass
class Place:
    """Progress within the current epoch: batches done, sums of weights and of costs, seconds.

    Without weights each example counts 1. ``drawn`` is the generator's state before it drew the order of the
    examples.
    """

    steps: int = 0
    examples: Any = 0
    total: Any = 0.0
    seconds: float = 0.0
    drawn: dict[str, Any] | None = None

    @property
    def cost(self) -> float:
        """The mean cost so far, 0 before the first example of positive weight."""
        examples = float(self.examples)
        return float(self.total) / examples if examples else 0.0


class Training:
    """A run and its data; an epoch resumes at ``place``.

    Parameters
    ----------
    run : Run
    data : Examples or Loader
    batch_size : int
    generator : numpy.random.Generator
        Draws the order of the examples.
    watchers : list of Callback
    measure : function () → dict of str to float
        Called after each epoch; returns values for the history.
    ranks : Ranks
        Rank 0 reads, writes and warns.
    """

    def __init__(
        self,
        run: Run,
        data: Examples | Loader,
        batch_size: int,
        generator: np.random.Generator,
        watchers: list[Callback],
        measure: Callable[[], dict[str, float]],
        ranks: Ranks,
    ) -> None:
        self.ranks = ranks
        self.run, self.data, self.batch_size, self.generator = run, data, batch_size, generator
        self.watchers, self.measure = watchers, measure
        self.place = Place()
        self.checkpoint: Checkpoint | None = None
        self._watched: list[Any] = []
        self._unwritten = self._gradient_seen = False

    def keep(self, checkpoint: Checkpoint) -> None:
        """Write to a checkpoint from here on, and resume from its state if it has one."""
        self.checkpoint = checkpoint
        repeat = getattr(self.run.optim.execution, "repeat", None)
        if callable(repeat):
            repeat()
        state = self.ranks.first(checkpoint.read() if self.ranks.rank == 0 else None)
        if state is not None:
            try:
                self._restore(state)
            except ValueError as error:  # a generator that cannot be saved, for instance
                raise CheckpointError(f"SGD: {str(checkpoint.path)!r} cannot be loaded: {error}") from None

    def begin(self) -> None:
        """Call ``start`` of the callbacks, then restore their states from the checkpoint."""
        for watcher in self.watchers:
            watcher.start(self.run)
        for watcher, state in zip(self.watchers, self._watched, strict=False):
            watcher.restore(state)

    def epoch(self, stop: Stop, bar: Progress) -> None:
        """Train on the remaining batches of an epoch, measure, call the callbacks, write the checkpoint."""
        run, place = self.run, self.place
        start, paused = perf_counter() - place.seconds, False
        for batch in self._batches():
            costs = run.optim.step(*batch)
            size, *weights = batch[0].shape[0], *batch[2:]
            if run.epoch == 0 and size > 0 and not self._gradient_seen and self.ranks.rank == 0:
                self._gradient_seen = True
                warn_of_no_gradient("SGD", run.net)
            place.total = place.total + sum_of_costs(costs, size)
            place.steps, place.examples = place.steps + 1, place.examples + counted(size, *weights)
            for watcher in self.watchers:
                watcher.step(run, costs)
            bar.step(place)
            stop.after_step()
            stopped, paused = run.stopped, stop.reason is not None  # in this order, since a signal sets both
            if self.checkpoint is not None and (paused or self.checkpoint.due(place.steps)):
                place.seconds = perf_counter() - start
                self._write(stop)
            if paused or stopped is not None:
                break
        cost = place.cost  # waits for the device, so that the time below is complete
        run.epoch, self.place = run.epoch + 1, Place()
        run.history.add(cost=cost, seconds=perf_counter() - start, **self.measure())
        if not isfinite(cost):
            run.stopped = f"the cost of epoch {run.epoch} is not finite"
            if self.ranks.rank == 0:
                warnings.warn(f"SGD: {run.stopped}; try a smaller `eps`", RuntimeWarning, stacklevel=4)
        for watcher in self.watchers:
            watcher.epoch_end(run)
        run.history.stopped = self.ranks.first(run.stopped)  # a time limit may be noticed by one rank only
        self._unwritten = not paused  # if paused, it was written within the epoch
        if self.checkpoint is not None and self._unwritten and self.ranks.first(self.checkpoint.affordable()):
            self._write(stop)

    def close(self, stop: Stop) -> None:
        """Write the final state, unless it has been written."""
        if self.checkpoint is not None and self._unwritten:
            self._write(stop)

    def _batches(self) -> Iterator[tuple[Array, ...]]:
        run, place, generator = self.run, self.place, self.generator
        now = generator_state(generator)
        if place.drawn is None:
            place.drawn = now
            return self.data.batches(run.epoch, self.batch_size, generator)
        set_generator_state(generator, place.drawn)
        left = self.data.batches(run.epoch, self.batch_size, generator, place.steps)
        set_generator_state(generator, now)  # the caller may share the generator
        return left

    # -------------------------------------------------------------- the checkpoint

    def _write(self, stop: Stop) -> None:
        assert self.checkpoint is not None
        state = self._state(stop)  # a collective operation of all ranks
        if self.ranks.rank == 0:
            self.checkpoint.write(*state)
        self._unwritten = False

    def _state(self, stop: Stop) -> tuple[dict[str, Any], dict[str, Any]]:
        run = self.run
        arrays, rest = parts_of(run.optim)
        paused = stop.reason is not None and run.stopped == stop.reason  # a pause is not a stop
        return arrays, {
            "optim": rest,
            "epoch": run.epoch,
            "place": vars(self.place),
            "generator": generator_state(self.generator),
            "legacy": legacy_state(),
            "history": run.history.columns,
            "stopped": None if paused else run.stopped,
            "watchers": [watcher.state() for watcher in self.watchers],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        run = self.run
        run.optim.restore(state["optim"])
        run.epoch, run.history.stopped = state["epoch"], state["stopped"]
        run.history.update(state["history"])
        self.place, self._watched = Place(**state["place"]), state["watchers"]
        like = first_parameter(run.net)
        for name, value in vars(self.place).items():
            if isinstance(value, np.ndarray) and like is not None:
                setattr(self.place, name, asarray_like(value, like))
        set_generator_state(self.generator, state["generator"])
        set_legacy_state(state["legacy"])


def sum_of_costs(costs: Any, examples: int) -> Any:
    """Sum costs as any loss returns them: one or more per example, or one number, taken as their mean."""
    if getattr(costs, "ndim", 0) == 0:
        return costs * examples if examples else 0.0  # the mean of none is NaN
    # Asked at every step: the method of NumPy's arrays has a third of the overhead of the function.
    return costs.sum() if type(costs) is np.ndarray else namespace(costs).sum(costs)


def counted(examples: int, weights: Array | None = None) -> Any:
    """Return the total weight of examples: the sum of their weights, or their number."""
    return examples if weights is None else namespace(weights).sum(weights)


class Progress:
    """A progress bar over all steps, with the running cost of the epoch.

    Parameters
    ----------
    steps : int or None
        Batches in an epoch, if known.
    run : Run
    disable : bool
        Whether to hide the bar.
    """

    def __init__(self, steps: int | None, run: Run, *, disable: bool) -> None:
        total = None if steps is None else run.epochs * steps
        self.bar = progress_bar(
            total=total, initial=run.epoch * (steps or 0), disable=disable, unit="step", dynamic_ncols=True
        )
        self.run, self.shown = run, 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def step(self, place: Place) -> None:
        """Advance by one step, and update the running cost from time to time."""
        if not self.bar.disable and perf_counter() - self.shown > _SHOWN_EVERY:
            self.shown = perf_counter()
            self.bar.set_description(f"epoch {self.run.epoch + 1}/{self.run.epochs}", refresh=False)
            self.bar.set_postfix_str(f"cost {place.cost:.4g}", refresh=False)
        self.bar.update()
