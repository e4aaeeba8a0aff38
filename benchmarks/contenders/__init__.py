"""Who takes part: a module each, imported in the contender's own process and nowhere else.

Each module has two functions::

    available(workload, backend, **options) -> str | None       why it cannot take part, or None
    build(workload, batch, threads, backend, **options) -> Step

``backend`` is that of diynn; ``"cupy"`` and ``"torch:cuda"`` mean that everybody runs on the GPU.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any


@dataclass(frozen=True)
class Contender:
    """Where a contender is found.

    Attributes
    ----------
    module : str
        The module with ``available`` and ``build``.
    options : dict
        Keyword arguments of both.
    blas : int or None
        Threads of its BLAS, where it splits the work over threads itself; None for all it is given.
    peer : bool
        Whether it is somebody else's framework, that diynn is measured against.
    """

    module: str
    options: dict[str, Any] = field(default_factory=dict)
    blas: int | None = None
    peer: bool = False


#: The contenders by name.
CONTENDERS = {
    "diynn": Contender("contenders.diynn_step"),
    "diynn-played": Contender("contenders.diynn_step", {"compiled": False}),
    "diynn-serial": Contender("contenders.diynn_step", {"execution": "serial"}),
    "diynn-threads": Contender("contenders.diynn_step", {"execution": "threads"}),
    "diynn-numpy": Contender("contenders.diynn_step", {"on": "numpy"}),
    "torch": Contender("contenders.torch_eager", peer=True),
    "torch-channels-last": Contender("contenders.torch_eager", {"channels_last": True}, peer=True),
    "torch-compile": Contender("contenders.torch_compile", peer=True),
    "jax": Contender("contenders.jax_jit", peer=True),
    "sklearn": Contender("contenders.sklearn_mlp", peer=True),
    "floor": Contender("contenders.floor", blas=1),
    "traffic": Contender("contenders.traffic"),
    "byhand": Contender("contenders.byhand"),
}


class Step:
    """One contender's training step on one workload, ready to run.

    Attributes
    ----------
    sample : float
        How many seconds of steps are timed together, at least.
    """

    sample = 2e-3

    def step(self) -> None:
        """Train once on the batch; need not wait for the device."""
        raise NotImplementedError(f"{type(self).__name__} has no step()")

    def cost(self) -> float | None:
        """Return the sum of the costs that the last step found; None where there are none."""
        return None

    def sync(self) -> None:
        """Wait until all steps are done."""

    def seconds(self, steps: int) -> float:
        """Run some steps in a row and return the seconds until the last is done.

        Nobody waits between them: a framework that works ahead of Python may.
        """
        start = perf_counter()
        for _ in range(steps):
            self.step()
        self.sync()
        return perf_counter() - start


def on_gpu(backend: str) -> bool:
    """Say whether a run with this backend of diynn's is one on the GPU."""
    return backend.partition(":")[0] == "cupy" or backend == "torch:cuda"
