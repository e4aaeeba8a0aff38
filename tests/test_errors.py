"""What bad input gets: the owner, the argument, what was expected and what came, word for word."""

import re
import sys

import array_api_strict as strict
import numpy as np
import pytest

import diynn
from diynn import (
    AvgPool1D,
    BCELoss,
    BCEWithLogitsLoss,
    CategoricalCrossEntropyLoss,
    Conv1D,
    CrossEntropyLoss,
    Flatten,
    Linear,
    LogSoftmax,
    MaxPool1D,
    MSELoss,
    NLLLoss,
    ReLU,
    Sequential,
    Softmax,
    Tanh,
)
from tests.cases import LOSSES, each_layer


def raises(error, message):
    return pytest.raises(error, match=f"^{re.escape(message)}$")


def ones(*shape, dtype="float64"):
    return np.ones(shape, dtype)


def on_strict(array, device="CPU_DEVICE"):
    return strict.asarray(array, device=strict.Device(device))


# ------------------------------------------------------------------ data and delta of a layer

DATA = [
    (Linear(3, 5), ones(2, 4), "`data` must have shape (batch, 3), got (2, 4)"),
    (Linear(3, 5), ones(3), "`data` must have shape (batch, 3), got (3,)"),
    (Linear(3, 5), ones(2, 7, 4), "`data` must have shape (batch, ..., 3), got (2, 7, 4)"),
    (Conv1D(3, 2, 4), ones(5, 7), "`data` must have shape (batch, length, 2), got (5, 7)"),
    (Conv1D(3, 2, 4, 2), ones(5, 7, 3), "`data` must have shape (batch, length, 2), got (5, 7, 3)"),
    (Conv1D(3, 2, 4), ones(5, 2, 2), "`data` must have length >= 3 (k_size), got 2"),
    (MaxPool1D(3), ones(5, 7), "`data` must have shape (batch, length, channels), got (5, 7)"),
    (MaxPool1D(3), ones(5, 2, 2), "`data` must have length >= 3 (k_size), got 2"),
    (AvgPool1D(3, 1), ones(7), "`data` must have shape (batch, length, channels), got (7,)"),
    (AvgPool1D(3, 1), ones(0, 0, 2), "`data` must have length >= 3 (k_size), got 0"),
    (
        AvgPool1D(5, 1, padding=1),
        ones(5, 2, 2),
        "`data` must have length >= 3 (k_size less the padding), got 2",
    ),
    (
        Conv1D(3, 2, 4, padding="same"),
        ones(5, 0, 2),
        "`data` must have length >= 1 (k_size less the padding), got 0",
    ),
    (Tanh(), ones(), "`data` must have shape (batch, ...), got ()"),
    (Flatten(), ones(), "`data` must have shape (batch, ...), got ()"),
    (Softmax(), ones(5), "`data` must have shape (batch, ..., classes), got (batch,)"),
    (LogSoftmax(), ones(5), "`data` must have shape (batch, ..., classes), got (batch,)"),
    (LogSoftmax(), ones(5, 0), "`data` must have shape (batch, ..., classes), got (batch, 0)"),
]


@pytest.mark.parametrize(("layer", "data", "message"), DATA)
def test_data_of_a_wrong_shape(layer, data, message):
    with raises(ValueError, f"{layer!r}: {message}"):
        layer.forward(data)
    with raises(ValueError, f"{layer!r}: {message}"):
        layer.backward_delta(data, data)
    if layer.parameters():
        with raises(ValueError, f"{layer!r}: {message}"):
            layer.backward_update_gradient(data, data)


def test_a_call_that_fits_does_not_let_one_pass_that_does_not():
    layer = Linear(3, 5)
    layer.forward(ones(2, 3))
    layer.backward_delta(ones(2, 3), ones(2, 5))
    with raises(ValueError, "Linear(3, 5): `data` must have shape (batch, 3), got (2, 5)"):
        layer.forward(ones(2, 5))
    with raises(ValueError, "Linear(3, 5): `delta` must have the shape of the output, (2, 5), got (3, 5)"):
        layer.backward_delta(ones(2, 3), ones(3, 5))


