"""What an estimator's parameters stand for: activations, rules, places, ways of execution, by their names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from diynn.arrays import (
    Array,
    Backend,
    BackendLike,
    DType,
    as_dtype,
    device_beside,
    find_backend,
    namespace,
)
from diynn.execution import Execution
from diynn.execution.choice import EXECUTIONS, Threads
from diynn.layers import GELU, LeakyReLU, ReLU, Sigmoid, Tanh
from diynn.rules import Adam, AdamW, Momentum, RMSprop, Rule
from diynn.schedules import Schedule
from diynn.shapes import positive_number
from diynn.wording import shown

ACTIVATIONS: dict[str, Callable[[], Any] | None] = {
    "relu": ReLU, "tanh": Tanh, "logistic": Sigmoid, "leaky_relu": LeakyReLU, "gelu": GELU, "identity": None,
}  # fmt: skip
SOLVERS: dict[str, Callable[[], Rule]] = {
    "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "sgd": partial(Momentum, nesterov=True),
}  # fmt: skip
# Compiling takes some tenths of a second, once for each size of a batch: its code is kept on disk. From this
# length on, folds of one size, or a few more trainings, win it back.
_WORTH_COMPILING = 0.03  # seconds that all steps are expected to take


def one_of(owner: str, argument: str, value: Any, known: dict[str, Any]) -> Any:
    """Return what a name stands for.

    Raises
    ------
    ValueError
        If it is none of those known.
    """
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{owner}: `{argument}` must be one of {', '.join(known)}, got {shown(value)}")
    return known[value]


def rule(owner: str, solver: Any) -> Rule:
    """Return the rule that ``solver`` is, or names.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if isinstance(solver, Rule):
        return solver
    made: Rule = one_of(owner, "solver", solver, SOLVERS)()
    return made


def learning_rate(owner: str, given: Any) -> float | Schedule:
    """Return a step size, or a schedule of them.

    Raises
    ------
    TypeError, ValueError
        If it is neither a positive number nor a function that begins with 0 or more.
    """
    if callable(given) and not isinstance(given, type):
        first = given(0)
        what = f"{owner}: `learning_rate_init`, a schedule, must return 0 or more, got {shown(first)}"
        try:
            size = float(first)
        except (TypeError, ValueError):
            raise TypeError(what) from None
        if not 0 <= size < np.inf:
            raise ValueError(what)
        schedule: Schedule = given
        return schedule
    return positive_number(owner, "learning_rate_init", given)


def place(owner: str, backend: BackendLike, x: Array) -> Backend | None:
    """Return where a net is to be: as told, or where features are that are not NumPy's; None for the default.

    Raises
    ------
    ImportError, TypeError, ValueError
        If there is no such library or device.
    """
    if backend is not None:
        return find_backend(backend, owner=owner)
    return None if isinstance(x, np.ndarray) else Backend(namespace(x), device_beside(x))


def real_dtype(owner: str, dtype: DType, where: Backend | None, x: Array) -> Any:
    """Return the dtype of a net's numbers: as told, or that of its features.

    Raises
    ------
    ValueError
        If the library has no such real dtype.
    """
    if dtype is None:
        return x.dtype
    return as_dtype(dtype, find_backend(where, owner=owner), owner=owner)


def execution(owner: str, given: Any, seconds: float) -> str | Execution:
    """Return a way of execution for steps that take about so many seconds together.

    ``"auto"`` compiles those of a long training at once, by their expected length and no clock, so that every
    run has the same result.

    Raises
    ------
    TypeError, ValueError
        If it is no way of execution, and none is named so.
    """
    if isinstance(given, str):
        one_of(owner, "execution", given, EXECUTIONS)
    elif not callable(given) or isinstance(given, type):
        raise TypeError(
            f"{owner}: `execution` must be one of {', '.join(EXECUTIONS)}, or an object of diynn.execution, "
            f"got {shown(given)}"
        )
    if given != "auto" or seconds < _WORTH_COMPILING:
        found: str | Execution = given
        return found
    threads = Threads()
    threads.repeat()
    return threads
