"""SGD, its history, its callbacks, checkpoints."""

from __future__ import annotations

import os
import signal
import threading

import array_api_strict as strict
import numpy as np
import pytest

import diynn
from diynn import arrays, dataset
from diynn.callbacks import Callback


def line(seed=0, n=96):
    """A regression that a linear net solves exactly: y = x W."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    return x, x @ np.array([[1.0], [-2.0], [0.5]])


def train(x, y, **options):
    net = diynn.Linear(3, 1, rng=0)
    settings = {"batch_size": 16, "epochs": 5, "eps": 1e-2, "rng": 0, "progress": False} | options
    return net, diynn.SGD(net, diynn.MSELoss(), x, y, **settings)


def test_learns_the_line_and_counts_its_epochs():
    net, history = train(*line(), epochs=60)
    np.testing.assert_allclose(net._parameters, [[1.0], [-2.0], [0.5]], atol=1e-6)
    assert len(history) == len(history.costs) == len(history.seconds) == 60
    assert history.costs[-1] < 1e-10 < history.costs[0]
    assert all(second > 0 for second in history.seconds)
    assert history.stopped is None


def test_cost_is_the_mean_over_examples_whatever_the_batches():
    x, y = line(n=10)
    net = diynn.Linear(3, 1, rng=0)
    expected = float(diynn.MSELoss()(y, net(x)).mean())
    for batch_size in (1, 3, 10, 100):
        _, history = train(x, y, batch_size=batch_size, epochs=1, eps=1e-30)  # so small that nothing moves
        assert history.costs == [pytest.approx(expected, rel=1e-12)]


def test_batches_that_are_accumulated_make_a_step_of_all_of_them_together():
    x, y = line(n=100)
    for rule in (None, diynn.Adam()):
        net, history = train(x, y, batch_size=8, accumulate=3, rule=rule)
        other, wanted = train(x, y, batch_size=24, rule=rule)
        np.testing.assert_allclose(net._parameters, other._parameters, rtol=0, atol=1e-12)
        np.testing.assert_allclose(history.costs, wanted.costs, rtol=1e-12)
    with pytest.raises(ValueError, match="SGD: `accumulate` must be a positive integer, got 0"):
        train(x, y, accumulate=0)


def test_one_seed_gives_one_training_and_another_gives_another():
    weights = [train(*line(), rng=seed, epochs=1)[0]._parameters for seed in (1, 1, 2)]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()


def test_measures_on_both_data_sets_and_converts_to_lists():
    x, y = line()
    net, history = train(
        x[:64], y[:64], validation=(x[64:], y[64:]), metrics={"count": lambda y, yhat: len(y)}
    )
    table = history.to_dict()
    assert set(table) == {"epoch", "cost", "seconds", "count", "validation_cost", "validation_count"}
    assert table["epoch"] == [1, 2, 3, 4, 5]
    assert table["count"] == [64] * 5
    assert table["validation_count"] == [32] * 5
    cost = float(diynn.MSELoss()(y[64:], net(x[64:])).mean())
    assert history["validation_cost"][-1] == pytest.approx(cost, rel=1e-12)
    assert "5 epochs" in repr(history)
    assert len(history.plot().figure.axes) == 2


def test_inputs_stay_as_they_are():
    x, y = line()
    x.flags.writeable = y.flags.writeable = False
    train(x, y)


def test_data_take_the_dtype_of_the_net_once():
    x, y = line()
    net = diynn.Linear(3, 1, rng=0, dtype="float32")
    seen = []
    diynn.SGD(net, Spy(seen), x, y, 16, 1, progress=False)
    assert {dtype.name for dtype in seen} == {"float32"}


class Spy(diynn.MSELoss):
    def __init__(self, seen):
        self.seen = seen

    def forward(self, y, yhat):
        self.seen.append(yhat.dtype)
        return super().forward(y, yhat)


# ------------------------------------------------------------------ stopping


def test_early_stopping_waits_for_its_patience():
    _, history = train(*line(), epochs=50, eps=1e-30, callbacks=[diynn.EarlyStopping(3)])
    assert len(history) <= 50
    assert history.stopped == "no better for 3 epochs"
    best = int(np.argmin(history.costs))
    assert len(history) - 1 - best == 3


def test_keep_best_puts_the_best_epoch_back():
    x, y = line()
    seen = []

    def worsen(run):
        seen.append(run.net._parameters.copy())
        if run.epoch >= 3:
            run.net._parameters = run.net._parameters + 10.0

    net, history = train(x, y, epochs=6, callbacks=[worsen, diynn.KeepBest()], validation=(x, y))
    best = int(np.argmin(history["validation_cost"]))
    assert best in (2, 3)
    np.testing.assert_array_equal(net._parameters, seen[best] + (10.0 if best >= 2 else 0.0))


def test_keep_best_keeps_ties_of_weights():
    encoder, decoder = diynn.Linear(3, 2, rng=0), diynn.Linear(2, 3, rng=1)
    decoder._parameters = encoder._parameters.T
    net = diynn.Sequential(encoder, diynn.Tanh(), decoder)
    x, _ = line()
    diynn.SGD(net, diynn.MSELoss(), x, x, 16, 3, 1e-3, callbacks=[diynn.KeepBest()], progress=False)
    assert np.shares_memory(encoder._parameters, decoder._parameters)


def test_best_of_a_metric_is_the_largest_unless_said():
    class Falling(Callback):
        def epoch_end(self, run):
            run.history.columns["score"][-1] = -float(run.epoch)

    x, y = line()
    metrics = {"score": lambda y, yhat: 0.0}
    stop = diynn.EarlyStopping(2, column="score")
    assert len(train(x, y, metrics=metrics, epochs=9, callbacks=[Falling(), stop])[1]) == 3
    stop = diynn.EarlyStopping(2, column="score", largest=False)
    assert len(train(x, y, metrics=metrics, epochs=9, callbacks=[Falling(), stop])[1]) == 9


def test_callbacks_may_have_the_former_name_of_epoch_end():
    seen = []

    class Former(diynn.EarlyStopping):
        def epoch(self, run):
            seen.append(("Former", run.epoch))
            super().epoch(run)

    class Newer(Former):
        def epoch_end(self, run):
            seen.append(("Newer", run.epoch))
            super().epoch_end(run)

    train(*line(), epochs=2, callbacks=[Former(9), Newer(9)])
    assert seen == [(name, epoch) for epoch in (1, 2) for name in ("Former", "Newer", "Former")]


def test_an_unknown_column_is_named():
    with pytest.raises(ValueError, match=r"EarlyStopping: `column` must be one of cost, seconds, got 'f1'"):
        train(*line(), callbacks=[diynn.EarlyStopping(column="f1")])


def test_steps_become_shorter_on_a_plateau():
    seen = []

    class Look(diynn.Callback):
        def epoch_end(self, run):
            run.history.columns["score"][-1] = [9, 8, 8, 8, 7, 7, 7, 7, 7][run.epoch - 1]

        def step(self, run, costs):
            seen.append(run.optim.eps)

    plateau = diynn.ReduceOnPlateau(0.5, 2, column="score", largest=False)
    metrics = {"score": lambda y, yhat: 0.0}
    train(*line(), epochs=9, eps=0.25, batch_size=1000, metrics=metrics, callbacks=[Look(), plateau])
    # The last good epochs are the second and the fifth: after two others it halves, and again after two more.
    assert seen == [0.25] * 4 + [0.125] * 3 + [0.0625] * 2


def test_a_plateau_shortens_a_schedule_and_goes_on_from_a_checkpoint(tmp_path):
    def train_on(path, epochs):
        seen = []

        class Watch(diynn.Callback):
            def step(self, run, costs):
                seen.append(run.optim.schedule(run.optim.steps - 1))  # of the step that was taken

        eps = diynn.step_decay(2.0**-20, factor=0.25, every=4)
        callbacks = [Watch(), diynn.ReduceOnPlateau(0.5, 1, by=1e9)]
        train(*line(), epochs=epochs, eps=eps, batch_size=1000, callbacks=callbacks, checkpoint=path)
        return seen

    whole = train_on(tmp_path / "whole", 6)
    assert whole == [2.0**-power for power in (20, 20, 21, 22, 25, 26)]
    first = train_on(tmp_path / "parts", 3)
    assert first + train_on(tmp_path / "parts", 6) == whole


@pytest.mark.parametrize("weights", [None, np.arange(1, 101) / 10], ids=["alike", "weighted"])
def test_a_share_of_the_examples_is_held_out(weights):
    x, y = np.arange(100.0)[:, None] / 100, np.arange(100.0)[:, None]
    net, seen = diynn.Linear(1, 1, rng=0), []

    def trained_on(batch):
        seen.extend(np.round(batch[:, 0] * 100).astype(int).tolist())

    class Watched(diynn.Linear):
        def forward(self, data):
            if self.training:
                trained_on(data)
            return super().forward(data)

    def run(rng):
        seen.clear()
        history = diynn.SGD(
            Watched(1, 1, rng=0), diynn.MSELoss(), x, y, 16, 2, 1e-30, validation=0.2, rng=rng,
            weights=weights, execution="serial", progress=False,
        )  # fmt: skip
        return history, set(seen)

    history, trained = run(3)
    held_out = sorted(set(range(100)) - trained)
    assert len(trained) == 80
    assert len(seen) == 160
    assert held_out != list(range(80, 100))
    costs = diynn.MSELoss().forward(y[held_out], net.forward(x[held_out]))
    expected = np.average(costs, weights=None if weights is None else weights[held_out])
    assert history["validation_cost"] == pytest.approx([expected] * 2, rel=1e-12)
    assert run(3)[1] == trained
    assert run(4)[1] != trained


def test_shares_that_cannot_be_held_out(tmp_path):
    x, y = line()
    for share in (0.0, 1.0, -0.1, 1.5, float("nan"), 1e-9):
        with pytest.raises(ValueError, match="SGD: `validation`, a share, must be between 0 and 1 and leave"):
            train(x, y, validation=share)
    with pytest.raises(TypeError, match=r"`validation` of batches must be \(x, y\) .*, got a share"):
        diynn.SGD(diynn.Linear(1, 1), diynn.MSELoss(), [(x, y)], validation=0.1, progress=False)
    with pytest.raises(ValueError, match="a share, needs `rng` beside a `checkpoint`"):
        diynn.SGD(diynn.Linear(1, 1), diynn.MSELoss(), x, y, validation=0.1, checkpoint=tmp_path / "file")


def test_callbacks_are_told_of_everything_in_order():
    told = []

    class Log(Callback):
        def start(self, run):
            told.append("start")

        def step(self, run, costs):
            told.append(costs.shape)

        def epoch_end(self, run):
            told.append(run.epoch)

        def end(self, run):
            told.append("end")

    train(*line(n=24), epochs=2, callbacks=[Log()])
    assert told == ["start", (16,), (8,), 1, (16,), (8,), 2, "end"]


@pytest.fixture
def interruptible():
    """Let Ctrl-C raise KeyboardInterrupt: a shell starts what it runs in the background without that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_after_the_step_under_way_and_returns_what_there_is():
    class Interrupt(Callback):
        steps = 0

        def step(self, run, costs):
            self.steps += 1
            if self.steps == 8:  # the second step of the second epoch
                os.kill(os.getpid(), signal.SIGINT)

    interrupt = Interrupt()
    _, history = train(*line(), callbacks=[interrupt], epochs=100)
    assert history.stopped == "interrupted"
    assert len(history) == 2
    assert interrupt.steps == 8
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("interruptible")
def test_a_second_ctrl_c_interrupts_at_once():
    class Twice(Callback):
        def step(self, run, costs):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(*line(), callbacks=[Twice()])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_trains_in_a_thread_where_signals_cannot_be_caught():
    found = []
    thread = threading.Thread(target=lambda: found.append(train(*line())[1]))
    thread.start()
    thread.join()
    assert len(found[0]) == 5


