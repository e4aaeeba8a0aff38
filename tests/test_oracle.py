"""PyTorch's autograd in float64: a second opinion on every layer and every loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diynn import Sequential, Transposed
from diynn.parameter import own_parameters
from tests.backends import NUMPY, assert_close, find
from tests.cases import each_layer, each_loss, layer_calls, loss_calls

torch, reason = pytest.importorskip("torch") if find("torch")[0] else None, find("torch")[1]
pytestmark = pytest.mark.skipif(torch is None, reason=str(reason))


def functional(name, *arguments, **options):
    return getattr(torch.nn.functional, name)(*arguments, **options)


def channels_first(name, module, data, *arguments, outside=0.0):
    """Call a function of windows, with PyTorch's padding, but for "same" where it has none."""
    data, padding = data.permute(0, 2, 1), module.padding
    if padding == "same" and (name != "conv1d" or module.stride > 1 or module.k_size % 2 == 0):
        data, padding = functional("pad", data, module._around(data.shape[2]), value=outside), 0
    return functional(name, data, *arguments, module.stride, padding).permute(0, 2, 1)


def convolution(module, data, weight, bias=None):
    return channels_first("conv1d", module, data, weight.permute(2, 1, 0).contiguous(), bias)


def drawn(module, data, law):
    return getattr(module.rng, law)(tuple(data.shape))


LAYERS = {
    "Linear": lambda module, data, weight, bias=None: functional("linear", data, weight.T, bias),
    "Conv1D": convolution,
    "MaxPool1D": lambda module, data: channels_first(
        "max_pool1d", module, data, module.k_size, outside=-torch.inf
    ),
    "AvgPool1D": lambda module, data: channels_first("avg_pool1d", module, data, module.k_size),
    "Flatten": lambda module, data: data.flatten(1),
    "Tanh": lambda module, data: data.tanh(),
    "Sigmoid": lambda module, data: data.sigmoid(),
    "ReLU": lambda module, data: data.relu(),
    "LeakyReLU": lambda module, data: functional("leaky_relu", data, module.slope),
    "GELU": lambda module, data: functional("gelu", data, approximate="tanh"),
    "Softmax": lambda module, data: data.softmax(-1),
    "LogSoftmax": lambda module, data: data.log_softmax(-1),
    "Transposed": lambda module, data, weight, bias=None: functional("linear", data, weight, bias),
    "Dropout": lambda module, data: (
        data * torch.tensor(drawn(module, data, "random") >= module.p) / (1 - module.p)
    ),
    "GaussianNoise": lambda module, data: (
        data + module.scale * torch.tensor(drawn(module, data, "standard_normal"))
    ),
}
LOSSES = {
    "MSELoss": "mse_loss",
    "L1Loss": "l1_loss",
    "HuberLoss": "huber_loss",
    "NLLLoss": "nll_loss",
    "CrossEntropyLoss": "cross_entropy",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
}


def variable(host):
    return torch.tensor(host, dtype=torch.float64, requires_grad=True)


@each_layer
@given(data=st.data())
def test_layer_agrees_with_autograd(layer, data):
    call = data.draw(layer_calls(layer, NUMPY, batch=data.draw(st.integers(1, 5))))
    module, x, delta = call.on(NUMPY)
    weights = {handle: variable(handle.value) for handle in module.parameters()}

    values = leaf = variable(call.data)
    for _, each in module.leaves() if isinstance(module, Sequential) else [("", module)]:
        own = [weights[handle] for handle in own_parameters(each)]
        if isinstance(each, Transposed):  # the first of its weights is another's
            (shared, *_) = own_parameters(each.linear)
            own = [weights.get(shared, variable(shared.value)), *own]
        values = LAYERS[type(each).__name__](each, values, *own)
    values.backward(torch.tensor(call.delta))

    assert_close(module.forward(x), values, call.dtype)
    assert_close(module.backward_delta(x, delta), leaf.grad, call.dtype)
    module.backward_update_gradient(x, delta)
    for handle, weight in weights.items():
        assert_close(handle.gradient, weight.grad, call.dtype)


@each_loss
@given(data=st.data())
def test_loss_agrees_with_autograd(case, data):
    call = data.draw(loss_calls(case, NUMPY, batch=data.draw(st.integers(1, 5))))
    yhat, name = variable(call.yhat), str(case)
    indices = call.y.ndim == 1 and name in ("NLLLoss", "CrossEntropyLoss")
    y = torch.tensor(call.y).to(torch.int64 if indices else torch.float64)
    if name == "CategoricalCrossEntropyLoss":  # torch has it of its own softmax alone
        hot = torch.nn.functional.one_hot(y.to(torch.int64), yhat.shape[1]) if y.ndim == 1 else y
        costs = -hot * yhat.log()
    elif name == "NLLLoss" and not indices:  # torch has it for indices alone
        costs = -y * yhat
    else:
        costs = functional(LOSSES[name], yhat, y, reduction="none")
    costs = costs.reshape(costs.shape[0], -1).sum(dim=1)
    costs.sum().backward()
    assert_close(case.loss.forward(*call.on(NUMPY)), costs, call.dtype)
    assert_close(case.loss.backward(*call.on(NUMPY)), yhat.grad, call.dtype)
