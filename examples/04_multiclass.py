# %% [markdown]
# # 4. Ten classes: squared error or cross entropy?
#
# The sheet puts a softmax at the end and says of the squared error that its results are disappointing,
# since it "averages" errors and does not push the outputs towards 0 or 1; a cross entropy is better. Is it
# so?
#
# The two gradients with respect to the scores $z$, for one-hot $y$ and $s = \operatorname{softmax}(z)$:
#
# $$\nabla_z \operatorname{CE} = s - y, \qquad
# \nabla_z \lVert y - s \rVert^2 = 2\, s \odot \bigl((s - y) - \langle s, s - y \rangle\bigr).$$
#
# The second has a factor $s$: where the net is sure, *also where it is sure and wrong*, there is next to
# nothing to learn from. That is the mechanism behind the sheet's remark.

# %%
import numpy as np
from matplotlib import pyplot as plt
from page import Page, seeds, spread

import diynn
from diynn.data import digits, one_hot

page = Page("04")


def make_net(seed):
    """Return 64 pixels, 64 hidden units, 10 scores."""
    rng = np.random.default_rng(seed)
    return diynn.Sequential(
        diynn.Linear(64, 64, rng=rng, init="xavier", **page.where),
        diynn.Tanh(),
        diynn.Linear(64, 10, rng=rng, init="xavier", **page.where),
    )


def train(loss, eps, seed, epochs):
    """Train with one of the two losses; return what it came to on the test digits."""
    data = digits(rng=seed)
    x, x_test = page.asarray(data.x_train), page.asarray(data.x_test)
    net = make_net(seed)
    if loss == "squared error":
        net.add(diynn.Softmax())
        criterion, y = diynn.MSELoss(), page.asarray(one_hot(data.y_train, 10))
        y_test = page.asarray(one_hot(data.y_test, 10))
    else:
        criterion = diynn.CrossEntropyLoss()
        y, y_test = page.indices(data.y_train), page.indices(data.y_test)
    history = diynn.SGD(
        net, criterion, x, y, 32, epochs, eps,
        validation=(x_test, y_test), metrics={"accuracy": diynn.accuracy}, rng=seed, progress=False,
    )  # fmt: skip
    outputs = diynn.to_numpy(diynn.predict(net, x_test)).astype(float)
    if loss != "squared error":
        outputs = diynn.Softmax().forward(outputs)
    return history, outputs, data.y_test


# %% [markdown]
# ## A fair step for each
#
# The gradients differ in size, so each loss gets the step size that suits it, chosen on a seed that is not
# among those compared.

# %%
losses = ("squared error", "cross entropy")
epochs = page.choose(8, 40)
candidates = page.choose((1e-2, 3e-2), (1e-3, 3e-3, 1e-2, 3e-2, 1e-1))
best = {}
for loss in losses:
    scores = {
        eps: train(loss, eps, page.seed + 1000, epochs)[0]["validation_accuracy"][-1] for eps in candidates
    }
    best[loss] = max(scores, key=scores.get)
    print(f"{loss}: " + ", ".join(f"ε = {eps:g}: {score:.3f}" for eps, score in scores.items()))

# %% [markdown]
# ## The comparison

# %%
runs = {loss: [train(loss, best[loss], seed, epochs) for seed in page.seeds(2, 10)] for loss in losses}


def after(history, accuracy):
    """Return the epoch in which a test accuracy is first reached, or the last."""
    reached = [i for i, value in enumerate(history["validation_accuracy"], 1) if value >= accuracy]
    return reached[0] if reached else len(history)


def undecided(outputs):
    """Return the share of outputs between 0.05 and 0.95."""
    return float(np.mean((outputs > 0.05) & (outputs < 0.95)))


rows = []
for loss, found in runs.items():
    accuracies = [history["validation_accuracy"][-1] for history, _, _ in found]
    right = [outputs[np.arange(len(y)), y] for _, outputs, y in found]
    rows.append(
        (
            loss,
            f"{best[loss]:g}",
            spread(accuracies),
            spread([after(history, 0.9) for history, _, _ in found], ".1f"),
            spread([undecided(outputs) for _, outputs, _ in found]),
            spread([each.mean() for each in right]),
        )
    )
header = ("loss", "ε", "test accuracy", "epochs to 0.90", "outputs undecided", "mean P(right)")
page.table("losses", header, rows, f"{seeds(len(accuracies))}, {epochs} epochs, another split each")

# %%
final = {loss: [history["validation_accuracy"][-1] for history, _, _ in runs[loss]] for loss in losses}
ahead = sum(ce > mse for mse, ce in zip(final["squared error"], final["cross entropy"], strict=True))
print(f"cross entropy is ahead in {ahead} of {seeds(len(runs[losses[0]]))}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for (loss, found), style, colour in zip(runs.items(), ("--", "-"), ("#D55E00", "#0072B2"), strict=True):
    curves = np.array([history["validation_accuracy"] for history, _, _ in found])
    number = np.arange(1, epochs + 1)
    left.plot(number, curves.mean(axis=0), style, color=colour, label=loss)
    left.fill_between(number, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    sure = np.concatenate([outputs.max(axis=1) for _, outputs, _ in found])
    right.hist(sure, bins=np.linspace(0, 1, 26), histtype="step", color=colour, linestyle=style, label=loss)
left.set(xlabel="epoch", ylabel="test accuracy", title="Mean of the seeds, and their range", ylim=(0.85, 1))
right.set(xlabel="largest output", ylabel="test digits", title="How sure the nets are", yscale="log")
left.legend(frameon=False, loc="lower right")
right.legend(frameon=False, loc="upper left")
page.save(figure, "losses")

# %%
_, outputs, y = runs["cross entropy"][0]
page.save(diynn.plots.confusion_matrix(y, outputs.argmax(axis=1), 10), "confusion")

# %% [markdown]
# ## Is the sheet's claim borne out?
#
# Yes, but "disappointing" is a strong word for it. Over ten seeds, each loss at its best step size, cross
# entropy reads 98.1 % of the test digits right and the squared error 97.1 %: one point, in nine of the ten
# seeds, with a spread of 0.6. It is there in half the epochs as well. What the sheet says about 0 and 1 is
# seen more clearly: three times as many outputs of the squared error stay undecided between 0.05 and 0.95,
# and the right class gets 0.93 on average rather than 0.97.
#
# In the quick form, with two seeds and eight epochs, the accuracies do not differ by more than their
# spread, and the squared error may well be ahead: two runs say nothing about one point.
