"""Small neural networks that can be read, on any array library, fast."""

from diynn import (
    callbacks,
    data,
    initializers,
    layers,
    logs,
    losses,
    metrics,
    plots,
    rules,
    schedules,
    stateless,
    wrappers,
)  # fmt: skip
from diynn.arrays import asarray, set_backend, to_numpy
from diynn.callbacks import *
from diynn.checking import check
from diynn.checkpoints import CheckpointError, load, save
from diynn.export import export_onnx
from diynn.history import History
from diynn.layers import *
from diynn.logs import *
from diynn.losses import *
from diynn.metrics import accuracy
from diynn.module import Module
from diynn.optim import SGD, Optim
from diynn.parameter import Parameter
from diynn.rules import *
from diynn.schedules import *
from diynn.sheet import names as _names
from diynn.sweep import Sweep, sweep
from diynn.tracing import trace
from diynn.training import predict
from diynn.version import __version__ as __version__
from diynn.wrappers import *

__all__ = [
    "SGD", "CheckpointError", "History", "Module", "Optim", "Parameter", "Sweep", "accuracy", "asarray",
    "check", "data", "export_onnx", "initializers", "load", "metrics", "plots", "predict",
    "save", "set_backend", "stateless", "sweep", "to_numpy", "trace",
]  # fmt: skip
__all__ += callbacks.__all__
__all__ += vars(layers)["__all__"]  # computed there
__all__ += logs.__all__
__all__ += losses.__all__
__all__ += rules.__all__
__all__ += schedules.__all__
__all__ += wrappers.__all__

functional = stateless  # its former name, which `import diynn.functional` finds as well
_spelled = _names(globals())  # TanH, Sigmoide, Sequentiel, ...: see `diynn.sheet`
globals().update(_spelled)
__all__ += sorted(_spelled)
