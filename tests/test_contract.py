"""What every layer and every loss promises, on every array library."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diynn import Flatten, to_numpy
from diynn.arrays import namespace
from diynn.layers.sequential import takes_output
from tests.backends import NUMPY, assert_close, host
from tests.cases import each_layer, each_loss
from tests.cases.calls import LossCall, layer_calls, loss_calls

STEP = 3e-6  # of central differences, where STEP² and rounding / STEP are about as large
NUMERICAL = 1e-7


def inner(first, second):
    return float(np.sum(host(first) * host(second)))


def assert_numerical(got, expected):
    scale = np.max(np.abs(expected), initial=1.0)
    np.testing.assert_allclose(got, expected, rtol=0, atol=NUMERICAL * scale)


def gradients(module):
    return [parameter.gradient for parameter in module.parameters()]


def run(module, data, delta):
    """Return the output, the delta and the gradients of one call."""
    module.zero_grad()
    output = module.forward(data)
    module.backward_update_gradient(data, delta)
    return [output, module.backward_delta(data, delta), *gradients(module)]


def judge(loss, y, yhat):
    """Return the costs and the delta of one call."""
    return [loss.forward(y, yhat), loss.backward(y, yhat)]


def assert_all_close(got, expected, dtype):
    for one, other in zip(got, expected, strict=True):
        assert_close(one, other, dtype)


# ------------------------------------------------------------------ layers: the numbers


@each_layer
@given(data=st.data())
def test_backward_is_the_derivative_of_forward_in_every_coordinate(layer, data):
    call = data.draw(layer_calls(layer, NUMPY, dtype="float64"))
    module, x, delta = call.on(NUMPY)

    def cost():
        return inner(delta, module.forward(x))

    def differences(array):
        found = np.empty_like(array)
        for place in np.ndindex(array.shape):
            start = array[place]
            array[place] = start + STEP
            above = cost()
            array[place] = start - STEP
            found[place] = (above - cost()) / (2 * STEP)
            array[place] = start
        return found

    module.forward(x)
    module.backward_update_gradient(x, delta)
    assert_numerical(module.backward_delta(x, delta), differences(x))
    for parameter in module.parameters():
        assert_numerical(parameter.gradient, differences(parameter.value))


@each_layer
@given(data=st.data())
def test_backward_is_the_adjoint_of_the_derivative(layer, backend, data):
    """⟨v, Jᵀu⟩ = ⟨u, Jv⟩ for random u and v, where v moves the data and all parameters at once."""
    if "float64" not in backend.dtypes:
        pytest.skip("no float64 to differentiate in: compared with NumPy's alone")
    call = data.draw(layer_calls(layer, backend, dtype="float64"))
    module, x, delta = call.on(backend)
    handles, rng = module.parameters(), np.random.default_rng(0)
    shapes = [x.shape, *(handle.value.shape for handle in handles)]
    directions = [backend.array(rng.normal(size=shape)) for shape in shapes]

    def cost(step):
        for handle, start, direction in zip(handles, call.parameters, directions[1:], strict=True):
            handle.value = backend.array(start) + step * direction
        return inner(delta, module.forward(x + step * directions[0]))

    _, back, *sums = run(module, x, delta)
    got = sum(inner(*pair) for pair in zip([back, *sums], directions, strict=True))
    assert_numerical(got, (cost(STEP) - cost(-STEP)) / (2 * STEP))


@each_layer
@given(data=st.data())
def test_a_call_gives_the_numbers_of_numpy_and_changes_nothing(layer, backend, data):
    """NumPy's in the same precision and, to the accuracy of what is tested, in float64."""
    call = data.draw(layer_calls(layer, backend))
    module, x, delta = call.on(backend)
    results = output, back, *_ = run(module, x, delta)
    assert_all_close(results, run(*call.on(NUMPY)), call.dtype)
    assert_all_close(results, run(*call.on(NUMPY, "float64")), call.dtype)
    assert all(backend.holds(result, call.dtype) for result in results)
    if takes_output(module):
        assert_close(module.backward_delta(x, delta, output=output), back, call.dtype)
    parameters = [parameter.value for parameter in module.parameters()]
    as_before = [call.data, call.delta, module.forward(x), *call.parameters]
    for one, other in zip([x, delta, output, *parameters], as_before, strict=True):
        np.testing.assert_array_equal(host(one), host(other))


# ------------------------------------------------------------------ layers: the sums


