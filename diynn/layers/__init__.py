"""The layers: one class each, forward and backward together; each file names its own in `__all__`."""

from diynn.layers import (
    activations,
    convolution,
    linear,
    noise,
    pooling,
    reshape,
    sequential,
    softmax,
    transposed,
)
from diynn.layers.activations import *
from diynn.layers.convolution import *
from diynn.layers.linear import *
from diynn.layers.noise import *
from diynn.layers.pooling import *
from diynn.layers.reshape import *
from diynn.layers.sequential import *
from diynn.layers.softmax import *
from diynn.layers.transposed import *

__all__: list[str] = []
__all__ += activations.__all__
__all__ += convolution.__all__
__all__ += linear.__all__
__all__ += noise.__all__
__all__ += pooling.__all__
__all__ += reshape.__all__
__all__ += sequential.__all__
__all__ += softmax.__all__
__all__ += transposed.__all__