def test_a_diverging_training_stops_with_a_warning():
    message = r"the cost of epoch \d+ is not finite; try a smaller `eps`"
    with np.errstate(over="ignore", invalid="ignore"), pytest.warns(RuntimeWarning, match=message):
        _, history = train(*line(), eps=1e3, epochs=200)
    assert 1 < len(history) < 200


# ------------------------------------------------------------------ bad data


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_found_before_training(bad):
    x, y = line()
    x[7, 1] = x[9, 0] = bad
    with pytest.raises(
        ValueError, match=r"SGD: `x` must be finite, got values that are not, the first in example 7"
    ):
        train(x, y)
    x, y = line()
    y[3] = bad
    with pytest.raises(
        ValueError, match=r"SGD: `y` must be finite, got values that are not, the first in example 3"
    ):
        train(x, y)
    x, y = line()
    with pytest.raises(ValueError, match=r"SGD: `validation\[1\]` must be finite"):
        train(x, y, validation=(x, y * bad))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, r"SGD: `batch_size` must be a positive integer, got 0"),
        ({"epochs": -1}, r"SGD: `epochs` must be a positive integer, got -1"),
        ({"eps": 0.0}, r"Optim: `eps` must be a positive number, got 0.0"),
    ],
)
def test_settings_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        train(*line(), **options)


