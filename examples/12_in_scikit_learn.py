# %% [markdown]
# # 12. In scikit-learn
#
# A net seldom comes alone: before it data are scaled, behind it something is decided, and around both one
# asks how well it does on data it has not seen. scikit-learn has all of that, for whatever has `fit` and
# `predict`. `diynn.sklearn` gives nets these two: a classifier, a regressor, and an autoencoder that is a
# transformer. What they train is a net of the pages before, and `net_` returns it.

# %%
import warnings

import numpy as np
from matplotlib import pyplot as plt
from page import Page, spread
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.datasets import load_digits, make_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, precision_score, recall_score
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from diynn.sklearn import AutoEncoder, NetClassifier

page = Page("12")
warnings.simplefilter("ignore", ConvergenceWarning)  # epochs are counted here, not waited for
x, y = load_digits(return_X_y=True)
shared = {"random_state": page.seed, **page.where}

# %% [markdown]
# ## A pipeline
#
# What a scaler learns, means and standard deviations, belongs to the training: taken from all data, it
# would tell of those held out. In a pipeline it is learnt anew in each fold.

# %%
folds = page.choose(3, 5)
models = {
    "logistic regression": LogisticRegression(max_iter=200),
    "net of 100 units": NetClassifier((100,), max_iter=80, **shared),
    "net of 100 and 50": NetClassifier((100, 50), max_iter=80, **shared),
}
rows = []
for name, model in models.items():
    scores = cross_val_score(make_pipeline(StandardScaler(), model), x, y, cv=folds)
    rows.append([name, spread(scores)])
page.table("pipeline", ["model", "accuracy"], rows, f"digits, {folds} folds")

# %% [markdown]
# ## How long a code?
#
# The [autoencoder](05_autoencoder.py) learns a code without labels; what is the code good for? In a pipeline
# before a logistic regression the question has a number, and a grid asks it for every length. A parameter
# of a step is named by the step, two underscores, and its own name. PCA, the best *linear* code, is asked
# the same.

# %%
sizes = page.choose([2, 4, 16], [2, 4, 8, 16, 32])
coders = {
    "AutoEncoder": AutoEncoder(
        hidden_layer_sizes=(64,), learning_rate_init=3e-3, max_iter=page.choose(15, 100), **shared
    ),
    "PCA": PCA(random_state=page.seed),
}
found = {}
for name, coder in coders.items():
    pipeline = make_pipeline(StandardScaler(), coder, StandardScaler(), LogisticRegression(max_iter=300))
    grid = {f"{name.lower()}__n_components": sizes}
    found[name] = GridSearchCV(pipeline, grid, cv=folds).fit(x, y)

rows = [
    [size, *(f"{search.cv_results_['mean_test_score'][number]:.3f}" for search in found.values())]
    for number, size in enumerate(sizes)
]
page.table(
    "codes", ["numbers in the code", *found], rows, f"accuracy of a logistic regression, {folds} folds"
)

# %%
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for name, search in found.items():
    results = search.cv_results_
    ax.errorbar(
        sizes, results["mean_test_score"], results["std_test_score"] / np.sqrt(folds), marker="o", label=name
    )
ax.set_xscale("log", base=2)
ax.set_xticks(sizes, [str(size) for size in sizes])
ax.set(xlabel="numbers in the code", ylabel="accuracy of a logistic regression on it")
ax.legend()
page.save(ax, "codes")

# %% [markdown]
# The search is a classifier itself: it has trained the best pipeline once more, on all data. What its
# autoencoder gives back is one call.

