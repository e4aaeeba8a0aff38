# ruff: noqa: E501  # tables of messages, a line each
"""The words of courses, what is written instead of what we have not, and what is asked before the "
"first step."""

import warnings

import numpy as np
import pytest

import diynn
from diynn import (
    SGD,
    Adam,
    BCELoss,
    BCEWithLogitsLoss,
    CategoricalCrossEntropyLoss,
    Conv1D,
    CrossEntropyLoss,
    EarlyStopping,
    Linear,
    LogSoftmax,
    MaxPool1D,
    MSELoss,
    NLLLoss,
    Optim,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from diynn.sheet import SPELLINGS, WORDS
from tests.students import StudentTanH, normal
from tests.students_nets import Residual

X, Y = normal(23, 3), normal(23, 1, seed=1)


def net(**new):
    return Sequential(Linear(3, 4, rng=0, **new), Tanh(), Linear(4, 1, rng=1, **new))


# ------------------------------------------------------------------ words that are taken


@pytest.mark.parametrize("inputs", ["in_features", *WORDS["in_features"]])
@pytest.mark.parametrize("outputs", ["out_features", *WORDS["out_features"]])
def test_a_linear_is_made_by_any_words(inputs, outputs):
    assert repr(Linear(**{inputs: 3, outputs: 2})) == "Linear(3, 2)"
    assert repr(Linear(3, **{outputs: 2}, biais=False)) == "Linear(3, 2, bias=False)"


def test_windows_are_made_by_any_words():
    assert (
        repr(Conv1D(kernel_size=3, in_channels=1, out_channels=2, strides=2)) == "Conv1D(3, 1, 2, stride=2)"
    )
    assert repr(Conv1D(filter_size=3, chan_in=1, chan_out=2)) == "Conv1D(3, 1, 2)"
    assert repr(MaxPool1D(kernel_size=2, strides=1)) == "MaxPool1D(2, 1)"


@pytest.mark.parametrize("word", ["epochs", *WORDS["epochs"]])
@pytest.mark.parametrize("method", [False, True])
def test_the_number_of_epochs_has_many_names(word, method):
    optim = Optim(net(), MSELoss(), 1e-3)
    if method:
        history = optim.SGD(X, Y, 10, **{word: 3}, verbose=False)
    else:
        history = SGD(net(), MSELoss(), X, Y, 10, **{word: 3}, verbose=False)
    assert len(history) == 3


def test_training_by_a_method_is_training_by_the_function():
    optim = Optim(net(), MSELoss(), 1e-2)
    history = optim.SGD(X, Y, 10, 5, rng=0, progress=False)
    other = SGD(net(), MSELoss(), X, Y, 10, 5, 1e-2, rng=0, progress=False)
    assert history.costs == other.costs
    assert optim.steps == 15


@pytest.mark.parametrize("word", ["input", "inputs", "X", "data"])
def test_methods_take_their_data_by_other_words(word):
    for module in (Linear(3, 3, rng=0), Tanh(), Sequential(Tanh())):
        np.testing.assert_array_equal(module.forward(**{word: X}), module(X))
        np.testing.assert_array_equal(
            module.backward_delta(**{word: X}, delta=X), module.backward_delta(X, X)
        )
        module.zero_grad()
        module.backward_update_gradient(**{word: X}, delta=X)


def test_modules_are_added_by_other_names():
    made = Sequential()
    assert made.add(Tanh()) is made.append(Tanh()) is made.add_module(Sigmoid()) is made
    assert repr(made.addModule(Tanh())) == "Sequential(Tanh(), Tanh(), Sigmoid(), Tanh())"


def test_a_history_reads_as_the_list_of_its_costs():
    history = SGD(net(), MSELoss(), X, Y, 10, 4, progress=False)
    assert list(history) == history.costs == history["cost"] == history[:]
    assert history[-1] == history.costs[-1]
    np.testing.assert_array_equal(np.asarray(history), history.costs)
    assert list(reversed(history)) == history.costs[::-1]
    assert history[2] in history
    assert -1 not in history
    assert "seconds" in history
    assert history + history == [*history.costs, *history.costs]
    assert [1.0] + history == [1.0, *history.costs]  # noqa: RUF005  # as in course code
    with pytest.raises(KeyError, match="History: no column 'loss'; there are cost, seconds"):
        history["loss"]


def test_the_step_size_can_be_set():
    optim = Optim(net(), MSELoss(), 1e-2)
    optim.eps = 0.5
    assert optim.eps == 0.5
    optim.eps = diynn.step_decay(1.0, factor=0.5, every=1)
    assert optim.eps == 1.0
    with pytest.raises(ValueError, match="Optim: `eps` must be a positive number, got -1"):
        optim.eps = -1
    for word in WORDS["eps"]:  # an attribute that nobody reads would be silent
        setattr(optim, word, 0.125)
        assert optim.eps == getattr(optim, word) == 0.125
    assert Optim(net(), MSELoss(), lr=0.25).eps == Optim(net(), MSELoss(), learning_rate=0.25).eps == 0.25


@pytest.mark.parametrize("rule", [Adam, diynn.AdamW, diynn.RMSprop])
def test_the_stabiliser_has_two_words(rule):
    assert repr(rule(eta=1e-6)) == repr(rule(epsilon=1e-6)) != repr(rule())


@pytest.mark.parametrize("word", WORDS["eps"])
def test_schedules_and_training_take_the_step_size_by_any_word(word):
    assert diynn.constant(**{word: 0.25})(7) == 0.25
    assert diynn.step_decay(**{word: 1.0}, factor=0.5, every=1)(1) == 0.5
    assert diynn.exponential_decay(**{word: 1.0}, half_life=1)(1) == 0.5
    assert diynn.cosine_decay(**{word: 1.0}, steps=1)(1) == 0.0
    histories = [
        SGD(net(), MSELoss(), X, Y, 10, 2, **{name: 0.01}, rng=0, progress=False) for name in (word, "eps")
    ]
    assert histories[0].costs == histories[1].costs


def test_no_word_stands_for_two_arguments_of_one_function():
    for words in WORDS.values():
        assert len(set(words)) == len(words)
    assert not set(WORDS) & {"self"}
    assert set(SPELLINGS) <= set(diynn.__all__)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Linear(3, 2, input=3), "Linear: `in_features` is given twice, also as `input`"),
        (
            lambda: Linear(input=3, input_dim=3, output=2),
            "Linear: `in_features` is given twice, also as `input_dim`",
        ),
        (
            lambda: SGD(net(), MSELoss(), X, Y, epochs=1, maxIter=2),
            "SGD: `epochs` is given twice, also as `maxIter`",
        ),
        (lambda: Tanh().forward(X, input=X), "Tanh.forward: `data` is given twice, also as `input`"),
    ],
)
def test_a_word_given_twice_is_an_error(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_words_cost_a_step_nothing():
    """A recorded step calls no layer, whatever words its methods take."""
    optim = Optim(net(), MSELoss(), 1e-3)
    for _ in range(5):
        optim.step(X, Y)
    called = []
    for module in optim.net:
        type(module).forward  # noqa: B018  # there, and not called:
    forward = Tanh.forward
    try:
        Tanh.forward = lambda self, data: called.append(1) or forward(self, data)
        optim.step(X, Y)
    finally:
        Tanh.forward = forward
    assert called == []


# ------------------------------------------------------------------ refusals that say what to write


class Elsewhere:
    backward = r"net.backward_update_gradient\(data, delta\) adds the gradients"
    predict = r"diynn.predict\(net, x\) returns the outputs"
    score = r"diynn.accuracy\(y, diynn.predict\(net, x\)\)"
    fit = r"diynn.SGD\(net, loss, x, y, batch_size, epochs, eps\) trains a net"
    reset = "build the net anew"
    set_parameters = "assign to module._parameters"
    _input = r"diynn's modules keep nothing of a batch; net.activations\(x\) returns what goes into each"
    deltas = r"diynn's modules keep nothing of a batch; diynn.trace\(net, loss, x, y\) shows the delta"
    W = "module._parameters holds the weights"
    b = "module._bias holds the bias"
    grad = "module._gradient holds the gradient of the weights"
    layers = "net.modules is the list of its modules"
    append_modules = r"net.add\(module\) appends one"
    save = r"diynn.save\(net, path\) keeps the parameters"
    state_dict = r"diynn.save\(net, path\) keeps the parameters"
    evaluate = r"diynn.accuracy\(y, diynn.predict\(net, x\)\)"
    predict_classes = r".*.argmax\(1\) of them the classes"


@pytest.mark.parametrize("name", [name for name in vars(Elsewhere) if not name.startswith("__")])
def test_what_a_net_has_not_is_told(name):
    for module in (net(), Linear(2, 2), Residual(Tanh())):
        assert not hasattr(module, name)
        with pytest.raises(
            AttributeError, match=f"{type(module).__name__} has no `{name}`; " + getattr(Elsewhere, name)
        ):
            getattr(module, name)


def test_an_attribute_that_nobody_knows_is_an_error_as_ever():
    with pytest.raises(AttributeError, match=r"^Linear has no `colour`$"):
        Linear(2, 2).colour  # noqa: B018
    with pytest.raises(AttributeError, match=r"History has no `predict`; diynn.predict\(net, x\) returns"):
        diynn.History().predict(X)
    with pytest.raises(AttributeError, match=r"History has no `index`; history.costs is the list"):
        diynn.History().index(3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zero_grad", r"optim.step\(x, y\) sets the gradients to zero by itself"),
        ("forward", r"net.forward\(x\) returns the outputs"),
        ("backward", r"Optim\(net, loss\).step\(x, y\) does a whole step"),
        ("train", r"diynn.SGD\(net, loss, x, y, batch_size, epochs, eps\) trains, optim.SGD"),
        ("fit", "trains a net"),
        ("history", r"SGD returns it: history = diynn.SGD\(...\)"),
    ],
)
def test_what_an_optim_has_not_is_told(name, message):
    with pytest.raises(AttributeError, match=f"Optim has no `{name}`; .*{message}"):
        getattr(Optim(net(), MSELoss()), name)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Linear(3), r"Linear: takes \(in_features, out_features\); `out_features` not given"),
        (lambda: Linear(), "`in_features`, `out_features` not given"),
        (lambda: Linear(3, 2, type="x"), r"Linear: there is no argument `type`; pass init='xavier'"),
        (lambda: Linear(3, 2, mode="x"), r"there is no argument `mode`; net.train\(\) and net.eval\(\)"),
        (
            lambda: CrossEntropyLoss(classes_type="x"),
            r"there is no argument `classes_type`; the loss decides",
        ),
        (
            lambda: Sequential(modules=[Tanh()]),
            r"Sequential: there is no argument `modules`; write Sequential\(first, second, ...\)",
        ),
        (
            lambda: Sequential(couches=[Tanh()]),
            "Sequential: there is no argument `couches`; there are backend$",
        ),
        (lambda: Softmax(axis=1), "there is no argument `axis`; it is taken over the last axis"),
        (
            lambda: MSELoss(reduction="mean"),
            "there is no argument `reduction`; forward returns one cost an example",
        ),
        (
            lambda: SGD(net(), MSELoss(), X, Y, nb_batch=3),
            "there is no argument `nb_batch`; batch_size is the number of examples in a batch",
        ),
        (
            lambda: SGD(net(), MSELoss(), X, Y, early_stop=True),
            r"there is no argument `early_stop`; callbacks=\[diynn.EarlyStopping\(\)\]",
        ),
        (
            lambda: SGD(net(), MSELoss(), X, Y, momentum=0.9),
            r"there is no argument `momentum`; rule=diynn.Momentum",
        ),
        (
            lambda: SGD(net(), MSELoss(), X, Y, optimizer="adam"),
            r"there is no argument `optimizer`; rule=diynn.Adam\(\)",
        ),
        (
            lambda: SGD(net(), X, Y, MSELoss()),
            r"SGD: `loss` must be a loss, got an array of shape \(23, 3\); SGD takes \(net, loss, x, y, batch",
        ),
        (
            lambda: SGD(X, Y, net(), MSELoss()),
            r"SGD: `net` must be a module, got an array of shape \(23, 3\); SGD takes \(net, loss, x, y, batch",
        ),
        (
            lambda: Linear(3, 2, init=lambda shape: np.zeros(shape)),
            r"Linear: `init` must be a function \(rng, shape, fan_in, fan_out\), got the function <lambda>",
        ),
        (
            lambda: Conv1D(3, 1, 2, bias_init=np.zeros),
            r"Conv1D: `bias_init` must be a function \(rng, shape, fan_in, fan_out\), got the function zeros",
        ),
        (lambda: Tanh(3), "Tanh: takes .*got 1 without a name"),
        (lambda: Tanh().forward(_input=X), "Tanh.forward: there is no argument `_input`; there are data"),
        (
            lambda: SGD(net(), MSELoss(), 1e-3, X, Y),
            r"`x` must be an array of numbers, got 0.001; SGD takes .*: write SGD\(net, loss, x, y, eps=...\)",
        ),
        (
            lambda: SGD(Optim(net(), MSELoss()), X, Y),
            r"SGD: `net` must be a module, got an Optim; an Optim trains by optim.SGD\(x, y, batch_size, epochs\)",
        ),
        (
            lambda: SGD(Optim(net(), MSELoss()), MSELoss(), X, Y),
            r"got an Optim; an Optim trains by optim.SGD\(x, y, batch_size, epochs\)",
        ),
        (
            lambda: SGD(net(), MSELoss(), 1e-3),
            r"SGD: `y` is not given.* SGD takes \(net, loss, x, y, batch_size, epochs, eps\)",
        ),
        (
            lambda: SGD(net(), MSELoss(), X, Y, Y),
            "SGD: `batch_size` must be a positive integer, got an array of shape",
        ),
        (
            lambda: Adam(lr=1e-3),
            "Adam: there is no argument `lr`; the step size is `eps` of Optim and of SGD",
        ),
        (
            lambda: Adam(eps=1e-8),
            "Adam: there is no argument `eps`; .* the stabiliser of Adam and RMSprop is `epsilon`",
        ),
        (
            lambda: EarlyStopping(monitor="cost"),
            "EarlyStopping: there is no argument `monitor`; there are pat",
        ),
        (lambda: diynn.step_decay(0.1), r"step_decay: takes \(eps\); `factor`, `every` not given"),
        (lambda: Optim(net(), MSELoss(), 1e-3, 5), r"Optim: takes \(net, loss, eps\), and by name rule"),
    ],
)
def test_calls_that_are_wrong_to_accept_say_what_to_write(call, message):
    with pytest.raises(TypeError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------ what is asked before the first step


class Silent(StudentTanH):
    """A module whose way back only returns None."""

    def backward_delta(self, input, delta):
        pass


class Answerless(StudentTanH):
    def forward(self, X):  # noqa: N803
        """Return the outputs, one day."""


class Wordy(Residual):
    """A class that derives from ours, and takes more."""

    def forward(self, data, scale):
        return scale * data


class OfOutputs:
    """A loss that knows no targets."""

    def forward(self, yhat):
        return yhat

    backward = forward


class Costless(MSELoss):
    def forward(self, y, yhat):
        pass


class Half:
    """A container with a way back of its own name."""

    def __init__(self, *modules):
        self.modules = modules

    def forward(self, data):
        return data

    def backward(self, delta):
        pass


class Idle(Residual):
    def backward_update_gradient(self, data, delta):
        pass


class NoStep(StudentTanH):
    def update_parameters(self):
        pass


def circular():
    outer = Sequential(Tanh())
    outer.add(Sequential(outer))
    return outer


def outer_of_itself():
    outer = Sequential(Tanh())
    return outer.add(outer)


def outer_of_itself_alone():
    outer = Sequential()
    return outer.add(Sequential(outer))


BEFORE = {
    "a class for a loss": (lambda: Optim(net(), MSELoss), r"`loss` must be an instance, got the class "
    r"MSELoss; write MSELoss\(\)"),
    "a class for a net": (lambda: Optim(Tanh, MSELoss()), r"`net` must be an instance, got the class "
    r"Tanh; write Tanh\("),
    "the wrong way round": (lambda: Optim(MSELoss(), net()), "a MSELoss, which looks like a loss: net first, then loss"),
    "a list of layers": (lambda: Optim([Linear(3, 1)], MSELoss()), r"got a list; write "
    r"Sequential\(modules\)"),
    "a net for a loss": (lambda: Optim(net(), net()), "`loss` must be a loss, got a Sequential without backward"),
    "a function for a loss": (lambda: Optim(net(), np.sum), "`loss` must be a loss, got the function sum without forward, backward"),
    "a number for a net": (lambda: Optim(3, MSELoss()), "`net` must be a module, got 3 without forward"),
    "a class for a rule": (lambda: Optim(net(), MSELoss(), rule=Adam), r"`rule` must be an instance, "
    r".*write Adam\(\)"),
    "a name for a rule": (lambda: Optim(net(), MSELoss(), rule="adam"), r"got 'adam'; write rule=diynn.Adam\(\)"),
    "a number for a rule": (lambda: Optim(net(), MSELoss(), rule=3), r"`rule` must be a rule, such as diynn.Adam\(\), got 3"),
    "methods missing": (lambda: Optim(Half(Linear(3, 1)), MSELoss()), "got Half without backward_delta, backward_update_gradient"),
    "a way back that does nothing": (lambda: Optim(Sequential(Linear(3, 3), Silent()), MSELoss()), "Silent.backward_delta does nothing"),
    "a gradient that does nothing": (lambda: Optim(Idle(Linear(3, 3)), MSELoss()), "Idle.backward_update_gradient does nothing, and"),
    "an update without a step": (lambda: Optim(Sequential(NoStep()), MSELoss()), r"NoStep.update_parameters must take \(gradient_step\)"),
    "an answer that does nothing": (lambda: Optim(Sequential(Answerless()), MSELoss()), "Answerless.forward does nothing: it returns the outputs"),
    "one argument more": (lambda: Optim(Sequential(Wordy(Tanh())), MSELoss()), r"Wordy.forward must take \(data\): missing .*'scale'"),
    "a loss of outputs alone": (lambda: Optim(net(), OfOutputs()), r"OfOutputs.forward must take \(y, yhat\): too many"),
    "a loss without costs": (lambda: Optim(net(), Costless()), r"Costless.forward does nothing: it returns the costs \(batch,\)"),
    "a number for callbacks": (lambda: train(callbacks=3), r"SGD: `callbacks` must be a list, such as "
    r"\[EarlyStopping\(\)\], got 3"),
    "a callback alone": (lambda: train(callbacks=EarlyStopping()), "`callbacks` must be a list, .*got an EarlyStopping"),
    "a class of callbacks": (lambda: train(callbacks=[EarlyStopping]), r"got the class EarlyStopping; write EarlyStopping\(\)"),
    "a function of metrics": (lambda: train(metrics=diynn.accuracy), '`metrics` must be a dict of functions, such as {"accuracy"'),
    "names of metrics": (lambda: train(metrics=["accuracy"]), "`metrics` must be a dict of functions, "
    ".*got a list"),
    "a metric that is none": (lambda: train(metrics={"a": 3}), "`metrics` must be a dict of functions, "
    ".*got {'a': 3}"),
    "a metric of outputs alone": (lambda: train(metrics={"a": lambda yhat: 1.0}), r"`metrics` 'a' must take \(y, yhat\): too many"),
    "a metric that returns an array": (lambda: train(metrics={"a": lambda y, yhat: y}), r"`metrics` 'a' must return a number, got an array of shape \(23, 1\)"),
    "validation without targets": (lambda: train(validation=X), r"SGD: `validation` must be \(x, y\) or "
    r"\(x, y, weights\), or a share such as 0.1, got an array of shape"),
}  # fmt: skip


def train(**options):
    return SGD(net(), MSELoss(), X, Y, epochs=1, progress=False, **options)


@pytest.mark.parametrize("name", BEFORE)
def test_what_cannot_be_trained_is_refused_before_the_first_step(name):
    call, message = BEFORE[name]
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: train(metrics={"cost": diynn.accuracy}),
            "`metrics` must have other names than 'cost', which the",
        ),
        (
            lambda: Optim(Sequential(Linear(2, 3), Linear(4, 1)), MSELoss()),
            r"layer 2 of 2, Linear\(4, 1\), takes \(batch, 4\), and layer 1, Linear\(2, 3\), gives \(batch, 3\)",
        ),
        (
            lambda: Optim(Sequential(Linear(2, 3), Sequential(Tanh(), Conv1D(3, 1, 1))), MSELoss()),
            r"layer 3 of 3, Conv1D\(3, 1, 1\), takes \(batch, \?, 1\), and layer 2, Tanh\(\), gives \(batch, ..., 3\)",
        ),
        (lambda: Optim(circular(), MSELoss()), "`net` must not contain itself, and Sequential does"),
        (outer_of_itself, "Sequential: `module` must be another than the net that it is added to"),
        (lambda: Optim(outer_of_itself_alone(), MSELoss()), "`net` must not contain itself"),
    ],
)
def test_values_that_do_not_fit_are_refused_before_the_first_step(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ------------------------------------------------------------------ mistakes that would be silent


ENDS = {
    "softmax twice": (Softmax(), CrossEntropyLoss(), r"Softmax\(\) before CrossEntropyLoss\(\), which has a softmax itself"),
    "log-softmax twice": (LogSoftmax(), CrossEntropyLoss(), "leave the layer out"),
    "sigmoid twice": (Sigmoid(), BCEWithLogitsLoss(), r"Sigmoid\(\) before BCEWithLogitsLoss\(\), which has a sigmoid itself"),
    "logits for log-probabilities": (None, NLLLoss(), r"NLLLoss\(\) takes log-probabilities, and "
    r"Linear\(3, 2\) gives any"),
    "logits for probabilities of classes": (None, CategoricalCrossEntropyLoss(), r"CategoricalCrossEntropyLoss\(\) takes probabilities, and Linear\(3, 2\) gives none"),
    "logarithms for probabilities": (LogSoftmax(), CategoricalCrossEntropyLoss(), r"LogSoftmax\(\) gives none; let Softmax"),
    "logits for probabilities": (None, BCELoss(), r"BCELoss\(\) takes probabilities, and Linear\(3, 2\) gives any numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_a_last_layer_that_does_not_fit_its_loss_is_told_once(name):
    last, loss, message = ENDS[name]
    with pytest.warns(UserWarning, match=message) as told:
        Optim(Sequential(Linear(3, 2), *([last] if last else [])), loss)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        (None, CrossEntropyLoss()),
        (Softmax(), CategoricalCrossEntropyLoss()),
        (Softmax(), NLLLoss()),
        (LogSoftmax(), NLLLoss()),
        (Sigmoid(), BCELoss()),
        (None, BCEWithLogitsLoss()),
        (Softmax(), MSELoss()),
    ],
)
def test_ends_that_fit_are_told_nothing(last, loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Optim(Sequential(Linear(3, 2), *([last] if last else [])), loss)


@pytest.mark.parametrize(
    "labels",
    [np.zeros(23, int), np.arange(23) % 2, np.arange(23) % 2.0, np.zeros((23, 1))],
    ids=["zeros", "indices", "floats", "table"],
)
def test_cross_entropy_of_one_class_names_what_to_take(labels):
    with pytest.raises(
        ValueError, match=r"`yhat` must have two classes or more, got shape \(23, 1\).*BCEWithLogitsLoss"
    ):
        Optim(net(), CrossEntropyLoss()).step(X, labels)


def test_an_empty_dict_of_parameters_counts_as_none():
    activation = Tanh()
    activation._parameters = {}
    made = Sequential(Linear(3, 1, rng=0), activation)
    history = SGD(made, MSELoss(), X, Y, epochs=2, rule=Adam(), progress=False)
    assert history[-1] < history[0]


def test_units_that_are_saturated_are_told():
    made = Sequential(Linear(3, 2, rng=0), Tanh(), Linear(2, 3, rng=1))
    made[0]._parameters[:, 0] = 0
    made[0]._bias[0] = 50.0
    with pytest.warns(
        RuntimeWarning, match=r"SGD: layer 2 of 3, Tanh\(\): 1 of 2 units are saturated, the same for all"
    ):
        SGD(made, MSELoss(), X, X, epochs=1, progress=False)


# ------------------------------------------------------------------ repeatable starts


def test_the_seed_of_numpy_makes_a_script_repeatable():
    def script():
        np.random.seed(0)  # noqa: NPY002
        made = Sequential(Linear(3, 4), diynn.Dropout(0.5), Tanh(), Linear(4, 1))
        x, _ = diynn.data.two_gaussians(10)
        history = SGD(made, MSELoss(), X, Y, 10, 3, progress=False)
        return [x.tolist(), history.costs, made[0]._parameters.tolist()]

    assert script() == script()