def test_data_that_do_not_fit():
    x, y = line()
    with pytest.raises(ValueError, match=r"same number of examples, at least one, got 96 and 95"):
        train(x, y[:-1])
    with pytest.raises(ValueError, match=r"at least one, got 0 and 0"):
        train(x[:0], y[:0])
    with pytest.raises(TypeError, match=r"SGD: `x` must be an array of numbers, got the function sum"):
        train(sum, y)
    with pytest.raises(ValueError, match=r"`yhat`, \(16, 1\), got \(16,\); y\[:, None\] has it"):
        train(x, y[:, 0])
    with pytest.raises(ValueError, match=r"`y` is an array_api_strict array on CPU_DEVICE and `x` a numpy"):
        train(x, strict.asarray(y))


# ------------------------------------------------------------------ losses as students write them


@pytest.mark.parametrize("shape", ["(batch,)", "(batch, 1)", "mean", "float"])
def test_a_students_loss_may_return_its_costs_in_any_shape(shape):
    class Square:
        def forward(self, y, yhat):
            costs = ((y - yhat) ** 2).sum(axis=1)
            return {
                "(batch,)": costs,
                "(batch, 1)": costs[:, None],
                "mean": costs.mean(),
                "float": float(costs.mean()),
            }[shape]

        def backward(self, y, yhat):
            return 2 * (yhat - y)

    x, y = line(n=40)
    expected = train(x, y)[1].costs
    net = diynn.Linear(3, 1, rng=0)
    history = diynn.SGD(net, Square(), x, y, 16, 5, 1e-2, rng=0, progress=False)
    assert history.costs == pytest.approx(expected, rel=1e-12)


