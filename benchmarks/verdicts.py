"""What the figures are to show, and whether they do: targets and measured values, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp, inf, log
from typing import TypeAlias

from contenders import CONTENDERS
from harness import Cell, Figure


@dataclass(frozen=True)
class Verdict:
    """A target, what was measured, and whether it holds; None where it was not measured."""

    target: str
    measured: str
    holds: bool | None

    def __str__(self) -> str:
        word = {True: "holds", False: "FALLS SHORT", None: "not measured"}[self.holds]
        return f"{word:12}  {self.target}: {self.measured}"


# ------------------------------------------------------------------ ratios, None where something is missing

Ratio: TypeAlias = Callable[[Cell], float | None]


def quotient(above: str, below: str) -> Ratio:
    """Return the ratio of two contenders' medians."""

    def ratio(cell: Cell) -> float | None:
        if above not in cell.figures or below not in cell.figures:
            return None
        return cell.figures[above].median / cell.figures[below].median

    return ratio


def best_peer(cell: Cell, *, one_thread: bool = True) -> tuple[str, Figure] | None:
    """Return the label and the figure of the fastest of the other frameworks.

    Parameters
    ----------
    cell : Cell
    one_thread : bool
        Whether those count that were given one thread alone (``"torch@1"``).
    """
    peers = [
        (label, figure)
        for label, figure in cell.figures.items()
        if CONTENDERS[label.partition("@")[0]].peer and (one_thread or "@" not in label)
    ]
    return min(peers, key=lambda peer: peer[1].median, default=None)


def lead(cell: Cell, *, one_thread: bool = True, who: str = "diynn") -> float | None:
    """Return how many times as fast as the best peer diynn is."""
    peer = best_peer(cell, one_thread=one_thread)
    return None if peer is None else quotient(peer[0], who)(cell)


def default_lead(cell: Cell, *, who: str = "diynn") -> float | None:
    """Return the same among peers on all threads, which is their own default."""
    return lead(cell, one_thread=False, who=who)


def over_floor(cell: Cell, *, who: str = "diynn") -> float | None:
    """Return diynn's time over that of the products, or of the copies where those take longer."""
    ratios = [quotient(who, name)(cell) for name in ("floor", "traffic") if name in cell.figures]
    return min((ratio for ratio in ratios if ratio is not None), default=None)


def choice(cell: Cell) -> float | None:
    """Return the time of diynn's own choice of execution over that of the better one."""
    ratios = [quotient("diynn", name)(cell) for name in ("diynn-serial", "diynn-threads")]
    return max((ratio for ratio in ratios if ratio is not None), default=None)


