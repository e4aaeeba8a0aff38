"""Whatever is wrong with an argument, the error says whose it is and which: one table of all that is public."""

import inspect
import re
from math import inf, nan
from typing import NamedTuple

import numpy as np
import pandas
import pytest
import scipy.sparse

import diynn
from diynn import (
    SGD,
    Adam,
    AdamW,
    BCELoss,
    Conv1D,
    Dropout,
    EarlyStopping,
    GaussianNoise,
    KeepBest,
    Linear,
    Momentum,
    MSELoss,
    Optim,
    Sequential,
    Tanh,
    checkpoints,
    data,
    functional,
    initializers,
    metrics,
)

X, Y, LABELS = np.linspace(-1, 1, 12).reshape(4, 3), np.ones((4, 2)), np.asarray([0, 1, 1, 0])


def net():
    return Sequential(Linear(3, 4, rng=0), Tanh(), Linear(4, 2, rng=1))


def exhausted():
    numbers = (number for number in [1.0])
    list(numbers)
    return numbers


class Thing:
    """An object of no meaning here."""


# ------------------------------------------------------------------ what may be wrong


def but(values, *names):
    return {name: value for name, value in values.items() if name not in names}


SIZES = {
    "None": None, "text": "3", "fraction": 2.5, "zero": 0, "negative": -1, "nan": nan, "infinity": inf,
    "flag": True, "array": np.ones(2), "list": [3], "complex": 1j, "huge": 10**30,
}  # fmt: skip
OTHER_SIZES = but(SIZES, "None")  # where None has a meaning
POSITIVE = but(SIZES, "fraction", "huge") | {"function": len}
NOT_NEGATIVE = but(POSITIVE, "zero")
FRACTIONS = NOT_NEGATIVE | {"one": 1.0}  # of what is in [0, 1)
SHARES = POSITIVE | {"one": 1.0}  # of what lies between 0 and 1
NUMBERS = but(NOT_NEGATIVE, "negative", "infinity")  # of what may be any number
FLAGS = {"None": None, "text": "no", "fraction": 0.5, "nan": nan, "list": [], "array": np.ones(2)}
SEEDS = {
    "text": "0", "fraction": 0.5, "negative": -1, "nan": nan, "flag": True, "list": [1, 2], "class": Tanh,
}  # fmt: skip
BACKENDS = {
    "empty": "", "unknown": "nunpy", "other module": "json", "number": 3, "list": ["numpy"], "class": Tanh,
}  # fmt: skip
DTYPES = {
    "unknown": "float31", "integers": "int64", "complex": np.complex128, "number": 3, "list": ["float32"],
}  # fmt: skip
PATHS = {"None": None, "number": 3, "list": ["net.npz"], "net": net(), "flag": True}
FUNCTIONS = {"None": None, "text": "bogus", "number": 3, "array": X, "list": [len]}
TEXTS = {"number": 3, "list": ["cost"], "flag": True}