DELTA = [
    (Linear(3, 5), ones(2, 3), ones(2, 3), (2, 5)),
    (Linear(3, 5), ones(2, 3), ones(5), (2, 5)),
    (Linear(3, 1), ones(2, 3), ones(2), (2, 1)),
    (Conv1D(3, 2, 4, 2), ones(2, 8, 2), ones(2, 4, 4), (2, 3, 4)),
    (MaxPool1D(3, 2), ones(2, 8, 2), ones(2, 3, 1), (2, 3, 2)),
    (AvgPool1D(3), ones(2, 8, 2), ones(1, 2, 2), (2, 2, 2)),
    (Flatten(), ones(2, 4, 3), ones(2, 4, 3), (2, 12)),
    (Tanh(), ones(2, 3), ones(3), (2, 3)),
    (diynn.Sigmoid(), ones(2, 3), ones(2, 1), (2, 3)),
    (ReLU(), ones(2, 3), ones(1, 3), (2, 3)),
    (Softmax(), ones(2, 3), ones(), (2, 3)),
    (LogSoftmax(), ones(2, 3), ones(2, 3, 1), (2, 3)),
]


@pytest.mark.parametrize(("layer", "data", "delta", "expected"), DELTA)
def test_delta_of_a_wrong_shape(layer, data, delta, expected):
    message = f"{layer!r}: `delta` must have the shape of the output, {expected}, got {delta.shape}"
    with raises(ValueError, message):
        layer.backward_delta(data, delta)
    if layer.parameters():
        with raises(ValueError, message):
            layer.backward_update_gradient(data, delta)


KINDS = [
    ([[1.0, 2.0, 3.0]], "must be an array, got list; diynn.asarray makes an array of it"),
    (None, "must be an array, got NoneType; diynn.asarray makes an array of it"),
    (
        ones(2, 3, dtype="int64"),
        "must have a real floating dtype, got int64; diynn.asarray({}, dtype='float32') converts it",
    ),
    (
        ones(2, 3, dtype="bool"),
        "must have a real floating dtype, got bool; diynn.asarray({}, dtype='float32') converts it",
    ),
    (
        ones(2, 3, dtype="complex128"),
        "must have a real floating dtype, got complex128; diynn.asarray({}, dtype='float32') converts it",
    ),
]


@pytest.mark.parametrize("layer", [Linear(3, 3), Tanh()], ids=repr)
@pytest.mark.parametrize(("value", "message"), KINDS)
def test_what_is_no_array_of_real_numbers(layer, value, message):
    with raises(TypeError, f"{layer!r}: `data` {message.format('data')}"):
        layer.forward(value)
    if value is not None:
        with raises(TypeError, f"{layer!r}: `delta` {message.format('delta')}"):
            layer.backward_delta(ones(2, 3), value)


@each_layer
def test_every_method_of_every_layer_looks_at_its_arguments(layer):
    module = layer.build(lambda low, high: high)
    data = ones(5, *layer.shape(lambda low, high: high, module))
    delta = ones(*module.forward(data).shape)
    methods = [module.backward_delta, *([module.backward_update_gradient] if module.parameters() else [])]
    with pytest.raises(TypeError, match="`data` must be an array, got list"):
        module.forward(data.tolist())
    for method in methods:
        with pytest.raises(TypeError, match="`data` must be an array, got list"):
            method(data.tolist(), delta)
        with pytest.raises(TypeError, match="`delta` must be an array, got list"):
            method(data, delta.tolist())
        with pytest.raises(ValueError, match=re.escape("`delta` must have the shape of the output, (5, ")):
            method(data, delta[:4])


def test_arrays_of_two_libraries_or_devices():
    on_numpy, on_cpu, on_device1 = ones(2, 3), on_strict(ones(2, 3)), on_strict(ones(2, 3), "device1")
    layer = Linear(3, 3, backend=strict)
    with raises(
        ValueError,
        "Linear(3, 3): `data` is a numpy array and the parameters an array_api_strict array on CPU_DEVICE; "
        "diynn.asarray(data, 'array_api_strict:CPU_DEVICE') moves `data`, .to('numpy') the module",
    ):
        layer.forward(on_numpy)
    with raises(
        ValueError,
        "Linear(3, 3): `data` is an array_api_strict array on device1 and the parameters "
        "an array_api_strict array on CPU_DEVICE; diynn.asarray(data, 'array_api_strict:CPU_DEVICE') "
        "moves `data`, .to('array_api_strict:device1') the module",
    ):
        layer.forward(on_device1)
    with raises(
        ValueError,
        "Linear(3, 3): `delta` is a numpy array and `data` an array_api_strict array on CPU_DEVICE; "
        "diynn.asarray(delta, 'array_api_strict:CPU_DEVICE') moves `delta`",
    ):
        layer.backward_delta(on_cpu, on_numpy)
    with raises(
        ValueError,
        "Tanh(): `delta` is an array_api_strict array on CPU_DEVICE and `data` a numpy array; "
        "diynn.asarray(delta, 'numpy') moves `delta`",
    ):
        Tanh().backward_delta(on_numpy, on_cpu)
    with raises(
        ValueError,
        "MSELoss(): `y` is a numpy array and `yhat` an array_api_strict array on device1; "
        "diynn.asarray(y, 'array_api_strict:device1') moves `y`",
    ):
        MSELoss().forward(on_numpy, on_device1)
    # and the mends that the messages name
    assert layer.forward(diynn.asarray(on_numpy, "array_api_strict:CPU_DEVICE")).shape == (2, 3)
    assert layer.to("array_api_strict:device1").forward(on_device1).shape == (2, 3)
    assert layer.to("numpy").forward(on_numpy).shape == (2, 3)


