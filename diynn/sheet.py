"""The names on the course sheet and in course code: of classes, of keywords, and of what else is asked.

Canonical names are the documented ones. Every other spelling here is accepted, and means the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])

#: Canonical class → the other spellings of its name.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "Linear": ("Lineaire", "LinearLayer", "ModuleLineaire"),
    "Conv1D": ("Conv1d", "Convolution1D"),
    "MaxPool1D": ("MaxPool1d", "MaxPooling1D"),
    "AvgPool1D": ("AvgPool1d", "AveragePool1D", "AvgPooling1D"),
    "Flatten": ("Aplatir",),
    "Tanh": ("TanH", "TangenteHyperbolique"),
    "Sigmoid": ("Sigmoide", "Sigmoïde"),
    "ReLU": ("Relu", "RELU"),
    "LeakyReLU": ("LeakyRelu",),
    "Softmax": ("SoftMax",),
    "LogSoftmax": ("LogSoftMax", "logSoftMax"),
    "Sequential": ("Sequentiel", "Séquentiel"),
    "MSELoss": ("MSE", "MseLoss"),
    "L1Loss": ("MAELoss", "MAE"),
    "HuberLoss": ("Huber",),
    "NLLLoss": ("NLL", "CELoss", "CE"),
    "CrossEntropyLoss": ("CrossEntropy", "CELogSoftmax", "CELogSoftMax", "LogSoftmaxCELoss",
                         "LogCrossEntropy", "CELossLogSoftmax", "CrossEntropyLogSoftmax",
                         "SoftmaxCrossEntropy"),
    "CategoricalCrossEntropyLoss": ("CategoricalCrossEntropy", "CategoricalCrossentropy",
                                    "CrossEntropyProba", "CEProba"),
    "BCELoss": ("BCE", "BinaryCrossEntropy", "BinaryCrossEntropyLoss"),
    "BCEWithLogitsLoss": ("BCEWithLogits",),
}  # fmt: skip

#: Canonical keyword → the other words for it, wherever a function has the keyword.
WORDS: dict[str, tuple[str, ...]] = {
    "data": ("input", "inputs", "X"),
    "in_features": ("input", "input_dim", "input_size", "n_in", "dim_in"),
    "out_features": ("output", "output_dim", "output_size", "n_out", "dim_out"),
    "bias": ("biais", "use_bias"),
    "k_size": ("kernel_size", "filter_size", "kernel"),
    "chan_in": ("in_channels", "channels_in"),
    "chan_out": ("out_channels", "channels_out"),
    "stride": ("strides", "pas"),
    "padding": ("pad",),
    "epochs": ("nb_epochs", "n_epochs", "nb_epoch", "max_iter", "maxIter", "nb_iter", "nbIter", "n_iter"),
    "progress": ("verbose",),
    "batch_size": ("batchsize", "taille_batch"),
    "x": ("X", "datax", "data_x", "x_train", "X_train"),
    "y": ("Y", "datay", "data_y", "y_train", "Y_train", "labels"),
    "eps": ("lr", "learning_rate", "gradient_step", "pas_gradient"),
    "epsilon": ("eta",),
    "gradient_step": ("eps", "lr", "learning_rate"),
    "net": ("network", "model", "reseau"),
    "loss": ("loss_fn", "criterion", "cout"),
    "rng": ("seed", "random_state"),
    "slope": ("negative_slope",),
    "beyond": ("delta",),
    "rho": ("alpha", "decay_rate"),
    "weights": ("sample_weight", "sample_weights"),
}  # fmt: skip

#: Keyword that nobody takes → what to write instead.
REFUSED: dict[str, str] = {
    "type": "pass init='xavier', 'he', 'uniform' or 'normal' for the initial law",
    "mode": "net.train() and net.eval() switch the mode; init= has the initial law",
    "classes_type": "the loss decides: CrossEntropyLoss takes class indices and one-hot labels alike",
    "activation": "write the activation as a module of its own, such as Tanh(), behind this one",
    **dict.fromkeys(("lr", "learning_rate"), "the step size is `eps` of Optim and of SGD"),
    "eps": "the step size is `eps` of Optim and of SGD, the stabiliser of Adam and RMSprop is `epsilon`",
    "shuffle": "SGD shuffles the examples in each epoch; rng= has the seed",
}

#: What a net, or a history, is asked for that it has not → what to write instead.
ELSEWHERE: dict[str, str] = {
    "backward": "net.backward_update_gradient(data, delta) adds the gradients, net.backward_delta(data, "
    "delta) "
    "returns the delta of the data; Optim(net, loss).step(x, y) does a whole step",
    "predict": "diynn.predict(net, x) returns the outputs of a net that is evaluated",
    "score": "diynn.accuracy(y, diynn.predict(net, x)) is the share of the examples that are right",
    "fit": "diynn.SGD(net, loss, x, y, batch_size, epochs, eps) trains a net",
    "reset": "build the net anew for new initial parameters; net.zero_grad() sets the gradients to zero",
    "set_parameters": "assign to module._parameters, or diynn.load(net, path) to read them from a file",
    "get_parameters": "net.parameters() returns handles on all of them, module._parameters those of a module",
    "update": "diynn.SGD trains at once; Optim(net, loss, eps).step(x, y) takes one step at a time",
}


def names(classes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the class of each spelling, of the classes of diynn by their canonical names."""
    return {other: classes[name] for name, others in SPELLINGS.items() for other in others}


