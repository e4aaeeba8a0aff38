"""Host arrays in a loop by hand, under a default backend and without; and calls with other arguments."""

import inspect
import re
from types import FunctionType

import numpy as np
import pytest

import diynn
from diynn import CrossEntropyLoss, Linear, MSELoss, Sequential, Softmax, Tanh
from diynn.calls import OF_THE_ENGINE
from tests.backends import find
from tests.cases import LOSSES, SINGLE
from tests.cases.case import least
from tests.students import normal
from tests.test_wrong_inputs import CALLS, OPTIM

X, Y, LABELS = normal(23, 3), normal(23, 2, seed=1), np.arange(23) % 2

#: Libraries that are not NumPy and may be a default.
OTHERS = ("torch", "jax", "array_api_strict")


@pytest.fixture(params=OTHERS)
def library(request):
    """Set the default backend to a library, for one test."""
    name = "strict" if request.param == "array_api_strict" else request.param
    if missing := find(name)[1]:
        pytest.skip(missing)
    with diynn.set_backend(request.param):
        yield request.param


def by_hand(net, loss, x, y, steps=3):
    """Train in a loop written by hand; return the last output and cost."""
    for _ in range(steps):
        net.zero_grad()
        yhat = net.forward(x)
        costs = loss.forward(y, yhat)
        net.backward_update_gradient(x, loss.backward(y, yhat))
        net.update_parameters(1e-2)
    return yhat, costs


def made():
    return Sequential(Linear(3, 4, rng=0, dtype="float32"), Tanh(), Linear(4, 2, rng=1, dtype="float32"))


@pytest.mark.parametrize(("loss", "y"), [(MSELoss(), Y), (CrossEntropyLoss(), LABELS)])
def test_a_loop_by_hand_over_data_on_the_host_trains_on_the_default_library(library, loss, y):
    yhat, costs = by_hand(made(), loss, X, y)
    assert type(yhat) is type(costs) is type(diynn.asarray(X))  # results are of the net's library
    with diynn.set_backend(None):
        _, expected = by_hand(made(), loss, X.astype("float32"), y)
    np.testing.assert_allclose(diynn.to_numpy(costs), expected, rtol=1e-4)


def test_what_a_loop_by_hand_makes_on_the_host_moves_by_any_word(library):
    linear = Linear(3, 2, rng=0)
    delta = np.ones((23, 2))
    back = linear.backward_delta(diynn.asarray(X, dtype=linear._parameters.dtype), delta)
    assert type(linear.backward_delta(input=X, delta=delta)) is type(back)
    softmax = Softmax().forward(linear.forward(X))
    assert type(Softmax().backward_delta(linear.forward(X), np.ones((23, 2)))) is type(softmax)


class OwnMSE:
    """A loss as students write it, which computes with targets on the host and the net's output."""

    def forward(self, y, yhat):
        return ((yhat - y) ** 2).sum(1)

    def backward(self, y, yhat):
        return 2 * (yhat - y)


def test_a_loss_of_ones_own_may_make_deltas_of_another_precision_or_on_the_host():
    if missing := find("torch")[1]:
        pytest.skip(missing)
    with diynn.set_backend("torch"):
        y = diynn.asarray(Y)  # float64, and so is the delta
        _, costs = by_hand(made(), OwnMSE(), X, y)
        stepped = diynn.Optim(made(), OwnMSE(), 1e-2)
        taken = [stepped.step(X, Y) for _ in range(3)]
    _, expected = by_hand(made(), OwnMSE(), X.astype("float32"), Y)
    np.testing.assert_allclose(costs, expected, rtol=1e-4)
    np.testing.assert_allclose(taken[-1], expected, rtol=1e-4)


def test_who_names_pytorch_is_told_of_two_precisions():
    if missing := find("torch")[1]:
        pytest.skip(missing)
    linear = Linear(3, 2, backend="torch", dtype="float32")
    words = r"must have the dtype of the parameters, torch.float32, got torch.float64; diynn.asarray\({}, "
    with pytest.raises(ValueError, match=r"Linear\(3, 2\): `data` " + words.format("data")):
        linear.forward(diynn.asarray(X, "torch"))
    with pytest.raises(ValueError, match=r"Linear\(3, 2\): `delta` " + words.format("delta")):
        linear.backward_delta(diynn.asarray(X, "torch", dtype="float32"), diynn.asarray(Y, "torch"))


