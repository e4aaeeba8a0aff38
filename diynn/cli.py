"""The command ``diynn``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from diynn.checking.course.command import register
from diynn.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="diynn", description="Small neural networks that can be read.")
    parser.add_argument("--version", action="version", version=f"diynn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="train a network of the course sheet on handwritten digits")
    demo.add_argument("--net", choices=["conv", "mlp", "autoencoder"], default="conv", help="default: conv")
    demo.add_argument("--backend", help="numpy, cupy, torch, jax, ... (default: DIYNN_BACKEND, or numpy)")
    demo.add_argument("--dtype", default="float32", help="default: float32")
    demo.add_argument(
        "--epochs", type=partial(_integer, least=1), help="passes over the data (default: the net's own)"
    )
    demo.add_argument("--seed", type=partial(_integer, least=0), default=0, help="default: 0")
    demo.add_argument("--out", default="demo", metavar="DIR", help="where the figures go (default: demo)")
    demo.set_defaults(func=_demo)

    register(commands)

    options = parser.parse_args(arguments)
    try:
        status: int = options.func(options)
    except (ImportError, ValueError, OSError) as error:
        print(f"diynn: {error}", file=sys.stderr)
        return 2
    return status


def _demo(options: argparse.Namespace) -> int:
    from diynn.demo import run

    run(
        options.net,
        backend=options.backend,
        dtype=options.dtype,
        epochs=options.epochs,
        seed=options.seed,
        out=options.out,
    )
    return 0


def _integer(word: str, least: int) -> int:
    try:
        number = int(word)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"must be an integer, {least} or more, got {word!r}")
    return number
