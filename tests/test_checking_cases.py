"""Files as they are handed in: packages, encodings, notebooks, containers with modules of their own."""

import json

import pytest

from diynn.checking.files.grade import grade
from diynn.checking.reporting.results import Verdict
from tests.handed_in import find

METHODS = (
    "    def zero_grad(self): pass\n    def backward_update_gradient(self, input, delta): pass\n"
    "    def update_parameters(self, gradient_step=1e-3): pass\n"
)
MODULE = f"class Module:\n{METHODS}"
FORWARD = "    def forward(self, X):\n        return np.tanh(X)\n"
BACKWARD = "    def backward_delta(self, input, delta):\n        return delta * (1 - np.tanh(input) ** 2)\n"
TANH = "import numpy as np\nclass Tanh:\n" + METHODS + FORWARD + BACKWARD
LENGTH = TANH.count("\n")
INNER = "".join(f"    {line}\n" for line in TANH.splitlines())


def derived(head, base="Module"):
    return f"{head}\nclass Tanh({base}):\n{FORWARD}{BACKWARD}"


def notebook(*cells, old=False):
    made = [
        {"cell_type": "code", "metadata": {}, "outputs": [], ("input" if old else "source"): cell}
        for cell in cells
    ]
    if old:
        return json.dumps(
            {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": made}]}
        )
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


#: Files whose Tanh is right: it is found, defined and judged, and nothing is wrong with the file.
RIGHT = {
    "np through a star": {
        "act.py": derived("from base import *"),
        "base.py": "import numpy as np\n" + MODULE,
    },
    "a package by its name": {
        "mylib/act.py": derived("import numpy as np\nimport mylib.core", "mylib.core.Module"),
        "mylib/core.py": MODULE,
    },
    "relative imports from above": {
        "pkg/sub/act.py": "from ..helpers import ONE\n"
        + derived("import numpy as np\nfrom ..base import Module").replace("np.tanh(X)", "ONE * np.tanh(X)"),
        "pkg/base.py": MODULE,
        "pkg/helpers.py": "ONE = 1.0\n",
    },
    "a module of a package": {
        "pkg/sub/act.py": derived("import numpy as np\nfrom pkg import core", "core.Module"),
        "pkg/core.py": MODULE,
    },
    "a file called random": {
        "act.py": TANH.replace("np.tanh(X)", "np.tanh(X) + 0 * np.random.rand()"),
        "random.py": "x = 1 / 0\n",
    },
    "constants made of other constants": {
        "const.py": "import numpy as np\nMANY = [x for x in range(3)]\n"
        "W = np.array([float(i) for i in MANY])\n"
        "NAMES = {k: v for k, v in zip('ab', MANY)}\nONE = NAMES['b']\n"
        + TANH.replace("np.tanh(X)", "ONE * W[1] * np.tanh(X)")
    },
    "a class for the script alone": {"main.py": f"if __name__ == '__main__':\n{INNER}    while True: pass\n"},
    "a class made by a function": {"made.py": f"def make():\n{INNER}    return Tanh\nTanh = make()\n"},
    "a class in a class": {"outer.py": "import numpy as np\nclass Layers:\n" + INNER.partition("\n")[2]},
    "lines that end the program": {"exits.py": "import sys\nsys.exit(3)\n" + TANH + "quit()\ninput('x')\n"},
    "modules that are not installed": {
        "missing.py": "try:\n    import torch_xyz\nexcept ImportError:\n    torch_xyz = None\n"
        "import keras_xyz.datasets.mnist as mnist\nfrom tensorflow_xyz.keras import layers\n"
        "(x_train, _), _ = mnist.load_data()\n" + TANH
    },
    "a dataclass": {
        "d.py": "from dataclasses import dataclass\n" + TANH.replace("class Tanh", "@dataclass\nclass Tanh")
    },
    "defined twice": {"dup.py": TANH.replace("(1 -", "(2 -") + TANH},
    "tabs": {"tabs.py": TANH.replace("    ", "\t")},
    "Windows lines": {"crlf.py": TANH.replace("\n", "\r\n").encode()},
    "a mark of UTF-8": {"bom.py": b"\xef\xbb\xbf" + TANH.encode()},
    "latin-1 that says so": {"latin.py": ("# -*- coding: latin-1 -*-\n# réseau\n" + TANH).encode("latin-1")},
    "cp1252 that does not": {"old.py": ("# réseau à évaluer\n" + TANH).encode("cp1252")},
    "a format that continues": {"nb.ipynb": notebook("print('%d'\n      % 3)\n" + TANH)},
    "a modulo that continues": {"nb.ipynb": notebook("n = (17\n     % 5)\n" + TANH)},
    "the answer of a shell": {"nb.ipynb": notebook("files = !ls\n" + TANH)},
    "the answer of a magic": {"nb.ipynb": notebook("t = %timeit -o 1+1\n" + TANH)},
    "a shell line that continues": {"nb.ipynb": notebook("!pip install \\\n    numpy\n" + TANH)},
    "magics of every kind": {
        "nb.ipynb": notebook(
            "%matplotlib inline\n!pip install foo\nimport numpy as np",
            "%%time\n" + TANH,
            "%%bash\nls -l",
            "files = !ls\nx = %timeit -o 1+1",
            "Tanh?",
            "for i in range(3):\n    !echo {i}",
            "text = '''\n%no magic\n'''\ny = 5 \\\n  % 3\n!ls",
        )
    },
    "a cell that is written to a file": {"nb.ipynb": notebook("%%writefile tanh.py\n" + TANH)},
    "format 3": {"nb.ipynb": notebook(TANH, old=True)},
}

#: Files with errors: these are reported, and the rest is judged.
TOLD = {
    "a broken class": (
        {"bad.py": TANH + "\nclass Oops:\n    def f(self:\n        pass\n"},
        f"line bad.py:{LENGTH + 3} is not Python",
    ),
    "an empty class": ({"bad.py": "class Oops:\n\n\n" + TANH}, "line bad.py:1 is not Python"),
    "a broken cell": (
        {"nb.ipynb": notebook("def broken(:\n  pass", TANH)},
        "line nb.ipynb[1]:1 is not Python",
    ),
    "Python 2": ({"py2.py": 'print "bonjour"\n' + TANH}, "line py2.py:1 is Python 2"),
    "Python 2 by its exceptions": (
        {"py2.py": TANH + "try:\n    f()\nexcept ValueError, e:\n    pass\n"},
        f"line py2.py:{LENGTH + 3} is Python 2",
    ),
    "UTF-16": ({"u.py": TANH.encode("utf-16")}, "u.py is encoded in UTF-16"),
    "UTF-16 without a mark": ({"u.py": TANH.encode("utf-16-le")}, "u.py is encoded in UTF-16"),
    "null bytes": ({"nul.py": TANH.encode() + b"\0\0"}, "nul.py contains null bytes"),
}

#: Files without anything to judge.
NOTHING = {
    "no notebook": ({"n.ipynb": "{}"}, "no notebook: it has no cells"),
    "half a notebook": ({"n.ipynb": notebook(TANH)[:200]}, "cannot be read"),
    "too large": ({"n.py": "#" * (33 << 20)}, "cannot be read: 33 MB"),
}

LINEAR = """
import numpy as np


class Linear:
    def __init__(self, input, output):
        self._parameters = np.random.randn(input, output)
        self.zero_grad()

    def zero_grad(self):
        self._gradient = np.zeros_like(self._parameters)

    def forward(self, X):
        self._input = X
        return X @ self._parameters

    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta

    def backward_delta(self, input, delta):
        return delta @ self._parameters.T

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient
"""
NET = """
class Sequentiel:
    def __init__(self, modules):
        self.modules = modules

    def zero_grad(self):
        for m in self.modules:
            m.zero_grad()

    def forward(self, X):
        for m in self.modules:
            X = m.forward(X)
        return X

    def backward_update_gradient(self, input, delta):
        for m in reversed(self.modules):
            m.backward_update_gradient(m._input, delta)
            delta = m.backward_delta(m._input, delta)

    def update_parameters(self, gradient_step=1e-3):
        for m in self.modules:
            m.update_parameters(gradient_step)
"""
OPTIM = """
class Optim:
    def __init__(self, net, loss, eps=1e-3):
        self.net, self.loss, self.eps = net, loss, eps

    def step(self, x, y):
        out = self.net.forward(x)
        self.net.backward_update_gradient(x, self.loss.backward(y, out))
        self.net.update_parameters(self.eps)
"""
ZEROES = LINEAR.replace("* self._gradient\n", "* self._gradient\n        self.zero_grad()\n")
MSE = """
class MSELoss:
    def forward(self, y, yhat):
        return np.sum((y - yhat) ** 2, axis=1)

    def backward(self, y, yhat):
        return 2 * (yhat - y)
"""
LOOP = """
def SGD(optim, x, y):
    for epoch in range(10):
        optim.net.zero_grad()
        optim.step(x, y)
"""
ASSERTS = (
    MODULE
    + """
class Sequentiel(Module):
    def __init__(self, *modules):
        for m in modules:
            assert isinstance(m, Module)
        self.modules = modules

    def forward(self, x):
        for m in self.modules:
            x = m.forward(x)
        return x
"""
)
ALL_OUTPUTS = NET.replace(
    "        for m in self.modules:\n            X = m.forward(X)\n        return X\n",
    (
        "        outputs = []\n        for m in self.modules:\n"
        "            X = m.forward(X)\n            outputs.append(X)\n"
        "        return outputs\n"
    ),
)
OPTIM_ALL = OPTIM.replace("self.net.forward(x)", "self.net.forward(x)[-1]")
AS_CLASS = OPTIM.replace("net, loss, eps\n", "net, loss(), eps\n")
LOSS_FIRST = OPTIM.replace("net, loss, eps=1e-3", "loss, net, lr=1e-3").replace(
    "net, loss, eps\n", "net, loss, lr\n"
)

#: Containers, with the verdict on each class.
CONTAINERS = {
    "zero_grad within the update": (ZEROES + NET + OPTIM, {}),
    "zero_grad in the loop outside": (LINEAR + NET + OPTIM + LOOP, {"Optim": "zeroed_outside"}),
    "zero_grad nowhere": (LINEAR + NET + OPTIM, {"Optim": "net.not_zeroed"}),
    "modules of its own": ("import numpy as np\n" + ASSERTS, {}),
    "all outputs": (ZEROES + ALL_OUTPUTS + OPTIM_ALL, {}),
    "a loss as a class": (ZEROES + NET + MSE + AS_CLASS, {}),
    "a loss as a class, and none beside it": (ZEROES + NET + AS_CLASS, {}),
    "another order of arguments": (ZEROES + NET + LOSS_FIRST, {}),
    "the first layer forgotten": (
        ZEROES + NET.replace("reversed(self.modules)", "reversed(self.modules[1:])") + OPTIM,
        {"Sequentiel": "net.first_layer", "Optim": "net.first_layer"},
    ),
    "a wrong layer, and a right net": (
        ZEROES.replace("input.T @ delta", "2 * input.T @ delta") + NET + OPTIM,
        {"Linear": "any.constant"},
    ),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Judge all folders in one run; return the files of each with classes or problems."""
    top = tmp_path_factory.mktemp("cases")
    everything = RIGHT | {name: files for name, (files, _) in (TOLD | NOTHING).items()}
    everything |= {name: {"net.py": text} for name, (text, _) in CONTAINERS.items()}
    folders = {}
    for number, (name, files) in enumerate(everything.items()):
        folders[name] = top / str(number)
        for file, content in files.items():
            path = folders[name] / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = grade(find(folders.values()), workers=2)
    return {
        name: [each for each in found if folder in each.path.parents and not each.empty]
        for name, folder in folders.items()
    }


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_found_and_right(graded, name):
    (file,) = graded[name]
    assert not file.problems, file.problems[0].say("en")
    (report,) = file.reports
    assert report.name == "Tanh"
    assert report.ok, str(report)
    assert file.ok


@pytest.mark.parametrize("name", TOLD)
def test_what_is_wrong_is_told_and_the_rest_judged(graded, name):
    (file,) = graded[name]
    assert TOLD[name][1] in file.problems[0].say("en")
    assert len(file.problems) == 1
    assert [(report.name, report.ok) for report in file.reports] == [("Tanh", True)]
    assert not file.ok


@pytest.mark.parametrize("name", NOTHING)
def test_what_cannot_be_read_is_told(graded, name):
    (file,) = graded[name]
    assert NOTHING[name][1] in file.problems[0].say("en")
    assert not file.reports


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_are_tried_with_their_authors_own_modules(graded, name):
    (file,) = graded[name]
    told = {}
    for report in file.reports:
        assert report.judged, str(report)
        for result in report.results:
            if result.verdict in (Verdict.FAILED, Verdict.REMARK) and result.property.startswith("net") | (
                result.verdict is Verdict.FAILED
            ):
                told.setdefault(report.name, result.mistake or result.message)
    assert told == CONTAINERS[name][1]
