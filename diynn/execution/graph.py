"""A step captured once as a CUDA graph, and replayed: one launch instead of one for each kernel.

On a small batch a GPU waits for Python, which takes longer to launch a kernel than the kernel to run. A
graph has all kernels of a step with their arguments: arrays that lie where they lay when it was captured.
So a batch is copied into arrays that stay, and results come out in arrays that stay.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from diynn.arrays import Array, copy
from diynn.execution.cuda import Capture, refusal
from diynn.execution.serial import serial
from diynn.layers.sequential import flat
from diynn.module import forget_gradient, ours, parameters, plus

_MOST = 8  # graphs kept, each with the memory of its step

_Key: TypeAlias = tuple[Any, ...]


class Graphs:
    """Steps replayed as CUDA graphs, one for each shape of a batch; in one piece where that cannot be.

    A net and a loss are captured if they are made of diynn's own modules, whose operations are known to
    depend on nothing but their arrays. Parameters may be written to; where they are replaced, the step is
    captured anew. The gradients lie in the graph's memory, and hold until the next batch.

    Attributes
    ----------
    reason : str or None
        Why the last batch was not replayed from a graph; None where it was.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._steps: dict[_Key, _Step | str] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"reason": None, "_steps": {}}  # a copy begins anew: a graph is bound to its memory

    def __repr__(self) -> str:
        return "Graphs()"

    def __call__(self, net: Any, loss: Any, x: Array, y: Array) -> Array:
        """Add the gradient of a batch to the net's, and return the costs (batch,)."""
        step = _obstacle(net, loss, x) or self._step(net, loss, x, y)
        if isinstance(step, str):
            self.reason = step
            return serial(net, loss, x, y)
        self.reason = None
        return step(x, y)

    def _step(self, net: Any, loss: Any, x: Array, y: Array) -> _Step | str:
        key = (*flat(net), loss, x.shape, x.dtype, y.shape, y.dtype)
        step = self._steps.get(key)
        if step is None or not (isinstance(step, str) or step.is_current()):
            self._steps.pop(key, None)
            if len(self._steps) == _MOST:
                del self._steps[next(iter(self._steps))]
            try:
                step = _Step(net, loss, x, y)
            except Exception as error:  # whatever is amiss, serial can do without a graph, or says it better
                step = f"the step could not be captured: {type(error).__name__}: {error}"
            self._steps[key] = step
        return step


class _Step:
    """The step of one net and loss on batches of one shape."""

    def __init__(self, net: Any, loss: Any, x: Array, y: Array) -> None:
        self.net, self.loss, self.x, self.y = net, loss, copy(x), copy(y)
        self.handles = parameters(net)
        self.values = [each.value for each in self.handles]
        self.capture = Capture(self.run)
        self.costs, *self.gradients = self.capture.results

    def run(self) -> list[Array]:
        """Return the costs and the gradients of the batch in ``x`` and ``y``; leave the net as it was."""
        before = [each.gradient for each in self.handles]
        try:
            for module in flat(self.net):
                forget_gradient(module)
            costs = serial(self.net, self.loss, self.x, self.y)
            return [costs, *(each.gradient for each in self.handles)]
        finally:
            for handle, gradient in zip(self.handles, before, strict=True):
                handle.gradient = gradient

    def is_current(self) -> bool:
        """Say whether the parameters are still the arrays that were captured."""
        return all(each.value is value for each, value in zip(self.handles, self.values, strict=True))

    def __call__(self, x: Array, y: Array) -> Array:
        pairs = list(zip(self.handles, self.gradients, strict=True))
        for handle, gradient in pairs:
            if handle.gradient is gradient:  # of the last batch, to be added to
                handle.gradient = copy(gradient)
        self.x[...] = x
        self.y[...] = y
        self.capture.replay()
        for handle, gradient in pairs:
            handle.gradient = plus(handle.gradient, gradient)
        return copy(self.costs)


def _obstacle(net: Any, loss: Any, x: Array) -> str | None:
    """Return why a batch cannot be captured, or None if nothing is known against it."""
    for each in (net, *flat(net), loss):
        if not ours(each):
            return f"{type(each).__name__} is not one of diynn's own: a graph could miss what it does"
    return "the batch is empty" if x.shape[0] == 0 else refusal(x)
