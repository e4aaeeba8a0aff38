"""How long it takes, beside ours: a convolution that loops over its batch is told what that costs."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from diynn.checking.contract.candidate import Candidate
from diynn.checking.contract.class_info import ClassInfo
from diynn.checking.contract.instance import Instance
from diynn.checking.contract.kinds import Setup, shape_after
from diynn.checking.contract.raised import CannotBuild, Raised

_SETUPS = {
    "Linear": Setup({"in_features": 64, "out_features": 64}, (32, 64)),
    "Conv1D": Setup({"k_size": 3, "chan_in": 8, "chan_out": 8, "stride": 1}, (8, 64, 8)),
    "MaxPool1D": Setup({"k_size": 2, "stride": 2}, (8, 64, 8)),
    "AvgPool1D": Setup({"k_size": 2, "stride": 2}, (8, 64, 8)),
    "Softmax": Setup({}, (64, 32)),
    "LogSoftmax": Setup({}, (64, 32)),
}


def compare(candidate: Candidate) -> tuple[float, float, float] | None:
    """Return how many times slower a forward and backward pass are than ours, and the two times in seconds.

    None for a kind that is not timed, or if what is to be timed does not run.
    """
    setup = _SETUPS.get(candidate.kind.name)
    if setup is None:
        return None
    rng = np.random.default_rng(candidate.seed)
    data = rng.normal(size=setup.shape)
    delta = rng.normal(size=shape_after(candidate.kind.name, setup.shape, tuple(setup.arguments.items())))
    try:
        mine = _seconds(candidate.make(setup), data, delta)
        # Ours in the same host, so that the way there and back counts for both.
        ours = _seconds(our_instance(candidate, setup), data, delta)
    except (Raised, CannotBuild):
        return None
    return mine / ours, mine, ours


def our_instance(candidate: Candidate, setup: Setup) -> Instance:
    """Return our own module of the same kind, beside what is judged."""
    return Instance.build(
        candidate.host, ClassInfo(f"diynn.{candidate.kind.name}"), list(setup.arguments.values())
    )


def _seconds(instance: Instance, data: np.ndarray, delta: np.ndarray) -> float:
    """Return the shortest of a few passes; what takes long is measured once."""
    best = float("inf")
    for _ in range(4):
        start = perf_counter()
        _pass(instance, data, delta)
        best = min(best, perf_counter() - start)
        if best > 0.05:
            break
    return best


def _pass(instance: Instance, data: np.ndarray, delta: np.ndarray) -> Any:
    instance.call_optional("zero_grad")
    instance.call("forward", data)
    instance.call_optional("backward_update_gradient", data, delta)
    return instance.call("backward_delta", data, delta)
