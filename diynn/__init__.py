"""Small neural networks that can be read, on any array library, fast."""

from diynn import data, functional, initializers, metrics, plots
from diynn.arrays import asarray, set_backend, to_numpy
from diynn.callbacks import Callback, EarlyStopping, KeepBest, Run
from diynn.checking import check
from diynn.checkpoints import CheckpointError, load, save
from diynn.export import export_onnx
from diynn.history import History
from diynn.layers import (
    AvgPool1D,
    Conv1D,
    Dropout,
    Flatten,
    GaussianNoise,
    Linear,
    LogSoftmax,
    MaxPool1D,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    Transposed,
)
from diynn.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CategoricalCrossEntropyLoss,
    CrossEntropyLoss,
    Loss,
    MSELoss,
    NLLLoss,
)
from diynn.metrics import accuracy
from diynn.module import Module
from diynn.optim import SGD, Optim
from diynn.parameter import Parameter
from diynn.rules import Adam, AdamW, Momentum, Rule
from diynn.schedules import constant, cosine_decay, exponential_decay, step_decay
from diynn.sheet import names as _names
from diynn.tracing import trace
from diynn.training import predict

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "AvgPool1D",
    "BCELoss",
    "BCEWithLogitsLoss",
    "Callback",
    "CategoricalCrossEntropyLoss",
    "CheckpointError",
    "Conv1D",
    "CrossEntropyLoss",
    "Dropout",
    "EarlyStopping",
    "Flatten",
    "GaussianNoise",
    "History",
    "KeepBest",
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
    "Run",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Transposed",
    "accuracy",
    "asarray",
    "check",
    "constant",
    "cosine_decay",
    "data",
    "exponential_decay",
    "export_onnx",
    "functional",
    "initializers",
    "load",
    "metrics",
    "plots",
    "predict",
    "save",
    "set_backend",
    "step_decay",
    "to_numpy",
    "trace",
]

_spelled = _names(globals())  # TanH, Sigmoide, Sequentiel, ...: one table in `diynn.sheet`
globals().update(_spelled)
__all__ += sorted(_spelled)
