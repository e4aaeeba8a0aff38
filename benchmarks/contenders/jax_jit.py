"""JAX: the whole step under ``jax.jit``, the parameters donated so that they are updated in place."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import workloads as w
from jax import lax

from contenders import Step, on_gpu

_LAYOUT = ("NWC", "WIO", "NWC")  # channels last: the faster layout on a CPU


def available(workload: w.Workload, backend: str) -> str | None:
    """Return why it cannot take part, or None."""
    try:
        jax.devices("gpu" if on_gpu(backend) else "cpu")
    except RuntimeError as error:
        return f"JAX: {error}"
    return None


def build(workload: w.Workload, batch: int, threads: int, backend: str) -> Step:
    """Return the step; the number of threads JAX takes from the cores that the process may use."""
    jax.config.update("jax_default_matmul_precision", "highest")  # full float32 on a GPU as well
    return JaxStep(workload, batch, jax.devices("gpu" if on_gpu(backend) else "cpu")[0])


def logits(workload: w.Workload, parameters: list[Any], x: Any) -> Any:
    """Return the net's output."""
    remaining = iter(parameters)
    for layer in workload.layers:
        match layer:
            case w.Linear():
                weight, bias = next(remaining)
                x = x @ weight + bias
            case w.Conv():
                weight, bias = next(remaining)
                x = lax.conv_general_dilated(x, weight, (1,), "VALID", dimension_numbers=_LAYOUT) + bias
            case w.MaxPool(k_size):
                x = _max_pool(x, k_size)
            case w.Flatten():
                x = x.reshape(x.shape[0], -1)
            case w.Tanh():
                x = jnp.tanh(x)
            case w.ReLU():
                x = jax.nn.relu(x)
    return x


def _max_pool(x: Any, k_size: int) -> Any:
    # The gradient of lax.reduce_window is a scatter: twice as slow a step as with the maximum of slices.
    end = x.shape[1] // k_size * k_size
    pooled = x[:, 0:end:k_size]
    for tap in range(1, k_size):
        pooled = jnp.maximum(pooled, x[:, tap:end:k_size])
    return pooled


def cost(workload: w.Workload, parameters: list[Any], x: Any, y: Any) -> Any:
    """Return the summed cost."""
    z = logits(workload, parameters, x)
    if workload.loss == "bce":
        return jnp.sum(jnp.maximum(z, 0) - y * z + jnp.log1p(jnp.exp(-jnp.abs(z))))
    return -jnp.sum(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1))


class JaxStep(Step):
    """Value, gradient and update in one compiled function."""

    def __init__(self, workload: w.Workload, batch: int, device: Any) -> None:
        self.parameters = jax.device_put(workload.weights(), device)
        self.x, self.y = jax.device_put(workload.data(batch), device)
        if device.platform != "cpu":
            self.sample = 20e-3  # timed by the host, which takes a while to learn that the GPU is done
        eps = workload.eps(batch)

        def whole(parameters: list[Any], x: Any, y: Any) -> tuple[list[Any], Any]:
            total, gradients = jax.value_and_grad(cost, argnums=1)(workload, parameters, x, y)
            return jax.tree.map(lambda value, gradient: value - eps * gradient, parameters, gradients), total

        self.whole = jax.jit(whole, donate_argnums=0)

    def step(self) -> None:
        """Call the compiled function."""
        self.parameters, self.total = self.whole(self.parameters, self.x, self.y)

    def cost(self) -> float:
        """Return the summed cost."""
        return float(self.total)

    def sync(self) -> None:
        """Wait for the parameters, which are done last."""
        jax.block_until_ready(self.parameters)
