"""The layers: one class each, forward and backward together."""

from diynn.layers.activations import ReLU, Sigmoid, Tanh
from diynn.layers.convolution import Conv1D
from diynn.layers.linear import Linear
from diynn.layers.noise import Dropout, GaussianNoise
from diynn.layers.pooling import AvgPool1D, MaxPool1D
from diynn.layers.reshape import Flatten
from diynn.layers.sequential import Sequential
from diynn.layers.softmax import LogSoftmax, Softmax
from diynn.layers.transposed import Transposed

__all__ = [
    "AvgPool1D", "Conv1D", "Dropout", "Flatten", "GaussianNoise", "Linear", "LogSoftmax", "MaxPool1D", "ReLU",
    "Sequential", "Sigmoid", "Softmax", "Tanh", "Transposed",
]  # fmt: skip
