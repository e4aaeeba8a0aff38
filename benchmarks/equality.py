"""How far the gradient of a batch split over threads and blocks is from that of the batch in one piece."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from contenders.diynn_step import loss_of, net_of
from workloads import Workload

import diynn
from diynn.execution import Threads
from diynn.module import parameters

_BATCH = 1024


def differences(workloads: Sequence[Workload], threads: int) -> dict[str, tuple[float, float]]:
    """Return the largest differences over workloads, by dtype, as :func:`difference` has them."""
    found = {}
    for dtype in ("float32", "float64"):
        pairs = [difference(workload, _BATCH, dtype, threads) for workload in workloads]
        found[dtype] = (max(whole for whole, _ in pairs), max(worst for _, worst in pairs))
    return found


def difference(workload: Workload, batch: int, dtype: str, threads: int) -> tuple[float, float]:
    """Return the difference from ``serial``, relative, as lengths of vectors.

    Returns
    -------
    whole, worst : float
        Of the net's whole gradient, and of the worst of its arrays: a bias whose gradient is a sum in
        which most cancels, so that in float32 the order of the terms shows.
    """
    split, single = (_gradients(workload, batch, dtype, how) for how in (Threads(threads), "serial"))
    apart = [float(np.linalg.norm(a - b)) for a, b in zip(split, single, strict=True)]
    lengths = [float(np.linalg.norm(b)) for b in single]
    whole = float(np.linalg.norm(apart) / np.linalg.norm(lengths))
    return whole, max(a / b for a, b in zip(apart, lengths, strict=True))


def _gradients(workload: Workload, batch: int, dtype: str, execution: str | Threads) -> list[np.ndarray]:
    net = net_of(workload, "numpy", dtype)
    x, y = workload.data(batch)
    diynn.Optim(net, loss_of(workload), 1e-9, execution=execution).step(x.astype(dtype), y)
    return [parameter.gradient for parameter in parameters(net)]