# ------------------------------------------------------------------ prediction and files


def test_predict_cuts_only_what_may_be_cut():
    class Centre(diynn.Module):  # depends on the whole batch
        def forward(self, data):
            return data - data.mean(axis=0)

    x, _ = line()
    net = diynn.Sequential(diynn.Linear(3, 2, rng=0), diynn.Tanh())
    np.testing.assert_allclose(diynn.predict(net, x, 7), net(x), rtol=1e-12)
    centred = diynn.Sequential(net, Centre())
    np.testing.assert_array_equal(diynn.predict(centred, x, 7), centred(x))


def test_saved_parameters_come_back_to_the_bit(tmp_path):
    def make(seed):
        return diynn.Sequential(diynn.Linear(3, 2, rng=seed), diynn.Tanh(), diynn.Linear(2, 1, rng=seed))

    net, other = make(0), make(1)
    diynn.save(net, tmp_path / "net.weights")
    diynn.load(other, tmp_path / "net.weights")
    x, _ = line()
    np.testing.assert_array_equal(net(x), other(x))
    elsewhere = make(2).to("array_api_strict:device1")
    diynn.load(elsewhere, tmp_path / "net.weights")
    np.testing.assert_array_equal(diynn.to_numpy(elsewhere.parameters()[0].value), net[0]._parameters)
    with pytest.raises(
        ValueError,
        match=r"load: .*net.weights' cannot .*: the parameters are of another net: missing \['3._bias'",
    ):
        diynn.load(diynn.Sequential(*make(0), diynn.Linear(1, 1)), tmp_path / "net.weights")
    with pytest.raises(
        ValueError, match=r"load: .*cannot be loaded: `0._parameters` must have shape \(4, 2\), got \(3, 2\)"
    ):
        diynn.load(
            diynn.Sequential(diynn.Linear(4, 2), diynn.Tanh(), diynn.Linear(2, 1)), tmp_path / "net.weights"
        )


