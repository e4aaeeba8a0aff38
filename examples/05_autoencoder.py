# %% [markdown]
# # 5. An autoencoder, and what its code is good for
#
# An encoder presses an image into a few numbers, the code; a decoder makes an image of it again. Nobody
# says what the numbers shall mean: they are whatever helps to rebuild the image. The sheet proposes to
# study what they are good for. Each study is a section of its own, and a command:
#
# ```sh
# python examples/05_autoencoder.py reconstruct     # images from few numbers, against PCA
# python examples/05_autoencoder.py cluster         # k-means on the code
# python examples/05_autoencoder.py visualise       # codes of two and three numbers, and t-SNE
# python examples/05_autoencoder.py denoise         # clean images from noisy ones
# python examples/05_autoencoder.py classify        # few labels
# python examples/05_autoencoder.py tied            # the decoder's weights are the encoder's
# python examples/05_autoencoder.py study           # layers × code × activation × step size
# ```

# %%
import csv
import itertools
from time import perf_counter

import numpy as np
from matplotlib import pyplot as plt
from page import Page, seeds, spread
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.neighbors import KNeighborsClassifier

import diynn
from diynn.data import batches, digits, noisy

STUDIES = ("reconstruct", "cluster", "visualise", "denoise", "classify", "tied", "study")
page = Page("05", STUDIES)

# %% [markdown]
# ## The net
#
# The digits have 8 × 8 pixels. As on the sheet, linear modules that get smaller alternate with an
# activation, and the decoder mirrors the encoder:
#
# $$64 \to 100 \to \text{code} \to 100 \to 64, \qquad
# \operatorname{BCE}(x, \hat x) = -\sum_j x_j \log \hat x_j + (1 - x_j) \log (1 - \hat x_j).$$
#
# One thing differs from the sheet: there is no activation on the code itself. `visualise` shows why.


# %%
def make_net(code, seed, *, hidden=(100,), activation=diynn.Tanh, bounded=False, tied=False):
    """Return a net of an encoder and a decoder; ``bounded``: an activation on the code as well."""
    rng = np.random.default_rng(seed)
    sizes = (64, *hidden, code)
    encoder, decoder = diynn.Sequential(), diynn.Sequential()
    for layer, (larger, smaller) in enumerate(itertools.pairwise(sizes), 1):
        encoder.add(diynn.Linear(larger, smaller, rng=rng, init="xavier", **page.where))
        if layer < len(sizes) - 1 or bounded:
            encoder.add(activation())
    linears = [module for module in encoder if isinstance(module, diynn.Linear)]
    for linear in reversed(linears):
        if tied:
            decoder.add(diynn.Transposed(linear))
        else:
            sizes_back = linear.out_features, linear.in_features
            decoder.add(diynn.Linear(*sizes_back, rng=rng, init="xavier", **page.where))
        decoder.add(diynn.Sigmoid() if linear is linears[0] else activation())
    return diynn.Sequential(encoder, decoder)


