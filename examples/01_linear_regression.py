# %% [markdown]
# # 1. A line through points
#
# The sheet's first part: one linear module, one cost, and a loop that goes downhill.
#
# The net is $\hat y = x W + b$. The cost of one example is $\lVert y - \hat y \rVert^2$, and what is made
# small is the sum of the costs over the batch. Everything that learning needs are two derivatives:
#
# $$\nabla_{\hat y} L = 2(\hat y - y), \qquad \nabla_W L = x^\top \nabla_{\hat y} L .$$

# %%
import numpy as np
from matplotlib import pyplot as plt
from page import Page, spread

import diynn

page = Page("01")
rng = np.random.default_rng(page.seed)

# %% [markdown]
# ## The data
#
# Fifty points around the line $y = 2x - 1$.

# %%
slope, intercept, noise = 2.0, -1.0, 0.3
x = rng.uniform(-1, 1, (50, 1))
y = slope * x + intercept + rng.normal(0, noise, x.shape)

# %% [markdown]
# ## The loop
#
# Zero the gradient, go forward, go backward, take a step. This is what `diynn.Optim` does, written out
# once.


# %%
def descend(eps, steps, start=(-1.0, 1.0)):
    """Return the weights and biases that a descent goes through, and the cost at each."""
    net, loss = diynn.Linear(1, 1, init="xavier", **page.where), diynn.MSELoss()
    inputs, targets = page.asarray(x), page.asarray(y)
    net._parameters += start[0] - float(net._parameters[0, 0])
    net._bias += start[1]
    path = []
    for _ in range(steps + 1):
        output = net.forward(inputs)
        costs = diynn.to_numpy(loss.forward(targets, output))
        path.append((float(net._parameters[0, 0]), float(net._bias[0]), float(costs.sum())))
        net.zero_grad()
        net.backward_update_gradient(inputs, loss.backward(targets, output))
        net.update_parameters(gradient_step=eps)
    return np.array(path)


path = descend(eps=5e-3, steps=40)
(best_slope, best_intercept), residual, *_ = np.linalg.lstsq(np.hstack([x, np.ones_like(x)]), y, rcond=None)
page.table(
    "fit",
    ("", "slope", "intercept", "cost"),
    [
        ("descent, 40 steps", *(f"{value:.4f}" for value in path[-1])),
        ("least squares", *(f"{value[0]:.4f}" for value in (best_slope, best_intercept, residual))),
    ],
)

# %% [markdown]
# The descent ends where the normal equations say it must: there is one minimum, and it is found.

# %%
figure, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
ax.plot(x, y, "o", color="0.5", markersize=4, label="data")
line = np.array([-1, 1])
for step, style in ((0, ":"), (3, "--"), (40, "-")):
    w, b, _ = path[step]
    ax.plot(line, w * line + b, style, color="#D55E00", label=f"after {step} steps")
ax.set(xlabel="x", ylabel="y", title="A line on its way to the data")
ax.legend(frameon=False)
page.save(ax, "fit")

# %% [markdown]
# ## How long may a step be?
#
# The cost is a bowl in $(W, b)$, whose curvature is $2 X^\top X$, with $X = (x, 1)$. Along the steepest
# direction each step multiplies the distance to the minimum by $1 - 2 \varepsilon \lambda$, with $\lambda$
# the largest eigenvalue of $X^\top X$. So the descent converges while
#
# $$\varepsilon < 1 / \lambda_{\max}(X^\top X),$$
#
# and jumps from side to side from half of it on. The gradient is a *sum* over the batch: with twice as
# many points, $\lambda$ is twice as large and the longest step half as long. Page 3 comes back to this.

# %%
design = np.hstack([x, np.ones_like(x)])
limit = 1 / np.linalg.eigvalsh(design.T @ design)[-1]
factors = (0.1, 0.5, 0.95, 1.05)
rows = []
for factor in factors:
    costs = np.maximum(descend(eps=factor * limit, steps=60)[:, 2] - residual[0], 0)
    rows.append((f"{factor:.2f} of the limit", f"{costs[0]:.3g}", f"{costs[10]:.3g}", f"{costs[60]:.3g}"))
note = f"limit {limit:.4f}; cost above the minimum"
page.table("steps", ("step size", "at first", "after 10 steps", "after 60"), rows, note)

# %%
w, b = np.meshgrid(np.linspace(-1.6, 4.4, 120), np.linspace(-3.2, 1.6, 120))
surface = ((y.T - w[..., None] * x.T - b[..., None]) ** 2).sum(axis=-1)
figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained", sharey=True)
for ax, factor in zip(axes, factors[:3], strict=True):
    shades = ax.contourf(w, b, np.log10(surface), 24, cmap="cividis")
    trail = descend(eps=factor * limit, steps=40)
    ax.plot(trail[:, 0], trail[:, 1], "o-", color="white", markeredgecolor="black", markersize=4, linewidth=1)
    ax.plot(best_slope, best_intercept, "*", color="#D55E00", markersize=13, markeredgecolor="black")
    ax.set(title=f"{factor} of the limit", xlabel="weight", xlim=(-1.6, 4.4), ylim=(-3.2, 1.6))
axes[0].set_ylabel("bias")
figure.colorbar(shades, ax=axes, label="log₁₀ of the cost", aspect=15)
page.save(figure, "surface")

# %% [markdown]
# Far below the limit the path follows the slope, and creeps once it is in the valley. At half of it the
# steep direction is done in one step. Just below the limit it still arrives, after many jumps across the
# valley; just above, it leaves. The limit that the eigenvalue gives is the limit that is seen.
#
# ## How well is the line known?
#
# Other noise gives another line. Least squares has a spread of about
# $\sigma / \sqrt{n \operatorname{var}(x)}$ in the slope.

# %%
slopes, intercepts = [], []
for seed in page.seeds(quick=5, full=200):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (50, 1))
    y = slope * x + intercept + rng.normal(0, noise, x.shape)
    found = descend(eps=5e-3, steps=100)[-1]
    slopes.append(found[0])
    intercepts.append(found[1])
expected = noise / np.sqrt(50 / 3)
page.table(
    "spread",
    ("", "true", f"found, {len(slopes)} seeds", "spread expected"),
    [
        ("slope", slope, spread(slopes), f"{expected:.3f}"),
        ("intercept", intercept, spread(intercepts), f"{noise / np.sqrt(50):.3f}"),
    ],
)
