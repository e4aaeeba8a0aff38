# ruff: noqa: E501  # tables of messages, a line each
"""Processes killed at random moments: ``python -m tests.kills saving 1000``, ``python -m tests.kills training 200``.

While saving: the file is the old one or the new one, whole. While training: started again, a training ends equal
to the bit to one that nobody disturbed. On systems with ``fork``.
"""

from __future__ import annotations

import os
import pickle
import random
import signal
import sys
import tempfile
import time
import warnings
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

import diynn
from diynn.execution import Threads
from diynn.files.tree import pack
from diynn.module import parameters


def in_a_child(work, *, kill_after=None, number=signal.SIGKILL):
    """Call a function in a process of its own; send it a signal after so many seconds. Return whether it ended itself."""
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            work()
            os._exit(0)
        except KeyboardInterrupt:  # before the training began, or at its end
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, number)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise AssertionError("the process failed")
    return os.WIFEXITED(status)


# ------------------------------------------------------------------ saving


def constant_net(number):
    """Return a net of 200,000 parameters that are all one number."""
    net = diynn.Sequential(
        diynn.Linear(400, 400, init="zeros"), diynn.Tanh(), diynn.Linear(400, 100, init="zeros")
    )
    for each in parameters(net):
        each.value[...] = number
    return net


def kill_while_saving(count, name="net.npz", *, seed=0):
    """Return how many of so many kills left no whole file, or stray files that the next save did not remove."""
    chance, lost, strays = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        nets = [constant_net(number) for number in (1.0, 2.0)]
        diynn.save(nets[0], path)
        start = time.perf_counter()
        for _ in range(5):
            diynn.save(nets[0], path)
        length = (time.perf_counter() - start) / 5

        def save_again_and_again():
            while True:
                for net in nets:
                    diynn.save(net, path)

        for _ in range(count):
            in_a_child(save_again_and_again, kill_after=chance.uniform(0.0, 3 * length))
            net = constant_net(0.0)
            try:
                diynn.load(net, path)
                found = {float(value) for each in parameters(net) for value in np.unique(each.value)}
            except (ValueError, OSError):
                found = set()
            lost += found not in ({1.0}, {2.0})
            if chance.random() < 0.1:
                diynn.save(nets[0], path)
                strays += os.listdir(folder) != [name]
        diynn.save(nets[0], path)
        strays += os.listdir(folder) != [name]
    return lost, strays


# ------------------------------------------------------------------ training


def settings():
    """Return every way of training that is tried, by name."""
    rules = {"plain": None, "Momentum": diynn.Momentum(), "Adam": diynn.Adam()}
    rules["around"] = diynn.ClipNorm(diynn.WeightDecay(diynn.RMSprop(), 0.1), 0.5)
    steps = {"constant": 1e-2, "cosine": diynn.cosine_decay(1e-2, steps=40, warmup=3)}
    executions = {"serial": "serial", "compiled": "auto", "threads": Threads(2)}
    backends = ["numpy", *(["torch"] if _has("torch") else [])]
    for rule, eps, dropout, execution, backend in product(rules, steps, (False, True), executions, backends):
        if backend == "numpy" or execution == "serial":
            yield (rule, eps, "dropout" if dropout else "", execution, backend), {
                "rule": rules[rule], "eps": steps[eps], "dropout": dropout, "execution": executions[execution],
                "backend": backend,
            }  # fmt: skip


def _has(library):
    try:
        __import__(library)
    except ImportError:
        return False
    return True


def train(checkpoint, every, *, rule, eps, dropout, execution, backend, epochs=5):
    """Train a small net as a script would; return all that the training ends with, but for the seconds."""
    warnings.simplefilter("ignore")
    noise = [diynn.Dropout(0.2, rng=3)] if dropout else []
    net = diynn.Sequential(
        diynn.Linear(6, 20, rng=0, backend=backend), diynn.Tanh(), *noise,
        diynn.Linear(20, 2, rng=1, backend=backend),
    )  # fmt: skip
    x = np.random.default_rng(2).normal(size=(70, 6))
    optim = diynn.Optim(net, diynn.MSELoss(), eps, rule=rule, execution=execution)
    callbacks = [diynn.KeepBest(), diynn.EarlyStopping(4), diynn.ReduceOnPlateau(0.5, 1, by=1e9)]
    history = optim.SGD(
        x, np.tanh(x[:, :2]), 10, epochs, checkpoint=checkpoint, every=every, rng=0, progress=False,
        callbacks=callbacks, validation=(x, np.tanh(x[:, :2])),
    )  # fmt: skip
    state = optim.state() | {"execution": None}
    table = {name: column for name, column in history.to_dict().items() if name != "seconds"}
    kept = [callback.state() for callback in callbacks]
    return pickle.dumps(pack("train", {"optim": state, "table": table, "why": history.stopped, "kept": kept}))


def _write_result(result, options, checkpoint, every):
    ended = train(checkpoint, every, **options)
    result.write_bytes(ended)


def kill_while_training(count, *, seed=0, kills=3, number=signal.SIGKILL):
    """Return which of so many trainings, each killed several times, did not end as the undisturbed one did."""
    chance, wrong, killed = random.Random(seed), [], 0
    chosen = list(settings())
    chance.shuffle(chosen)
    known: dict[tuple[str, ...], tuple[bytes, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for trial in range(count):
            name, options = chosen[trial % len(chosen)]
            result, path = Path(folder) / "result", Path(folder) / f"{trial}.npz"
            work = partial(_write_result, result, options)
            if name not in known:
                start = time.perf_counter()
                in_a_child(partial(work, Path(folder) / f"{trial}-undisturbed.npz", None))
                known[name] = result.read_bytes(), time.perf_counter() - start
            wanted, length = known[name]
            work = partial(work, path, chance.choice([None, 1, 3]))
            for _ in range(kills):
                killed += not in_a_child(work, kill_after=chance.uniform(0, length), number=number)
            in_a_child(work)
            if result.read_bytes() != wanted:
                wrong.append((trial, *name))
    return wrong, killed


if __name__ == "__main__":
    what, count = sys.argv[1], int(sys.argv[2])
    begun = time.perf_counter()
    if what == "saving":
        outcomes = [kill_while_saving(count // 2, name) for name in ("net.npz", "net.safetensors")]
        lost, strays = (sum(each[k] for each in outcomes) for k in (0, 1))
        print(f"{2 * (count // 2)} kills while saving: {lost} files lost, {strays} stray files", end="")
        failed = lost + strays
    else:  # "training", or "training-15" for another signal than SIGKILL
        number = int(what.partition("-")[2] or signal.SIGKILL)
        wrong, killed = kill_while_training(count, number=number)
        print(
            f"{count} trainings, killed {killed} times: {len(wrong)} ended differently",
            *wrong,
            sep="\n",
            end="",
        )
        failed = len(wrong)
    print(f" ({time.perf_counter() - begun:.0f} s)")
    sys.exit(bool(failed))