def train(net, x, epochs, seed, *, eps=3e-3, noise=None):
    """Train a net to rebuild ``x`` from ``noise(x)``, which is asked anew for each epoch."""
    steps = epochs * -(-x.shape[0] // 32)
    optim = diynn.Optim(net, diynn.BCELoss(), diynn.cosine_decay(eps, steps=steps), rule=diynn.Adam())
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        given = x if noise is None else noise(x)
        for batch_x, batch_y in batches(given, x, 32, rng=rng):
            optim.step(batch_x, batch_y)
    return net


def fresh(level, seed):
    """Return a function that adds noise, fresh at each call, as ``train`` takes it."""
    rng = np.random.default_rng(seed)
    return lambda x: noisy(x, level, rng=rng)


def error(images, made):
    """Return the squared error of an image, in the mean."""
    return float(((diynn.to_numpy(images) - diynn.to_numpy(made)) ** 2).sum(axis=1).mean())


def encode(net, x):
    """Return the codes of images, as a NumPy array."""
    return diynn.to_numpy(diynn.predict(net[0], x)).astype(float)


def load(seed):
    """Return the digits, split anew for each seed: images on the backend, labels on the host."""
    data = digits(rng=seed)
    return page.asarray(data.x_train), data.y_train, page.asarray(data.x_test), data.y_test


epochs = page.choose(3, 100)

# %% [markdown]
# ## reconstruct: how few numbers are enough?
#
# The best *linear* code of $k$ numbers is known: the first $k$ principal components. The autoencoder has
# to be better than that, or its activations are for nothing.


# %%
def reconstruct():
    """Compare the error of rebuilt test images for several sizes of the code with that of PCA."""
    sizes = page.choose((2, 10), (2, 4, 8, 16, 32))
    errors = {size: ([], []) for size in sizes}
    for seed in page.seeds(1, 5):
        x, _, x_test, _ = load(seed)
        for size in sizes:
            net = train(make_net(size, seed), x, epochs, seed)
            pca = PCA(size).fit(diynn.to_numpy(x))
            linear = pca.inverse_transform(pca.transform(diynn.to_numpy(x_test)))
            errors[size][0].append(error(x_test, diynn.predict(net, x_test)))
            errors[size][1].append(error(x_test, linear))
            if seed == page.seed and size == sizes[len(sizes) // 2]:
                rows = [x_test[:10, :], diynn.predict(net, x_test[:10, :]), linear[:10]]
                titles = ["digit", f"autoencoder, {size} numbers", f"PCA, {size} components"]
                page.save(diynn.plots.images(rows, titles=titles), "reconstruct")
    rows = [(size, *(spread(each, ".2f") for each in errors[size])) for size in sizes]
    header = ("numbers in the code", "autoencoder", "PCA")
    page.table("reconstruct", header, rows, "squared error of a rebuilt test digit")


if "reconstruct" in page:
    reconstruct()

# %% [markdown]
# **Found**, with the full run: for codes of 2 to 16 numbers the autoencoder's error is about half of
# PCA's. With 32 numbers there is nothing left to gain: both rebuild the digits nearly perfectly, and PCA
# is as good, without any training. The images show the difference: PCA's ghosts are grey where the
# autoencoder decides.
#
# ## cluster: are there ten groups in the code?
#
# k-means looks for ten groups without labels; the labels judge them. Purity is the share of digits that
# are of the most frequent class of their group; NMI and ARI (scikit-learn's) also count what is torn
# apart, and are 0 for groups by chance.


# %%
def cluster():
    """Compare k-means on codes, pixels and principal components."""
    size, found = 10, {"code": [], "pixels": [], "PCA": []}
    for seed in page.seeds(1, 10):
        x, _, x_test, y_test = load(seed)
        net = train(make_net(size, seed), x, epochs, seed)
        pixels = diynn.to_numpy(x)
        pca = PCA(size).fit(pixels)
        spaces = {
            "code": (encode(net, x), encode(net, x_test)),
            "pixels": (pixels, diynn.to_numpy(x_test)),
            "PCA": (pca.transform(pixels), pca.transform(diynn.to_numpy(x_test))),
        }
        for name, (fitted, judged) in spaces.items():
            groups = KMeans(10, n_init=10, random_state=seed).fit(fitted).predict(judged).astype(int)
            found[name].append(
                (
                    diynn.metrics.purity(y_test, groups),
                    normalized_mutual_info_score(y_test, groups),
                    adjusted_rand_score(y_test, groups),
                )
            )
    rows = [(name, *map(spread, zip(*values, strict=True))) for name, values in found.items()]
    header = ("k-means on", "purity", "NMI", "ARI")
    note = f"test digits, code of {size} numbers, {seeds(len(found['code']))}"
    page.table("cluster", header, rows, note)

    _, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for place, (name, values) in enumerate(found.items()):
        means = np.mean(values, axis=0)
        ax.bar(np.arange(3) + 0.27 * (place - 1), means, 0.25, label=name, hatch=("", "//", "..")[place])
        ax.errorbar(
            np.arange(3) + 0.27 * (place - 1), means, np.std(values, axis=0), fmt="none", ecolor="0.3"
        )
    ax.set(title="k-means with ten groups", ylim=(0, 1))
    ax.set_xticks(range(3), ["purity", "NMI", "ARI"])
    ax.legend(frameon=False, ncols=3, loc="upper right")
    page.save(ax, "cluster")


if "cluster" in page:
    cluster()

# %% [markdown]
# **Found**, with the full run: the code is *not* better for k-means than the pixels themselves. Purity
# 0.78 against 0.80, and the same order for NMI and ARI, by about one standard deviation. PCA lies between.
# The digits are small and centred, so their pixels form groups already; and an autoencoder is asked to
# rebuild an image, not to put equal digits side by side. Whoever expects a better clustering from the code
# has to measure it.
#
# ## visualise: a plane of digits
#
# A code of two numbers can be drawn as it is. The sheet puts a tanh on the code. Here are its net, the
# same without that tanh, and a deeper one.


# %%
def visualise():
    """Draw codes of two and three numbers, with and without an activation, and t-SNE of a larger code."""
    deep = {"hidden": (256, 128, 32)}
    settings = {  # options of the net, epochs, step size, noise
        "the sheet's: tanh on the code": ({"bounded": True}, 150, 2e-3, 0),
        "the same, longer steps": ({"bounded": True}, 150, 4e-3, 0),
        "no activation on the code": ({}, 150, 2e-3, 0),
        "no tanh, three hidden layers": (deep, 150, 2e-3, 0),
        "no tanh, deeper, trained to denoise": (deep, 300, 2e-3, 0.2),
    }
    rows, drawn = [], {}
    for name, (options, passes, eps, level) in settings.items():
        constant, neighbours, purities = 0, [], []
        for seed in page.seeds(1, 10):
            x, y, x_test, y_test = load(seed)
            net = make_net(2, seed, **options)
            train(net, x, page.choose(2, passes), seed, eps=eps, noise=fresh(level, seed))
            train_codes, codes = encode(net, x), encode(net, x_test)
            drawn.setdefault(name, (codes, y_test))
            # A unit that gives all digits nearly one value says nothing of any.
            constant += int(np.sum(codes.std(axis=0) < 0.05 * max(1.0, np.abs(codes).max())))
            neighbours.append(KNeighborsClassifier(15).fit(train_codes, y).score(codes, y_test))
            groups = KMeans(10, n_init=10, random_state=seed).fit_predict(codes).astype(int)
            purities.append(diynn.metrics.purity(y_test, groups))
        rows.append((name, f"{constant} of {2 * len(neighbours)}", spread(neighbours), spread(purities)))
    header = ("code of two numbers", "constant units", "15 neighbours", "purity of 10-means")
    note = f"{seeds(len(neighbours))}; 15 neighbours: test accuracy of their vote in the plane"
    page.table("visualise", header, rows, note)

    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.6), layout="constrained")
    for ax, shown in zip(axes, ("the sheet's: tanh on the code", name), strict=True):
        diynn.plots.scatter(*drawn[shown], ax=ax).set(title=shown, xlabel="code 1", ylabel="code 2")
    axes[0].get_legend().remove()
    axes[0].set(xlim=(-1.08, 1.08), ylim=(-1.08, 1.08))
    page.save(figure, "plane")

    x, _, x_test, y_test = load(page.seed)
    net = make_net(3, page.seed, **deep)
    train(net, x, page.choose(2, 300), page.seed, eps=2e-3, noise=fresh(0.2, page.seed))
    ax = diynn.plots.scatter(encode(net, x_test), y_test)
    ax.set(title="a code of three numbers")
    page.save(ax, "space")

    net = train(make_net(16, page.seed), x, epochs, page.seed)
    few = slice(page.choose(120, None))
    projection = TSNE(2, random_state=page.seed, perplexity=20, max_iter=page.choose(250, 1000))
    flat = projection.fit_transform(encode(net, x_test)[few])
    ax = diynn.plots.scatter(flat, y_test[few])
    ax.set(title="t-SNE of a code of 16 numbers", xticks=[], yticks=[])
    page.save(ax, "tsne")


