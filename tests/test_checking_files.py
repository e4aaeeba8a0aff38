"""Classes of files and notebooks: which are found, their kinds, which statements are run."""

import json
from pathlib import Path

import pytest

from diynn.checking.contract.class_info import describe_class
from diynn.checking.contract.host import Host
from diynn.checking.contract.kinds import KINDS, Setup
from diynn.checking.contract.raised import CannotBuild
from diynn.checking.contract.recognise import recognise
from diynn.checking.files.building import Builder
from diynn.checking.files.define import Definitions
from diynn.checking.files.finding import Source, read
from diynn.checking.files.imports import ImportedFile
from diynn.checking.files.reading import Piece

SOLUTION = Path(__file__).parent / "zoo" / "files" / "solution.py"


def source(text, **siblings):
    def find(name, level):
        return ImportedFile(name, siblings[name], find) if name in siblings else None

    return Source("student.py", [Piece("student.py", text)], find)


def define(text, **siblings):
    return Definitions(source(text, **siblings)).run()


def build(cls, kind, setup):
    host = Host({cls.__name__: cls})
    instance = Builder(host, describe_class(cls), kind)(setup)
    return host._objects[instance.number], instance


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TanH", "Tanh"), ("Tanh", "Tanh"), ("Sigmoide", "Sigmoid"), ("SigmoidModule", "Sigmoid"),
        ("SoftMax", "Softmax"), ("Softmax", "Softmax"), ("LogSoftMax", "LogSoftmax"), ("Sequentiel",
        "Sequential"),
        ("MSE", "MSELoss"), ("MseLoss", "MSELoss"), ("BCE", "BCELoss"), ("BinaryCrossEntropyLoss", "BCELoss"),
        ("CELoss", "CrossEntropyLoss"), ("CrossEntropyLoss", "CrossEntropyLoss"), ("CELogSoftmax",
        "CrossEntropyLoss"),
        ("CrossEntropieCroisee", "CrossEntropyLoss"), ("LogSoftmaxCELoss", "CrossEntropyLoss"),
        ("Linear", "Linear"), ("MyLinear", "Linear"), ("LinearLayer", "Linear"), ("Linear2", "Linear"),
        ("Conv1d", "Conv1D"), ("MaxPool1d", "MaxPool1D"), ("ReLu", "ReLU"), ("Flatten", "Flatten"),
        ("Optim", "Optim"),
    ],
)  # fmt: skip
def test_classes_are_recognised_under_any_spelling(name, kind):
    found = recognise(name)
    assert found is not None
    assert found.name == kind


@pytest.mark.parametrize("name", ["Dataset", "Conv3D", "Module", "Loss", "AutoEncoder", "Dropout"])
def test_what_is_not_of_the_sheet_is_not_recognised(name):
    assert recognise(name) is None


@pytest.mark.parametrize(
    "arguments",
    ["k_size, chan_in, chan_out, stride=1", "kernel_size, in_channels, out_channels, strides",
     "k, c_in, c_out, s=1",
     "in_channels, out_channels, kernel_size, stride=1", "filter_size, input_chan, filters, pas=1",
     "a, b, c, d", "a, b, c, stride=1, bias=True", "chan_out, chan_in, k_size, stride=1, init='random'"],
)  # fmt: skip
def test_constructors_get_their_arguments_under_any_name(arguments):
    names = [each.partition("=")[0].strip() for each in arguments.split(",")]
    body = "; ".join(f"self.{name} = {name}" for name in names)
    space = {}
    exec(f"class Conv:\n    def __init__(self, {arguments}):\n        {body}", space)
    made, _ = build(space["Conv"], KINDS["Conv1D"], KINDS["Conv1D"].setups[0])  # k 3, 2 channels in, 4 out
    values = list(vars(made).values())
    first = {"in_channels": [2, 4, 3, 1], "chan_out": [4, 2, 3, 1]}.get(names[0], [3, 2, 4, 1])
    assert values[:4] == first


def test_a_convolution_without_stride_is_built_for_stride_1_alone():
    class Conv1D:
        def __init__(self, k_size, chan_in, chan_out):
            self.k_size = k_size

    arguments = {"k_size": 3, "chan_in": 2, "chan_out": 4}
    assert build(Conv1D, KINDS["Conv1D"], Setup({**arguments, "stride": 1}, (2, 6, 2)))[0].k_size == 3
    with pytest.raises(CannotBuild, match="no_stride"):
        build(Conv1D, KINDS["Conv1D"], Setup({**arguments, "stride": 2}, (2, 6, 2)))


# ---------------------------------------------------------------- what is taken


def test_the_classes_of_a_solution_are_found_and_its_training_is_not_run():
    solution = read(SOLUTION)
    assert solution.classes() == [
        "MSELoss", "BCELoss", "CELoss", "CELogSoftmax", "Linear", "TanH", "Sigmoide", "ReLU", "Softmax",
        "LogSoftMax", "Conv1D", "MaxPool1D", "Flatten", "Sequentiel", "Optim",
    ]  # fmt: skip
    definitions = Definitions(solution).run()  # the file ends with an endless loop
    assert not definitions.errors
    assert "net" not in definitions.names
    assert {"EPS", "CLIP", "fenetres"} <= set(definitions.names)


