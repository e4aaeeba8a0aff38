# %% [markdown]
# # 11. Stop it, go on
#
# A training that takes a night is stopped one day: by a power cut, by a cluster that sends SIGTERM and
# kills a minute later, by Ctrl-C, by whoever needs the machine. What has to be kept so that nothing is
# lost? The parameters alone are not enough. A training is also what the *rule* remembers (Adam's means $m$
# and $v$ of the gradients, and how many steps it has taken), the place on the *schedule* of the step size,
# the *generators* that draw the order of the examples and the masks of a dropout, and the place in the
# epoch under way.
#
# Here a training is stopped in the middle and taken up again, once with all of this, and once with its
# parameters alone; and both are compared with one that nobody disturbed.

# %%
import tempfile
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from page import Page

import diynn
from diynn.data import digits

page = Page("11")
data = digits(rng=page.seed, backend="numpy")
epochs = page.choose(8, 24)
steps = epochs * -(-len(data.x_train) // 32)
folder = Path(tempfile.mkdtemp())


def make_net():
    """Return the net with its first parameters, as a script makes it whenever it is started."""
    return diynn.Sequential(
        diynn.Linear(64, 64, rng=page.seed, **page.where),
        diynn.Tanh(),
        diynn.Dropout(0.2, rng=page.seed + 1),
        diynn.Linear(64, 10, rng=page.seed + 2, **page.where),
    )


def train(net, epochs=epochs, **options):
    """Train as the script does; ``checkpoint=`` is all that resuming takes."""
    return diynn.SGD(
        net, diynn.CrossEntropyLoss(), data.x_train, data.y_train, 32, epochs,
        diynn.cosine_decay(3e-3, steps=steps), rule=diynn.Adam(), rng=page.seed, progress=False, **options,
    )  # fmt: skip


# %% [markdown]
# ## A power cut
#
# A callback stands for it: it raises in the middle of an epoch, and whatever was in memory is gone. The
# file is written after each epoch, and here after every ten steps as well.


# %%
class PowerCut(diynn.Callback):
    """Ends the script in one step."""

    def __init__(self, at):
        self.at = at

    def step(self, run, costs):
        """Count the steps."""
        if run.optim.steps == self.at:
            raise RuntimeError("no power")


undisturbed = make_net()
history = train(undisturbed, checkpoint=folder / "undisturbed.npz", every=10, callbacks=[PowerCut(None)])

try:
    train(make_net(), checkpoint=folder / "run.npz", every=10, callbacks=[PowerCut(steps // 2 + 17)])
except RuntimeError as error:
    print(
        f"{error} in step {steps // 2 + 17} of {steps}; there is {[path.name for path in folder.iterdir()]}"
    )

# %% [markdown]
# The script is started again. Nothing in it is changed: it builds its net, and calls the same function.
# That finds the file, and goes on within the epoch that was cut.

# %%
resumed = make_net()
again = train(resumed, checkpoint=folder / "run.npz", every=10, callbacks=[PowerCut(None)])
same = all(
    np.array_equal(diynn.to_numpy(one.value), diynn.to_numpy(other.value))
    for one, other in zip(resumed.parameters(), undisturbed.parameters(), strict=True)
)
print(f"equal to the bit: {same}; the same history: {again.costs == history.costs}")

# %% [markdown]
# ## The parameters alone
#
# `diynn.save` and `diynn.load` keep what a trained net *is*; going on from there is another training. The
# rule begins anew, with $m = v = 0$ and the large steps of a bias that is corrected for the first time; so
# does the schedule; and the examples come in the order of the first epochs. It may end better or worse: it
# is not the training that the script describes, and nobody can repeat it without stopping at the same
# place.

# %%
halfway, whole = make_net(), epochs // 2
first = train(halfway, whole)
diynn.save(halfway, folder / "halfway.npz")

from_weights = diynn.load(make_net(), folder / "halfway.npz")
second = train(from_weights, epochs - whole)


def apart(net):
    """Return the largest difference of a parameter from the undisturbed training's."""
    pairs = zip(net.parameters(), undisturbed.parameters(), strict=True)
    return max(float(np.abs(diynn.to_numpy(a.value) - diynn.to_numpy(b.value)).max()) for a, b in pairs)


rows = [
    ["never stopped", f"{history.costs[-1]:.4f}", "0"],
    ["stopped, gone on from its checkpoint", f"{again.costs[-1]:.4f}", f"{apart(resumed):.2g}"],
    ["stopped, its parameters trained on", f"{second.costs[-1]:.4f}", f"{apart(from_weights):.2g}"],
]
page.table("resume", ["training", "last cost", "largest difference"], rows, f"Adam, cosine, {epochs} epochs")

# %%
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
numbers = np.arange(1, epochs + 1)
ax.plot(numbers, history.costs, label="never stopped", linewidth=5, alpha=0.35)
ax.plot(numbers, again.costs, "o-", label="gone on from its checkpoint", markersize=4)
ax.plot(numbers, [*first.costs, *second.costs], "--", label="its parameters trained on")
ax.axvline(whole + 0.5, color="0.7", linewidth=1)
ax.set(xlabel="epoch", ylabel="cost", yscale="log")
ax.legend()
page.save(ax, "curves")

# %% [markdown]
# ## On a cluster
#
# A job has so many minutes. `seconds=` ends the training after the step during which they have passed, and
# the checkpoint is written; SIGTERM, which a cluster sends before it kills, and Ctrl-C do the same. So one
# script can be sent as often as it takes; once the training has ended, it returns its history at once:

# %%
jobs = 0
part = None
while part is None or part.stopped is not None:
    jobs += 1
    part = train(make_net(), checkpoint=folder / "jobs.npz", seconds=page.choose(0.05, 0.2))
print(f"ended with job {jobs}; the same costs as without a stop: {part.costs == history.costs}")

# %% [markdown]
# A file is refused if it is of another training, and says what is different:

# %%
try:
    train(diynn.Sequential(diynn.Linear(64, 10)), checkpoint=folder / "jobs.npz")
except diynn.CheckpointError as error:
    print(str(error).replace(str(folder), ""))

# %% [markdown]
# What a callback has to remember belongs to the training as well: `EarlyStopping` and `KeepBest` are in the
# file, and a callback of your own is if it has `state()`, which returns numbers, text, lists, dicts and
# arrays of them, and `restore(state)`. `diynn.Log("run.csv")` writes a row an epoch, and goes on with the
# rows that belong to the training.
#
# ## Exercises
#
# 1. Kill the script yourself: put the training into a file of its own, start it, `kill -9` it, start it
#    again.
# 2. Which part matters most? Write a loop with `optim.state()` and `optim.restore(state)`, and change one
#    entry of the state before it is put back: the steps, the rule's states, the generators.
# 3. Why is the order of the examples kept by the generator's state *before* it was drawn?