if "visualise" in page:
    visualise()

# %% [markdown]
# **Found**, with the full run: a tanh on a code of two numbers squeezes the digits against the edges of a
# square, and fifteen neighbours there know the digit in 64 % of all cases. With steps twice as long it
# gets worse: of the twenty units of ten seeds five saturate for all digits. Such a unit is *constant*, and
# the plane is a line. Without that tanh no unit was constant in any of ten seeds; the neighbours are right in
# 80 %, with three hidden layers in 90 %, and in 94 % when the net has been trained to denoise, and longer:
# ten clouds, of which those of 5, 7 and 8 touch. Purity rises less, for k-means looks for round groups of
# one size.
#
# ## denoise: clean images from noisy ones
#
# Test digits get Gaussian noise, and the net's answer is compared with the digit *before* the noise. Three
# nets: trained on clean digits; on digits with one fixed draw of noise of 0.3; and with fresh noise of 0.3
# in every epoch. In each case the target is the clean digit.


# %%
def denoise():
    """Compare three ways to train a denoiser over levels of noise."""
    level, levels = 0.3, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    ways = ("clean", "fixed noise", "fresh noise")
    found = {way: [] for way in (*ways, "no net")}
    for seed in page.seeds(1, 5):
        x, _, x_test, _ = load(seed)
        once = noisy(x, level, rng=seed)
        given = {
            "clean": None,
            "fixed noise": lambda _, once=once: once,
            "fresh noise": fresh(level, seed),
        }
        nets = {
            way: train(make_net(32, seed), x, page.choose(6, 200), seed, noise=given[way]) for way in ways
        }
        tests = [noisy(x_test, scale, rng=seed + 1) for scale in levels]
        for way, net in nets.items():
            found[way].append([error(x_test, diynn.predict(net, test)) for test in tests])
        found["no net"].append([error(x_test, test) for test in tests])
        if seed == page.seed:
            test = tests[3][:10, :]
            rows = [x_test[:10, :], test, *(diynn.predict(net, test) for net in nets.values())]
            titles = [
                "digit",
                "with noise of 0.3",
                *(f"trained {on}" for on in ("clean", "on fixed", "on fresh")),
            ]
            page.save(diynn.plots.images(rows, titles=titles), "denoise_images")
    rows = [
        (way, *(spread([run[i] for run in runs], ".2f") for i in (0, 1, 3, 5))) for way, runs in found.items()
    ]
    header = ("trained on", *(f"noise {levels[i]}" for i in (0, 1, 3, 5)))
    note = f"squared error against the digit before the noise, {seeds(len(found['clean']))}"
    page.table("denoise", header, rows, note)

    _, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
    for (way, runs), style in zip(found.items(), ("o--", "s-.", "^-", ":"), strict=True):
        ax.plot(levels, np.mean(runs, axis=0), style, label=way, color="0.4" if way == "no net" else None)
    ax.axvline(level, color="0.7", linewidth=0.8)
    ax.set(xlabel="noise of the test digits", ylabel="squared error", title="Error against the clean digit")
    ax.legend(frameon=False)
    page.save(ax, "denoise")


