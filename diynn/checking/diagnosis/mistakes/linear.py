"""Mistakes of the linear layer."""

import numpy as np

from diynn.arrays import Array
from diynn.checking.diagnosis.mistakes import Facts, mistake


def _gradient(f: Facts) -> Array:
    gradient: Array = f.x.T @ f.delta
    return gradient


mistake("linear.no_bias", "Linear", "forward", lambda f: f.x @ f.W)
mistake("linear.transposed", "Linear", "forward", lambda f: f.x @ f.W.T + f.b)
mistake("linear.transposed", "Linear", "forward", lambda f: f.x @ f.W.T)
mistake("linear.minus_bias", "Linear", "forward", lambda f: f.x @ f.W - f.b)
mistake("linear.sum_of_bias", "Linear", "forward", lambda f: f.x @ f.W + f.b.sum())
mistake("linear.mean", "Linear", "forward", lambda f: (f.x @ f.W) / f.batch)

mistake("linear.transposed", "Linear", "delta", lambda f: f.delta @ f.W)
mistake("linear.no_weights", "Linear", "delta", lambda f: f.delta * f.x)
mistake("linear.with_bias", "Linear", "delta", lambda f: (f.delta + f.b) @ f.W.T)
mistake("linear.summed_delta", "Linear", "delta", lambda f: (f.delta @ f.W.T).sum(axis=0))
mistake("linear.summed_delta", "Linear", "delta", lambda f: (f.delta @ f.W.T).mean(axis=0))
mistake("linear.summed_delta", "Linear", "delta",
        lambda f: np.broadcast_to((f.delta @ f.W.T).sum(axis=0), f.x.shape))  # fmt: skip
mistake("linear.delta_of_weights", "Linear", "delta", lambda f: np.broadcast_to(f.W.sum(axis=1), f.x.shape))

mistake("linear.gradient_transposed", "Linear", "gradient", lambda f: {"W": f.delta.T @ f.x})
mistake("linear.gradient_without_data", "Linear", "gradient",
        lambda f: {"W": np.ones_like(f.x).T @ f.delta})  # fmt: skip
mistake("linear.gradient_without_delta", "Linear", "gradient",
        lambda f: {"W": f.x.T @ np.ones_like(f.delta)})  # fmt: skip
mistake("linear.gradient_of_output", "Linear", "gradient",
        lambda f: {"W": f.x.T @ (f.delta * (f.x @ f.W + f.b))})  # fmt: skip
mistake("linear.gradient_last_example", "Linear Conv1D", "gradient",
        lambda f: {"W": np.outer(f.x[-1], f.delta[-1])})  # fmt: skip
mistake("linear.gradient_last_example", "Linear", "gradient",
        lambda f: {"W": np.outer(f.x[-1], f.delta[-1]), "b": f.delta[-1]})  # fmt: skip


def _summed(f: Facts) -> Array:
    """Return delta summed over all axes but the last."""
    return f.delta.sum(axis=tuple(range(f.delta.ndim - 1)))


for _kinds in ("Linear", "Conv1D"):
    mistake("bias.not_summed", _kinds, "gradient", lambda f: {"b": f.delta})
    mistake("bias.column", _kinds, "gradient", lambda f: {"b": _summed(f)[None]})
    mistake(
        "bias.averaged",
        _kinds,
        "gradient",
        lambda f: {"b": f.delta.mean(axis=tuple(range(f.delta.ndim - 1)))},
    )
    mistake("bias.averaged", _kinds, "gradient", lambda f: {"b": _summed(f) / f.batch})
    mistake("bias.of_all", _kinds, "gradient", lambda f: {"b": np.full(f.delta.shape[-1], f.delta.sum())})
    mistake("bias.of_all", _kinds, "gradient", lambda f: {"b": f.delta.sum()})
    mistake("bias.forgotten", _kinds, "gradient", lambda f: {"b": np.zeros_like(f.b)})
    mistake("bias.first_example", _kinds, "gradient", lambda f: {"b": f.delta[0]})
    mistake("bias.last_example", _kinds, "gradient", lambda f: {"b": f.delta[-1]})
    mistake("bias.other_axis", _kinds, "gradient", lambda f: {"b": f.delta.sum(axis=-1)})
    mistake("bias.ones", _kinds, "gradient", lambda f: {"b": np.ones_like(f.b)})
