"""The names found on the course sheet and in course code, one table for all of them."""

from __future__ import annotations

from typing import Any

import diynn.layers
import diynn.losses

#: Canonical name → the other spellings of it.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "Linear": ("Lineaire", "LinearLayer", "ModuleLineaire"),
    "Conv1D": ("Conv1d", "Convolution1D"),
    "MaxPool1D": ("MaxPool1d", "MaxPooling1D"),
    "AvgPool1D": ("AvgPool1d", "AveragePool1D", "AvgPooling1D"),
    "Flatten": ("Aplatir",),
    "Tanh": ("TanH", "TangenteHyperbolique"),
    "Sigmoid": ("Sigmoide", "Sigmoïde"),
    "ReLU": ("Relu", "RELU"),
    "Softmax": ("SoftMax",),
    "LogSoftmax": ("LogSoftMax", "logSoftMax"),
    "Sequential": ("Sequentiel", "Séquentiel"),
    "MSELoss": ("MSE", "MseLoss"),
    "NLLLoss": ("NLL", "CELoss", "CE"),
    "CrossEntropyLoss": ("CrossEntropy", "CELogSoftmax", "CELogSoftMax", "LogSoftmaxCELoss",
                         "LogCrossEntropy", "CELossLogSoftmax", "CrossEntropyLogSoftmax",
                         "SoftmaxCrossEntropy"),
    "BCELoss": ("BCE", "BinaryCrossEntropy", "BinaryCrossEntropyLoss"),
    "BCEWithLogitsLoss": ("BCEWithLogits",),
}  # fmt: skip


def _resolve() -> dict[str, Any]:
    found = {}
    for canonical, spellings in SPELLINGS.items():
        thing = getattr(diynn.layers, canonical, None) or getattr(diynn.losses, canonical)
        found.update(dict.fromkeys(spellings, thing))
    return found


#: Spelling → the class it stands for.
NAMES: dict[str, Any] = _resolve()