if "denoise" in page:
    denoise()

# %% [markdown]
# **Found**, with the full run, at a noise of 0.3: fresh noise is best, fixed noise next, clean training
# far behind. The net trained on clean digits is even worse than no net at all: it has learnt to rebuild 32
# numbers' worth of anything, the noise included, and noise takes it where it has never been. Fixed noise
# lets the net learn that very noise by heart, and costs half as much again as fresh noise does. Denoising
# has its price at noise 0, where clean training is ahead.
#
# In the quick form the nets are hardly apart: after six epochs nobody has learnt anything by heart yet.
#
# ## classify: when labels are few
#
# All digits may train the autoencoder, for that takes no labels. Then a linear classifier (logistic
# regression) sees the codes, or the pixels, of a few labelled digits.


# %%
def classify():
    """Compare a linear classifier on codes and on pixels as labels become few."""
    counts = page.choose((20, 100), (10, 20, 50, 100, 300, 1400))
    sizes = page.choose((16,), (16, 64))
    names = ("pixels", *(f"code of {size}" for size in sizes))
    found = {name: {count: [] for count in counts} for name in names}
    for seed in page.seeds(1, 10):
        x, y, x_test, y_test = load(seed)
        spaces = {"pixels": (diynn.to_numpy(x), diynn.to_numpy(x_test))}
        for size in sizes:
            net = train(make_net(size, seed), x, epochs, seed)
            spaces[f"code of {size}"] = (encode(net, x), encode(net, x_test))
        order = np.random.default_rng(seed).permutation(len(y))
        # The same number of each digit: sorted by how many of their kind come before them.
        rank = np.zeros(len(y), dtype=int)
        for label in range(10):
            mine = order[y[order] == label]
            rank[mine] = np.arange(len(mine))
        chosen = np.lexsort((y, rank))
        for name, (train_x, test_x) in spaces.items():
            scale = train_x.std()
            for count in counts:
                few = chosen[:count]
                model = LogisticRegression(max_iter=2000).fit(train_x[few] / scale, y[few])
                found[name][count].append(model.score(test_x / scale, y_test))
    rows = [(name, *(spread(each, ".2f") for each in runs.values())) for name, runs in found.items()]
    header = ("labels", *counts)
    page.table("classify", header, rows, f"test accuracy, {seeds(len(found['pixels'][counts[0]]))}")

    _, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
    for (name, runs), style in zip(found.items(), ("o-", "s--", "^:"), strict=False):
        means, deviations = zip(*((np.mean(each), np.std(each)) for each in runs.values()), strict=True)
        ax.errorbar(counts, means, deviations, fmt=style, capsize=2, label=name)
    ax.set(xscale="log", xlabel="labelled digits", ylabel="test accuracy", title="Logistic regression")
    ax.legend(frameon=False)
    page.save(ax, "classify")


