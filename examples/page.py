"""What the pages share: their options, and how they show and keep a figure or a table."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from cycler import cycler
from matplotlib import pyplot
from PIL import Image

import diynn
from diynn.plots.canvas import PALETTE


class Page:
    """The options of one page, and where its results go.

    A page is run as a script, ``python examples/01_linear_regression.py --full``, or as a notebook, which
    takes its options from the environment variable ``PAGE_OPTIONS``.

    Parameters
    ----------
    name : str
        Of the page, such as ``"01"``: what it writes begins with it.
    studies : sequence of str
        What the page can do, where it has parts that run alone: named on the command line, all by default.

    Attributes
    ----------
    seed : int
        Where everything random begins.
    full : bool
        Whether to take the time that the results in the gallery took.
    where : dict
        The keywords ``backend`` and ``dtype`` of a layer.
    asarray, indices : callable
        Make an array on the backend: in the dtype of the layers, or as it is.
    """

    def __init__(self, name: str, studies: Sequence[str] = ()) -> None:
        parser = argparse.ArgumentParser()
        if studies:
            parser.add_argument("studies", nargs="*", metavar="study", help=f"of {', '.join(studies)}")
        parser.add_argument("--backend", default="numpy", help="numpy, cupy, torch, jax, ...")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--full", action="store_true", help="the run behind the gallery, not the quick one"
        )
        parser.add_argument("--out", type=Path, default=Path("results"), help="folder for what is written")
        notebook = "ipykernel" in sys.modules
        options = parser.parse_args(shlex.split(os.environ.get("PAGE_OPTIONS", "")) if notebook else None)
        unknown = set(getattr(options, "studies", ())) - set(studies)
        if unknown:
            parser.error(f"no study {', '.join(sorted(unknown))}; there are {', '.join(studies)}")
        self.name, self.notebook, self.seed, self.full = name, notebook, options.seed, options.full
        self.out: Path = options.out
        self.studies = list(getattr(options, "studies", ())) or list(studies)
        self.backend: str = options.backend
        self.where: dict[str, Any] = {"backend": options.backend, "dtype": "float32"}
        self.asarray = partial(diynn.asarray, backend=options.backend, dtype="float32")
        self.indices = partial(diynn.asarray, backend=options.backend)
        # pyplot's own colours are hard to tell apart for some readers.
        pyplot.rcParams["axes.prop_cycle"] = cycler(color=PALETTE)

    def __contains__(self, study: str) -> bool:
        return study in self.studies

    def choose(self, quick: Any, full: Any) -> Any:
        """Return the one of two settings that this run is for."""
        return full if self.full else quick

    def seeds(self, quick: int, full: int) -> range:
        """Return the seeds of a comparison."""
        return range(self.seed, self.seed + self.choose(quick, full))

    def save(self, drawn: Any, title: str) -> None:
        """Write the figure of axes, or a figure, as ``<page>_<title>.png``; a script closes it as well."""
        figure = getattr(drawn, "figure", drawn)
        path, buffer = self._path(title, "png"), BytesIO()
        figure.savefig(buffer, dpi=100)
        # 256 colours are enough for a figure, and keep it small.
        Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
        print(f"wrote {path}")
        if not self.notebook:
            pyplot.close(figure)

    def table(
        self, title: str, header: Sequence[str], rows: Sequence[Sequence[object]], note: str = ""
    ) -> None:
        """Print a table, and write it as ``<page>_<title>.txt``."""
        lines = [list(map(str, row)) for row in [header, *rows]]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
            for line in lines
        ]
        text.insert(1, "  ".join("-" * width for width in widths))
        text += [note] * bool(note)
        print("\n".join(text))
        self._path(title, "txt").write_text("\n".join(text) + "\n", encoding="utf-8")

    def _path(self, title: str, kind: str) -> Path:
        self.out.mkdir(parents=True, exist_ok=True)
        return self.out / f"{self.name}_{title}.{kind}"


def spread(values: Sequence[float], form: str = ".3f") -> str:
    """Write the mean of several runs and their standard deviation, or the value of a single one."""
    mean = f"{np.mean(values):{form}}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values):{form}}"


def seeds(count: int) -> str:
    """Write a number of seeds."""
    return f"{count} seed{'s' * (count > 1)}"
