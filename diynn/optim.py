"""One training step, `Optim`, and training on a whole data set, `SGD`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from math import inf
from threading import Lock
from typing import Any

import numpy as np

from diynn.advice import warn_of_the_end
from diynn.arrays import Array, BackendLike, alike
from diynn.assembly import check_loss, check_net, check_rule, move_net
from diynn.callbacks import Callback, Run
from diynn.calls import spelled, worded
from diynn.dataset import as_weights, moved
from diynn.execution import Execution, accumulated, find_execution
from diynn.execution.habits import Habits, habits, habits_key
from diynn.execution.interrupts import Deferred
from diynn.execution.structure import Structure
from diynn.execution.updates import RecordedUpdate
from diynn.history import History
from diynn.hosted import stay_on_numpy
from diynn.initializers import Seed
from diynn.loaders import raise_unless_loader
from diynn.module import first_handle, parameters, update_parameters, zero_grad
from diynn.parameter import Parameter
from diynn.rules import PlainStep, Rule, State, prepared
from diynn.schedules import Schedule, constant
from diynn.shapes import positive, positive_number
from diynn.sheet import ELSEWHERE, WORDS, Missing
from diynn.states import rehearse, set_state, state_of
from diynn.training import Metric, train
from diynn.wording import shown


@worded
class Optim:
    """One step of gradient descent: zero, forward, backward, update.

    Parameters
    ----------
    net : Module
        The net to train: a module, of any origin, with the methods of the course sheet.
    loss : Loss
        The loss to minimise.
    eps : float or Schedule
        The step size (``learning_rate`` is accepted too), or a function from the number of steps taken to
        the step size. Gradients are summed over the batch: a step on twice as many examples is twice as
        long.
    rule : Rule, optional
        How the parameters follow the gradient; None for the sheet's plain step, which is each module's
        own ``update_parameters``.
    execution : str or Execution
        How the gradient of a batch is computed: ``"serial"``, whole; ``"threads"``, split over all cores, on
        NumPy and if net and loss are ``per_example``; ``"auto"``, on as many threads as pay for the batch;
        ``"mpi"``, split over the ranks of MPI; or an object of ``diynn.execution``, such as
        ``Threads(count)``. Except for ``"serial"``, the operations of a net and a loss that are ``pure`` are
        recorded, and repeated without calling the modules.

    Raises
    ------
    TypeError
        If ``net`` or ``loss`` lacks methods of the sheet; if a rule is given and cannot reach the parameters,
        or would bypass a module's own ``update_parameters``.
    ValueError
        If the step size is not a positive number, or sizes of neighbouring layers do not fit.

    Warns
    -----
    UserWarning
        If the last layer and the loss both have, or both lack, a softmax or a sigmoid.

    Source: the course sheet, "Mon troisième est un encapsulage".
    """

    def __init__(
        self,
        net: Any,
        loss: Any,
        eps: float | Schedule = 1e-3,
        *,
        rule: Rule | None = None,
        execution: str | Execution = "auto",
        backend: BackendLike = None,
    ) -> None:
        check_net("Optim", net)
        check_loss("Optim", loss)
        check_rule("Optim", rule)
        warn_of_the_end("Optim", net, loss)
        if backend is not None:
            move_net("Optim", net, backend)
        stay_on_numpy("Optim", net)
        self.net, self.loss, self.rule = net, loss, rule
        self.execution = find_execution(execution)
        self.eps = eps
        self.steps = 0
        self._following: Rule | None = None
        self._began = 0
        self._states: dict[Parameter, State] = {}
        self._lock = Lock()
        self._ending = _Update(self)
        self._home = first_handle(net)  # batches are moved to its backend
        self._habits: tuple[Any, Habits] | None = None
        self._recorded: RecordedUpdate | None = None
        self._rehearsing = False  # whether the state was restored
        if rule is not None:
            if not _gradients(net):
                raise TypeError(
                    f"Optim: {rule!r} finds no parameters in {type(net).__name__}: they must be arrays "
                    "`_parameters` of its modules; without a rule each module updates itself"
                )
            self._trained(None)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_lock": None, "_ending": None, "_recorded": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state | {"_lock": Lock(), "_ending": _Update(self)})

    def __dir__(self) -> list[str]:
        missing = {name for name, each in vars(Optim).items() if isinstance(each, Missing)}
        return [each for each in super().__dir__() if each not in missing]

    @property
    def eps(self) -> float:
        """The step size of the next step.

        Raises
        ------
        ValueError
            If a schedule returns no positive number.
        """
        given = self.schedule(self.steps)
        try:
            # A NumPy scalar would decide the dtype of what it multiplies; a text times 1.0 is an error.
            eps = given if type(given) is float else float(given * 1.0)
        except (TypeError, ValueError):
            raise TypeError(f"Optim: `eps`, a schedule, must return a number, got {shown(given)}") from None
        if not 0 <= eps < inf:
            raise ValueError(
                f"Optim: `eps`, a schedule, must return 0 or more, got {eps!r} at step {self.steps}"
            )
        return eps

    @eps.setter
    def eps(self, eps: float | Schedule) -> None:
        if callable(eps) and not isinstance(eps, type):
            self.schedule: Schedule = eps
        else:
            self.schedule = constant(positive_number("Optim", "eps", eps))

    def step(self, batch_x: Array, batch_y: Array, weights: Any = None) -> Array:
        """Train on one batch.

        Ctrl-C takes effect after the step, a second one at once, but never within the update.

        Parameters
        ----------
        batch_x, batch_y : arrays (batch, ...)
            The examples and their targets; NumPy arrays are moved to the net's backend.
        weights : array (batch,), optional
            Weights of the examples: each multiplies its cost and its delta, as that many copies would.

        Returns
        -------
        array (batch,)
            The costs before the step, times the weights.

        Raises
        ------
        RuntimeError
            If another thread is taking a step with this object.
        ValueError
            If there is not one weight, or one cost of the loss, per example.
        """
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(
                "Optim: one object was used by two threads at once; give each its own net and Optim"
            )
        update = self._ending
        try:
            with update.interrupts as interrupts:
                try:
                    home = self._home
                    # At every step, so without the two calls of `home.value` if it is NumPy's.
                    if home is not None and type(getattr(home.owner, home.name)) is not np.ndarray:
                        like = home.value  # of a dict or list, one of its arrays
                        if type(like) is not np.ndarray:
                            batch_x = moved(batch_x, like, real=True)
                            batch_y = moved(batch_y, like, real=False)
                    extra = () if weights is None else (self._weights(weights, batch_x),)
                    if self._rehearsing:
                        interrupts.may_stop = False
                        rehearse(self, update, batch_x, batch_y, *extra)
                        interrupts.may_stop = True
                    return self.execution.step(self.net, self.loss, batch_x, batch_y, update, *extra)
                except BaseException:
                    interrupts.may_stop = False
                    zero_grad(self.net)  # leave no partial gradient behind
                    raise
        finally:
            self._lock.release()

    def _weights(self, weights: Any, batch_x: Array) -> Array:
        """Return the weights of a batch in the net's dtype, on its backend."""
        like = None if self._home is None else self._home.value
        return moved(as_weights("Optim", "weights", weights, batch_x), like, real=True)

    def SGD(self, x: Any, y: Any = None, *arguments: Any, **options: Any) -> History:  # noqa: N802  # as in courses
        """Train the net on shuffled batches, ``optim.SGD(x, y, batch_size, epochs)``: see :func:`diynn.SGD`.

        It takes the options of that function, except those of this object's constructor.
        """
        return train(self, x, y, *arguments, **options)

    def update(self) -> None:
        """Update the parameters from the gradient accumulated so far."""
        with Deferred() as interrupts:
            interrupts.may_stop = False
            self._update(None)

    def state(self) -> dict[str, Any]:
        """Return the whole state of the training, as dicts of numbers and NumPy arrays.

        It has the parameters and the rule's states, both by label, the number of steps, the net's random
        generators, and how batches are computed; and the ``state()`` of each module that has it and
        ``restore(state)``.
        """
        return state_of(self)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a state, pickled or not: later steps equal, to the bit, those that followed it.

        Raises
        ------
        ValueError
            If the state is of another net or rule; nothing is changed.
        TypeError
            If it is no state.
        """
        set_state(self, state)

    def _update(self, structure: Structure | None) -> None:
        """Update the parameters; ``structure`` is the net's, if it was verified just now."""
        eps = self.eps
        recorded = self._recording(structure) if structure is not None else None
        if recorded is not None:
            recorded.prepare(eps, self._number())
            recorded.play()
        elif self.rule is not None:
            self._follow(self.rule, eps, self._trained(structure))
        else:
            update_parameters(self.net, eps)
        self.steps += 1

    def _recording(self, structure: Structure) -> RecordedUpdate | None:
        """Return the update as a recording, if it can be one."""
        recorded = self._recorded
        if recorded is None or not recorded.holds(structure, self.rule, self._states):
            rule = self.rule or PlainStep()
            if self.rule is None and not structure.habits.plain:
                return None
            trained = structure.parameters if self.rule is None else self._trained(structure)
            if self.rule is not None:
                self._begin(rule, trained)
            recorded = RecordedUpdate(structure, rule, trained, self._states, self.eps, self._number())
            self._recorded = recorded
        return recorded if recorded.recording is not None else None

    def _number(self) -> int:
        """Return the number of the next step, from 1 for the first by this rule."""
        return self.steps - self._began + 1

    def _begin(self, rule: Rule, trained: Iterable[Parameter]) -> None:
        """Create missing states of the rule; a new rule begins at its first step."""
        if rule is not self._following:
            self._following, self._began, self._states = rule, self.steps, {}
        for parameter in trained:
            if parameter not in self._states:
                self._states[parameter] = rule.start(parameter.value)

    def _follow(self, rule: Rule, eps: float, trained: Iterable[Parameter]) -> None:
        """Update parameters from their gradients by a rule."""
        trained = list(trained)
        self._begin(rule, trained)
        values = [each.value for each in trained]
        biases = [each.is_bias for each in trained]
        gradients = prepared(rule, values, [each.gradient for each in trained], biases)
        for parameter, gradient in zip(trained, gradients, strict=True):
            state = tuple(
                alike(each, parameter.value) for each in self._states[parameter]
            )  # it may have moved
            change, self._states[parameter] = rule.change(
                parameter.value, gradient, state, eps, self._number()
            )
            parameter.value -= change

    def _trained(self, structure: Structure | None) -> list[Parameter]:
        """Return the parameters that a rule updates: not those that their module keeps frozen.

        Raises
        ------
        TypeError
            If a module has an update of its own, which a rule would bypass.
        """
        if structure is not None:
            handles, updates = structure.parameters, structure.habits.updates
        else:
            handles, key = parameters(self.net), habits_key(self.net)
            if self._habits is None or self._habits[0] != key:
                self._habits = key, habits(self.net)
            updates = self._habits[1].updates
        for handle, does in zip(handles, updates, strict=True):
            if does == "own":
                raise TypeError(
                    f"Optim: {type(handle.owner).__name__} has an `update_parameters` that does something "
                    f"else than `_parameters -= gradient_step * _gradient`, which {self.rule!r} would skip; "
                    "train without `rule`, or let the class inherit that method"
                )
        return [handle for handle, does in zip(handles, updates, strict=True) if does == "plain"]


