"""A weight shared by two layers: counted once, updated once, its gradient the sum of both."""

import numpy as np
import pytest

import diynn
from diynn import Linear, MSELoss, Sequential, Tanh, Transposed


def autoencoder():
    encoder = Linear(4, 2, rng=0)
    return Sequential(encoder, Tanh(), Transposed(encoder))


def test_the_weight_is_counted_once_and_the_bias_is_its_own():
    net = autoencoder()
    assert [handle.label for handle in net.parameters()] == ["0._parameters", "0._bias", "2._bias"]
    assert net.summary((4,)).parameters == 4 * 2 + 2 + 4
    assert [row[3] for row in net.summary((4,)).rows] == [10, 0, 4]


def test_without_a_bias_it_has_no_parameter_of_its_own():
    decoder = Transposed(Linear(4, 2, rng=0), bias=False)
    assert {handle.owner for handle in decoder.parameters()} == {decoder.linear}
    assert repr(decoder) == "Transposed(Linear(4, 2), bias=False)"
    x = np.ones((3, 2))
    np.testing.assert_allclose(decoder(x), x @ decoder.linear._parameters.T)


@pytest.mark.parametrize("execution", ["serial", "threads", "auto"])
@pytest.mark.parametrize("rule", [None, diynn.Adam()], ids=repr)
def test_a_tied_net_trains_as_one_written_out(execution, rule):
    """The gradient of the one weight is that of encoder and decoder added up, at every step."""
    x = np.random.default_rng(0).normal(size=(64, 4))
    net = autoencoder()
    optim = diynn.Optim(net, MSELoss(), 1e-3, rule=rule, execution=execution)

    encoder, decoder = Linear(4, 2, rng=0), Linear(2, 4, rng=0)
    apart = Sequential(encoder, Tanh(), decoder)
    for _ in range(5):
        decoder._parameters = encoder._parameters.T.copy()
        for mine, theirs in zip(
            net.parameters(), [*encoder.parameters(), decoder.parameters()[1]], strict=True
        ):
            theirs.value = mine.value.copy()
        decoder._parameters = encoder._parameters.T.copy()
        apart.zero_grad()
        apart.backward_update_gradient(x, MSELoss().backward(x, apart(x)))
        optim.step(x, x)
        mine = [handle.gradient for handle in net.parameters()]
        np.testing.assert_allclose(mine[0], encoder._gradient + decoder._gradient.T, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(mine[1], encoder._bias_gradient, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(mine[2], decoder._bias_gradient, rtol=1e-12, atol=1e-12)


def test_the_weight_is_read_where_it_is():
    net = autoencoder()
    net[0]._parameters = np.zeros((4, 2))
    np.testing.assert_array_equal(net[2](np.ones((1, 2))), 0)


def test_what_is_no_linear_layer_has_no_weight_to_share():
    with pytest.raises(TypeError, match=r"^Transposed: `linear` must be a Linear, got a Tanh"):
        Transposed(Tanh())


def test_shapes_are_those_of_the_other_layer_the_other_way_round():
    decoder = autoencoder()[2]
    assert decoder.output_shape((2,)) == (4,)
    with pytest.raises(
        ValueError, match=r"Transposed\(Linear\(4, 2\)\): `data` must have shape \(batch, 2\), got"
    ):
        decoder(np.ones((3, 4)))


def test_a_backend_is_where_the_weight_is():
    encoder = Linear(2, 3, rng=0)
    assert repr(Transposed(encoder, backend="numpy")) == f"Transposed({encoder!r})"
    with pytest.raises(
        ValueError, match="`backend` must be where `linear` lives, whose weight is a numpy array"
    ):
        Transposed(encoder, backend="array_api_strict")
