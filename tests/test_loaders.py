# ruff: noqa: E501  # tables of messages, a line each
"""Data larger than memory: files mapped into it, and batches that somebody makes."""

from __future__ import annotations

import numpy as np
import pytest

import diynn
from diynn import SGD, Callback, Linear, MSELoss, Sequential, Tanh
from tests.students import normal

X = normal(50, 3)
Y = np.tanh(X[:, :1])


def net(**new):
    return Sequential(Linear(3, 4, rng=0, **new), Tanh(), Linear(4, 1, rng=1, **new))


def cut(epoch):
    """Return the batches of an epoch: another order in each."""
    order = np.random.default_rng(epoch).permutation(50)
    return [(X[part], Y[part]) for part in np.array_split(order, 4)]


def train(x, made=None, epochs=3, **options):
    made = net() if made is None else made
    history = SGD(made, MSELoss(), x, epochs=epochs, eps=1e-2, progress=False, **options)
    return history, [each.value for each in made.parameters()]


def by_hand(batches, epochs=3):
    """Return what training on these batches gives, in the plainest way."""
    made = net()
    optim = diynn.Optim(made, MSELoss(), 1e-2, execution="serial")
    costs = [
        np.mean(np.concatenate([optim.step(x, y) for x, y in batches(epoch)])) for epoch in range(epochs)
    ]
    return costs, [each.value for each in made.parameters()]


class Once:
    """Can be gone through once an epoch, without a length."""

    def __iter__(self):
        return iter(cut(0))


SOURCES = {
    "a list": (cut(0), lambda epoch: cut(0)),
    "a tuple": (tuple(cut(0)), lambda epoch: cut(0)),
    "an iterable": (Once(), lambda epoch: cut(0)),
    "a function": (cut, cut),
    "a function that yields": (lambda epoch: iter(cut(epoch)), cut),
}


@pytest.mark.parametrize("name", SOURCES)
def test_batches_are_taken_as_they_come(name):
    source, batches = SOURCES[name]
    history, values = train(source, execution="serial")
    costs, wanted = by_hand(batches)
    np.testing.assert_allclose(history.costs, costs, rtol=1e-12)
    for one, other in zip(values, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_batches_of_lists_integers_and_other_libraries_are_taken():
    source = [(x.tolist(), y.tolist()) for x, y in cut(0)]
    wanted = train(cut(0))[0].costs
    assert train(source)[0].costs == wanted
    np.testing.assert_allclose(train(cut(0), net(backend="array_api_strict"))[0].costs, wanted, rtol=1e-12)
    assert len(train([(np.arange(6).reshape(2, 3), np.ones((2, 1), int))])[0]) == 3


def test_a_dataloader_of_pytorch_is_taken():
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.asarray(X), torch.asarray(Y))
    history, _ = train(
        torch.utils.data.DataLoader(data, batch_size=13), net(backend="torch", dtype="float64")
    )
    wanted = [(X[start : start + 13], Y[start : start + 13]) for start in range(0, 50, 13)]
    np.testing.assert_allclose(history.costs, train(wanted)[0].costs, rtol=1e-9)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("at", [2, 4, 7])
def test_a_training_on_batches_goes_on_where_it_was(name, at, tmp_path):
    class FallAt(Callback):
        def step(self, run, costs):
            if run.optim.steps == self.at:
                raise KeyboardInterrupt

    def start(path, at):
        watcher = FallAt()
        watcher.at = at
        options = {"checkpoint": tmp_path / path, "every": 1, "callbacks": [watcher], "rule": diynn.Adam()}
        history, values = train(SOURCES[name][0], **options)
        return history.costs, [value.tobytes() for value in values]

    wanted = start("whole", 0)
    with pytest.raises(KeyboardInterrupt):
        start("run.npz", at)
    assert start("run.npz", 0) == wanted