NO_ARRAYS = {
    "None": None, "text": "abc", "object": Thing(), "class": Thing, "exhausted": exhausted(), "function": len,
    "sparse": scipy.sparse.csr_matrix(X), "masked": np.ma.masked_array(X, X > 0), "matrix": np.matrix(X),
    "objects": np.asarray([[Thing()] * 3] * 4), "texts": np.asarray([["a", "b", "c"]] * 4), "dict": {"x": X},
    "dates": np.zeros((4, 3), "datetime64[s]"),
}  # fmt: skip
RAGGED = {"ragged": [[1.0, 2.0], [3.0]], "set": {1.0, 2.0}}
NO_NUMBERS = NO_ARRAYS | RAGGED | {
    "mixed": [[1.0, "a", 2.0]], "complex": X * 1j, "frame of text": pandas.DataFrame({"a": list("xyzt")}),
}  # fmt: skip
EXAMPLES = NO_NUMBERS | {"single": 3.0, "no axis": np.ones(())}  # lists and frames of numbers may be given
FINITE = EXAMPLES | {
    "nan": np.full((4, 2), nan), "infinity": np.full((4, 2), inf), "none": np.ones((0, 2)), "fewer": np.ones((3, 2)),
}  # fmt: skip
# Of a layer, a loss and the functions on arrays, which take arrays of real numbers alone.
ARRAYS = NO_ARRAYS | {"list": X.tolist(), "frame": pandas.DataFrame(X), "number": 3.0, "complex": X * 1j}
REAL = ARRAYS | {"integers": X.astype("int64"), "flags": X > 0, "no axis": np.ones(())}
CLASSES = ARRAYS | {
    "fractions": LABELS + 0.5, "flags": LABELS > 0, "negative": LABELS - 1, "huge": LABELS * 10**15,
    "no axis": np.asarray(1), "table": np.ones((4, 7), "int64"),
}  # fmt: skip
NO_NETS = {
    "None": None, "text": "net", "number": 3, "class": Linear, "loss": MSELoss(), "array": X, "function": len,
    "dict": {"0": Tanh()}, "exhausted": exhausted(),
}  # fmt: skip
EMPTY = {"empty": Sequential(), "empty within": Sequential(Sequential()), "list": [Linear(3, 2)]}
NO_LOSSES = {"None": None, "text": "mse", "class": MSELoss, "layer": Tanh(), "function": len, "array": X}
NO_RULES = {"class": Adam, "text": "adam", "number": 0.9, "function": len, "list": [Adam()]}
INPUT_SHAPES = {
    "None": None, "text": "ab", "fraction": (2.5,), "zero": (0,), "negative": (-3,), "nan": (nan,),
    "texts": ("3",), "set": {3}, "array": X, "number": 2.5, "exhausted": exhausted(), "flag": (True,),
}  # fmt: skip
OTHER_SHAPES = INPUT_SHAPES | {"other": (7,), "deeper": (3, 3), "empty": ()}
PAIRS = {"array": X, "number": 3, "three": (X, Y, Y), "text": "xy", "texts": ("x", "y"), "nothings": (None, None)}
METRICS = {
    "function": metrics.accuracy, "list": ["accuracy"], "text": "accuracy", "no function": {"a": 3},
    "no name": {3: metrics.accuracy}, "taken": {"cost": metrics.accuracy}, "number": 0,
}  # fmt: skip
CALLBACKS = {
    "None": None, "instance": EarlyStopping(), "class": [EarlyStopping], "number": 3, "text": "KeepBest",
    "texts": ["KeepBest"], "nothings": [None],
}  # fmt: skip
STEP_SIZES = but(POSITIVE, "function") | {"class": Adam}
VALUES = {
    "None": None, "list": [X], "text": "parameters", "empty": {}, "unknown": {"a": X},
    "shape": {"0._parameters": Y, "0._bias": Y},
    "nothings": {"0._parameters": None, "0._bias": None},
    "texts": {"0._parameters": np.full((3, 2), "a"), "0._bias": np.full(2, "a")},
}  # fmt: skip


class Row(NamedTuple):
    """An argument of a function: what the error must name, how it is called, and what is wrong with it."""

    function: object
    owner: str
    argument: str
    call: object
    values: dict


def of(function, argument, call, values, owner=None):
    return Row(function, owner or function.__name__, argument, call, values)


def fit(x=X, y=Y, **options):
    return SGD(net(), MSELoss(), x, y, **{"batch_size": 2, "epochs": 1, "progress": False, **options})


LAYERS = {
    Linear: lambda **new: Linear(3, 3, **new),
    Conv1D: lambda **new: Conv1D(1, 3, 3, **new),
    diynn.MaxPool1D: lambda **new: diynn.MaxPool1D(1, **new),
    diynn.AvgPool1D: lambda **new: diynn.AvgPool1D(1, **new),
    GaussianNoise: lambda **new: GaussianNoise(1.0, **new),
    **{kind: kind for kind in (Dropout, diynn.Flatten, Tanh, diynn.Sigmoid, diynn.ReLU)},
    **{kind: kind for kind in (diynn.Softmax, diynn.LogSoftmax)},
}
LOSSES = (
    MSELoss, BCELoss, diynn.BCEWithLogitsLoss, diynn.NLLLoss, diynn.CrossEntropyLoss,
    diynn.CategoricalCrossEntropyLoss,
)  # fmt: skip


