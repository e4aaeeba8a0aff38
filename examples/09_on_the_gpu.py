# %% [markdown]
# # 9. On the GPU
#
# The same lines run on NumPy and on a GPU: the net is made with `backend="cupy"`, and nothing else
# changes.
#
# ```sh
# python examples/09_on_the_gpu.py --backend cupy
# ```
#
# A GPU is not faster at everything. Each operation has to be launched, which takes microseconds whatever
# its size; on a small batch the launches are all there is. So the question is: from which batch on does it
# pay? This page times one training step over batch sizes on NumPy and on the backend chosen, and answers
# it for the machine it runs on.
#
# **No figure is claimed here.** The machine on which the gallery was made has no GPU, so there it times NumPy
# alone, and this page is not in the gallery.

# %%
from time import perf_counter

import numpy as np
from matplotlib import pyplot as plt
from page import Page

import diynn
from diynn.arrays import synchronize

page = Page("09")
rng = np.random.default_rng(page.seed)


def make_net(backend):
    """Return the sheet's convolutional net for sequences of 256, with the same weights on any backend."""
    new = {"rng": np.random.default_rng(page.seed), "backend": backend, "dtype": "float32"}
    return diynn.Sequential(
        diynn.Conv1D(3, 1, 32, **new),
        diynn.MaxPool1D(2, 2),
        diynn.Flatten(),
        diynn.Linear(4064, 100, **new),
        diynn.ReLU(),
        diynn.Linear(100, 10, **new),
    )


def seconds(backend, batch):
    """Return the time of one training step: the least of several, each of some steps."""
    net = make_net(backend)
    optim = diynn.Optim(net, diynn.CrossEntropyLoss(), 1e-4)
    x = diynn.asarray(rng.normal(size=(batch, 256, 1)), backend, dtype="float32")
    y = diynn.asarray(rng.integers(0, 10, batch), backend)
    repeats = page.choose(2, 10)
    times = []
    for _ in range(page.choose(2, 7)):
        start = perf_counter()
        for _ in range(repeats):
            costs = optim.step(x, y)
        synchronize(costs)  # a GPU returns before it is done
        times.append((perf_counter() - start) / repeats)
    return min(times[1:])  # the first pays for what is compiled and allocated once


# %%
batches = page.choose((8, 64), (1, 8, 32, 128, 512, 2048))
backends = list(dict.fromkeys(("numpy", page.backend)))
times = {backend: [seconds(backend, batch) for batch in batches] for backend in backends}
rows = [
    (batch, *(f"{1e3 * times[backend][i]:.3g}" for backend in backends)) for i, batch in enumerate(batches)
]
page.table("steps", ("batch", *backends), rows, "milliseconds a training step, on this machine")

# %%
_, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
for backend, style in zip(backends, ("o-", "s--"), strict=False):
    ax.loglog(batches, [1e3 * each for each in times[backend]], style, label=backend)
ax.set(xlabel="examples in a batch", ylabel="milliseconds a step", title="One training step on this machine")
ax.legend(frameon=False)
page.save(ax, "steps")

# %%
if len(backends) == 1:
    print("Only NumPy was timed. With --backend cupy, on a machine with a GPU, there is a second column.")
else:
    ahead = [b for b, host, other in zip(batches, *times.values(), strict=True) if other < host]
    print(
        f"{page.backend} pays from a batch of {ahead[0]} on" if ahead else f"{page.backend} does not pay here"
    )