# ------------------------------------------------------------------ in a net: with the place


def test_the_place_in_a_net_stands_before_the_error():
    net = Sequential(Linear(3, 4), Tanh(), Linear(5, 2))
    message = "layer 3 of 3: Linear(5, 2): `data` must have shape (batch, 5), got (2, 4)"
    for call in (net.forward, net, net.activations):
        with raises(ValueError, message):
            call(ones(2, 3))
    with raises(ValueError, message):
        net.backward_delta(ones(2, 3), ones(2, 2))
    with raises(TypeError, "layer 1 of 3: Linear(3, 4): `data` must be an array, got list; "
                           "diynn.asarray makes an array of it"):  # fmt: skip
        net.forward([1.0, 2.0, 3.0])


def test_the_place_in_a_nested_net():
    net = Sequential(Linear(3, 4), Sequential(Tanh(), Sequential(Linear(4, 6), Linear(5, 2))), Tanh())
    with raises(
        ValueError,
        "layer 2 of 3, layer 2 of 2, layer 2 of 2: Linear(5, 2): "
        "`data` must have shape (batch, 5), got (2, 6)",
    ):
        net.forward(ones(2, 3))


def test_the_place_of_an_error_on_the_way_back():
    net = Sequential(Linear(3, 4), Sequential(Tanh(), Linear(4, 2)))
    message = "layer 2 of 2, layer 2 of 2: Linear(4, 2): `delta` must have the shape of the output, (5, 2), "
    for call in (net.backward_delta, net.backward_update_gradient):
        with raises(ValueError, message + "got (5, 3)"):
            call(ones(5, 3), ones(5, 3))


def test_the_place_stands_before_the_first_of_several_words():
    class Wordy(ReLU):
        def forward(self, data):
            raise ValueError("first", "second")

    with pytest.raises(ValueError, match="first") as caught:
        Sequential(Wordy()).forward(ones(2, 3))
    assert caught.value.args == ("layer 1 of 1: first", "second")


def test_the_place_of_another_error_is_a_note():
    class Broken(ReLU):
        def forward(self, data):
            return {}["no such key"]

        def backward_delta(self, data, delta):
            raise ValueError

    net = Sequential(Tanh(), Sequential(Broken()))
    with pytest.raises(KeyError) as caught:
        net.forward(ones(2, 3))
    assert caught.value.__notes__ == ["layer 2 of 2, layer 1 of 1"]
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # it has no message
        net.backpropagate([ones(2, 3)] * 3, ones(2, 3))
    assert caught.value.__notes__ == ["layer 2 of 2, layer 1 of 1"]


# ------------------------------------------------------------------ losses

N, N1, N3 = ones(4), ones(4, 1), ones(4, 3)
LABELS = np.asarray([0, 1, 2, 0])
VALUES = [
    (N, N1, "`y` must have the shape of `yhat`, (4, 1), got (4,); y[:, None] has it"),
    (N1, N, "`y` must have the shape of `yhat`, (4,), got (4, 1); y[:, 0] has it"),
    (N3, N1, "`y` must have the shape of `yhat`, (4, 1), got (4, 3)"),
    (N1, N3, "`y` must have the shape of `yhat`, (4, 3), got (4, 1)"),
    (N, N3, "`y` must have the shape of `yhat`, (4, 3), got (4,)"),
    (ones(1, 3), N3, "`y` must have the shape of `yhat`, (4, 3), got (1, 3)"),
    (ones(), ones(), "`y` must have the shape of `yhat`, (), got ()"),
]


def assert_refused(loss, y, yhat, error, message):
    for method in (loss.forward, loss.backward, loss):
        with raises(error, f"{loss!r}: {message}"):
            method(y, yhat)