def of_layer(kind, make):
    """Return the rows that every layer has: of its library, and of the arguments of its methods."""
    array = X[None] if kind in (Conv1D, diynn.MaxPool1D, diynn.AvgPool1D) else X
    yield of(kind, "backend", lambda v: make(backend=v), BACKENDS)
    yield of(kind, "data", lambda v: make().forward(v), REAL)
    yield of(kind, "data", lambda v: make().backward_delta(v, array), REAL)
    yield of(kind, "delta", lambda v: make().backward_delta(array, v), REAL)
    if make().parameters():
        yield of(kind, "delta", lambda v: make().backward_update_gradient(array, v), REAL)
    yield of(kind, "backend", lambda v: make().to(v), BACKENDS)
    yield of(kind, "mode", lambda v: make().train(v), FLAGS)
    if make().parameters():
        yield of(kind, "dtype", lambda v: make().to(dtype=v), DTYPES)
        yield of(kind, "device", lambda v: make().to(device=v), {"unknown": "gpu", "number": 77, "list": ["cpu"]})
        yield of(kind, "gradient_step", lambda v: make().update_parameters(v), but(NUMBERS, "nan", "flag"))


def of_loss(kind):
    """Return the rows that every loss has."""
    half = np.full((4, 2), 0.5)
    yield of(kind, "backend", lambda v: kind(backend=v), BACKENDS)
    for method in ("forward", "backward"):
        yield of(kind, "y", lambda v, method=method: getattr(kind(), method)(v, half), ARRAYS)
        yield of(kind, "yhat", lambda v, method=method: getattr(kind(), method)(half, v), ARRAYS)


def of_law(law):
    """Return the rows of a law of initial parameters."""
    yield of(law, "rng", lambda v: law(v, (3, 2), 3, 2), SEEDS)
    yield of(law, "shape", lambda v: law(0, v, 3, 2), but(INPUT_SHAPES, "zero"))
    yield of(law, "fan_in", lambda v: law(0, (3, 2), v, 2), SIZES)
    yield of(law, "fan_out", lambda v: law(0, (3, 2), 3, v), SIZES)


def of_toy(toy):
    """Return the rows that every toy problem has."""
    yield of(toy, "n", toy, SIZES)
    yield of(toy, "rng", lambda v: toy(4, rng=v), SEEDS)
    yield of(toy, "backend", lambda v: toy(4, backend=v), BACKENDS)