@each_layer
@given(data=st.data())
def test_a_batch_is_the_sum_of_its_parts(layer, backend, data):
    """Its first half, one example and the rest; the whole, added again, doubles them."""
    call = data.draw(layer_calls(layer, backend))
    module, x, delta = call.on(backend)
    output, back, *sums = run(module, x, delta)
    module.zero_grad()
    assert not any(np.any(host(each)) for each in gradients(module))
    batch = x.shape[0]
    cuts = sorted({0, batch // 2, min(batch // 2 + 1, batch), batch})
    for part in map(slice, cuts, cuts[1:] or cuts):
        assert_close(module.forward(x[part, ...]), output[part, ...], call.dtype)
        assert_close(module.backward_delta(x[part, ...], delta[part, ...]), back[part, ...], call.dtype)
        module.backward_update_gradient(x[part, ...], delta[part, ...])
    assert_all_close(gradients(module), sums, call.dtype)
    module.backward_update_gradient(x, delta)
    assert_all_close(gradients(module), [2 * each for each in sums], call.dtype)
    np.testing.assert_array_equal(host(x), call.data)
    np.testing.assert_array_equal(host(delta), call.delta)


@each_layer
@given(data=st.data())
def test_an_empty_batch_is_legal(layer, backend, data):
    call = data.draw(layer_calls(layer, backend, batch=0))
    module, x, delta = call.on(backend)
    output, back, *zeros = run(module, x, delta)
    assert output.shape == delta.shape
    assert back.shape == x.shape
    assert not any(np.any(host(each)) for each in zeros)


def test_examples_without_values_are_vectors_without_values(backend):
    data = backend.array(np.zeros((2, 0, 3)))
    output = Flatten().forward(data)
    assert output.shape == (2, 0)
    assert Flatten().backward_delta(data, output).shape == (2, 0, 3)


# ------------------------------------------------------------------ layers: what does not matter


@each_layer
@given(data=st.data())
def test_strides_of_the_input_do_not_matter(layer, backend, data):
    call = data.draw(layer_calls(layer, backend))
    module, x, delta = call.on(backend)
    expected = run(module, x, delta)
    for view in (transposed, thinned):
        others = [backend.given(view(each), call.dtype) for each in (call.data, call.delta)]
        assert_all_close(run(module, *(view.back(each) for each in others)), expected, call.dtype)


def transposed(array):
    """Reverse the axes; ``back`` makes a view with the axes as they were, and strides that run backwards."""
    return np.transpose(array)


def _untransposed(array):
    return namespace(array).permute_dims(array, tuple(reversed(range(array.ndim))))


def thinned(array):
    """Write each value twice along each axis; ``back`` makes a view of every second one."""
    for axis in range(array.ndim):
        array = np.repeat(array, 2, axis=axis)
    return array


def _unthinned(array):
    return array[(slice(None, None, 2),) * array.ndim]


transposed.back, thinned.back = _untransposed, _unthinned


@each_layer
@given(data=st.data())
def test_backward_is_right_whatever_was_called_before(layer, backend, data):
    call = data.draw(layer_calls(layer, backend))
    module, x, delta = call.on(backend)
    _, back, *sums = run(module, x, delta)

    fresh, x, delta = call.on(backend)  # no forward at all, and the delta first
    if layer.after_forward:  # such as a mask that forward drew
        with pytest.raises(ValueError, match=r"\(.*\): `data` must be what forward was called with"):
            fresh.backward_delta(x, delta)
    else:
        assert_close(fresh.backward_delta(x, delta), back, call.dtype)
    fresh.backward_update_gradient(x, delta)
    assert_all_close(gradients(fresh), sums, call.dtype)

    fresh, x, delta = call.on(backend)  # other data in between, and other parameters at its forward
    for parameter in fresh.parameters():
        parameter.value = parameter.value + 1
    fresh.forward(x)
    fresh.forward(x + 1)
    fresh.backward_delta(x + 1, delta)
    for parameter, value in zip(fresh.parameters(), call.parameters, strict=True):
        parameter.value = backend.array(value, call.dtype)
    assert_close(fresh.backward_delta(x, delta), back, call.dtype)
    fresh.backward_update_gradient(x, delta)
    assert_all_close(gradients(fresh), sums, call.dtype)


# ------------------------------------------------------------------ losses


@each_loss
@given(data=st.data())
def test_backward_of_a_loss_is_the_gradient_of_the_sum_of_its_costs(case, backend, data):
    if "float64" not in backend.dtypes:
        pytest.skip("no float64 to differentiate in: compared with NumPy's alone")
    y, yhat = data.draw(loss_calls(case, backend, dtype="float64")).on(backend)
    got = case.loss.backward(y, yhat)
    for place in np.ndindex(yhat.shape):
        step = np.zeros(yhat.shape)
        step[place] = STEP
        above, below = (case.loss.forward(y, yhat + backend.array(sign * step)) for sign in (1, -1))
        assert_numerical(host(got)[place], (np.sum(host(above)) - np.sum(host(below))) / (2 * STEP))


@each_loss
@given(data=st.data())
def test_costs_are_those_of_numpy_and_nothing_is_changed(case, backend, data):
    call = data.draw(loss_calls(case, backend))
    y, yhat = call.on(backend)
    results = judge(case.loss, y, yhat)
    assert_all_close(results, judge(case.loss, *call.on(NUMPY)), call.dtype)
    assert_all_close(results, judge(case.loss, *call.on(NUMPY, "float64")), call.dtype)
    assert [each.shape for each in results] == [yhat.shape[:1], yhat.shape]
    assert all(backend.holds(result, call.dtype) for result in results)
    for kept, fresh in zip((y, yhat), call.on(backend), strict=True):
        np.testing.assert_array_equal(to_numpy(kept), to_numpy(fresh))


@each_loss
@given(data=st.data())
def test_costs_of_a_batch_are_those_of_its_examples(case, backend, data):
    call = data.draw(loss_calls(case, backend))
    y, yhat = call.on(backend)
    costs, delta = judge(case.loss, y, yhat)
    for number in range(yhat.shape[0]):
        one = slice(number, number + 1)
        assert_close(case.loss.forward(y[one, ...], yhat[one, ...]), costs[one], call.dtype)
        assert_close(case.loss.backward(y[one, ...], yhat[one, ...]), delta[one, ...], call.dtype)


@each_loss
@given(data=st.data())
def test_a_loss_takes_an_empty_batch(case, backend, data):
    y, yhat = data.draw(loss_calls(case, backend, batch=0)).on(backend)
    assert [each.shape for each in judge(case.loss, y, yhat)] == [(0,), yhat.shape]


@each_loss
@given(data=st.data())
def test_strides_of_predictions_and_targets_do_not_matter(case, backend, data):
    call = data.draw(loss_calls(case, backend))
    expected = judge(case.loss, *call.on(backend))
    for view in (transposed, thinned):
        viewed = LossCall(call.dtype, view(call.y), view(call.yhat)).on(backend)
        y, yhat = map(view.back, viewed)
        assert_all_close(judge(case.loss, y, yhat), expected, call.dtype)
