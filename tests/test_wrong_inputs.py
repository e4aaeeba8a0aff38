"""Whatever is wrong with an argument, the error says whose it is and which: of everything that is public.

`CALLS` has one call of each that works; with a wrong value for one argument it must be refused. What is wrong
goes by the name of the argument (`WRONG`), unless the call says otherwise. Every argument that a signature
has is asked. The calls of layers, losses and rules are made from their cases.
"""

import inspect
import re
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

import diynn
from diynn import (
    SGD,
    EarlyStopping,
    KeepBest,
    Linear,
    MSELoss,
    Optim,
    Sequential,
    Tanh,
    checkpoints,
    data,
    initializers,
    metrics,
    plots,
    stateless,
)
from diynn.composition import walk
from diynn.execution.choice import Threads
from tests.cases import LAYERS, LOSSES, RULES
from tests.cases.case import most
from tests.wrong_values import (
    ARRAYS,
    AXES,
    BACKENDS,
    CALLBACKS,
    CLASSES,
    DEVICES,
    DTYPES,
    EMPTY,
    EXAMPLES,
    EXECUTIONS,
    FACTORS,
    FALLEN,
    FINITE,
    FINITE_WEIGHTS,
    FLAGS,
    FRACTIONS,
    FUNCTIONS,
    GRIDS,
    IMAGE_SHAPES,
    INPUT_SHAPES,
    LABELS,
    LAWS,
    LIMITS,
    METRICS,
    NO_HISTORIES,
    NO_LOSSES,
    NO_NETS,
    NO_NUMBERS,
    NO_RULES,
    NO_TARGETS,
    NOT_NEGATIVE,
    NUMBERS,
    OTHER_SHAPES,
    OTHER_SIZES,
    PAIRS,
    PATHS,
    POSITIVE,
    REAL,
    ROWS,
    SEEDS,
    SHARES,
    SHARES_OF_RANKS,
    SIZES,
    STEP_SIZES,
    TEXTS,
    TITLES,
    VALUES,
    WEIGHTS,
    X,
    Y,
    but,
    net,
)

#: What is wrong with an argument of this name, wherever it stands.
WRONG = {
    "rng": SEEDS, "backend": BACKENDS, "dtype": DTYPES, "device": DEVICES, "path": PATHS, "ax": AXES,
    "init": LAWS, "bias_init": LAWS, "net": NO_NETS, "module": NO_NETS, "loss": NO_LOSSES,
    "rule": NO_RULES | {"None": None}, "linear": NO_NETS | {"layer": Tanh()},
    "eps": STEP_SIZES, "weights": WEIGHTS, "execution": EXECUTIONS, "validation": PAIRS, "metrics": METRICS,
    "callbacks": CALLBACKS, "column": TEXTS, "largest": but(FLAGS, "None"), "threshold": NUMBERS,
    "x": ARRAYS, "y": ARRAYS, "yhat": ARRAYS, "data": REAL, "delta": REAL, "input_shape": INPUT_SHAPES,
    "parameters": VALUES, "values": VALUES, "limits": LIMITS, "titles": TITLES, "padding": but(SIZES, "zero"),
    **dict.fromkeys(("in_features", "out_features", "k_size", "chan_in", "chan_out"), SIZES),
    **dict.fromkeys(("fan_in", "fan_out", "n", "every", "steps", "cells", "batch_size", "epochs"), SIZES),
    **dict.fromkeys(("patience", "resolution", "accumulate"), SIZES),
    **dict.fromkeys(("stride", "classes", "count"), OTHER_SIZES),
    **dict.fromkeys(("scale", "factor", "half_life", "epsilon", "bound", "deviation", "size"), POSITIVE),
    "limit": POSITIVE,
    "beyond": POSITIVE,
    **dict.fromkeys(("decay", "by", "spread"), NOT_NEGATIVE),
    **dict.fromkeys(("p", "mu", "rho", "slope", "beta1", "beta2"), FRACTIONS),
    "layout": {"number": 3, "another": "keras"}, "checkpoint": PATHS, "seconds": but(POSITIVE, "infinity"),
    **dict.fromkeys(("bias", "biases", "nesterov", "progress", "mode", "timing"), FLAGS),
    **dict.fromkeys(("labels", "predictions", "clusters"), CLASSES),
}  # fmt: skip