TABLE = [
    # layers
    of(Linear, "in_features", lambda v: Linear(v, 2), SIZES),
    of(Linear, "out_features", lambda v: Linear(3, v), SIZES),
    of(Linear, "init", lambda v: Linear(v, v), {"no memory": 10**12}),
    of(Linear, "bias", lambda v: Linear(3, 2, bias=v), FLAGS),
    of(Linear, "init", lambda v: Linear(3, 2, init=v), FUNCTIONS),
    of(Linear, "rng", lambda v: Linear(3, 2, rng=v), SEEDS),
    of(Linear, "dtype", lambda v: Linear(3, 2, dtype=v), DTYPES),
    of(Conv1D, "k_size", lambda v: Conv1D(v, 2, 3), SIZES),
    of(Conv1D, "chan_in", lambda v: Conv1D(2, v, 3), SIZES),
    of(Conv1D, "chan_out", lambda v: Conv1D(2, 3, v), SIZES),
    of(Conv1D, "stride", lambda v: Conv1D(2, 3, 4, v), SIZES),
    of(Conv1D, "bias", lambda v: Conv1D(2, 3, 4, bias=v), FLAGS),
    of(Conv1D, "init", lambda v: Conv1D(2, 3, 4, init=v), FUNCTIONS),
    of(Conv1D, "rng", lambda v: Conv1D(2, 3, 4, rng=v), SEEDS),
    of(Conv1D, "dtype", lambda v: Conv1D(2, 3, 4, dtype=v), DTYPES),
    of(diynn.MaxPool1D, "k_size", diynn.MaxPool1D, SIZES),
    of(diynn.MaxPool1D, "stride", lambda v: diynn.MaxPool1D(2, v), OTHER_SIZES),
    of(diynn.AvgPool1D, "k_size", diynn.AvgPool1D, SIZES),
    of(diynn.AvgPool1D, "stride", lambda v: diynn.AvgPool1D(2, v), OTHER_SIZES),
    of(Dropout, "p", Dropout, FRACTIONS),
    of(Dropout, "rng", lambda v: Dropout(rng=v), SEEDS),
    of(GaussianNoise, "scale", GaussianNoise, POSITIVE),
    of(GaussianNoise, "rng", lambda v: GaussianNoise(1.0, rng=v), SEEDS),
    *(row for kind, make in LAYERS.items() for row in of_layer(kind, make)),
    of(diynn.Module, "backend", lambda v: diynn.Module(backend=v), BACKENDS),
    # containers
    of(Sequential, "module", Sequential, NO_NETS),
    of(Sequential, "module", lambda v: Sequential([v]), NO_NETS),
    of(Sequential, "module", lambda v: Sequential().add(v), NO_NETS),
    of(Sequential, "backend", lambda v: Sequential(Tanh(), backend=v), BACKENDS),
    of(Sequential, "backend", lambda v: net().to(v), BACKENDS),
    of(Sequential, "input_shape", lambda v: net().summary(v), OTHER_SHAPES),
    of(Sequential, "data", lambda v: net().forward(v), REAL, owner="Linear"),
    # losses
    of(diynn.Loss, "backend", lambda v: diynn.Loss(backend=v), BACKENDS),
    *(row for kind in LOSSES for row in of_loss(kind)),
    # training
    of(Optim, "net", lambda v: Optim(v, MSELoss()), NO_NETS | EMPTY),
    of(Optim, "loss", lambda v: Optim(net(), v), NO_LOSSES),
    of(Optim, "eps", lambda v: Optim(net(), MSELoss(), v), STEP_SIZES),
    of(Optim, "eps", lambda v: setattr(Optim(net(), MSELoss()), "eps", v), STEP_SIZES),
    of(Optim, "eps", lambda v: Optim(net(), MSELoss(), lambda step: v).step(X, Y), but(NOT_NEGATIVE, "flag")),
    of(Optim, "rule", lambda v: Optim(net(), MSELoss(), rule=v), NO_RULES),
    of(Optim, "execution", lambda v: Optim(net(), MSELoss(), execution=v), {"unknown": "fast", "number": 3}),
    of(Optim, "backend", lambda v: Optim(net(), MSELoss(), backend=v), BACKENDS),
    of(Optim, "data", lambda v: Optim(net(), MSELoss()).step(v, Y), REAL, owner="Linear"),
    of(Optim, "y", lambda v: Optim(net(), MSELoss()).step(X, v), ARRAYS, owner="MSELoss"),
    of(SGD, "net", lambda v: SGD(v, MSELoss(), X, Y), NO_NETS | EMPTY, owner="(SGD|Optim)"),
    of(SGD, "net", lambda v: SGD(v, MSELoss(), X, Y), {"optim": Optim(net(), MSELoss())}),
    of(SGD, "loss", lambda v: SGD(net(), v, X, Y), NO_LOSSES, owner="(SGD|Optim)"),
    of(SGD, "x", lambda v: fit(x=v), FINITE),
    of(SGD, "y", lambda v: fit(y=v), FINITE),
    of(SGD, "batch_size", lambda v: fit(batch_size=v), SIZES),
    of(SGD, "epochs", lambda v: fit(epochs=v), SIZES),
    of(SGD, "eps", lambda v: fit(eps=v), STEP_SIZES, owner="(SGD|Optim)"),
    of(SGD, "rule", lambda v: fit(rule=v), NO_RULES, owner="(SGD|Optim)"),
    of(SGD, "validation", lambda v: fit(validation=v), PAIRS),
    of(SGD, "metrics", lambda v: fit(metrics=v), METRICS),
    of(SGD, "callbacks", lambda v: fit(callbacks=v), CALLBACKS),
    of(SGD, "rng", lambda v: fit(rng=v), SEEDS),
    of(SGD, "execution", lambda v: fit(execution=v), {"unknown": "fast", "number": 3}, owner="(SGD|Optim)"),
    of(SGD, "progress", lambda v: fit(progress=v), FLAGS),
    of(SGD, "backend", lambda v: fit(backend=v), BACKENDS, owner="(SGD|Optim)"),
    of(diynn.predict, "net", lambda v: diynn.predict(v, X), NO_NETS | {"list": [Tanh()]}),
    of(diynn.predict, "x", lambda v: diynn.predict(net(), v), EXAMPLES),
    of(diynn.predict, "batch_size", lambda v: diynn.predict(net(), X, v), SIZES),
    of(diynn.predict, "backend", lambda v: diynn.predict(net(), X, backend=v), BACKENDS),
    # rules and schedules
    of(Momentum, "mu", Momentum, FRACTIONS),
    of(Momentum, "nesterov", lambda v: Momentum(nesterov=v), FLAGS),
    of(Adam, "beta1", Adam, FRACTIONS),
    of(Adam, "beta2", lambda v: Adam(0.9, v), FRACTIONS),
    of(Adam, "eta", lambda v: Adam(eta=v), POSITIVE),
    of(AdamW, "beta1", AdamW, FRACTIONS, owner="AdamW?"),
    of(AdamW, "decay", lambda v: AdamW(decay=v), NOT_NEGATIVE),
    of(diynn.constant, "eps", diynn.constant, POSITIVE),
    of(diynn.step_decay, "eps", lambda v: diynn.step_decay(v, factor=0.5, every=2), POSITIVE),
    of(diynn.step_decay, "factor", lambda v: diynn.step_decay(0.1, factor=v, every=2), POSITIVE),
    of(diynn.step_decay, "every", lambda v: diynn.step_decay(0.1, factor=0.5, every=v), SIZES),
    of(diynn.exponential_decay, "eps", lambda v: diynn.exponential_decay(v, half_life=2), POSITIVE),
    of(diynn.exponential_decay, "half_life", lambda v: diynn.exponential_decay(0.1, half_life=v), POSITIVE),
    of(diynn.cosine_decay, "eps", lambda v: diynn.cosine_decay(v, steps=9), POSITIVE),
    of(diynn.cosine_decay, "steps", lambda v: diynn.cosine_decay(0.1, steps=v), SIZES),
    of(diynn.cosine_decay, "warmup", lambda v: diynn.cosine_decay(0.1, steps=9, warmup=v), but(SIZES, "zero")),
    # callbacks
    of(EarlyStopping, "patience", EarlyStopping, SIZES),
    of(EarlyStopping, "column", lambda v: EarlyStopping(column=v), TEXTS),
    of(EarlyStopping, "column", lambda v: fit(callbacks=[EarlyStopping(column=v)]), {"unknown": "loss"}),
    of(EarlyStopping, "by", lambda v: EarlyStopping(by=v), NOT_NEGATIVE),
    of(EarlyStopping, "largest", lambda v: EarlyStopping(largest=v), but(FLAGS, "None")),
    of(KeepBest, "column", lambda v: KeepBest(column=v), TEXTS),
    of(KeepBest, "column", lambda v: fit(callbacks=[KeepBest(column=v)]), {"unknown": "loss"}),
    of(KeepBest, "largest", lambda v: KeepBest(largest=v), but(FLAGS, "None")),
    # arrays
    of(diynn.asarray, "data", diynn.asarray, NO_NUMBERS),
    of(diynn.asarray, "backend", lambda v: diynn.asarray(X, v), BACKENDS),
    of(diynn.asarray, "dtype", lambda v: diynn.asarray(X, dtype=v), DTYPES),
    of(diynn.asarray, "device", lambda v: diynn.asarray(X, device=v), {"unknown": "gpu", "number": 7, "list": ["cpu"]}),
    of(diynn.to_numpy, "array", diynn.to_numpy, but(NO_NUMBERS, "complex")),
    of(diynn.set_backend, "backend", diynn.set_backend, BACKENDS),
    # files
    of(diynn.save, "net", lambda v: diynn.save(v, "never written"), NO_NETS),
    of(diynn.save, "path", lambda v: diynn.save(net(), v), PATHS),
    of(diynn.load, "net", lambda v: diynn.load(v, "never read"), NO_NETS),
    of(diynn.load, "path", lambda v: diynn.load(net(), v), PATHS | {"no such file": __file__}),
    of(diynn.load, "backend", lambda v: diynn.load(net(), "never read", backend=v), BACKENDS),
    of(checkpoints.snapshot, "net", checkpoints.snapshot, NO_NETS),
    of(checkpoints.restore, "net", lambda v: checkpoints.restore(v, {}), NO_NETS),
    of(checkpoints.restore, "values", lambda v: checkpoints.restore(Linear(3, 2), v), VALUES),
    of(diynn.export_onnx, "net", lambda v: diynn.export_onnx(v, "never written", (3,)), NO_NETS),
    of(diynn.export_onnx, "path", lambda v: diynn.export_onnx(net(), v, (3,)), PATHS),
    of(diynn.export_onnx, "input_shape", lambda v: diynn.export_onnx(net(), "never written", v), INPUT_SHAPES),
    # data
    of(data.one_hot, "labels", data.one_hot, CLASSES | {"table": np.ones((4, 7), "int64")}),
    of(data.one_hot, "classes", lambda v: data.one_hot(LABELS, v), OTHER_SIZES | {"too few": 1}),
    of(data.one_hot, "dtype", lambda v: data.one_hot(LABELS, dtype=v), DTYPES),
    of(data.one_hot, "backend", lambda v: data.one_hot(LABELS, backend=v), BACKENDS),
    of(data.batches, "x", lambda v: data.batches(v, Y, 2), ARRAYS | {"fewer": np.ones((3, 2))}),
    of(data.batches, "y", lambda v: data.batches(X, v, 2), ARRAYS | {"fewer": np.ones((3, 2))}),
    of(data.batches, "batch_size", lambda v: data.batches(X, Y, v), SIZES),
    of(data.batches, "rng", lambda v: data.batches(X, Y, 2, rng=v), SEEDS),
    of(data.batches, "to", lambda v: data.batches(X, Y, 2, to=v), {"text": "numpy", "list": [1.0], "number": 3}),
    of(data.batches, "backend", lambda v: data.batches(X, Y, 2, backend=v), BACKENDS),
    *(row for toy in (data.two_gaussians, data.four_gaussians, data.checkerboard) for row in of_toy(toy)),
    of(data.two_gaussians, "spread", lambda v: data.two_gaussians(4, spread=v), NOT_NEGATIVE),
    of(data.four_gaussians, "spread", lambda v: data.four_gaussians(4, spread=v), NOT_NEGATIVE),
    of(data.checkerboard, "cells", lambda v: data.checkerboard(4, cells=v), SIZES),
    of(data.digits, "test", lambda v: data.digits(test=v), SHARES),
    of(data.digits, "rng", lambda v: data.digits(rng=v), SEEDS),
    of(data.digits, "backend", lambda v: data.digits(backend=v), BACKENDS),
    of(data.read_usps, "path", data.read_usps, PATHS),
    of(data.read_usps, "backend", lambda v: data.read_usps("never read", backend=v), BACKENDS),
    # initial parameters
    *(
        row
        for law in (
            initializers.glorot_uniform, initializers.glorot_normal,
            initializers.he_uniform, initializers.he_normal,
        )
        for row in of_law(law)
    ),  # fmt: skip
    of(initializers.uniform, "bound", initializers.uniform, POSITIVE),
    # metrics
    of(metrics.accuracy, "y", lambda v: metrics.accuracy(v, Y), CLASSES),
    of(metrics.accuracy, "yhat", lambda v: metrics.accuracy(LABELS, v), ARRAYS | {"no axis": np.ones(())}),
    of(metrics.accuracy, "threshold", lambda v: metrics.accuracy(Y, Y, threshold=v), NUMBERS),
    of(metrics.confusion_counts, "labels", lambda v: metrics.confusion_counts(v, LABELS), but(CLASSES, "huge")),
    of(metrics.confusion_counts, "predictions", lambda v: metrics.confusion_counts(LABELS, v, 2), CLASSES),
    of(metrics.confusion_counts, "classes", lambda v: metrics.confusion_counts(LABELS, LABELS, v), OTHER_SIZES),
    of(metrics.confusion_text, "counts", metrics.confusion_text, NO_NUMBERS | {"fractions": np.eye(2), "long": X}),
    # functions of parameters
    of(functional.forward, "net", functional.forward, NO_NETS),
    of(functional.forward, "parameters", lambda v: functional.forward(Linear(3, 2))(v, X), VALUES),
    of(functional.gradient, "net", lambda v: functional.gradient(v, MSELoss()), NO_NETS),
    of(functional.gradient, "loss", lambda v: functional.gradient(net(), v), NO_LOSSES),
    of(functional.gradient, "parameters", lambda v: functional.gradient(Linear(3, 2), MSELoss())(v, X, Y), VALUES),
    # the judge of other people's modules
    of(diynn.check, "target", diynn.check, {"None": None, "text": "Tanh", "number": 3, "array": X}),
    of(diynn.check, "like", lambda v: diynn.check(Tanh, like=v), {"unknown": "bogus", "number": 3, "list": []}),
    of(diynn.check, "draws", lambda v: diynn.check(Tanh, draws=v, timing=False), SIZES),
    of(diynn.check, "input_shape", lambda v: diynn.check(Tanh(), input_shape=v), but(INPUT_SHAPES, "None")),
]

