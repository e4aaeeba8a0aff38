"""Scores and times of the estimators beside scikit-learn's own nets, on five data sets.

    python benchmarks/estimators.py
    python benchmarks/estimators.py --sets wine,digits --folds 3 --rounds 2 --max-iter 50 --dtype float32
    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/estimators.py          # one core for each

Both have one hidden layer of 100 units and otherwise their defaults, behind a ``StandardScaler``; the target
of a regression is scaled as well. They train on the same folds in turn, ours first in one fold, theirs in
the next. The score is the accuracy or R² on the fold left out, and the difference is that of the same fold:
it is `worse` if it is below zero by more than its standard error. The time is that of ``fit``, the least of
all rounds for each fold, summed over folds: steps compiled for a size of batch are in the cache by then, and
what compiling takes, once on a machine, is not in it.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import machine
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from diynn.sklearn import NetClassifier, NetRegressor

TARGET = 1 / 3  # of the time of scikit-learn, in the mean
SETS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "wine": lambda: load_wine(return_X_y=True),
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "diabetes": lambda: load_diabetes(return_X_y=True),
    "digits": lambda: load_digits(return_X_y=True),
    "20,000 × 50": lambda: make_classification(
        20_000, 50, n_informative=20, n_classes=4, n_clusters_per_class=4, random_state=0
    ),
}
REGRESSION = ("diabetes",)
HEADING = ["data", "diynn", "scikit-learn", "difference", "", "diynn: fit, epochs", "scikit-learn", "time"]


@dataclass(frozen=True)
class Compared:
    """Scores of each fold, seconds of each fold, epochs of each fold: ours, then scikit-learn's."""

    name: str
    scores: tuple[list[float], list[float]]
    seconds: tuple[list[float], list[float]]
    epochs: tuple[list[int], list[int]]

    @property
    def difference(self) -> tuple[float, float]:
        """The mean difference of the scores, and its standard error."""
        apart = np.subtract(*self.scores)
        return float(apart.mean()), float(apart.std(ddof=1) / np.sqrt(len(apart)))

    @property
    def worse(self) -> bool:
        """Whether our scores are below theirs by more than that; folds that differ in one alone are at it."""
        mean, error = self.difference
        return mean < -error and not np.isclose(mean, -error, rtol=1e-9)

    @property
    def ratio(self) -> float:
        """Our seconds divided by theirs."""
        return sum(self.seconds[0]) / sum(self.seconds[1])

    def row(self) -> list[str]:
        """Return the cells of a table."""
        mean, error = self.difference
        cells = [self.name, *(f"{np.mean(each):.4f}" for each in self.scores), f"{mean:+.4f} ± {error:.4f}"]
        cells += ["worse" if self.worse else "no worse"]
        cells += [
            f"{sum(each):.2f} s, {np.mean(epochs):.0f}"
            for each, epochs in zip(self.seconds, self.epochs, strict=True)
        ]
        return [*cells, f"{self.ratio:.2f}"]


def estimators(regression: bool, seed: int, max_iter: int, dtype: str | None) -> list[Any]:
    """Return ours and scikit-learn's, which has the dtype of its data, float64."""
    kinds = (NetRegressor, MLPRegressor) if regression else (NetClassifier, MLPClassifier)
    made = [kind(hidden_layer_sizes=(100,), max_iter=max_iter, random_state=seed) for kind in kinds]
    made[0].set_params(dtype=dtype)
    if regression:
        made = [TransformedTargetRegressor(each, transformer=StandardScaler()) for each in made]
    return [make_pipeline(StandardScaler(), each) for each in made]


def epochs(pipeline: Any) -> int:
    """Return how many epochs the net of a pipeline was trained for."""
    last = pipeline[-1]
    return int(getattr(last, "regressor_", last).n_iter_)


def compare(name: str, folds: int, rounds: int, max_iter: int, dtype: str | None = None) -> Compared:
    """Cross-validate both on a data set, interleaved."""
    x, y = SETS[name]()
    regression = name in REGRESSION
    splitter = (KFold if regression else StratifiedKFold)(folds, shuffle=True, random_state=0)
    compared = Compared(name, ([], []), ([], []), ([], []))
    for fold, (train, test) in enumerate(splitter.split(x, y)):
        least = [float("inf")] * 2
        for turn in range(rounds):
            made = estimators(regression, fold, max_iter, dtype)
            for who in (0, 1) if (fold + turn) % 2 == 0 else (1, 0):
                start = perf_counter()
                made[who].fit(x[train], y[train])
                least[who] = min(least[who], perf_counter() - start)
        for who in (0, 1):  # every round has trained the same
            compared.scores[who].append(float(made[who].score(x[test], y[test])))
            compared.seconds[who].append(least[who])
            compared.epochs[who].append(epochs(made[who]))
    return compared


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 0 where all scores are no worse and the mean of the times is on target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", default=",".join(name.replace(",", "") for name in SETS))
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-iter", type=int, default=200)
    parser.add_argument("--dtype", help="of our nets, such as float32; default: that of the data, float64")
    machine.add_options(parser, threads=False)
    options = parser.parse_args(arguments)
    known = {name.replace(",", ""): name for name in SETS}
    unknown = set(options.sets.split(",")) - set(known)
    if unknown:
        parser.error(f"no data set {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    warnings.simplefilter("ignore", ConvergenceWarning)
    found = []
    for name in options.sets.split(","):
        found.append(compare(known[name], options.folds, options.rounds, options.max_iter, options.dtype))
        print(f"{name}: {found[-1].ratio:.2f}", file=sys.stderr)
    print(machine.aligned([HEADING, *(each.row() for each in found)]))
    mean = float(np.mean([each.ratio for each in found]))
    print(f"time in the mean: {mean:.2f} of scikit-learn's; the target is {TARGET:.2f} at most")
    ours, theirs = (sum(sum(each.seconds[who]) for each in found) for who in (0, 1))
    print(f"time of all together: {ours / theirs:.2f} of scikit-learn's")
    machine.write(machine.record([asdict(each) for each in found], "estimators", arguments), options.json)
    return int(any(each.worse for each in found) or mean > TARGET)


if __name__ == "__main__":
    sys.exit(main())