#: Arguments that are looked at by whom they are handed on to, in its words.
SAID = {"batch_x": "data", "batch_y": "y", "modules": "module"}
#: Arguments that nothing is asked of.
UNCHECKED = {
    "output": "what forward returned for the data, which who has it hands over to save a call: by the engine",
}


class Call(NamedTuple):
    """A call that works, as far as it goes; whose errors they are; what is wrong with single arguments."""

    function: object
    owner: str
    arguments: dict
    wrong: dict


def call(function, /, owner=None, wrong=(), **arguments):
    bound = getattr(function, "__self__", None)
    name = function.__name__ if bound is None else type(bound).__name__
    return Call(function, owner or name, arguments, dict(wrong))


def made(thing, wrong, owner=None):
    """Return the call that makes another of a thing's kind: what it must be told, it has as attributes."""
    taken = inspect.signature(type(thing)).parameters.values()
    needed = {each.name: getattr(thing, each.name) for each in taken if each.default is each.empty}
    return call(type(thing), owner, wrong, **needed)


def of_layer(case):
    """Yield the calls of a layer and of its methods."""
    layer = case.build(most, rng=0)
    name = "|".join(dict.fromkeys(type(each).__name__ for each in walk(layer)))
    x = np.ones((2, *case.shape(most, layer)))
    delta = layer.forward(x)
    if not isinstance(layer, Sequential):
        yield made(layer, case.wrong)
    yield call(layer.forward, f"({name})", data=x)
    yield call(layer.backward_delta, f"({name})", data=x, delta=delta)
    yield call(layer.train)
    yield call(layer.to, f"({name})", {} if layer.parameters() else {"dtype": {}, "device": {}})  # of arrays
    if layer.parameters():
        yield call(layer.backward_update_gradient, f"({name})", data=x, delta=delta)
        yield call(layer.update_parameters, f"({name})", {"gradient_step": but(NUMBERS, "nan", "flag")})


def of_loss(case):
    """Yield the calls of a loss and of its methods."""
    half = np.full((4, 2), 0.5)
    yield made(case.loss, case.wrong)
    yield call(case.loss.forward, y=half, yhat=half)
    yield call(case.loss.backward, y=half, yhat=half)


def of_rule(case):
    """Return the call of a rule: what it has of another, that one looks at."""
    kinds = type(case.rules[0]).__mro__
    return made(case.rules[0], case.wrong, f"({'|'.join(each.__name__ for each in kinds)})")


#: A law of initial parameters, as it may be called.
LAW = {"rng": 0, "shape": (3, 2), "fan_in": 3, "fan_out": 2}
LAW_SHAPES = {"shape": but(INPUT_SHAPES, "zero")}
TRAINING = {"net": net(), "loss": MSELoss(), "x": X, "y": Y}
OPTIM = Optim(net(), MSELoss())
DICT = {"cost": [1.0, 0.5]}
GIVEN = checkpoints.snapshot(Linear(3, 2))
IMAGES = {"rows": [np.ones((2, 64)), np.ones((2, 64))]}

