"""Small neural networks that can be read, on any array library, fast."""

from diynn import data, functional, initializers
from diynn.arrays import asarray, to_numpy
from diynn.callbacks import Callback, EarlyStopping, KeepBest, Run
from diynn.checking import check
from diynn.checkpoints import load, save
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
)
from diynn.losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, Loss, MSELoss, NLLLoss
from diynn.metrics import accuracy
from diynn.module import Module
from diynn.optim import Optim
from diynn.parameter import Parameter
from diynn.rules import Adam, AdamW, Momentum, Rule
from diynn.schedules import constant, cosine_decay, exponential_decay, step_decay
from diynn.sheet import NAMES as _SHEET_NAMES
from diynn.training import SGD, predict

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "AvgPool1D",
    "BCELoss",
    "BCEWithLogitsLoss",
    "Callback",
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
    "predict",
    "save",
    "step_decay",
    "to_numpy",
]

globals().update(_SHEET_NAMES)  # TanH, Sigmoide, Sequentiel, ...: one table in `diynn.sheet`
__all__ += sorted(_SHEET_NAMES)
