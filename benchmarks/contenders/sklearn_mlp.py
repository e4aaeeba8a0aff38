"""scikit-learn's MLP, where it has the net and the loss."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import workloads as w
from sklearn.neural_network import MLPClassifier

from contenders import Step, on_gpu


def available(workload: w.Workload, backend: str) -> str | None:
    """Return why it cannot take part, or None."""
    if on_gpu(backend):
        return "scikit-learn's MLP runs on the CPU"
    if len(workload.shape) > 1:
        return "scikit-learn has no convolutions"
    return None


def build(workload: w.Workload, batch: int, threads: int, backend: str) -> Step:
    """Return the step; the autoencoder is a classifier of 256 labels at once, which has the same loss."""
    return SklearnStep(workload, batch)


class SklearnStep(Step):
    """``partial_fit`` on all batches that are timed together, so that what a call costs once is shared."""

    sample = 50e-3

    def __init__(self, workload: w.Workload, batch: int) -> None:
        linears = [layer for layer in workload.layers if isinstance(layer, w.Linear)]
        self.batch = batch
        self.x, self.y = workload.data(batch)
        if workload.loss == "bce":
            self.y = self.y.astype(int)
        self.mlp = MLPClassifier(
            [layer.n_out for layer in linears[:-1]],
            activation="tanh" if w.Tanh() in workload.layers else "relu",
            solver="sgd",
            alpha=0,
            batch_size=batch,
            learning_rate_init=workload.rate,  # of the mean over the batch, not of the sum
            momentum=0,
            nesterovs_momentum=False,
            shuffle=False,
        )
        self.mlp.partial_fit(self.x, self.y, classes=np.arange(linears[-1].n_out))
        for number, (weight, bias) in enumerate(workload.weights()):
            self.mlp.coefs_[number], self.mlp.intercepts_[number] = weight, bias
        self.many = (self.x, self.y)

    def step(self) -> None:
        """Fit one batch."""
        self.mlp.partial_fit(self.x, self.y)

    def cost(self) -> float:
        """Return the summed cost, from the mean."""
        return float(self.mlp.loss_) * self.batch

    def seconds(self, steps: int) -> float:
        """Fit the batch ``steps`` times over in one call."""
        if len(self.many[0]) != steps * self.batch:
            self.many = tuple(np.concatenate([each] * steps) for each in (self.x, self.y))
        start = perf_counter()
        self.mlp.partial_fit(*self.many)
        return perf_counter() - start