if "classify" in page:
    classify()

# %% [markdown]
# **Found**, with the full run: next to nothing. With ten labels, one a digit, the code of 16 is ahead by
# 0.02, where the spread is 0.05; from 50 labels on, the pixels are as good or better, and a code of 16
# loses a point in the end for what it left out. As preprocessing for a linear classifier on these digits,
# the autoencoder does not pay. That is no law: 64 pixels are few, and a linear classifier on them is good.
#
# ## tied: the decoder's weights are the encoder's
#
# The sheet mentions the usual trick, and does not ask for it: the decoder takes the encoder's matrices,
# transposed. `diynn.Transposed(linear)` is that module: it reads `linear`'s weight, adds to its gradient,
# and has only a bias of its own. Half the weights; does it cost anything, and does it regularise?


# %%
def tied():
    """Compare tied and free decoders, with many and with few images to learn from."""
    rows = []
    counts = page.choose((1437,), (1437, 300, 100))
    for count, shared in itertools.product(counts, (False, True)):
        gaps, tests, seconds = [], [], []
        for seed in page.seeds(1, 10):
            x, _, x_test, _ = load(seed)
            x = x[:count, :]
            net = make_net(16, seed, tied=shared)
            start = perf_counter()
            train(net, x, page.choose(5, max(100, 100 * 1437 // count // 3)), seed)
            seconds.append(perf_counter() - start)
            tests.append(error(x_test, diynn.predict(net, x_test)))
            gaps.append(tests[-1] - error(x, diynn.predict(net, x)))
        parameters = net.summary((64,)).parameters
        rows.append(
            (
                f"{count} digits, {'tied' if shared else 'free'}",
                f"{parameters:,}",
                spread(tests, ".2f"),
                spread(gaps, ".2f"),
                spread(seconds, ".1f"),
            )
        )
    header = ("trained on", "parameters", "test error", "beyond training error", "seconds")
    note = f"squared error of a rebuilt digit, code of 16, {seeds(len(tests))}"
    page.table("tied", header, rows, note)


if "tied" in page:
    tied()

# %% [markdown]
# **Found**, with the full run: tied weights regularise, and it shows where data are few. On all 1,437
# digits the free decoder is slightly better; on 300 the tied one is, and on 100 by a fifth, with half of
# the parameters. The distance between training and test error is smaller with tied weights in all three
# cases. The time is much the same: the products are as large, and only the update has less to do.
#
# ## study: a planned experiment
#
# Four questions at once, each combination with each seed: how many layers, how large a code, which
# activation, which step size? Every finished run is a line of a file, so a study that was stopped goes on
# where it was, and the table is made from the file alone. With one layer a side there is no activation to
# choose.


# %%
def study():
    """Train every combination that the file does not hold yet; then say what each factor does."""
    factors = {
        "layers": page.choose((1, 2), (1, 2, 3)),
        "code": page.choose((4,), (4, 16)),
        "activation": page.choose(("Tanh", "ReLU"), ("Tanh", "Sigmoid", "ReLU")),
        "rate": page.choose((3e-3,), (3e-4, 3e-3, 3e-2)),
    }
    hidden = {1: (), 2: (100,), 3: (100, 50)}
    names = [*factors, "seed"]
    page.out.mkdir(parents=True, exist_ok=True)
    path = page.out / ("05_study.csv" if page.full else "05_study_quick.csv")
    if not path.exists():
        path.write_text(",".join([*names, "error"]) + "\n", encoding="utf-8")
    with path.open(encoding="utf-8", newline="") as file:
        done = {tuple(row[name] for name in names): float(row["error"]) for row in csv.DictReader(file)}
    for *setting, seed in itertools.product(*factors.values(), page.seeds(1, 3)):
        key = tuple(map(str, (*setting, seed)))
        if key in done:
            continue
        layers, code, activation, rate = setting
        x, _, x_test, _ = load(seed)
        net = make_net(code, seed, hidden=hidden[layers], activation=getattr(diynn, activation))
        train(net, x, page.choose(3, 40), seed, eps=rate)
        done[key] = error(x_test, diynn.predict(net, x_test))
        with path.open("a", encoding="utf-8") as file:
            file.write(",".join([*key, f"{done[key]:.4f}"]) + "\n")

    wanted = [tuple(map(str, key)) for key in itertools.product(*factors.values(), page.seeds(1, 3))]
    mean = {}
    for *setting, seed in wanted:
        mean.setdefault(tuple(setting), []).append(done[(*setting, seed)])
    ranked = sorted(mean, key=lambda setting: np.mean(mean[setting]))
    shown = ranked[:5] + ranked[5:][-2:]
    rows = [(", ".join(setting[:3]), setting[3], spread(mean[setting], ".2f")) for setting in shown]
    header = ("layers, code, activation", "step size", "test error")
    page.table("study", header, rows, f"the best five and the worst two of {len(ranked)} settings")

    figure, axes = plt.subplots(1, len(factors), figsize=(11, 3.3), layout="constrained", sharey=True)
    for ax, (place, (name, levels)) in zip(axes, enumerate(factors.items()), strict=True):
        groups = [
            [np.mean(values) for setting, values in mean.items() if setting[place] == str(level)]
            for level in levels
        ]
        for number, group in enumerate(groups):
            ax.plot([number] * len(group), group, "o", color="#0072B2", alpha=0.35, markersize=5)
            ax.plot(number, np.median(group), "_", color="black", markersize=28, markeredgewidth=2)
        ax.set_xticks(range(len(levels)), levels)
        ax.set(xlabel=name, xlim=(-0.6, len(levels) - 0.4))
    axes[0].set_ylabel("test error")
    figure.suptitle("Each point is a setting; the bar is the median of its column")
    page.save(figure, "study")


if "study" in page:
    study()

# %% [markdown]
# **Found**, with the full run: the size of the code matters most, then the step size. A step of 0.0003 is
# too small for 40 epochs whatever else is chosen. Two layers a side beat one, and a third did not help in
# that time. ReLU and tanh are level; a sigmoid keeps up with them in a net of two layers, and does not
# train at all in some settings of three. Which settings those are is in the file, and the worst lines of
# the table name two.