def _gradients(net: Any) -> list[Array]:
    """Return the gradients of a net; raise TypeError if one is not there, and ``zero_grad`` makes none."""
    try:
        return [each.gradient for each in parameters(net)]
    except TypeError:
        zero_grad(net)
        return [each.gradient for each in parameters(net)]


for _word in ELSEWHERE.keys() - dir(Optim):
    setattr(Optim, _word, Missing(_word))
for _word in WORDS["eps"]:  # optim.lr = 0.1 sets it too
    setattr(Optim, _word, Optim.eps)


class _Update:
    """The update at the end of a step, as it is passed to an execution."""

    __slots__ = ("_optim", "interrupts")

    def __init__(self, optim: Optim) -> None:
        self._optim, self.interrupts = optim, Deferred()

    def __call__(self, structure: Structure | None) -> None:
        self.interrupts.may_stop = False
        self._optim._update(structure)

    def recorded(self, structure: Structure) -> RecordedUpdate | None:
        return self._optim._recording(structure)

    def prepare(self, structure: Structure) -> RecordedUpdate | None:
        optim = self._optim
        self.interrupts.may_stop = False
        recorded = optim._recording(structure)
        if recorded is not None:
            recorded.prepare(optim.eps, optim._number())
        return recorded

    def taken(self) -> None:
        self._optim.steps += 1


