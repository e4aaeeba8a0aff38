"""A layer, a loss and a rule are one class and one case each: added to a copy of the tree, tested there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from tests.backends import find

ROOT = Path(__file__).parent.parent
#: What the page for newcomers shows: the class of a layer and its case, that of a rule and its case.
LAYER, LAYER_CASE, RULE, RULE_CASE = re.findall(
    r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL
)
LOSS = '''
class LogCoshLoss(Loss):
    """About the distance, half the squared one where it is small: Σ log cosh(s (ŷ - y)) / s."""

    per_example = pure = True

    def __init__(self, sharpness: float = 1.0) -> None:
        super().__init__()
        self.sharpness = positive_number("LogCoshLoss", "sharpness", sharpness)

    def check_arguments(self, y: Array, yhat: Array) -> None:
        """Raise unless both have one shape."""
        check_values(self, y, yhat)

    def forward(self, y: Array, yhat: Array) -> Array:
        """Return Σ log cosh(s (ŷ - y)) / s of each example."""
        self.check_arguments(y, yhat)
        xp = namespace(yhat)
        return sum_examples(xp.log(xp.cosh(self.sharpness * (yhat - _like(y, yhat)))) / self.sharpness)

    def backward(self, y: Array, yhat: Array) -> Array:
        """Return tanh(s (ŷ - y))."""
        self.check_arguments(y, yhat)
        return namespace(yhat).tanh(self.sharpness * (yhat - _like(y, yhat)))
'''
LOSS_CASE = """
    LossCase(
        diynn.LogCoshLoss(sharpness=0.5),
        values,
        torch=lambda y, yhat: (0.5 * (yhat - y)).cosh().log() / 0.5,
        wrong={"sharpness": POSITIVE},  # of a name that no argument had before
        # cosh(ln 3) = (3 + 1/3) / 2 and tanh(ln 3) = (9 - 1) / (9 + 1)
        value=[LossValue(y=[1, 0], yhat=[1 + 2 * LN3, 0], costs=[2 * (LN5 - LN3), 0], back=[4 / 5, 0])],
    ),
"""
IMPORTED = "from tests.wrong_values import POSITIVE\n"
PLACES = {
    "diynn/layers/activations.py": LAYER, "tests/cases/layers.py": LAYER_CASE,
    "diynn/losses.py": LOSS, "tests/cases/losses.py": LOSS_CASE,
    "diynn/rules.py": RULE, "tests/cases/rules.py": RULE_CASE,
}  # fmt: skip
#: One sign of each, and what takes its place.
FLIPPED = {
    "diynn/layers/activations.py": ("return delta / (square", "return -delta / (square"),
    "diynn/losses.py": ("return namespace(yhat).tanh(self", "return -namespace(yhat).tanh(self"),
    "diynn/rules.py": (
        "return eps * gradient / (namespace(value).sqrt(sq",
        "return -eps * gradient / (namespace(value).sqrt(sq",
    ),
}
FILES = [
    "contract", "values", "oracle", "optim", "wrong_inputs", "files", "lowering", "support_table",
    "architecture",
]  # fmt: skip
ASKED = "isru or logcosh or adagrad or is_public or every_public or public_names or the_page"


def put(text, added, name):
    """Return a file with something more: a class with its name in ``__all__``, or a case in the list."""
    if not name:
        text = text.replace("import diynn\n", f"import diynn\n{IMPORTED}", 1)
        return text.rstrip().removesuffix("]") + added + "]\n"
    return text.replace("__all__ = [", f'__all__ = ["{name}", ', 1) + "\n\n" + added


def copy(folder, *, flipped):
    """Write a copy of the tree with all three in it."""
    for name in ("diynn", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("pyproject.toml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, folder)
    for place, added in PLACES.items():
        file, kind = folder / place, re.match(r"\s*class (\w+)", added)
        text = put(file.read_text(encoding="utf-8"), added, kind and kind[1])
        if flipped and place in FLIPPED:
            assert text.count(FLIPPED[place][0]) == 1, f"{place} has {kind} already: take another example"
            text = text.replace(*FLIPPED[place])
        file.write_text(text, encoding="utf-8")


def start(folder):
    """Run the tests of the three in a copy, and write the table of what runs where there."""
    tests = " ".join(f"tests/test_{name}.py" for name in FILES)
    command = f"""{shlex.quote(sys.executable)} -m pytest -q -n0 -p no:cacheprovider {tests} -k '{ASKED}' \
        --backend numpy,strict --junitxml=report.xml; status=$?
        {shlex.quote(sys.executable)} -m tests.support_table report.xml && exit $status"""
    environment = {**os.environ, "PYTHONPATH": str(folder), "HYPOTHESIS_PROFILE": "mutation"}
    return subprocess.Popen(
        ["sh", "-c", command], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip


def outcomes(report):
    """Return in which files of tests each of the three was tested, and in which of them a test failed."""
    tested, failed = defaultdict(set), defaultdict(set)
    for test in ElementTree.parse(report).iter("testcase"):
        file = test.get("classname").rpartition(".test_")[2]
        for thing in RUN:
            if thing in test.get("name").lower() and test.find("skipped") is None:
                tested[thing].add(file)
                if test.find("failure") is not None or test.find("error") is not None:
                    failed[thing].add(file)
    return tested, failed


#: Where each is tested by what its case says, and where the tests see a sign.
RUN = {
    "isru": ({"contract", "values", "wrong_inputs", "files", "lowering"}, {"contract", "values"}),
    "logcosh": ({"contract", "values", "wrong_inputs", "lowering"}, {"contract", "values"}),
    "adagrad": ({"optim", "wrong_inputs", "lowering"}, {"optim"}),
}


def test_one_class_and_one_case_are_all_and_a_flipped_sign_is_seen(tmp_path):
    folders = {False: tmp_path / "right", True: tmp_path / "flipped"}
    for flipped, folder in folders.items():
        copy(folder, flipped=flipped)
    running = {flipped: start(folder) for flipped, folder in folders.items()}  # side by side
    for flipped, process in running.items():
        printed, _ = process.communicate(timeout=300)
        assert process.returncode == int(flipped), printed[-3000:]
        tested, failed = outcomes(folders[flipped] / "report.xml")
        for thing, (run, judging) in RUN.items():
            oracle = {"oracle"} if find("torch")[0] and thing != "adagrad" else set()
            assert tested[thing] == run | oracle
            assert failed[thing] == (judging | oracle if flipped else set())
        page = (folders[flipped] / "tests" / "README.md").read_text(encoding="utf-8")
        cell = "✗ 1 of 6" if flipped else "✓ 6"
        assert re.search(rf"\| `ISRU` \| {cell} \| not run \| {cell} \|", page)
