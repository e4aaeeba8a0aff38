"""Finite, and right where that is known, for logits from -1e4 to 1e4 and probabilities of exactly 0 and 1.

A warning is an error here, as everywhere in the suite: an overflow that is put right later fails too.
"""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diynn import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, LogSoftmax, Sigmoid, Softmax
from tests.backends import assert_close, host

LARGE = 1e4
LOGIT = st.floats(-LARGE, LARGE) | st.sampled_from([-LARGE, 0.0, LARGE])


@st.composite
def logits(draw, backend):
    """Draw two examples of two logits, and a dtype."""
    values = [draw(LOGIT) for _ in range(4)]
    return np.reshape(values, (2, 2)), draw(st.sampled_from(backend.dtypes))


@pytest.mark.parametrize("layer", [Softmax(), LogSoftmax(), Sigmoid()], ids=repr)
@given(data=st.data())
def test_layer_is_finite(layer, backend, data):
    values, dtype = data.draw(logits(backend))
    x, delta = backend.given(values, dtype), backend.given([[1, -2], [-3, 4]], dtype)
    output = layer.forward(x)
    assert np.all(np.isfinite(host(output)))
    assert np.all(np.isfinite(host(layer.backward_delta(x, delta))))
    if isinstance(layer, Softmax):
        assert_close(np.sum(host(output), axis=1), [1, 1], dtype)


@pytest.mark.parametrize("loss", [CrossEntropyLoss(), BCEWithLogitsLoss()], ids=repr)
@given(data=st.data())
def test_loss_is_finite(loss, backend, data):
    values, dtype = data.draw(logits(backend))
    yhat, y = backend.given(values, dtype), backend.given([[0, 1], [1, 0]])
    costs, delta = loss.forward(y, yhat), loss.backward(y, yhat)
    assert np.all(np.isfinite(host(costs)))
    assert np.all(host(costs) >= 0)
    assert np.all(np.abs(host(delta)) <= 1)


LIMITS = [  # (layer, data, delta, output, back)
    (Softmax(), [LARGE, 0, -LARGE], [1, 2, 3], [1, 0, 0], [0, 0, 0]),
    (Softmax(), [-LARGE, -LARGE], [1, 3], [1 / 2, 1 / 2], [-1 / 2, 1 / 2]),
    (LogSoftmax(), [LARGE, 0, -LARGE], [1, 2, 3], [0, -LARGE, -2 * LARGE], [-5, 2, 3]),
    (LogSoftmax(), [LARGE, LARGE], [1, 3], [-log(2), -log(2)], [-1, 1]),
    (Sigmoid(), [-LARGE, LARGE], [1, 2], [0, 1], [0, 0]),
]


@pytest.mark.parametrize(("layer", "data", "delta", "output", "back"), LIMITS)
def test_layer_at_the_limits(layer, data, delta, output, back, backend):
    for dtype in backend.dtypes:
        x = backend.given([data], dtype)
        assert_close(layer.forward(x), [output], dtype)
        assert_close(layer.backward_delta(x, backend.given([delta], dtype)), [back], dtype)


def test_small_probabilities_keep_their_digits(backend):
    """Sigmoid and softmax of -50 are e^-50, not 0: to the relative accuracy of the dtype."""
    for dtype in backend.dtypes:
        x = backend.given([[-50.0, 0.0]], dtype)
        assert_close(Sigmoid().forward(x)[:, :1] * exp(50), [[1]], dtype)
        assert_close(Softmax().forward(x)[:, :1] * exp(50), [[1]], dtype)
        assert_close(LogSoftmax().forward(x), [[-50, 0]], dtype)


COSTS = [  # (loss, y, yhat, cost, back)
    (CrossEntropyLoss(), 0, [LARGE, -LARGE], 0, [0, 0]),
    (CrossEntropyLoss(), 1, [LARGE, -LARGE], 2 * LARGE, [1, -1]),
    (CrossEntropyLoss(), [0.5, 0.5], [LARGE, -LARGE], LARGE, [0.5, -0.5]),
    (CrossEntropyLoss(), 1, [-LARGE, -LARGE], log(2), [0.5, -0.5]),
    (BCEWithLogitsLoss(), [1, 0], [LARGE, -LARGE], 0, [0, 0]),
    (BCEWithLogitsLoss(), [0, 1], [LARGE, -LARGE], 2 * LARGE, [1, -1]),
    (BCEWithLogitsLoss(), [0.5, 0.5], [LARGE, -LARGE], LARGE, [0.5, -0.5]),
    # at exactly 0 and 1 the clip of the logarithm at -100 leaves a cost of 100 where wrong, and no slope
    (BCELoss(), [0, 1], [0, 1], 0, [1, -1]),
    (BCELoss(), [1, 0], [0, 1], 200, [0, 0]),
    (BCELoss(), [1, 1], [0, 1], 100, [0, -1]),
    (BCELoss(), [0.5, 0.25], [0, 1], 50 + 75, [0.5, -0.25]),
]


@pytest.mark.parametrize(("loss", "y", "yhat", "cost", "back"), COSTS)
def test_loss_at_the_limits(loss, y, yhat, cost, back, backend):
    for dtype in backend.dtypes:
        y_array, yhat_array = backend.given([y]), backend.given([yhat], dtype)
        assert_close(loss.forward(y_array, yhat_array), [cost], dtype)
        assert_close(loss.backward(y_array, yhat_array), [back], dtype)


@given(data=st.data())
def test_the_clip_is_a_clip_for_any_probability(backend, data):
    """Finite down to the smallest numbers, and the cost never above 100 an output."""
    dtype = data.draw(st.sampled_from(backend.dtypes))
    width = {"float32": 32, "float64": 64}[dtype]
    p = data.draw(st.floats(0, 1, width=width))
    y = data.draw(st.floats(0, 1, width=32))
    yhat, target = backend.given([p], dtype), backend.given([y], dtype)
    cost = host(BCELoss().forward(target, yhat))[0]
    assert 0 <= cost <= 100
    assert np.isfinite(host(BCELoss().backward(target, yhat))[0])
    if p > 1e-37:  # some libraries take smaller float32 numbers for 0
        logs = [max(-100, log(each)) if each > 0 else -100 for each in (p, 1 - p)]
        np.testing.assert_allclose(cost, -y * logs[0] - (1 - y) * logs[1], rtol=1e-5, atol=1e-6)