# %%
scaler, coder = found["AutoEncoder"].best_estimator_[:2]
back = scaler.inverse_transform(coder.inverse_transform(coder.transform(scaler.transform(x[:8]))))
figure, axes = plt.subplots(2, 8, figsize=(6.4, 1.8), layout="constrained")
for column, pair in enumerate(zip(x, back, strict=False)):
    for ax, image in zip(axes[:, column], pair, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.set_axis_off()
page.save(figure, "back")

# %% [markdown]
# ## A rare class
#
# One example in twenty is of the class that matters, say the faulty part. A net that never names it is
# right in 95 % of all cases; the cost asks for no more. A *weight* multiplies the cost of an example, and so
# its gradient: a weight of 10 does what ten copies would. `class_weight="balanced"` gives both classes
# the same sum; `fit(..., sample_weight=)` takes one weight for each example.

# %%
rare, labels = make_classification(
    page.choose(4000, 20_000), 20, n_informative=6, weights=[0.95], class_sep=1.2, flip_y=0.01,
    random_state=page.seed,
)  # fmt: skip
x_train, x_test, y_train, y_test = train_test_split(
    rare, labels, test_size=0.5, stratify=labels, random_state=page.seed
)


def net(**options):
    """Return the pipeline that is compared, untrained."""
    classifier = NetClassifier((50,), learning_rate_init=3e-3, max_iter=40, **shared, **options)
    return make_pipeline(StandardScaler(), classifier)


fitted = {
    "as they come": net().fit(x_train, y_train),
    "balanced": net(class_weight="balanced").fit(x_train, y_train),
}
rows = [
    [name, f"{recall_score(y_test, told):.2f}", f"{precision_score(y_test, told):.2f}",
     f"{np.mean(told == y_test):.3f}"]
    for name, model in fitted.items()
    for told in [model.predict(x_test)]
]  # fmt: skip
page.table(
    "rare", ["weights", "found", "of those named", "accuracy"], rows, "found: faulty parts that are named"
)

# %% [markdown]
# More of the rare class are found, and more of the others are named with them: the weights have moved the
# frontier, which is what they are for. Which is better is a question of what a mistake costs, not of the net.
#
# ## Is 0.8 eight in ten?
#
# `predict_proba` returns numbers between 0 and 1. They are *calibrated* if of the examples that get 0.8 eight
# in ten are of the class. Weights cannot leave that alone: the net learns from data in which the rare class
# is as frequent as the other, and believes it. `CalibratedClassifierCV` learns, on folds that the net has
# not seen, what its outputs mean (here by a sigmoid, as Platt did): the net is trained with weights, what it
# says is calibrated without.

# %%
fitted["balanced, calibrated"] = CalibratedClassifierCV(net(class_weight="balanced"), cv=3).fit(
    x_train, y_train
)
rows, curves = [], {}
for name, model in fitted.items():
    chances = model.predict_proba(x_test)[:, 1]
    curves[name] = calibration_curve(y_test, chances, n_bins=8)
    rows.append([name, f"{chances.mean():.3f}", f"{brier_score_loss(y_test, chances):.4f}",
                 f"{log_loss(y_test, chances):.3f}"])  # fmt: skip
page.table(
    "calibration", ["weights", "mean chance", "Brier score", "log loss"], rows,
    f"the rare class has a share of {y_test.mean():.3f}",
)  # fmt: skip

# %%
figure, ax = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
ax.plot([0, 1], [0, 1], color="0.7", linewidth=1)
for name, (share, chance) in curves.items():
    ax.plot(chance, share, "o-", label=name, markersize=4)
ax.set(xlabel="what the net says", ylabel="share that are of the rare class")
ax.legend()
page.save(ax, "calibration")

# %% [markdown]
# ## Exercises
#
# 1. Give `NetClassifier` a net of your own, with a `Dropout`, or with the layer of
#    [page 8](08_your_own_layer.py): `net=` takes a function of the numbers of features and of classes. For
#    convolutions begin it with a layer that reshapes the 64 features to 8 rows of 8: scalers and PCA know
#    features (examples, features) alone, and so do all estimators.
# 2. `HalvingGridSearchCV(..., resource="max_iter")` trains all settings for a few epochs and the better half
#    for twice as many. How often does it end with another setting than the whole grid?
# 3. In the calibration figure the weighted net lies on one side of the diagonal. Which, and why? Let $\pi$ be
#    the share of the rare class, and write what weights do to the odds $p / (1 - p)$.
