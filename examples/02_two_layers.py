# %% [markdown]
# # 2. Two layers and a bend between them
#
# One linear layer draws one straight line. The exclusive or cannot be told apart by a line: class 1 lies
# in two opposite corners. The sheet's second net can, for there is a `Tanh` between two linear modules,
# and a `Sigmoid` makes a probability of the output:
#
# $$\hat y = \sigma\bigl(\tanh(x W_1 + b_1)\, W_2 + b_2\bigr).$$

# %%
import numpy as np
from matplotlib import animation
from matplotlib import pyplot as plt
from page import Page, seeds, spread

import diynn
from diynn.data import checkerboard, four_gaussians

page = Page("02")


def make_net(hidden, seed):
    """Return the sheet's net; without hidden units, one linear layer and the sigmoid."""
    new = {"rng": np.random.default_rng(seed), "init": "xavier", **page.where}
    if hidden == 0:
        return diynn.Sequential(diynn.Linear(2, 1, **new), diynn.Sigmoid())
    return diynn.Sequential(
        diynn.Linear(2, hidden, **new), diynn.Tanh(), diynn.Linear(hidden, 1, **new), diynn.Sigmoid()
    )


def wide_checkerboard(points, *, rng):
    """Draw the checkerboard over [-4, 4] x [-4, 4] instead of [-1, 1] x [-1, 1]."""
    x, y = checkerboard(points, rng=rng)
    return 4 * x, y


def draw(problem, points, seed):
    """Return points of a problem and their labels, a column of zeros and ones."""
    x, y = problem(points, rng=seed)
    return page.asarray(x), page.asarray(y[:, None])


def train(problem, hidden, epochs, seed, callbacks=()):
    """Train on 1,000 points; return the net and its accuracy on 2,000 others."""
    net = make_net(hidden, seed)
    x, y = draw(problem, 1000, seed)
    diynn.SGD(
        net, diynn.MSELoss(), x, y, 20, epochs, 1e-2, rule=diynn.Adam(),
        callbacks=callbacks, rng=seed, progress=False,
    )  # fmt: skip
    x, y = draw(problem, 2000, seed + 1000)
    return net, diynn.accuracy(y, diynn.predict(net, x))


# %% [markdown]
# ## How many hidden units does a problem need?
#
# The checkerboard of 4 × 4 squares is the exclusive or once more, with more corners. It is tried twice:
# with squares half a unit wide, as it comes, and drawn four times as large.

# %%
problems = {"xor": four_gaussians, "checkerboard": checkerboard, "checkerboard × 4": wide_checkerboard}
sizes = page.choose((0, 4, 64), (0, 2, 4, 16, 64))
epochs = page.choose(15, 150)
rows, nets = [], {}
for name, problem in problems.items():
    cells = []
    for hidden in sizes:
        found = [train(problem, hidden, epochs, seed) for seed in page.seeds(quick=1, full=10)]
        nets[name, hidden] = found[0][0]
        cells.append(spread([accuracy for _, accuracy in found], ".2f"))
    rows.append((name, *cells))
note = f"accuracy on fresh points, {seeds(len(page.seeds(1, 10)))}, {epochs} epochs"
page.table("hidden", ("hidden units", *sizes), rows, note)

# %%
figure, axes = plt.subplots(2, 3, figsize=(10.5, 6.8), layout="constrained")
shown = [("xor", hidden) for hidden in (0, 4, 64)] + [(name, 64) for name in list(problems)[1:]]
for ax, (name, hidden) in zip(axes.flat, [*shown[:4], ("checkerboard × 4", 4), shown[4]], strict=True):
    x, y = draw(problems[name], 200, page.seed)
    diynn.plots.decision_frontier(nets[name, hidden], x, y, resolution=80, ax=ax)
    ax.set_title(f"{name}, {hidden} hidden" if hidden else f"{name}, one layer")
page.save(figure, "frontiers")

# %% [markdown]
# One layer does no better than a coin. Two hidden units *can* solve the exclusive or, and do so from some
# starting points only: 0.81 on average over ten seeds, with a wide spread. Four always do.
#
# The checkerboard shows something else. As it comes, no number of units learns it: 0.55 with 64. Drawn
# four times as large, 16 units reach 0.88. Nothing about the problem has changed, only its unit of length:
# a tanh bends over about one unit, and with squares of half a unit a net of small weights sees next to no
# bend at all. Weights would have to grow first. That is why one scales the inputs before one adds units.
# And 64 units are not better than 16 here: after 150 epochs it is no longer the number of units that is
# missing.
#
# ## The frontier as it is learnt