CALLS = [
    # layers, losses, rules
    *map(call, (diynn.Module, diynn.Loss)),
    *(each for case in LAYERS for each in of_layer(case)),
    *(each for case in LOSSES for each in of_loss(case)),
    *map(of_rule, RULES),
    # containers
    call(Sequential, wrong={"modules": {}}),
    call(Sequential().add, module=Tanh()),
    call(net().summary, wrong={"input_shape": OTHER_SHAPES}, input_shape=(3,)),
    # training
    call(Optim, wrong={"net": NO_NETS | EMPTY}, net=net(), loss=MSELoss()),
    call(OPTIM.step, "(Linear|MSELoss|Optim)", {"batch_x": REAL, "batch_y": ARRAYS}, batch_x=X, batch_y=Y),
    call(
        SGD, "(SGD|Optim)", {"net": NO_NETS | EMPTY | {"optim": OPTIM}, "x": FINITE, "y": FINITE,
                                "weights": FINITE_WEIGHTS},
        **TRAINING, batch_size=2, epochs=1, progress=False,
    ),
    call(
        diynn.predict, wrong={"net": but(NO_NETS, "loss") | {"list": [Tanh()]}, "x": EXAMPLES},
        net=net(), x=X,
    ),
    call(diynn.trace, **TRAINING),
    call(Threads),
    # schedules, callbacks
    call(KeepBest),
    call(diynn.constant, eps=0.1),
    call(diynn.step_decay, eps=0.1, factor=0.5, every=2),
    call(diynn.exponential_decay, eps=0.1, half_life=2),
    call(diynn.cosine_decay, wrong={"warmup": but(SIZES, "zero")}, eps=0.1, steps=9),
    call(EarlyStopping),
    call(diynn.ReduceOnPlateau, wrong={"factor": but(SHARES, "None")}),
    call(diynn.Log, path="never written"),
    call(diynn.TensorBoard, path="never written"),
    # arrays and files
    call(diynn.asarray, wrong={"data": NO_NUMBERS}, data=X),
    call(diynn.to_numpy, wrong={"array": but(NO_NUMBERS, "complex")}, array=X),
    call(diynn.set_backend),
    call(diynn.save, net=net(), path="never written"),
    call(diynn.load, net=net(), path="never read"),
    call(checkpoints.snapshot, net=net()),
    call(checkpoints.restore, net=Linear(3, 2), values={}),
    call(diynn.export_onnx, net=net(), path="never written", input_shape=(3,)),
    # data
    call(data.one_hot, labels=LABELS),
    call(
        data.batches, wrong={"to": but(ARRAYS, "None", "list", "number", "frame") | {"text": "numpy"},
                             "weights": but(ARRAYS, "None")},
        x=X, y=Y, batch_size=2,
    ),
    *(call(toy, n=4) for toy in (data.two_gaussians, data.four_gaussians, data.checkerboard)),
    call(
        data.shard, wrong={"values": ARRAYS | {"no axis": np.ones(())}, **SHARES_OF_RANKS},
        values=X, rank=0, size=2,
    ),
    call(data.noisy, wrong={"x": but(REAL, "no axis"), "scale": NOT_NEGATIVE}, x=X, scale=0.1),
    call(data.digits, wrong={"test": SHARES}),
    call(data.read_usps, path="never read"),
    # initial parameters
    *(
        call(law, wrong=LAW_SHAPES, **LAW)
        for law in (
            initializers.glorot_uniform, initializers.glorot_normal, initializers.he_uniform,
            initializers.he_normal, initializers.fan_in_uniform, initializers.zeros,
        )
    ),
    call(initializers.uniform, bound=1.0),
    call(initializers.normal, deviation=1.0),
    call(initializers.sheet_uniform, "uniform", LAW_SHAPES, **LAW),
    call(initializers.sheet_uniform_conv, "uniform", LAW_SHAPES, **LAW),
    call(initializers.normal(1.0), "normal", LAW_SHAPES, **LAW),
    # metrics, figures
    call(metrics.accuracy, wrong={"y": CLASSES}, y=LABELS, yhat=Y),
    call(metrics.r2, y=Y, yhat=Y),
    call(metrics.mean_absolute_error, y=Y, yhat=Y),
    call(
        metrics.purity, wrong=dict.fromkeys(("labels", "clusters"), but(CLASSES, "huge")),
        labels=LABELS, clusters=LABELS,
    ),
    call(metrics.confusion_counts, labels=LABELS, predictions=LABELS),
    call(
        metrics.confusion_text, wrong={"counts": NO_NUMBERS | {"fractions": np.eye(2), "long": X}},
        counts=np.eye(2, dtype=int),
    ),
    call(plots.learning_curve, wrong={"history": NO_HISTORIES}, history=DICT),
    call(plots.confusion_matrix, labels=LABELS, predictions=LABELS),
    call(plots.images, wrong={"rows": ROWS, "shape": IMAGE_SHAPES}, **IMAGES),
    call(
        plots.weights,
        wrong={"parameters": NO_NUMBERS | {"vector": LABELS, "none": np.ones((0, 2))}, "shape": IMAGE_SHAPES},
        parameters=np.ones((9, 2)),
    ),
    call(
        plots.decision_frontier,
        wrong={"predict": FUNCTIONS | {"class": Linear}, "x": NO_NUMBERS, "y": NO_NUMBERS},
        predict=Tanh(), x=Y, y=LABELS,
    ),
    call(
        plots.main_effects,
        wrong={"factors": FACTORS, "values": NO_NUMBERS | {"table": X}, "name": {"None": None, "number": 3}},
        factors={"a": [1, 2]}, values=[0.1, 0.2],
    ),
    call(plots.scatter, wrong={"points": NO_NUMBERS, "labels": NO_NUMBERS}, points=Y, labels=LABELS),
    # many runs
    call(
        diynn.sweep,
        wrong={
            "function": FUNCTIONS, "grid": GRIDS, "path": but(PATHS, "None"),
            "workers": OTHER_SIZES, "retry": FLAGS, "each": but(FUNCTIONS, "None"),
        },
        function=float, grid={"x": ["1"]}, progress=False,
    ),
    # functions of parameters
    call(stateless.forward, net=net()),
    call(stateless.forward(Linear(3, 2)), "forward", {"x": {}}, parameters={}, x=X),
    call(stateless.gradient, net=net(), loss=MSELoss()),
    call(
        stateless.gradient(Linear(3, 2), MSELoss()), "gradient", {"x": {}, "y": {}, "weights": {}},
        parameters={}, x=X, y=Y,
    ),
    # the judge of other people's modules
    call(
        diynn.check,
        wrong={
            "target": NO_TARGETS,
            "like": {"unknown": "bogus", "number": 3, "list": []}, "draws": but(SIZES, "huge"),
            "input_shape": but(INPUT_SHAPES, "None"), "seed": but(SEEDS, "class") | {"None": None},
            "lang": TEXTS | {"unknown": "de"}, "beside": {"text": "Net", "number": 3, "instance": net()},
            "watch": but(FUNCTIONS, "None"),
        },
        target=Tanh,
    ),
]  # fmt: skip


