# %% [markdown]
# # 3. Batches and steps
#
# `Sequential` chains modules, `Optim` takes one step, `SGD` cuts the data into batches and repeats. That
# leaves two numbers to choose: how many examples a batch has, and how long a step is.
#
# $$W \leftarrow W - \varepsilon \sum_{i \in \text{batch}} \nabla_W L_i$$
#
# On the sheet the gradient is a **sum** over the batch, not a mean. That has two consequences, which this
# page measures:
#
# 1. In one epoch every example is added once, whatever the batch. So for small $\varepsilon$ the cost after
#    an epoch should not depend on the batch size.
# 2. A step on twice as many examples is twice as long. So the largest $\varepsilon$ that still converges
#    should fall as one over the batch size.

# %%
import warnings

import numpy as np
from matplotlib import pyplot as plt
from page import Page, seeds

import diynn
from diynn.data import four_gaussians

page = Page("03")
# The map takes steps far too long on purpose; diynn warns of the units that they saturate.
warnings.filterwarnings("ignore", message=".*are saturated")
x, labels = four_gaussians(512, rng=page.seed, spread=0.4)
x, y = page.asarray(x), page.asarray(labels[:, None])


def train(batch_size, eps, epochs, seed):
    """Return the history of the sheet's two-layer net on the exclusive or."""
    rng = np.random.default_rng(seed)
    net = diynn.Sequential(
        diynn.Linear(2, 16, rng=rng, init="xavier", **page.where),
        diynn.Tanh(),
        diynn.Linear(16, 1, rng=rng, init="xavier", **page.where),
        diynn.Sigmoid(),
    )
    return diynn.SGD(net, diynn.BCELoss(), x, y, batch_size, epochs, eps, rng=seed, progress=False)


# %% [markdown]
# ## The map

# %%
sizes = page.choose((8, 64, 512), (2, 8, 32, 128, 512))
steps = page.choose(np.logspace(-3.5, 0.5, 5), np.logspace(-4, 1, 11))
epochs = 20
costs = np.array(
    [
        [
            np.mean([train(size, eps, epochs, seed).costs[-1] for seed in page.seeds(quick=1, full=5)])
            for eps in steps
        ]
        for size in sizes
    ]
)

# %%
figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
shown = ax.imshow(np.log10(costs), cmap="cividis_r", aspect="auto", vmin=-2, vmax=1)
for (row, column), cost in np.ndenumerate(costs):
    dark = np.log10(cost) > -0.5
    ax.text(
        column, row, f"{cost:.2g}", ha="center", va="center", color="white" if dark else "black", fontsize=8
    )
ax.set_xticks(range(len(steps)), [f"{eps:.1g}" for eps in steps], fontsize=9)
ax.set_yticks(range(len(sizes)), sizes)
ax.set(xlabel="step size ε", ylabel="batch size", title=f"mean cost of an example after {epochs} epochs")
figure.colorbar(shown, ax=ax, label="log₁₀ of the cost", extend="max")
page.save(ax, "map")

# %% [markdown]
# ## What it says
#
# The best step of each batch size, and the longest that ends below the cost of a coin, $\ln 2$:

# %%
rows = []
for size, line in zip(sizes, costs, strict=True):
    longest = max((eps for eps, cost in zip(steps, line, strict=True) if cost < np.log(2)), default=np.nan)
    best = steps[line.argmin()]
    rows.append((size, f"{best:.2g}", f"{line.min():.3g}", f"{longest:.2g}", f"{longest * size:.2g}"))
header = ("batch size", "best ε", "its cost", "longest ε", "longest ε × batch")
page.table("steps", header, rows, f"{epochs} epochs, mean of {seeds(len(page.seeds(1, 5)))}")

# %% [markdown]
# The first consequence is seen in the left columns of the map: with small steps all batch sizes end at the
# same cost. The second shows on the right, where the dark region begins earlier for large batches: from 8
# to 512 the longest step falls from 0.3 to 0.01, about as one over the batch size. A batch of 2 takes no
# longer steps than one of 8: there the noise of so few examples sets the limit, and the rule ends.
#
# The best cost is the same for batches of 2 to 128, and at the same step size. Only the whole data set in
# one batch falls behind: 20 epochs are 20 steps, too few of the length that it bears. A small batch pays
# in time instead: an epoch of batches of 2 has 256 times as many steps.
#
# ## The course of it

# %%
figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
rows = []
for size, style in zip((8, 64, 512), ("-", "--", ":"), strict=True):
    eps = 0.3 / size
    history = train(size, eps, page.choose(20, 60), page.seed)
    ax.semilogy(range(1, len(history) + 1), history.costs, style, label=f"batch {size}, ε = {eps:.2g}")
    steps_an_epoch = -(-len(labels) // size)
    rows.append((size, f"{eps:.2g}", steps_an_epoch, f"{history.costs[-1]:.3g}"))
ax.set(
    xlabel="epoch",
    ylabel="mean cost of an example",
    title="Steps of one length: ε in proportion to 1 / batch",
)
ax.legend(frameon=False)
page.save(ax, "course")
page.table("course", ("batch size", "ε", "steps an epoch", "cost at the end"), rows)

# %% [markdown]
# With $\varepsilon$ divided by the batch size, as frameworks that average do it, an epoch of small batches
# goes as many times further as it has more steps: 64 for batches of 8, one for the whole set. Who takes a
# learning rate from such a framework to this sheet has to divide it by the batch size first.