def test_progress_shows_the_running_cost(capsys):
    train(*line(), progress=True)
    shown = capsys.readouterr().err
    assert "cost" in shown
    assert "epoch 1/5" in shown
    assert "30/30" in shown
    train(*line(), progress=False)
    assert capsys.readouterr().err == ""


# ------------------------------------------------------------------ data on the host, the net on a GPU


@pytest.fixture(params=["room for all", "room for some", "room for none"])
def moves(request, monkeypatch):
    """Take array-api-strict for a GPU; record the examples in what is moved there."""
    moved, room = [], {"room for all": 10**6, "room for some": 3000, "room for none": 0}[request.param]
    alike = arrays.alike

    def recording(array, like):
        moved.append(array.shape[0])
        return alike(array, like)

    def recording_too(array, where, dtype=None):
        moved.append(array.shape[0])
        return arrays.asarray(array, where, dtype=dtype)

    monkeypatch.setattr(arrays, "free_memory", lambda array: None if isinstance(array, np.ndarray) else room)
    monkeypatch.setattr(arrays, "alike", recording)
    monkeypatch.setattr(dataset, "asarray", recording_too)
    monkeypatch.setattr(dataset, "alike", recording)
    return room, moved


def test_data_are_placed_on_a_gpu_where_they_fit_and_moved_by_batches_where_not(moves):
    room, moved = moves
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 4)), rng.integers(0, 3, 50)

    def history(backend):
        net = diynn.Sequential(diynn.Linear(4, 3, rng=0, backend=backend))
        metrics = {"accuracy": diynn.accuracy, "again": diynn.accuracy}
        return diynn.SGD(
            *(net, diynn.CrossEntropyLoss(), x, y, 20, 2, 0.01),
            **{"rng": 0, "progress": False, "metrics": metrics, "validation": (x[:30], y[:30])},
        ).to_dict()

    found = history("array_api_strict")
    if room == 10**6:
        assert moved == [50, 50, 30, 30]  # once and for all
    elif room == 3000:  # the 1200 bytes of the validation, the 400 of the targets
        assert moved[:2] == [30, 30]
        assert (
            moved.count(50) == 1 + 2 * 2
        )  # a look at the end; data and targets for the metrics of each epoch
    else:
        assert max(moved) == 50  # for the metrics, and a look at the end
        assert moved.count(20) == 2 * 2 * 2
    expected = history("numpy")
    for name in expected.keys() - {"seconds"}:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)


def test_data_on_the_host_are_moved_to_any_net_and_others_stay_where_they_are():
    net = diynn.Linear(1, 1, backend="array_api_strict")
    assert len(diynn.SGD(net, diynn.MSELoss(), np.ones((2, 1)), np.ones((2, 1)), progress=False)) == 10
    x = strict.ones((2, 1))
    with pytest.raises(ValueError, match=r"`data` is an array_api_strict array .*; diynn\.asarray"):
        diynn.SGD(diynn.Linear(1, 1), diynn.MSELoss(), x, x, progress=False)


def test_free_memory_is_asked_of_cupy_alone():
    for library in ("numpy", "array_api_strict"):
        assert arrays.free_memory(diynn.asarray([1.0], library)) is None
