# %% [markdown]
# # 10. Many runs
#
# Most questions about a net are asked of many of them: each combination of some choices, each with several
# seeds. `diynn.sweep` takes a function and a grid, makes the runs side by side, and keeps each in a file as
# it ends, so that a study that was stopped goes on where it was.

# %%
import numpy as np
import optuna
from page import Page, seeds

import diynn
from diynn.data import digits

page = Page("10")
EPOCHS = page.choose(4, 30)


# %% [markdown]
# ## A planned experiment
#
# A run is a function of its configuration. It returns a number, a dict of numbers, or the history of a
# training, of which the last values are kept. It has one thread: there are as many runs as cores.


# %%
def run(hidden, activation, rate, seed, epochs):
    """Train a classifier of digits, and return what its history ends with."""
    rng = np.random.default_rng(seed)
    data = digits(rng=seed)
    net = diynn.Sequential(
        diynn.Linear(64, hidden, rng=rng), getattr(diynn, activation)(), diynn.Linear(hidden, 10, rng=rng)
    )
    return diynn.SGD(
        net, diynn.CrossEntropyLoss(), data.x_train, data.y_train, 32, epochs, rate,
        rule=diynn.Adam(), rng=seed, progress=False,
        validation=(data.x_test, data.y_test), metrics={"accuracy": diynn.accuracy},
    )  # fmt: skip


grid = {
    "hidden": page.choose([8, 64], [4, 16, 64]),
    "activation": page.choose(["Tanh"], ["Tanh", "Sigmoid", "ReLU"]),
    "rate": page.choose([1e-3, 1e-2], [1e-4, 1e-3, 1e-2]),
    "seed": list(page.seeds(1, 3)),
    "epochs": [EPOCHS],
}
page.out.mkdir(parents=True, exist_ok=True)
study = diynn.sweep(run, grid, page.out / "10_runs.jsonl", progress=False)
page.save(study.plot("validation_accuracy"), "effects")

# %% [markdown]
# Each point is a run, and the bar is the median of its column: what one factor does whatever the others are.
# Started again with the same file, the call above returns at once. To take another seed, or another rate,
# is to change the grid: what is there already is not done again. A run that fails is a row as well, with
# its error in words, in `study.failures`.
#
# `print(study)` is a table of all runs, `study.to_dict()` one for pandas. Here are the best and the worst:

# %%
columns = study.to_dict()
settings = {}
for *setting, accuracy in zip(
    *(columns[name] for name in ("hidden", "activation", "rate", "validation_accuracy")), strict=True
):
    settings.setdefault(tuple(setting), []).append(accuracy)
ranked = sorted(settings, key=lambda setting: -np.mean(settings[setting]))
rows = [(*setting, f"{np.mean(settings[setting]):.3f}") for setting in [*ranked[:3], ranked[-1]]]
note = f"the best three and the worst of {len(ranked)}; {EPOCHS} epochs, {seeds(len(grid['seed']))}"
page.table("best", ("hidden units", "activation", "rate", "test accuracy"), rows, note)

# %% [markdown]
# On many machines the same call runs on a cluster of dask, by joblib's own backend:
#
# ```python
# with distributed.Client("scheduler:8786"), joblib.parallel_config("dask"):
#     diynn.sweep(run, grid, "runs.jsonl")
# ```
#
# ## A search that gives up early
#
# A grid asks about every corner. Where only the best setting is wanted, Optuna proposes the next one from
# those before, and ends a run that does worse than half of the others did at that time. Its trial takes
# three lines of a callback:

# %%
optuna.logging.set_verbosity(optuna.logging.WARNING)
data = digits(rng=page.seed)


def objective(trial):
    """Train with what the trial proposes, and return the cost on the test digits."""

    def prune(run):
        trial.report(run.history["validation_cost"][-1], run.epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    rng = np.random.default_rng(page.seed)
    hidden = trial.suggest_int("hidden", 4, 64, log=True)
    net = diynn.Sequential(diynn.Linear(64, hidden, rng=rng), diynn.Tanh(), diynn.Linear(hidden, 10, rng=rng))
    history = diynn.SGD(
        net, diynn.CrossEntropyLoss(), data.x_train, data.y_train, 32, EPOCHS,
        trial.suggest_float("rate", 1e-4, 1e-1, log=True), rule=diynn.Adam(), rng=page.seed,
        validation=(data.x_test, data.y_test), callbacks=[prune], progress=False,
    )  # fmt: skip
    return history["validation_cost"][-1]


search = optuna.create_study(
    sampler=optuna.samplers.TPESampler(seed=page.seed), pruner=optuna.pruners.MedianPruner(n_startup_trials=3)
)
search.optimize(objective, n_trials=page.choose(8, 40))
pruned = [trial for trial in search.trials if trial.state is optuna.trial.TrialState.PRUNED]
epochs = sum(len(trial.intermediate_values) for trial in search.trials)
rows = [
    ("runs", len(search.trials)),
    ("given up early", len(pruned)),
    ("epochs in all", f"{epochs} of {EPOCHS * len(search.trials)}"),
    ("best hidden units", search.best_params["hidden"]),
    ("best rate", f"{search.best_params['rate']:.2g}"),
    ("its cost on the test digits", f"{search.best_value:.3f}"),
]
page.table("search", ("search", ""), rows)
