"""Files of code as students hand them in, and the commands that judge them."""

import argparse
import csv
import io
import os
import subprocess
import sys
from pathlib import Path

from diynn.checking.course.command import register
from diynn.checking.course.students import students_of

HEAD = "import os, sys, time\nimport numpy as np\nfrom module import Module\n"
TANH = (
    "class TanH(Module):\n    def forward(self, X):\n        return np.tanh(X)\n"
    "    def backward_delta(self, input, delta):\n        return delta * (1 - np.tanh(input) ** 2)\n"
)
WRONG = TANH.replace(" ** 2", "")
MSE = (
    "class MSELoss:\n    def forward(self, y, yhat):\n        assert y.shape == yhat.shape\n"
    "        return np.sum((y - yhat) ** 2, axis=1)\n    def backward(self, y, yhat):\n"
    "        assert y.shape == yhat.shape\n        return 2 * (yhat - y)\n"
)


def find(paths):
    """Return the files of paths, a folder being one student's, each with its topmost folder for imports."""
    return {file: top for student in students_of(paths, "one") for file, top in student.files.items()}


def hand_in(folder, **files):
    """Write a student's files; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.py").write_text(HEAD + content, encoding="utf-8")
    return folder


def run(*arguments):
    """Run ``diynn check`` in this process, in English and without a cache; return the exit status."""
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    chosen = parser.parse_args(["check", "--lang", "en", "--keep", "none", *map(str, arguments)])
    return chosen.func(chosen)


def command(folder, *arguments, environment=None, start=subprocess.run, **options):
    """Run ``diynn check`` in a process of its own, in a folder."""
    code = "import sys; from diynn.cli import main; sys.exit(main())"
    root = str(Path(__file__).parent.parent)
    whole = {**os.environ, "PYTHONPATH": root, **(environment or {})}
    return start(
        [sys.executable, "-c", code, "check", *map(str, arguments)], cwd=folder, env=whole,
        **({"capture_output": True, "check": False} if start is subprocess.run else {}), **options,
    )  # fmt: skip


def points_of(folder, *options, out):
    """Judge a folder; return the rows of its CSV by student."""
    run(folder, "--quiet", "--csv", out / "points.csv", *options)
    text = (out / "points.csv").read_text(encoding="utf-8-sig")
    return {row["student"]: row for row in csv.DictReader(io.StringIO(text))}