@pytest.mark.parametrize("loss", [MSELoss(), BCELoss(), BCEWithLogitsLoss()], ids=repr)
@pytest.mark.parametrize(("y", "yhat", "message"), VALUES)
def test_a_target_is_never_broadcast(loss, y, yhat, message):
    assert_refused(loss, y, yhat, ValueError, message)


EITHER = "`y` must be class indices (4,) or one-hot (4, 3), got shape"
CLASSES = [
    (LABELS, N, ValueError, "`yhat` must have shape (batch, classes), got (4,)"),
    (LABELS, ones(4, 2, 3), ValueError, "`yhat` must have shape (batch, classes), got (4, 2, 3)"),
    (LABELS[:, None], N3, ValueError, f"{EITHER} (4, 1); y[:, 0] has the first shape"),
    (LABELS[:3], N3, ValueError, f"{EITHER} (3,)"),
    (ones(4, 2), N3, ValueError, f"{EITHER} (4, 2)"),
    (LABELS.astype(float), N3, TypeError, "`y` of shape (4,) must be integer class indices, got float64"),
    (LABELS > 0, N3, TypeError, "`y` of shape (4,) must be integer class indices, got bool"),
    (LABELS + 1, N3, ValueError, "`y` must be in 0..2 for 3 classes, got 1..3"),
    (LABELS - 1, N3, ValueError, "`y` must be in 0..2 for 3 classes, got -1..1"),
]


@pytest.mark.parametrize("loss", [NLLLoss(), CrossEntropyLoss()], ids=repr)
@pytest.mark.parametrize(("y", "yhat", "error", "message"), CLASSES)
def test_targets_that_are_no_classes(loss, y, yhat, error, message):
    assert_refused(loss, y, yhat, error, message)


@pytest.mark.parametrize("loss", [NLLLoss(), CrossEntropyLoss(), CategoricalCrossEntropyLoss()], ids=repr)
@pytest.mark.parametrize("labels", [LABELS, 0 * LABELS, N1], ids=["indices", "zeros", "table"])
def test_of_one_class_there_is_nothing_to_learn(loss, labels):
    message = "`yhat` must have two classes or more, got shape (4, 1): of one class there is nothing to learn"
    message += "; for a problem of yes and no take BCEWithLogitsLoss, or BCELoss behind a Sigmoid"
    assert_refused(loss, labels, N1, ValueError, message)


@pytest.mark.parametrize("loss", [MSELoss(), BCELoss(), CrossEntropyLoss()], ids=repr)
@pytest.mark.parametrize("special", [np.asmatrix, np.ma.array])
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # of np.matrix
def test_targets_that_compute_in_ways_of_their_own(loss, special):
    y = special(np.full((4, 3), 0.5))
    words = f"got a {type(y).__name__}, which computes in ways of its own; np.asarray(y) makes an array of it"
    assert_refused(loss, y, 0.5 * N3, TypeError, f"`y` must be an array, {words}")


def test_labels_out_of_range_on_other_hosts(backend):
    labels = backend.array([3, 0])
    if backend.name in ("strict-device1", "strict-no-float64", "jax", "cupy", "cupy-host"):
        pytest.skip("its values cannot be looked at without a transfer or a wait")
    assert_refused(
        NLLLoss(),
        labels,
        backend.array(ones(2, 3)),
        ValueError,
        "`y` must be in 0..2 for 3 classes, got 0..3",
    )


@pytest.mark.parametrize("loss", [BCELoss(), BCEWithLogitsLoss()], ids=repr)
@pytest.mark.parametrize(
    ("y", "got"),
    [([0.0, 1.5], "0..1.5"), ([-0.25, 1.0], "-0.25..1"), ([0.0, float("nan")], "nan..nan"), ([2, 0], "0..2")],
)
def test_targets_that_are_no_probabilities(loss, y, got):
    assert_refused(loss, np.asarray(y), ones(2) / 2, ValueError, f"`y` must be in [0, 1], got {got}")


@pytest.mark.parametrize("loss", [case.loss for case in LOSSES], ids=repr)
def test_what_is_no_array_in_a_loss(loss):
    refusal = "`{}` must be an array, got list; diynn.asarray makes an array of it"
    assert_refused(loss, [[1.0, 0.0]], ones(1, 2), TypeError, refusal.format("y"))
    assert_refused(loss, ones(1, 2), [[1.0, 0.0]], TypeError, refusal.format("yhat"))
    assert_refused(loss, ones(1, 2) * 1j, ones(1, 2), TypeError, "`y` must hold real numbers, got complex128")
    refusal = (
        "`yhat` must have a real floating dtype, got int64; diynn.asarray(yhat, dtype='float32') converts it"
    )
    assert_refused(loss, ones(1, 2), ones(1, 2, dtype="int64"), TypeError, refusal)