CASES = [
    pytest.param(row, value, id=f"{row.owner}-{row.argument}-{name}")
    for row in TABLE
    for name, value in row.values.items()
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Let what is written by mistake be written where it does no harm, and keep the default backend."""
    monkeypatch.chdir(tmp_path)
    yield
    diynn.set_backend(None)


@pytest.mark.parametrize(("row", "value"), CASES)
def test_the_error_names_owner_and_argument(row, value):
    wanted = rf"(^|: ){row.owner}(\([^`]*\))?: (`\w+` and )?`{row.argument}[`\[]"
    with pytest.raises((TypeError, ValueError, MemoryError)) as caught:
        row.call(value)
    message = str(caught.value)
    assert re.search(wanted, message), message
    assert "\n" not in message  # no array is printed into it


def test_there_are_enough_cases():
    assert len(CASES) >= 200
    assert len({(row.owner, row.argument) for row in TABLE}) >= 80


#: Public callables without an argument of their own that could be wrong.
WITHOUT = {
    diynn.Callback: "it takes nothing, and its methods are written by others",
    diynn.Rule: "likewise",
    diynn.History: "it takes nothing",
    diynn.Run: "SGD makes it, of what it has looked at",
    diynn.Parameter: "`parameters` makes it, of what it has looked at",
    data.Digits: "`digits` makes it",
    data.near: "internal: SGD has looked at what it is given",
    data.placed: "internal: for host arrays made here",
    initializers.sheet_uniform: "made by `uniform`, and asked as a law below",
    initializers.sheet_uniform_conv: "likewise",
}


def public(module):
    """Return the functions and classes that a module defines; those that take an `owner` are internal."""
    for name, value in vars(module).items():
        ours = callable(value) and getattr(value, "__module__", "").startswith(module.__name__)
        if ours and not name.startswith("_") and "owner" not in inspect.signature(value).parameters:
            yield value


def test_every_public_callable_is_in_the_table():
    named = [getattr(diynn, name) for name in diynn.__all__]
    asked = [value for value in named if callable(value)]
    for module in (data, initializers, metrics, functional, checkpoints):
        asked += public(module)
    known = [row.function for row in TABLE] + list(WITHOUT)
    assert [value for value in asked if value not in known] == []