def test_a_training_on_a_mapped_file_goes_on_where_it_was(tmp_path):
    mapped = np.memmap(tmp_path / "x", dtype="float32", mode="w+", shape=(50, 3))
    mapped[:] = X

    def start(path, epochs):
        made = net()
        history = SGD(
            made, MSELoss(), mapped, Y, 8, epochs, 1e-2, checkpoint=tmp_path / path, rng=0, progress=False
        )
        return history.costs, [each.value.tobytes() for each in made.parameters()]

    start("run.npz", 2)
    assert start("run.npz", 4) == start("whole", 4)
    mapped[0, 0] += 1
    with pytest.raises(diynn.CheckpointError, match=r"`data` was x \(50, 3\) float32 of the sum"):
        start("run.npz", 5)


def test_metrics_are_those_of_the_validation_data():
    metrics = {"count": lambda y, yhat: len(y)}
    history, _ = train(cut, metrics=metrics, validation=(X[:7], Y[:7]))
    assert history["validation_count"] == [7, 7, 7]
    assert "count" not in history.columns


def test_progress_counts_batches_of_any_number(capsys):
    SGD(net(), MSELoss(), cut, epochs=2, eps=1e-2)
    assert "8" in capsys.readouterr().err
    SGD(net(), MSELoss(), cut(0), epochs=2, eps=1e-2)
    assert "8/8" in capsys.readouterr().err


@pytest.mark.parametrize("weighted", [False, True])
def test_a_batch_that_nothing_is_left_of_is_a_step_without_gradient(weighted):
    full = (X, Y, np.ones(len(X)))[: 2 + weighted]
    none = tuple(each[:0] for each in full)
    alone, first = train([full])
    history, second = train([none, full, none])
    np.testing.assert_allclose(history.costs, alone.costs, rtol=1e-14)
    for one, two in zip(first, second, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-14)


REFUSED = {
    "a generator": (lambda: iter(cut(0)), TypeError, "`x` must make its batches anew in each epoch, got a list_iterator, which is used up"),
    "no pairs": (lambda: cut_of([X]), TypeError, r"batch 1 of `x` must be pairs \(x, y\), or .*, got an array of shape"),
    "quadruples": (lambda: cut_of([(X, Y, Y, Y)]), TypeError, r"batch 1 of `x` must be pairs \(x, y\), or \(x, y, weights\), of one batch each, got a tuple"),
    "weights of values": (lambda: cut_of([(X, Y, Y)]), ValueError, r"`weights, batch 1` must have shape \(50,\), one weight an example, got \(50, 1\)"),
    "what cannot be gone through": (lambda: lambda epoch: 3, TypeError, r"what `x` returns must be pairs .*, got 3"),
    "empty batches alone": (lambda: cut_of([(X[:0], Y[:0])] * 3), ValueError, "`x` must make a batch with an example in each epoch, got 3 without any"),
    "nothing": (lambda: lambda epoch: [], ValueError, "`x` must make at least one batch in each epoch, got none"),
    "two lengths": (lambda: cut_of([(X, Y), (X, Y[1:])]), ValueError, "`x, batch 2` and `y, batch 2` must hold the same number of examples"),
    "what is not finite": (lambda: cut_of([(X, Y), (X * np.nan, Y)]), ValueError, "`x, batch 2` must be finite"),
    "text": (lambda: cut_of([(X, np.full(50, "a"))]), TypeError, "`y, batch 1` must be an array of numbers, got text"),
    "an array alone": (lambda: X, TypeError, "`y` is not given, and `x` alone must be batches .*, got an array of shape"),
    "a dict": (lambda: {"x": X}, TypeError, "`y` is not given, .*got a dict"),
    "text alone": (lambda: "data.csv", TypeError, "`y` is not given, .*got 'data.csv'"),
    "a class": (lambda: Once, TypeError, "`y` is not given, .*got the class Once"),
}  # fmt: skip


def cut_of(batches):
    return lambda epoch: batches


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_batches_is_refused(name):
    make, error, message = REFUSED[name]
    with pytest.raises(error, match=message) as caught:
        train(make())
    assert str(caught.value).startswith("SGD: ")
