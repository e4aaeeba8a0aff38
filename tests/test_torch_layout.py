# ruff: noqa: E501  # nets and messages, a line each
"""Parameters as PyTorch lays them out: the same outputs as PyTorch's own, both ways."""

from __future__ import annotations

import re

import numpy as np
import pytest

import diynn
from tests.students import normal


def mlp(**new):
    return diynn.Sequential(
        diynn.Linear(6, 5, **new), diynn.Tanh(), diynn.Sequential(diynn.Linear(5, 4, bias=False, **new), diynn.ReLU()),
        diynn.Linear(4, 3, **new),
    )  # fmt: skip


def conv(**new):
    return diynn.Sequential(
        diynn.Conv1D(3, 2, 4, **new), diynn.ReLU(), diynn.MaxPool1D(2, 2), diynn.Conv1D(2, 4, 5, 2, bias=False, **new),
        diynn.Flatten(), diynn.Dropout(0.3), diynn.Linear(20, 7, **new), diynn.Tanh(), diynn.Linear(7, 3, **new),
    )  # fmt: skip


def in_torch(name):
    nn = pytest.importorskip("torch").nn
    if name == "mlp":
        return nn.Sequential(
            nn.Linear(6, 5), nn.Tanh(), nn.Sequential(nn.Linear(5, 4, bias=False), nn.ReLU()), nn.Linear(4, 3)
        )
    return nn.Sequential(
        nn.Conv1d(2, 4, 3), nn.ReLU(), nn.MaxPool1d(2, 2), nn.Conv1d(4, 5, 2, 2, bias=False), nn.Flatten(), nn.Dropout(0.3),
        nn.Linear(20, 7), nn.Tanh(), nn.Linear(7, 3),
    )  # fmt: skip


NETS = {"mlp": (mlp, normal(8, 6)), "conv": (conv, normal(8, 18, 2))}


def outputs(model, x):
    """Return PyTorch's outputs for diynn's data: sequences have their channels first there."""
    torch = pytest.importorskip("torch")
    x = torch.asarray(np.ascontiguousarray(np.moveaxis(x, -1, 1) if x.ndim == 3 else x))
    with torch.no_grad():
        return model.double().eval()(x).numpy()


@pytest.mark.parametrize("name", NETS)
def test_what_pytorch_trained_gives_its_outputs(name, tmp_path):
    make, x = NETS[name]
    model = in_torch(name)
    save_file = pytest.importorskip("safetensors.torch").save_file
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    wanted = outputs(model, x)
    net = diynn.load(make(rng=0), tmp_path / "model.safetensors", layout="torch")
    np.testing.assert_allclose(diynn.predict(net, x), wanted, rtol=0, atol=1e-6)
    net = diynn.load(make(rng=1), model.state_dict(), layout="torch")
    np.testing.assert_allclose(diynn.predict(net, x), wanted, rtol=0, atol=1e-6)
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    net = diynn.load(make(rng=1, backend="array_api_strict"), arrays, layout="torch")
    np.testing.assert_allclose(diynn.predict(net, x, backend="numpy"), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("name", NETS)
def test_pytorch_gives_the_outputs_of_what_was_saved_for_it(name, suffix, tmp_path):
    torch = pytest.importorskip("torch")
    make, x = NETS[name]
    net, model, path = make(rng=0), in_torch(name), tmp_path / f"model.{suffix}"
    diynn.save(net, path, layout="torch")
    if suffix == "npz":
        arrays = {
            name: torch.asarray(array) for name, array in np.load(path).items() if name != "manifest.json"
        }
    else:
        arrays = pytest.importorskip("safetensors.torch").load_file(path)
    model.double().load_state_dict(arrays)
    np.testing.assert_allclose(outputs(model, x), diynn.predict(net, x), rtol=0, atol=1e-12)
    for again in (
        diynn.load(path),
        diynn.load(make(rng=3), path),
        diynn.load(make(rng=3), path, layout="torch"),
    ):
        for one, other in zip(again.parameters(), net.parameters(), strict=True):
            np.testing.assert_array_equal(one.value, other.value)


def test_what_does_not_fit_is_refused(tmp_path):
    names = {"0.weight": np.ones((5, 6)), "0.bias": np.ones(5)}
    net = diynn.Sequential(diynn.Linear(6, 5))
    before = net[0]._parameters.copy()
    for wrong, message in (
        (
            {"0.weight": names["0.weight"]},
            r"load: the dict cannot be loaded: .* missing \['0.bias'\], unknown \[\]",
        ),
        (names | {"1.weight": np.ones(3)}, r"unknown \['1.weight'\]"),
        (names | {"0.weight": np.ones((6, 5))}, r"`0._parameters` must have shape \(6, 5\), got \(5, 6\)"),
        (names | {"0.weight": np.ones(6)}, r"`0._parameters` must have shape \(6, 5\), got \(6,\)"),
        (names | {"0.weight": np.ones((5, 6), int)}, "must hold real numbers with a point, got int64"),
        (names | {"0.weight": [1.0]}, "`0.weight` must be an array, got a list"),
    ):
        with pytest.raises(diynn.CheckpointError, match=message):
            diynn.load(net, wrong, layout="torch")
        np.testing.assert_array_equal(net[0]._parameters, before)
    tied = diynn.Sequential(net[0], diynn.Transposed(net[0]))
    for call in (diynn.save, diynn.load):
        with pytest.raises(
            TypeError, match=r"`layout` 'torch' is known of Linear and Conv1D, and `1._bias` is of Transposed"
        ):
            call(tied, tmp_path / "a.npz", layout="torch")
        with pytest.raises(
            ValueError, match=rf"{call.__name__}: `layout` must be 'torch' or None, got 'keras'"
        ):
            call(net, tmp_path / "a.npz", layout="keras")


def test_a_dict_of_arrays_is_taken_as_a_file():
    net = diynn.Linear(6, 5, rng=0)
    diynn.load(net, {"_parameters": np.ones((6, 5)), "_bias": np.zeros(5)})
    np.testing.assert_array_equal(net._parameters, 1)


def test_a_pickle_of_pytorch_says_what_to_write_instead(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(in_torch("mlp").state_dict(), tmp_path / "model.pt")
    message = re.escape(
        "it is a pickle of PyTorch, which may run code; safetensors.torch.save_file(model.state_dict()"
    )
    with pytest.raises(diynn.CheckpointError, match=message):
        diynn.load(mlp(), tmp_path / "model.pt", layout="torch")
