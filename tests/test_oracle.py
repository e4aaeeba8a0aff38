"""PyTorch's autograd in float64: a second opinion on every layer and every loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backends import NUMPY, assert_close, find
from tests.cases import each_layer, each_loss
from tests.cases.calls import layer_calls, leaves, loss_calls

torch, reason = pytest.importorskip("torch") if find("torch")[0] else None, find("torch")[1]
pytestmark = pytest.mark.skipif(torch is None, reason=str(reason))


def variable(host):
    return torch.tensor(host, dtype=torch.float64, requires_grad=True)


@each_layer
@given(data=st.data())
def test_layer_agrees_with_autograd(layer, data):
    call = data.draw(layer_calls(layer, NUMPY, batch=data.draw(st.integers(1, 5))))
    module, x, delta = call.on(NUMPY)
    weights = {handle: variable(handle.value) for handle in module.parameters()}

    values = given_data = variable(call.data)
    for each, case in leaves(module):
        values = case.torch(each, values, *(weights[handle] for handle in each.parameters()))
    values.backward(torch.tensor(call.delta))

    assert_close(module.forward(x), values, call.dtype)
    assert_close(module.backward_delta(x, delta), given_data.grad, call.dtype)
    module.backward_update_gradient(x, delta)
    for handle, weight in weights.items():
        assert_close(handle.gradient, weight.grad, call.dtype)


@each_loss
@given(data=st.data())
def test_loss_agrees_with_autograd(case, data):
    call = data.draw(loss_calls(case, NUMPY, batch=data.draw(st.integers(1, 5))))
    yhat = variable(call.yhat)
    costs = case.torch(torch.tensor(call.y), yhat)
    costs = costs.reshape(costs.shape[0], -1).sum(dim=1)
    costs.sum().backward()
    assert_close(case.loss.forward(*call.on(NUMPY)), costs, call.dtype)
    assert_close(case.loss.backward(*call.on(NUMPY)), yhat.grad, call.dtype)