def of(who: str, ratio: Callable[..., float | None]) -> Ratio:
    """Return a ratio of diynn's as that of one of its ways of execution, such as ``"diynn-threads"``."""
    return partial(ratio, who=who)


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean."""
    return exp(sum(map(log, values)) / len(values))


# ------------------------------------------------------------------ judging


def every(
    target: str, cells: Sequence[Cell], ratio: Ratio, *, least: float = 0, most: float = inf
) -> Verdict:
    """Judge a target that every cell is to reach: a ratio within bounds."""
    found = {f"{cell.workload}/{cell.batch}": value for cell in cells if (value := ratio(cell)) is not None}
    if not found:
        return Verdict(target, "-", None)
    short = {name: value for name, value in found.items() if not least <= value <= most}
    worst = min(found.values()) if most == inf else max(found.values())
    words = f"{len(found) - len(short)} of {len(found)}, the worst {worst:.2f}"
    if short:
        words += "; short: " + ", ".join(f"{name} {value:.2f}" for name, value in short.items())
    return Verdict(target, words, not short)


def mean(target: str, cells: Sequence[Cell], ratio: Ratio, least: float) -> Verdict:
    """Judge a target for the geometric mean over cells."""
    found = [value for cell in cells if (value := ratio(cell)) is not None]
    if not found:
        return Verdict(target, "-", None)
    value = geometric_mean(found)
    return Verdict(target, f"{value:.2f} over {len(found)} cells", value >= least)


def on_cpu(cells: Sequence[Cell], threads: int, differences: dict[str, tuple[float, float]]) -> list[Verdict]:
    """Judge a run on the CPU.

    Parameters
    ----------
    cells : list of Cell
    threads : int
        That everybody had whose label says nothing else.
    differences : dict of str to (float, float)
        By dtype, how far a split batch is from one in one piece, as :mod:`equality` measures it.
    """
    batched = [cell for cell in cells if cell.batch >= 8]
    single = [cell for cell in cells if cell.batch == 1]
    encoder = [cell for cell in cells if cell.workload == "a"]
    large = [cell for cell in encoder if cell.batch >= 512]
    largest = [cell for cell in encoder if cell.batch >= 2048]
    return [
        *_against_peers("diynn", batched, large, largest, threads),
        *(
            every(f"batch 1: {name} takes twice diynn's time", single, quotient(name, "diynn"), least=2)
            for name in ("torch", "torch-compile", "sklearn")
        ),
        every("batch 1: within 1.5 of jax", single, quotient("diynn", "jax"), most=1.5),
        every(
            "a, batch 64: within 1.1 of the same step by hand",
            encoder,
            quotient("diynn", "byhand@1"),
            most=1.1,
        ),
        every("the default within 1.1 of serial and of threads", cells, choice, most=1.1),
        *(_equal(dtype, differences.get(dtype), most) for dtype, most in _EQUAL.items()),
    ]


def _against_peers(
    who: str, batched: Sequence[Cell], large: Sequence[Cell], largest: Sequence[Cell], threads: int
) -> list[Verdict]:
    """Judge one of diynn's ways of execution against the peers, the floor and itself on one thread."""
    better = " (all or one, whichever is faster)"
    leads = ((f" on {threads} threads", of(who, default_lead)), (better, of(who, lead)))
    return [
        *(
            every(f"{who}, batch ≥ 8: as fast as the best peer{how}", batched, ratio, least=1)
            for how, ratio in leads
        ),
        *(
            mean(f"{who}, batch ≥ 8: 1.3 times as fast in the geometric mean{how}", batched, ratio, 1.3)
            for how, ratio in leads
        ),
        every(
            f"{who}, a, batch ≥ 512: within 1.6 of the floor, {threads} threads",
            large,
            of(who, over_floor),
            most=1.6,
        ),
        every(
            f"{who}, a, batch ≥ 2048: {threads} threads are 1.7 times as fast as one",
            largest,
            quotient("diynn@1", who),
            least=1.7,
        ),
    ]


_EQUAL = {"float32": 1e-6, "float64": 1e-13}


def _equal(dtype: str, difference: tuple[float, float] | None, most: float) -> Verdict:
    target = f"threads equal serial within {most:.0e} in {dtype}"
    if difference is None:
        return Verdict(target, "-", None)
    whole, worst = difference
    return Verdict(
        target, f"{whole:.1e} of the whole gradient, {worst:.1e} of the worst array", whole <= most
    )


def on_gpu(cells: Sequence[Cell]) -> list[Verdict]:
    """Judge a run on a GPU."""
    ends: dict[str, int] = {}
    for cell in cells:
        ends[cell.workload] = max(cell.batch, ends.get(cell.workload, 0))
    largest = [cell for cell in cells if cell.batch == ends[cell.workload]]
    peers = [(name, quotient(name, "diynn")) for name in ("torch-compile", "jax")]
    return [
        every("as fast as torch", cells, quotient("torch", "diynn"), least=1),
        *(mean(f"as fast as {name} in the geometric mean", cells, ratio, 1) for name, ratio in peers),
        every("the largest batch: within 1.5 of the floor", largest, over_floor, most=1.5),
    ]


def break_even(cells: Sequence[Cell], workload: str) -> int | None:
    """Return the smallest batch from which on diynn is faster on the GPU than on NumPy, or None."""
    found = None
    for cell in sorted(cells, key=lambda cell: -cell.batch):
        if cell.workload == workload:
            ratio = quotient("diynn-numpy", "diynn")(cell)
            if ratio is None or ratio < 1:
                break
            found = cell.batch
    return found
