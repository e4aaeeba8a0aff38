"""Padded layers in a file and compiled: beside what the contract asks of every layer."""

import numpy as np
import pytest

import diynn
from diynn import AvgPool1D, Conv1D, Flatten, Linear, MaxPool1D, MSELoss, Optim, Sequential
from diynn.execution import Threads


def test_padding_is_in_the_file_of_a_net(tmp_path):
    net = Sequential(Conv1D(3, 1, 2, padding="same", rng=0), MaxPool1D(3, 2, padding=1))
    diynn.save(net, tmp_path / "net")
    other = diynn.load(tmp_path / "net")
    x = np.random.default_rng(0).normal(size=(2, 7, 1))
    np.testing.assert_array_equal(net.forward(x), other.forward(x))


def test_padded_layers_are_compiled():
    pytest.importorskip("llvmlite")
    execution = Threads(2)
    execution.compile_after, execution.compile_waits = 0.0, True
    one, other = (
        Optim(
            Sequential(Conv1D(3, 1, 4, padding="same", rng=0), MaxPool1D(3, 2, padding=1),
                       AvgPool1D(3, padding="same"), Linear(4, 3, rng=1), Flatten(), Linear(9, 2, rng=2)),
            MSELoss(), 1e-3, execution=each,
        )
        for each in (execution, "serial")
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for _ in range(8):
        x, y = rng.normal(size=(12, 14, 1)), rng.normal(size=(12, 2))
        np.testing.assert_allclose(one.step(x, y), other.step(x, y), rtol=0, atol=1e-12)
    assert one.execution.reason is None
