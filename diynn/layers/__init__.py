"""The layers: one class each, forward and backward together; each file names its own in `__all__`."""

from typing import TYPE_CHECKING

from diynn.layers.activations import *
from diynn.layers.convolution import *
from diynn.layers.linear import *
from diynn.layers.noise import *
from diynn.layers.pooling import *
from diynn.layers.reshape import *
from diynn.layers.sequential import *
from diynn.layers.softmax import *
from diynn.layers.transposed import *

if not TYPE_CHECKING:  # a type checker reads the imports above, and would take a computed list as empty
    __all__ = [name for name, value in list(vars().items()) if isinstance(value, type)]