def test_a_transposed_layer_moves_data_on_the_host(library):
    layer = diynn.Transposed(Linear(2, 3, rng=0))
    assert layer.forward(X).shape == (23, 2)
    assert type(layer.backward_delta(X, Y)) is type(diynn.asarray(X))


def test_who_mixes_libraries_by_name_is_told(library):
    expected = f"`data` is a numpy array and the parameters an? {library.partition('_')[0]}"
    with diynn.set_backend(None), pytest.raises(ValueError, match=expected):
        Linear(3, 2, backend=library).forward(X)
    with diynn.set_backend("numpy"), pytest.raises(ValueError, match=expected):
        Linear(3, 2, backend=library).forward(X)
    with pytest.raises(ValueError, match="and the parameters a numpy array"):
        Linear(3, 2, backend="numpy").forward(diynn.asarray(X))


def test_what_is_wrong_with_data_on_the_host_is_told_as_ever(library):
    with pytest.raises(ValueError, match=r"`data` must have shape \(batch, 3\), got \(23, 2\)"):
        Linear(3, 2).forward(Y)
    with pytest.raises(TypeError, match="`data` must have a real floating dtype, got int64"):
        Linear(3, 2).forward(X.astype("int64"))


# ------------------------------------------------------------------ other numbers of arguments


#: Classes whose methods scripts call, with an object of each.
OBJECTS = [
    *(case.build(least) for case in SINGLE), *(case.loss for case in LOSSES), Sequential(Linear(3, 2)), OPTIM,
    diynn.History(), diynn.sweep(lambda x: {"y": x}, {"x": [1]}, progress=False),
]  # fmt: skip


def methods_of(thing):
    """Yield the public methods of an object, but those that only the engine calls, and Python's own."""
    for name in dir(type(thing)):
        method = getattr(type(thing), name)
        ours = isinstance(method, FunctionType) and method.__module__.startswith("diynn.")
        if ours and (name == "__call__" or not name.startswith("_")) and name not in OF_THE_ENGINE:
            yield getattr(thing, name)


CALLABLES = {
    getattr(function, "__qualname__", repr(function)): function
    for function in [each.function for each in CALLS if isinstance(each.function, type | FunctionType)]
    + [method for thing in OBJECTS for method in methods_of(thing)]
}


def owner(function):
    """Return how an error begins: with the method of the object's class, the class, or the function."""
    if "<locals>" in function.__qualname__:
        return re.escape(function.__qualname__.partition(".")[0])  # a function that one of ours returned
    if not inspect.ismethod(function):
        return function.__name__
    kind = type(function.__self__).__name__
    return kind if function.__name__ == "__call__" else re.escape(f"{kind}.{function.__name__}")


def wrong_calls(function):
    """Yield calls with fewer arguments than a function needs, with more, with an unknown word."""
    parameters = inspect.signature(function).parameters.values()
    kinds = [each.kind for each in parameters]
    places = [each for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    needed = sum(each.default is each.empty for each in places)
    yield from (("not given", (object(),) * count, {}) for count in range(needed))
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        surplus = len(places) + 1
        yield f"; got {surplus} without a name", (object(),) * surplus, {}
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        yield "there is no argument `colour`; ", (object(),) * needed, {"colour": 3}


@pytest.mark.parametrize("name", CALLABLES)
def test_another_number_of_arguments_is_told_with_what_to_write(name):
    function = CALLABLES[name]
    whose = owner(function)
    for words, arguments, named in wrong_calls(function):
        with pytest.raises(TypeError) as caught:
            function(*arguments, **named)
        message = str(caught.value)
        assert re.match(f"{whose}: ", message), message
        assert words in message
        assert "\n" not in message
        assert "positional argument" not in message


def test_the_calls_are_as_many_as_they_look():
    assert sum(len(list(wrong_calls(function))) for function in CALLABLES.values()) >= 400
