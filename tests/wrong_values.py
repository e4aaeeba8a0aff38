"""What may be wrong with an argument, by what the argument is; each wrong value has a name."""

from math import inf, nan

import numpy as np
import pandas
import scipy.sparse

import diynn
from diynn import Adam, EarlyStopping, Linear, MSELoss, Sequential, Tanh, metrics

X, Y, LABELS = np.linspace(-1, 1, 12).reshape(4, 3), np.ones((4, 2)), np.asarray([0, 1, 1, 0])


def net():
    return Sequential(Linear(3, 4, rng=0), Tanh(), Linear(4, 2, rng=1))


def exhausted():
    numbers = (number for number in [1.0])
    list(numbers)
    return numbers


class Thing:
    """An object of no meaning here."""


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
    "sparse": scipy.sparse.csr_matrix(X), "masked": np.ma.masked_array(X, X > 0), "matrix": X.view(np.matrix),
    "objects": np.asarray([[Thing()] * 3] * 4), "texts": np.asarray([["a", "b", "c"]] * 4), "dict": {"x": X},
    "dates": np.zeros((4, 3), "datetime64[s]"),
}  # fmt: skip
RAGGED = {"ragged": [[1.0, 2.0], [3.0]], "set": {1.0, 2.0}}
NO_NUMBERS = NO_ARRAYS | RAGGED | {
    "mixed": [[1.0, "a", 2.0]], "complex": X * 1j, "frame of text": pandas.DataFrame({"a": list("xyzt")}),
}  # fmt: skip
EXAMPLES = NO_NUMBERS | {"single": 3.0, "no axis": np.ones(())}  # lists and frames of numbers may be given
FINITE = EXAMPLES | {
    "nan": np.full((4, 2), nan), "infinity": np.full((4, 2), inf), "none": np.ones((0, 2)),
    "fewer": np.ones((3, 2)),
}  # fmt: skip
WEIGHTS = but(EXAMPLES, "None") | {"fewer": np.ones(3), "table": np.ones((4, 1))}
FINITE_WEIGHTS = WEIGHTS | {
    "negative": -np.ones(4), "zeros": np.zeros(4), "nan": np.full(4, nan), "infinity": np.full(4, inf),
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
OTHER_SHAPES = INPUT_SHAPES | {"other": (7,), "deeper": (3, 7), "empty": ()}
PAIRS = {
    "array": X,
    "number": 3,
    "three": (X, Y, Y),
    "text": "xy",
    "texts": ("x", "y"),
    "nothings": (None, None),
    "no share": 0.0,
    "whole": 1.0,
    "nothing of it": 0.01,
    "nan": nan,
}
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


LAWS = {"None": None, "unknown": "bogus", "number": 3, "array": X, "list": [len]}
DEVICES = {"unknown": "gpu", "number": 77, "list": ["cpu"]}
EXECUTIONS = {"None": None, "unknown": "fast", "number": 3}
ROWS = {
    "None": None,
    "text": "ab",
    "number": 3,
    "exhausted": exhausted(),
    "dict": {"a": X},
    "nothings": [None],
    "one": X,
    "none": [],
}
NO_TARGETS = {"None": None, "text": "Tanh", "number": 3, "array": X, "list": [Tanh()], "function": len}
IMAGE_SHAPES = {**INPUT_SHAPES, "one": (64,), "three": (4, 4, 4)}
NO_HISTORIES = {
    "None": None, "list": [1.0], "history": diynn.History(), "empty": {}, "nothings": {"cost": None},
    "shorter": {"cost": [1.0], "accuracy": []},
}  # fmt: skip
SHARES_OF_RANKS = {"rank": but(SIZES, "zero"), "size": SIZES}
FACTORS = {
    "None": None, "list": [1, 2], "text": "ab", "empty": {}, "shorter": {"a": [1]}, "number": {"a": 3},
    "texts": {"a": "bc"},
}  # fmt: skip
GRIDS = {
    "None": None, "text": "grid", "number": 3, "empty": {}, "none": [], "numbers": [1, 2], "single": {"x": 3},
    "texts": {"x": "abc"}, "exhausted": exhausted(), "no value": {"x": []},
}  # fmt: skip
AXES = {"text": "ax", "number": 3, "array": X, "list": []}
FALLEN = but(NOT_NEGATIVE, "flag")  # of what a schedule returns
LIMITS = {
    "text": "01",
    "number": 1.0,
    "one": (0,),
    "three": (0, 1, 2),
    "texts": ("a", "b"),
    "order": (1, 0),
    "nan": (0, nan),
}
TITLES = {"text": "ab", "number": 3, "numbers": [1], "nothings": [None], "more": ["a", "b", "c"]}
