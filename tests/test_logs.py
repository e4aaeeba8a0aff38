# tables of messages, a line each
"""What is written down while a training goes on: tables, logs, TensorBoard's files."""

from __future__ import annotations

import copy
import csv
import os
import pickle
import sys

import numpy as np
import pytest

import diynn
from diynn import Linear, MSELoss
from tests.students import normal

X = normal(20, 3)


class Fall(diynn.Callback):
    """Ends the script in one epoch, after all other callbacks."""

    def __init__(self, at):
        self.at = at

    def epoch_end(self, run):
        if run.epoch == self.at:
            raise KeyboardInterrupt


def train(*callbacks, epochs=3, **options):
    settings = {
        "metrics": {"a, b": lambda y, yhat: 1 / 3},
        "validation": (X, X[:, :1]),
        "rng": 0,
        "progress": False,
    }
    net = Linear(3, 1, rng=0)
    return diynn.SGD(net, MSELoss(), X, X[:, :1], 8, epochs, 1e-3, callbacks=callbacks, **settings | options)


def table(path):
    """Return the columns of a file, as numbers."""
    with open(path, newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    return {name: [float(row[place]) for row in rows] for place, name in enumerate(names)}


def test_a_history_is_written_with_all_its_digits(tmp_path):
    history = train()
    history.to_csv(tmp_path / "history.csv")
    assert table(tmp_path / "history.csv") == history.to_dict()
    assert (
        (tmp_path / "history.csv")
        .read_text()
        .startswith('epoch,cost,seconds,"a, b",validation_cost,"validation_a, b"\n1,')
    )
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(tmp_path / "history.csv", dtype=str)  # older ones round as they read numbers
    assert [float(cost) for cost in frame["cost"]] == history.costs
    with pytest.raises(TypeError, match=r"History.to_csv: `path` must be the path of a file, got 3"):
        history.to_csv(3)


def test_a_history_is_a_table_of_pandas():
    pandas = pytest.importorskip("pandas")
    history = train()
    frame = pandas.DataFrame(history)
    assert list(frame.columns) == list(history.columns)
    assert {name: frame[name].tolist() for name in frame} == history.columns


def test_a_history_is_a_dict_of_columns_and_a_sequence_of_costs():
    history = train()
    assert dict(history) == {**history} == history.columns
    assert list(history) == history.costs == history["cost"]
    assert len(history) == 3
    np.testing.assert_array_equal(np.asarray(history), history.costs)
    np.testing.assert_array_equal(np.asarray(history, dtype="float32"), np.float32(history.costs))
    for twin in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert twin.columns == history.columns
        assert twin.stopped is history.stopped
        assert "3 epochs" in repr(twin)
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure, ax = pyplot.subplots()
    (drawn,) = ax.plot(history)
    np.testing.assert_array_equal(drawn.get_ydata(), history.costs)
    pyplot.close(figure)


def test_a_log_has_a_row_an_epoch_whatever_ends_the_training(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("what an earlier training wrote\n")
    history = train(diynn.Log(path))
    assert table(path) == history.to_dict()
    with pytest.raises(KeyboardInterrupt):
        train(diynn.Log(path), Fall(2), epochs=9)
    assert table(path)["cost"] == history.costs[:2]
    assert os.listdir(tmp_path) == ["log.csv"]


def test_a_log_goes_on_with_its_training(tmp_path):
    path, options = tmp_path / "log.csv", {"checkpoint": tmp_path / "run.npz", "epochs": 4, "every": 1}
    with pytest.raises(KeyboardInterrupt):  # the row of the third epoch is there, its checkpoint is not
        train(diynn.Log(path), Fall(3), **options)
    assert len(table(path)["cost"]) == 3
    history = train(diynn.Log(path), Fall(0), **options)
    assert table(path) == history.to_dict()
    assert len(history) == 4


def test_a_log_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(OSError, match="none"):
        train(diynn.Log(tmp_path / "none" / "log.csv"))
    with pytest.raises(TypeError, match="Log: `path` must be the path of a file, got 3"):
        diynn.Log(3)


def test_tensorboard_shows_each_column(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def shown():
        events = EventAccumulator(str(tmp_path / "first"), purge_orphaned_data=True)
        events.Reload()
        return {
            tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]
        }

    options = {
        "checkpoint": tmp_path / "run.npz",
        "epochs": 4,
        "every": 1,
        "metrics": {"third": lambda y, yhat: 1 / 3},
    }
    with pytest.raises(KeyboardInterrupt):
        train(diynn.TensorBoard(tmp_path / "first"), Fall(3), **options)
    assert [step for step, _ in shown()["cost"]] == [1, 2, 3]
    history = train(diynn.TensorBoard(tmp_path / "first"), Fall(0), **options)
    found = shown()
    assert found.keys() == history.columns.keys()
    for name in set(found) - {"seconds"}:
        assert [step for step, _ in found[name]] == [1, 2, 3, 4]
        np.testing.assert_array_equal([value for _, value in found[name]], np.float32(history[name]))


def test_tensorboard_names_its_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith("tensorboard.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        ImportError, match=r"TensorBoard: needs a library .*: pip install 'diynn\[tensorboard\]'"
    ):
        diynn.TensorBoard(tmp_path)