def test_constants_and_helpers_are_taken_as_far_as_they_are_needed():
    kept = define(
        "import numpy as np\nSMALL = 1e-3\nEPS = SMALL ** 2\nTABLE = np.arange(3) * 2\nUNUSED = 1 / 0\n"
        "data = np.load('digits.npy')\nprint(1 / 0)\n"
        "def helper(x): return x + EPS + TABLE[0]\n"
        "class Tanh:\n    def forward(self, X): return helper(X)\n"
        "    def backward_delta(self, x, d): return d\n"
    )
    assert kept.names["Tanh"]().forward(1.0) == 1.0 + 1e-6
    assert not {"UNUSED", "data"} & set(kept.names)


def test_what_is_only_for_the_script_is_not_run():
    kept = define(
        "EPS = 1\nclass Tanh:\n    def forward(self, X): return EPS\n"
        "if __name__ == '__main__':\n    EPS = 2\n    class ReLU: pass\n    while True: pass\n"
    )
    assert kept.names["Tanh"]().forward(0) == 1
    assert "ReLU" in kept.names  # also classes inside functions


def test_a_name_that_no_line_run_defines_is_told():
    assert source(
        "import numpy as np\ndata = np.load('x')\nEPS = 0.5\n"
        "class Tanh:\n    def forward(self, x): return data + EPS\n"
    ).not_run() == {"data": 2}


@pytest.mark.parametrize(
    "line",
    ["from module import Module, Loss", "from projet_etu import *", "import projet_etu as pe",
    "from .mltools import Module",
     "from src.neural.module import Module", "import module", ""],
)  # fmt: skip
def test_the_skeleton_is_provided_where_it_cannot_be_imported(line):
    base = {"import projet_etu as pe": "pe.Module", "import module": "module.Module"}.get(line, "Module")
    found = define(f"{line}\nclass Tanh({base}):\n    def forward(self, X): return X\n")
    assert not found.errors
    assert found.names["Tanh"]()._parameters is None
    found.names["Tanh"]().zero_grad()


def test_a_file_beside_is_imported_by_its_definitions_alone():
    found = define(
        "from base import Module, EPS\nclass Tanh(Module):\n    def forward(self, X): return EPS\n",
        base="EPS = 0.5\nclass Module:\n    mine = True\nwhile True: pass\n",
    )
    assert found.names["Tanh"].mine
    assert found.names["Tanh"]().forward(0) == 0.5


def test_files_that_import_one_another_end():
    found = define(
        "from a import X\nclass Tanh(X): pass\n", a="from b import *\nclass X: pass", b="from a import *"
    )
    assert not found.errors


def test_what_cannot_be_imported_says_so_when_it_is_used():
    found = define("from nowhere import special\nclass Tanh:\n    def forward(self, X): return special(X)\n")
    with pytest.raises(ImportError, match="special could not be imported from nowhere"):
        found.names["Tanh"]().forward(0)


def test_a_class_that_cannot_be_defined_leaves_the_others():
    found = define("class Tanh(1 / 0): pass\nclass ReLU: pass\n")
    assert set(found.errors) == {"Tanh"}
    assert "ReLU" in found.names


def test_a_class_defined_again_counts_once_as_it_is_last():
    twice = source("class Tanh:\n    forward = 1\nclass Tanh:\n    forward = 2\n")
    assert twice.classes() == ["Tanh"]
    assert Definitions(twice).run().names["Tanh"].forward == 2
    assert twice.place("Tanh") == "student.py:3"


def test_abstract_bases_and_other_classes_are_not_judged():
    assert source(
        "class Module:\n    def forward(self): pass\n    def backward_delta(self): pass\n"
        "class Activation(Module):\n    def forward(self): pass\n"
        "class Swish(Activation):\n    def forward(self): return 1\n    def backward_delta(self): return 2\n"
        "class Dataset:\n    def load(self): pass\n"
    ).classes() == ["Swish"]


# ---------------------------------------------------------------- notebooks


def notebook(path, *cells):
    cells = [{"cell_type": "code", "source": cell} for cell in cells]
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": "# Titre"}, *cells]}))
    return path


def test_a_notebook_is_read_without_its_magics(tmp_path):
    found = read(
        notebook(
            tmp_path / "n.ipynb",
            "%matplotlib inline\n!pip install numpy\nimport numpy as np\n",
            [
                "%%time\n",
                "class Tanh(Module):\n",
                "    def forward(self, X):\n",
                "        return np.tanh(X)\n",
            ],
            "%%bash\nrm -rf nothing\n",
            "np.tanh?\nfor i in range(3):\n    %time print(i)\n",
            "class ReLU(Module)\n    pass\n",
        )
    )
    assert found.classes() == ["Tanh"]
    assert [problem.line for problem in found.problems] == ["n.ipynb[6]:1"]
    assert found.place("Tanh") == "n.ipynb[3]:2"
    assert Definitions(found).run().names["Tanh"]().forward(0.0) == 0.0


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"cells": 3}', '"text"'])
def test_what_is_no_notebook_is_refused(tmp_path, text):
    path = tmp_path / "n.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        read(path)


@pytest.mark.parametrize("text", ["class Tanh(:\n", "\x00", "(" * 5000])
def test_what_is_no_python_is_a_problem_and_not_an_error(text):
    bad = source(text)
    assert bad.classes() == []
    assert len(bad.problems) == 1
