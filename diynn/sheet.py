"""The names on the course sheet and in course code: classes, keywords, and hints for what is missing.

Canonical names are the documented ones. Every other spelling in these tables is accepted as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Canonical class → the other spellings of its name. They are in ``diynn.__all__`` as well: course scripts
#: write ``from diynn import *`` and then ``TanH()``, as tests/course_scripts/debruitage.py does.
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

#: Canonical keyword → its other spellings, in any function that has the keyword.
WORDS: dict[str, tuple[str, ...]] = {
    "data": ("input", "inputs", "X"),
    "in_features": ("input", "input_dim", "input_size", "n_in", "dim_in", "n_inputs", "dim_input",
                    "entree"),
    "out_features": ("output", "output_dim", "output_size", "n_out", "dim_out", "n_outputs", "dim_output",
                     "sortie"),
    "bias": ("biais", "use_bias"),
    "k_size": ("kernel_size", "filter_size", "kernel"),
    "chan_in": ("in_channels", "channels_in"),
    "chan_out": ("out_channels", "channels_out"),
    "stride": ("strides", "pas"),
    "padding": ("pad",),
    "epochs": ("nb_epochs", "n_epochs", "num_epochs", "max_epochs", "nb_epoch", "epoch", "max_iter",
               "maxIter", "nb_iter", "nbIter", "n_iter", "iterations", "nb_iterations"),
    "progress": ("verbose",),
    "batch_size": ("batchsize", "taille_batch"),
    "x": ("X", "datax", "data_x", "x_train", "X_train"),
    "batch_x": ("x", "X"),
    "batch_y": ("y", "Y"),
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

#: Keyword that is not accepted → what to write instead.
REFUSED: dict[str, str] = {
    "type": "pass init='xavier', 'he', 'uniform' or 'normal' for the initial law",
    "mode": "net.train() and net.eval() switch the mode; init= has the initial law",
    "classes_type": "the loss decides: CrossEntropyLoss takes class indices and one-hot labels alike",
    "activation": "write the activation as a module of its own, such as Tanh(), behind this one",
    **dict.fromkeys(("lr", "learning_rate"), "the step size is `eps` of Optim and of SGD"),
    "eps": "the step size is `eps` of Optim and of SGD, the stabiliser of Adam and RMSprop is `epsilon`",
    **dict.fromkeys(
        ("modules", "layers"), "write Sequential(first, second, ...), or Sequential([first, second, ...])"
    ),
    **dict.fromkeys(
        ("batch", "nb_batch", "n_batch", "nb_batchs", "nb_batches", "n_batches"),
        "batch_size is the number of examples in a batch",
    ),
    **dict.fromkeys(
        ("early_stop", "early_stopping", "patience", "tol"),
        "callbacks=[diynn.EarlyStopping()] ends a training when the cost falls no further",
    ),
    "momentum": "rule=diynn.Momentum(0.9) follows the gradient with momentum",
    "optimizer": "rule=diynn.Adam() is another update rule",
    "reduction": "forward returns one cost an example, and backward the gradient of their sum; "
    "loss.forward(y, yhat).mean() is the mean",
    **dict.fromkeys(("dim", "axis"), "it is taken over the last axis"),
    "shuffle": "SGD shuffles the examples in each epoch; rng= has the seed",
}

#: Class → the variable name of an instance of it, or of a subclass, in examples of calls.
VARIABLES: dict[str, str] = {
    "Sequential": "net", "Module": "module", "Loss": "loss", "Optim": "optim", "History": "history",
    "Rule": "rule", "Callback": "callback", "Parameter": "parameter",
}  # fmt: skip

#: Class → where the arrays belong that were passed to its constructor.
CALLED: dict[str, str] = {"Module": "{}(...).forward(data)", "Loss": "{}().forward(y, yhat)"}

#: Function or method → a hint, besides its form, where it is called with wrong arguments.
HINTS: dict[str, str] = {
    "SGD": "an Optim trains by optim.SGD(x, y, batch_size, epochs)",
    "Optim.step": "a batch and what is right for it; it goes forward and back, and updates, by itself",
    "Optim.SGD": "the examples and what is right for them",
    "Module.forward": "a batch alone; loss.forward(y, yhat) compares what it returns",
    "Module.__call__": "a batch alone; loss.forward(y, yhat) compares what it returns",
    **dict.fromkeys(
        ("Module.backward_update_gradient", "Module.backward_delta"),
        "`data` is what forward was given, `delta` the gradient of the cost with respect to what it returned",
    ),
    "Module.zero_grad": "it needs nothing, and sets the gradients to zero",
    "Module.update_parameters": "it takes the step size alone; the gradients are in the module",
    "Sequential.add": "one module; Sequential(first, second, ...) takes several",
    **dict.fromkeys(
        ("Loss.forward", "Loss.backward", "Loss.__call__"), "`y` is what is right, `yhat` what the net gave"
    ),
    "accuracy": "write accuracy(y, yhat): what is right, then what the net gave",
    "predict": "write predict(net, x)",
}

#: Attribute that a net or a history does not have → what to write instead.
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
    **dict.fromkeys(
        ("train", "run"),
        "diynn.SGD(net, loss, x, y, batch_size, epochs, eps) trains, optim.SGD(x, y, ...) too",
    ),
    "zero_grad": "optim.step(x, y) sets the gradients to zero by itself; net.zero_grad() does it by hand",
    "forward": "net.forward(x) returns the outputs; optim.step(x, y) goes forward and back, and updates",
    "evaluate": "diynn.accuracy(y, diynn.predict(net, x)) is the share of the examples that are right",
    **dict.fromkeys(
        ("predict_proba", "predict_classes"),
        "diynn.predict(net, x) returns the outputs of a net, .argmax(1) of them the classes",
    ),
    **dict.fromkeys(
        ("layers", "_modules", "_layers", "list_modules"), "net.modules is the list of its modules"
    ),
    **dict.fromkeys(
        ("add_modules", "append_modules", "insert", "extend"),
        "net.add(module) appends one; Sequential(first, second, ...) takes several",
    ),
    **dict.fromkeys(
        ("weight", "weights", "_weights", "_weight", "W", "_W"), "module._parameters holds the weights"
    ),
    **dict.fromkeys(("bias", "biais", "b", "_b", "_biais"), "module._bias holds the bias"),
    **dict.fromkeys(
        ("gradient", "grad", "_grad"),
        "module._gradient holds the gradient of the weights, module._bias_gradient that of the bias",
    ),
    **dict.fromkeys(
        ("input", "inputs", "_input", "_inputs", "_data", "output", "outputs", "_output", "_outputs"),
        "diynn's modules keep nothing of a batch; net.activations(x) returns what goes into each module, and "
        "last the output",
    ),
    **dict.fromkeys(
        ("delta", "deltas", "_delta", "_deltas"),
        "diynn's modules keep nothing of a batch; diynn.trace(net, loss, x, y) shows the delta of each",
    ),
    "save": "diynn.save(net, path) keeps the parameters, diynn.load(net, path) reads them again",
    **dict.fromkeys(
        ("state_dict", "load_state_dict"),
        "diynn.save(net, path) keeps the parameters, diynn.load(net, path) reads them again",
    ),
    "history": "SGD returns it: history = diynn.SGD(...), or optim.SGD(...)",
    **dict.fromkeys(("index", "append", "count", "sort"), "history.costs is the list of the costs"),
}


def names(classes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the class for each spelling, given the classes by canonical name."""
    return {other: classes[name] for name, others in SPELLINGS.items() for other in others}


class Missing:
    """An attribute that is not there, though others look for it: what to write instead is told.

    A ``__getattr__`` would tell of all, but makes every attribute that is there slower: too slow for a step.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self
        raise elsewhere(instance, self.name)


def elsewhere(owner: object, name: str) -> AttributeError:
    """Return the error about a missing attribute, with what to write instead if that is known."""
    hint = f"; {ELSEWHERE[name]}" if name in ELSEWHERE else ""
    return AttributeError(f"{type(owner).__name__} has no `{name}`{hint}", name=name, obj=owner)