# ------------------------------------------------------------------ constructors

SIZES = [
    (Linear, ("in_features", "out_features"), (2, 3)),
    (Conv1D, ("k_size", "chan_in", "chan_out", "stride"), (2, 3, 4, 1)),
    (MaxPool1D, ("k_size", "stride"), (2, 1)),
    (AvgPool1D, ("k_size", "stride"), (2, 1)),
]


@pytest.mark.parametrize(("kind", "names", "sizes"), SIZES)
@pytest.mark.parametrize(
    ("size", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (True, ValueError),
        (2.5, TypeError),
        (2.0, TypeError),
        ("2", TypeError),
    ],
)
def test_sizes_that_are_no_positive_integers(kind, names, sizes, size, error):
    for place, name in enumerate(names):
        with raises(error, f"{kind.__name__}: `{name}` must be a positive integer, got {size!r}"):
            kind(*sizes[:place], size, *sizes[place + 1 :])
    assert repr(kind(*map(np.int64, sizes))) == repr(kind(*sizes))


@pytest.mark.parametrize(("kind", "names", "sizes"), SIZES[1:])
@pytest.mark.parametrize(
    ("padding", "error"), [("full", ValueError), (-1, ValueError), (True, ValueError), (0.5, TypeError)]
)
def test_paddings_that_are_none(kind, names, sizes, padding, error):
    what = "'same', 'valid' or a number of steps from 0"
    with raises(error, f"{kind.__name__}: `padding` must be {what}, got {padding!r}"):
        kind(*sizes, padding=padding)
    assert repr(kind(*sizes, padding="valid")) == repr(kind(*sizes))
    assert "padding='same'" in repr(kind(*sizes, padding="same"))


def test_a_maximum_over_what_lies_outside():
    refusal = "MaxPool1D: `padding` must be at most half of `k_size`, 1, so that no window lies outside of "
    with raises(ValueError, f"{refusal}the sequence, got 2"):
        MaxPool1D(3, padding=2)
    assert AvgPool1D(3, padding=2).forward(ones(1, 3, 1)).shape == (1, 2, 1)


def test_a_class_instead_of_an_instance():
    with raises(TypeError, "Sequential: `module` must be an instance, got the class Tanh; write Tanh(...)"):
        Sequential(Linear(2, 2), Tanh)
    with raises(
        TypeError, "Sequential: `module` must be an instance, got the class Linear; write Linear(...)"
    ):
        Sequential().add(Linear)


def test_what_is_no_module():
    class Half:
        def forward(self, data): ...
        def backward_delta(self, data, delta): ...

        zero_grad = None

    with raises(
        TypeError,
        "Sequential: `module` must be a module, got Half without "
        "backward_update_gradient, zero_grad, update_parameters",
    ):
        Sequential(Half())
    with raises(
        TypeError,
        "Sequential: `module` must be a module, got int without "
        "forward, backward_delta, backward_update_gradient, zero_grad, update_parameters",
    ):
        Sequential([Tanh(), 3])
    with raises(
        TypeError,
        "Sequential: `module` must be a module, got list without "
        "forward, backward_delta, backward_update_gradient, zero_grad, update_parameters",
    ):
        Sequential([Tanh()], Tanh())


def test_what_a_class_left_out():
    class Idle(diynn.Module):
        _parameters = ones(2)

    class Lost(diynn.Loss):
        pass

    x = ones(1, 2)
    messages = {
        "Idle has no forward(data): it returns the outputs": lambda: Idle().forward(x),
        "Idle has no backward_delta(data, delta): it returns the gradient of the cost with respect to data":
            lambda: Idle().backward_delta(x, x),
        "Idle has parameters and no backward_update_gradient(data, delta): "
        "it adds their gradient to self._gradient": lambda: Idle().backward_update_gradient(x, x),
        "Lost has no forward(y, yhat): it returns the costs (batch,)": lambda: Lost().forward(x, x),
        "Lost has no backward(y, yhat): it returns the gradient with respect to yhat":
            lambda: Lost().backward(x, x),
    }  # fmt: skip
    for message, call in messages.items():
        with raises(NotImplementedError, message):
            call()


