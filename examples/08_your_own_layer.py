# %% [markdown]
# # 8. Your own layer
#
# *[En français](08_votre_couche.py)*
#
# A module of the sheet is a class with three methods of mathematics. Nothing in diynn is privileged: a
# layer of yours trains, is checked, saved and traced beside the others. Here is one that the sheet does
# not have.
#
# ReLU sets everything negative to zero, and a unit that is negative for all examples learns no more. PReLU
# (He et al., 2015) lets a part of it through, and *learns* how much, one factor $a_j$ for each feature:
#
# $$y_j = \max(x_j, 0) + a_j \min(x_j, 0)$$
#
# Its two derivatives, with $\delta = \partial L / \partial y$ (equations 1 and 2 of the sheet):
#
# $$\frac{\partial L}{\partial x_j} = \delta_j \cdot \begin{cases} 1 & x_j > 0 \\ a_j & x_j \le 0 \end{cases}
# \qquad
# \frac{\partial L}{\partial a_j} = \sum_{\text{batch}} \delta_j \min(x_j, 0)$$

# %%
import numpy as np
from matplotlib import pyplot as plt
from page import Page, seeds, spread

import diynn
from diynn.data import digits

page = Page("08")

# %% [markdown]
# ## A first try
#
# The parameters live in `_parameters`, their gradient in `_gradient`. Two mistakes are hidden in this
# class.


# %%
class FirstTry(diynn.Module):
    """A leaky ReLU whose slopes are learnt, with two mistakes."""

    def __init__(self, features, slope=0.25):
        self._parameters = np.full(features, slope)
        self._gradient = np.zeros(features)

    def forward(self, data):
        """Return max(x, 0) + a min(x, 0)."""
        return np.maximum(data, 0) + self._parameters * np.minimum(data, 0)

    def backward_delta(self, data, delta):
        """Return the gradient with respect to the data."""
        return delta * np.where(data > 0, 1, self._parameters)

    def backward_update_gradient(self, data, delta):
        """Add the gradient of the slopes."""
        self._gradient = (delta * data).sum(axis=0)


report = diynn.check(FirstTry(3), lang="en")
print(report)

# %% [markdown]
# The report shows the smallest input on which the answer is wrong. The output and the delta are right; the
# gradient is not the derivative of `forward`: `delta * data` is there where `delta * np.minimum(data, 0)`
# is due, for a positive $x_j$ does not depend on $a_j$. And the gradient is *assigned* where it has to be
# *added*: with two batches before one update, the first would be lost.
#
# ## Mended
#
# Written with the operators of arrays alone, the same class runs on any array library.


# %%
class PReLU(diynn.Module):
    """A leaky ReLU whose slopes are learnt."""

    def __init__(self, features, slope=0.25, *, backend="numpy", dtype="float64"):
        self._parameters = diynn.asarray(np.full(features, slope), backend, dtype=dtype)
        self.zero_grad()

    def forward(self, data):
        """Return max(x, 0) + a min(x, 0)."""
        return data * (data > 0) + self._parameters * (data * (data <= 0))

    def backward_delta(self, data, delta):
        """Return the gradient with respect to the data."""
        return delta * (data > 0) + delta * (data <= 0) * self._parameters

    def backward_update_gradient(self, data, delta):
        """Add the gradient of the slopes."""
        self._gradient = self._gradient + (delta * data * (data <= 0)).sum(axis=0)


report = diynn.check(PReLU(3), lang="en")
print(report)
assert report.ok

# %% [markdown]
# ## Does it help?
#
# The same net with ReLU and with PReLU between its layers, on the handwritten digits.


# %%
def train(activation, seed, epochs):
    """Return a net with the activation, and its test accuracy after each epoch."""
    data = digits(rng=seed)
    new = {"rng": np.random.default_rng(seed), "init": diynn.initializers.he_uniform, **page.where}
    net = diynn.Sequential()
    for features_in, features_out in ((64, 32), (32, 32)):
        net.add(diynn.Linear(features_in, features_out, **new))
        net.add(PReLU(features_out, **page.where) if activation == "PReLU" else diynn.ReLU())
    net.add(diynn.Linear(32, 10, **new))
    history = diynn.SGD(
        net,
        diynn.CrossEntropyLoss(),
        page.asarray(data.x_train),
        page.indices(data.y_train),
        32,
        epochs,
        2e-3,
        rule=diynn.Adam(),
        validation=(page.asarray(data.x_test), page.indices(data.y_test)),
        metrics={"accuracy": diynn.accuracy},
        rng=seed,
        progress=False,
    )
    return net, history["validation_accuracy"]


epochs = page.choose(4, 40)
runs = {name: [train(name, seed, epochs) for seed in page.seeds(2, 10)] for name in ("ReLU", "PReLU")}
rows = [(name, spread([curve[-1] for _, curve in found])) for name, found in runs.items()]
page.table("prelu", ("activation", "test accuracy"), rows, f"{epochs} epochs, {seeds(len(runs['ReLU']))}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for (name, found), style in zip(runs.items(), ("--", "-"), strict=True):
    curves = np.array([curve for _, curve in found])
    left.plot(range(1, epochs + 1), curves.mean(axis=0), style, label=name)
left.set(xlabel="epoch", ylabel="test accuracy", ylim=(0.8, 1))
left.legend(frameon=False)
slopes = [diynn.to_numpy(net[place]._parameters) for net, _ in runs["PReLU"] for place in (1, 3)]
right.hist(np.concatenate(slopes), bins=25, color="0.5")
right.axvline(0.25, color="black", linestyle="--")
right.set(xlabel="slope a of a unit (dashed: at the start)", ylabel="units")
page.save(figure, "prelu")

# %% [markdown]
# **Found**, with the full run: no. Both read 97.3 % of the test digits right, in every respect the same,
# though the slopes do move: from 0.25 to about 0.4 for most units, and below zero for some. A layer can
# learn something and help nothing; one has to look at both.
#
# ## From here
#
# ```sh
# diynn check my_layers.py                          # the same report for a file of yours
# python examples/08_your_own_layer.py --full       # the figure of the gallery
# ```
