"""Small neural networks that can be read, on any array library, fast."""

from diynn import data, initializers
from diynn.arrays import asarray, to_numpy
from diynn.layers import (
    AvgPool1D,
    Conv1D,
    Flatten,
    Linear,
    LogSoftmax,
    MaxPool1D,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from diynn.losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, Loss, MSELoss, NLLLoss
from diynn.module import Module, Parameter
from diynn.optim import (
    Adam,
    AdamW,
    Momentum,
    Optim,
    Rule,
    constant,
    cosine_decay,
    exponential_decay,
    step_decay,
)
from diynn.sheet import NAMES as _SHEET_NAMES

__version__ = "0.1.0"

__all__ = [
    "Adam",
    "AdamW",
    "AvgPool1D",
    "BCELoss",
    "BCEWithLogitsLoss",
    "Conv1D",
    "CrossEntropyLoss",
    "Flatten",
    "Linear",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "MaxPool1D",
    "Module",
    "Momentum",
    "NLLLoss",
    "Optim",
    "Parameter",
    "ReLU",
    "Rule",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "asarray",
    "constant",
    "cosine_decay",
    "data",
    "exponential_decay",
    "initializers",
    "step_decay",
    "to_numpy",
]

globals().update(_SHEET_NAMES)  # TanH, Sigmoide, Sequentiel, ...: one table in `diynn.sheet`
__all__ += sorted(_SHEET_NAMES)
