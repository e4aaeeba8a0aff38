"""The time of a module compared with ours, to report slow loops over examples or windows."""

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
    """Return the ratio of the times of a forward and backward pass to ours, and the two times in seconds.

    None for a kind that is not timed, or if it raises.
    """
    setup = _SETUPS.get(candidate.kind.name)
    if setup is None:
        return None
    rng = np.random.default_rng(candidate.seed)
    data = rng.normal(size=setup.shape)
    delta = rng.normal(size=shape_after(candidate.kind.name, setup.shape, tuple(setup.arguments.items())))
    try:
        mine = _seconds(candidate.make(setup), data, delta)
        # In the same host, so that the overhead of messages counts for both.
        ours = _seconds(our_instance(candidate, setup), data, delta)
    except (Raised, CannotBuild):
        return None
    return mine / ours, mine, ours


def our_instance(candidate: Candidate, setup: Setup) -> Instance:
    """Return diynn's module of the same kind, in the same host."""
    return Instance.build(
        candidate.host, ClassInfo(f"diynn.{candidate.kind.name}"), list(setup.arguments.values())
    )


def _seconds(instance: Instance, data: np.ndarray, delta: np.ndarray) -> float:
    """Return the shortest time of four passes, or of fewer if one is long."""
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