@spelled()
def SGD(  # noqa: N802  # the sheet's name
    net: Any,
    loss: Any,
    x: Any,
    y: Any = None,
    batch_size: int = 32,
    epochs: int = 10,
    eps: float | Schedule = 1e-3,
    *,
    rule: Rule | None = None,
    weights: Any = None,
    validation: tuple[Any, ...] | float | None = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Sequence[Callback | Callable[[Run], None]] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    every: int | timedelta | None = None,
    seconds: float | None = None,
    rng: Seed = None,
    execution: str | Execution = "auto",
    accumulate: int = 1,
    progress: bool = True,
    backend: BackendLike = None,
) -> History:
    """Train a net by stochastic gradient descent on shuffled batches.

    Parameters
    ----------
    net : Module
        A module of any origin with the methods of the course sheet.
    loss : Loss
        Likewise.
    x, y : arrays (examples, ...), lists or frames
        The examples and their targets. ``x`` is converted once to the dtype of the parameters, also
        integers, and data on the host are moved to the net's backend; data mapped from a file, or too large
        for a GPU, are converted and moved batch by batch.
        ``x`` alone may be a loader: a sequence of pairs (x, y) or of (x, y, weights), or a function from the
        number of epochs done to one. Its batches keep their order and size, a batch may be
        empty, and metrics are only those of the validation data.
    batch_size, epochs : int
        Examples in a step, and passes over the data.
    eps : float or Schedule
        The step size, as in :class:`diynn.Optim` (``learning_rate`` is accepted too). Gradients are summed
        over the batch, not averaged.
    rule : Rule, optional
        The update rule; None for the sheet's plain step.
    weights : array (examples,), optional
        Weights of the examples, as in :meth:`diynn.Optim.step`; costs in the history are weighted means.
    validation : (x, y) or (x, y, weights), or float, optional
        Examples on which cost and metrics are computed after each epoch; metrics are not weighted. A number
        is a share of the examples, drawn by ``rng`` before the first epoch and held out.
    metrics : dict of str to function (y, yhat) → float, optional
        Metrics to compute after each epoch besides the cost, such as ``{"accuracy": diynn.accuracy}``.
    callbacks : list of Callback, or of functions of a :class:`Run`, called after each epoch
        Such as :class:`diynn.EarlyStopping` and :class:`diynn.KeepBest`.
    checkpoint : path, optional
        A file for the whole state of the training, which is written after each epoch; where epochs take a few
        milliseconds, after several, so that it takes 5 % of the time at most. What came since is lost if the
        process is killed; if the power fails, a second or two: only so often the file itself is replaced and
        flushed to disk, and between, and before, two hidden files beside it are written. Move or delete them
        with it; they are gone when the training has ended, in any way but a kill. If there is a state, the
        training resumes from it, and ends equal to the bit to one that was never stopped; one that has ended
        returns its history. Steps are compiled at the first opportunity then, so that runs are reproducible.
    every : int or datetime.timedelta, optional
        Write the checkpoint also after every so many steps, or so much time.
    seconds : float, optional
        Time budget: training ends after the step in which it is used up.
    rng : seed or numpy.random.Generator, optional
        Draws the order of the examples.
    execution : str or Execution
        How the gradient of a batch is computed, as in :class:`diynn.Optim`.
    accumulate : int
        Number of batches in a step: their gradients are added up before one update, so that a step on
        ``accumulate * batch_size`` examples needs the memory of one batch, and one sum over ranks of MPI.
    progress : bool
        Whether to show a progress bar.
    backend : str or namespace, optional
        The backend to move the net to; None leaves it where it is.

    Returns
    -------
    History
        One value per epoch of each metric. Ctrl-C ends the training after the current step, and returns the
        history so far; so does SIGTERM if there is a checkpoint, which both of them write. A cost that is not
        finite ends it with a warning. There are warnings, too, of a net without a gradient, and of units that
        are saturated at the end.

    Raises
    ------
    ValueError
        If the numbers of examples differ, there are none at all, a size is not positive, or a value of ``x``
        or ``y`` is not finite.
    TypeError
        If ``x`` or ``y`` is no array of numbers; as :class:`diynn.Optim` does.
    CheckpointError
        If the checkpoint is damaged, or of another net, rule, data, batch size or seed.
    OSError
        If it cannot be written.

    Source: the course sheet, "Mon troisième est un encapsulage".
    """
    if isinstance(net, Optim):
        raise TypeError(
            "SGD: `net` must be a module, got an Optim; "
            "an Optim trains by optim.SGD(x, y, batch_size, epochs)"
        )
    for name, value, kind in (("net", net, "module"), ("loss", loss, "loss")):
        if hasattr(value, "shape") and not hasattr(value, "forward"):
            raise TypeError(
                f"SGD: `{name}` must be a {kind}, got {shown(value)}; SGD takes "
                "(net, loss, x, y, batch_size, epochs, eps)"
            )
    if y is None:
        raise_unless_loader("SGD", x)
    if type(x) in (int, float) and type(y) not in (int, float):
        raise TypeError(
            f"SGD: `x` must be an array of numbers, got {shown(x)}; SGD takes (net, loss, x, y, batch_size, "
            "epochs, eps): write SGD(net, loss, x, y, eps=...)"
        )
    optim = Optim(net, loss, eps, rule=rule, execution=execution, backend=backend)
    optim.execution = accumulated(optim.execution, positive("SGD", "accumulate", accumulate))
    batch_size = positive("SGD", "batch_size", batch_size) * accumulate
    given: dict[str, Any] = {"weights": weights, "validation": validation, "metrics": metrics}
    given |= {"callbacks": callbacks, "rng": rng, "progress": progress}
    given |= {"checkpoint": checkpoint, "every": every, "seconds": seconds}
    return train(optim, x, y, batch_size, epochs, **given)
