"""Mistakes of the activations, the softmaxes and Flatten.

In the formulas ``f.x`` is the data.
"""

import numpy as np

from diynn.arrays import Array
from diynn.checking.diagnosis.mistakes import Facts, mistake
from diynn.checking.diagnosis.variants import sigmoid, softmax


def _total(x: Array) -> Array:
    return x.sum(axis=-1, keepdims=True)


SOFT = "Softmax LogSoftmax"

# ------------------------------------------------------------ tanh, sigmoid, ReLU

mistake("tanh.no_square", "Tanh", "delta", lambda f: f.delta * (1 - np.tanh(f.x)))
mistake("activation.at_output", "Tanh", "delta", lambda f: f.delta * (1 - np.tanh(np.tanh(f.x)) ** 2))
mistake("activation.at_output", "Sigmoid", "delta",
        lambda f: f.delta * sigmoid(sigmoid(f.x)) * (1 - sigmoid(sigmoid(f.x))))  # fmt: skip
mistake("activation.data_for_output", "Tanh", "delta", lambda f: f.delta * (1 - f.x**2))
mistake("activation.data_for_output", "Sigmoid", "delta", lambda f: f.delta * f.x * (1 - f.x))
mistake("activation.delta_for_data", "Tanh", "delta", lambda f: f.x * (1 - np.tanh(f.delta) ** 2))
mistake("activation.delta_for_data", "Sigmoid", "delta",
        lambda f: f.x * sigmoid(f.delta) * (1 - sigmoid(f.delta)))  # fmt: skip
mistake("activation.no_delta", "Tanh", "delta", lambda f: 1 - np.tanh(f.x) ** 2)
mistake("activation.no_delta", "Sigmoid", "delta", lambda f: sigmoid(f.x) * (1 - sigmoid(f.x)))
mistake("activation.no_delta", "ReLU", "delta", lambda f: (f.x > 0) * 1.0)
mistake("activation.output_times_delta", "Tanh", "delta", lambda f: f.delta * np.tanh(f.x))
mistake("activation.output_times_delta", "Sigmoid", "delta", lambda f: f.delta * sigmoid(f.x))
mistake("activation.output_times_delta", "ReLU", "delta", lambda f: f.delta * np.maximum(f.x, 0))
mistake("sigmoid.e_over_sum", "Sigmoid", "delta", lambda f: f.delta * np.exp(-f.x) / (1 + np.exp(-f.x)))
mistake("sigmoid.wrong_power", "Sigmoid", "delta", lambda f: f.delta * (1 - sigmoid(f.x) ** 2))
mistake("sigmoid.wrong_power", "Sigmoid", "delta", lambda f: f.delta * (1 - sigmoid(f.x)))
mistake("sigmoid.wrong_power", "Sigmoid", "delta", lambda f: f.delta * sigmoid(f.x) ** 2)
mistake("relu.of_delta", "ReLU", "delta", lambda f: np.maximum(f.delta, 0))
mistake("relu.of_delta", "ReLU", "delta", lambda f: np.where(f.delta > 0, f.x, 0))
mistake("relu.other_side", "ReLU", "delta", lambda f: np.where(f.x <= 0, f.delta, 0))
mistake("relu.minus", "ReLU", "delta", lambda f: np.where(f.x > 0, f.delta, -f.delta))

mistake("sigmoid.sign", "Sigmoid", "forward", lambda f: 1 / (1 + np.exp(f.x)))
mistake("sigmoid.is_tanh", "Sigmoid", "forward", lambda f: np.tanh(f.x))
mistake("tanh.half", "Tanh", "forward", lambda f: np.tanh(f.x / 2))
mistake("tanh.is_sigmoid", "Tanh", "forward", lambda f: sigmoid(f.x))
mistake("tanh.sign", "Tanh", "forward", lambda f: -np.tanh(f.x))
mistake("tanh.is_tan", "Tanh", "forward", lambda f: np.tan(f.x))
mistake("relu.absolute", "ReLU", "forward", lambda f: np.abs(f.x))
mistake("relu.step", "ReLU", "forward", lambda f: (f.x > 0) * 1.0)
mistake("relu.minimum", "ReLU", "forward", lambda f: np.minimum(f.x, 0))

# ------------------------------------------------------------ softmax and its logarithm


@mistake("softmax.elementwise", "Softmax", "delta")
def _elementwise(f: Facts) -> Array:
    s = softmax(f.x)
    return f.delta * s * (1 - s)


@mistake("softmax.sum_without_s", "Softmax", "delta")
def _sum_without_s(f: Facts) -> Array:
    return softmax(f.x) * (f.delta - _total(f.delta))


@mistake("softmax.no_s_in_front", "Softmax", "delta")
def _no_s_in_front(f: Facts) -> Array:
    return f.delta - _total(f.delta * softmax(f.x))


mistake("activation.no_delta", "Softmax", "delta", lambda f: softmax(f.x) * (1 - softmax(f.x)))
mistake("activation.output_times_delta", "Softmax", "delta", lambda f: softmax(f.x) * f.delta)
mistake("softmax.column_sum", "Softmax", "delta",
        lambda f: softmax(f.x) * (f.delta - (f.delta * softmax(f.x)).sum(axis=0)))  # fmt: skip