# %%
frames = []


def remember(run):
    """Keep the answers on a grid after each epoch."""
    if run.epoch % page.choose(3, 7) == 0:
        frames.append((run.epoch, diynn.to_numpy(run.net(page.asarray(grid))).reshape(60, 60)))


side = np.linspace(-4, 4, 60)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
train(wide_checkerboard, 64, page.choose(15, 100), page.seed, callbacks=[remember])
x, y = wide_checkerboard(250, rng=page.seed)

# The frames are drawn with few pixels and colours: a film is to stay below 100 kB.
figure, ax = plt.subplots(figsize=(2.8, 3), layout="constrained")


def show(frame):
    """Draw the frontier after one epoch."""
    epoch, answers = frame
    ax.clear()
    ax.contourf(side, side, answers, [0, 0.5, 1], colors=["#CFE3F1", "#F7DFC7"])
    ax.contour(side, side, answers, [0.5], colors="black", linewidths=1.2)
    for label, colour, marker in ((0, "#0072B2", "o"), (1, "#D55E00", "s")):
        ax.plot(*x[y == label].T, marker, color=colour, markersize=2.5)
    ax.set(title=f"epoch {epoch}", xticks=[], yticks=[])


page.out.mkdir(parents=True, exist_ok=True)
film = animation.FuncAnimation(figure, show, frames, interval=200, cache_frame_data=False)
film.save(page.out / "02_frontier.gif", writer=animation.PillowWriter(fps=4), dpi=64)
print(f"wrote {page.out / '02_frontier.gif'}")
plt.close(figure)

# %% [markdown]
# ## Deeper, and the gradient that vanishes
#
# Each module hands down $\delta^{h-1} = \delta^h\, W^\top$ times the slope of its activation, which for a
# tanh is at most 1. If the weights are small as well, every layer takes something away, and what arrives
# at the first is next to nothing. `diynn.trace` sends one batch through a net and back, and shows it
# module by module.

# %%
depth, width = 10, 20


def deep(init):
    """Return a net of ten tanh layers whose weights follow a law."""
    rng = np.random.default_rng(page.seed)
    net = diynn.Sequential()
    for layer in range(depth):
        net.add(diynn.Linear(2 if layer == 0 else width, width, init=init, rng=rng, **page.where))
        net.add(diynn.Tanh())
    return net.add(diynn.Linear(width, 1, init=init, rng=rng, **page.where)).add(diynn.Sigmoid())


laws = {
    "uniform in ±0.1": diynn.initializers.uniform(0.1),
    "uniform in ±1, the sheet's": diynn.initializers.sheet_uniform,
    "Glorot's": diynn.initializers.glorot_uniform,
}
x, y = draw(checkerboard, 200, page.seed)
traces = {name: diynn.trace(deep(law), diynn.MSELoss(), x, y) for name, law in laws.items()}
traces["uniform in ±0.1"]

# %%
figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
rows = []
for (name, traced), style in zip(traces.items(), ("o-", "s--", "^:"), strict=True):
    gradients = [row.gradient for row in traced.rows if row.gradient is not None]
    saturated = np.mean([row.saturated for row in traced.rows[:-1] if row.saturated is not None])
    ax.semilogy(range(1, depth + 2), gradients, style, label=name)
    rows.append((name, f"{gradients[0]:.2g}", f"{gradients[-1]:.2g}", f"{saturated:.0%}"))
ax.set(xlabel="linear layer, from the input", ylabel="norm of its gradient")
ax.legend(frameon=False)
page.save(ax, "vanishing")
header = ("weights at the start", "first layer", "last layer", "saturated")
page.table(
    "vanishing", header, rows, "norm of the gradient; share of values of the tanh layers that are flat"
)

# %% [markdown]
# With small weights the first layer's gradient is smaller than the last one's by five powers of ten: it
# does not learn. With the sheet's ±1 it goes the other way, and the first layer's gradient is ten times
# the last one's, while a fifth of the units are saturated before anything is learnt. Glorot's law,
# `init="xavier"`, chooses the width of the weights such that signal and gradient keep their size; diynn's
# default, He's, draws them wider, by √2 where a layer has as many outputs as inputs.