# ------------------------------------------------------------------ libraries, devices, dtypes


@pytest.mark.parametrize(
    ("owner", "make"),
    [
        ("Linear", lambda name: Linear(2, 3, backend=name)),
        ("Linear", lambda name: Linear(2, 3).to(name)),
        ("asarray", lambda name: diynn.asarray([1.0], name)),
    ],
    ids=["Linear", "to", "asarray"],
)
def test_libraries_that_are_none(owner, make, monkeypatch):
    for name in ("nunpy", "json"):  # no module, and a module of another kind
        with raises(
            ValueError,
            f"{owner}: `backend` {name!r} is not known: expected one of numpy, cupy, torch, jax, "
            "array_api_strict, or the module of an Array API library",
        ):
            make(name)
    missing = {
        "cupy": (
            "array_api_compat.cupy",
            "'diynn[cuda12]' or 'diynn[cuda13]', whichever CUDA the driver has",
        ),
        "torch": ("array_api_compat.torch", "'diynn[torch]'"),
        "jax": ("jax.numpy", "'diynn[jax]'"),
        "array_api_strict": ("array_api_strict", "'diynn[test]'"),
    }
    for name, (module, extra) in missing.items():
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
        message = f"`backend` {name!r} needs a library that is not installed: pip install {extra}"
        with raises(ImportError, f"{owner}: {message}"):
            make(name)
        with monkeypatch.context() as patch, raises(ImportError, f"Linear: {message}"):
            patch.setenv("DIYNN_BACKEND", name)
            Linear(2, 3)


def test_devices_that_are_none():
    with raises(ValueError, "Linear: `device` 'device9' is not known to array_api_strict"):
        Linear(2, 3, backend="array_api_strict:device9")
    with raises(ValueError, "asarray: `device` 'gpu' is not known to numpy"):
        diynn.asarray([1.0], "numpy", device="gpu")
    with raises(ValueError, "Linear: `device` 'gpu' is not known to numpy"):
        Linear(2, 3).to(device="gpu")


@pytest.mark.parametrize(
    ("dtype", "name"), [("int64", "int64"), (np.complex128, "complex128"), (int, "int64"), ("float", "float")]
)
def test_dtypes_that_are_not_real(dtype, name):
    message = f"`dtype` must be a real floating dtype of numpy, got {name!r}"
    for owner, make in (
        ("Linear", Linear(2, 3).to),
        ("Linear", lambda dtype: Linear(2, 3, dtype=dtype)),
        ("Conv1D", lambda dtype: Conv1D(2, 1, 1, dtype=dtype)),
    ):
        with raises(ValueError, f"{owner}: {message}"):
            make(dtype=dtype)


def test_a_module_keeps_its_parameters_when_it_cannot_be_moved():
    layer = Linear(2, 3)
    before = [parameter.value for parameter in layer.parameters()]
    with pytest.raises(ValueError, match="is not known"):
        layer.to("nunpy")
    assert all(one is other.value for one, other in zip(before, layer.parameters(), strict=True))


def test_parameters_of_a_kind_that_cannot_be_reached():
    class Holding(Tanh):
        def __init__(self, held):
            self._parameters = held

    for held, what, kind in (
        ((ones(2), ones(2)), "`_parameters`", "tuple"),
        ({"weight": 3}, "`_parameters['weight']`", "int"),
        ([ones(2), "b"], "`_parameters[1]`", "str"),
    ):
        message = (
            f"Holding: {what} must be an array, or `_parameters` a dict or list of them, "
            f"to be reached from outside, got {kind}"
        )
        with raises(TypeError, message):
            Holding(held).parameters()
        with raises(TypeError, message):
            Sequential(Holding(held)).parameters()


def test_a_gradient_of_another_name_is_told_which_name_is_looked_for():
    class Named:
        def __init__(self):
            self._parameters, self._gradient, self._bias, self._db = ones(2), ones(2), ones(1), ones(1)

        def forward(self, data):
            return data

        def backward_delta(self, data, delta):
            return delta

        def backward_update_gradient(self, data, delta):
            self._gradient += delta

        def zero_grad(self): ...

        def update_parameters(self, gradient_step=1e-3):
            self._parameters -= gradient_step * self._gradient

    message = "Named: the gradient of `_bias` must be `_bias_gradient`, and there is none"
    with raises(TypeError, message):
        diynn.Optim(Named(), MSELoss(), rule=diynn.Adam())
