"""Scripts as courses write them run unchanged, on NumPy and through DIYNN_BACKEND on PyTorch.

They were written for the purpose, in the styles counted over public solutions of the sheet: the first comment
of each says which. They are no examples of good style, and the linters leave them alone.
"""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.backends import find
from tests.conftest import CHOSEN

FOLDER = Path(__file__).parent / "course_scripts"
SCRIPTS = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".py", ".ipynb"))
LIBRARIES = ("numpy", "torch")

# Data of NumPy move to the net, also in a loop by hand. What the net returns is of its library, and PyTorch
# refuses nine functions of NumPy, which call the array's own method with `axis=None, out=None`: where scripts
# stop, and PyTorch's words. A tensor of a class of ours would take them, and each operation 13 µs for 2.5.
MEAN = "TypeError: mean()"
REFUSED = ("mean", "sum", "prod", "max", "min", "std", "var", "all", "any")
ON_NUMPY_ALONE = {
    "perte_maison.py": ("np.mean(CrossEntropyLoss().forward(ytest, proba))", MEAN),
    "xor_sequentiel.py": ("liste_couts.append(np.mean(cout))", MEAN),
}

# A figure is shown where nobody sees it: matplotlib says so.
QUIETLY = ["-W", "error", "-W", "ignore:FigureCanvasAgg is non-interactive"]


def pytest_generate_tests(metafunc):
    if "library" not in metafunc.fixturenames:
        return
    cases = []
    for library in metafunc.config.stash[CHOSEN]:
        if library in LIBRARIES:
            missing = find(library)[1]
            marks = [pytest.mark.skip(reason=missing)] if missing else []
            cases += [pytest.param(name, library, marks=marks, id=f"{name}-{library}") for name in SCRIPTS]
    metafunc.parametrize(("script", "library"), cases)


def test_a_script_runs_unchanged(script, library, tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    result = run(program(script, tmp_path), library, tmp_path)
    if library != "numpy" and script in ON_NUMPY_ALONE:  # one that runs has no place there
        line, words = ON_NUMPY_ALONE[script]
        assert result.returncode == 1
        assert line in result.stderr
        assert words in result.stderr
        return
    assert result.returncode == 0, result.stderr


def test_a_seed_makes_a_script_repeatable(tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    script = program("digits_crossentropy.py", tmp_path)  # it draws weights and order, and prints its costs
    first, second = (run(script, "numpy", tmp_path).stdout for _ in range(2))
    assert "loss" in first
    assert first == second


def test_more_than_twenty_scripts_run_on_both_and_two_stay_on_numpy():
    assert sum(name.endswith(".ipynb") for name in SCRIPTS) == 2
    assert ON_NUMPY_ALONE.keys() <= set(SCRIPTS)
    assert len(ON_NUMPY_ALONE) == 2
    assert len(SCRIPTS) - len(ON_NUMPY_ALONE) == 23


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_pytorch_that_refuses(name):
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError):
        getattr(np, name)(torch.ones(3))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_says_its_style_and_ends_by_checking_what_it_shows(script, tmp_path):
    text = program(script, tmp_path).read_text(encoding="utf-8")
    assert re.match("# Style ?: ", text)
    assert isinstance(ast.parse(text).body[-1], ast.Assert)


def program(script, folder):
    """Return the path of a program that is the script, or the code cells of the notebook in their order."""
    path = FOLDER / script
    if path.suffix == ".py":
        return path
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    code = re.sub("^%.*$", "", code, flags=re.MULTILINE)  # such as `%matplotlib inline`: no Python
    path = folder / f"{path.stem}.py"
    path.write_text(code, encoding="utf-8")
    return path


def run(path, library, folder):
    """Run a program in a folder of its own, with nothing but the environment to say which library is used."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",  # PyTorch among other processes
        "DIYNN_BACKEND": library,
        "MPLBACKEND": "Agg",
        "PYTHONPATH": str(FOLDER.parent.parent),
        "PYTHONIOENCODING": "utf-8",
    }
    if library == "numpy":
        del environment["DIYNN_BACKEND"]
    warnings = QUIETLY if library == "numpy" else []  # elsewhere NumPy warns of how tensors are wrapped
    return subprocess.run(
        [sys.executable, *warnings, str(path)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