def elsewhere(owner: object, name: str) -> AttributeError:
    """Return the error about an attribute that is not there, with what to write instead if that is known."""
    hint = f"; {ELSEWHERE[name]}" if name in ELSEWHERE else ""
    return AttributeError(f"{type(owner).__name__} has no `{name}`{hint}", name=name, obj=owner)


def spelled(owner: str = "", *, bound: bool = False) -> Callable[[Function], Function]:
    """Return a decorator: the function takes its keywords in any spelling of the table.

    Parameters
    ----------
    owner : str
        Whose errors they are; by default those of the class of its first argument.
    bound : bool
        Whether missing and surplus arguments are worded here as well, instead of by Python.

    Raises
    ------
    TypeError
        By the function decorated: if a keyword is given twice, or is none of the function's.
    """

    def decorate(function: Function) -> Function:
        @wraps(function)
        def call(*arguments: Any, **words: Any) -> Any:
            if words or bound:
                whose = owner or type(arguments[0]).__name__
                words = _canonical(function, whose, arguments, words, bound)
            return function(*arguments, **words)

        return cast(Function, call)

    return decorate


def _canonical(
    function: Callable[..., Any], owner: str, arguments: tuple[Any, ...], words: dict[str, Any], bound: bool
) -> dict[str, Any]:
    parameters, others = _keywords(function)
    places = [each.name for each in parameters.values() if each.kind is each.POSITIONAL_OR_KEYWORD]
    positional = places[: len(arguments)]
    found: dict[str, Any] = {}
    for word, value in words.items():
        canonical = word if word in parameters else others.get(word)
        if canonical is None:
            if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
                found[word] = value
                continue
            raise TypeError(f"{owner}: there is no argument `{word}`; {_instead(parameters, word)}")
        if canonical in found or canonical in positional:
            raise TypeError(f"{owner}: `{canonical}` is given twice" + _also(word, canonical))
        found[canonical] = value
    if bound:
        _raise_unless_complete(parameters, owner, arguments, found)
    return found


@lru_cache(maxsize=256)
def _keywords(function: Callable[..., Any]) -> tuple[Mapping[str, inspect.Parameter], dict[str, str]]:
    """Return the parameters of a function, and its canonical keywords by their other spellings."""
    parameters = inspect.signature(function).parameters
    return parameters, {
        other: word for word in reversed(WORDS) if word in parameters for other in WORDS[word]
    }


def _instead(parameters: Mapping[str, inspect.Parameter], word: str) -> str:
    if word in REFUSED:
        return REFUSED[word]
    known = [name for name in parameters if name != "self"]
    return f"there are {', '.join(known)}" if known else "it takes none"


def _also(word: str, canonical: str) -> str:
    return "" if word == canonical else f", also as `{word}`"


def _raise_unless_complete(
    parameters: Mapping[str, inspect.Parameter],
    owner: str,
    arguments: tuple[Any, ...],
    words: Mapping[str, Any],
) -> None:
    kinds = inspect.Parameter
    places = [each for each in parameters.values() if each.kind is kinds.POSITIONAL_OR_KEYWORD]
    if any(each.kind is kinds.VAR_POSITIONAL for each in parameters.values()):
        return
    taken = ", ".join(each.name for each in places if each.name != "self")
    own = "self" in parameters
    if len(arguments) > len(places):
        given_by_name = [each.name for each in parameters.values() if each.kind is kinds.KEYWORD_ONLY]
        by_name = f", and by name {', '.join(given_by_name)}" if given_by_name else ""
        raise TypeError(f"{owner}: takes ({taken}){by_name}; got {len(arguments) - own} without a name")
    missing = [
        each.name
        for place, each in enumerate(places)
        if place >= len(arguments) and each.default is kinds.empty and each.name not in words
    ]
    missing += [
        each.name
        for each in parameters.values()
        if each.kind is kinds.KEYWORD_ONLY and each.default is kinds.empty and each.name not in words
    ]
    if missing:
        hint = "; an Optim trains by optim.SGD(x, y, batch_size, epochs)" if owner == "SGD" else ""
        raise TypeError(
            f"{owner}: takes ({taken}); {', '.join(f'`{each}`' for each in missing)} not given{hint}"
        )