def refused(each, name):
    """Return what is wrong with an argument: None is not where it is the default."""
    assert name in each.wrong or name in WRONG, f"{each.owner}: say in its case what is wrong with `{name}`"
    values = each.wrong[name] if name in each.wrong else WRONG[name]
    default = inspect.signature(each.function).parameters[name].default
    return but(values, "None") if default is None else values


def fit(*callbacks):
    return SGD(**TRAINING, batch_size=2, epochs=1, callbacks=callbacks, progress=False)


ASKED = [
    (
        each.owner,
        SAID.get(name, name),
        partial(each.function, **each.arguments),
        name,
        refused(each, name),
    )
    for each in CALLS
    for name in inspect.signature(each.function).parameters
    if name not in UNCHECKED
]

#: What no call above reaches by the name of an argument.
MORE = [
    ("Sequential", "module", Sequential, None, NO_NETS),
    ("Sequential", "module", lambda v: Sequential([v]), None, NO_NETS),
    ("Linear", "init", lambda v: Linear(v, v), None, {"no memory": 10**12}),
    ("Optim", "eps", lambda v: setattr(OPTIM, "eps", v), None, STEP_SIZES),
    ("Optim", "eps", lambda v: Optim(net(), MSELoss(), lambda step: v).step(X, Y), None, FALLEN),
    ("EarlyStopping", "column", lambda v: fit(EarlyStopping(column=v)), None, {"unknown": "loss"}),
    ("KeepBest", "column", lambda v: fit(KeepBest(column=v)), None, {"unknown": "loss"}),
    ("Linear", "data", partial(stateless.forward(Linear(3, 2)), GIVEN), "x", REAL),
    ("Linear", "data", partial(stateless.gradient(Linear(3, 2), MSELoss()), GIVEN, y=Y), "x", REAL),
    ("MSELoss", "y", partial(stateless.gradient(Linear(3, 2), MSELoss()), GIVEN, X), "y", ARRAYS),
    ("gradient", "weights", partial(stateless.gradient(Linear(3, 2), MSELoss()), GIVEN, X, Y), "weights",
     WEIGHTS),
]  # fmt: skip
TABLE = ASKED + MORE


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Let what is written by mistake be written where it does no harm, and keep the default backend."""
    monkeypatch.chdir(tmp_path)
    yield
    diynn.set_backend(None)


def told(owner, argument, function, name, value):
    """Return the error unless it names owner and argument, in one line; None if it does."""
    try:
        function(value) if name is None else function(**{name: value})
    except (TypeError, ValueError, MemoryError) as error:
        message = str(error)
        named = re.search(rf"(^|: ){owner}(\([^`]*\))?: (`\w+` and )?`{argument}[`\[]", message)
        return None if named and "\n" not in message else f"{type(error).__name__}: {message}"
    return "no error"


@pytest.mark.parametrize("row", TABLE, ids=[f"{row[0]}-{row[1]}" for row in TABLE])
def test_the_error_names_owner_and_argument(row):
    *asked, values = row
    missing = {name: told(*asked, value) for name, value in values.items()}
    assert {name: words for name, words in missing.items() if words is not None} == {}


def test_an_argument_of_a_new_name_needs_wrong_values():
    def brew(flavour):
        return flavour

    with pytest.raises(AssertionError, match="brew: say in its case what is wrong with `flavour`"):
        refused(call(brew, flavour=1), "flavour")
    assert refused(call(brew, wrong={"flavour": FLAGS}, flavour=1), "flavour") == FLAGS


def test_the_table_is_as_large_as_it_looks():
    assert sum(len(values) for *_, values in TABLE) >= 3000


#: Public callables without an argument of their own that could be wrong.
WITHOUT = {
    diynn.Callback: "it takes nothing, and its methods are written by others",
    diynn.Rule: "likewise",
    diynn.History: "it takes nothing",
    diynn.Run: "SGD makes it, of what it has looked at",
    diynn.Parameter: "`parameters` makes it, of what it has looked at",
    data.Digits: "`digits` makes it",
    diynn.CheckpointError: "an error",
    diynn.Sweep: "`sweep` makes it",
    data.share_of: "internal: `shard` and the ranks have looked at what they hand over",
}


def public(module):
    """Return the functions and classes that a module defines; those that take an `owner` are internal."""
    for name, value in vars(module).items():
        ours = callable(value) and getattr(value, "__module__", "").startswith(module.__name__)
        if ours and not name.startswith("_") and "owner" not in inspect.signature(value).parameters:
            yield value


def test_every_public_callable_is_in_the_table():
    asked = [value for name in diynn.__all__ if callable(value := getattr(diynn, name))]
    for module in (data, initializers, metrics, stateless, checkpoints, plots):
        asked += public(module)
    known = [each.function for each in CALLS] + list(WITHOUT)
    assert [value for value in asked if value not in known] == []
