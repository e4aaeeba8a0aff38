"""Time on the device: events in its own stream, which no wait of the host can lengthen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def wait(backend: str, arrays: Any) -> None:
    """Wait until arrays on a backend are computed: one, or nested lists of them."""
    if backend.startswith("cupy"):
        import cupy

        cupy.cuda.Device().synchronize()
    elif backend == "torch:cuda":
        import torch

        torch.cuda.synchronize()
    elif backend.startswith("jax"):
        import jax

        jax.block_until_ready(arrays)


def seconds(backend: str, step: Callable[[], None], steps: int) -> float | None:
    """Run some steps between two events; return None for a backend that has none.

    The device passes the first event at once, so that the time it waits for Python is counted.
    """
    if backend.startswith("cupy"):
        import cupy

        begin, end = cupy.cuda.Event(), cupy.cuda.Event()
    elif backend == "torch:cuda":
        import torch

        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    else:
        return None
    begin.record()
    for _ in range(steps):
        step()
    end.record()  # in the default stream, which waits for all others
    end.synchronize()
    if backend.startswith("cupy"):
        return 1e-3 * float(cupy.cuda.get_elapsed_time(begin, end))
    return 1e-3 * float(begin.elapsed_time(end))