mistake("softmax.column_sum", "Softmax", "delta",
        lambda f: softmax(f.x) * (f.delta - (f.delta * softmax(f.x)).sum()))  # fmt: skip
mistake("softmax.plus", "Softmax", "delta",
        lambda f: softmax(f.x) * (f.delta + _total(f.delta * softmax(f.x))))  # fmt: skip
mistake("softmax.minus_one", "Softmax", "delta", lambda f: softmax(f.x) - f.delta)
mistake("softmax.over_batch", "Softmax", "forward", lambda f: np.exp(f.x) / np.exp(f.x).sum(axis=0))
mistake("softmax.over_all", "Softmax", "forward", lambda f: np.exp(f.x) / np.exp(f.x).sum())
mistake("softmax.not_normalised", "Softmax", "forward", lambda f: np.exp(f.x))
mistake("softmax.not_normalised", "Softmax", "forward",
        lambda f: np.exp(f.x - f.x.max(axis=-1, keepdims=True)))  # fmt: skip
mistake("softmax.no_exponential", "Softmax", "forward", lambda f: f.x / _total(f.x))
mistake("softmax.shift_one_side", "Softmax", "forward",
        lambda f: np.exp(f.x - f.x.max(axis=-1, keepdims=True)) / _total(np.exp(f.x)))  # fmt: skip
mistake("softmax.is_log", "Softmax", "forward", lambda f: np.log(softmax(f.x)))

mistake("logsoftmax.elementwise", "LogSoftmax", "delta", lambda f: f.delta * (1 - softmax(f.x)))
mistake("logsoftmax.no_sum", "LogSoftmax", "delta", lambda f: f.delta - softmax(f.x))
mistake("logsoftmax.no_sum", "LogSoftmax", "delta", lambda f: 1 - softmax(f.x))
mistake("logsoftmax.is_softmax", "LogSoftmax", "delta",
        lambda f: softmax(f.x) * (f.delta - _total(f.delta * softmax(f.x))))  # fmt: skip
mistake("softmax.elementwise", "LogSoftmax", "delta", lambda f: f.delta * softmax(f.x) * (1 - softmax(f.x)))
mistake("logsoftmax.log_for_s", "LogSoftmax", "delta",
        lambda f: f.delta - np.log(softmax(f.x)) * _total(f.delta))  # fmt: skip
mistake("logsoftmax.weighted_sum", "LogSoftmax", "delta",
        lambda f: f.delta - softmax(f.x) * _total(f.delta * softmax(f.x)))  # fmt: skip
mistake("logsoftmax.column_sum", "LogSoftmax", "delta",
        lambda f: f.delta - softmax(f.x) * f.delta.sum(axis=0))  # fmt: skip
mistake("softmax.over_batch", "LogSoftmax", "forward",
        lambda f: np.log(np.exp(f.x) / np.exp(f.x).sum(axis=0)))  # fmt: skip
mistake("softmax.over_all", "LogSoftmax", "forward", lambda f: np.log(np.exp(f.x) / np.exp(f.x).sum()))
mistake("logsoftmax.no_log", "LogSoftmax", "forward", lambda f: f.x - _total(np.exp(f.x)))
mistake("logsoftmax.is_softmax", "LogSoftmax", "forward", lambda f: softmax(f.x))

mistake("softmax.overflow", SOFT, "finite", lambda f: f.got)
mistake("tanh.overflow", "Tanh Sigmoid", "finite", lambda f: f.got)

# ------------------------------------------------------------ flatten

mistake("flatten.times_data", "Flatten", "delta", lambda f: f.delta.reshape(f.x.shape) * f.x)
mistake("flatten.times_data", "Flatten", "delta", lambda f: f.delta * f.x.reshape(f.delta.shape))
mistake("flatten.not_reshaped", "Flatten", "delta", lambda f: f.delta)
mistake("flatten.not_reshaped", "Flatten", "delta", lambda f: f.delta.reshape(-1))
mistake("flatten.other_order", "Flatten", "delta", lambda f: f.delta.reshape(f.x.shape, order="F"))
mistake("flatten.other_order", "Flatten", "delta",
        lambda f: f.delta.reshape(len(f.x), f.x.shape[2], f.x.shape[1]).swapaxes(1, 2))  # fmt: skip
mistake("flatten.data_back", "Flatten", "delta", lambda f: f.x)
mistake("flatten.batch_too", "Flatten", "forward", lambda f: f.x.reshape(-1))
mistake("flatten.batch_too", "Flatten", "forward", lambda f: f.x.reshape(1, -1))
mistake("flatten.other_order", "Flatten", "forward", lambda f: f.x.reshape(len(f.x), -1, order="F"))
mistake("flatten.other_order", "Flatten", "forward", lambda f: f.x.swapaxes(1, 2).reshape(len(f.x), -1))
mistake("flatten.one_axis_left", "Flatten", "forward", lambda f: f.x.reshape(-1, f.x.shape[-1]))
