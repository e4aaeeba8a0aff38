"""The networks of the course sheet on scikit-learn's digits: what ``diynn demo`` runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from diynn import plots
from diynn.arrays import Array, BackendLike, DType, asarray, to_numpy
from diynn.data import digits
from diynn.history import History
from diynn.initializers import he_uniform
from diynn.layers import Conv1D, Flatten, Linear, MaxPool1D, ReLU, Sequential, Sigmoid, Tanh
from diynn.losses import BCELoss, CrossEntropyLoss, Loss
from diynn.metrics import accuracy, confusion_counts, confusion_text
from diynn.optim import SGD
from diynn.plots.canvas import close
from diynn.rules import Adam, AdamW, Rule
from diynn.schedules import cosine_decay
from diynn.training import predict

CODE = 10  # size of the autoencoder's code, and components of the PCA it is compared with


@dataclass(frozen=True)
class Recipe:
    """How one of the nets is trained."""

    epochs: int
    eps: float
    rule: Rule
    loss: Loss
    batch_size: int = 32


RECIPES = {
    "conv": Recipe(20, 2e-3, AdamW(decay=0.3), CrossEntropyLoss()),
    "mlp": Recipe(40, 2e-3, AdamW(), CrossEntropyLoss()),
    "autoencoder": Recipe(100, 3e-3, Adam(), BCELoss()),
}


@dataclass(frozen=True)
class Outcome:
    """The result of a demo: the net, its history, and its metrics by name."""

    net: Sequential
    history: History
    measures: dict[str, float]


def make_net(
    name: str, *, seed: int = 0, backend: BackendLike = None, dtype: DType = "float32"
) -> Sequential:
    """Return one of the demo's nets with its initial parameters.

    Parameters
    ----------
    name : str
        ``"conv"``: the sheet's convolutional net, scaled from 256 pixels to 64; ``"mlp"``: two hidden
        layers; ``"autoencoder"``: the sheet's, scaled likewise, an encoder and a decoder.
    seed : int
        Seed of the initial parameters.
    backend, dtype : optional
        As in :func:`diynn.asarray`.

    Raises
    ------
    ValueError
        If there is no net of that name.
    """
    where: Any = {"rng": np.random.default_rng(seed), "backend": backend, "dtype": dtype}
    he: Any = {"init": he_uniform, **where}
    if name == "conv":
        return Sequential(
            Conv1D(3, 1, 32, **he),
            MaxPool1D(2, 2),
            Flatten(),
            Linear(992, 100, **he),
            ReLU(),
            Linear(100, 10, **he),
        )
    if name == "mlp":
        return Sequential(Linear(64, 128, **he), ReLU(), Linear(128, 64, **he), ReLU(), Linear(64, 10, **he))
    if name == "autoencoder":
        encoder = Sequential(Linear(64, 100, **where), Tanh(), Linear(100, CODE, **where), Tanh())
        decoder = Sequential(Linear(CODE, 100, **where), Tanh(), Linear(100, 64, **where), Sigmoid())
        return Sequential(encoder, decoder)
    raise ValueError(f"make_net: `name` must be one of {', '.join(RECIPES)}, got {name!r}")


def run(
    name: str = "conv",
    *,
    backend: BackendLike = None,
    dtype: DType = "float32",
    epochs: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: bool = True,
) -> Outcome:
    """Train one of the nets on four fifths of the digits, and print and draw how it does on the rest.

    Parameters
    ----------
    name : str
        As in :func:`make_net`.
    backend, dtype : optional
        As in :func:`diynn.asarray`.
    epochs : int, optional
        Passes over the data; None for the net's own number.
    seed : int
        Seed of the split, the initial parameters and the order of the examples.
    out : path, optional
        A directory for the figures; None for no figures.
    progress : bool
        Whether to show a progress bar.
    """
    recipe = RECIPES.get(name)
    if out is not None:  # tried before the training, not after it
        Path(out).mkdir(parents=True, exist_ok=True)
    net = make_net(name, seed=seed, backend=backend, dtype=dtype)
    assert recipe is not None  # make_net has refused any other name
    data = digits(rng=seed, backend="numpy")
    shape = (64, 1) if name == "conv" else (64,)
    x_train, x_test = (
        asarray(part.reshape(-1, *shape), backend, dtype=dtype) for part in (data.x_train, data.x_test)
    )
    y_train, y_test = (asarray(part, backend) for part in (data.y_train, data.y_test))
    print(net.summary(shape), end="\n\n")

    epochs = recipe.epochs if epochs is None else epochs
    steps = epochs * -(-len(data.x_train) // recipe.batch_size)
    targets = (x_train, x_test) if name == "autoencoder" else (y_train, y_test)
    start = perf_counter()
    history = SGD(
        net,
        recipe.loss,
        x_train,
        targets[0],
        recipe.batch_size,
        epochs,
        cosine_decay(recipe.eps, steps=steps),
        rule=recipe.rule,
        validation=(x_test, targets[1]),
        metrics=None if name == "autoencoder" else {"accuracy": accuracy},
        rng=seed,
        progress=progress,
    )
    print(f"trained for {len(history)} epochs in {perf_counter() - start:.1f} s")
    outputs = predict(net, x_test)
    if name == "autoencoder":
        measures, figures = _reconstructions(data.x_train, data.x_test, outputs)
    else:
        measures, figures = _classes(y_test, outputs)
    if out is not None:
        figures |= {"learning_curve": history.plot(), "weights": _first_weights(net)}
        _write(figures, Path(out))
    return Outcome(net, history, measures)


def _classes(y: Array, scores: Array) -> tuple[dict[str, float], dict[str, Any]]:
    labels, guesses = to_numpy(y), to_numpy(scores).argmax(axis=1)
    right = accuracy(y, scores)
    print(f"test accuracy {right:.4f} on {len(labels)} digits\n")
    print(confusion_text(confusion_counts(labels, guesses, 10)))
    return {"accuracy": right}, {"confusion_matrix": plots.confusion_matrix(labels, guesses, 10)}


def _reconstructions(train: Any, test: Any, outputs: Array) -> tuple[dict[str, float], dict[str, Any]]:
    from sklearn.decomposition import PCA

    pca = PCA(CODE).fit(train)
    made = {
        "autoencoder": to_numpy(outputs),
        f"PCA, {CODE} components": pca.inverse_transform(pca.transform(test)),
        "mean image": np.broadcast_to(train.mean(axis=0), test.shape),
    }
    measures = {name: float(((image - test) ** 2).sum(axis=1).mean()) for name, image in made.items()}
    print("squared error of a reconstructed test digit, in the mean:")
    for name, error in measures.items():
        print(f"  {name:20} {error:.3f}")
    rows = [test[:10], *(images[:10] for images in made.values())]
    return measures, {"reconstructions": plots.images(rows, titles=["digit", *made])}


def _first_weights(net: Sequential) -> Any:
    first = net.parameters()[0].value
    return plots.weights(first, None if first.ndim == 3 else (8, 8))


def _write(figures: dict[str, Any], out: Path) -> None:
    for name, ax in figures.items():
        ax.figure.savefig(out / f"{name}.png", dpi=150)
        close(ax.figure)
        print(f"wrote {out / name}.png")
